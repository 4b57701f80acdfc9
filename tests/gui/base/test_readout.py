"""Numbers beside sliders can be typed: by mouse, by keys, exactly, and never by accident."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QPushButton, QVBoxLayout

from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.gui.base.readout import number_in
from shapelab.gui.base.sliders import SigmaSlider
from shapelab.gui.base.surface_group import SurfaceGroup

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def row(qtbot):
    """A slider in a dialog whose default button must not hear of Enter."""
    dialog = QDialog()
    qtbot.addWidget(dialog)
    row, dialog.button = SigmaSlider("Direction 1"), QPushButton("Save", default=True)
    row.dialog = dialog  # kept
    row.heard = []
    row.changed.connect(row.heard.append)
    row.edit_finished.connect(lambda: row.heard.append("finished"))
    row.reset_requested.connect(lambda: row.heard.append("reset"))
    dialog.button.clicked.connect(lambda: row.heard.append("saved"))
    column = QVBoxLayout(dialog)
    column.addWidget(row)
    column.addWidget(dialog.button)
    with qtbot.waitExposed(dialog):
        dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    return row


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.5", 1.5), ("−1,25 σ", -1.25), ("+.5", 0.5), ("40 %", 40), ("3.", 3), (" -2 ", -2)],
)
def test_what_people_write_is_a_number(text, number):
    assert number_in(text) == number


@pytest.mark.parametrize("text", ["", "-", "one", "1e9", "nan", "inf", "1 2", "1,000,000", "1.2.3"])
def test_what_is_no_number_is_none(text):
    assert math.isnan(number_in(text))


def test_a_click_and_a_number_move_the_slider_exactly(qtbot, row):
    row.set_value(-1.2)
    qtbot.mouseClick(row.readout, LEFT)
    field = row.readout.field
    qtbot.waitUntil(field.hasFocus)
    assert (field.text(), field.selectedText()) == ("-1.2", "-1.2")
    assert row.rect().contains(field.geometry())
    qtbot.keyClicks(field, "1,234")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert row.heard == [1.234, "finished"]
    assert row.readout.field is None
    assert row.readout.text() == "+1.2 σ"
    assert row.slider.hasFocus()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_F2])
def test_keys_alone_do_the_same(qtbot, row, key):
    row.slider.setFocus()
    qtbot.keyClick(row.slider, key)
    qtbot.keyClicks(QApplication.focusWidget(), "9")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Enter)
    assert row.heard == [3.0, "finished"]  # the end of the slider
    assert row.slider.value() == row.slider.maximum()


def test_escape_gives_up_and_what_is_no_number_waits_to_be_mended(qtbot, row):
    qtbot.mouseClick(row.readout, LEFT)
    field = row.readout.field
    qtbot.keyClicks(field, "much")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert row.readout.field is field
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert row.readout.field is None
    assert row.heard == []


def test_going_elsewhere_takes_a_number_and_drops_what_is_none(qtbot, row):
    for text, heard in (("0.5", [0.5, "finished"]), ("x", [])):
        row.heard.clear()
        qtbot.mouseClick(row.readout, LEFT)
        qtbot.waitUntil(row.readout.field.hasFocus)
        qtbot.keyClicks(row.readout.field, text)
        row.window().button.setFocus()
        assert row.readout.field is None
        assert row.heard == heard
        assert row.window().button.hasFocus()


def test_a_double_click_still_resets(qtbot, row):
    qtbot.mouseClick(row.readout, LEFT)
    qtbot.mouseDClick(row.readout.field, LEFT)  # the second click falls into the field
    assert row.heard == ["reset", "finished"]
    assert row.readout.field is None


def test_l_locks_without_a_stop_of_its_own(qtbot, row):
    told = []
    row.lock_toggled.connect(told.append)
    row.slider.setFocus()
    qtbot.keyClick(row.slider, Qt.Key.Key_L)
    qtbot.keyClick(row.slider, Qt.Key.Key_Tab)
    assert row.window().button.hasFocus()
    qtbot.keyClick(row.slider, Qt.Key.Key_L)
    assert told == [True, False]


def test_a_disabled_row_takes_nothing(qtbot, row):
    row.setEnabled(False)
    qtbot.mouseClick(row.readout, LEFT)
    assert row.readout.field is None


def test_the_level_can_be_typed(qtbot):
    group = SurfaceGroup(80)
    qtbot.addWidget(group)
    group.show()
    chosen = []
    group.chosen.connect(chosen.append)
    group.show_found(0.37)
    for text, level in (("0.41", 0.41), ("7", 0.95)):
        qtbot.mouseClick(group.readout, LEFT)
        assert group.rect().contains(group.readout.field.geometry())
        qtbot.keyClicks(group.readout.field, text)
        qtbot.keyClick(group.readout.field, Qt.Key.Key_Return)
        assert chosen[-1] == SurfaceOptions(level=level)
