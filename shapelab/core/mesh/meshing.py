"""Turns an occupancy grid into the surface that is shown and exported, or into cubes to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh import occupancy_grid
from shapelab.core.mesh.finishing import finish as finish
from shapelab.core.mesh.tri_mesh import TriMesh as TriMesh
from shapelab.core.mesh.tri_mesh import shell_of_faces, shell_volumes

# The part of the mesh's spectrum that smoothing keeps (windowed sinc, 0 to 2).
_PASS_BAND = 0.1
# How far smoothing may move a vertex. In voxels, not in sides of the grid, for what it takes away
# are the steps between cells: a part one voxel thick has only half a voxel to either side.
_REACH, _REACH_WHERE_THIN = 0.6, 0.05
# A shell that smoothing would leave less of than this is not smoothed.
_SMALLEST_REST = 0.3
# A cube's face and its two triangles.
_SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)], np.float32)
_HALVES = np.array([(0, 1, 2), (0, 2, 3)], np.int32)


@dataclass(frozen=True)
class SurfaceOptions:
    """How an occupancy grid becomes a surface.

    Attributes:
        resolution: How many times finer the grid is sampled, 1 to 4.
        smoothing: Smoothing passes (each one step in and one out, as Taubin's), 0 to 50.
        largest_part: Drop all parts but the largest, and fill voids that nobody can see.
        level: The occupancy at which the surface lies, between 0 and 1.
    """

    resolution: int = 1
    smoothing: int = 10
    largest_part: bool = True
    level: float = 0.5

    def __post_init__(self) -> None:
        if not 1 <= self.resolution <= 4:
            raise ValueError(f"resolution must be 1 to 4, not {self.resolution}")
        if not 0 <= self.smoothing <= 50:
            raise ValueError(f"smoothing must be 0 to 50, not {self.smoothing}")
        if not 0.0 < self.level < 1.0:
            raise ValueError(f"level must lie between 0 and 1, not {self.level}")


def surface(occupancy: NDArray[np.floating], options: SurfaceOptions | None = None) -> TriMesh:
    """The surface of an occupancy grid, closed and manifold, with normals for shading.

    Args:
        occupancy: (x, y, z) in [0, 1].
        options: Resolution, smoothing, parts and level; the defaults if None.

    Returns:
        The mesh in sides of the grid, so that the same shape has the same size at every number of
        cells: the grid's longest side reaches from -0.5 to 0.5, and the origin is its middle.

    Raises:
        MeshError: if the grid is empty at this level or holds no numbers.
    """
    options = options or SurfaceOptions()
    coarse, origin = occupancy_grid.trimmed(
        occupancy_grid.checked(occupancy, options.level), options.level
    )
    fine = (
        coarse.copy()
        if options.resolution == 1
        else occupancy_grid.upsampled(coarse, options.resolution)
    )
    occupancy_grid.push_off(fine, options.level)
    occupancy_grid.join_diagonals(fine, options.level)
    if options.largest_part:
        occupancy_grid.keep_largest(fine, options.level)
    poly = _flying_edges(fine, options, origin)
    if options.smoothing:
        reach = _reach(_points(poly) - origin, coarse, fine, options)
        poly = _smoothed(poly, reach, options)
    return _shaded(poly, max(occupancy.shape))


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


def _flying_edges(
    fine: occupancy_grid.Occupancy, options: SurfaceOptions, origin: NDArray[np.float64]
) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    image = vtkImageData()
    image.SetDimensions(*fine.shape)
    image.SetSpacing(*[1 / options.resolution] * 3)
    image.SetOrigin(*origin)
    # VTK runs x fastest: any other order would flip the shape.
    values = fine.ravel(order="F")
    image.GetPointData().SetScalars(numpy_to_vtk(values))
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, options.level)
    contour.ComputeNormalsOff()
    contour.ComputeGradientsOff()
    contour.ComputeScalarsOff()
    contour.Update()
    return contour.GetOutput()


def _reach(
    places: NDArray[np.float64],
    coarse: occupancy_grid.Occupancy,
    fine: occupancy_grid.Occupancy,
    options: SurfaceOptions,
) -> NDArray[np.float32]:
    """How far smoothing may move each vertex, (n,) in voxels; places are in cells of `coarse`.

    A wall, leg or gap one cell wide would lose half its width to `_REACH` from either side, so the
    reach beside it is next to nothing; what is thin on the finer grid alone, in its finer cells.
    """
    reach = np.full(len(places), _REACH, np.float32)
    scales = {1: coarse, options.resolution: fine}
    for scale, cells in scales.items():
        x, y, z = np.rint(places * scale).astype(np.intp).T
        reach[occupancy_grid.thin_cells(cells, options.level)[x, y, z]] = _REACH_WHERE_THIN / scale
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


def _shaded(poly: Any, cells: int) -> TriMesh:
    """The mesh with normals; from voxels to sides of a grid of so many cells."""
    from vtkmodules.vtkFiltersCore import vtkTriangleMeshPointNormals

    shading = vtkTriangleMeshPointNormals()
    shading.SetInputData(poly)
    shading.Update()
    result = shading.GetOutput()
    return TriMesh(
        vertices=_points(result) / np.float32(cells),
        faces=_triangles(result),
        normals=_numpy(result.GetPointData().GetNormals()).astype(np.float32),
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
