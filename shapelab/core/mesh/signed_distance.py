"""How far the surface of one shape lies outside or inside that of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import Cancelled, MeshError
from shapelab.core.mesh.tri_mesh import TriMesh

# Of the surface's longest extent; a point's nearest triangle has one of the NEAREST samples to it:
# those of a flat surface all lie around its foot, and where many are as near, all are as far.
SAMPLES_A_SIDE, NEAREST = 32, 24
CHUNK = 4096  # points between two questions whether to stop
TIE = 1e-5  # sides of the grid: two triangles as near as that meet in an edge or corner

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """How far one surface lies from another, weighted by area; in the unit of its vertices.

    Attributes:
        mean: Of the distances, whichever side.
        farthest: The largest one.
    """

    mean: float
    farthest: float


def signed_distances(
    points: NDArray[np.floating],
    mesh: TriMesh,
    cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """The distances (n,) of points (n, 3) from a closed surface: above 0 outside, below inside.

    Args:
        points: anywhere.
        mesh: closed and wound outwards; its triangles may be of any size.
        cancelled: asked now and then, for a thread.

    Raises:
        MeshError: the mesh has no triangle.
        Cancelled: that was the answer.
    """
    if mesh.is_empty:
        raise MeshError("There is no surface to measure from.")
    surface = _Surface(mesh)
    distances = np.zeros(len(points), np.float32)
    for start in range(0, len(points), CHUNK):
        if cancelled():
            raise Cancelled("The comparison was given up.")
        part = slice(start, start + CHUNK)
        distances[part] = surface.distances(np.asarray(points[part], np.float64))
    return distances


def difference(mesh: TriMesh, distances: NDArray[np.floating]) -> Difference:
    """Sums up the distances (n,) of a mesh's vertices."""
    a, b, c = mesh.vertices.astype(np.float64)[mesh.faces].transpose(1, 0, 2)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    away = np.abs(distances)
    mean = float((away[mesh.faces].mean(1) * areas).sum() / max(areas.sum(), 1e-30))
    return Difference(mean, float(away.max(initial=0.0)))


class _Surface:
    """The triangles of a mesh, to be found by samples that lie close on each of them."""

    def __init__(self, mesh: TriMesh) -> None:
        from scipy.spatial import KDTree

        self._corners = mesh.vertices.astype(np.float64)[mesh.faces]  # (m, 3, 3)
        a, b, c = self._corners.transpose(1, 0, 2)
        normals = np.cross(b - a, c - a)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        self._normals = normals / np.where(length > 0, length, 1.0)
        spacing = float(mesh.extents.max()) / SAMPLES_A_SIDE
        places, owners = zip(*_samples(self._corners, spacing), strict=True)
        self._owners = np.concatenate(owners)
        self._tree = KDTree(np.concatenate(places))

    def distances(self, points: Points) -> Points:
        number = min(NEAREST, len(self._owners))
        which = self._tree.query(points, number)[1].reshape(len(points), number)
        return self._to_triangles(points, self._owners[which])

    def _to_triangles(self, points: Points, triangles: NDArray[np.intp]) -> Points:
        """Signed distances (n,) from the nearest of the triangles (n, k) of each point."""
        count, each = triangles.shape
        flat = triangles.ravel()
        origin = np.repeat(points, each, axis=0)
        away = origin - _closest(origin, self._corners[flat])
        far = np.linalg.norm(away, axis=1).reshape(count, each)
        height = (away * self._normals[flat]).sum(1).reshape(count, each)
        nearest = far.min(1)
        # On an edge the triangle counts that the point sees most steeply: the others may be seen
        # from behind.
        steep = np.where(far <= nearest[:, None] + TIE, np.abs(height), -1.0).argmax(1)
        side = np.sign(height[np.arange(count), steep])
        return nearest * np.where(side == 0, 1.0, side)


def _samples(corners: Points, spacing: float) -> Iterator[tuple[Points, NDArray[np.intp]]]:
    """Points (s, 3) on triangles (m, 3, 3) and whose they are; each has one within the spacing."""
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    parts = np.maximum(np.ceil(sides / spacing), 1).astype(np.intp)
    for count in np.unique(parts):
        owners = np.flatnonzero(parts == count)
        # The middles of the small triangles that so many cuts of each side make.
        i, j = (index.ravel() for index in np.indices((count, count)))
        up, down = i + j < count, i + j < count - 1
        first = np.concatenate([i[up] + 1 / 3, i[down] + 2 / 3]) / count
        second = np.concatenate([j[up] + 1 / 3, j[down] + 2 / 3]) / count
        shares = np.stack([1 - first - second, first, second], 1)  # (s, 3)
        places = np.einsum("sk,mkd->msd", shares, corners[owners])
        yield places.reshape(-1, 3), np.repeat(owners, len(shares))


def _closest(points: Points, corners: Points) -> Points:
    """The points (n, 3) of triangles (n, 3, 3) that are nearest to points (n, 3).

    Ericson, Real-Time Collision Detection, 5.1.5: by the regions of corners, edges and the face.
    """
    a, b, c = corners.transpose(1, 0, 2)
    ab, ac = b - a, c - a
    d1, d2 = _dot(ab, points - a), _dot(ac, points - a)
    d3, d4 = _dot(ab, points - b), _dot(ac, points - b)
    d5, d6 = _dot(ab, points - c), _dot(ac, points - c)
    vc, vb, va = d1 * d4 - d3 * d2, d5 * d2 - d1 * d6, d3 * d6 - d5 * d4
    total = va + vb + vc
    safe = np.where(total > 0, total, 1.0)
    v, w = vb / safe, vc / safe  # within the face
    at_bc = (va <= 0) & (d4 - d3 >= 0) & (d5 - d6 >= 0)
    share = _ratio(d4 - d3, d4 - d3 + d5 - d6)
    v, w = np.where(at_bc, 1 - share, v), np.where(at_bc, share, w)
    at_ac = (vb <= 0) & (d2 >= 0) & (d6 <= 0)
    v, w = np.where(at_ac, 0.0, v), np.where(at_ac, _ratio(d2, d2 - d6), w)
    at_ab = (vc <= 0) & (d1 >= 0) & (d3 <= 0)
    v, w = np.where(at_ab, _ratio(d1, d1 - d3), v), np.where(at_ab, 0.0, w)
    for corner, shares in (
        ((d6 >= 0) & (d5 <= d6), (0.0, 1.0)),
        ((d3 >= 0) & (d4 <= d3), (1.0, 0.0)),
        ((d1 <= 0) & (d2 <= 0), (0.0, 0.0)),
    ):
        v, w = np.where(corner, shares[0], v), np.where(corner, shares[1], w)
    nearest: Points = a + v[:, None] * ab + w[:, None] * ac
    return nearest


def _dot(a: Points, b: Points) -> Points:
    product: Points = np.einsum("nd,nd->n", a, b)
    return product


def _ratio(share: Points, whole: Points) -> Points:
    quotient: Points = share / np.where(whole != 0, whole, 1.0)
    return quotient
