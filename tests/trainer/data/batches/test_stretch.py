"""Shapes of other proportions: other sides, other places of their parts, and still whole."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.model.wholeness import one_part
from trainer.data.batches.proportions import stretch

AXES = ((1, 2), (0, 2), (0, 1))


@pytest.fixture
def table() -> np.ndarray:
    """24 x 16 x 12 cells: a top of two cells on four legs of one, and a board half way up."""
    grid = np.zeros((32, 32, 32), bool)
    grid[4:28, 8:24, 20:22] = True
    for x in (5, 26):
        for y in (9, 22):
            grid[x, y, 10:20] = True
    grid[5:27, 9:23, 15] = True
    return grid


def profile(grid, axis):
    """Cells of each layer along an axis."""
    return grid.sum(axis=AXES[axis])


def test_sides_change_and_the_longest_is_that_of_all_shapes(table):
    rng, shapes = np.random.default_rng(0), set()
    for _ in range(40):
        made = stretch(table, rng)
        sides = tuple(int(np.ptp(np.flatnonzero(profile(made, axis)))) + 1 for axis in range(3))
        assert max(sides) == 24
        low = [int(np.flatnonzero(profile(made, axis))[0]) for axis in range(3)]
        assert all(abs(2 * a + side - 32) <= 1 for a, side in zip(low, sides, strict=True))
        shapes.add(sides)
    assert len(shapes) > 20


def test_thin_parts_stay_and_hold_together(table):
    rng = np.random.default_rng(1)
    made = np.stack([stretch(table, rng) for _ in range(40)])
    assert one_part(made).mean() > 0.9
    assert 0.8 < made.sum() / (40 * table.sum()) < 1.25


def test_parts_move_against_the_sides(table):
    rng, places = np.random.default_rng(2), []
    for _ in range(40):
        layers = profile(stretch(table, rng), 2)
        used = np.flatnonzero(layers)
        below = layers[used[0] : used[0] + 2 * len(used) // 3]  # the top is above
        places.append(int(below.argmax()) / len(used))  # the board, from the floor up
    assert np.ptp(places) > 0.1
    assert 0.2 < min(places) < max(places) < 0.7


def test_what_is_alike_left_and_right_stays_so(table):
    rng = np.random.default_rng(3)
    for _ in range(20):
        made = stretch(table, rng)
        used = np.flatnonzero(profile(made, 0))
        part = made[used[0] : used[-1] + 1]
        assert np.array_equal(part, part[::-1])


def test_the_same_draws_give_the_same_shape(table):
    first = stretch(table, np.random.default_rng(4))
    assert np.array_equal(first, stretch(table, np.random.default_rng(4)))
    assert not np.array_equal(first, stretch(table, np.random.default_rng(5)))
    assert not np.array_equal(first, table)


def test_a_single_cell_is_a_shape_too():
    grid = np.zeros((32, 32, 32), bool)
    grid[3, 4, 5] = True
    made = stretch(grid, np.random.default_rng(0))
    assert made.any()
