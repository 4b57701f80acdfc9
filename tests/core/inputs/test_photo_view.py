"""A shape as a photo's camera sees it, against closed forms and the fit's own silhouettes."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.inputs.cutout import outlines
from shapelab.core.inputs.photo_view import photo_view
from shapelab.core.model.camera import Camera

SIDE, WOOD = 128, (200, 160, 120)
CORNER = Camera(-1.0, 0.4, 2.5, 0.05, (0.01, -0.02, 0.5))


def ball(cells: int, radius: float, middle: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    """Occupancy (cells, cells, cells) of a ball, in sides of the grid, with a soft edge."""
    places = (np.arange(cells) + 0.5) / cells - 0.5
    x, y, z = np.meshgrid(places, places, places, indexing="ij")
    away = np.sqrt((x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2)
    return np.clip((radius - away) * cells + 0.5, 0, 1).astype(np.float32)


@pytest.mark.parametrize("cells", [32, 64])
@pytest.mark.parametrize("distance", [1.6, 4.0])
def test_a_ball_is_as_large_as_perspective_makes_it(cells: int, distance: float) -> None:
    camera = Camera(-np.pi / 2, 0.0, distance, 0.0, (0.0, 0.0, 0.5))
    view = photo_view(ball(cells, 0.3), camera, SIDE, WOOD)
    seen = distance * np.tan(np.arcsin(0.3 / distance))  # its radius in the plane of the middle
    assert view[..., 3].sum() / 255 == pytest.approx(np.pi * (seen * SIDE) ** 2, rel=0.02)
    rows, columns = np.nonzero(view[..., 3] > 127)
    assert (rows.mean(), columns.mean()) == pytest.approx((SIDE / 2 - 0.5,) * 2, abs=0.3)


@pytest.mark.parametrize(
    ("middle", "place"),
    [((0.2, 0, 0), (64, 89.6)), ((0, 0, 0.2), (38.4, 64)), ((0, 0.2, 0), (64, 64))],
)
def test_right_is_right_and_up_is_up_before_the_front(
    middle: tuple[float, float, float], place: tuple[float, float]
) -> None:
    far = Camera(-np.pi / 2, 0.0, 1000.0, 0.0, (0.0, 0.0, 0.5))  # parallel rays
    view = photo_view(ball(32, 0.1, middle), far, SIDE, WOOD)
    rows, columns = np.nonzero(view[..., 3] > 127)
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx(place, abs=0.5)


def test_it_covers_what_the_fit_takes_for_the_silhouette() -> None:
    import torch

    from shapelab.core.model.silhouette_fit import silhouettes

    solid = np.maximum(ball(32, 0.15, (0.1, 0, 0.2)), ball(32, 0.2, (-0.15, 0.1, -0.1)))
    codes = torch.from_numpy(CORNER.code())[None]
    judged = silhouettes(torch.from_numpy(solid)[None], codes)[0].numpy()
    mine = photo_view(solid, CORNER, 32, WOOD)[..., 3] / 255
    assert np.minimum(judged, mine).sum() / np.maximum(judged, mine).sum() > 0.9


def test_the_light_falls_from_above() -> None:
    view = photo_view(ball(32, 0.3), Camera(-np.pi / 2, 0.0, 3.0, 0.0, (0, 0, 0.5)), SIDE, WOOD)
    inside = np.where(view[..., 3:] > 250, view[..., :3], 0).astype(float)
    assert inside[40:64].sum() > 1.1 * inside[64:88].sum()


def test_what_is_empty_or_out_of_the_picture_is_clear() -> None:
    beside = Camera(-np.pi / 2, 0.0, 3.0, 0.0, (5.0, 0.0, 0.3))
    for grid, camera in ((np.zeros((32, 32, 32), np.float32), CORNER), (ball(32, 0.3), beside)):
        assert not photo_view(grid, camera, SIDE, WOOD).any()


def test_a_camera_in_the_shape_is_no_error() -> None:
    inside = Camera(0.3, 0.2, 0.2, 0.0, (0.0, 0.0, 0.5))
    assert photo_view(ball(32, 0.4), inside, 32, WOOD).shape == (32, 32, 4)


def test_outlines_run_around_parts_and_holes() -> None:
    alpha = np.zeros((40, 60), np.uint8)
    alpha[5:25, 10:40] = 255
    alpha[10:20, 20:30] = 0
    alpha[30:35, 50:55] = 255
    lines = outlines(alpha)
    assert len(lines) == 3
    widths = sorted(float(np.ptp(line[:, 0])) for line in lines)
    assert widths == [4, 11, 29]  # the line around a hole runs through its rim
    assert outlines(np.zeros((4, 4), np.uint8)) == []
