"""How far a preparation or a scoring is: a bar in a terminal, lines in a log, JSON lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shapelab.core.errors import RunError
from shapelab.core.runs.events import Event, Finished, Prepared, Scored, to_line
from shapelab.core.runs.run_state import RunState

from ..process.control import Check, Control, Stopped, stop_on_signals
from .console import write_line

LOG_EVERY_S = 10.0  # lines of progress in a log
SCORING_LOG_EVERY_S = 30.0
SEND_EVERY_S = 0.2  # JSON lines of progress; those with a message and the last always go


def until_stopped(events: Iterator[Prepared], control: Control) -> Iterator[Event]:
    """The events of a preparation, and how it ended; a stop is asked between them."""
    try:
        for event in events:
            yield event
            if control.stop:
                yield Finished(0, RunState.STOPPED)
                return
        yield Finished(0, RunState.COMPLETED)
    finally:
        events.close()  # type: ignore[attr-defined]


def write(events: Iterator[Event], stream: IO[str]) -> None:
    """Writes events as JSON lines, progress not more often than anybody can see."""
    told = 0.0
    for event in events:
        passing = isinstance(event, Prepared) and not event.message and event.done < event.total
        if not passing or time.monotonic() - told > SEND_EVERY_S:
            told = time.monotonic()
            write_line(stream, to_line(event))


def show(events: Iterator[Event], stream: IO[str]) -> None:
    """Shows events to people: a bar where there is a terminal, else a line now and then."""
    terminal = Console(file=stream)
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rejected]} rejected"),
        TimeRemainingColumn(),
    )
    start = told = time.monotonic()
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as bar:
        task = bar.add_task("", total=None, rejected=0)
        for event in events:
            if isinstance(event, Prepared):
                bar.update(task, completed=event.done, total=event.total, rejected=event.rejected)
                if event.message:
                    terminal.print(event.message, highlight=False, markup=False, soft_wrap=True)
                elif not terminal.is_terminal and time.monotonic() - told > LOG_EVERY_S:
                    told = time.monotonic()
                    write_line(stream, f"{event.done} of {event.total}, {event.rejected} rejected")
            elif isinstance(event, Finished):
                seconds = time.monotonic() - start
                stopped = event.reason is RunState.STOPPED
                advice = "; run the same command again to go on" if stopped else ""
                line = f"{event.reason.label} after {seconds:.0f} s{advice}"
                terminal.print(line, highlight=False)


@contextmanager
def scoring_events(stream: IO[str]) -> Iterator[tuple[Callable[[str, int, int], None], Check]]:
    """The same as ``scoring``, for a program: JSON lines, and 'stop' is taken on stdin too.

    The last line says how it ended; a block that was stopped is left without an error.
    """
    control, told = Control(), 0.0
    stop_on_signals(control.request, "stopping …")
    control.listen(sys.stdin)

    def tell(what: str, done: int, total: int) -> None:
        nonlocal told
        if done == total or time.monotonic() - told > SEND_EVERY_S:
            told = time.monotonic()
            write_line(stream, to_line(Scored(0, what, done, total)))

    reason = RunState.COMPLETED
    try:
        yield tell, control.check
    except Stopped:
        reason = RunState.STOPPED
    write_line(stream, to_line(Finished(0, reason)))


@contextmanager
def scoring(stream: IO[str]) -> Iterator[tuple[Callable[[str, int, int], None], Check]]:
    """Gives what hears how many of how many are scored, and of what, and what asks for a stop.

    Raises:
        RunError: a signal has stopped the work.
    """
    control = Control()
    stop_on_signals(control.request, "stopping …")
    terminal, told = Console(file=stream), time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=terminal, transient=True, disable=not terminal.is_terminal
    ) as bar:
        task = bar.add_task("shapes", total=None)

        def tell(what: str, done: int, total: int) -> None:
            nonlocal told
            if what != bar.tasks[0].description:
                bar.reset(task, description=what)
            bar.update(task, completed=done, total=total)
            if not terminal.is_terminal and time.monotonic() - told > SCORING_LOG_EVERY_S:
                told = time.monotonic()
                terminal.print(f"{what}: {done} of {total}", highlight=False)

        try:
            yield tell, control.check
        except Stopped:
            raise RunError("Stopped; nothing was written.") from None
