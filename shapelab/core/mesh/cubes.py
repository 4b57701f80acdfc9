"""Draws a grid as cubes, one for each solid voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh import occupancy_grid
from shapelab.core.mesh.tri_mesh import TriMesh

_SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)], np.float32)
_HALVES = np.array([(0, 1, 2), (0, 2, 3)], np.int32)


def blocks(occupancy: NDArray[np.floating], level: float = 0.5) -> TriMesh:
    """The outer faces of all voxels at or above the level, for looking at.

    Args:
        occupancy: (x, y, z) in [0, 1].
        level: The occupancy from which a voxel is solid.

    Returns:
        The mesh in sides of the grid around its middle, like `surface`. Faces share no vertices,
        so that every cube is shaded flat.

    Raises:
        MeshError: if no voxel is solid.
    """
    values = occupancy_grid.checked(occupancy, level)
    solid = np.pad(values >= level, 1)
    middle = np.array(values.shape, np.float32) / 2 + 0.5
    corners, normals = [], []
    for axis in range(3):
        for side in (-1, 1):
            bare = solid & ~np.roll(solid, -side, axis)
            centres = np.argwhere(bare).astype(np.float32) - middle
            corners.append((centres[:, None] + _square(axis, side)).reshape(-1, 3))
            normals.append(np.zeros_like(corners[-1]))
            normals[-1][:, axis] = side
    vertices = np.concatenate(corners).astype(np.float32) / np.float32(max(values.shape))
    squares = np.arange(0, len(vertices), 4, dtype=np.int32)
    faces = (squares[:, None, None] + _HALVES).reshape(-1, 3)
    return TriMesh(vertices, faces, np.concatenate(normals))


def _square(axis: int, side: int) -> NDArray[np.float32]:
    """The corners (4, 3) of a voxel's face, counter-clockwise as seen from outside."""
    corners = np.full((4, 3), side / 2, np.float32)
    corners[:, (axis + 1) % 3], corners[:, (axis + 2) % 3] = _SQUARE[::side].T
    return corners
