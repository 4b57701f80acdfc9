"""The folder of a run: its summary, its history, and who trains it now."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shapelab.core.errors import RunError
from shapelab.core.runs.curves import RunCurves
from shapelab.core.runs.events import (
    Event,
    Finished,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
    to_line,
)
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder, find_runs, summarise
from shapelab.core.runs.run_progress import RunProgress
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.store_mix import StoreShare


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create(RunConfig(steps=100), tmp_path / "store")
    return folder


def write(folder: RunFolder, *events: Event) -> None:
    folder.events.write_text("".join(to_line(event) + "\n" for event in events), "utf-8")


def test_a_folder_holds_one_run(folder: RunFolder, tmp_path: Path) -> None:
    assert folder.read_config() == RunConfig(steps=100)
    assert folder.stores() == (StoreShare(tmp_path / "store"),)
    for config, store in ((RunConfig(), "store"), (RunConfig(steps=100), "other")):
        with pytest.raises(RunError, match="holds a run already, with other settings or data"):
            folder.create(config, tmp_path / store)
    before = folder.config.stat()
    folder.create(RunConfig(steps=100), tmp_path / "store")  # as torchrun starts it again
    assert folder.config.stat() == before
    folder.data.write_text("[]")
    with pytest.raises(RunError, match="name it with --data"):
        folder.stores()


@pytest.mark.parametrize(
    ("events", "state", "step"),
    [
        ([], RunState.NEW, 0),
        ([Started(0, 100, "cpu", 1), Finished(100, RunState.COMPLETED)], RunState.COMPLETED, 100),
        ([Started(0, 100, "cpu", 1), Finished(30, RunState.STOPPED)], RunState.STOPPED, 30),
        ([Saved(20, "a"), StepDone(40, {})], RunState.INTERRUPTED, 20),
        (
            [Finished(30, RunState.STOPPED), Started(30, 100, "cpu", 1), StepDone(40, {})],
            RunState.INTERRUPTED,
            0,
        ),
    ],
)
def test_state_follows_from_the_events(
    folder: RunFolder, events: list[Event], state: RunState, step: int
) -> None:
    write(folder, *events)
    found = summarise(folder)
    assert (found.state, found.step, found.steps) == (state, step, 100)


def test_best_is_the_highest_score_that_is_a_number(folder: RunFolder) -> None:
    write(folder, Validated(1, {"iou": math.nan}), Validated(2, {"other": 1.0}))
    assert summarise(folder).best is None
    write(folder, *(Validated(i, {"iou": v}) for i, v in enumerate([0.2, 0.7, math.nan, 0.5])))
    assert summarise(folder).best == 0.7


def test_the_best_is_what_curves_list_and_trainer_call_the_best(folder: RunFolder) -> None:
    """One score for all: pictures count too, and what was taken back does not."""
    scores = [(0.9, 0.0), (0.7, 0.4), (0.8, 0.2), (0.95, 0.9)]
    events = [Validated(i, {"iou": a, "picture_iou": b}) for i, (a, b) in enumerate(scores)]
    events += [Started(2, 100, "cpu", 1)]
    write(folder, *events)
    curves, progress = RunCurves(), RunProgress()
    curves.append(events)
    for event in events:
        progress.add(event)
    assert curves.best == events[1]
    assert progress.best == summarise(folder).best == 0.7


def test_a_second_process_is_told_who_trains(folder: RunFolder) -> None:
    assert not folder.is_locked()
    with folder.locked():
        assert folder.is_locked()
        assert summarise(folder).state is RunState.TRAINING
        pid = json.loads(folder.owner.read_text())["pid"]
        with pytest.raises(RunError, match=f"process {pid} on"), folder.locked():
            pass
    assert not folder.is_locked()
    assert not folder.owner.exists()


def test_listing_runs_neither_stops_a_start_nor_stumbles_over_files_that_go(
    folder: RunFolder,
) -> None:
    folder.checkpoints.mkdir()
    going = RunFolder(folder.path.with_name("going"))
    going.create(RunConfig(), folder.path)
    going.timeline.mkdir()
    done = threading.Event()
    found = []

    def churn() -> None:
        passing = folder.checkpoints / "passing"
        passing.write_bytes(b"x")
        passing.unlink()
        os.rename(going.path, going.aside)
        os.rename(going.aside, going.path)

    def look() -> None:
        found.append(folder.path in [run.path for run in find_runs(folder.path.parent)])

    def again_and_again(work: Callable[[], None]) -> None:
        while not done.is_set():
            work()

    threads = [
        threading.Thread(target=again_and_again, args=(work,)) for work in (churn, look, look)
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            with folder.locked():
                pass
        while len(found) < 400:
            look()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert set(found) == {True}


def test_find_runs_lists_readable_runs_the_newest_first(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("colour = 'red'")
    deep = RunFolder(tmp_path / "a" / "b" / "c")
    deep.create(RunConfig(), tmp_path)
    RunFolder(tmp_path / "a" / "b" / "c" / "too deep").create(RunConfig(), tmp_path)
    assert [run.path for run in find_runs(tmp_path)] == [deep.path, folder.path]


def test_commands_are_lines_behind_those_that_are_there(tmp_path):
    folder = RunFolder(tmp_path)
    folder.send("pause")
    folder.send("stop")
    assert folder.commands.read_text() == "pause\nstop\n"
    with pytest.raises(ValueError, match="none of"):
        folder.send("halt")
    with pytest.raises(RunError, match="cannot be steered"):
        RunFolder(tmp_path / "missing").send("stop")


def test_the_synthetic_shapes_of_an_older_run_are_found_by_their_old_name(tmp_path):
    run = RunFolder(tmp_path)
    assert run.synthetic_shapes == tmp_path / "synthetic"
    (tmp_path / "imagined").mkdir()
    assert run.synthetic_shapes == tmp_path / "imagined"


def test_a_run_is_deleted_whole(folder: RunFolder) -> None:
    (folder.checkpoints / "step-000000001").mkdir(parents=True)
    (folder.checkpoints / "step-000000001" / "x").touch()
    folder.delete()
    assert not folder.path.exists()
    folder.delete()  # there is nothing any more


def test_a_run_in_training_is_not_deleted(folder: RunFolder) -> None:
    with folder.locked(), pytest.raises(RunError, match="being trained"):
        folder.delete()
    assert folder.config.exists()


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind"
)
def test_a_folder_that_cannot_be_emptied_is_found_before_anything_is_lost(
    folder: RunFolder,
) -> None:
    folder.checkpoints.mkdir()
    (folder.checkpoints / "x").touch()
    folder.checkpoints.chmod(0o500)
    before = sorted(folder.path.rglob("*"))
    try:
        with pytest.raises(RunError, match=r"Permission denied.*checkpoints"):
            folder.delete()
        assert sorted(folder.path.rglob("*")) == before
    finally:
        folder.checkpoints.chmod(0o700)


def test_what_is_left_of_a_run_is_still_a_run(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.checkpoints.mkdir()

    def refuse(path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(RunError, match="Input/output error"):
        folder.delete()
    assert summarise(folder).state is RunState.NEW


def test_waiting_for_the_disk_says_nothing_of_the_time_left() -> None:
    progress = RunProgress(100)
    progress.add(StepDone(10, {}, time=0.0))
    progress.add(StepDone(20, {}, time=10.0))
    assert progress.seconds_left() == 80.0
    progress.add(Warned(20, "waiting", "full", time=10.0))
    assert progress.seconds_left() is None
    progress.add(Saved(20, "x", time=5000.0))
    progress.add(StepDone(30, {}, time=5010.0))
    assert progress.seconds_left() == 70.0


def test_a_clock_that_is_set_back_says_nothing_of_the_time_left() -> None:
    progress = RunProgress(100)
    for step, now in ((10, 5000.0), (20, 5010.0), (30, 1420.0)):
        progress.add(StepDone(step, {}, time=now))
    assert progress.seconds_left() is None
    progress.add(StepDone(40, {}, time=1430.0))
    assert progress.seconds_left() == 60.0


HOLDER = """
import sys, time
from pathlib import Path
from shapelab.core.runs.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(100)
"""


def test_a_hung_process_can_be_ended_by_whoever_finds_it(folder: RunFolder) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            folder.kill_owner()
            assert process.wait(20) != 0
        finally:
            process.kill()
    assert not folder.is_locked()


@pytest.mark.parametrize("host", ["elsewhere", socket.gethostname()])
def test_only_the_process_that_trains_the_run_is_ended(folder: RunFolder, host: str) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = {"pid": process.pid, "host": host, "since": 0.0}
        with folder.locked():
            folder.owner.write_text(json.dumps(owner))
            with pytest.raises(RunError, match="can only be ended there"):
                folder.kill_owner()
        assert process.poll() is None
        process.communicate(b"\n")
