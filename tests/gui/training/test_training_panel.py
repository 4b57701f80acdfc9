"""The training panel: buttons after the state, runs and their news, time; the trainer is a double.

With the real trainer: test_training_end_to_end.py.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading

import numpy as np
import pytest
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QInputDialog,
    QMessageBox,
)

from shapelab.core.runs.events import (
    Adjusted,
    Finished,
    Paused,
    Prepared,
    Previewed,
    Saved,
    Started,
    StepDone,
    Validated,
    to_line,
)
from shapelab.core.runs.live_settings import adjusted
from shapelab.core.runs.presets import preset
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_notes import RunNotes, noted, read_notes, write_notes
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.run_watch import Trouble
from shapelab.core.runs.training_plan import Preparation, TrainingPlan
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.training import training_panel
from shapelab.gui.training.adjust_box import WHAT
from shapelab.gui.training.notes_dialog import NotesDialog
from shapelab.gui.training.training_panel import TrainingPanel
from trainer.report import previews

S = RunState
LEFT = Qt.MouseButton.LeftButton
WAIT_MS = 60_000


class Double(QObject):
    """A TrainingThread that does nothing by itself."""

    events = Signal(list)
    state_changed = Signal(object)
    troubled = Signal(object)
    made: list[Double] = []  # noqa: RUF012

    def __init__(self, jobs):
        super().__init__()
        self.jobs, self.job = jobs, jobs[-1]
        self.sent = []
        self.launched = self.detached = False
        Double.made.append(self)

    def launch(self):
        self.launched = True

    def send(self, command):
        self.sent.append(command)

    def kill(self):
        self.sent.append("kill")

    def detach(self):
        self.detached = True

    def join(self):
        pass


@pytest.fixture
def settings(tmp_path):
    settings = WindowSettings(tmp_path / "window.ini")
    settings.set_text("folders/runs", str(tmp_path / "runs"))
    return settings


@pytest.fixture
def panel(qtbot, settings, monkeypatch, threads_end):
    monkeypatch.setattr(training_panel, "TrainingThread", Double)
    Double.made = []
    panel = TrainingPanel(settings)
    qtbot.addWidget(panel)
    panel.errors = []
    panel.failed.connect(panel.errors.append)
    panel.resize(580, 760)
    with qtbot.waitSignal(panel.list.listed, timeout=WAIT_MS):
        panel.show()
    yield panel
    panel.stop()
    threads_end()


def make_run(root, name, *events, steps=1000):
    folder = RunFolder(root / "runs" / name)
    folder.create(preset("small", ("a",), 32, steps), root / "store")
    folder.events.write_text("".join(to_line(event) + "\n" for event in events))
    return folder


def refresh(qtbot, panel):
    with qtbot.waitSignal(panel.list.listed, timeout=WAIT_MS):
        panel.refresh()


@pytest.fixture
def plan(tmp_path):
    config = preset("small", ("a",), 32, 1000)
    return TrainingPlan(tmp_path / "runs" / "small-001", tmp_path / "store", config)


@pytest.fixture
def live(panel, plan):
    """A run under way, as the thread tells it."""
    return panel.start(plan)


def tell(panel, state=None, events=()):
    thread = Double.made[-1]
    if events:
        thread.events.emit(list(events))
    if state:
        thread.state_changed.emit(state)


def verbs(panel):
    """What can be asked now: the main button's words, whether Stop is there, and the menu."""
    header = panel.run_page.header
    menu = [verb for verb, action in header.verbs.items() if action.isVisible()]
    main = header.main.text() if header.main.isEnabled() else ""
    return main, not header.stop.isHidden() and header.stop.isEnabled(), menu


def test_without_a_run_it_welcomes_and_offers_two_ways(qtbot, panel, tmp_path):
    assert panel.pages.currentWidget() is panel.welcome
    qtbot.mouseClick(panel.welcome.own, LEFT)
    assert panel.pages.currentWidget() is panel.form_page
    assert not panel.form_page.start.isEnabled()
    assert "Choose shapes" in panel.form_page.start.toolTip()
    qtbot.mouseClick(panel.form_page.back, LEFT)
    assert panel.pages.currentWidget() is panel.welcome


