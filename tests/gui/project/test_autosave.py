"""Autosave: what was written is never lost, and a change is written within half a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shapelab.core.errors import ExportError
from shapelab.core.project import journal as journal_module
from shapelab.core.project.journal import Standing, journals, left_behind, read_journal
from shapelab.core.project.project import Project, SessionPart
from shapelab.core.project.view_state import ViewState
from shapelab.core.session.session import Session
from shapelab.gui.project.autosave import INTERVAL_MS, Autosave
from tests.core.session.tiny_model import Model

HERE = Path(__file__).parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("kills", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_kills_lose_nothing_that_was_written(kills):
    done = subprocess.run(
        [sys.executable, HERE / "killed_autosave.py", str(kills), "1"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[2])},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout.splitlines()[-1])
    print(report)
    assert report["killed"] == kills
    assert report["steps"] > kills


@pytest.fixture
def session():
    return Session(Model(), seed=0)


@pytest.fixture
def autosave(qapp, session):
    def take():
        return Project((SessionPart.of(session),), 0, ViewState()), Standing(modified=True)

    made = Autosave(take)
    yield made
    made.end(None)


def written(autosave):
    return read_journal(autosave.folder)[0].content["sessions"][0]["history"]


def test_a_change_is_due_within_half_a_second_and_later_ones_do_not_put_it_off(
    qtbot, autosave, session
):
    assert INTERVAL_MS <= 500
    autosave.touch()
    assert (autosave._timer.isActive(), autosave._timer.interval()) == (True, INTERVAL_MS)
    begun = autosave._timer.timerId()
    autosave.touch()
    assert autosave._timer.timerId() == begun, "it was not begun again"
    session.set_coefficient(0, 1.0)
    qtbot.waitUntil(lambda: not autosave.busy)
    assert written(autosave)["newest"] == 1


def test_nothing_is_written_while_nothing_changes(autosave):
    assert not autosave.busy
    assert not journals().exists()


def test_an_end_with_nothing_to_keep_leaves_nothing(qtbot, autosave):
    with qtbot.waitSignal(autosave.written):
        autosave.touch()
    autosave.end(None)
    assert list(journals().iterdir()) == []


def test_a_last_moment_is_written_at_the_end(autosave, session):
    session.set_coefficient(0, 1.0)
    part = SessionPart.of(session)
    autosave.end((Project((part,), 0, ViewState()), Standing("/a.shapelab", "", True, ended=True)))
    (left,) = left_behind()
    assert (left.standing.path, left.standing.ended) == ("/a.shapelab", True)
    assert written(autosave)["newest"] == 1


def test_a_disk_that_refuses_is_told_once_until_it_works_again(qtbot, autosave, monkeypatch):
    told = []
    autosave.failed.connect(told.append)

    def refuse(*_):
        raise ExportError("Changes cannot be kept against a crash (No space left on device).")

    with monkeypatch.context() as full:
        full.setattr(journal_module, "atomic_write", refuse)
        for _ in range(3):
            autosave.touch()
            qtbot.waitUntil(lambda: not autosave.busy)
    assert [str(error)[:22] for error in told] == ["Changes cannot be kept"]
    with qtbot.waitSignal(autosave.written):
        autosave.touch()
    assert written(autosave)["newest"] == 0
