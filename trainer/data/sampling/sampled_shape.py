"""A source's shape in the model's grid: solid cells, truncated signed distance and surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs import voxel_files
from shapelab.core.inputs.voxel_files import OBJECT_SHARE, VoxelGrid
from shapelab.core.inputs.voxelise import Grid, Points, Solid, filled, placed
from shapelab.core.mesh import occupancy_grid
from shapelab.core.mesh.meshing import SurfaceOptions, surface
from shapelab.core.mesh.tri_mesh import TriMesh, shell_of_faces

from ..source import ClosedForm, Shape
from .bridges import crossings, joining_cells
from .closed_form import sample_closed_form, widened
from .nearest import nearest

FARTHEST = 3.0  # voxels: what is farther from the surface counts as this far
_STEP = 2 * FARTHEST / 255  # voxels between two of the 256 values
_MAX_FACES = 200_000  # of a surface that is kept for pictures

_SURE = 0.25  # voxels; a middle that lies less deep is easily lost between samples
_REACH = 3**0.5 / 2  # voxels from a cell's middle to its corner
_BLUR = 0.7  # voxels, standard deviation
# Blurred values of thin solid cells are at least the first, of the empty ones about them at most
# the second: a leg one cell wide keeps its width, also where four finer cells share its middle.
_THIN = (0.9, 0.25)
_ELSEWHERE = (0.52, 0.48)  # so that the level still parts the same cells


@dataclass(frozen=True)
class Sampled:
    """A shape in a grid of R^3 cells, axes x (right), y (back), z (up).

    Attributes:
        occupancy: (R, R, R) bool, the solid cells, thin parts kept as one layer.
        distance: (R, R, R) uint8, the truncated signed distance of each cell's middle from the
            surface, negative inside; `to_voxels` gives it in voxels.
        surface: in sides of the grid, its origin in the middle.
    """

    occupancy: NDArray[np.bool_]
    distance: NDArray[np.uint8]
    surface: TriMesh


def sample(shape: Shape, resolution: int) -> Sampled:
    """Places a shape in the grid, its longest side 24/32 of it and centred, and samples it.

    Args:
        shape: a mesh, voxels or a closed form, z up.
        resolution: R, cells along each side.

    Raises:
        InputError: the shape is empty or has no size.
    """
    if isinstance(shape, VoxelGrid):
        return _from_voxels(shape, resolution)
    if isinstance(shape, ClosedForm):
        cells, exact, mesh = sample_closed_form(shape, resolution, FARTHEST)
        return Sampled(cells, quantised(_whole(exact, cells, mesh)), mesh)
    solid = filled(placed(shape, resolution), resolution)
    distance = _whole(_distance(solid), solid.cells, shape)
    return Sampled(solid.cells, quantised(distance), _surface(solid, shape))


def _from_voxels(grid: VoxelGrid, resolution: int) -> Sampled:
    base, factor = _placed_grid(grid, resolution)
    mesh = surface(_blurred(base), SurfaceOptions(smoothing=0, largest_part=False))
    corners = (mesh.vertices.astype(np.float64)[mesh.faces] + 0.5) * resolution
    distance = _distance(filled(corners, resolution))
    occupancy = np.kron(base, np.ones((factor,) * 3, bool))
    return Sampled(occupancy, quantised(distance), mesh)


def _placed_grid(grid: VoxelGrid, resolution: int) -> tuple[Grid, int]:
    """The grid placed in one that is a whole factor coarser than asked for, and the factor.

    A grid that is framed already keeps its cells and their place.

    Raises:
        InputError: the grid is empty.
    """
    full = grid.values >= 0.5
    box = voxel_files.bounds(full)
    if box is None:
        raise InputError("The voxel grid is empty; please choose one that holds a shape.")
    factors = [factor for factor in (1, 2, 4) if resolution % factor == 0]
    for factor in factors:
        if _is_framed(full.shape, box, resolution // factor):
            return np.pad(full, (resolution // factor - len(full)) // 2), factor
    longest = max(side.stop - side.start for side in box)
    factor = max(f for f in factors if f == 1 or longest * f <= OBJECT_SHARE * resolution)
    return voxel_files.fit(grid, resolution // factor), factor


def _is_framed(shape: tuple[int, ...], box: tuple[slice, ...], resolution: int) -> bool:
    """Whether a grid needs nothing but padding to be one of ``resolution``^3.

    So are grids whose content is 24/32 of that long and lies in the middle, and the 30^3 grids of
    3D ShapeNets (Wu et al. 2015), whose objects were placed 24 cells long with 3 around, also where
    parts of an object were lost.
    """
    side = shape[0]
    if set(shape) != {side} or side > resolution or (resolution - side) % 2:
        return False
    free = [(part.start, side - part.stop) for part in box]
    longest = max(part.stop - part.start for part in box)
    central = all(abs(before - behind) <= 1 for before, behind in free)
    shapenets = side == 30 and resolution == 32 and min(map(min, free)) >= 3
    return shapenets or (central and longest == round(OBJECT_SHARE * resolution))


def _blurred(full: Grid) -> NDArray[np.float32]:
    """Occupancy whose level 0.5 is smooth and still parts the same cells."""
    from scipy import ndimage

    values = ndimage.gaussian_filter(full.astype(np.float32), _BLUR, mode="constant")
    thin = occupancy_grid.thin_cells(full.astype(np.float32), 0.5)
    least, most = (np.where(thin, *pair) for pair in zip(_THIN, _ELSEWHERE, strict=True))
    parted = np.where(full, np.maximum(values, least), np.minimum(values, most))
    return parted.astype(np.float32)


def quantised(distance: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Distances in voxels as uint8, clamped to +-FARTHEST; keeps which side of 0 they are on."""
    share = (np.clip(distance, -FARTHEST, FARTHEST) + FARTHEST) / _STEP
    return np.floor(share + 0.5).astype(np.uint8)