def test_one_click_makes_data_and_trains_on_them(qtbot, panel):
    qtbot.mouseClick(panel.welcome.small, LEFT)
    prepare, fit = Double.made[0].jobs
    assert prepare.arguments[:2] == ("prepare", "procedural:120")
    assert fit.arguments[0] == "fit"
    store = prepare.arguments[prepare.arguments.index("--out") + 1]
    assert store == fit.arguments[fit.arguments.index("--data") + 1]
    assert Double.made[0].launched
    assert panel.pages.currentWidget() is panel.run_page
    assert panel.run_page.header.name.text() == "small-001"
    tell(panel, S.PREPARING, [Prepared(0, 120, 600)])
    assert panel.run_page.header.progress.text() == "120 of 600 shapes"
    assert panel.run_page.header.bar.value() / panel.run_page.header.bar.maximum() == pytest.approx(
        0.2
    )
    assert verbs(panel)[:2] == ("", True)


@pytest.mark.parametrize(
    ("state", "main", "stop"),
    [
        (S.STARTING, "", True),
        (S.TRAINING, "Pause", True),
        (S.STALLED, "Pause", True),
        (S.SAVING, "Pause", True),
        (S.PAUSED, "Go on", True),
        (S.STOPPING, "", False),
        (S.STOPPED, "Resume", False),
        (S.FAILED, "Resume", False),
        (S.INTERRUPTED, "Resume", False),
        (S.COMPLETED, "Train on…", False),
    ],
)
def test_buttons_follow_the_state(panel, live, state, main, stop):
    tell(panel, S.TRAINING)
    tell(panel, state)
    assert verbs(panel)[:2] == (main, stop)
    menu = verbs(panel)[2]
    assert ("delete" in menu) == (main in ("Resume", "Train on…"))
    assert ("sample" in menu) == (state in (S.TRAINING, S.STALLED, S.PAUSED, S.SAVING))
    assert ("kill" in menu) == (state in (S.STARTING, S.STALLED, S.STOPPING, S.SAVING))


def test_buttons_ask_the_thread(qtbot, panel, live):
    tell(panel, S.TRAINING)
    qtbot.mouseClick(panel.run_page.header.main, LEFT)
    tell(panel, S.PAUSED, [Paused(3)])
    qtbot.mouseClick(panel.run_page.header.main, LEFT)
    tell(panel, S.TRAINING)
    panel.run_page.header.verbs["sample"].trigger()
    panel.run_page.header.verbs["save"].trigger()
    qtbot.mouseClick(panel.run_page.header.stop, LEFT)
    assert Double.made[0].sent == ["pause", "resume", "sample", "save", "stop"]


def test_a_failure_is_told_with_its_evidence_and_resume_goes_on(qtbot, panel, live, plan):
    make = RunFolder(plan.run)
    make.create(plan.config, plan.store)
    tell(panel, S.TRAINING, [Started(0, 1000, "cpu", 1), StepDone(20, {"kl": 3.0})])
    Double.made[0].troubled.emit(Trouble("It ended by SIGKILL.", "last words"))
    tell(panel, S.FAILED)
    line = panel.run_page.header.trouble
    assert line.text.text() == "It ended by SIGKILL."
    assert not line.isHidden()
    assert not line.details.isHidden()
    qtbot.mouseClick(panel.run_page.header.main, LEFT)
    assert Double.made[1].job.arguments[:2] == ("resume", str(plan.run))
    assert line.isHidden()
    tell(panel, S.TRAINING, [Started(0, 1000, "cpu", 1), StepDone(20, {"kl": 3.0})])
    assert len(panel.run_page.plot.curves(str(plan.run)).curves["kl"]) == 1  # not twice


def test_data_that_could_not_be_made_are_made_again(qtbot, panel, plan):
    again = TrainingPlan(plan.run, plan.store, plan.config, Preparation("/shapes"))
    panel.start(again)
    Double.made[0].troubled.emit(Trouble("/shapes holds nothing usable."))
    tell(panel, S.FAILED)
    assert panel.run_page.header.trouble.text.text() == "/shapes holds nothing usable."
    qtbot.mouseClick(panel.run_page.header.main, LEFT)
    assert [job.kind for job in Double.made[1].jobs] == ["prepare", "fit"]


