"""The window: actions, ways in, failures, what is remembered, and closing at any moment."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeySequence,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QFileDialog, QMessageBox

from shapelab.core import formatting
from shapelab.core.inputs.reconstruct import iou
from shapelab.core.mesh.formats import encode
from shapelab.core.mesh.meshing import shown_cells
from shapelab.core.paths import log_folder
from shapelab.core.session.mending import NOT_FOUND
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.main_window import MainWindow

pytestmark = pytest.mark.gl
WAIT_MS = 60_000
COPY, LEFT = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier


def settle(qtbot, window):
    """Waits until nothing is being read and the newest shape is shown."""
    qtbot.waitUntil(lambda: not window.document.busy, timeout=WAIT_MS)


def drop(target, paths):
    """A drop as Qt delivers it: enter on the widget under the mouse, then the drop."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    middle = QPointF(target.rect().center())
    enter = QDragEnterEvent(middle.toPoint(), COPY, data, LEFT, PLAIN)
    QApplication.sendEvent(target, enter)
    if enter.isAccepted():
        QApplication.sendEvent(target, QDropEvent(middle, COPY, data, LEFT, PLAIN))
    return enter.isAccepted()


def make_picture(path, size=160):
    """A dark chair's silhouette from the side, on transparent ground."""
    pixels = np.zeros((size, size, 4), np.uint8)
    for x0, x1, y0, y1 in ((40, 52, 20, 140), (40, 116, 80, 94), (104, 116, 80, 140)):
        pixels[y0:y1, x0:x1] = (120, 80, 50, 255)
    Image.fromarray(pixels).save(path)
    return path


def test_the_first_shape_is_shown_and_told(window):
    state = window.document.session.state
    assert window.viewport.mesh is window.document.shown.mesh
    assert window.status_bar.origin.text().lower() == state.origin
    sides = " × ".join(f"{32 * side:.1f}" for side in window.viewport.mesh.extents)
    assert window.status_bar.extents.text() == f"{sides} of 32³ cells"
    triangles = formatting.count(len(window.viewport.mesh.faces))
    assert window.status_bar.triangles.text() == f"{triangles} triangles"
    assert window.latent_panel.isEnabled()
    assert not window.actions_["undo"].isEnabled()


def test_keys_reach_the_actions_from_the_viewport(qtbot, window):
    session = window.document.session
    seed = session.state.seed
    QTest.keyClick(window.viewport, Qt.Key.Key_R)
    settle(qtbot, window)  # a few seeds are tried on a thread
    assert session.state.seed != seed
    assert window.actions_["undo"].text().startswith("&Undo ")
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.state.seed == seed
    assert window.actions_["redo"].isEnabled()
    before = window.viewport._orbit
    QTest.keyClick(window, Qt.Key.Key_7)
    assert window.viewport._orbit != before
    QTest.keyClick(window, Qt.Key.Key_H)
    assert window.commands.shortcuts.isVisible()
    QTest.keyClick(window.commands.shortcuts, Qt.Key.Key_Escape)
    assert not window.commands.shortcuts.isVisible()
    settle(qtbot, window)


def test_no_shortcut_is_used_twice(window):
    keys = [
        key.toString(QKeySequence.SequenceFormat.PortableText)
        for action in window.actions_.all()
        for key in action.shortcuts()
    ]
    assert len(keys) == len(set(keys))


def test_voxels_are_drawn_while_the_file_gets_the_surface(qtbot, window):
    window.actions_["style_blocks"].trigger()
    settle(qtbot, window)
    shown = window.document.shown
    assert window.viewport.mesh is shown.blocks
    assert window.document.surface_for(window.document.session.surface) is shown.surface
    window.actions_["export"].trigger()
    assert window.actions_["style_smooth"].isChecked()
    settle(qtbot, window)
    assert window.viewport.mesh is window.document.shown.mesh
    assert window.document.shown.blocks is None
    window.commands.export_dialog.close()


