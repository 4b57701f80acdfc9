"""The terminal's view of a training run: a live bar, or plain lines where there is no terminal."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable
from typing import IO

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shapelab.core import formatting
from shapelab.core.runs import run_progress
from shapelab.core.runs.advice.comparison import Comparison
from shapelab.core.runs.events import (
    Adjusted,
    Event,
    Finished,
    Paused,
    Prepared,
    Previewed,
    Resumed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
)
from shapelab.core.runs.run_folder import RunSummary

from . import scalar_text
from .inspection import table_of_comparison, table_of_runs

SPEED = "samples_per_second"
_WIDE = 200  # columns of a table in a file or pipe, where nothing is gained by narrow ones
_STYLES: dict[type[Event], str] = {
    Warned: "yellow",
    Validated: "green",
    Adjusted: "cyan",
    Paused: "cyan",
    Resumed: "cyan",
    Finished: "bold",
}


def show(
    events: Iterable[Event], steps: int = 0, start: int = 0, terminal: Console | None = None
) -> None:
    """Shows a run's events until there are no more.

    Args:
        events: of ``fit``; pulling them trains.
        steps: of the run in all; a ``Started`` event says so too.
        start: steps that are done already.
        terminal: where to show them; stdout when None.
    """
    terminal = Console() if terminal is None else terminal
    if terminal.is_terminal:
        _show_live(events, LiveProgress(steps, start), terminal)
    else:
        for event in events:
            write_line(terminal.file, describe(event, dated=True))


def show_runs(runs: list[RunSummary], terminal: Console | None = None) -> None:
    """Prints the table of runs; where there is no terminal it is as wide as it needs to be."""
    terminal = Console() if terminal is None else terminal
    if not terminal.is_terminal:
        terminal.width = _WIDE
    terminal.print(table_of_runs(runs))


def show_comparison(comparison: Comparison, terminal: Console | None = None) -> None:
    """Prints runs beside one another, as ``show_runs`` does."""
    terminal = Console() if terminal is None else terminal
    if not terminal.is_terminal:
        terminal.width = _WIDE
    terminal.print(table_of_comparison(comparison))


def describe(event: Event, dated: bool = False) -> str:
    """One line about an event, with the time of day or, for logs, the date too."""
    clock = time.strftime("%Y-%m-%d %H:%M:%S" if dated else "%H:%M:%S", time.localtime(event.time))
    return f"{clock}  step {event.step}  {_text(event)}"


def _text(event: Event) -> str:
    match event:
        case Started():
            processes = "1 process" if event.processes == 1 else f"{event.processes} processes"
            return f"of {event.steps}, on {event.device}, {processes}"
        case StepDone():
            return scalar_text.line(event.metrics)
        case Validated():
            return f"validated  {scalar_text.line(event.metrics)}"
        case Prepared():
            return f"synthetic shapes pictured: {event.done} of {event.total}"
        case Previewed():
            return f"preview  {event.path}"
        case Saved():
            return f"saved {event.path}" + (" (best so far)" if event.best else "")
        case Warned():
            return f"warning: {' '.join(event.message.split())}"
        case Adjusted():
            return f"adjusted: {event.changes}"
        case Finished():
            return event.reason.label
        case _:
            return type(event).__name__.lower()


def write_line(stream: IO[str], line: str) -> None:
    """Writes a line at once; a reader that went away (`| head`) is no reason to end a training."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError):
        stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        stream.flush()


def _show_live(events: Iterable[Event], bar: LiveProgress, terminal: Console) -> None:
    with Live(bar, console=terminal, refresh_per_second=4) as live:
        for event in events:
            bar.add(event)
            if not isinstance(event, StepDone):
                line = Text(describe(event), _STYLES.get(type(event), "dim"))
                live.console.print(line, soft_wrap=True)


class LiveProgress(run_progress.RunProgress):
    """How far a run is; rich draws it as a bar and a line of the newest scalars."""

    def __rich__(self) -> Group:
        share = self.step / self.steps if self.steps else 0.0
        grid = Table.grid(padding=(0, 1))
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column()
        grid.add_column(no_wrap=True)
        bar = ProgressBar(max(self.steps, 1), self.step, width=24)
        facts = [f"{self.step}/{self.steps}", *self._speed(), *self._time_left()]
        grid.add_row(Text(f"{share:.0%}", "bold"), bar, Text("  ".join(facts)))
        losses = [name for name in scalar_text.ordered(self.metrics) if name in scalar_text.SHORT]
        pairs = [Text(scalar_text.pair(name, self.metrics[name]), "dim") for name in losses]
        return Group(grid, Columns(pairs, padding=(0, 2)))

    def _speed(self) -> list[str]:
        speed = self.metrics.get(SPEED, math.nan)
        if not math.isfinite(speed):
            return []
        return [f"{speed:.0f} samples/s" if speed >= 10 else f"{speed:.1f} samples/s"]

    def _time_left(self) -> list[str]:
        if self.paused:
            return ["paused"]
        left = self.seconds_left()
        return [f"{formatting.duration(left)} left"] if left else []
