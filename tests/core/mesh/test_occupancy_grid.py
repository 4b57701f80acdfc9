"""The level at which a shape hangs together."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import ndimage

from shapelab.core.mesh.meshing import SurfaceOptions, surface
from shapelab.core.mesh.occupancy_grid import CRUMBS, LOWEST_LEVEL, whole_level
from shapelab.core.mesh.tri_mesh import shell_of_faces


def blocks(necks: tuple[float, ...], cells: int = 10) -> np.ndarray:
    """Cubes in a row on a grid of 64, each joined to the next one by a thin neck so occupied."""
    grid = np.zeros((64, 64, 64), np.float32)
    for k, neck in enumerate((*necks, 0.0)):
        start = 2 + k * (cells + 6)
        grid[start : start + cells, 20 : 20 + cells, 20 : 20 + cells] = 0.9
        grid[start + cells : start + cells + 6, 24:26, 24:26] = neck
    return grid


def crumbs(grid: np.ndarray, share: float) -> np.ndarray:
    """The same with loose cells, so many of its solid ones."""
    count = int(share * (grid >= 0.5).sum())
    dusty = grid.copy()
    for k in range(count):
        dusty[2 * (k // 30), 2 * (k % 30), 60] = 0.9
    return dusty


@pytest.mark.parametrize(
    ("grid", "level"),
    [
        (blocks((0.6,)), 0.5),  # whole as it is
        (blocks((0.405,)), 0.4),
        (blocks((0.405, 0.305)), 0.3),
        (blocks((0.405, 0.1)), 0.4),  # nothing joins the third: no fatter than helps
        (blocks((0.1, 0.1)), 0.5),
        (crumbs(blocks((0.6,)), 0.8 * CRUMBS), 0.5),
        (crumbs(blocks((0.405,)), 0.8 * CRUMBS), 0.4),
        (0.5 * blocks((0.9,)), LOWEST_LEVEL),  # empty at 0.5
        (np.zeros((8, 8, 8), np.float32), 0.5),
    ],
)
def test_the_highest_level_that_joins_a_shape_is_found(grid: np.ndarray, level: float) -> None:
    assert whole_level(grid) == level


def test_a_blurred_table_is_whole_at_its_level_in_the_surface_too() -> None:
    grid = np.zeros((64, 64, 64), np.float32)
    grid[8:56, 8:56, 40:44] = 1
    for x in (10, 52):
        for y in (10, 52):
            grid[x : x + 2, y : y + 2, 8:40] = 1
    blurred = ndimage.gaussian_filter(grid, 0.6)
    blurred[:, :, 20:24] *= 0.5
    level = whole_level(blurred)
    assert LOWEST_LEVEL < level < 0.5
    options = SurfaceOptions(largest_part=False, level=level)
    assert shell_of_faces(surface(blurred, options).faces).max() == 0
    broken = surface(blurred, SurfaceOptions(largest_part=False))
    assert shell_of_faces(broken.faces).max() > 0


def test_it_keeps_up_with_a_drag() -> None:
    """At 64 cells a side, in processor time: other programs do not count."""
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.random((64, 64, 64)), 1.5).astype(np.float32)
    noise = (noise - noise.min()) / np.ptp(noise)
    begun = time.process_time()
    for _ in range(5):
        assert 0.3 < whole_level(noise - 0.1) < 0.5
    assert (time.process_time() - begun) / 5 < 0.05  # 18 ms; furniture takes 1 to 5 ms
