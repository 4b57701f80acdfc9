"""The picture that needs no screen: what is seen where, at any resolution."""

import numpy as np
import pytest

from shapelab.core.mesh.ray_picture import CORNER, shape_picture, view_axes
from tests.shapes import chair

CLAY = (220, 197, 170)


def covered(picture):
    return picture[..., 3] > 128


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


def test_axes_are_those_of_a_viewer_in_front_at_the_right_and_above():
    np.testing.assert_allclose(view_axes(0, 0), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-12)
    np.testing.assert_allclose(view_axes(90, 0)[2], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(view_axes(0, 90)[2], [0, 0, 1], atol=1e-12)
    right, up, towards = view_axes(*CORNER)
    np.testing.assert_allclose(np.cross(right, up), towards, atol=1e-12)


def test_it_is_upright_shaded_and_seen_from_the_front_right():
    tower = np.zeros((32, 32, 32), np.float32)
    tower[10:22, 10:22, 4:28] = 1
    tower[10:22, 2:10, 4:10] = 1  # a step in front of it
    picture = shape_picture(tower, 64, (128, 128, 128))
    solid = covered(picture)
    assert 0.1 < solid.mean() < 0.7
    assert solid[32:].sum() > solid[:32].sum(), "the step stands on the floor"
    # From the front right, what is in front lies to the left.
    columns, top = np.flatnonzero(solid[-20:].any(0)), np.flatnonzero(solid[:20].any(0))
    assert top.min() - columns.min() > columns.max() - top.max()
    assert len(np.unique(picture[solid][:, 0])) > 5


@pytest.mark.parametrize("value", [0.0, 0.4, np.nan])
def test_nothing_is_transparent(value):
    assert not shape_picture(np.full((16, 16, 16), value, np.float32), 16, CLAY).any()


def test_the_colour_is_the_shapes_own_and_the_edge_is_soft():
    picture = shape_picture(chair(32), 96, (200, 100, 50))
    solid = picture[picture[..., 3] == 255][:, :3].astype(float)
    assert solid[:, 0].mean() > 1.5 * solid[:, 1].mean() > 2 * solid[:, 2].mean()
    edge = (picture[..., 3] > 0) & (picture[..., 3] < 255)
    assert 0.005 < edge.mean() < 0.1
    assert picture[edge][:, :3].mean() > 0.5 * solid.mean()  # not darkened by what is behind


@pytest.mark.parametrize("resolution", [64, 128])
def test_the_same_shape_gives_the_same_picture_at_every_resolution(resolution):
    coarse, fine = (shape_picture(chair(r), 128, CLAY) for r in (32, resolution))
    assert iou(covered(coarse), covered(fine)) >= 0.95
    both = (coarse[..., 3] == 255) & (fine[..., 3] == 255)
    assert abs(coarse[both][:, :3].mean() - fine[both][:, :3].mean()) < 6


def test_a_part_one_cell_thick_is_whole_at_128():
    pole = np.zeros((128, 128, 128), np.float32)
    pole[64, 64, 16:112] = 1
    alpha = shape_picture(pole, 128, CLAY)[..., 3]
    rows = np.flatnonzero(alpha.any(1))
    assert len(rows) == np.ptp(rows) + 1 > 70  # no gap from end to end


def test_where_the_true_distance_is_known_an_edge_is_one_step_of_light():
    cells, half = 64, 0.3

    def distance(points):
        apart = np.abs(points) - np.float32(half)
        outside = np.linalg.norm(apart.clip(0), axis=1)
        return outside + apart.max(1).clip(max=0)

    axis = (np.arange(cells, dtype=np.float32) + 0.5) / cells - 0.5
    places = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    depth = (-cells * distance(places)).clip(-3, 3).reshape((cells,) * 3)
    cube = 1 / (1 + np.exp(-depth))
    view = (45.0, 0.0)  # one edge in the middle, a face to each side
    tones = {}
    for known in (None, distance):
        row = shape_picture(cube, 256, CLAY, view, known)[128, :, 0].astype(int)
        front, side = row[90], row[166]
        between = (row > min(front, side) + 8) & (row < max(front, side) - 8)
        tones[known] = between[90:166].sum()
    assert tones[distance] <= 2 < tones[None]


def test_a_grid_must_be_a_cube():
    with pytest.raises(ValueError, match="not \\(2, 3, 4\\)"):
        shape_picture(np.zeros((2, 3, 4), np.float32), 32, CLAY)