def test_figures_rate_and_time_left(panel, live):
    events = [Started(0, 1000, "cpu", 1, time=0.0)]
    events += [
        StepDone(step, {"samples_per_second": 64.0}, time=step / 2) for step in range(20, 120, 20)
    ]
    tell(panel, S.TRAINING, events)
    assert (
        panel.run_page.header.progress.text()
        == "step 100 of 1\N{NO-BREAK SPACE}000 · 64 shapes/s · about 8 min left"
    )
    tell(panel, S.PAUSED, [Paused(100)])
    assert panel.run_page.header.progress.text() == "step 100 of 1\N{NO-BREAK SPACE}000"


def test_news_reach_curves_list_and_time(qtbot, panel, live, plan):
    heard = []
    panel.news.connect(lambda run, events: heard.append((run, len(events))))
    grids = np.zeros((2, 8, 8, 8), np.float32)
    grids[:, 2:6, 2:6, 2:6] = 1
    previews.write(RunFolder(plan.run).previews, 40, {"samples": grids})
    events = [
        Started(0, 1000, "cpu", 1),
        StepDone(20, {"kl": 3.0}),
        StepDone(40, {"kl": 2.0}),
        Validated(40, {"iou": 0.25}),
        Previewed(40, "previews/step-000000040.png"),
    ]
    tell(panel, S.TRAINING, events)
    assert heard == [(plan.run, 5)]
    np.testing.assert_array_equal(
        panel.run_page.plot.curves(str(plan.run)).curves["kl"].values, [3, 2]
    )
    assert (panel.list.current.step, panel.list.current.best) == (40, 0.25)
    assert panel.run_page.page.timeline.previews == (40,)
    qtbot.waitUntil(lambda: panel.run_page.page.strip.shown is not None, timeout=WAIT_MS)
    with qtbot.waitSignal(panel.shape_requested) as told:
        qtbot.mouseClick(
            panel.run_page.page.strip, LEFT, pos=panel.run_page.page.strip.rects()[1].center()
        )
    np.testing.assert_array_equal(told.args[0], grids[1] > 0.5)
    assert told.args[1] == "preview of step 40: drawn at random 2"


def finished_run(tmp_path, name="old", steps=(100, 200, 300)):
    events = [Started(0, 300, "cpu", 1)]
    for step in steps:
        events += [StepDone(step, {"kl": float(step)}), Saved(step, f"checkpoints/step-{step:09d}")]
    folder = make_run(tmp_path, name, *events, Finished(steps[-1], RunState.COMPLETED), steps=300)
    grids = np.zeros((1, 8, 8, 8), np.float32)
    grids[:, 2:6, 2:6, 2:6] = 1
    for step in steps:
        previews.write(folder.previews, step, {"samples": grids})
        moment = folder.timeline / f"step-{step:09d}"
        moment.mkdir(parents=True)
        (moment / "model.safetensors").touch()
    return folder


@pytest.fixture
def old(qtbot, panel, tmp_path):
    """A finished run, listed and opened."""
    folder = finished_run(tmp_path)
    refresh(qtbot, panel)
    key = str(folder.path)
    qtbot.waitUntil(lambda: bool(panel.run_page.plot.curves(key).curves), timeout=WAIT_MS)
    assert panel.pages.currentWidget() is panel.list_page
    qtbot.mouseClick(
        panel.list.viewport(), LEFT, pos=panel.list.visualRect(panel.list.currentIndex()).center()
    )
    assert panel.pages.currentWidget() is panel.run_page
    return folder


def test_a_run_of_the_past_is_shown_without_a_process(panel, old):
    assert Double.made == []
    assert verbs(panel) == (
        "Train on…",
        False,
        ["explore", "export", "evaluate", "annotate", "duplicate", "copy", "folder", "delete"],
    )
    assert panel.run_page.header.progress.text() == "step 300 of 300"
    assert panel.run_page.page.timeline.checkpoints == (100, 200, 300)
    assert panel.run_page.page.timeline.step == 300


