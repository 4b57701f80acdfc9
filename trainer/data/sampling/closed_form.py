"""Samples a shape whose signed distance is known in closed form: no mesh is voxelised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shapelab.core.errors import InputError
from shapelab.core.inputs.voxel_files import OBJECT_SHARE
from shapelab.core.mesh.tri_mesh import TriMesh

from ..source import ClosedForm
from .nearest import nearest

_FINER = 3  # finer cells a side of a cell; odd, so that the middles of both coincide
_SHARE = 0.1  # of a cell must be solid, as where meshes are filled
_BEVEL = 0.2  # cells that the mesh, finer than the grid, takes off an edge at most
_TOUCHED = 0.5  # finer cells from its middle, within which a surface touches a finer cell


def sample_closed_form(
    shape: ClosedForm, resolution: int, farthest: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64], TriMesh]:
    """Places a shape as meshes are placed, and samples it.

    The closed form says exactly what is solid and where the surface is. Where parts overlap, inside
    is farther from the surface than from each part's, and parts that are bent or narrowed are
    farther away than they say: there the mesh is asked, whose flat faces are exact. It takes off
    the edges a little, so that the closed form is believed where both nearly agree outside.

    Args:
        shape: in metres.
        resolution: R, cells along each side.
        farthest: distances are cut off at this many cells.

    Returns:
        Solid cells (R, R, R), thin parts kept as one layer; signed distances (R, R, R) of the
        cells' middles in cells, negative inside; the surface in sides of the grid, its origin in
        the middle.

    Raises:
        InputError: the shape has no surface.
    """
    mesh = shape.mesh()
    if mesh.is_empty:
        raise InputError("The shape has no surface; please give one with a size.")
    low, high = mesh.vertices.min(0).astype(float), mesh.vertices.max(0).astype(float)
    middle, scale = (low + high) / 2, resolution * OBJECT_SHARE / float((high - low).max())
    vertices = (mesh.vertices - middle) * scale
    placed = TriMesh((vertices / resolution).astype(np.float32), mesh.faces, mesh.normals)
    # Only the part of the grid around the object is looked at.
    half = (high - low) / 2 * scale + farthest
    box = [slice(max(int(resolution / 2 - h), 0), int(resolution / 2 + h) + 1) for h in half]

    def distances(finer: int, reach: float) -> NDArray[np.float64]:
        axes = [
            ((np.arange(part.start * finer, min(part.stop, resolution) * finer) + 0.5) / finer
             - resolution / 2) / scale + at
            for part, at in zip(box, middle, strict=True)
        ]  # fmt: skip
        return shape.distances((axes[0], axes[1], axes[2]), reach / scale) * scale

    fine = distances(_FINER, 1 / _FINER)
    free = ndimage.label(fine >= 0)[0]
    voids = (free > 0) & (free != free[0, 0, 0])  # nobody can see into; the mesh has none either
    fine[voids] = -1.0
    middles = (slice(_FINER // 2, None, _FINER),) * 3
    near = np.where(voids[middles], -farthest / 2, distances(1, farthest))
    asked = np.abs(near) < farthest
    corners, owners = vertices[mesh.faces], np.arange(len(mesh.faces))
    start = np.array([part.start for part in box]) + 0.5 - resolution / 2
    points = np.argwhere(asked) + start
    found = nearest(points, corners, corners.mean(1), owners, farthest + 1).distance
    outside = np.where(found - near[asked] < _BEVEL, near[asked], np.minimum(found, farthest))
    near[asked] = np.where(near[asked] < 0, -np.minimum(found, farthest), outside)
    cells = np.zeros((resolution,) * 3, bool)
    cells[tuple(box)] = _solid(fine)
    distance = np.full((resolution,) * 3, farthest)
    distance[tuple(box)] = near
    return cells, distance, placed


def _solid(fine: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Cells of which a tenth is solid, and one layer of those that only thinner parts touch."""
    count = _counts(fine < _TOUCHED / _FINER)
    touched, full = count > 0, count >= _SHARE * _FINER**3
    around = np.ones((3, 3, 3), bool)
    thin = touched & ~full & ~ndimage.binary_dilation(full)
    joint = ndimage.binary_dilation(thin, around) & touched if thin.any() else thin
    solid: NDArray[np.bool_] = full | thin | joint
    return solid


def _counts(fine: NDArray[np.bool_]) -> NDArray[np.intp]:
    """How many of each cell's finer cells are set."""
    x, y, z = (side // _FINER for side in fine.shape)
    rows = fine.reshape(x, _FINER, y, _FINER, z * _FINER).view(np.uint8).sum((1, 3), dtype=np.uint8)
    return rows.reshape(x, y, z, _FINER).sum(3, dtype=np.intp)
