"""What hands know by heart: keys in the view and in lists, Tab, the theme, files opened before."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QApplication,
    QDockWidget,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QTabBar,
)

from shapelab.core.mesh.formats import encode
from shapelab.gui.base import theme
from shapelab.gui.main_window import MainWindow

pytestmark = pytest.mark.gl
KEY, SHIFT, CONTROL = Qt.Key, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not window.document.busy)


# --- the view -------------------------------------------------------------------------------------


def test_keys_orbit_move_and_zoom_the_focused_view(qtbot, window):
    view = window.viewport
    window.latent_panel.seed.setFocus()
    view.setFocus(Qt.FocusReason.TabFocusReason)
    assert view._focus_frame.isVisible()
    start = view._orbit
    QTest.keyClick(view, KEY.Key_Right)
    QTest.keyClick(view, KEY.Key_Up)
    assert view._orbit == start.turned(5, 5)
    QTest.keyClick(view, KEY.Key_Left)
    QTest.keyClick(view, KEY.Key_Down)
    assert view._orbit.azimuth == pytest.approx(start.azimuth)
    QTest.keyClick(view, KEY.Key_Right, SHIFT)
    # Like a drag to the right by a twentieth of the height: the shape goes to the right.
    np.testing.assert_allclose(view._orbit.target, start.panned(-0.05, 0).target, atol=1e-6)
    QTest.keyClick(view, KEY.Key_Left, SHIFT)
    for key, nearer in ((KEY.Key_Plus, True), (KEY.Key_Minus, False), (KEY.Key_Equal, True)):
        before = view._orbit.distance
        QTest.keyClick(view, key)
        assert (view._orbit.distance < before) is nearer
    QTest.keyClick(view, KEY.Key_Home)
    assert view._orbit.distance == pytest.approx(start.distance)
    QTest.keyClick(view, KEY.Key_Right, CONTROL)
    assert view._orbit.azimuth == pytest.approx(start.azimuth)


def test_a_click_gives_the_view_the_keys_without_a_frame(qtbot, window):
    window.latent_panel.seed.setFocus()
    inner = window.viewport.childAt(window.viewport.rect().center())
    qtbot.mouseClick(inner, LEFT)
    qtbot.waitUntil(window.viewport.hasFocus)
    assert not window.viewport._focus_frame.isVisible()
    before = window.viewport._orbit.azimuth
    QTest.keyClick(QApplication.focusWidget(), KEY.Key_Left)
    assert window.viewport._orbit.azimuth != before


# --- Tab ------------------------------------------------------------------------------------------


def test_tab_goes_round_without_a_dead_stop(qtbot, window):
    """Every stop can be seen, has a name, and does something; all of them are reached."""
    window.actions_["training"].trigger()
    qtbot.waitUntil(lambda: window.training.panel is not None)
    QApplication.processEvents()
    behind = window.docks[1:]  # the others lie behind the training as tabs
    window.latent_panel.model.setFocus(Qt.FocusReason.TabFocusReason)
    stops = []
    while (stop := QApplication.focusWidget()) not in stops:
        stops.append(stop)
        assert stop.isVisible()
        assert stop.isEnabled()
        assert not isinstance(stop, QAbstractScrollArea) or stop.accessibleName(), stop
        words = getattr(stop, "text", str)() or stop.accessibleName() or stop.toolTip()
        assert words or isinstance(stop, QTabBar), stop  # whose tabs have names
        assert not any(dock.isAncestorOf(stop) for dock in behind)
        corner = stop.mapTo(window, stop.rect().center())
        assert window.rect().contains(corner), f"{stop} '{words}' is out of sight"
        QTest.keyClick(stop, KEY.Key_Tab)
        assert len(stops) < 150
    assert stops[0] is QApplication.focusWidget(), "the circle does not close"
    assert window.viewport in stops
    sliders = [row.slider for row in window.latent_panel.directions]
    assert [stop for stop in stops if stop in sliders] == sliders
    assert not {row.lock for row in window.latent_panel.directions} & set(stops)


# --- letters in lists -----------------------------------------------------------------------------


@pytest.mark.parametrize("floating", [False, True])
def test_letters_find_classes_and_no_shortcut_takes_them(qtbot, window, floating):
    window.docks[0].setFloating(floating)
    classes, session = window.latent_panel.classes, window.document.session
    style = window.actions_.styles.checkedAction()
    window.docks[0].activateWindow()
    classes.setFocus()
    qtbot.waitUntil(classes.hasFocus)
    QTest.keyClicks(classes, "ni")
    assert session.state.class_name == "night_stand"
    assert window.commands.variations.isHidden()  # N
    QTest.qWait(QApplication.keyboardInputInterval() + 50)
    QTest.keyClick(classes, KEY.Key_S)
    assert session.state.class_name == "sofa"
    assert window.actions_.styles.checkedAction() is style
    QTest.qWait(QApplication.keyboardInputInterval() + 50)
    seed = session.state.seed
    QTest.keyClick(classes, KEY.Key_R)  # no class begins with it
    settle(qtbot, window)
    assert session.state.seed != seed
    window.docks[0].setFloating(False)


def test_letters_in_the_open_list_are_the_lists(qtbot, window):
    classes, session = window.latent_panel.classes, window.document.session
    classes.showPopup()
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    QTest.keyClick(classes.view(), KEY.Key_T)
    QTest.keyClick(classes.view(), KEY.Key_Return)
    assert session.state.class_name in ("table", "toilet")
    assert not window.actions_["training"].isChecked()
    settle(qtbot, window)


# --- what can be done -----------------------------------------------------------------------------


def test_reset_all_can_be_done_only_where_it_changes_something(window):
    session, reset = window.document.session, window.actions_["reset"]
    assert not reset.isEnabled()
    session.set_coefficient(0, 1.0)
    assert reset.isEnabled()
    reset.trigger()
    assert session.state.coefficients[0] == 0
    assert not reset.isEnabled()


# --- the theme ------------------------------------------------------------------------------------


def test_the_theme_is_chosen_and_remembered(qtbot, qapp, window):
    try:
        window.actions_["theme_dark"].trigger()
        assert theme.is_dark()
        window.close()
        theme.choose(theme.SYSTEM)
        again = MainWindow("modelnet10")
        qtbot.addWidget(again)
        assert theme.is_dark()
        assert again.actions_["theme_dark"].isChecked()
        again.actions_["theme_light"].trigger()
        assert not theme.is_dark()
        again.actions_["theme_system"].trigger()
        assert again.settings.text("view/theme", "") == theme.SYSTEM
        assert theme.is_dark() == (qapp.styleHints().colorScheme() == Qt.ColorScheme.Dark)
        again.close()
    finally:
        theme.choose(theme.SYSTEM)


# --- files ----------------------------------------------------------------------------------------


def test_recent_files_are_opened_again(qtbot, window, tmp_path):
    recent = window.commands.recent
    entries = lambda: [a.text() for a in recent.menu.actions() if a.isVisible() and a.data()]  # noqa: E731
    assert entries() == []
    part, shape = tmp_path / "a & b.stl", tmp_path / "my.shape.json"
    part.write_bytes(encode(window.document.shown.mesh, ".stl"))
    window.open_paths([part, tmp_path / "missing.png"])
    settle(qtbot, window)
    window.document.session.save(shape)
    window.open_paths([shape])
    assert entries() == ["my.shape.json", "a && b.stl"]  # what could not be opened is not kept
    origin = "mesh a & b.stl"
    window.document.session.randomise()
    recent.menu.actions()[1].trigger()
    settle(qtbot, window)
    assert window.document.session.state.origin == origin
    assert entries() == ["a && b.stl", "my.shape.json"]
    twin = tmp_path / "other"
    twin.mkdir()
    recent.remember(twin / "my.shape.json")
    assert entries()[0] == "my.shape.json (other)"
    shape.unlink()
    recent.menu.aboutToShow.emit()
    states = {a.text(): a.isEnabled() for a in recent.menu.actions() if a.isVisible() and a.data()}
    assert states["a && b.stl"]
    assert not states[f"my.shape.json ({tmp_path.name})"]
    recent.menu.actions()[-1].trigger()
    assert entries() == []
    assert part.exists()


def answer_dialogs(name, says):
    """Types a name into the file dialog that comes, and answers what is asked after it."""
    asked = []

    def type_name():
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QFileDialog):
            field = dialog.findChild(QLineEdit, "fileNameEdit")
            field.setText(name)
            QTimer.singleShot(0, answer)
            QTest.keyClick(field, KEY.Key_Return)
        else:
            QTimer.singleShot(20, type_name)

    def answer():
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            asked.append(box.text())
            QTest.mouseClick(box.button(says), LEFT)
        elif isinstance(box, QFileDialog):
            QTimer.singleShot(20, answer)

    QTimer.singleShot(0, type_name)
    return asked


@pytest.mark.parametrize(
    ("action", "typed", "file"),
    [
        ("save", "mine", "mine.shape.json"),
        ("screenshot", "mine", "mine.png"),
        ("cutout", "mine.png", "mine.png"),
    ],
)
def test_nothing_is_replaced_unasked(qtbot, window, tmp_path, action, typed, file):
    there = tmp_path / file
    there.write_bytes(b"the only copy")
    for says, replaced in (
        (QMessageBox.StandardButton.No, False),
        (QMessageBox.StandardButton.Yes, True),
    ):
        asked = answer_dialogs(str(tmp_path / typed), says)
        QTimer.singleShot(
            2000, lambda: [w.reject() for w in (QApplication.activeModalWidget(),) if w]
        )
        window.actions_[action].trigger()
        assert len(asked) == 1
        assert file in asked[0]
        if replaced and there.suffix == ".png":  # which is packed on a thread
            qtbot.waitUntil(lambda: there.read_bytes() != b"the only copy", timeout=60_000)
        assert (there.read_bytes() != b"the only copy") is replaced


# --- docks ----------------------------------------------------------------------------------------


def places(window):
    """Of each dock but the training's: area, floating, hidden, and which ones share its tabs."""
    return {
        dock.objectName(): (
            window.dockWidgetArea(dock),
            dock.isFloating(),
            dock.isHidden(),
            {other.objectName() for other in window.tabifiedDockWidgets(dock)},
        )
        for dock in window.findChildren(QDockWidget)
        if dock is not window.training
    }


