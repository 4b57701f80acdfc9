"""Projects in the real window: saved, opened, reverted, come back to, and never lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QObject, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QMessageBox

from shapelab.core.mesh import formats, meshing
from shapelab.core.paths import resources
from shapelab.core.project.journal import left_behind
from shapelab.core.project.project_file import StoredProject, read_project, write_project
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.main_window import MainWindow
from shapelab.gui.window.scan_link import SCAN, SHAPE
from tests.shapes import chair, cloud_of

pytestmark = pytest.mark.gl
WAIT_MS = 300_000  # for what never comes
Button = QMessageBox.StandardButton


@pytest.fixture
def answers(monkeypatch):
    """What questions are answered with; those that were asked are in the second list."""
    wanted, asked = [], []

    def answer(_parent, _title, text, *_more):
        asked.append(text)
        return wanted.pop(0)

    monkeypatch.setattr(QMessageBox, "question", answer)
    return wanted, asked


@pytest.fixture
def saved_as(monkeypatch, tmp_path):
    """Where the dialog for a new name leads."""
    path = tmp_path / "chairs.shapelab"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    return path


@pytest.fixture
def another(qtbot, model):
    """Opens a window; the shared model has imported what takes long."""
    opened = []

    def make(**how):
        window = MainWindow("modelnet10", **how)
        qtbot.addWidget(window)
        with qtbot.waitSignal(window.settled, timeout=WAIT_MS):
            window.show()
        opened.append(window)
        return window

    yield make
    for window in opened:
        window.close()


@pytest.fixture
def window(another):
    return another()


def rest(qtbot, window):
    """Waits until everything is read, written and drawn."""
    files, autosave = window.project.files, window.project.keeper.autosave
    qtbot.waitUntil(lambda: not files.busy and not autosave.busy, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not window.document.busy, timeout=WAIT_MS)


def shot(window):
    """All that a project brings back."""
    session, view = window.document.session, window.project.view.read()
    if view.fitted:  # the distance is the window's size
        view = replace(view, distance=1.0)
    return session.history_to_plain(), session.locked, session.gallery, view


def work(qtbot, window):
    """A picture, sliders, pins, a kept shape and another camera."""
    window.open_paths([resources() / "examples" / "chair.png"])
    qtbot.waitUntil(lambda: window.document.original is not None, timeout=WAIT_MS)
    session = window.document.session
    session.set_coefficient(0, 1.25)
    session.pin_a()
    session.set_seed(3)
    session.pin_b()
    session.keep("mine")
    session.set_locked(2, True)
    window.viewport.set_view("right")
    window.actions_["style_wireframe"].trigger()
    window.morph_panel.loop.setChecked(True)


def test_save_and_open_bring_everything_back(qtbot, window, another, saved_as, answers, caplog):
    assert window.windowTitle() == "Untitled[*] – ShapeLab"
    assert not window.isWindowModified()
    work(qtbot, window)
    rest(qtbot, window)
    assert window.isWindowModified()
    window.actions_["save_project"].trigger()
    rest(qtbot, window)
    assert (window.windowTitle(), window.isWindowModified()) == ("chairs[*] – ShapeLab", False)
    before = shot(window)
    # A second window says so, and only reads.
    second = another(project=saved_as)
    rest(qtbot, second)
    assert second.windowTitle() == "chairs[*] (read-only) – ShapeLab"
    assert "chairs.shapelab is open in another window" in caplog.text
    assert shot(second) == before
    second.document.session.undo()
    second.document.session.undo()
    second.document.session.undo()
    second.document.session.undo()
    assert second.image_panel.title.text() == "chair.png", "its picture comes with it"
    mine, its = window.document.originals[0], second.document.originals[0]
    assert np.array_equal(mine.result.prepared.rgba, its.result.prepared.rgba)
    # New begins anew; what is unsaved is asked for, and cancelling keeps all.
    window.document.session.set_coefficient(1, 2.0)
    rest(qtbot, window)
    wanted, asked = answers
    wanted += [Button.Cancel]
    window.actions_["new"].trigger()
    assert asked == ["chairs has changes that are not saved. Save them?"]
    assert window.document.session.state.coefficients[1] == 2.0
    # Revert goes back to the file.
    wanted += [Button.Yes]
    window.actions_["revert"].trigger()
    rest(qtbot, window)
    assert shot(window) == before
    assert not window.isWindowModified()
    window.actions_["new"].trigger()
    rest(qtbot, window)
    assert window.windowTitle() == "Untitled[*] – ShapeLab"
    assert not window.document.session.undo_text
    assert window.settings.recent_files[0] == saved_as


def drop(window, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)


def test_of_several_projects_one_opens_with_its_own_gallery_and_no_change_is_given_up(
    qtbot, window, saved_as, answers, tmp_path, caplog
):
    wanted, asked = answers
    session = window.document.session
    session.set_seed(5)
    session.keep("mine")
    window.actions_["save_project"].trigger()
    rest(qtbot, window)
    before = shot(window)
    second = tmp_path / "second.shapelab"
    second.write_bytes(saved_as.read_bytes())
    window.actions_["new"].trigger()
    assert not window.document.session.gallery, "what was kept is the other project's"
    # A change of this very moment is asked for, though nobody has written it down yet.
    window.document.session.keep("other")
    wanted += [Button.Cancel]
    drop(window, saved_as, second)
    assert asked == ["Untitled has changes that are not saved. Save them?"]
    assert not window.project.files.busy
    wanted += [Button.Discard]
    drop(window, saved_as, second)
    rest(qtbot, window)
    assert (shot(window), window.isWindowModified()) == (before, False)
    assert window.windowTitle() == "chairs[*] – ShapeLab"
    assert "one is opened; not opened: second.shapelab." in caplog.text
    # So is what was changed while another project was read.
    drop(window, second)
    window.document.session.set_seed(6)
    wanted += [Button.Cancel]
    rest(qtbot, window)
    assert len(asked) == 3
    assert (window.windowTitle(), window.document.session.state.seed) == (
        "chairs[*] – ShapeLab",
        6,
    )


def test_closing_asks_where_the_journal_cannot_be_written(
    qtbot, window, answers, monkeypatch, caplog
):
    wanted, asked = answers
    rest(qtbot, window)
    wanted += [Button.Cancel]
    with monkeypatch.context() as full:
        full.setattr("shapelab.core.project.journal.os.fsync", refuse)
        window.document.session.set_seed(5)
        rest(qtbot, window)
        assert "Changes cannot be kept against a crash" in caplog.text
        window.close()
    assert window.isVisible()
    assert asked == ["Untitled has changes that are not saved. Save them?"]
    window.document.session.set_seed(6)
    rest(qtbot, window)
    window.close()
    assert not window.isVisible(), "it comes back"


def test_what_cannot_be_opened_or_saved_is_said_and_nothing_changes(
    qtbot, window, saved_as, answers, tmp_path, monkeypatch, caplog
):
    window.document.session.set_seed(5)
    window.actions_["save_project"].trigger()
    rest(qtbot, window)
    whole, _ = read_project(saved_as)
    before = shot(window)
    odd, newer, gone = (tmp_path / f"{name}.shapelab" for name in ("odd", "newer", "gone"))
    odd.write_bytes(saved_as.read_bytes()[:-30])
    content = json.loads(json.dumps(whole.content))
    content["sessions"][0]["model"] = {"name": "lost", "digest": "f" * 64}
    write_project(gone, StoredProject(content, whole.pictures))
    with monkeypatch.context() as patched:
        patched.setattr("shapelab.core.project.project_file.PROJECT_VERSION", 9)
        write_project(newer, whole)
    for path, words in ((odd, "damaged"), (newer, "newer ShapeLab (version 9")):
        drop(window, path)
        rest(qtbot, window)
        assert words in caplog.text  # where each message goes, besides the window
        assert shot(window) == before
    wanted, asked = answers
    wanted += [Button.No]
    drop(window, gone)
    rest(qtbot, window)
    assert asked == [
        "gone.shapelab was saved with the model lost (ffffffffffff), which is not among those "
        "that ShapeLab knows. Do you have its file?"
    ]
    assert (shot(window), window.windowTitle()) == (before, "chairs[*] – ShapeLab")
    # Somebody else wrote the file meanwhile: it is not replaced in silence.
    write_project(saved_as, StoredProject({"other": 1}), force=True)
    theirs = saved_as.read_bytes()
    window.document.session.set_seed(6)
    wanted += [Button.No]
    window.actions_["save_project"].trigger()
    rest(qtbot, window)
    assert asked[-1].startswith("chairs.shapelab was changed by another program")
    assert saved_as.read_bytes() == theirs
    assert window.isWindowModified()
    # A disk that refuses is said, and the changes are still there.
    wanted += [Button.Yes]
    with monkeypatch.context() as full:
        full.setattr("shapelab.core.atomic.os.fsync", refuse)
        window.actions_["save_project"].trigger()
        rest(qtbot, window)
        assert "chairs.shapelab could not be written (No space left on device)" in caplog.text
    assert saved_as.read_bytes() == theirs
    assert window.isWindowModified()


def refuse(_handle):
    raise OSError(28, "No space left on device")


def test_a_closed_window_comes_back_and_a_killed_one_is_offered(qtbot, another, answers):
    wanted, asked = answers
    first = another(at_start=True)
    assert first.project.welcome.isVisible(), "nothing to come back to"
    assert len(first.project.welcome.examples) == 6
    first.document.session.set_seed(11)
    assert not first.project.welcome.isVisible(), "something was done"
    rest(qtbot, first)
    before = shot(first)
    first.close()
    assert not asked, "nothing would be lost"
    again = another(at_start=True)
    assert shot(again) == before
    assert again.isWindowModified()
    assert not again.project.welcome.isVisible()
    again.document.session.set_seed(12)
    rest(qtbot, again)
    before = shot(again)
    # As a kill leaves it: the journal as it was last written, its lock freed by the system.
    again.project.keeper.autosave._journal.release()
    offered = another(at_start=True)
    assert shot(offered) != before
    (row,) = offered.project.welcome.offers
    qtbot.mouseClick(row.restore, Qt.MouseButton.LeftButton)
    rest(qtbot, offered)
    assert shot(offered) == before
    assert left_behind() == []
    # Without the setting, closing asks; what is discarded is gone.
    offered.actions_["come_back"].setChecked(False)
    wanted += [Button.Cancel]
    offered.close()
    assert offered.isVisible()
    assert asked == ["Untitled has changes that are not saved. Save them?"]
    wanted += [Button.Discard]
    offered.close()
    assert not offered.isVisible()
    assert not offered.project.keeper.autosave.folder.exists()


def test_a_session_comes_back_where_its_file_is_damaged(qtbot, another, saved_as, caplog):
    first = another(at_start=True)
    first.document.session.set_seed(11)
    first.actions_["save_project"].trigger()
    rest(qtbot, first)
    before = shot(first)
    first.close()
    saved_as.write_bytes(saved_as.read_bytes()[:-30])
    again = another(at_start=True)
    assert (shot(again), again.isWindowModified()) == (before, True)


def test_the_app_opens_a_project_that_is_named(qapp, monkeypatch, tmp_path):
    from shapelab.gui import app

    made = {}

    class Window(QObject):
        def __init__(self, model, **how):
            super().__init__()
            made.update(how, model=model)

        def show(self):
            self.current = CurrentDocument()
            self.current.passed_over.connect(lambda names: made.update(passed_over=names))

        def open_paths(self, files):
            made["files"] = list(files)

    class Application:
        def exec(self):
            return 0

    monkeypatch.setattr("shapelab.gui.main_window.MainWindow", Window)
    monkeypatch.setattr(app, "application", Application)
    monkeypatch.setattr(app, "screen_problem", lambda _: "")
    project, picture = Path("a.shapelab"), Path("b.png")
    app.run([picture, project])
    assert (made["project"], made["files"], made["at_start"]) == (project, [picture], False)
    app.run([project, picture, Path("c.shapelab")])
    assert (made["project"], made["files"]) == (project, [picture])
    assert made["passed_over"] == ["c.shapelab"]
    app.run([])
    assert (made["project"], made["files"], made["at_start"]) == (None, [], True)


def open_scans(qtbot, window, folder):
    """A mesh and a cloud, one after the other."""
    mesh = meshing.finish(meshing.surface(chair(32)), 80)
    (folder / "chair.stl").write_bytes(formats.encode(mesh, ".stl"))
    lines = (" ".join(f"{value:.4f}" for value in row) for row in cloud_of(mesh, 5000))
    (folder / "cloud.xyz").write_text("\n".join(lines), "ascii")
    for name in ("chair.stl", "cloud.xyz"):
        drop(window, folder / name)
        qtbot.waitUntil(lambda name=name: window.viewport.layers.scan.text() == name)
    rest(qtbot, window)


def layer(window):
    """The scan that is in the view as it is told, measured and drawn."""
    view = window.viewport
    scan = view._scan
    faces = None if scan.faces is None else (scan.faces.dtype, scan.faces.tobytes())
    words = view.layers.scan.text(), view.layers.scan.toolTip(), window.image_panel.note.text()
    return scan.vertices.tobytes(), faces, scan.size, scan.unit, *words, view.shown_layers


def test_scans_come_back_with_the_project_with_undo_and_after_a_kill(
    qtbot, another, saved_as, tmp_path, caplog
):
    first = another(at_start=True)
    open_scans(qtbot, first, tmp_path)
    cloud = layer(first)
    assert cloud[-1] == SCAN
    first.document.session.undo()
    rest(qtbot, first)
    mesh = layer(first)
    assert (mesh[1] is None, cloud[1] is None) == (False, True)
    first.document.session.redo()
    rest(qtbot, first)
    first.actions_["save_project"].trigger()
    rest(qtbot, first)
    assert caplog.messages == ["Saved chairs.shapelab."], "all of it has room"
    for name in ("chair.stl", "cloud.xyz"):
        (tmp_path / name).unlink()
    # From its file, in another window.
    second = another(project=saved_as)
    rest(qtbot, second)
    assert layer(second) == cloud
    assert second.actions_["scan"].isEnabled()
    qtbot.mouseClick(second.viewport.layers.shape, Qt.MouseButton.LeftButton)
    assert second.viewport.shown_layers == (True, True)
    second.document.session.undo()
    rest(qtbot, second)
    assert layer(second) == mesh
    second.document.session.undo()
    rest(qtbot, second)
    assert second.viewport._scan is None
    # From the journal of one that was killed, in which somebody moved the shape.
    first.document.session.set_coefficient(0, 1.0)
    rest(qtbot, first)
    first.project.keeper.autosave._journal.release()
    offered = another(at_start=True)
    (row,) = offered.project.welcome.offers
    qtbot.mouseClick(row.restore, Qt.MouseButton.LeftButton)
    rest(qtbot, offered)
    assert layer(offered) == (*cloud[:-1], SHAPE), "who moved it sees the shape"
    offered.document.session.undo()
    offered.document.session.undo()
    rest(qtbot, offered)
    assert layer(offered) == mesh


def test_a_scan_without_room_is_left_out_and_said(
    qtbot, another, saved_as, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("shapelab.core.project.scans.MAX_SCAN", 62_000)  # the cloud takes 61 kB
    first = another()
    open_scans(qtbot, first, tmp_path)
    first.actions_["save_project"].trigger()
    rest(qtbot, first)
    left_out = "The project has no room for the scan of chair.stl; it keeps the shape alone."
    assert f"Saved chairs.shapelab. {left_out}" in caplog.text
    second = another(project=saved_as)
    rest(qtbot, second)
    assert second.viewport.layers.scan.text() == "cloud.xyz"
    second.document.session.undo()
    rest(qtbot, second)
    assert second.image_panel.title.text() == "chair.stl"
    assert (second.viewport._scan, second.viewport.layers.isVisible()) == (None, False)
