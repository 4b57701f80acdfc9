from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from shapelab.gui.base.sliders import STEPS, FineSlider, SigmaSlider, format_value


@pytest.fixture
def row(qtbot):
    row = SigmaSlider("Direction 1")
    qtbot.addWidget(row)
    row.resize(300, 28)
    with qtbot.waitExposed(row):
        row.show()
    row.heard = []
    row.changed.connect(row.heard.append)
    row.edit_finished.connect(lambda: row.heard.append("finished"))
    row.reset_requested.connect(lambda: row.heard.append("reset"))
    return row


def place(slider: FineSlider, value: float) -> QPoint:
    return QPoint(round(slider.x_of(round(value * STEPS))), slider.height() // 2)


def turn_wheel(slider: FineSlider) -> bool:
    middle = QPointF(slider.rect().center())
    event = QWheelEvent(
        middle,
        QPointF(slider.mapToGlobal(slider.rect().center())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(slider, event)
    return event.isAccepted()


@pytest.mark.parametrize(
    ("value", "decimals", "unit", "signed", "text"),
    [
        (1.23, 1, "σ", True, "+1.2 σ"),
        (-1.25, 2, "", True, "−1.25"),
        (-0.04, 1, "σ", True, "0.0 σ"),
        (0.8, 2, "", False, "0.80"),
        (40, 0, "%", False, "40 %"),
    ],
)
def test_values_read_like_a_person_writes_them(value, decimals, unit, signed, text):
    assert format_value(value, decimals, unit, signed) == text


def test_dragging_tells_real_numbers_and_ends_once(qtbot, row):
    slider = row.slider
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=place(slider, 0))
    qtbot.mouseMove(slider, place(slider, 0.7))
    qtbot.mouseMove(slider, place(slider, 1.5))
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=place(slider, 1.5))
    assert row.value() == pytest.approx(1.5, abs=0.1)
    assert row.heard[-1] == "finished"
    assert row.heard.count("finished") == 1
    assert row.heard[-2] == pytest.approx(row.value())
    assert row.readout.text() == format_value(row.value(), 1, "σ", True)


def test_a_click_beside_the_knob_brings_the_knob_there(qtbot, row):
    qtbot.mouseClick(row.slider, Qt.MouseButton.LeftButton, pos=place(row.slider, -2))
    assert row.value() == pytest.approx(-2, abs=0.1)


def test_keys_step_by_a_tenth_and_end_the_edit(qtbot, row):
    qtbot.keyClick(row.slider, Qt.Key.Key_Right)
    qtbot.keyClick(row.slider, Qt.Key.Key_PageUp)
    assert row.heard == [pytest.approx(0.1), "finished", pytest.approx(0.6), "finished"]
    qtbot.keyClick(row.slider, Qt.Key.Key_End)
    assert row.value() == 3.0
    assert row.readout.text() == "+3.0 σ"


@pytest.mark.parametrize("part", ["label", "slider", "readout"])
def test_double_click_anywhere_asks_for_a_reset_and_changes_nothing_itself(qtbot, row, part):
    row.set_value(1.0)
    widget = getattr(row, part)
    qtbot.mouseDClick(widget, Qt.MouseButton.LeftButton)
    assert row.heard == ["reset", "finished"]
    assert row.value() == 1.0


@pytest.mark.parametrize("key", [Qt.Key.Key_Delete, Qt.Key.Key_Backspace])
def test_delete_asks_for_a_reset(qtbot, row, key):
    qtbot.keyClick(row.slider, key)
    assert "reset" in row.heard


def test_showing_a_value_tells_nobody(row):
    row.set_value(2.5)
    assert row.heard == []
    assert row.value() == 2.5


def test_a_value_beyond_the_end_is_read_out_in_full(row):
    row.set_value(4.2)
    assert row.value() == 3.0
    assert row.readout.text() == "+4.2 σ"


def test_the_wheel_scrolls_the_panel_until_the_slider_has_focus(qtbot, row):
    assert not turn_wheel(row.slider)
    assert row.heard == []
    row.activateWindow()
    row.slider.setFocus()
    qtbot.waitUntil(row.slider.hasFocus)
    assert turn_wheel(row.slider)
    assert row.value() > 0
    qtbot.waitUntil(lambda: row.heard[-1] == "finished")


def test_the_lock_tells_and_shows_itself(qtbot, row):
    told = []
    row.lock_toggled.connect(told.append)
    qtbot.mouseClick(row.lock, Qt.MouseButton.LeftButton)
    assert told == [True]
    assert "Randomise keeps" in row.lock.toolTip()
    row.set_locked(False)
    assert told == [True]
    assert not row.lock.isChecked()


def test_a_row_without_lock_takes_no_lock(qtbot):
    row = SigmaSlider("Truncation", 0, 2.0, rest=0.8, unit="", decimals=2, lockable=False)
    qtbot.addWidget(row)
    row.set_locked(True)
    assert row.lock is None
    assert row.readout.text() == "0.80"
