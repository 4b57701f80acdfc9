"""The gallery in the whole window: keys, what is dropped together, exports that open again."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit

from tests.gui.test_end_to_end import export_stl

pytestmark = pytest.mark.gl
WAIT_MS = 60_000
LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL = Qt.KeyboardModifier.ControlModifier


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not (window.document.busy or window.thumbnails.busy), timeout=WAIT_MS)


def names(window):
    return [shape.name for shape in window.document.session.gallery]


def test_k_keeps_the_shape_and_opens_the_gallery(qtbot, window):
    session, dock = window.document.session, window.gallery
    assert dock.isHidden()
    assert not window.actions_["gallery"].isChecked()
    session.set_seed(5)
    QTest.keyClick(window, Qt.Key.Key_K)
    assert dock.isVisible()
    assert window.actions_["gallery"].isChecked()
    (shape,) = session.gallery
    assert (shape.state, shape.name) == (session.state, "Chair, seed 5")
    assert dock.count.text() == "1 shape"
    QTest.keyClick(window, Qt.Key.Key_K)  # the same again: pointed out, no second card
    assert len(session.gallery) == 1
    assert dock.strip.chosen == (shape.id,)
    settle(qtbot, window)
    image = dock._picture(shape)
    covered = [
        image.pixelColor(x, y).alpha() > 0 for x in range(0, 128, 8) for y in range(0, 128, 8)
    ]
    assert any(covered)
    assert not all(covered)
    QTest.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert dock.count.text() == ""
    QTest.keyClick(window, Qt.Key.Key_G, CTRL)
    assert dock.isHidden()
    assert not window.actions_["gallery"].isChecked()
    settle(qtbot, window)


def drop(window, paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    at, copy = QPointF(window.rect().center()), Qt.DropAction.CopyAction
    QApplication.sendEvent(window, QDragEnterEvent(at.toPoint(), copy, data, LEFT, PLAIN))
    QApplication.sendEvent(window, QDropEvent(at, copy, data, LEFT, PLAIN))


def test_what_is_dropped_together_lies_side_by_side(qtbot, window, tmp_path):
    session, heard = window.document.session, []
    window.document.reading.connect(heard.append)
    paths = []
    for seed in (1, 2, 3):
        session.set_seed(seed)
        paths.append(tmp_path / f"{seed}.shape.json")
        session.save(paths[-1])
    broken = tmp_path / "broken.stl"
    broken.write_bytes(b"not a mesh")
    before = len(session.history)
    drop(window, [paths[0], broken, *paths[1:]])
    settle(qtbot, window)
    assert names(window) == ["1.shape.json", "2.shape.json", "3.shape.json"]
    assert window.gallery.isVisible()
    assert heard == ["broken.stl (2 of 4)", ""]
    told = [toast.text for toast in window.toasts.visible]
    assert "3 of 4 files are in the gallery." in told
    assert any("broken.stl" in text for text in told)
    assert len(session.history) == before + 3  # shown and kept in one step each
    session.undo()
    assert names(window) == ["1.shape.json", "2.shape.json"]
    settle(qtbot, window)


def test_six_files_that_fail_are_told_in_one_list(qtbot, window, tmp_path):
    paths = []
    for number, content in enumerate((b"", b"{}", b"[1", b"\xff", b'{"format": 1}', b"x" * 99)):
        paths.append(tmp_path / f"bad-{number}.shape.json")
        paths[-1].write_bytes(content)
    drop(window, paths)
    settle(qtbot, window)
    (toast,) = window.toasts.visible
    assert toast.text.startswith("6 files could not be opened")
    toast.details_button.click()
    (text,) = window.findChildren(QPlainTextEdit)
    lines = text.toPlainText().splitlines()
    for path, line in zip(paths, lines, strict=False):  # the list comes first, one line a file
        assert line.startswith(path.name)
        assert line.endswith(".")
    assert not len(window.document.session.gallery)
    text.window().close()


def test_one_file_alone_is_shown_and_not_kept(qtbot, window, tmp_path):
    session = window.document.session
    session.set_seed(3)
    session.save(tmp_path / "one.shape.json")
    session.set_seed(4)
    drop(window, [tmp_path / "one.shape.json"])
    settle(qtbot, window)
    assert session.state.seed == 3
    assert not len(session.gallery)


def test_an_exported_mesh_opens_with_its_sliders(qtbot, window, monkeypatch, tmp_path):
    session = window.document.session
    session.set_coefficient(2, 1.25)
    session.finish_edit()
    settle(qtbot, window)
    meant = session.state, session.surface
    path = tmp_path / "chair.3mf"
    window.actions_["export"].trigger()
    form = window.commands.export_dialog.form
    form.format.setCurrentIndex(form.format.findData(".3mf"))
    assert form.recipe.isChecked()
    export_stl(qtbot, window, path, monkeypatch)
    session.set_seed(77)
    settle(qtbot, window)
    drop(window, [path])
    settle(qtbot, window)
    assert (session.state, session.surface) == meant
    assert session.undo_text == "open chair.3mf"
    assert window.latent_panel.directions[2].value() == pytest.approx(1.25, abs=0.01)
