"""Whatever is off says why: in its tip, in the palette, and to who presses its keys."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from shapelab.gui.main_window import MainWindow
from shapelab.gui.window.command_palette import ENTRY, entries_of

pytestmark = pytest.mark.gl
SENTENCE = re.compile(r"[A-Z“].{10,}\.")


def off(window):
    """Every entry of the window that is off, by its name; all of them have a reason."""
    found = {entry.name: entry for entry in entries_of(window) if not entry.action.isEnabled()}
    for name, entry in found.items():
        assert SENTENCE.fullmatch(entry.reason), name
        assert entry.action.toolTip().endswith(f"\n{entry.reason}"), name
        assert entry.tip == entry.action.toolTip(), name
    for entry in entries_of(window):
        if entry.action.isEnabled():
            assert not entry.reason
            assert "\n" not in entry.tip
    assert not {action for action in window.actions_.all() if not action.isEnabled()} - {
        entry.action for entry in found.values()
    }
    return found


def press(window, action):
    for toast in window.toasts.visible:
        toast.dismiss()
    combination = action.shortcut()[0]
    QTest.keyClick(window.viewport, combination.key(), combination.keyboardModifiers())
    return [toast.text for toast in window.toasts.visible]


def test_before_there_is_a_model_everything_that_needs_one_says_so(qtbot):
    window = MainWindow("modelnet10")
    qtbot.addWidget(window)
    found = off(window)
    reasons = {entry.action.objectName(): entry.reason for entry in found.values()}
    assert reasons["randomise"] == "No model is loaded yet."
    assert reasons["export"] == reasons["more"] == "There is no shape to be seen."
    assert reasons["undo"] == "There is nothing to undo."
    assert reasons["revert"] == "The project has not been saved yet."
    window.close()


def test_keys_of_what_is_off_say_why_and_work_again_once_it_is_on(qtbot, window):
    window.viewport.setFocus()
    tried = set()
    for entry in off(window).values():
        if entry.action.shortcuts():
            assert press(window, entry.action) == [entry.reason], entry.name
            tried.add(entry.action.objectName())
    assert tried >= {"undo", "redo", "reset", "correct", "scan", "certainty"}
    window.actions_["randomise"].trigger()
    qtbot.waitUntil(lambda: not window.document.busy)
    undo = window.actions_["undo"]
    assert undo not in {each.action for each in off(window).values()}
    assert press(window, undo) == []
    assert not window.current.undo_text
    assert press(window, undo) == ["There is nothing to undo."]


def test_with_a_picture_and_kept_shapes(qtbot, window, tmp_path):
    window.commands.recent.remember(tmp_path / "gone.png")
    window.commands.recent.menu.aboutToShow.emit()
    window.actions_["keep"].trigger()
    found = off(window)
    assert found["File › Recent Files › gone.png"].reason == "The file is no longer there."
    assert "Edit › Keep Shape" not in found
    window.actions_["palette"].trigger()
    palette = window.commands.palette
    shown = {}
    for row in range(palette.list.count()):
        item = palette.list.item(row)
        entry = item.data(ENTRY)[0]
        if not item.flags() & Qt.ItemFlag.ItemIsEnabled:
            shown[entry.name] = entry.reason, item.toolTip().splitlines()[-1]
    assert shown == {name: (entry.reason, entry.reason) for name, entry in off(window).items()}
    palette.leave()


def test_the_palette_draws_the_reason_below_the_name(window):
    window.actions_["palette"].trigger()
    palette = window.commands.palette
    palette.field.setText("undo")
    item = palette.list.item(0)
    tall = palette.list.visualItemRect(item)
    QApplication.processEvents()
    with_reason = palette.list.grab(tall).toImage()
    lower = with_reason.copy(0, tall.height() // 2, tall.width(), tall.height() // 2 - 2)
    colours = {lower.pixel(x, y) for x in range(lower.width()) for y in range(lower.height())}
    assert len(colours) > 10  # letters, not ground alone
    palette.field.setText("frame the shape")
    assert palette.list.visualItemRect(palette.list.item(0)).height() < tall.height()
    palette.leave()


def test_menus_show_the_tips_of_their_entries(window):
    for action in window.menuBar().actions():
        menu = action.menu()
        assert isinstance(menu, QMenu)
        assert menu.toolTipsVisible()
