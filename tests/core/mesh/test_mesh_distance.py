"""Distances from surfaces: against known solids, VTK's own, and meshes of few large triangles."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from shapelab.core.errors import Cancelled, MeshError
from shapelab.core.mesh.meshing import SurfaceOptions, surface
from shapelab.core.mesh.signed_distance import difference, signed_distances
from shapelab.core.mesh.tri_mesh import TriMesh
from tests.shapes import chair


def of_trimesh(mesh: trimesh.Trimesh) -> TriMesh:
    return TriMesh(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))


def from_vtk(points, mesh):
    """VTK's distances, with its sign by angle-weighted normals."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    places, cells, data = vtkPoints(), vtkCellArray(), vtkPolyData()
    places.SetData(numpy_to_vtk(mesh.vertices.astype(np.float64), deep=True))
    cells.SetData(3, numpy_to_vtk(mesh.faces.astype(np.int64).reshape(-1), deep=True))
    data.SetPoints(places)
    data.SetPolys(cells)
    distance = vtkImplicitPolyDataDistance()
    distance.SetInput(data)
    return np.array([distance.EvaluateFunction(*map(float, point)) for point in points])


def test_a_box_of_twelve_triangles():
    box = of_trimesh(trimesh.creation.box((2, 1, 0.5)))
    points = np.random.default_rng(0).uniform(-2, 2, (500, 3))
    beyond = np.abs(points) - np.array([1, 0.5, 0.25])
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
    expected = outside + np.minimum(beyond.max(1), 0)
    np.testing.assert_allclose(signed_distances(points, box), expected, atol=1e-5)


def test_a_ball():
    ball = of_trimesh(trimesh.creation.icosphere(subdivisions=4, radius=0.4))
    points = np.random.default_rng(1).uniform(-0.6, 0.6, (500, 3))
    expected = np.linalg.norm(points, axis=1) - 0.4
    np.testing.assert_allclose(signed_distances(points, ball), expected, atol=2e-3)


@pytest.mark.parametrize("smoothing", [0, 10])
def test_a_shape_against_vtk(smoothing):
    mesh = surface(chair(24), SurfaceOptions(smoothing=smoothing))
    other = surface(chair(24)[::-1], SurfaceOptions(level=0.3))
    points = np.concatenate(
        [other.vertices[::7], np.random.default_rng(2).uniform(-0.6, 0.6, (300, 3))]
    )
    expected = from_vtk(points, mesh)
    np.testing.assert_allclose(signed_distances(points, mesh), expected, atol=1e-4)


def test_a_shape_lies_on_itself_and_sums_up_to_nothing():
    mesh = surface(chair(24))
    distances = signed_distances(mesh.vertices, mesh)
    assert np.abs(distances).max() < 1e-6
    assert difference(mesh, distances).farthest < 1e-6


def test_a_grown_ball_stands_out_by_what_it_grew():
    small, large = (
        of_trimesh(trimesh.creation.icosphere(subdivisions=3, radius=radius))
        for radius in (0.3, 0.35)
    )
    outwards = signed_distances(large.vertices, small)
    inwards = signed_distances(small.vertices, large)
    assert outwards.min() > 0.049
    assert inwards.max() < -0.049
    told = difference(large, outwards)
    assert told.mean == pytest.approx(0.05, abs=2e-3)
    assert told.farthest == pytest.approx(0.05, abs=2e-3)


def test_it_ends_when_asked_to_and_refuses_nothing():
    mesh = surface(chair(24))
    with pytest.raises(Cancelled):
        signed_distances(mesh.vertices, mesh, cancelled=lambda: True)
    with pytest.raises(MeshError):
        signed_distances(mesh.vertices, TriMesh(np.zeros((0, 3), np.float32)))
