"""Puts the surface of a grid where the shape that the grid was sampled from has its own.

Marching cubes cuts edges off. Where the true distance is known, planes that touch the true surface
say what is missing: each vertex goes to the point that lies nearest to those of its triangles, by
the quadric error of Garland and Heckbert (1997), as in the dual/primal optimisation of Ohtake and
Belyaev (2002).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh.tri_mesh import Shading

Points = NDArray[np.float32]  # (n, 3)
#: Signed distances (n,) of points (n, 3) to the true surface, in their unit, negative inside.
Distance = Callable[[Points], NDArray[np.float32]]

_STEP = 0.05  # cells, over which a slope is measured
_HOLD = 0.01  # how much the middle of a vertex's planes counts beside them
_REACH = 1.2  # cells that a vertex may be away from it
_BACK = np.array([0.5, 0.5, 0.5, 1.0], np.float32)  # of their way folded triangles go, in turn
_ASIDE = 0.25  # of the way from a vertex to the middle of its triangle, where its slope is asked
_STRANGE = 0.5  # a slope that is less like its triangle's normal is that of something beside it
_SAME, _SPREAD = 1e-3, 2**21  # cells that tell places apart, and places along a side
_FLAT, _BENT = 0.9995, 0.98  # evenness above which nothing moves, and below which an edge is


def sharpened(
    vertices: Points, faces: NDArray[np.int32], distance: Distance, cell: float
) -> Points:
    """The vertices (n, 3) of a closed mesh, moved onto the true surface, its edges and corners.

    Args:
        vertices: (n, 3), within about a cell of the true surface.
        faces: (m, 3).
        distance: to the true surface.
        cell: side of a cell of the grid, in the vertices' unit.

    Vertices that would fold the mesh or meet others stay where they are.
    """
    placed = vertices.copy()
    normals = _normals(vertices, faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    moving = _evenness(normals, faces, len(vertices)) < _FLAT
    for _ in range(2):  # in the first step an edge may lie where its triangles are still askew
        near = faces[moving[faces].any(1)]
        if len(near):
            places, even = _placed(placed, near, distance, cell)
            placed[moving] = places[moving]
            moving &= even < _BENT
    for share in _BACK:
        folded = (_normals(placed, faces) * _normals(vertices, faces)).sum(1) < 0
        if not folded.any():
            break
        back = np.unique(faces[folded])
        placed[back] += share * (vertices[back] - placed[back])
    met = _met(placed / np.float32(cell))
    placed[met] = vertices[met]
    return placed


def truly_shaded(
    vertices: Points, shading: Shading, distance: Distance, cell: float, sharp: float
) -> Shading:
    """The same with normals of the true surface where vertices are drawn once a side.

    A leg of two cells across has triangles that meet as steeply as at an edge. Each triangle there
    gets the slopes near its corners, and those of a vertex that are alike become one.

    Args:
        vertices: (n, 3) of the mesh.
        shading: of the mesh, by the angles of its triangles.
        distance: to the true surface.
        cell: side of a cell of the grid, in the vertices' unit.
        sharp: degrees between the sides of an edge.
    """
    split = np.bincount(shading.owners, minlength=len(vertices)) > 1
    owners = shading.owners[shading.faces]  # (m, 3)
    rows, columns = np.nonzero(split[owners])
    if not len(rows):
        return shading
    order = np.argsort(owners[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    own = owners[rows, columns]
    middles = vertices[owners[rows]].mean(1)
    _, slopes = slope(vertices[own] + _ASIDE * (middles - vertices[own]), distance, cell)
    flat = _normals(vertices, owners[rows])
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    strange = (slopes * flat).sum(1) < _STRANGE
    slopes[strange] = flat[strange]
    normals, least = slopes.copy(), np.cos(np.deg2rad(sharp))
    for apart in range(1, int(np.bincount(own).max())):  # pairs of triangles around a vertex
        first = np.flatnonzero(own[apart:] == own[:-apart])
        second = first + apart
        alike = (slopes[first] * slopes[second]).sum(1) > least
        first, second = first[alike], second[alike]
        normals[first] += slopes[second]  # each place is in it once
        normals[second] += slopes[first]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    faces = shading.faces.copy()
    faces[rows, columns] = len(shading.owners) + np.arange(len(rows), dtype=np.int32)
    drawn, faces = np.unique(faces, return_inverse=True)
    return Shading(
        np.concatenate([shading.owners, own])[drawn],
        np.concatenate([shading.normals, normals])[drawn],
        faces.reshape(-1, 3).astype(np.int32),
    )


def _normals(vertices: Points, faces: NDArray[np.int32]) -> Points:
    """Of all triangles (m, 3), as long as twice their areas."""
    first, second, third = (vertices[column] for column in faces.T)
    return np.cross(second - first, third - first).astype(np.float32)


def _met(places: Points) -> NDArray[np.bool_]:
    """Which points, in cells, lie where another one does: a surface must not touch itself."""
    met = np.zeros(len(places), bool)
    for shift in (0.0, 0.5):  # what a border of one rounding parts, the other joins
        x, y, z = np.floor(places.T / _SAME + shift).astype(np.int64)
        numbers = (x * _SPREAD + y) * _SPREAD + z
        _, owners, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        met |= counts[owners] > 1
    return met


def _placed(
    vertices: Points, faces: NDArray[np.int32], distance: Distance, cell: float
) -> tuple[Points, NDArray[np.float64]]:
    """Vertices after one step, and the evenness of the true surface around each."""
    middles = vertices[faces].mean(1)
    away, normals = slope(middles, distance, cell)
    feet = middles - away.clip(-cell, cell)[:, None] * normals

    def mean(values: NDArray[np.float32]) -> NDArray[np.float64]:
        return _mean(values, faces, len(vertices))

    middle = mean(feet)
    squares = mean((normals[:, :, None] * normals[:, None, :]).reshape(-1, 9)).reshape(-1, 3, 3)
    heights = mean((normals * feet).sum(1, keepdims=True) * normals)
    wanted = heights - np.einsum("nij,nj->ni", squares, middle)
    held = squares + _HOLD * np.eye(3)
    moved = np.linalg.solve(held, wanted[..., None])[..., 0]
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    moved *= np.minimum(1.0, _REACH * cell / np.maximum(length, 1e-12))
    return (middle + moved).astype(np.float32), _evenness(normals, faces, len(vertices))


def _evenness(normals: Points, faces: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Lengths (n,) of the means of the unit normals of each vertex's triangles: 1 where flat."""
    found: NDArray[np.float64] = np.linalg.norm(_mean(normals, faces, count), axis=1)
    return found


def _mean(values: NDArray[np.float32], faces: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Of each vertex (n, k) what its triangles (m, k) have in the mean, 0 without any."""
    corners = faces.ravel()
    sums = [np.bincount(corners, np.repeat(column, 3), count) for column in values.T]
    return np.stack(sums, 1) / np.bincount(corners, minlength=count).clip(1)[:, None]


def slope(points: Points, distance: Distance, cell: float) -> tuple[NDArray[np.float32], Points]:
    """Distances (n,) of points, and the directions (n, 3) in which they grow."""
    step = np.float32(_STEP * cell)
    here = distance(points)
    axes = np.eye(3, dtype=np.float32)
    growth = np.stack([distance(points + step * axis) - here for axis in axes], 1)
    return here, growth / np.maximum(np.linalg.norm(growth, axis=1, keepdims=True), 1e-9)
