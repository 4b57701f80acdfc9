"""Turns an occupancy grid into the surface that is shown and exported, or into cubes to look at."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh import occupancy_grid
from shapelab.core.mesh.finishing import finish as finish
from shapelab.core.mesh.occupancy_grid import LooseParts as LooseParts
from shapelab.core.mesh.sharpening import Distance, sharpened, truly_shaded
from shapelab.core.mesh.tri_mesh import Shading, shell_of_faces, shell_volumes
from shapelab.core.mesh.tri_mesh import TriMesh as TriMesh

# The part of the mesh's spectrum that smoothing keeps (windowed sinc, 0 to 2).
_PASS_BAND = 0.1
# How far smoothing may move a vertex. In voxels, not in sides of the grid, for what it takes away
# are the steps between cells: a part one voxel thick has only half a voxel to either side.
_REACH, _REACH_WHERE_THIN = 0.6, 0.05
# A shell that smoothing would leave less of than this is not smoothed.
_SMALLEST_REST = 0.3
# In cells: less than a vertex keeps from the middles of cells, more than float32 rounds.
_OFF_GRID = 1e-4
_SHARP = 35.0  # degrees between faces that meet in an edge for the eye
# A cube's face and its two triangles.
_SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)], np.float32)
_HALVES = np.array([(0, 1, 2), (0, 2, 3)], np.int32)


@dataclass(frozen=True)
class SurfaceOptions:
    """How an occupancy grid becomes a surface.

    Attributes:
        resolution: How many times finer the grid is sampled, 1 to 4.
        smoothing: Smoothing passes (each one step in and one out, as Taubin's), 0 to 50. Where the
            true distance is known, any but 0 means that the surface is put where it truly is.
        largest_part: Drop all parts but the largest, and fill voids that nobody can see.
        level: The occupancy at which the surface lies, between 0 and 1; None finds it, see
            `occupancy_grid.whole_level`.
    """

    resolution: int = 1
    smoothing: int = 10
    largest_part: bool = True
    level: float | None = 0.5

    def __post_init__(self) -> None:
        if not 1 <= self.resolution <= 4:
            raise ValueError(f"resolution must be 1 to 4, not {self.resolution}")
        if not 0 <= self.smoothing <= 50:
            raise ValueError(f"smoothing must be 0 to 50, not {self.smoothing}")
        if self.level is not None and not 0.0 < self.level < 1.0:
            raise ValueError(f"level must lie between 0 and 1, not {self.level}")


#: What the window begins with and the commands take: the level is found for each shape.
AUTOMATIC = SurfaceOptions(level=None)


@dataclass(frozen=True, eq=False)
class PartedSurface:
    """A surface, where it lies, and what a shape has beside its largest part.

    Attributes:
        mesh: In sides of the grid; see `surface`.
        level: The occupancy at which it lies.
        loose: The parts beside the largest; they are in the mesh unless the options drop them.
    """

    mesh: TriMesh
    level: float
    loose: LooseParts


def level_of(occupancy: NDArray[np.floating], options: SurfaceOptions) -> float:
    """The level that the options mean for this grid (x, y, z). Raises MeshError for no grid."""
    if options.level is not None:
        return options.level
    return occupancy_grid.whole_level(occupancy_grid.checked(occupancy, 0.0))


def surface(
    occupancy: NDArray[np.floating],
    options: SurfaceOptions | None = None,
    distance: Distance | None = None,
) -> TriMesh:
    """The surface of an occupancy grid, closed and manifold, with normals for shading.

    Args:
        occupancy: (x, y, z) in [0, 1].
        options: Resolution, smoothing, parts and level; the defaults if None.
        distance: To what the grid was sampled from, if known, in sides of the grid around its
            middle; the occupancy must then be the sigmoid of the depth in cells. Edges become
            sharp.

    Returns:
        The mesh in sides of the grid, so that the same shape has the same size at every number of
        cells: the grid's longest side reaches from -0.5 to 0.5, and the origin is its middle.

    Raises:
        MeshError: if the grid is empty at this level or holds no numbers.
    """
    return parted_surface(occupancy, options or SurfaceOptions(), distance=distance).mesh


def parted_surface(
    occupancy: NDArray[np.floating],
    options: SurfaceOptions,
    draft: bool = False,
    distance: Distance | None = None,
) -> PartedSurface:
    """`surface` with its level and what it knows of loose parts; those shown are marked.

    A draft, for a moment of a drag, takes half the time: its triangles are not smoothed but shaded
    by the slope of the occupancy, and voids that nobody can see stay.
    """
    level = level_of(occupancy, options)
    coarse, origin = occupancy_grid.trimmed(occupancy_grid.checked(occupancy, level), level)
    fine = (
        coarse.copy()
        if options.resolution == 1
        else occupancy_grid.upsampled(coarse, options.resolution)
    )
    occupancy_grid.push_off(fine, level)
    occupancy_grid.join_diagonals(fine, level)
    loose, parts = occupancy_grid.loose_cells(fine, level)
    if options.largest_part:
        fine[loose] = 0.0
        if not draft:
            occupancy_grid.fill_voids(fine, level)
    poly = _flying_edges(fine, level, options.resolution, origin, with_normals=draft)
    tinted = None
    if parts.count and not options.largest_part:
        places = (_points(poly) - origin) * options.resolution
        tinted = _touching(places, loose)[_triangles(poly)[:, 0]]
    cells = max(occupancy.shape)
    truth = distance if options.smoothing and not draft else None
    if truth is not None:
        _sharpen(poly, truth, level, cells, options.resolution)
    elif options.smoothing and not draft:
        reach = _reach(_points(poly) - origin, coarse, fine, level, options.resolution)
        poly = _smoothed(poly, reach, options)
    shaded = poly if draft else _with_normals(poly)
    shading = None if truth is None else _shading(poly, truth, cells, options.resolution)
    return PartedSurface(_mesh(shaded, cells, tinted, shading), level, parts)


def shown_cells(
    occupancy: NDArray[np.floating], options: SurfaceOptions
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The solid cells (x, y, z) of the shape that the options show, and which of them are loose."""
    from scipy import ndimage

    level = level_of(occupancy, options)
    values = occupancy_grid.checked(occupancy, level)
    solid = values >= level
    box = ndimage.find_objects(solid.astype(np.uint8))[0]  # most of a grid is empty
    joined = values[box].copy()
    occupancy_grid.join_diagonals(joined, level)
    loose = np.zeros_like(solid)
    loose[box] = occupancy_grid.loose_cells(joined, level)[0] & solid[box]
    return (solid & ~loose, np.zeros_like(loose)) if options.largest_part else (solid, loose)


def shown_occupancy(
    occupancy: NDArray[np.floating], options: SurfaceOptions
) -> NDArray[np.float32]:
    """The grid (x, y, z) as the options show it, for pictures: the surface at 0.5, else as it was.

    What the options hide is empty. Raises MeshError if nothing is solid.
    """
    level = level_of(occupancy, options)
    values = occupancy_grid.checked(occupancy, level)
    hidden = (values >= level) & ~shown_cells(values, replace(options, level=level))[0]
    outside, inside = 0.5 / level, 0.5 / (1 - level)  # 0, the level and 1 become 0, 0.5 and 1
    shown = np.where(values < level, values * outside, 1 - (1 - values) * inside)
    shown[hidden] = 0.0
    return shown


def blocks(occupancy: NDArray[np.floating], options: SurfaceOptions | None = None) -> TriMesh:
    """The outer faces of all solid voxels, for looking at.

    Args:
        occupancy: (x, y, z) in [0, 1].
        options: The level from which a voxel is solid, and whether loose parts are left out; all
            at 0.5 and above if None.

    Returns:
        The mesh in sides of the grid around its middle, like `surface`. Faces share no vertices,
        so that every cube is shaded flat.

    Raises:
        MeshError: if no voxel is solid.
    """
    options = options or SurfaceOptions(largest_part=False)
    cells, loose_cells = shown_cells(occupancy, options)
    solid, loose = np.pad(cells, 1), np.pad(loose_cells, 1)
    middle = np.array(cells.shape, np.float32) / 2 + 0.5
    corners, normals, tinted = [], [], []
    for axis in range(3):
        for side in (-1, 1):
            bare = solid & ~np.roll(solid, -side, axis)
            centres = np.argwhere(bare).astype(np.float32) - middle
            corners.append((centres[:, None] + _square(axis, side)).reshape(-1, 3))
            normals.append(np.zeros_like(corners[-1]))
            normals[-1][:, axis] = side
            tinted.append(np.repeat(loose[bare], len(_HALVES)))
    vertices = np.concatenate(corners).astype(np.float32) / np.float32(max(cells.shape))
    squares = np.arange(0, len(vertices), 4, dtype=np.int32)
    faces = (squares[:, None, None] + _HALVES).reshape(-1, 3)
    mark = np.concatenate(tinted) if loose.any() else None
    return TriMesh(vertices, faces, np.concatenate(normals), mark)


def _touching(places: NDArray[np.float64], cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each vertex (n,) of an unsmoothed surface lies on one of these solid cells.

    A vertex lies on the line from a solid cell's middle to an empty one's, never at their ends.
    """
    below = np.floor(places + _OFF_GRID).astype(np.intp)
    above = np.ceil(places - _OFF_GRID).astype(np.intp)
    found: NDArray[np.bool_] = cells[tuple(below.T)] | cells[tuple(above.T)]
    return found


def _flying_edges(
    fine: occupancy_grid.Occupancy,
    level: float,
    resolution: int,
    origin: NDArray[np.float64],
    with_normals: bool,
) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    image = vtkImageData()
    image.SetDimensions(*fine.shape)
    image.SetSpacing(*[1 / resolution] * 3)
    image.SetOrigin(*origin)
    # VTK runs x fastest: any other order would flip the shape.
    values = fine.ravel(order="F")
    image.GetPointData().SetScalars(numpy_to_vtk(values))
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, level)
    contour.SetComputeNormals(with_normals)  # down the slope of the occupancy, so outwards
    contour.ComputeGradientsOff()
    contour.ComputeScalarsOff()
    contour.Update()
    return contour.GetOutput()


def _sharpen(poly: Any, distance: Distance, level: float, cells: int, resolution: int) -> None:
    """Puts the vertices, in voxels, where the true surface lies at this level, in place."""
    outwards = math.log(1 / level - 1) / cells
    points = _points(poly)

    def of_level(asked: NDArray[np.float32]) -> NDArray[np.float32]:
        return distance(asked) - np.float32(outwards)

    sides, faces = points / np.float32(cells), _triangles(poly)
    points[:] = sharpened(sides, faces, of_level, 1 / (cells * resolution)) * np.float32(cells)
    poly.GetPoints().Modified()


def _reach(
    places: NDArray[np.float64],
    coarse: occupancy_grid.Occupancy,
    fine: occupancy_grid.Occupancy,
    level: float,
    resolution: int,
) -> NDArray[np.float32]:
    """How far smoothing may move each vertex, (n,) in voxels; places are in cells of `coarse`.

    A wall, leg or gap one cell wide would lose half its width to `_REACH` from either side, so the
    reach beside it is next to nothing; what is thin on the finer grid alone, in its finer cells.
    """
    reach = np.full(len(places), _REACH, np.float32)
    scales = {1: coarse, resolution: fine}
    for scale, cells in scales.items():
        x, y, z = np.rint(places * scale).astype(np.intp).T
        reach[occupancy_grid.thin_cells(cells, level)[x, y, z]] = _REACH_WHERE_THIN / scale
    return reach


def _smoothed(poly: Any, reach: NDArray[np.float32], options: SurfaceOptions) -> Any:
    """The mesh after windowed-sinc smoothing, no vertex moved farther than its reach."""
    from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter

    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputData(poly)
    smooth.SetNumberOfIterations(2 * options.smoothing)
    smooth.SetPassBand(_PASS_BAND)
    smooth.BoundarySmoothingOff()
    smooth.FeatureEdgeSmoothingOff()
    smooth.Update()
    result = smooth.GetOutput()
    before, after = _points(poly), _points(result)
    moved = after - before
    length = np.sqrt(np.einsum("ij,ij->i", moved, moved))
    scale = np.minimum(1.0, reach / np.maximum(length, 1e-12))
    after[:] = before + moved * scale[:, None]
    _keep_dust(before, after, _triangles(result), options.largest_part)
    result.GetPoints().Modified()
    return result


def _keep_dust(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    faces: NDArray[np.int32],
    one_part: bool,
) -> None:
    """Takes smoothing back, in place, for specks that it would shrink to a point.

    Vertices are in voxels. One part alone that is wider than twice the reach cannot shrink so.
    """
    if one_part and np.ptp(before, axis=0).min() > 2 * _REACH:
        return
    shells = shell_of_faces(faces)
    old, new = (shell_volumes(vertices, faces, shells) for vertices in (before, after))
    shrunk = np.abs(new) < _SMALLEST_REST * np.abs(old)
    if shrunk.any():
        lost = faces[shrunk[shells]]
        after[lost] = before[lost]


def _with_normals(poly: Any) -> Any:
    from vtkmodules.vtkFiltersCore import vtkTriangleMeshPointNormals

    shading = vtkTriangleMeshPointNormals()
    shading.SetInputData(poly)
    shading.Update()
    return shading.GetOutput()


def _shading(poly: Any, distance: Distance, cells: int, resolution: int) -> Shading:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkFiltersCore import vtkPolyDataNormals

    count = poly.GetNumberOfPoints()
    owners = numpy_to_vtk(np.arange(count, dtype=np.int32), deep=True)
    owners.SetName("owners")
    poly.GetPointData().AddArray(owners)
    split = vtkPolyDataNormals()
    split.SetInputData(poly)
    split.SetFeatureAngle(_SHARP)
    split.ConsistencyOff()
    split.Update()
    found = split.GetOutput()
    of_points = found.GetPointData()
    by_angles = Shading(
        _numpy(of_points.GetArray("owners")).astype(np.int32),
        _numpy(of_points.GetNormals()).astype(np.float32),
        _triangles(found),
    )
    sides = _points(poly) / np.float32(cells)
    return truly_shaded(sides, by_angles, distance, 1 / (cells * resolution), _SHARP)


def _mesh(
    shaded: Any, cells: int, loose: NDArray[np.bool_] | None, shading: Shading | None
) -> TriMesh:
    """From voxels to sides of a grid of so many cells."""
    return TriMesh(
        vertices=_points(shaded) / np.float32(cells),
        faces=_triangles(shaded),
        normals=_numpy(shaded.GetPointData().GetNormals()).astype(np.float32),
        loose=loose,
        shading=shading,
    )


def _triangles(poly: Any) -> NDArray[np.int32]:
    return _numpy(poly.GetPolys().GetConnectivityArray()).astype(np.int32).reshape(-1, 3)


def _numpy(array: Any) -> NDArray[Any]:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    view: NDArray[Any] = vtk_to_numpy(array)
    return view


def _points(poly: Any) -> NDArray[np.float32]:
    return _numpy(poly.GetPoints().GetData())


def _square(axis: int, side: int) -> NDArray[np.float32]:
    """The corners (4, 3) of a voxel's face, counter-clockwise as seen from outside."""
    corners = np.full((4, 3), side / 2, np.float32)
    corners[:, (axis + 1) % 3], corners[:, (axis + 2) % 3] = _SQUARE[::side].T
    return corners
