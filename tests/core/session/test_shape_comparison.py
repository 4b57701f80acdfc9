"""Shapes of grids with other numbers of cells are compared as they lie in them."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session.shape_comparison import Subject, compare_shapes

RAW = SurfaceOptions(smoothing=0, largest_part=False, level=0.5)


def ball(side: int, radius: float) -> Subject:
    """A ball in the middle; its radius in sides of the grid."""
    places = (np.arange(side) + 0.5) / side - 0.5
    away = radius - np.linalg.norm(np.stack(np.meshgrid(*[places] * 3, indexing="ij"), -1), axis=-1)
    occupancy = np.clip(0.5 + away * side / 4, 0, 1).astype(np.float32)
    return Subject("ball", occupancy, RAW)


def test_one_ball_in_three_grids_is_one_ball() -> None:
    for coarse, fine in ((32, 64), (64, 32), (32, 128)):
        found = compare_shapes(ball(coarse, 0.3), ball(fine, 0.3), 60)
        assert found.overlap > 0.9  # but for the steps of the coarser
        assert found.a_from_b.farthest < 60 / 0.6 / 32  # a cell of the coarsest
        volume = 4 / 3 * np.pi * 30**3
        assert found.volumes_mm3 == pytest.approx((volume, volume), rel=0.02)
        assert found.common_mm3 == pytest.approx(volume, rel=0.05)


def test_cells_that_are_the_same_are_all_in_common() -> None:
    coarse = ball(32, 0.25)
    fine = Subject("finer", np.kron(coarse.occupancy, np.ones((2, 2, 2), np.float32)), RAW)
    assert compare_shapes(coarse, fine, 60).overlap == pytest.approx(1, abs=0.03)
