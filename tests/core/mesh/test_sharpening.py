"""Surfaces whose true distance is known, judged by closed forms and by trimesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.mesh.sharpening import sharpened

SIDE = 48
HALF = np.array([0.31, 0.22, 0.127], np.float32)  # of a box, in sides of the grid


def box(points):
    beyond = np.abs(points) - HALF
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
    return (outside + np.minimum(beyond.max(1), 0)).astype(np.float32)


def turned_box(points):
    angle = np.float32(0.5)
    spun = points @ np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]],
        np.float32,
    )
    return box(spun)


def ball(points):
    return (np.linalg.norm(points, axis=1) - np.float32(0.3)).astype(np.float32)


def grid_of(distance):
    places = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE - 0.5
    points = np.stack(np.meshgrid(places, places, places, indexing="ij"), -1).reshape(-1, 3)
    depth = -distance(points).clip(-3 / SIDE, 3 / SIDE) * SIDE
    return (1 / (1 + np.exp(-depth))).astype(np.float32).reshape((SIDE,) * 3)


def closed(mesh):
    found = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert found.is_watertight
    assert found.is_winding_consistent
    return found


@pytest.mark.parametrize("distance", [box, turned_box])
def test_boxes_get_their_edges_and_corners_back(distance):
    blunt = closed(meshing.surface(grid_of(distance), SurfaceOptions()))
    sharp = closed(meshing.surface(grid_of(distance), SurfaceOptions(), distance))
    true = float(8 * HALF.prod())
    assert abs(blunt.volume / true - 1) > 0.005
    assert sharp.volume == pytest.approx(true, rel=2e-3)
    assert sharp.area == pytest.approx(8 * (HALF[[0, 1, 0]] * HALF[[1, 2, 2]]).sum(), rel=5e-3)
    assert sharp.euler_number == 2
    corners = np.array(np.meshgrid(*[(-h, h) for h in HALF])).reshape(3, 8).T.astype(np.float32)
    if distance is box:
        for corner in corners:
            assert np.linalg.norm(sharp.vertices - corner, axis=1).min() < 0.05 / SIDE


def test_round_surfaces_lie_where_they_are():
    mesh = closed(meshing.surface(grid_of(ball), SurfaceOptions(), ball))
    assert np.abs(ball(mesh.vertices.astype(np.float32))).max() < 0.03 / SIDE
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=5e-3)


@pytest.mark.parametrize("level", [0.3, 0.6])
def test_other_levels_lie_farther_out_or_in(level):
    mesh = closed(meshing.surface(grid_of(ball), SurfaceOptions(level=level), ball))
    cells = np.log(1 / level - 1)
    radius = np.linalg.norm(mesh.vertices, axis=1)
    assert radius.mean() == pytest.approx(0.3 + cells / SIDE, abs=0.03 / SIDE)


def test_without_smoothing_the_cells_themselves_are_seen():
    plain = meshing.surface(grid_of(box), SurfaceOptions(smoothing=0))
    known = meshing.surface(grid_of(box), SurfaceOptions(smoothing=0), box)
    np.testing.assert_array_equal(plain.vertices, known.vertices)


def test_finer_sampling_is_sharp_too():
    mesh = closed(meshing.surface(grid_of(turned_box), SurfaceOptions(resolution=2), turned_box))
    assert mesh.volume == pytest.approx(float(8 * HALF.prod()), rel=1e-3)


def test_no_vertex_meets_another_one_and_no_triangle_folds():
    """Two boxes with a gap of less than a thousandth of a cell, which planes would close."""

    def boxes(points):
        gap = np.array([HALF[0] + 2e-4 / SIDE, 0, 0], np.float32)
        return np.minimum(box(points * 2 - gap), box(points * 2 + gap)) / 2

    plain = meshing.surface(grid_of(boxes), SurfaceOptions(smoothing=0, largest_part=False))
    moved = sharpened(plain.vertices, plain.faces, boxes, 1 / SIDE)
    assert len(np.unique(np.round(moved * SIDE * 1e4), axis=0)) == len(moved)
    before, after = (
        np.cross(*(v[plain.faces[:, k]] - v[plain.faces[:, 0]] for k in (1, 2)))
        for v in (plain.vertices, moved)
    )
    assert ((before * after).sum(1) >= 0).all()


def test_faces_of_a_box_are_drawn_flat_up_to_its_edges():
    mesh = meshing.surface(grid_of(turned_box), SurfaceOptions(), turned_box)
    shading = mesh.shading
    np.testing.assert_array_equal(shading.owners[shading.faces], mesh.faces)
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    large = area > 0.2 / SIDE**2
    flat = (across[large] / area[large, None])[:, None]
    agree = (shading.normals[shading.faces[large]] * flat).sum(2)
    assert (agree > 0.98).mean() > 0.98
    smooth = (mesh.normals[mesh.faces[large]] * flat).sum(2)
    assert (smooth > 0.98).mean() < 0.95
    assert meshing.surface(grid_of(box), SurfaceOptions()).shading is None


def test_a_leg_of_two_cells_is_drawn_round():
    axis = np.array([0.2, 0.3, 0.93], np.float32) / np.linalg.norm([0.2, 0.3, 0.93])

    def rod(points):
        along = points @ axis
        away = np.linalg.norm(points - along[:, None] * axis, axis=1) - 1.1 / SIDE
        return np.maximum(away, np.abs(along) - 0.4).astype(np.float32)

    mesh = meshing.surface(grid_of(rod), SurfaceOptions(), rod)
    shading = mesh.shading
    np.testing.assert_array_equal(shading.owners[shading.faces], mesh.faces)
    assert len(shading.owners) == len(shading.normals) == shading.faces.max() + 1
    np.testing.assert_allclose(np.linalg.norm(shading.normals, axis=1), 1, atol=1e-5)
    side = (np.abs(mesh.vertices[mesh.faces] @ axis) < 0.36).all(1)
    places = mesh.vertices[mesh.faces[side]]
    true = places - (places @ axis)[..., None] * axis
    true /= np.linalg.norm(true, axis=2, keepdims=True)
    agree = (shading.normals[shading.faces[side]] * true).sum(2)
    assert agree.min() > np.cos(np.deg2rad(20))
    corners = places.astype(np.float64)
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    assert (flat[:, None] * true).sum(2).min() < np.cos(np.deg2rad(35))  # what splits a vertex
