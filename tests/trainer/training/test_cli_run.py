"""The trainer as another program starts it: JSON events out, commands in, signals, exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shapelab.core.runs.events import EventReader
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from trainer.checkpoints import checkpoint_store

LONG = {"steps": 100_000, "warm_start": 2, "validate_every": 10**6, "save_every": 10**6}


class Trainer:
    """A real ``shapelab train resume`` with its pipes."""

    def __init__(self, run: Path) -> None:
        command = [sys.executable, "-m", "shapelab", "train", "resume", str(run)]
        self.process = subprocess.Popen(
            [*command, "--events", "jsonl"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )

    def say(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def until(self, name: str) -> dict[str, Any]:
        """Reads events until one of this name."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(f"no {name}: {self.process.stderr.read()}")

    def end(self) -> int:
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def trainer(config, store_folder, tmp_path) -> Iterator[Trainer]:
    RunFolder(tmp_path).create(config.model_copy(update=LONG), store_folder)
    trainer = Trainer(tmp_path)
    yield trainer
    trainer.process.kill()
    trainer.process.wait()
    for pipe in (trainer.process.stdin, trainer.process.stdout, trainer.process.stderr):
        if pipe is not None:
            pipe.close()


def test_commands_on_stdin_are_obeyed_and_answered(trainer, tmp_path):
    assert trainer.until("started")["steps"] == 100_000
    trainer.until("step")
    trainer.say("pause")
    paused = trainer.until("paused")["step"]
    trainer.say("nonsense")  # is not a reason to end a run of three days
    trainer.say("resume")
    assert trainer.until("resumed")["step"] == paused
    trainer.say("sample")
    preview = trainer.until("previewed")
    assert (tmp_path / preview["path"]).read_bytes().startswith(b"\x89PNG")
    trainer.say("save")
    saved = trainer.until("saved")["step"]
    trainer.say("stop")
    finished = trainer.until("finished")
    assert finished["reason"] == "stopped"
    assert finished["step"] >= saved > paused
    assert trainer.end() == 0
    _, position = checkpoint_store.read_newest(RunFolder(tmp_path).checkpoints)
    assert position["step"] == finished["step"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGTERM")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_saves_after_the_step_and_exits_with_0(trainer, tmp_path, name):
    trainer.until("step")
    trainer.process.send_signal(getattr(signal, name))
    finished = trainer.until("finished")
    assert trainer.end() == 0
    _, position = checkpoint_store.read_newest(RunFolder(tmp_path).checkpoints)
    assert position["step"] == finished["step"] > 0
    assert not RunFolder(tmp_path).is_locked()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGTERM")
def test_a_paused_run_obeys_a_signal(trainer):
    trainer.until("step")
    trainer.say("pause")
    trainer.until("paused")
    trainer.process.send_signal(signal.SIGTERM)
    assert trainer.until("finished")["reason"] == "stopped"
    assert trainer.end() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGTERM")
def test_a_reader_that_goes_away_does_not_end_the_run(trainer, tmp_path):
    trainer.until("step")
    trainer.process.stdout.close()
    trainer.process.stderr.close()  # the signal's sentence has no reader either
    reader = EventReader(RunFolder(tmp_path).events)
    events = reader.read()
    enough = len(events) + 3
    while len(events) < enough:
        assert trainer.process.poll() is None
        events += reader.read()
        time.sleep(0.02)
    trainer.process.send_signal(signal.SIGTERM)
    trainer.process.wait(60)
    events += reader.read()
    assert events[-1].reason == RunState.STOPPED
    _, position = checkpoint_store.read_newest(RunFolder(tmp_path).checkpoints)
    assert position["step"] == events[-1].step


def test_the_end_of_stdin_is_not_a_command(trainer):
    trainer.until("step")
    trainer.process.stdin.close()
    trainer.process.stdin = None
    first = trainer.until("step")["step"]
    assert trainer.until("step")["step"] > first