def test_ctrl_t_twice_leaves_the_docks_as_they_were(qtbot, window):
    picture, morph = window.docks[1:3]
    for arrange in (
        lambda: None,
        lambda: morph.setFloating(True),
        lambda: (morph.setFloating(False), window.tabifyDockWidget(picture, morph)),
        lambda: window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, picture),
        lambda: picture.hide(),
    ):
        arrange()
        qtbot.wait(50)
        before = places(window)
        for _ in range(2):
            window.actions_["training"].trigger()
            qtbot.wait(50)
            assert not window.training.isHidden()
            window.actions_["training"].trigger()
            qtbot.wait(50)
            assert window.training.isHidden()
        assert places(window) == before


def test_what_was_moved_in_the_workspace_stays_moved(qtbot, window):
    picture, morph = window.docks[1:3]
    morph.hide()
    window.actions_["training"].trigger()
    qtbot.waitUntil(lambda: window.training.panel is not None)
    picture.hide()
    morph.show()
    window.actions_["training"].trigger()
    assert picture.isHidden()
    assert not morph.isHidden()


# --- a picture of another class -------------------------------------------------------------------


def make_picture(path):
    """A dark chair's silhouette from the side, on transparent ground."""
    pixels = np.zeros((160, 160, 4), np.uint8)
    for x0, x1, y0, y1 in ((40, 52, 20, 140), (40, 116, 80, 94), (104, 116, 80, 140)):
        pixels[y0:y1, x0:x1] = (120, 80, 50, 255)
    Image.fromarray(pixels).save(path)
    return path