def test_a_second_run_is_begun_from_the_list(qtbot, panel, old):
    qtbot.mouseClick(panel.run_page.header.back, LEFT)
    qtbot.mouseClick(panel.new_button, LEFT)
    assert panel.pages.currentWidget() is panel.form_page


def test_every_button_and_menu_entry_of_every_page_does_something(qtbot, panel, old, monkeypatch):
    """An exception in a slot fails the test: pytest-qt sees to it."""
    for dialog in (QDialog, QMessageBox):
        monkeypatch.setattr(dialog, "exec", lambda _dialog: 0)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: ("", ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: ("", ""))
    monkeypatch.setattr(QInputDialog, "getInt", lambda *_args: (0, False))
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: True)
    pressed = set()
    for page in (panel.welcome, panel.list_page, panel.form_page, panel.run_page):
        panel.pages.setCurrentWidget(page)
        for button in page.findChildren(QAbstractButton):
            menu = getattr(button, "menu", lambda: None)()
            for entry in menu.actions() if menu else ():
                panel.pages.setCurrentWidget(page)
                entry.trigger()
            if not menu and button.isVisible():
                panel.pages.setCurrentWidget(page)
                qtbot.mouseClick(button, LEFT)
                pressed.add(button.text() or button.toolTip())
    assert {"New run…", "Advanced…", "Back", "Follow", "Log"} <= pressed
    panel.list.stop()


def test_plot_and_timeline_share_one_cursor(qtbot, panel, old):
    panel.run_page.plot.set_cursor(100)
    panel.run_page.plot.cursor_moved.emit(100)  # as a click into the plot does
    assert panel.run_page.page.timeline.step == 100
    assert panel.run_page.page.when.text() == "step 100"
    strip = panel.run_page.page.strip
    qtbot.waitUntil(lambda: strip.shown is not None and strip.shown.step == 100, timeout=WAIT_MS)
    qtbot.keyClick(panel.run_page.page.timeline, Qt.Key.Key_Right)
    assert panel.run_page.plot.cursor_step == 200
    qtbot.waitUntil(lambda: panel.run_page.page.strip.shown.step == 200, timeout=WAIT_MS)


def test_between_checkpoints_the_nearest_is_explored_and_then_follows_the_cursor(qtbot, panel, old):
    wanted = []
    panel.explore_requested.connect(lambda run, step: wanted.append((run, step)))
    panel.run_page.page.go_to(130)
    assert wanted == []  # until somebody asks for it
    assert panel.run_page.page.explore.text() == "Explore step 100"
    qtbot.mouseClick(panel.run_page.page.explore, LEFT)
    assert wanted == [(old.path, 100)]
    panel.run_page.page.set_exploring(old.path, 100, can_leave=True)
    assert not panel.run_page.page.home.isHidden()
    panel.run_page.page.go_to(290)
    assert wanted[1:] == [(old.path, 300)]
    panel.run_page.page.set_exploring(None)
    panel.run_page.page.go_to(200)
    assert len(wanted) == 2
    assert panel.run_page.page.home.isHidden()


def test_another_run_is_drawn_beside_the_shown_one_and_read_as_it_grows(
    qtbot, panel, old, tmp_path
):
    other = make_run(tmp_path, "other", Started(0, 300, "cpu", 1), StepDone(50, {"kl": 7.0}))
    os.utime(other.config, (1, 1))
    refresh(qtbot, panel)
    panel.list.choose(old.path)
    bar, plot = panel.run_page.plot.bar, panel.run_page.plot
    assert [action.text() for action in bar.others.actions()] == ["other"]
    bar.others.actions()[0].trigger()
    key = str(other.path)
    qtbot.waitUntil(lambda: "kl" in plot.curves(key).curves, timeout=WAIT_MS)
    plot.redraw()
    assert "old" in plot.names.text()
    assert "other" in plot.names.text()
    with other.events.open("a") as file:
        file.write(to_line(StepDone(60, {"kl": 6.0})) + "\n")
    qtbot.waitUntil(lambda: plot.curves(key).step == 60, timeout=WAIT_MS)
    refresh(qtbot, panel)
    assert bar.others.actions()[0].isChecked()  # reading the list again leaves it
    panel.list.choose(other.path)
    qtbot.waitUntil(lambda: "kl" in plot.curves(key).curves, timeout=WAIT_MS)
    assert panel.run_page.comparison.runs == []
    with pytest.raises(KeyError):
        plot.curves(str(old.path))
    assert [(a.text(), a.isChecked()) for a in bar.others.actions()] == [("old", False)]


