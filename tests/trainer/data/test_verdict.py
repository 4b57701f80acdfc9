"""Which sampled shapes are refused, and the figures that say why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapelab.core.mesh.tri_mesh import TriMesh
from trainer.data.sampling.sampled_shape import Sampled
from trainer.data.sampling.verdict import judge


def sampled(solid: np.ndarray) -> Sampled:
    return Sampled(solid, np.zeros(solid.shape, np.uint8), TriMesh(np.zeros((0, 3), np.float32)))


def empty() -> np.ndarray:
    return np.zeros((32,) * 3, bool)


def table() -> np.ndarray:
    grid = empty()
    grid[4:28, 8:24, 18:20] = True
    for x in (5, 25):
        for y in (9, 21):
            grid[x : x + 2, y : y + 2, 8:18] = True
    return grid


def test_a_table_is_accepted_with_its_figures() -> None:
    verdict = judge(sampled(table()))
    cells = 24 * 16 * 2 + 4 * 2 * 2 * 10
    assert verdict.reason == ""
    assert verdict.filled == cells / 32**3
    assert verdict.parts == 1
    # The hull: the top, and below it a frustum over the feet's own rectangle of 22 x 14.
    top, foot = 24 * 16, 22 * 14
    middle = 23 * 15
    assert verdict.hull_share == pytest.approx(
        cells / (top * 2 + 10 * (top + 4 * middle + foot) / 6), rel=1e-6
    )


def test_a_box_fills_its_hull() -> None:
    grid = empty()
    grid[4:28, 5:9, 3:30] = True
    assert judge(sampled(grid)).hull_share == pytest.approx(1)


@pytest.mark.parametrize(("cells", "accepted"), [(59, False), (60, True)])
def test_scraps_are_refused(cells: int, accepted: bool) -> None:
    grid = empty()
    block = np.zeros(250, bool)
    block[:cells] = True
    grid[10:15, 10:15, 10:20] = block.reshape(5, 5, 10)
    reason = judge(sampled(grid)).reason
    assert reason == ("" if accepted else f"Only {cells} of 32^3 cells are filled.")


def test_nothing_is_refused() -> None:
    verdict = judge(sampled(empty()))
    assert (verdict.filled, verdict.parts, verdict.hull_share) == (0, 0, 0)
    assert verdict.reason == "No cell of the grid is filled."


def test_confetti_is_refused_and_cells_that_touch_at_corners_are_one_part() -> None:
    grid = empty()
    grid[4:28:4, 4:28:4, 4:28:4] = True
    assert judge(sampled(grid)).reason == "It falls into 216 loose pieces."
    stair = empty()
    steps = np.arange(4, 28)
    stair[steps, steps, steps] = True
    assert judge(sampled(stair)).parts == 1


def test_a_web_of_threads_is_refused() -> None:
    grid = empty()
    grid[4:28, 4, 4] = grid[4, 4:28, 4] = grid[4, 4, 4:28] = True
    grid[27, 4:28, 4] = grid[27, 27, 4:28] = True
    verdict = judge(sampled(grid))
    assert verdict.parts == 1
    assert verdict.reason == "It fills only 1.2% of its convex hull."


@pytest.mark.parametrize("factor", [2, 4])
def test_the_verdict_is_the_same_at_finer_resolutions(factor: int) -> None:
    fine = np.kron(table(), np.ones((factor,) * 3, bool))
    assert judge(sampled(fine)) == judge(sampled(table()))


def test_modelnet_is_refused_for_broken_grids_only(shared_data: Path) -> None:
    voxels = np.load(shared_data / "modelnet10" / "modelnet10_train_30.npz")["voxels"]
    broken = [6, 15, 21, 22, 24, 26, 36, 44, 60, 69, 74, 101, 794, 1332, 3392, 3857]
    others = [i for i in range(0, len(voxels), 13) if i not in broken] + [697, 746, 1046, 1204]
    for i in broken:
        assert judge(sampled(np.pad(voxels[i], 1) > 0)).reason.endswith("filled."), i
    for i in others:
        assert judge(sampled(np.pad(voxels[i], 1) > 0)).reason == "", i
