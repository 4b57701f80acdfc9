"""What lies over the window: it covers it, keeps to its size, and goes away again."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from shapelab.gui.base import theme
from shapelab.gui.window.overlays import DropInvitation, ShortcutSheet


@pytest.fixture
def window(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 500)
    with qtbot.waitExposed(window):
        window.show()
    return window


def test_the_sheet_of_shortcuts_covers_the_window_and_goes_away(qtbot, window):
    sheet = ShortcutSheet(window, [("Undo", "Ctrl+Z"), ("Zoom in", "Ctrl++"), ("Help", "H")])
    assert not sheet.isVisible()
    sheet.toggle()
    assert sheet.geometry() == window.rect()
    window.resize(640, 480)
    assert sheet.geometry() == window.rect()
    pixel = sheet.grab().toImage().pixelColor(320, 240)
    assert pixel.alpha() > 0
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()
    sheet.toggle()
    qtbot.mouseClick(sheet, Qt.MouseButton.LeftButton)
    assert not sheet.isVisible()
    sheet.toggle()
    qtbot.keyClick(sheet, Qt.Key.Key_H)
    assert not sheet.isVisible()
    window.resize(700, 420)
    sheet.toggle()
    assert sheet.geometry() == window.rect()


@pytest.mark.parametrize("keys", [[("A text wider than any column " * 5, "Ctrl+Shift+F12")], []])
def test_a_sheet_of_any_length_fits_a_small_window(window, keys):
    window.resize(200, 100)
    sheet = ShortcutSheet(window, keys)
    sheet.toggle()
    assert not sheet.grab().isNull()


def test_the_invitation_covers_the_view_and_lets_the_mouse_through(window):
    below = DropInvitation(window)
    assert not below.isVisible()
    below.show()
    assert below.geometry() == window.rect()
    assert window.childAt(400, 250) is None
    middle = below.grab().toImage().pixelColor(400, 238)
    assert middle.name() == theme.colors().accent
