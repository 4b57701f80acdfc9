"""The list of runs: read on a thread, newest first, with news of those under way."""

from __future__ import annotations

import os
import time

import pytest

from shapelab.core.runs.events import Finished, Saved, Started, Validated, to_line
from shapelab.core.runs.presets import preset
from shapelab.core.runs.run_folder import RunFolder, summarise
from shapelab.core.runs.run_state import RunState
from shapelab.gui.training.run_list import RunList, run_line


def make_run(root, name, step=500, reason=RunState.STOPPED, age=0.0):
    folder = RunFolder(root / name)
    folder.create(preset("small", ("a",), 32, 1000), root / "store")
    events = [Started(0, 1000, "cpu", 1), Validated(step, {"iou": 0.5})]
    events += [Saved(step, f"checkpoints/step-{step:09d}")]
    events += [Finished(step, reason)] if reason else []
    folder.events.write_text("".join(to_line(event) + "\n" for event in events))
    then = time.time() - age
    for path in folder.path.iterdir():
        os.utime(path, (then, then))
    return folder.path


@pytest.fixture
def runs(qtbot, threads_end):
    runs = RunList()
    qtbot.addWidget(runs)
    yield runs
    runs.stop()
    threads_end()


def look(qtbot, runs, root):
    with qtbot.waitSignal(runs.listed):
        runs.read_folder(root)


def test_runs_are_listed_newest_first_and_the_newest_is_chosen(qtbot, runs, tmp_path):
    make_run(tmp_path, "old", age=1000)
    new = make_run(tmp_path, "new", reason=RunState.COMPLETED)
    chosen = []
    runs.chosen.connect(chosen.append)
    look(qtbot, runs, tmp_path)
    assert [run.path.name for run in runs.runs] == ["new", "old"]
    assert chosen[-1].path == new
    text = runs.model().index(0, 0).data()
    assert text.startswith("new, finished, 500 of 1\N{NO-BREAK SPACE}000 · IoU 0.500")


def test_the_chosen_run_stays_chosen_when_others_come_and_go(qtbot, runs, tmp_path):
    make_run(tmp_path, "a", age=10)
    kept = make_run(tmp_path, "b", age=20)
    look(qtbot, runs, tmp_path)
    runs.choose(kept)
    make_run(tmp_path, "c")
    look(qtbot, runs, tmp_path)
    assert runs.current.path == kept
    assert len(runs.runs) == 3


def test_a_run_without_a_folder_waits_at_the_top_until_it_is_there(qtbot, runs, tmp_path):
    make_run(tmp_path, "a")
    look(qtbot, runs, tmp_path)
    runs.add_pending(tmp_path / "b", "small", 1000)
    assert runs.current.path == tmp_path / "b"
    runs.update_run(tmp_path / "b", state=RunState.FAILED)
    look(qtbot, runs, tmp_path)
    assert [(run.path.name, run.state) for run in runs.runs] == [
        ("b", RunState.FAILED),
        ("a", RunState.STOPPED),
    ]
    made = make_run(tmp_path, "b")
    look(qtbot, runs, tmp_path)
    assert [run.path.name for run in runs.runs] == ["b", "a"]
    assert runs.current == summarise(RunFolder(made))


def test_an_empty_folder_chooses_nothing(qtbot, runs, tmp_path):
    chosen = []
    runs.chosen.connect(chosen.append)
    look(qtbot, runs, tmp_path / "missing")
    assert runs.current is None
    assert chosen == [None]


def test_news_change_the_row(qtbot, runs, tmp_path):
    path = make_run(tmp_path, "a")
    look(qtbot, runs, tmp_path)
    runs.update_run(path, step=777, state=RunState.TRAINING, best=0.625)
    assert "training, 777 of 1\N{NO-BREAK SPACE}000 · IoU 0.625" in runs.model().index(0, 0).data()
    runs.update_run(tmp_path / "unknown", step=1)  # not listed: nothing to change


def test_figures_are_written_as_people_read_them(tmp_path):
    run = summarise(RunFolder(make_run(tmp_path, "a")))
    assert run_line(run).startswith("500 of 1\N{NO-BREAK SPACE}000 · IoU 0.500 · 2 kB · ")
