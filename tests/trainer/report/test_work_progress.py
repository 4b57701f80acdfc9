"""How a preparation is shown and stopped, and how far a scoring is."""

from __future__ import annotations

import io
import os
import sys
import time

import pytest
from rich.console import Console

from shapelab.core.errors import RunError
from shapelab.core.runs.events import Finished, Prepared, Scored, from_line
from shapelab.core.runs.run_state import RunState
from trainer.process.control import Control
from trainer.report import work_progress


@pytest.fixture
def work():
    """Events of a preparation of 50 shapes, and what became of the iterator."""
    ended = []

    def events():
        try:
            yield Prepared(0, 0, 50, message="50 shapes of meshes")
            for done in range(1, 51):
                yield Prepared(0, done, 50, done // 10)
            yield Prepared(0, 50, 50, 5, "45 shapes\n5 rejected")
        finally:
            ended.append(True)

    return events(), ended


def test_json_lines_tell_the_start_the_end_and_not_every_shape(work):
    stream = io.StringIO()
    work_progress.write(work_progress.until_stopped(work[0], Control()), stream)
    events = [from_line(line) for line in stream.getvalue().splitlines()]
    assert events[0] == Prepared(0, 0, 50, message="50 shapes of meshes")
    assert events[-2:] == [
        Prepared(0, 50, 50, 5, "45 shapes\n5 rejected"),
        Finished(0, RunState.COMPLETED),
    ]
    assert len(events) < 50


def test_a_stop_closes_the_work_and_says_how_to_go_on(work):
    control, stream = Control(), io.StringIO()

    def steered():
        for event in work_progress.until_stopped(work[0], control):
            if isinstance(event, Prepared) and event.done == 7:
                control.request("stop")
            yield event

    work_progress.show(steered(), stream)
    assert work[1] == [True]
    assert "run the same command again to go on" in stream.getvalue()
    assert "stopped after" in stream.getvalue()


def test_a_log_has_lines_and_no_bar(work):
    stream = io.StringIO()
    work_progress.show(work_progress.until_stopped(work[0], Control()), stream)
    lines = stream.getvalue().splitlines()
    assert lines[:3] == ["50 shapes of meshes", "45 shapes", "5 rejected"]
    assert lines[3].startswith("finished after")


def test_a_terminal_has_a_bar(work, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(
        work_progress,
        "Console",
        lambda file: Console(file=file, force_terminal=True, width=100),
    )
    work_progress.show(work_progress.until_stopped(work[0], Control()), stream)
    assert "50/50" in stream.getvalue()
    assert "5 rejected" in stream.getvalue()


def test_a_log_of_a_scoring_gets_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr(work_progress, "SCORING_LOG_EVERY_S", -1.0)
    stream = io.StringIO()
    monkeypatch.setattr(work_progress, "stop_on_signals", lambda *_: None)
    with work_progress.scoring(stream) as (tell, _check):
        tell("pictures", 3, 10)
    assert stream.getvalue() == "pictures: 3 of 10\n"


def test_a_scoring_that_was_stopped_says_so_in_one_sentence(monkeypatch):
    ask = []
    monkeypatch.setattr(work_progress, "stop_on_signals", lambda request, _: ask.append(request))

    def work() -> None:
        with work_progress.scoring(io.StringIO()) as (_tell, check):
            check()
            ask[0]("stop")
            check()

    with pytest.raises(RunError, match="Stopped; nothing was written"):
        work()


def test_a_scoring_for_a_program_is_stopped_by_a_line_and_says_how_it_ended(monkeypatch):
    told, reader, writer = io.StringIO(), *os.pipe()
    monkeypatch.setattr(work_progress, "stop_on_signals", lambda *_: None)
    with os.fdopen(reader) as stdin, os.fdopen(writer, "w") as asks:
        monkeypatch.setattr(sys, "stdin", stdin)
        with work_progress.scoring_events(told) as (tell, check):
            tell("surfaces", 1, 9)
            tell("surfaces", 2, 9)  # too soon to be seen
            tell("surfaces", 9, 9)
            check()
            print("stop", file=asks, flush=True)
            asks.close()
            until = time.monotonic() + 30
            while time.monotonic() < until:
                check()
    events = [from_line(line) for line in told.getvalue().splitlines()]
    expected = [Scored(0, "surfaces", done, 9) for done in (1, 9)]
    assert events == [*expected, Finished(0, RunState.STOPPED)]
