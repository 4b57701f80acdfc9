"""The history panel in the real window: a click goes there, names and stars, nothing is lost."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from shapelab.gui.panels import thumbnails
from shapelab.gui.panels.history_model import ROW
from shapelab.gui.panels.history_rows import star_rect

pytestmark = pytest.mark.gl
WAIT_MS = 60_000
LEFT = Qt.MouseButton.LeftButton
CONTROL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def panel(qtbot, window):
    """The panel, shown by its key, after four steps on one line and one on another."""
    QTest.keyClick(window, Qt.Key.Key_H, CONTROL_SHIFT)
    assert window.history.isVisible()
    session = window.document.session
    session.set_seed(3)
    session.set_coefficient(0, 1.0)
    session.set_coefficient(0, 2.0)
    session.finish_edit()
    session.undo()
    session.set_class("sofa")
    yield window.history.panel
    qtbot.waitUntil(lambda: not window.document.busy, timeout=WAIT_MS)


def rows(panel):
    model = panel.list.steps
    return [model.index(row).data(ROW) for row in range(model.rowCount())]


def click(qtbot, panel, row, star=False):
    place = panel.list.visualRect(panel.list.steps.index(row))
    where = star_rect(place).center() if star else place.center()
    qtbot.mouseClick(panel.list.viewport(), LEFT, pos=where)


def test_a_click_goes_to_a_step_of_another_branch_and_undo_follows_it(qtbot, window, panel):
    session = window.document.session
    titles = [row.title for row in rows(panel)]
    assert titles == ["Beginning", "Seed 3", "Direction 1", "Class sofa"]
    assert [row.lane for row in rows(panel)] == [0, 0, 1, 0]
    assert [row.current for row in rows(panel)] == [False, False, False, True]
    assert panel.list.currentIndex().row() == 3
    click(qtbot, panel, 2)
    assert session.state.class_name == "chair"
    assert session.state.coefficients[0] == 2
    assert [row.lane for row in rows(panel)] == [0, 0, 0, 1]
    assert [row.ahead for row in rows(panel)] == [False] * 4
    assert window.actions_["undo"].text() == "&Undo direction 1"
    window.actions_["undo"].trigger()
    assert [row.ahead for row in rows(panel)] == [False, False, True, False]
    assert window.actions_["redo"].text() == "&Redo direction 1"
    click(qtbot, panel, 3)
    assert session.state.class_name == "sofa"
    QTest.keyClick(panel.list, Qt.Key.Key_Home)
    QTest.keyClick(panel.list, Qt.Key.Key_Return)
    assert session.history.step.number == 0
    assert window.actions_["redo"].text() == "&Redo seed 3"


def test_a_drag_is_one_row_and_one_that_leads_nowhere_none(window, panel):
    session = window.document.session
    panel.list.steps.modelReset.connect(lambda: pytest.fail("a slider lays all rows out anew"))
    for sigma in (0.5, 1.0, 1.5):
        session.set_coefficient(4, sigma)
        assert [row.title for row in rows(panel)][4:] == ["Direction 5"]
    panel.list.steps.modelReset.disconnect()
    session.set_coefficient(4, 0.0)
    session.finish_edit()
    assert len(rows(panel)) == 4
    assert rows(panel)[3].current


def test_steps_are_named_starred_and_found(qtbot, window, panel):
    session = window.document.session
    panel.name_button.click()
    editor = panel.list.findChild(QLineEdit)
    panel.list.name(panel.list.steps.current_index)  # again, by the menu: nothing else opens
    assert panel.list.findChildren(QLineEdit) == [editor]
    QTest.keyClicks(editor, "the red")
    window.thumbnails.drawn.emit(b"")  # a picture that comes must not take the words away
    QTest.keyClicks(editor, " one")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.history.step.name == "the red one", timeout=WAIT_MS)
    assert rows(panel)[3].title == "The red one"
    assert rows(panel)[3].words.startswith("class sofa")
    click(qtbot, panel, 1, star=True)
    assert session.history[1].starred
    assert session.history.step.number == 3, "a star is no way to go"
    panel.star_button.click()
    assert session.history[3].starred
    assert panel.star_button.text() == "Unstar"
    QTest.keyClick(panel.list, Qt.Key.Key_Space)
    assert not session.history[3].starred
    panel.marked_only.click()
    assert [row.title for row in rows(panel)] == ["Seed 3", "The red one"]
    click(qtbot, panel, 0, star=True)
    assert [row.title for row in rows(panel)] == ["The red one"]
    session.undo()
    assert not panel.list.steps.current_index.isValid()
    panel.marked_only.click()
    assert len(rows(panel)) == 4
    assert panel.list.currentIndex().row() == 1


def test_the_menu_of_a_row_does_the_same(window, panel):
    index = panel.list.steps.index(2)
    menu = panel.list.menu(index)
    words = {action.text(): action for action in menu.actions()}
    words["Star"].trigger()
    words["Go There"].trigger()
    assert window.document.session.history.step.number == 2
    assert "Take the Star Away" in [a.text() for a in panel.list.menu(index).actions()]


def test_every_row_gets_its_picture_and_all_pictures_have_a_bound(qtbot, window, panel):
    window.docks[1].hide()
    qtbot.waitUntil(lambda: all(not row.picture.isNull() for row in rows(panel)), timeout=WAIT_MS)
    pictures = {bytes(row.picture.constBits()) for row in rows(panel)}
    assert len(pictures) == 4
    # with the steps, see test_undoable, less than the 200 MB that 10,000 of them may take
    assert thumbnails.MOST * 4 * thumbnails.PIXELS**2 < 70e6


def test_the_action_shows_raises_and_hides_the_dock(qtbot, window, panel):
    action, dock = window.actions_["history"], window.history
    assert action.isChecked()
    window.docks[2].raise_()
    qtbot.waitUntil(lambda: dock.visibleRegion().isEmpty(), timeout=WAIT_MS)
    action.trigger()
    qtbot.waitUntil(lambda: not dock.visibleRegion().isEmpty(), timeout=WAIT_MS)
    action.trigger()
    assert dock.isHidden()
    assert not action.isChecked()


def test_a_history_that_was_read_is_shown(window, panel):
    session = window.document.session
    plain = session.history_to_plain()
    session.set_seed(99)
    session.restore_history(plain, session.gallery)
    assert [row.title for row in rows(panel)][-1] == "Class sofa"
    assert rows(panel)[3].current


def test_letters_stay_shortcuts_while_the_list_has_the_focus(qtbot, window, panel):
    panel.list.setFocus()
    QTest.keyClick(panel.list, Qt.Key.Key_S)
    QTest.keyClick(panel.list, Qt.Key.Key_W)
    assert window.actions_["style_wireframe"].isChecked()
    assert panel.list.currentIndex().row() == 3
    QTest.keyClick(panel.list, Qt.Key.Key_S)
    assert window.actions_["style_smooth"].isChecked()


def test_what_was_done_is_copied_as_python_and_as_a_command(window, panel):
    window.actions_["copy_python"].trigger()
    assert QGuiApplication.clipboard().text().endswith("session.set_class('sofa')\n")
    window.actions_["copy_command"].trigger()
    line = QGuiApplication.clipboard().text()
    assert line == "shapelab sample --class sofa --seed 3 --model modelnet10 -o sofa-3.stl"
    window.document.session.set_raw(0, 2.0)
    window.actions_["copy_command"].trigger()
    assert "sofa.shape.json" in window.toasts.visible[-1].text
