"""What the tests of the window share: nothing that a test started outlives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from shapelab.gui.process import trainer_process
from shapelab.gui.process.trainer_process import Job, TrainerProcess

PATIENCE_MS = 60_000


@pytest.fixture(autouse=True, scope="session")
def patient_waits() -> None:
    """A wait ends with its condition; the limit, 5 s else, is for what never comes."""
    for wait in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitExposed):
        wait.__kwdefaults__["timeout"] = PATIENCE_MS


@pytest.fixture
def threads_end(qtbot: Any) -> Callable[[], None]:
    """Waits for the threads of a stopped widget.

    One whose result has just arrived may still be on its last line; it ends by itself.
    """
    from shapelab.gui.base.workers import WorkerThread

    return lambda: qtbot.waitUntil(lambda: not WorkerThread.live)


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that asks when a test has ended fails it; the box would wait for ever."""
    ask = QMessageBox.question

    def question(parent: Any, title: str, text: str, *more: Any) -> Any:
        if title == "Save the project?":
            pytest.fail(f"nobody answers: {text}")
        return ask(parent, title, text, *more)

    monkeypatch.setattr(QMessageBox, "question", question)


@pytest.fixture(autouse=True)
def no_trainer_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends every trainer that the app started in a test: it is made to survive all else."""
    started: list[TrainerProcess] = []
    original = TrainerProcess.__init__

    def init(process: TrainerProcess, job: Job) -> None:
        original(process, job)
        started.append(process)

    monkeypatch.setattr(TrainerProcess, "__init__", init)
    yield
    for process in started:
        process.kill()
        process.leave()
    for process in trainer_process._LEFT:
        process.wait(30)
    trainer_process._LEFT.clear()
