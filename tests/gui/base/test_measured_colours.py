"""Colours of lengths: distances symmetric, doubt darker, with round ends told in the legend."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.gui.base.measured_colours import (
    DISTANCES,
    DOUBT,
    INSIDE,
    LEAST_MM,
    OUTSIDE,
    SAME,
    Legend,
    fitting_end,
)


def test_none_is_grey_and_the_ends_are_blue_and_red():
    colours = DISTANCES.painted(np.array([-9, -3, 0, 3, 9], np.float32), 3.0)
    assert [tuple(row) for row in colours] == [INSIDE, INSIDE, SAME, OUTSIDE, OUTSIDE]


def test_both_sides_are_equally_strong():
    steps = np.linspace(0.05, 1, 20)
    luma = np.array([0.2126, 0.7152, 0.0722])
    inside, outside = (DISTANCES.painted(sign * steps, 1.0) @ luma for sign in (-1, 1))
    assert np.abs(inside - outside).max() < 40
    assert (np.diff(inside) < 0).all()
    assert (np.diff(outside) < 0).all()


@pytest.mark.parametrize(
    ("most", "end"), [(0.0, LEAST_MM), (0.13, 0.2), (0.5, 0.5), (3.1, 5.0), (7.0, 10.0), (12, 20)]
)
def test_the_end_is_round_and_holds_nearly_all(most, end):
    assert fitting_end([np.linspace(-most, most, 3), np.array([])]) == pytest.approx(end)


def test_a_few_far_points_do_not_grey_out_the_rest():
    distances = np.ones(1000)
    distances[:20] = 500.0
    assert fitting_end([distances]) == 1.0


def test_the_legend_tells_its_ends_in_mm(qtbot):
    legend = Legend(DISTANCES)
    qtbot.addWidget(legend)
    assert legend.ticks == ()
    legend.show_end(5.0)
    assert legend.ticks == ("−5", "−2.5", "0", "+2.5", "+5 mm")
    assert "5 mm" in legend.toolTip()


def test_doubt_is_darker_the_larger_it_is(qtbot):
    luma = DOUBT.painted(np.linspace(0, 4, 9), 4.0) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma) < 0).all()
    legend = Legend(DOUBT)
    qtbot.addWidget(legend)
    legend.show_end(4.0)
    assert legend.ticks == ("0", "2", "4 mm")
