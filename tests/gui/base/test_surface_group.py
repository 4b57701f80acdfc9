"""The surface group: what is shown, what is chosen, and that showing tells nobody."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from shapelab.core.mesh.meshing import AUTOMATIC, SurfaceOptions
from shapelab.gui.base.surface_group import SurfaceGroup

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def group(qtbot):
    group = SurfaceGroup(78)
    qtbot.addWidget(group)
    group.resize(300, 160)
    with qtbot.waitExposed(group):
        group.show()
    return group


def test_a_found_level_is_shown_and_a_chosen_one_is_kept(qtbot, group):
    heard = []
    group.chosen.connect(heard.append)
    group.show_options(AUTOMATIC)
    group.show_found(0.37)
    assert (group.readout.text(), group.auto.isChecked()) == ("0.37", True)
    assert heard == []
    qtbot.keyClick(group.level, Qt.Key.Key_Left)
    assert heard == [SurfaceOptions(level=0.36)]
    group.show_found(0.5)  # of the shape before
    assert (group.readout.text(), group.auto.isChecked()) == ("0.36", False)
    qtbot.mouseClick(group.auto, LEFT)
    assert heard.pop() == AUTOMATIC
    qtbot.mouseClick(group.auto, LEFT)
    assert heard.pop() == SurfaceOptions(level=0.36)
    qtbot.mouseDClick(group.readout, LEFT)
    assert heard.pop() == AUTOMATIC


@pytest.mark.parametrize("dark", [False, True])
def test_solid_cells_stand_out_in_the_histogram(qtbot, group, qapp, dark):
    from shapelab.gui.base import theme

    theme.apply(qapp, dark)
    group.show_options(SurfaceOptions(level=0.5))
    empty = group.level.grab().toImage()
    group.level.show_counts(np.full(25, 1000))
    image = group.level.grab().toImage()
    below, above = (round(group.level.x_of(level)) for level in (30, 70))
    foot = group.level.height() - 2
    assert image.pixelColor(below, foot) != empty.pixelColor(below, foot)
    assert image.pixelColor(above, foot) != image.pixelColor(below, foot)
    theme.apply(qapp)
