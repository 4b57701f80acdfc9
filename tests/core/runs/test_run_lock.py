"""One process trains a run: others are refused by name, and death frees the run at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shapelab.core.errors import RunError
from shapelab.core.runs import run_folder
from shapelab.core.runs.events import StepDone, to_line
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder, summarise
from shapelab.core.runs.run_state import RunState

PATIENCE_S = 60
HOLDER = """
import sys
from pathlib import Path
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.errors import RunError
try:
    with RunFolder(Path(sys.argv[1])).locked():
        print("held", flush=True)
        sys.stdin.read()
except RunError as error:
    print(error, flush=True)
"""

Holder = subprocess.Popen[str]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create(RunConfig(steps=100), tmp_path / "store")
    return folder


@pytest.fixture
def holder(folder: RunFolder) -> Iterator[Callable[[], Holder]]:
    """Starts processes that hold the run until their input ends, or say why they cannot."""
    started: list[Holder] = []

    def start() -> Holder:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def said(process: Holder) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_another_process_is_refused_by_a_sentence_that_names_the_holder(
    folder: RunFolder, holder: Callable[[], Holder]
) -> None:
    process = holder()
    assert said(process) == "held"
    assert folder.is_locked()
    sentence = rf"is being trained by process {process.pid} on .*; stop that one first"
    with pytest.raises(RunError, match=sentence), folder.locked():
        pass
    # Having been refused changes nothing for the holder.
    assert folder.is_locked()
    assert json.loads(folder.owner.read_text())["pid"] == process.pid
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert not folder.is_locked()
    assert not folder.owner.exists()
    with folder.locked():
        third = holder()
        assert f"process {os.getpid()} on" in said(third)
        assert third.wait(PATIENCE_S) == 0


def test_a_killed_holder_leaves_the_run_free_at_once(
    monkeypatch: pytest.MonkeyPatch, folder: RunFolder, holder: Callable[[], Holder]
) -> None:
    monkeypatch.setattr(run_folder, "LOCK_PATIENCE_S", 0.0)
    folder.events.write_text(to_line(StepDone(20, {})) + "\n", "utf-8")
    for _ in range(3):
        process = holder()
        assert said(process) == "held"
        assert summarise(folder).state is RunState.TRAINING
        process.kill()
        process.wait(PATIENCE_S)
        assert not folder.is_locked()
        assert summarise(folder).state is RunState.INTERRUPTED
        with folder.locked():
            assert json.loads(folder.owner.read_text())["pid"] == os.getpid()
        assert not folder.owner.exists()


def test_of_several_that_start_together_one_trains(
    folder: RunFolder, holder: Callable[[], Holder]
) -> None:
    processes = [holder() for _ in range(4)]
    answers = [said(process) for process in processes]
    assert answers.count("held") == 1
    winner = processes[answers.index("held")]
    refused = [answer for answer in answers if answer != "held"]
    # The winner may still be writing its name when it is asked for.
    assert all(f"process {winner.pid} on" in a or "another process" in a for a in refused)