def test_a_compared_run_that_is_gone_is_drawn_no_more(qtbot, panel, old, tmp_path):
    other = make_run(tmp_path, "other", Started(0, 300, "cpu", 1), StepDone(50, {"kl": 7.0}))
    refresh(qtbot, panel)
    panel.list.choose(old.path)
    panel.run_page.plot.bar.others.actions()[0].trigger()
    assert panel.run_page.comparison.runs == [other.path]
    other.delete()
    refresh(qtbot, panel)
    assert panel.run_page.comparison.runs == []
    assert not panel.run_page.plot.bar.compare.isEnabled()


def test_follow_asks_for_the_shown_run(qtbot, panel, old):
    with qtbot.waitSignal(panel.follow_requested) as told:
        qtbot.mouseClick(panel.run_page.page.follow, LEFT)
    assert told.args == [old.path]
    with qtbot.waitSignal(panel.follow_requested) as told:
        qtbot.mouseClick(panel.run_page.page.follow, LEFT)
    assert told.args == [None]


def test_a_finished_run_trains_on_to_a_step_that_is_asked_for(panel, old, monkeypatch):
    asked = []

    def answer(_parent, _title, text, value, *_limits):
        asked.append((text, value))
        return 900, True

    monkeypatch.setattr(QInputDialog, "getInt", answer)
    panel.run_page.header.main.click()
    assert asked[0][1] == 600
    assert "finished at step 300" in asked[0][0]
    assert Double.made[0].job.arguments[:4] == ("resume", str(old.path), "--set", "steps=900")


def test_commands_are_copied_as_a_terminal_takes_them(panel, old, plan):
    panel.run_page.header.verbs["copy"].trigger()
    assert QApplication.clipboard().text() == f"shapelab train resume {old.path}"


def test_settings_are_taken_over_into_a_new_run(panel, old, tmp_path):
    panel.run_page.header.verbs["duplicate"].trigger()
    assert panel.pages.currentWidget() is panel.form_page
    assert panel.form.form.config() == old.read_config()


def answer(monkeypatch, words):
    """Presses a button of the question that comes."""

    def press(box):
        next(b for b in box.buttons() if b.text().replace("&", "") == words).click()

    monkeypatch.setattr(QMessageBox, "exec", press)


def test_deleting_asks_first(panel, old, monkeypatch):
    answer(monkeypatch, "Cancel")
    panel.run_page.header.verbs["delete"].trigger()
    assert panel.list.current.state is S.COMPLETED
    assert old.path.exists()


def test_a_run_is_deleted_on_a_thread_while_its_row_says_so(qtbot, panel, old, monkeypatch):
    answer(monkeypatch, "Delete")
    begun, go_on, threads, remove = threading.Event(), threading.Event(), [], shutil.rmtree

    def slow(path):
        if not go_on.is_set():
            os.rename(old.path, old.aside)  # as it is called for an instant
            begun.set()
            assert go_on.wait(WAIT_MS / 1000)
            os.rename(old.aside, old.path)
        threads.append(threading.current_thread())
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", slow)
    panel.run_page.header.verbs["delete"].trigger()
    assert panel.pages.currentWidget() is panel.list_page
    qtbot.waitUntil(begun.is_set, timeout=WAIT_MS)
    refresh(qtbot, panel)  # what is read meanwhile does not bring it back
    assert panel.list.model().rowCount() == 1
    index = panel.list.model().index(0, 0)
    assert index.data().startswith("old, being deleted")
    assert not index.flags() & Qt.ItemFlag.ItemIsEnabled
    qtbot.mouseClick(panel.list.viewport(), LEFT, pos=panel.list.visualRect(index).center())
    assert panel.pages.currentWidget() is panel.list_page
    go_on.set()
    qtbot.waitUntil(lambda: panel.pages.currentWidget() is panel.welcome, timeout=WAIT_MS)
    assert not old.path.exists()
    assert threads
    assert threading.main_thread() not in threads
    assert panel.errors == []


