"""How far the surface of one shape lies outside or inside that of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import Cancelled, MeshError
from shapelab.core.mesh.tri_mesh import TriMesh

CHUNK = (
    1024  # points between two questions whether to stop; VTK holds Python's lock for about 15 ms
)


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

    The side follows from angle-weighted normals (Baerentzen and Aanaes 2005), as VTK has them.

    Args:
        points: anywhere.
        mesh: closed and wound outwards; its triangles may be of any size.
        cancelled: asked now and then, for a thread.

    Raises:
        MeshError: the mesh has no triangle.
        Cancelled: that was the answer.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    if mesh.is_empty:
        raise MeshError("There is no surface to measure from.")
    corners, triangles, surface = vtkPoints(), vtkCellArray(), vtkPolyData()
    corners.SetData(numpy_to_vtk(mesh.vertices.astype(np.float64), deep=True))
    triangles.SetData(3, numpy_to_vtk(mesh.faces.astype(np.int64).ravel(), deep=True))
    surface.SetPoints(corners)
    surface.SetPolys(triangles)
    function = vtkImplicitPolyDataDistance()
    function.SetInput(surface)
    distances = np.zeros(len(points))
    for start in range(0, len(points), CHUNK):
        if cancelled():
            raise Cancelled("The comparison was given up.")
        part = np.ascontiguousarray(points[start : start + CHUNK], np.float64)
        # Both arrays lie in numpy's memory: VTK writes straight into the result.
        function.FunctionValue(numpy_to_vtk(part), numpy_to_vtk(distances[start : start + CHUNK]))
    return distances.astype(np.float32)


def difference(mesh: TriMesh, distances: NDArray[np.floating]) -> Difference:
    """Sums up the distances (n,) of a mesh's vertices."""
    a, b, c = mesh.vertices.astype(np.float64)[mesh.faces].transpose(1, 0, 2)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    away = np.abs(distances)
    mean = float((away[mesh.faces].mean(1) * areas).sum() / max(areas.sum(), 1e-30))
    return Difference(mean, float(away.max(initial=0.0)))