def test_what_is_hidden_is_said_shown_tinted_and_exported_as_shown(qtbot, window, monkeypatch):
    session, chip = window.document.session, window.viewport.parts
    for seed in range(1, 40):
        session.set_seed(seed)
        settle(qtbot, window)
        loose = window.document.shown.surface.loose
        if loose.count:
            break
    assert chip.isVisible()
    assert chip.text() == f"{loose.words('hidden')} · show"
    hidden = window.viewport.mesh
    # The surface alone changes: nothing is decoded again.
    monkeypatch.setattr(window.document.model, "decode", lambda _latent: pytest.fail("decoded"))
    qtbot.mouseClick(chip, LEFT)
    settle(qtbot, window)
    assert chip.text() == f"{loose.words()} · hide"
    assert len(window.viewport.mesh.faces) > len(hidden.faces)
    assert window.viewport.mesh.loose.any()
    assert not window.latent_panel.surface.largest.isChecked()
    assert window.document.surface_for(session.surface).mesh is window.viewport.mesh
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, window)
    np.testing.assert_array_equal(window.viewport.mesh.vertices, hidden.vertices)


def test_a_broken_shape_is_mended_by_a_click_and_undo_brings_it_back(qtbot, window, monkeypatch):
    session, chip = window.document.session, window.viewport.mend
    for seed in range(1, 40):
        session.set_seed(seed)
        settle(qtbot, window)
        if window.document.shown.surface.loose.count:
            break
    broken = session.state
    assert chip.isVisible()
    assert chip.geometry().left() > window.viewport.parts.geometry().right()
    with monkeypatch.context() as patch:  # nothing is found: nothing changes
        patch.setattr(session.model, "encode_voxels", lambda _grid: broken.latent(session.model))
        qtbot.mouseClick(chip, LEFT)
        settle(qtbot, window)
        assert [toast.text for toast in window.toasts.visible] == [NOT_FOUND]
        assert session.state is broken
    qtbot.mouseClick(chip, LEFT)
    settle(qtbot, window)
    assert not window.document.shown.surface.loose.count
    assert not chip.isVisible()
    assert window.actions_["undo"].text() == "&Undo mend"
    assert session.state.seed == broken.seed
    QTest.keyClick(window, Qt.Key.Key_M)
    settle(qtbot, window)
    assert window.toasts.visible[-1].text == "This shape is whole already."
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, window)
    assert session.state == broken
    assert chip.isVisible()


def test_no_action_and_no_button_stumbles_over_what_qt_passes(qtbot, window, monkeypatch):
    """`triggered` and `clicked` carry a bool, which no slot may take for something of its own."""
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_args: ([], ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: ("", ""))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: True)
    QGuiApplication.clipboard().clear()
    # Without the last one the window would ask, when it is closed, what to do with its changes.
    left_out = [window.actions_[name] for name in ("quit", "training", "come_back")]
    for action in window.actions_.all():
        if action.isEnabled() and action not in left_out:
            action.trigger()
    window.actions_["undo"].trigger()
    window.actions_["redo"].trigger()
    window.commands.shortcuts.hide()
    settle(qtbot, window)
    for button in window.findChildren(QAbstractButton):
        if button.isEnabled() and button.isVisible() and button.window() is window:
            button.click()
    settle(qtbot, window)
    assert [toast.text for toast in window.toasts.visible if toast.is_error] == []
    window.morph_panel.stop()
    for dialog in window.findChildren(QDialog):
        dialog.close()


def test_only_the_newest_shape_is_left_standing(qtbot, window):
    session = window.document.session
    for step in range(30):
        session.set_coefficient(0, step / 10)
    settle(qtbot, window)
    request = window.document.shown.request
    assert request is window.document.asked
    np.testing.assert_array_equal(request.latent, session.latent)


def test_an_empty_shape_is_a_hint_and_goes_again(qtbot, window, monkeypatch):
    session, model = window.document.session, window.document.model
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z: decode(z) * np.float32(0.2))
    session.set_seed(5)
    settle(qtbot, window)
    assert window.viewport.mesh is None
    assert window.document.shown is None
    assert window.status_bar.triangles.text() == ""
    assert not window.actions_["export"].isEnabled()
    assert window.actions_["randomise"].isEnabled()
    assert window.toasts.visible == ()
    monkeypatch.setattr(model, "decode", decode)
    session.set_seed(6)
    settle(qtbot, window)
    assert window.viewport.mesh is window.document.shown.mesh


