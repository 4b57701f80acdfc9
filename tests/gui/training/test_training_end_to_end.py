"""The whole job with the real window and the real trainer, as one who trains for the first time.

Open, prepare, start, watch the curve, pause, resume, adjust, stop, resume, explore, move a slider,
export the shape, export the model and open it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from shapelab.core.mesh import formats
from shapelab.core.mesh.print_check import check
from shapelab.core.runs.events import Adjusted, Previewed, Resumed, Started, StepDone
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import moments
from shapelab.core.runs.run_state import RunState
from shapelab.gui.process import trainer_process
from shapelab.gui.process.closing import ClosingChoice
from shapelab.gui.training import training_link
from shapelab.gui.training.jobs.model_export_dialog import ModelExportDialog
from tests.trainer.conftest import make_grids

pytestmark = pytest.mark.gl
WAIT_MS = 120_000
LEFT = Qt.MouseButton.LeftButton
#: Narrow networks and no picture phase: a step takes a moment.
TINY = {
    "batch_size": 8,
    "warm_start": 100_000,
    "image_steps": 0,
    "steps": 200_000,
    "log_every": 2,
    "validate_every": 1_000_000,
    "preview_every": 20,
    "save_every": 20,
    "threads": 1,
    "learning_rate": 0.003,
    "kl_warm_up": 1.0,
    "positive_weight": 5.0,
}
NARROW = {"generator_width": 64, "encoder_width": 4, "critic_width": 4, "latent_size": 16}


@pytest.fixture
def shapes(tmp_path):
    """A file of balls and boxes to learn from."""
    grids, labels = make_grids(40)
    path = tmp_path / "balls and boxes.npz"
    np.savez_compressed(path, voxels=grids, labels=labels, classes=np.array(["ball", "box"]))
    return path


@pytest.fixture
def panel(qtbot, window, monkeypatch):
    monkeypatch.setattr(trainer_process, "NICE", 0)  # a busy machine would hardly let it begin
    monkeypatch.setattr(training_link, "ask_on_closing", lambda *_: ClosingChoice.KEEP)
    window.actions_["training"].trigger()
    qtbot.waitUntil(lambda: window.training.panel is not None, timeout=WAIT_MS)
    yield window.training.panel
    assert window.close()


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not window.document.busy, timeout=WAIT_MS)


def fill_form(panel, shapes):
    """Shapes to prepare, and settings of a run that would take hours."""
    form = panel.form
    form.data.choose_path(shapes)
    form.data.pictures.setValue(0)
    config = form.form.config()
    model = config.model.model_copy(update=NARROW)
    form.form.set_config(config.model_copy(update={**TINY, "model": model}))
    form.changed.emit()


def test_prepare_train_pause_stop_resume_explore_export(
    qtbot, window, panel, shapes, tmp_path, monkeypatch
):
    header, errors = panel.run_page.header, []
    panel.failed.connect(errors.append)

    def until(state):
        qtbot.waitUntil(lambda: panel.training == [] or panel.training[0].state == state,
                        timeout=WAIT_MS)  # fmt: skip
        live = panel.live(panel.run_page.shown.path)
        assert live.state == state, live.trouble
        return live

    # from a file of shapes to curves: one form, one button
    QTest.mouseClick(panel.welcome.own, LEFT)
    fill_form(panel, shapes)
    assert panel.form_page.start.isEnabled(), panel.form_page.start.toolTip()
    QTest.mouseClick(panel.form_page.start, LEFT)
    assert header.name.text() == "small-001"
    strip = panel.run_page.page.strip  # what is prepared is seen at once
    qtbot.waitUntil(lambda: strip.shown is not None, timeout=WAIT_MS)
    assert list(strip.shown.rows) in (["prepared"], ["held out", "from voxels", "samples"])
    live = until(RunState.TRAINING)
    run = RunFolder(live.run)
    assert any(isinstance(e, Previewed) and Path(e.path).is_absolute() for e in live.events)
    key = str(live.run)
    qtbot.waitUntil(
        lambda: len(panel.run_page.plot.curves(key).curves.get("kl", ())) >= 5, timeout=WAIT_MS
    )
    assert run.stores()[0].store.parent == panel.stores_folder
    assert run.read_config().model.classes == ("ball", "box")
    losses = panel.run_page.plot.curves(key).curves["reconstruction"].values
    assert np.isfinite(losses).all()

    # pause: not one step more; then on
    QTest.mouseClick(header.main, LEFT)
    live = until(RunState.PAUSED)
    paused = live.progress.step
    assert header.main.text() == "Go on"
    QTest.mouseClick(header.main, LEFT)
    until(RunState.TRAINING)
    qtbot.waitUntil(lambda: live.progress.step > paused, timeout=WAIT_MS)
    resumed = next(event for event in live.events if isinstance(event, Resumed))
    assert resumed.step == paused

    # another weight and another rate, from here on
    box = panel.run_page.adjust
    header.verbs["adjust"].trigger()
    for editor, text in (
        (box.others.editors["delta"], "55"),
        (box.rates.editors["learning_rate"], "0.002"),
    ):
        editor.selectAll()
        QTest.keyClicks(editor, text)
    QTest.mouseClick(box.apply, LEFT)
    qtbot.waitUntil(lambda: any(isinstance(e, Adjusted) for e in live.events), timeout=WAIT_MS)
    assert run.read_config().delta == 55
    qtbot.waitUntil(lambda: box.told.text().startswith("Step "), timeout=WAIT_MS)

    # stop: saved, and the process is gone
    qtbot.waitUntil(lambda: bool(panel.run_page.page.timeline.previews), timeout=WAIT_MS)
    QTest.mouseClick(header.stop, LEFT)
    live = until(RunState.STOPPED)
    stopped = live.progress.step
    assert live.progress.saved == stopped
    assert not run.is_locked()

    # resume: it goes on from there, and the curve has no gap and no double
    QTest.mouseClick(header.main, LEFT)
    live = until(RunState.TRAINING)
    qtbot.waitUntil(lambda: live.progress.step > stopped, timeout=WAIT_MS)
    begun = [event.step for event in live.events if isinstance(event, Started)]
    assert begun == [0, stopped]
    steps = panel.run_page.plot.curves(key).curves["kl"].steps
    assert (np.diff(steps) > 0).all()
    logged = {event.step for event in live.events if isinstance(event, StepDone)}
    assert set(steps) == logged
    # it has learnt something by now
    qtbot.waitUntil(lambda: live.progress.step >= stopped + 100, timeout=WAIT_MS)
    values = panel.run_page.plot.curves(key).curves["reconstruction"].values
    assert values[-5:].mean() < values[:5].mean()

    # follow it: each checkpoint comes into the viewport, until there is something to see
    home, page = window.document, panel.run_page.page
    QTest.mouseClick(page.follow, LEFT)
    qtbot.waitUntil(
        lambda: window.document is not home and window.document.shown is not None,
        timeout=WAIT_MS,
    )

    # stay at one: the newest, by the timeline
    QTest.mouseClick(page.follow, LEFT)
    QTest.keyClick(page.timeline, Qt.Key.Key_Left)
    QTest.keyClick(page.timeline, Qt.Key.Key_End)
    settle(qtbot, window)
    assert not page.follow.isChecked()
    assert window.document.model.classes == ("ball", "box")
    assert window.windowTitle().startswith("small-001, step ")
    assert len(moments(run)) >= 2

    # a slider moves its shape
    before = window.document.asked.number
    row = window.latent_panel.directions[0].slider
    row.setValue(row.maximum() // 6)  # half a standard deviation
    settle(qtbot, window)
    assert window.document.shown.request.number > before
    assert window.viewport.mesh is window.document.shown.mesh
    assert window.viewport.mesh.volume > 0

    # the same shape as a file, closed and of the size that was asked
    path = tmp_path / "learnt.stl"
    window.actions_["export"].trigger()
    dialog = window.commands.export_dialog
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args, **_names: (str(path), ""))
    qtbot.waitUntil(dialog.save.isEnabled, timeout=WAIT_MS)
    QTest.mouseClick(dialog.save, LEFT)
    qtbot.waitUntil(lambda: not dialog.saving, timeout=WAIT_MS)
    assert dialog.verdict.good, dialog.verdict.text()
    dialog.close()
    verdict = check(formats.decode(path.read_bytes(), ".stl"))
    assert verdict.closed
    assert verdict.manifold
    assert max(verdict.size_mm) == pytest.approx(80, abs=0.01)

    # home again, and the end
    QTest.mouseClick(panel.run_page.page.home, LEFT)
    assert window.document is home
    QTest.mouseClick(header.stop, LEFT)
    until(RunState.STOPPED)
    assert run.read_config().delta == 55  # a resume kept it

    # what it knows by now, without an export
    header.verbs["explore"].trigger()
    qtbot.waitUntil(lambda: window.document is not home, timeout=WAIT_MS)
    QTest.mouseClick(panel.run_page.page.home, LEFT)

    # a model with a card, made in the background; it opens like any other
    QTest.mouseClick(header.export, LEFT)
    dialog = window.findChild(ModelExportDialog)
    QTest.keyClicks(dialog.licence, "mine")
    QTest.keyClicks(dialog.note, "Balls and boxes.")
    QTest.mouseClick(dialog.start, LEFT)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    assert dialog.work.trouble.isHidden(), dialog.work.trouble.text.text()
    QTest.mouseClick(dialog.open_button, LEFT)
    qtbot.waitUntil(lambda: window.document.model.name == "small-001", timeout=WAIT_MS)
    settle(qtbot, window)
    card = window.document.model.card
    assert (card["data"]["licence"], card["note"]) == ("mine", "Balls and boxes.")
    assert window.document.model.sample("box", seed=1).shape == (1, 16)
    assert errors == []