def test_another_class_asks_the_encoder_again(qtbot, window, tmp_path):
    session, classes = window.document.session, window.latent_panel.classes
    window.class_menu.chosen.emit("bed")
    assert session.state.class_name == "bed"  # a seed's shape: at once
    assert session.state.seed is not None
    window.open_paths([make_picture(tmp_path / "seat.png")])
    settle(qtbot, window)
    first = session.state
    wanted = "sofa" if first.class_name != "sofa" else "desk"
    classes.setCurrentIndex(classes.findData(wanted))
    classes.activated.emit(classes.currentIndex())
    settle(qtbot, window)
    assert (session.state.class_name, session.state.seed) == (wanted, None)
    assert session.state.origin == "picture seat.png"
    assert session.undo_text == f"seat.png as {wanted}"
    assert not np.array_equal(session.state.base, first.base)
    assert window.image_panel.title.text() == "seat.png"
    session.undo()
    assert session.state == first
    assert classes.currentData() == first.class_name
    window.class_menu.chosen.emit(wanted)
    window.image_panel.cancel.click()  # giving up brings the class back
    settle(qtbot, window)
    assert session.state == first
    assert classes.currentData() == first.class_name
    assert [a.data() for a in window.class_menu.actions() if a.isChecked()] == [first.class_name]