def test_a_drop_on_the_viewport_goes_to_the_window(qtbot, window, tmp_path):
    picture = make_picture(tmp_path / "стул ü.png")
    target = window.viewport.childAt(window.viewport.rect().center()) or window.viewport
    assert drop(target, [picture])
    settle(qtbot, window)
    state = window.document.session.state
    assert state.origin == "picture стул ü.png"
    assert state.seed is None
    assert window.toasts.visible == ()


def test_what_cannot_be_read_is_one_sentence_and_changes_nothing(qtbot, window, tmp_path):
    before = window.document.session.state
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    assert drop(window, [broken, tmp_path / "missing.stl"])
    settle(qtbot, window)
    [toast] = window.toasts.visible  # one list, however many there are
    assert toast.is_error
    assert toast.text == "2 files could not be opened: broken.png, missing.stl."
    for name in ("broken.png", "missing.stl"):
        assert f"{name}: " in toast.details
    assert "Traceback" in toast.details
    toast.dismiss()
    window.open_paths([broken])
    settle(qtbot, window)
    [toast] = window.toasts.visible
    assert toast.text.startswith("broken.png")
    assert toast.text.endswith(".")
    assert "\n" not in toast.text
    assert window.document.session.state == before
    assert not window.image_panel.progress.isVisible()


def test_a_drop_of_text_or_of_a_web_address_is_refused(window):
    for data in (QMimeData(),):
        data.setText("hello")
        data.setUrls([QUrl("https://example.org/chair.png")])
        event = QDragEnterEvent(QPointF(5, 5).toPoint(), COPY, data, LEFT, PLAIN)
        event.ignore()
        QApplication.sendEvent(window, event)
        assert not event.isAccepted()


def test_reading_can_be_cancelled(qtbot, window, tmp_path):
    before = window.document.session.state
    window.open_paths([make_picture(tmp_path / "a.png"), make_picture(tmp_path / "b.png")])
    assert window.image_panel.cancel.isEnabled()
    window.image_panel.cancel.click()
    settle(qtbot, window)
    assert window.document.session.state == before
    assert window.toasts.visible == ()


def test_several_files_are_shown_in_order_and_can_be_undone(qtbot, window, tmp_path):
    window.open_paths([make_picture(tmp_path / "a.png"), make_picture(tmp_path / "b.png")])
    settle(qtbot, window)
    session = window.document.session
    assert session.state.origin == "picture b.png"
    session.undo()
    assert session.state.origin == "picture a.png"
    settle(qtbot, window)


def test_the_picture_panel_belongs_to_the_shape(qtbot, window, tmp_path):
    session, panel = window.document.session, window.image_panel
    stl = tmp_path / "seat.stl"
    stl.write_bytes(encode(window.document.shown.mesh, ".stl"))
    window.open_paths([make_picture(tmp_path / "a.png"), stl])
    settle(qtbot, window)
    shows = {"a.png": True, "seat.stl": True, "": False}

    def shown() -> str:
        assert panel.hint.isVisible() != panel.title.isVisible()
        name = panel.title.text() if panel.title.isVisible() else ""
        return name if name in shows else "?"

    assert shown() == "seat.stl"
    cells, _ = shown_cells(window.document.model.decode(session.latent), session.surface)
    found = iou(cells, window.document.original.result.voxels)
    assert f"agrees with it to {found:.0%}" in panel.agreement.text()
    session.set_coefficient(0, 2.5)  # still made from it
    session.finish_edit()
    settle(qtbot, window)
    assert shown() == "seat.stl"
    assert f"{found:.0%}" not in panel.agreement.text()
    session.pin_b()
    for change, name in (
        (session.undo, "seat.stl"),
        (session.undo, "seat.stl"),
        (session.undo, "a.png"),
        (session.undo, ""),
        (session.redo, "a.png"),
        (session.pin_a, "a.png"),
        (lambda: session.set_class("bed"), ""),
        (session.undo, "a.png"),
        (session.randomise, ""),
    ):
        change()
        assert shown() == name
    settle(qtbot, window)


