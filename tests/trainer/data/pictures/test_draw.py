"""Pictures of grids: what is seen where, and how bright."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from shapelab.core.mesh.ray_picture import CORNER, VIEW, view_axes
from trainer.data.pictures import draw as drawing
from trainer.data.pictures.draw import BACKGROUND, draw, strip

RIGHT, UP, _ = view_axes(*CORNER)
AXIS = np.arange(32) - 15.5
X, Y, Z = np.meshgrid(AXIS, AXIS, AXIS, indexing="ij")


def box(x: float, y: float, z: float) -> NDArray[np.float32]:
    """A box in the middle of the grid, of half these sides in voxels."""
    return ((abs(X) < x) & (abs(Y) < y) & (abs(Z) < z)).astype(np.float32)


def chair() -> NDArray[np.float32]:
    grid = np.zeros((32, 32, 32), np.float32)
    grid[8:24, 8:24, 14:17] = 1  # seat
    grid[8:24, 22:24, 17:28] = 1  # back rest
    for x in (8, 22):
        for y in (8, 22):
            grid[x : x + 2, y : y + 2, 4:14] = 1
    return grid


def inked(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels that are not background."""
    return (picture != np.array(BACKGROUND)).any(-1)


def tone(picture: NDArray[np.uint8], point: tuple[float, float, float]) -> float:
    """Mean brightness of 3 x 3 pixels where a point is seen, in voxels from the grid's middle."""
    side = len(picture)
    scale = 2 * VIEW * 32 / side
    row = round(side / 2 - float(np.dot(UP, point)) / scale)
    column = round(side / 2 + float(np.dot(RIGHT, point)) / scale)
    return float(picture[row - 1 : row + 2, column - 1 : column + 2].mean())


def test_empty_and_broken_grids_are_plain_background() -> None:
    for value in (0.0, 0.4, np.nan):
        picture = draw(np.full((32, 32, 32), value, np.float32), 64)
        assert picture.shape == (64, 64, 3)
        assert picture.dtype == np.uint8
        assert (picture == np.array(BACKGROUND)).all()


def test_a_chair_is_seen_and_keeps_its_legs_apart() -> None:
    seen = inked(draw(chair()))
    assert 0.1 < seen.mean() < 0.5
    low = seen[np.flatnonzero(seen.any(1))[-40]]  # a row of pixels through three of the legs
    assert (np.diff(low.astype(int)) == 1).sum() >= 3


def test_top_is_brightest_then_the_front_then_the_right_side() -> None:
    picture = draw(box(10, 10, 10))
    top, front, side = (tone(picture, p) for p in ((0, 0, 10), (0, -10, 0), (10, 0, 0)))
    assert top > front + 20 > side + 40


def test_axes_are_right_back_and_up() -> None:
    for axis, direction in ((0, RIGHT), (1, UP), (2, UP)):
        before, after = np.zeros((2, 32, 32, 32), np.float32)
        before[14:18, 14:18, 14:18] = 1
        after[:] = np.roll(before, 6, axis)
        rows, columns = (np.argwhere(inked(draw(f))).mean(0) for f in (before, after))
        down, right = columns - rows
        # Moved to the right, to the back (which is farther up in the picture) or up.
        assert right if axis == 0 else -down
        expected = 6 * direction[axis] * 128 / (2 * VIEW * 32)
        assert (right if axis == 0 else -down) == pytest.approx(expected, abs=0.3)


def test_a_ball_has_a_round_outline_in_the_middle() -> None:
    radius = 10.0
    ball = 1 / (1 + np.exp(2 * (np.sqrt(X**2 + Y**2 + Z**2) - radius)))
    seen = inked(draw(ball.astype(np.float32)))
    for mirrored in (seen[:, ::-1], seen[::-1]):
        assert (seen ^ mirrored).sum() <= 8
    pixels = radius * 128 / (2 * VIEW * 32)
    assert seen.sum() == pytest.approx(np.pi * pixels**2, rel=0.04)


def test_a_grid_is_not_cut_off_and_its_surface_closes_at_the_grids_border() -> None:
    full = inked(draw(np.ones((32, 32, 32), np.float32)))
    for edge in (full[0], full[-1], full[:, 0], full[:, -1]):
        assert not edge.any()
    assert full[64, 64]


def test_one_voxel_is_seen_and_a_grid_of_another_size_looks_the_same() -> None:
    single = np.zeros((32, 32, 32), np.float32)
    single[16, 16, 16] = 1
    assert inked(draw(single)).any()
    coarse = chair()
    fine = coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    assert (inked(draw(coarse)) ^ inked(draw(fine))).mean() < 0.03


def test_a_grid_must_be_a_cube() -> None:
    with pytest.raises(ValueError, match="not \\(2, 3, 4\\)"):
        draw(np.zeros((2, 3, 4), np.float32))


def test_strip_places_tiles_with_even_gaps_and_captions_at_the_left() -> None:
    tile = np.zeros((64, 64, 3), np.uint8)
    data = strip([[tile, tile], [tile]], ["held out", "samples"])
    sheet = np.asarray(Image.open(io.BytesIO(data)))
    black = (sheet == 0).all(-1)
    columns, rows = np.flatnonzero(black.any(0)), np.flatnonzero(black.any(1))
    assert len(columns) == len(rows) == 128
    gap = drawing.GAP
    assert columns[64] - columns[63] == rows[64] - rows[63] == gap + 1
    border = drawing.BORDER
    assert sheet.shape[0] == 2 * border + 128 + gap
    assert sheet.shape[1] - 1 - columns[-1] == border
    captions = (sheet[:, : columns[0]] < 200).any((1, 2))
    assert captions[: sheet.shape[0] // 2].any()
    assert captions[sheet.shape[0] // 2 :].any()
    assert strip([[tile, tile], [tile]], ["held out", "samples"]) == data


def test_strip_of_nothing_is_still_a_picture() -> None:
    for rows, labels in (([], []), ([[]], ["samples"])):
        assert Image.open(io.BytesIO(strip(rows, labels))).size[0] > 0


def test_strip_refuses_what_does_not_fit_together() -> None:
    small, large = np.zeros((8, 8, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)
    with pytest.raises(ValueError, match="one size"):
        strip([[small], [large]], ["a", "b"])
    with pytest.raises(ValueError, match="as many labels"):
        strip([[small]], [])
