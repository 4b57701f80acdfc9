"""Every context menu of the app, opened by hand and by the menu key; each entry does something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

import shapelab.gui

pytestmark = pytest.mark.gl
OPENS = re.compile(r"def contextMenuEvent|customContextMenuRequested\.connect|ActionsContextMenu")
RIGHT, KEY = Qt.MouseButton.RightButton, Qt.Key


def test_every_widget_with_a_context_menu_is_tried_below():
    root = Path(shapelab.gui.__file__).parent
    found = {path.stem for path in root.rglob("*.py") if OPENS.search(path.read_text("utf-8"))}
    assert found == {"gallery_strip", "history_panel"}


def open_by_hand(widget, place):
    """The menu that the right button opens at a place of a widget."""
    window, there = widget.window(), widget.mapTo(widget.window(), place)
    for point in (there - QPoint(9, 9), there):
        QTest.mouseMove(window.windowHandle(), point)
    QTest.mouseClick(window.windowHandle(), RIGHT, pos=there)
    QApplication.processEvents()
    return QApplication.activePopupWidget()


def open_by_key(qtbot, widget):
    """The menu that the menu key opens; the event is Qt's own, which QTest's keys do not cause."""
    widget.activateWindow()  # a dialog that was closed leaves none active
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    place = widget.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle).center()
    reason = QContextMenuEvent.Reason.Keyboard
    QApplication.sendEvent(widget, QContextMenuEvent(reason, place, widget.mapToGlobal(place)))
    QApplication.processEvents()
    return QApplication.activePopupWidget()


def words(menu):
    return [
        action.text().replace("&", "").partition("\t")[0]
        for action in menu.actions()
        if not action.isSeparator()
    ]


def trigger(menu, text):
    """Chooses an entry as a hand does."""
    [action] = [each for each in menu.actions() if each.text().replace("&", "").startswith(text)]
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
    QApplication.processEvents()


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not window.document.busy)


def rests(qtbot, rows, index):
    """Brings a row into sight and waits until nothing beside the rows moves it any more."""
    seen = []

    def still():
        rows.scrollTo(index)
        seen.append(rows.viewport().mapToGlobal(rows.visualRect(index).center()))
        return len(seen) > 9 and all(each == seen[-1] for each in seen[-10:])

    qtbot.waitUntil(still)


@pytest.fixture
def with_three(qtbot, window):
    """A gallery of three shapes, and a step for each."""
    window.resize(1280, 900)
    for _ in range(3):
        window.actions_["randomise"].trigger()
        settle(qtbot, window)
        window.actions_["keep"].trigger()
    strip = window.gallery.strip
    strip.choose([strip._gallery.shapes[0].id])
    qtbot.waitUntil(strip.isVisible)
    return window


def card(window, place):
    return window.gallery.strip.card_rect(place).center().toPoint()


def close_dialogs(window):
    for dialog in (window.gallery.batch,):
        if dialog is not None:
            dialog.reject()


def export_is_open(window):
    """Whether the dialog is; it is closed."""
    visible = window.gallery.batch.isVisible()
    window.gallery.batch.reject()
    return visible


@pytest.mark.parametrize("by_key", [False, True])
def test_a_card_of_the_gallery(qtbot, with_three, by_key):
    window, strip = with_three, with_three.gallery.strip
    session = window.document.session
    first = session.gallery.shapes[0]

    def choose(entry, star="Star"):
        if by_key:
            QTest.keyClick(strip, KEY.Key_Home)
            menu = open_by_key(qtbot, strip)
        else:
            menu = open_by_hand(strip, card(window, 0))
        assert strip.card_rect(0).toRect().contains(strip.mapFromGlobal(menu.pos()))
        compare = "Compare with the Shown Shape"
        assert words(menu) == ["Show", "Rename", star, compare, "Export…", "Delete"]
        trigger(menu, entry)

    choose("Show")
    assert session.state == first.state
    choose("Rename")
    assert strip.editor.isVisible()
    strip.editor.give_up()
    choose("Star")
    assert session.gallery.find(first.id).star
    choose("Remove Star", "Remove Star")
    assert not session.gallery.find(first.id).star
    choose("Export")
    assert export_is_open(window)
    choose("Compare")
    assert window.compare.isVisible()
    window.compare.toggle()
    choose("Delete")
    assert session.gallery.find(first.id) is None
    settle(qtbot, window)


def test_several_cards(qtbot, with_three, monkeypatch):
    window, strip = with_three, with_three.gallery.strip
    session, sheets = window.document.session, []
    monkeypatch.setattr(
        window.gallery.sheet, "save", lambda shapes, _models: sheets.append(len(shapes))
    )

    def choose(entry, star="Star"):
        strip.choose([shape.id for shape in session.gallery])
        menu = open_by_hand(strip, card(window, 1))
        several = ["Compare Them", "Morph through Them", "Contact Sheet…", "Export…", "Delete"]
        assert words(menu) == [star, *several]
        trigger(menu, entry)

    choose("Star")
    assert all(shape.star for shape in session.gallery)
    choose("Remove Star", "Remove Star")
    choose("Morph")
    assert len(session.morph.between) == 1
    choose("Contact")
    assert sheets == [3]
    choose("Export")
    assert export_is_open(window)
    choose("Compare")
    assert window.compare.isVisible()
    window.compare.toggle()
    choose("Delete")
    assert not len(session.gallery)
    settle(qtbot, window)


def test_beside_the_cards_there_is_no_menu(with_three):
    strip = with_three.gallery.strip
    assert open_by_hand(strip, QPoint(strip.width() - 2, strip.height() // 2)) is None


@pytest.mark.parametrize("by_key", [False, True])
def test_a_step_of_the_history(qtbot, with_three, by_key):
    window, session = with_three, with_three.document.session
    window.actions_["history"].trigger()
    steps = window.history.panel.list
    qtbot.waitUntil(steps.isVisible)
    QApplication.processEvents()

    def choose(entry, star="Star"):
        index = steps.model().index(1, 0)
        rests(qtbot, steps, index)
        if by_key:
            steps.setCurrentIndex(index)
            menu = open_by_key(qtbot, steps)
        else:
            menu = open_by_hand(steps.viewport(), steps.visualRect(index).center())
        assert words(menu) == ["Go There", "Compare with the Shown Shape", "Name…", star]
        trigger(menu, entry)
        return steps.steps.step(steps.model().index(1, 0))

    assert choose("Star").starred
    assert not choose("Take", "Take the Star Away").starred
    choose("Name")
    assert steps.state() == steps.State.EditingState
    QTest.keyClick(QApplication.focusWidget(), KEY.Key_Escape)
    choose("Compare")
    assert window.compare.isVisible()
    window.compare.toggle()
    assert choose("Go").number == session.history.step.number
    settle(qtbot, window)