def test_randomise_finds_a_whole_shape_on_a_thread_unless_it_is_switched_off(
    qtbot, window, monkeypatch
):
    document, panel, actions = window.document, window.latent_panel, window.actions_
    session, asked = document.session, []
    settle(qtbot, window)

    def whole_seed(name, seed, _truncation, _moved):
        asked.append((name, seed, threading.current_thread() is threading.main_thread()))
        return seed + 3

    monkeypatch.setattr(session.model, "whole_seed", whole_seed)
    assert panel.whole.isChecked()
    qtbot.mouseClick(panel.randomise, Qt.MouseButton.LeftButton)
    settle(qtbot, window)
    (name, seed, on_gui_thread), *_ = asked
    assert (name, on_gui_thread) == (session.state.class_name, False)
    assert session.state.seed == seed + 3 == panel.seed.value()
    session.undo()
    assert session.state.seed != seed + 3
    panel.whole.click()
    assert not actions["whole"].isChecked()
    actions["randomise"].trigger()
    assert len(asked) == 1
    actions["whole"].trigger()
    assert panel.whole.isChecked()
    settle(qtbot, window)


def test_a_picture_is_pasted(qtbot, window, tmp_path):
    clipboard = QGuiApplication.clipboard()
    clipboard.setImage(QImage(str(make_picture(tmp_path / "a.png"))))
    window.actions_["paste"].trigger()
    settle(qtbot, window)
    assert window.document.session.state.origin == "picture from the clipboard"
    clipboard.clear()
    window.actions_["paste"].trigger()
    assert "clipboard" in window.toasts.visible[-1].text
    assert not window.toasts.visible[-1].is_error


def test_a_shape_is_saved_and_opened_again(qtbot, window, tmp_path, monkeypatch):
    session = window.document.session
    session.set_coefficient(2, 1.5)
    saved = session.state
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / "mine"), ""))
    window.actions_["save"].trigger()
    path = tmp_path / "mine.shape.json"
    assert json.loads(path.read_text("utf-8"))["format"] == "shapelab-shape"
    session.randomise()
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_args: ([str(path)], ""))
    window.actions_["open"].trigger()
    assert session.state == saved
    asked = []

    def refuse(_parent, _title, text):
        asked.append(text)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", refuse)
    (tmp_path / "mine.png").write_bytes(b"the only copy")
    session.randomise()
    before = path.read_bytes()
    window.actions_["save"].trigger()
    window.actions_["screenshot"].trigger()
    assert [text.partition(" ")[0] for text in asked] == ["mine.shape.json", "mine.png"]
    assert path.read_bytes() == before
    assert (tmp_path / "mine.png").read_bytes() == b"the only copy"
    session.undo()
    path.write_text("{}", "utf-8")
    window.open_paths([path])
    assert window.toasts.visible[-1].is_error
    assert session.state == saved
    settle(qtbot, window)


def test_a_picture_of_the_view_is_saved_with_and_without_ground(
    qtbot, window, tmp_path, monkeypatch
):
    proposed = []

    def ask(_parent, _title, proposal, _filter):
        proposed.append(Path(proposal).name)
        return str(tmp_path / name), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    for name, action, corner in (("a.png", "screenshot", 255), ("b.png", "cutout", 0)):
        window.actions_[action].trigger()
        qtbot.waitUntil((tmp_path / name).exists, timeout=WAIT_MS)  # it is written on a thread
        image = QImage(str(tmp_path / name))
        assert image.pixelColor(2, 2).alpha() == corner
        # Some pixel of the shape is there, wherever this model's first shape may have its holes.
        middle = image.width() // 2
        column = [image.pixelColor(middle, y).alpha() for y in range(image.height())]
        assert max(column) == 255
    state = window.document.session.state
    stem = f"{state.class_name}-{state.seed}"
    assert proposed == [f"{stem}.png", f"{stem}-transparent.png"]
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / "no" / "c.png"), "")
    )
    window.actions_["screenshot"].trigger()
    qtbot.waitUntil(lambda: any(each.is_error for each in window.toasts.visible))