def test_a_run_that_cannot_be_deleted_is_told_and_still_there(qtbot, panel, old, monkeypatch):
    def refuse(path, _to):  # as Windows does while a file in it is open
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    before = sorted(old.path.rglob("*"))
    answer(monkeypatch, "Delete")
    monkeypatch.setattr(os, "rename", refuse)
    panel.run_page.header.verbs["delete"].trigger()
    qtbot.waitUntil(lambda: bool(panel.errors), timeout=WAIT_MS)
    assert "cannot be deleted (Permission denied" in str(panel.errors[0])
    assert sorted(old.path.rglob("*")) == before
    qtbot.waitUntil(lambda: panel.list.current.state is S.COMPLETED, timeout=WAIT_MS)


def test_a_run_in_training_is_not_deleted(panel, old, monkeypatch):
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: pytest.fail("it must not even ask"))
    with old.locked():
        panel.run_page.header.verbs["delete"].trigger()
    assert old.path.exists()
    assert "being trained" in str(panel.errors[0])


def test_a_run_that_somebody_else_trains_is_watched_and_steered(qtbot, panel, tmp_path):
    folder = make_run(tmp_path, "cluster", Started(0, 1000, "cuda", 8), StepDone(10, {"kl": 1.0}))
    with folder.locked():
        refresh(qtbot, panel)
    assert [job.kind for job in Double.made[0].jobs] == ["attach"]
    tell(panel, S.TRAINING, [Started(0, 1000, "cuda", 8), StepDone(10, {"kl": 1.0})])
    panel.run_page.header.main.click()
    assert Double.made[0].sent == ["pause"]


def test_closing_lets_runs_go_on(qtbot, settings, monkeypatch, plan):
    monkeypatch.setattr(training_panel, "TrainingThread", Double)
    panel = TrainingPanel(settings)
    qtbot.addWidget(panel)
    panel.start(plan)
    tell(panel, S.TRAINING)
    assert [live.run for live in panel.training] == [plan.run]
    panel.stop()
    assert Double.made[-1].detached
    assert Double.made[-1].sent == []


def test_settings_are_changed_while_it_trains(qtbot, panel, live, plan):
    run, box = RunFolder(plan.run), panel.run_page.adjust
    run.create(plan.config, plan.store)
    tell(panel, S.TRAINING, [Started(0, 1000, "cpu", 1)])
    assert box.isHidden()
    panel.run_page.header.verbs["adjust"].trigger()
    assert not box.isHidden()
    assert not box.apply.isEnabled()
    delta, rate = box.others.editors["delta"], box.rates.editors["learning_rate"]
    delta.selectAll()
    qtbot.keyClicks(delta, "-5")
    assert not box.apply.isEnabled()
    assert box.others.faults["delta"].text() == "It must be more than 0."
    delta.selectAll()
    qtbot.keyClicks(delta, "250")
    muon = box.rates.editors["muon_learning_rate"]
    muon.selectAll()
    qtbot.keyClicks(muon, "0.006")  # the optimisers are there already
    assert not box.apply.isEnabled()
    assert "cannot go to or from 0" in box.told.text()
    muon.selectAll()
    qtbot.keyClicks(muon, "0")
    assert box.told.text() == WHAT
    rate.selectAll()
    qtbot.keyClicks(rate, "3e-5")
    qtbot.mouseClick(box.apply, LEFT)
    assert Double.made[0].sent == ["set delta=250.0 learning_rate=3e-05"]
    run.write_config(adjusted(plan.config, ["learning_rate=3e-5", "delta=250"]))
    tell(panel, S.TRAINING, [Adjusted(40, "delta 100 → 250")])
    assert box.told.text() == "Step 40: delta 100 → 250"
    assert box.rates.editors["learning_rate"].text() == "3e-05"
    assert not box.apply.isEnabled()
    tell(panel, S.STOPPED, [Finished(60, S.STOPPED)])
    assert box.isHidden()  # nobody listens any more
    assert "adjust" not in verbs(panel)[2]


