"""Samples a shape whose signed distance is known in closed form: no mesh is voxelised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shapelab.core.errors import InputError
from shapelab.core.inputs.voxel_files import OBJECT_SHARE
from shapelab.core.mesh.tri_mesh import TriMesh

from ..source import Array, ClosedForm
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
    half = (high - low) / 2 * scale

    def around(reach: float) -> tuple[slice, ...]:
        """The part of the grid about the object; no other is looked at."""
        ends = ((int(resolution / 2 - h), int(resolution / 2 + h) + 1) for h in half + reach)
        return tuple(slice(max(first, 0), min(last, resolution)) for first, last in ends)

    def distances(box: tuple[slice, ...], finer: int, reach: float) -> Array:
        x, y, z = (
            (((np.arange(part.start * finer, part.stop * finer) + 0.5) / finer - resolution / 2)
            / scale + at).astype(np.float32)  # off by 1e-5 cells, in half the memory
            for part, at in zip(box, middle, strict=True)
        )  # fmt: skip
        return shape.distances((x, y, z), reach / scale) * scale

    box, close = around(farthest), around(1.0)
    fine = distances(close, _FINER, 1 / _FINER)
    free, rooms = ndimage.label(fine >= 0)
    near = distances(box, 1, farthest).astype(np.float64)
    inner = tuple(
        slice(a.start - b.start, a.stop - b.start) for a, b in zip(close, box, strict=True)
    )
    if rooms > 1:
        voids = (free > 0) & (free != free[0, 0, 0])  # nobody sees into; the mesh has none either
        fine[voids] = -1.0
        near[inner][voids[(slice(_FINER // 2, None, _FINER),) * 3]] = -farthest / 2
    asked = np.abs(near) < farthest
    corners, owners = vertices[mesh.faces], np.arange(len(mesh.faces))
    start = np.array([part.start for part in box]) + 0.5 - resolution / 2
    points = np.argwhere(asked) + start
    centroids = (corners[:, 0] + corners[:, 1] + corners[:, 2]) / 3
    found = nearest(points, corners, centroids, owners, farthest + 1).distance
    outside = np.where(found - near[asked] < _BEVEL, near[asked], np.minimum(found, farthest))
    near[asked] = np.where(near[asked] < 0, -np.minimum(found, farthest), outside)
    cells = np.zeros((resolution,) * 3, bool)
    cells[close] = _solid(fine)
    distance = np.full((resolution,) * 3, farthest)
    distance[box] = near
    return cells, distance, placed


def _solid(fine: Array) -> NDArray[np.bool_]:
    """Cells of which a tenth is solid, and one layer of those that only thinner parts touch."""
    count = _counts(fine < _TOUCHED / _FINER)
    touched, full = count > 0, count >= _SHARE * _FINER**3
    thin = touched & ~full & ~ndimage.binary_dilation(full)
    joint = widened(thin) & touched if thin.any() else thin
    solid: NDArray[np.bool_] = full | thin | joint
    return solid


def widened(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells (x, y, z) that are set, and all that touch one, if only at a corner.

    One axis after the other, in a fifth of the time of scipy's dilation by 3 x 3 x 3.
    """
    wide = cells.copy()
    for axis in range(3):
        lines = np.moveaxis(wide, axis, 0)  # a view
        before = lines.copy()
        lines[1:] |= before[:-1]
        lines[:-1] |= before[1:]
    return wide


def _counts(fine: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """How many of each cell's finer cells are set."""
    counts = fine.view(np.uint8)
    for axis in range(3):  # sums over slices, in a fifth of the time of numpy's of short axes
        lines = np.moveaxis(counts, axis, 0)
        sums = lines[::_FINER] + lines[1::_FINER] + lines[2::_FINER]
        counts = np.moveaxis(sums, 0, axis)
    return counts
