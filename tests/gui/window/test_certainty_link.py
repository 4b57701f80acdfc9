"""A picture's shape is coloured by how sure the model is of it, in the real window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from shapelab.core.paths import resources

pytestmark = pytest.mark.gl


def settle(qtbot, window):
    busy = (window.document, window.image_panel.overlay, window.image_panel.doubt, window.certainty)
    qtbot.waitUntil(lambda: not any(each.busy for each in busy))


def test_colours_come_stay_with_the_shape_and_go(qtbot, window):
    view, card, action = window.viewport, window.viewport.doubt, window.actions_["certainty"]
    switch = window.image_panel.doubt.certainty
    session = window.document.session
    assert not action.isEnabled()
    window.open_paths([resources() / "examples" / "chair.png"])
    settle(qtbot, window)
    assert action.isEnabled()
    assert view._paint is None
    steps = session.undo_text
    switch.click()
    assert action.isChecked()
    assert "other shapes" in card.words.text()
    settle(qtbot, window)
    assert card.legend.isVisible()
    assert card.legend.ticks[-1].endswith("mm")
    assert "Printed 80 mm long, sure to ±" in card.words.text()
    first = view._paint
    assert first.shape == (len(view.mesh.vertices), 3)
    assert len({tuple(row) for row in first}) > 50
    assert session.undo_text == steps  # how it is looked at is no step

    session.set_coefficient(0, 1.0)
    session.finish_edit()
    settle(qtbot, window)
    moved = view._paint
    assert moved is not None
    assert len(moved) == len(view.mesh.vertices)

    window.actions_["style_blocks"].trigger()
    settle(qtbot, window)
    assert view._paint is None
    assert "of the surface" in card.words.text()
    window.actions_["style_smooth"].trigger()
    settle(qtbot, window)
    assert view._paint is not None

    session.randomise(whole=False)  # comes from no picture
    settle(qtbot, window)
    assert view._paint is None
    assert not action.isEnabled()
    assert not card.isVisible()
    session.undo()
    settle(qtbot, window)
    assert view._paint is not None
    qtbot.keyClick(window, Qt.Key.Key_Y)
    assert view._paint is None
    assert not switch.isChecked()
    assert not card.isVisible()


def test_a_window_ends_while_it_measures(qtbot, window):
    window.actions_["certainty"].setChecked(True)
    window.open_paths([resources() / "examples" / "chair.png"])
    qtbot.waitUntil(lambda: window.certainty.busy)
    window.close()
    assert not window.certainty.busy
