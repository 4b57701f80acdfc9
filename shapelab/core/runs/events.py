"""What a training run says while it goes: frozen events, as JSON lines and back."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

from shapelab.core.errors import clean
from shapelab.core.runs.line_reader import LineReader
from shapelab.core.runs.run_state import RunState

WAITING = "waiting"  # the code of a warning: see ``Warned.waits``
SCORES = ("iou", "picture_iou")  # of held-out shapes, by the networks that read voxels, pictures


@dataclass(frozen=True)
class Event:
    """Something that happened after ``step`` steps, at ``time`` (seconds since 1970)."""

    step: int
    time: float = field(default_factory=time.time, compare=False, kw_only=True)


@dataclass(frozen=True)
class Started(Event):
    """A process began or resumed the run."""

    steps: int
    device: str
    processes: int


@dataclass(frozen=True)
class StepDone(Event):
    """Steps were taken. ``metrics`` are means since the last such event; NaN = not finite."""

    metrics: dict[str, float]


@dataclass(frozen=True)
class Validated(Event):
    """The held-out shapes were scored."""

    metrics: dict[str, float]

    @property
    def score(self) -> float:
        """By which "best" is meant everywhere; NaN where a score is not finite.

        The sum of ``SCORES``, which ranks as their mean does; one that is missing counts as 0:
        pictures are learnt later than shapes, or never.
        """
        return sum(self.metrics.get(name, 0.0) for name in SCORES)


def best_validation(validations: Iterable[Validated]) -> Validated | None:
    """The first one with the highest score; None where none is finite."""
    finite = (event for event in validations if math.isfinite(event.score))
    return max(finite, key=lambda event: event.score, default=None)


def drop_after(validations: list[Validated], step: int) -> None:
    """Takes back what came after a step; steps rise, as this is done at each way back."""
    while validations and validations[-1].step > step:
        validations.pop()


@dataclass(frozen=True)
class Previewed(Event):
    """A picture of shapes at fixed latents was written; ``path`` is relative to the run.

    A preparation writes such pictures of its newest shapes, at step 0 and with the whole path.
    """

    path: str


@dataclass(frozen=True)
class Prepared(Event):
    """Data are made, by a run for itself or as a store: ``done`` of ``total`` shapes.

    Of the done ones ``rejected`` cannot be used. ``message`` is for people, mostly empty.
    """

    done: int
    total: int
    rejected: int = 0
    message: str = ""


@dataclass(frozen=True)
class Scored(Event):
    """An evaluation is under way: ``done`` of ``total`` of ``what`` is scored."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class Saved(Event):
    """A checkpoint is on disk, verified; ``path`` is relative to the run."""

    path: str
    best: bool = False


@dataclass(frozen=True)
class Warned(Event):
    """The run helped itself: a step skipped, rolled back, memory short, disk full."""

    code: str
    message: str

    @property
    def waits(self) -> bool:
        """Whether the run waits for its disk, until the next ``Saved``."""
        return self.code == WAITING


@dataclass(frozen=True)
class Adjusted(Event):
    """Settings were changed under way, from the next step on; ``changes`` says which, in words."""

    changes: str


@dataclass(frozen=True)
class Paused(Event):
    """The run waits for 'resume' or 'stop'."""


@dataclass(frozen=True)
class Resumed(Event):
    """The run goes on after a pause."""


@dataclass(frozen=True)
class Finished(Event):
    """The process ends: the run is completed, or stopped (and can be resumed)."""

    reason: RunState


@dataclass(frozen=True)
class Failed(Event):
    """The process ends by an error that a person can mend; ``message`` is its sentence.

    It is written to stderr: a command may fail before there is a run, or another process's run.
    """

    message: str


EVENT_TYPES: dict[str, type[Event]] = {
    "started": Started,
    "step": StepDone,
    "validated": Validated,
    "previewed": Previewed,
    "prepared": Prepared,
    "scored": Scored,
    "saved": Saved,
    "warned": Warned,
    "adjusted": Adjusted,
    "paused": Paused,
    "resumed": Resumed,
    "finished": Finished,
    "failed": Failed,
}
_MOST = 10**15  # steps or shapes, which no run reaches
_LATEST = 4e11  # seconds since 1970, some ten thousand years: what calendars can tell
_MOST_METRICS = 200  # of one event


_NAMES = {kind: name for name, kind in EVENT_TYPES.items()}


def to_line(event: Event) -> str:
    """One line of strict JSON, as stored in ``events.jsonl``; numbers not finite become null."""
    fields = {"event": _NAMES[type(event)], **asdict(event)}
    if "metrics" in fields:
        fields["metrics"] = {
            name: value if math.isfinite(value) else None
            for name, value in fields["metrics"].items()
        }
    return json.dumps(fields, allow_nan=False)


def from_line(line: str) -> Event:
    """The event of a JSON line. Raises ValueError for a line that is none."""
    try:
        fields: Any = json.loads(line)
        kind = EVENT_TYPES.get(fields.pop("event", "")) if isinstance(fields, dict) else None
        if kind is None:
            raise ValueError("not an event line")
        checks = _FIELDS[kind]
        return kind(**{name: checks[name](value) for name, value in fields.items()})
    except (TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError("not an event line") from error


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError("no number of steps")
    return value


def _seconds(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= _LATEST:
        raise ValueError("no time")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("no text")
    return "\n".join(map(clean, value.split("\n")))


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("neither yes nor no")
    return value


def _metrics(value: Any) -> dict[str, float]:
    if type(value) is not dict:
        raise ValueError("no metrics")
    if len(value) > _MOST_METRICS:
        raise ValueError("too many metrics")
    return {name: math.nan if each is None else _number(each) for name, each in value.items()}


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError("no number")
    return float(value)


def _ending(value: Any) -> RunState:
    state = RunState(value)
    if not state.ended:
        raise ValueError("no end")
    return state


_CHECKS: dict[str, Callable[[Any], Any]] = {  # by the text of a field's annotation
    "int": _whole,
    "float": _seconds,
    "str": _text,
    "bool": _flag,
    "dict[str, float]": _metrics,
    "RunState": _ending,
}
_FIELDS = {
    kind: {each.name: _CHECKS[str(each.type)] for each in fields_of(kind)}
    for kind in EVENT_TYPES.values()
}


class EventReader:
    """Reads a growing ``events.jsonl``: each call gives the events that came since the last."""

    def __init__(self, path: Path) -> None:
        self._lines = LineReader(path)

    def read(self) -> list[Event]:
        """New events, oldest first. A line still being written waits; a damaged one is skipped."""
        events = []
        for line in self._lines.read():
            try:
                events.append(from_line(line))
            except ValueError:  # a crash can leave half a line; the rest of the history counts
                continue
        return events
