"""Closing a window that trains, and finding the training again."""

from __future__ import annotations

import sys

import pytest

from shapelab.core.runs.events import Finished, StepDone, to_line
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.process import trainer_process
from shapelab.gui.process.closing import ClosingChoice, may_close, remember, remembered
from shapelab.gui.process.trainer_process import Job, attach_job
from shapelab.gui.process.training_thread import TrainingThread

PATIENCE_MS = 60_000
# Takes a step, waits for a line, and says that it has finished.
SCRIPT = """
import os, sys
run = sys.argv[1]
def say(line):
    with open(os.path.join(run, "events.jsonl"), "a") as file:
        file.write(line + "\\n")
say('{"event": "step", "step": 1, "metrics": {}}')
if sys.stdin.readline() == "stop\\n":
    say('{"event": "finished", "step": 1, "reason": "stopped"}')
"""


@pytest.fixture
def thread(qtbot, tmp_path, monkeypatch):
    """A training that goes on until it is asked to stop; a script in the trainer's place."""
    path, run = tmp_path / "script.py", tmp_path / "run"
    path.write_text(SCRIPT)
    run.mkdir()
    RunFolder(run).config.touch()
    monkeypatch.setattr(
        trainer_process, "trainer_command", lambda: (sys.executable, "-I", "-S", str(path))
    )
    thread = TrainingThread([Job("fit", run, (str(run),))])
    yield thread
    if thread.isRunning():
        thread.detach()
        thread.join()


@pytest.fixture
def settings(tmp_path):
    return WindowSettings(tmp_path / "window.ini")


def train(qtbot, thread):
    thread.launch()
    qtbot.waitUntil(lambda: thread.state is RunState.TRAINING, timeout=PATIENCE_MS)


def never():
    raise AssertionError("nobody should be asked")


def test_a_window_without_a_training_closes_without_a_question(qtbot, thread):
    assert may_close(None, never, never)
    assert may_close(thread, never, never)  # not launched
    train(qtbot, thread)
    thread.send("stop")
    qtbot.waitUntil(lambda: thread.state is RunState.STOPPED, timeout=PATIENCE_MS)
    assert may_close(thread, never, never)


def test_cancelling_changes_nothing(qtbot, thread):
    train(qtbot, thread)
    assert not may_close(thread, lambda: ClosingChoice.CANCEL, never)
    assert thread.busy


def test_stop_and_save_closes_once_that_is_done(qtbot, thread, settings):
    closed = []
    remember(thread, settings)
    train(qtbot, thread)
    assert settings.training_runs == (thread.job.folder,)
    for _ in range(2):  # somebody who is impatient
        assert not may_close(
            thread, lambda: ClosingChoice.STOP, lambda: closed.append(thread.state)
        )
    qtbot.waitUntil(lambda: bool(closed), timeout=PATIENCE_MS)
    assert closed[0] is RunState.STOPPED
    assert settings.training_runs == ()


def test_a_training_that_goes_on_is_found_by_the_next_window(qtbot, thread, settings):
    remember(thread, settings)
    train(qtbot, thread)
    run = RunFolder(thread.job.folder)
    with run.locked():  # as the trainer does
        assert may_close(thread, lambda: ClosingChoice.KEEP, never)
        qtbot.waitUntil(thread.isFinished, timeout=PATIENCE_MS)
        (again,), heard = remembered(WindowSettings(settings.path)), []
        assert again.job.folder == run.path
        remember(again, settings)
        again.events.connect(heard.extend)
        again.launch()
        qtbot.waitUntil(lambda: again.state is RunState.TRAINING, timeout=PATIENCE_MS)
        assert heard == [StepDone(1, {})]
        with run.events.open("a") as file:
            file.write(to_line(Finished(1, RunState.COMPLETED)) + "\n")
    qtbot.waitUntil(again.isFinished, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: settings.training_runs == (), timeout=PATIENCE_MS)


def test_a_run_that_is_gone_is_forgotten(settings, tmp_path):
    assert remembered(settings) == []
    settings.training_runs = [tmp_path / "gone"]
    assert remembered(WindowSettings(settings.path)) == []
    assert WindowSettings(settings.path).training_runs == ()


def test_all_trainings_that_go_on_are_found_by_the_next_window(qapp, settings, tmp_path):
    threads = []
    for name in ("one", "two", "three"):
        RunFolder(tmp_path / name).create(RunConfig(), tmp_path / "store")
        threads.append(TrainingThread([attach_job(tmp_path / name)]))
        remember(threads[-1], settings)
        threads[-1].state_changed.emit(RunState.TRAINING)
    threads[1].state_changed.emit(RunState.STOPPED)
    again = remembered(WindowSettings(settings.path))
    assert [thread.job.folder.name for thread in again] == ["one", "three"]
