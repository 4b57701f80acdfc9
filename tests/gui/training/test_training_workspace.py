"""The training's place in the window: opened late, beside the others, left without a trace."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDockWidget, QTabBar

from shapelab.core.runs.run_folder import RunFolder
from shapelab.gui.document.shape_maker import Guest
from shapelab.gui.process.closing import ClosingChoice, ask_on_closing
from shapelab.gui.training import training_link

pytestmark = pytest.mark.gl
WAIT_MS = 60_000


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not window.document.busy, timeout=WAIT_MS)


@pytest.fixture
def panel(qtbot, window):
    window.actions_["training"].trigger()
    qtbot.waitUntil(lambda: window.training.panel is not None, timeout=WAIT_MS)
    return window.training.panel


def places(window):
    """Where the docks are, and whether they can be seen at once."""
    docks = window.findChildren(QDockWidget)
    return {
        dock.objectName(): (dock.isHidden(), window.dockWidgetArea(dock), dock.isFloating())
        for dock in docks
    }


def tabs(window):
    """What the tab bars say that can be seen."""
    own = Qt.FindChildOption.FindDirectChildrenOnly
    bars = window.findChildren(QTabBar, options=own)
    seen = [bar for bar in bars if bar.isVisible() and window.rect().contains(bar.geometry())]
    return [{bar.tabText(tab) for tab in range(bar.count())} for bar in seen]


def test_it_costs_nothing_until_it_is_asked_for(window):
    assert window.training.isHidden()
    assert window.training.panel is None
    assert not window.actions_["training"].isChecked()


def test_entering_and_leaving_puts_everything_back(qtbot, window):
    before, width = places(window), window.viewport.width()
    picture, morph = window.docks[1:]
    QTest.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.training.panel is not None, timeout=WAIT_MS)
    assert not window.training.isHidden()
    assert set(window.tabifiedDockWidgets(window.training)) == {picture, morph}
    assert window.viewport.width() > 400
    window.actions_["training"].trigger()
    assert places(window) == before
    assert window.tabifiedDockWidgets(picture) == []
    qtbot.waitUntil(lambda: window.viewport.width() == width, timeout=WAIT_MS)
    assert picture.geometry().bottom() < morph.geometry().top()


def test_no_tabs_are_left_of_a_group_that_is_no_more(qtbot, window):
    assert tabs(window) == []
    for _ in range(2):
        window.actions_["training"].trigger()
        qtbot.waitUntil(lambda: tabs(window) == [{"Picture", "Morph", "Training"}])
        window.actions_["history"].trigger()
        qtbot.waitUntil(lambda: tabs(window) == [{"Picture", "Morph", "Training", "History"}])
        window.actions_["training"].trigger()
        qtbot.waitUntil(lambda: tabs(window) == [{"Morph", "History"}])
        window.history.hide()
        qtbot.waitUntil(lambda: tabs(window) == [])


@pytest.mark.parametrize("open_before", [False, True])
def test_a_dropped_folder_becomes_data_of_a_new_run(qtbot, window, tmp_path, open_before):
    if open_before:
        window.actions_["training"].trigger()
        qtbot.waitUntil(lambda: window.training.panel is not None, timeout=WAIT_MS)
    before = window.document.session.state
    (tmp_path / "my chairs").mkdir()
    (tmp_path / "my chairs" / "chair.stl").touch()
    window.open_paths([tmp_path / "my chairs"])
    qtbot.waitUntil(lambda: window.training.panel is not None, timeout=WAIT_MS)
    panel = window.training.panel
    with qtbot.waitSignal(panel.list.listed, timeout=WAIT_MS):
        panel.refresh()  # what is found in the folders does not push the drop aside
    assert not window.training.isHidden()
    assert panel.pages.currentWidget() is panel.form_page
    assert panel.form.training_plan().preparation.source == str(tmp_path / "my chairs")
    assert window.document.session.state is before


def test_its_close_button_and_the_action_agree(qtbot, window, panel):
    assert window.actions_["training"].isChecked()
    qtbot.waitUntil(window.training.isVisible, timeout=WAIT_MS)
    window.training.close()
    qtbot.waitUntil(lambda: not window.actions_["training"].isChecked(), timeout=WAIT_MS)
    assert window.tabifiedDockWidgets(window.docks[1]) == []
    window.actions_["training"].trigger()
    assert not window.training.isHidden()
    assert window.training.panel is panel


def ball(side=32):
    axis = np.arange(side) - side / 2 + 0.5
    far = np.sqrt(sum(np.square(each) for each in np.meshgrid(axis, axis, axis)))
    return far < side / 4


def test_a_previews_shape_is_shown_and_exported_as_it_is(qtbot, window, panel):
    session, before = window.document.session, window.viewport.mesh
    panel.shape_requested.emit(ball(), "preview of step 40: drawn at random 2")
    settle(qtbot, window)
    mesh = window.viewport.mesh
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.25**3, rel=0.05)
    assert window.status_bar.origin.text() == "Preview of step 40: drawn at random 2"
    assert window.document.surface_for(session.surface).mesh is mesh
    assert not window.actions_["save"].isEnabled()
    assert not session.undo_text
    session.set_coefficient(0, 1.0)  # the sliders are the model's again
    settle(qtbot, window)
    assert window.document.guest is None
    assert window.actions_["save"].isEnabled()
    session.undo()
    settle(qtbot, window)
    np.testing.assert_allclose(window.viewport.mesh.vertices, before.vertices)


def test_the_shape_of_the_session_comes_back_with_its_words(qtbot, window):
    window.document.show_guest(Guest(ball().astype(np.float32), "a guest"))
    settle(qtbot, window)
    window.document.show_guest(None)
    settle(qtbot, window)
    assert window.status_bar.origin.text().lower() == window.document.session.state.origin


@pytest.fixture
def moments(window, tmp_path):
    """A run whose two models are both the shipped one."""
    from shapelab.core import paths

    shipped = (paths.find_model("modelnet10") / "model.safetensors").read_bytes()
    folder = RunFolder(tmp_path / "run")
    for step in (100, 200):
        moment = folder.timeline / f"step-{step:09d}"
        moment.mkdir(parents=True)
        (moment / "model.safetensors").write_bytes(shipped)
    return folder


def test_a_runs_model_is_a_document_of_its_own_and_the_old_one_comes_back(
    qtbot, window, panel, moments
):
    home = window.document
    home.session.set_coefficient(0, 2.0)
    latent = home.session.latent
    panel.explore_requested.emit(moments.path, 100)
    qtbot.waitUntil(lambda: window.document is not home, timeout=WAIT_MS)
    settle(qtbot, window)
    away = window.document
    explored = "run, step {} – Untitled[*] – ShapeLab"
    assert window.windowTitle() == explored.format(100)
    window.project.keeper.touch()  # what changes in the project says nothing of the run
    qtbot.waitUntil(window.isWindowModified, timeout=WAIT_MS)
    assert window.windowTitle() == explored.format(100)
    assert window.latent_panel.isEnabled()
    assert not window.actions_["undo"].isEnabled()
    away.session.set_coefficient(3, -1.0)
    settle(qtbot, window)
    assert window.actions_["undo"].isEnabled()
    panel.explore_requested.emit(moments.path, 200)
    qtbot.waitUntil(lambda: window.windowTitle() == explored.format(200), timeout=WAIT_MS)
    assert window.document is away  # the shape stays, the model under it changes
    assert away.session.state.coefficients[3] == -1.0
    panel.home_requested.emit()
    settle(qtbot, window)
    assert window.document is home
    assert window.windowTitle() == "Untitled[*] – ShapeLab"
    np.testing.assert_array_equal(window.document.session.latent, latent)
    row = window.latent_panel.directions[0].slider
    row.setValue(row.minimum())
    settle(qtbot, window)
    assert home.session.state.coefficients[0] < 0
    assert home.shown.request is home.asked


def test_a_guest_that_comes_back_is_named_again(qtbot, window, panel, moments):
    home, grid = window.document, np.zeros((32, 32, 32), bool)
    grid[8:24, 8:24, 4:28] = True
    panel.shape_requested.emit(grid, "preview of step 100: drawn at random 1")
    settle(qtbot, window)
    named = window.status_bar.origin.text()
    assert named == "Preview of step 100: drawn at random 1"
    panel.explore_requested.emit(moments.path, 100)
    qtbot.waitUntil(lambda: window.document is not home, timeout=WAIT_MS)
    settle(qtbot, window)
    assert window.status_bar.origin.text() != named
    panel.home_requested.emit()
    settle(qtbot, window)
    assert home.shown.request.guest is not None
    assert window.status_bar.origin.text() == named


def test_a_run_that_saved_nothing_yet_is_waited_for(qtbot, window, panel, tmp_path):
    home = window.document
    panel.follow_requested.emit(tmp_path / "run")
    assert "as soon as" in window.toasts.visible[-1].text
    panel.explore_requested.emit(tmp_path / "run", 10)
    qtbot.waitUntil(lambda: "saved nothing" in window.toasts.visible[-1].text, timeout=WAIT_MS)
    assert window.document is home


def test_a_window_without_a_training_closes_without_a_question(window, panel, monkeypatch):
    monkeypatch.setattr(training_link, "ask_on_closing", lambda *_: pytest.fail("nothing to ask"))
    window.close()
    assert not window.isVisible()


def test_the_question_names_what_goes_on_and_answers_by_button(qtbot, window, monkeypatch):
    from PySide6.QtWidgets import QMessageBox

    from shapelab.gui.process.trainer_process import fit_job
    from shapelab.gui.process.training_thread import TrainingThread

    thread = TrainingThread([fit_job(window.settings.path.parent / "small-007", "store")])
    for words, answer in (
        ("Keep training", ClosingChoice.KEEP),
        ("Stop and save", ClosingChoice.STOP),
        ("Cancel", ClosingChoice.CANCEL),
    ):

        def press(box, words=words):
            assert box.text() == "small-007 is still training."
            next(b for b in box.buttons() if b.text().replace("&", "") == words).click()

        monkeypatch.setattr(QMessageBox, "exec", press)
        assert ask_on_closing(window, [thread]) is answer