def test_a_picture_is_on_the_disk_when_the_window_has_closed(window, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))
    window.actions_["screenshot"].trigger()
    window.close()
    assert not QImage(str(path)).isNull()


def test_an_error_nobody_caught_becomes_a_toast_and_a_log_entry(qtbot, window):
    error = ZeroDivisionError("by the test")
    threading.excepthook(threading.ExceptHookArgs((type(error), error, None, None)))
    qtbot.waitUntil(lambda: any(t.is_error for t in window.toasts.visible), timeout=WAIT_MS)
    for handler in logging.getLogger("shapelab").handlers:
        handler.flush()
    assert "by the test" in (log_folder() / "shapelab.log").read_text("utf-8")


def test_the_window_is_remembered(qtbot, window):
    window.resize(1111, 777)
    window.docks[2].hide()
    window.actions_["style_wireframe"].trigger()
    window.actions_["orthographic"].trigger()
    window.close()
    assert window.settings.path.is_file()
    again = MainWindow("modelnet10")
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (1111, 777)
    assert again.docks[2].isHidden()
    assert again.actions_["style_wireframe"].isChecked()
    assert again.actions_["orthographic"].isChecked()
    assert again.viewport._orbit.orthographic is True
    again.close()


def test_a_window_that_is_killed_is_remembered_too(qtbot, window, tmp_path):
    path, copy = window.settings.path, tmp_path / "window.ini"
    window.resize(1111, 777)
    window.docks[2].hide()
    window.actions_["style_wireframe"].trigger()
    wanted = b"style=wireframe"
    qtbot.waitUntil(lambda: path.is_file() and wanted in path.read_bytes(), timeout=WAIT_MS)
    copy.write_bytes(path.read_bytes())  # what a kill would leave now
    again = MainWindow("modelnet10", settings=WindowSettings(copy))
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (1111, 777)
    assert again.docks[2].isHidden()
    assert again.actions_["style_wireframe"].isChecked()
    again.close()


def test_closing_survives_settings_that_cannot_be_written(qtbot, window, caplog):
    in_the_way = window.settings.path.with_name("file")
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_bytes(b"")
    window.settings.path = in_the_way / "window.ini"
    window.close()
    assert "the settings cannot be kept" in caplog.text
    assert not window.isVisible()


def test_damaged_settings_are_as_good_as_none(qtbot, window):
    path = window.settings.path
    window.close()
    path.write_bytes(b"[window]\ngeometry=@ByteArray(rubbish)\nstate=3\n[view]\nstyle=nonsense\n")
    again = MainWindow("modelnet10")
    qtbot.addWidget(again)
    assert again.actions_["style_smooth"].isChecked()
    again.close()


def test_a_missing_model_is_told_and_the_window_stays(qtbot):
    window = MainWindow("no-such-model")
    qtbot.addWidget(window)
    with qtbot.waitSignal(window.settled, timeout=WAIT_MS) as settled:
        window.show()
    assert settled.args == [False]
    assert "no-such-model" in window.toasts.visible[-1].text
    assert not window.actions_["export"].isEnabled()
    window.close()


def test_closing_while_everything_still_loads(qtbot):
    window = MainWindow("modelnet10")
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    window.close()
    assert window.document is None


def test_closing_while_a_file_is_read_and_a_shape_is_on_its_way(window, tmp_path):
    window.open_paths([make_picture(tmp_path / "a.png")])
    window.document.session.randomise()
    window.close()
    assert not window.document.busy


def test_files_given_at_the_start_wait_for_the_model(qtbot, tmp_path):
    window = MainWindow("modelnet10")
    qtbot.addWidget(window)
    window.open_paths([make_picture(tmp_path / "a.png")])
    with qtbot.waitSignal(window.settled, timeout=WAIT_MS):
        window.show()
    settle(qtbot, window)
    assert window.document.session.state.origin == "picture a.png"
    window.close()
