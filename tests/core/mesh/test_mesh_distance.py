"""Distances from surfaces: against known solids, every triangle, and a mesh of few large ones."""

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


def by_all_triangles(points, mesh):
    """From every triangle, the nearest counts; the side by the winding number, a closed form."""
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    found = []
    for point in points:
        nearest = trimesh.triangles.closest_point(corners, np.tile(point, (len(corners), 1)))
        a, b, c = (corners - point).transpose(1, 0, 2)
        u, v, w = (np.linalg.norm(side, axis=1) for side in (a, b, c))
        # Van Oosterom and Strackee 1983: half the solid angle under which a triangle is seen.
        solid = (a * np.cross(b, c)).sum(1)
        plane = u * v * w + (a * b).sum(1) * w + (b * c).sum(1) * u + (c * a).sum(1) * v
        winding = np.arctan2(solid, plane).sum() / (2 * np.pi)
        away = np.linalg.norm(nearest - point, axis=1).min()
        found.append(-away if winding > 0.5 else away)
    return np.array(found)


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
def test_a_shape_against_all_of_its_triangles(smoothing):
    mesh = surface(chair(24), SurfaceOptions(smoothing=smoothing))
    other = surface(chair(24)[::-1], SurfaceOptions(level=0.3))
    points = np.concatenate(
        [other.vertices[::20], np.random.default_rng(2).uniform(-0.6, 0.6, (100, 3))]
    )
    expected = by_all_triangles(points, mesh)
    np.testing.assert_allclose(signed_distances(points, mesh), expected, atol=1e-6)


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


def test_a_ray_meets_the_front_of_a_mesh_first_and_passes_triangles_without_a_side():
    cube = trimesh.creation.box((1, 1, 1))
    edge_on = [[0.0, 0.0, 2.0], [0.0, 0.0, 3.0], [0.5, 0.0, 2.0], [-0.5, 0.0, 3.0]]
    vertices = np.concatenate([cube.vertices, edge_on]).astype(np.float32)
    faces = np.concatenate([cube.faces, [[8, 9, 10], [8, 10, 11], [8, 8, 8]]]).astype(np.int32)
    mesh = TriMesh(vertices, faces)
    down, start = np.array([0.0, 0.0, -1.0]), np.array([0.1, 0.2, 5.0])
    np.testing.assert_allclose(mesh.met_by(start, down), [0.1, 0.2, 0.5])
    np.testing.assert_allclose(mesh.met_by(np.array([0.1, 0.0, 5.0]), down), [0.1, 0.0, 0.5])
    assert mesh.met_by(start, -down) is None