def to_voxels(distance: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Quantised distances in voxels, off by at most half a step of 6/255 voxel."""
    return distance.astype(np.float32) * np.float32(_STEP) - np.float32(FARTHEST)


def _distance(solid: Solid) -> NDArray[np.float64]:
    """The truncated signed distance (R, R, R) from a mesh's surface.

    The sign says whether a cell's middle lies inside, not whether the cell is solid, which it is
    from a tenth: else the surface at distance 0 would have stairs. Across a hole of the mesh, where
    inside and outside meet without a surface, the distance jumps.
    """
    distance = np.where(solid.cells, -FARTHEST, FARTHEST)
    near = _near(solid.samples, len(solid.cells))
    points = np.argwhere(near).astype(np.float64) + 0.5
    found = nearest(points, solid.triangles, solid.samples, solid.owners, FARTHEST + 1)
    signs = np.where(solid.contains(points, found.place), -1, 1)
    distance[near] = np.clip(signs * found.distance, -FARTHEST, FARTHEST)
    return distance


def _whole(distance: NDArray[np.float64], solid: Grid, mesh: TriMesh) -> NDArray[np.float64]:
    """Distances by which what the solid cells join is joined, through faces, and thin parts stay.

    A leg that leans is thin where it leaves a cell for the next: it must not hang by an edge. What
    two thick parts leave between them may be a gap too narrow to be seen; there they are joined
    only if the mesh is one shell, and so they are one in truth.
    """
    from scipy import ndimage

    distance = _with_thin_parts(distance, solid)
    bridges = crossings(distance, solid)
    inside = (distance < 0) | bridges
    if shell_of_faces(mesh.faces).any():
        solid = solid & ~ndimage.binary_opening(solid, np.ones((3, 3, 3), bool))
    bridges |= joining_cells(inside, distance, solid)
    sure = np.minimum(np.abs(distance) - _REACH, -_SURE)
    return np.where(bridges, np.minimum(distance, sure), distance)


def _with_thin_parts(distance: NDArray[np.float64], solid: Grid) -> NDArray[np.float64]:
    """Gives parts too thin to surely hold a cell's middle half a diagonal in the cells they touch.

    A cell's middle is at most that far from the surface in it, so that the parts come out solid.
    """
    thin = solid & ~widened(distance <= -_SURE)
    thin |= widened(thin) & solid & (distance > 0)
    return np.where(thin, np.minimum(distance, np.abs(distance) - _REACH), distance)


def _near(samples: Points, resolution: int) -> Grid:
    """Cells whose middles may lie within ``FARTHEST`` of the surface."""
    from scipy import ndimage

    cells = np.zeros((resolution,) * 3, np.uint8)
    cells[tuple(samples.astype(np.int64).T)] = 1
    reach = int(FARTHEST) + 1  # the nearest sample may lie one cell beyond the nearest place
    return ndimage.maximum_filter(cells, 2 * reach + 1) > 0


def _surface(solid: Solid, mesh: TriMesh) -> TriMesh:
    """The mesh placed in the grid, simplified only where it is huge."""
    vertices = np.zeros((len(mesh.vertices), 3), np.float32)
    vertices[mesh.faces] = solid.triangles / len(solid.cells) - 0.5
    if len(mesh.faces) <= _MAX_FACES:
        return TriMesh(vertices, mesh.faces)
    import fast_simplification

    points, faces = fast_simplification.simplify(vertices, mesh.faces, target_count=_MAX_FACES)
    return TriMesh(points.astype(np.float32), faces.astype(np.int32))
