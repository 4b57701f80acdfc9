"""The one mesh type that the viewport, the checks and the files share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def _no_faces() -> NDArray[np.int32]:
    return np.zeros((0, 3), np.int32)


@dataclass(frozen=True, eq=False)
class Shading:
    """How a mesh with sharp edges is drawn: a vertex on an edge once for each of its sides.

    Attributes:
        owners: (k,) int32, the vertex of the mesh that each drawn one is.
        normals: (k, 3) float32 unit vectors.
        faces: (m, 3) int32 indices into the drawn vertices, in the order of the mesh's.
    """

    owners: NDArray[np.int32]
    normals: NDArray[np.float32]
    faces: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class TriMesh:
    """A triangle mesh, wound outwards, z up.

    Attributes:
        vertices: (n, 3) float32; sides of the grid from `surface`, millimetres from `finish`.
        faces: (m, 3) int32 indices into the vertices.
        normals: (n, 3) float32 unit vectors for shading, or None.
        loose: (m,) whether a face is of a part beside the largest, to tint it; None if none is.
        shading: where its edges are sharp; else it is drawn as it is.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32] = field(default_factory=_no_faces)
    normals: NDArray[np.float32] | None = None
    loose: NDArray[np.bool_] | None = None
    shading: Shading | None = None

    @property
    def volume(self) -> float:
        """The signed volume: positive if closed and wound outwards."""
        if self.is_empty:
            return 0.0
        shells = np.zeros(len(self.faces), np.int32)
        return float(shell_volumes(self.vertices, self.faces, shells)[0])

    @property
    def extents(self) -> NDArray[np.float64]:
        """The sizes along x, y and z, (3,)."""
        if not len(self.vertices):
            return np.zeros(3)
        vertices = self.vertices.astype(np.float64)
        return vertices.max(axis=0) - vertices.min(axis=0)

    @property
    def is_empty(self) -> bool:
        """True without a single triangle."""
        return not len(self.faces)

    def met_by(
        self, start: NDArray[np.floating], way: NDArray[np.floating]
    ) -> NDArray[np.float64] | None:
        """The first point (3,) of a ray on the front of a triangle (Moeller and Trumbore 1997)."""
        a, b, c = self.vertices.astype(np.float64)[self.faces].transpose(1, 0, 2)
        first, second, away = b - a, c - a, start - a
        side = np.cross(way, second)
        facing = (first * side).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (away * side).sum(1) / facing
            across = np.cross(away, first)
            v = across @ way / facing
            far = (second * across).sum(1) / facing
            met = (facing > 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (far > 0)
        return start + far[met].min() * way if met.any() else None


def merged(mesh: TriMesh) -> TriMesh:
    """The mesh with one vertex a position and none unused, as a slicer sees it; no normals."""
    # Adding 0.0 turns -0.0 into 0.0, so that equal positions have equal bits.
    vertices = np.ascontiguousarray(mesh.vertices + np.float32(0.0))
    distinct, place = unique_rows(vertices.view(np.int32))
    corners = place[mesh.faces.ravel()]
    # Numbered by first use, so that what is near in space stays near in the file.
    used, first, inverse = np.unique(corners, return_index=True, return_inverse=True)
    by_use = np.argsort(first)
    rank = np.zeros_like(by_use)
    rank[by_use] = np.arange(len(by_use))
    faces = rank[inverse].reshape(-1, 3).astype(np.int32)
    return TriMesh(distinct.view(np.float32)[used[by_use]], faces)


def unique_rows(rows: NDArray[Number]) -> tuple[NDArray[Number], NDArray[np.int64]]:
    """The distinct rows, sorted by their last column first, and for each row which of them it is.

    Much faster than `np.unique(rows, axis=0, return_inverse=True)`, which compares bytes.
    """
    order = np.lexsort(rows.T)
    ranked = rows[order]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    place = np.zeros(len(rows), np.int64)
    place[order] = np.cumsum(new) - 1
    return ranked[new], place


def vertex_normals(mesh: TriMesh) -> NDArray[np.float32]:
    """Unit normals (n, 3), the mean of the faces around each vertex weighted by area."""
    a, b, c = mesh.vertices.astype(np.float64)[mesh.faces].transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    total = np.zeros((len(mesh.vertices), 3))
    for corner in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(
                mesh.faces[:, corner], across[:, axis], minlength=len(total)
            )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    up = np.array([0.0, 0.0, 1.0])  # a vertex without a direction still needs a unit vector
    return np.where(length > 0, total / np.where(length > 0, length, 1.0), up).astype(np.float32)


def shell_of_faces(faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """The number (m,) of the shell, faces joined by shared vertices, that each face is in."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = faces[:, :2].ravel(), faces[:, 1:].ravel()
    vertices = int(faces.max()) + 1
    graph = coo_array((np.ones(2 * len(faces), np.int8), links), shape=(vertices, vertices))
    _, label = connected_components(graph, directed=False)
    shells: NDArray[np.int32] = label[faces[:, 0]]
    return shells


def shell_volumes(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], shells: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The signed volume of each closed shell."""
    # Around a vertex of each shell's own: a speck far from the middle would lose its digits.
    count = int(shells.max()) + 1
    anchors, owner = np.zeros(count, np.intp), np.zeros(len(vertices), np.intp)
    anchors[shells] = faces[:, 0]
    owner[faces] = shells[:, None]
    near = vertices.astype(np.float64) - vertices[anchors].astype(np.float64)[owner]
    # Column by column, several times faster than np.cross over (m, 3, 3).
    (ax, bx, cx), (ay, by, cy), (az, bz, cz) = (axis[faces.T] for axis in near.T.copy())
    spat = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return np.bincount(shells, spat / 6, count).astype(np.float64)