def test_the_list_is_searched_and_says_where_nothing_matches(qtbot, panel, old, tmp_path):
    other = make_run(tmp_path, "other", Started(0, 300, "cpu", 1))
    write_notes(other.path, noted(["good"], "thin legs"))
    qtbot.mouseClick(panel.run_page.header.back, LEFT)
    refresh(qtbot, panel)
    assert len(panel.list.runs) == 2
    qtbot.keyClicks(panel.search, "#good")
    assert [run.path for run in panel.list.shown] == [other.path]
    assert "#good" in panel.list.model().index(0, 0).data()
    assert not panel.compare_button.isEnabled()
    qtbot.keyClicks(panel.search, "er")
    assert panel.list.shown == []
    assert panel.no_match.isVisible()
    assert not panel.list.isVisible()
    refresh(qtbot, panel)  # what is read again is searched, too
    assert panel.list.shown == []
    panel.search.clear()
    assert len(panel.list.shown) == 2
    assert panel.list.isVisible()
    assert not panel.no_match.isVisible()


def test_tags_and_a_note_are_kept_by_the_run(qtbot, panel, old, monkeypatch):
    def fill(dialog):
        qtbot.keyClicks(dialog.tags, "good, base")
        dialog.text.setPlainText("thin legs")
        dialog.accept()
        return dialog.result()

    monkeypatch.setattr(NotesDialog, "exec", fill)
    with qtbot.waitSignal(panel.list.listed, timeout=WAIT_MS):
        panel.run_page.header.verbs["annotate"].trigger()
    assert read_notes(old.path) == RunNotes(("good", "base"), "thin legs")
    assert panel.list.current.notes.tags == ("good", "base")
    assert "thin legs" in panel.list.currentIndex().data(Qt.ItemDataRole.ToolTipRole)


def test_what_cannot_be_a_tag_cannot_be_saved(old, panel):
    dialog = NotesDialog(old.path, panel)
    save = dialog.buttons.button(QDialogButtonBox.StandardButton.Save)
    dialog.tags.setText("x" * 41)
    assert "too long" in dialog.told.text()
    assert not save.isEnabled()
    dialog.tags.setText("good")
    assert save.isEnabled()
    (old.path / "notes.json").mkdir()
    dialog.accept()
    assert "is a folder" in dialog.told.text()
    assert dialog.result() != NotesDialog.DialogCode.Accepted


def test_the_runs_of_the_list_are_compared_and_one_is_opened(qtbot, panel, old, tmp_path):
    other = make_run(tmp_path, "other", Started(0, 300, "cpu", 1), Validated(50, {"iou": 0.75}))
    other.write_config(adjusted(other.read_config(), ["delta=7"]))
    qtbot.mouseClick(panel.run_page.header.back, LEFT)
    refresh(qtbot, panel)
    qtbot.mouseClick(panel.compare_button, LEFT)
    page = panel.compare_page
    qtbot.waitUntil(lambda: page.found is not None, timeout=WAIT_MS)
    table = page.table
    titles = [table.horizontalHeaderItem(k).text() for k in range(table.columnCount())]
    assert titles[0] == "Run"
    assert {"Delta", "Step", "IoU"} <= set(titles)
    best = [table.item(0, k).text() for k in range(table.columnCount())]
    assert best[0] == "other"  # the best is at the top
    assert best[titles.index("Delta")] == "7"
    assert best[titles.index("IoU")] == "0.750"
    place = next(k for k, run in enumerate(page.found.runs) if run.path == other.path)
    first, second, *_ = page.plot.points(place)
    middle = ((first + second) / 2).toPoint()
    assert page.plot.run_at(QPointF(middle)) == place
    qtbot.mouseClick(page.plot, LEFT, pos=middle)
    assert table.currentRow() == 0
    cell = table.visualItemRect(table.item(0, 0)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=cell)
    qtbot.mouseDClick(table.viewport(), LEFT, pos=cell)
    assert panel.pages.currentWidget() is panel.run_page
    assert panel.run_page.shown.path == other.path
