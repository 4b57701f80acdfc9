"""The command palette: finds every action, also those to come; works by keys alone."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QToolButton

from shapelab.gui.window.command_palette import ENTRY, entries_of
from shapelab.gui.window.fuzzy_match import best_match

CONTROL = Qt.KeyboardModifier.ControlModifier
KEY = Qt.Key


def names(palette):
    return [palette.list.item(row).text() for row in range(palette.list.count())]


@pytest.mark.parametrize(
    ("letters", "name", "places"),
    [
        ("exp", "File › Export", (7, 8, 9)),
        ("lf", "View › Look From › Front", (7, 12)),
        ("front look", "View › Look From › Front", (7, 8, 9, 10, 19, 20, 21, 22, 23)),
        ("NIGHT", "Edit › Class › Night stand", (15, 16, 17, 18, 19)),
        ("resume", "File › Recent Files › résumé.png", (22, 23, 24, 25, 26, 27)),
    ],
)
def test_letters_are_found_where_words_begin(letters, name, places):
    assert best_match(letters, name).places == places


def test_what_fits_better_is_worth_more_and_what_does_not_fit_is_nothing():
    scores = [
        best_match("sav", name).score for name in ("File › Save", "Show All Views", "Passable view")
    ]
    assert scores == sorted(scores, reverse=True)
    assert best_match("saw", "File › Save") is None
    assert best_match("print", "File › Export", "A mesh for printing").places == ()
    assert best_match("", "anything").score == 0


@pytest.mark.gl
class TestInTheWindow:
    @pytest.fixture
    def palette(self, qtbot, window):
        QTest.keyClick(window.viewport, KEY.Key_K, CONTROL)
        palette = window.commands.palette
        assert palette.isVisible()
        qtbot.waitUntil(palette.field.hasFocus)
        return palette

    def test_every_action_of_the_window_is_there_with_its_keys(self, window, palette):
        listed = {
            palette.list.item(row).data(ENTRY)[0].action for row in range(palette.list.count())
        }
        assert {action for action in window.actions_.all() if action.isVisible()} - listed == {
            window.actions_["palette"]
        }
        assert "View › Look From › Front" in names(palette)
        assert "Edit › Class › Night stand" in names(palette)
        keys = {entry.name: entry.keys for entry in entries_of(window)}
        assert keys["File › Open"] == "Ctrl+O"

    def test_actions_that_come_later_are_found_by_themselves(self, window, palette):
        done = []
        menu = QMenu("&Gallery", window.menuBar())
        inner = menu.addMenu("Sort &By")
        inner.addAction("&Stars && Names").triggered.connect(lambda: done.append("sort"))
        window.menuBar().addMenu(menu)
        loose = QAction("Frobnicate", window.docks[1].widget())
        loose.triggered.connect(lambda: done.append("loose"))
        window.docks[1].widget().addAction(loose)
        for letters, name in (
            ("stars", "Gallery › Sort By › Stars & Names"),
            ("frob", "Frobnicate"),
        ):
            palette.field.setText(letters)
            assert names(palette)[0] == name
            QTest.keyClick(palette.field, KEY.Key_Return)
            QTest.keyClick(window, KEY.Key_K, CONTROL)
        assert done == ["sort", "loose"]
        palette.leave()

    def test_letters_and_enter_run_the_best_one_and_the_focus_comes_back(self, qtbot, window):
        window.viewport.setFocus()
        QTest.keyClick(window.viewport, KEY.Key_K, CONTROL)
        palette = window.commands.palette
        QTest.keyClicks(palette.field, "wire")
        assert names(palette)[0] == "View › Wireframe"
        QTest.keyClick(palette.field, KEY.Key_Enter)
        assert window.actions_["style_wireframe"].isChecked()
        assert palette.isHidden()
        qtbot.waitUntil(window.viewport.hasFocus)
        window.actions_["palette"].trigger()
        assert names(palette)[0] == "View › Wireframe"  # the newest first
        QTest.keyClick(palette.field, KEY.Key_K, CONTROL)
        assert palette.isHidden()
        assert window.settings.text("palette/recent", "") == "View › Wireframe"

    def test_arrows_choose_and_letters_are_no_shortcuts(self, window, palette):
        state = window.document.session.state
        QTest.keyClicks(palette.field, "r")
        assert window.document.session.state is state
        first, second = palette.list.item(0), palette.list.item(1)
        assert palette.list.currentItem() is first
        QTest.keyClick(palette.field, KEY.Key_Down)
        assert palette.list.currentItem() is second
        QTest.keyClick(palette.field, KEY.Key_Tab)
        assert palette.field.hasFocus()
        QTest.keyClick(palette.field, KEY.Key_Escape)
        assert palette.isHidden()

    def test_what_cannot_be_done_now_is_shown_last_and_not_done(self, window, palette):
        assert not window.actions_["undo"].isEnabled()
        palette.field.setText("undo")
        item = palette.list.item(0)
        assert item.text() == "Edit › Undo"
        assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
        QTest.keyClick(palette.field, KEY.Key_Return)
        assert palette.isVisible()
        QTest.keyClicks(palette.field, "qqq")
        assert palette.list.isHidden()
        assert palette.nothing.isVisible()

    def test_a_click_runs_and_a_click_beside_closes(self, qtbot, window, palette):
        palette.field.setText("floor grid")
        rect = palette.list.visualItemRect(palette.list.item(0))
        was = window.actions_["grid"].isChecked()
        qtbot.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
        assert window.actions_["grid"].isChecked() is not was
        window.actions_["palette"].trigger()
        qtbot.mouseClick(palette, Qt.MouseButton.LeftButton, pos=palette.rect().bottomLeft())
        assert palette.isHidden()

    def test_it_fits_a_small_window(self, window, palette):
        for size in ((1024, 700), (700, 480)):
            window.resize(*size)
            QApplication.processEvents()
            assert palette.rect().contains(palette.card.geometry())

    def test_an_action_that_went_meanwhile_does_nothing(self, window, palette):
        button = QToolButton(window)
        button.addAction(QAction("Fleeting", button))
        palette.field.setText("fleeting")
        button.deleteLater()
        QApplication.sendPostedEvents(button, 52)  # DeferredDelete
        QTest.keyClick(palette.field, KEY.Key_Return)
        assert palette.isHidden()
