"""What a training run says while it goes: frozen events, as JSON lines and back."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Previewed(Event):
    """A picture of shapes at fixed latents was written; ``path`` is relative to the run."""

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
    "saved": Saved,
    "warned": Warned,
    "paused": Paused,
    "resumed": Resumed,
    "finished": Finished,
    "failed": Failed,
}
# By the text of a field's annotation.
_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "str": str,
    "bool": bool,
    "dict[str, float]": dict,
    "RunState": str,
}
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
    fields: Any = json.loads(line)
    kind = EVENT_TYPES.get(str(fields.pop("event", ""))) if isinstance(fields, dict) else None
    if kind is None:
        raise ValueError("not an event line")
    try:
        _check_types(kind(**fields))
        if "metrics" in fields:
            fields["metrics"] = {
                name: math.nan if value is None else float(value)
                for name, value in fields["metrics"].items()
            }
        if "reason" in fields:
            fields["reason"] = RunState(fields["reason"])
        return kind(**fields)
    except (TypeError, OverflowError) as error:
        raise ValueError("not an event line") from error


def _check_types(event: Event) -> None:
    for each in fields_of(event):
        if not isinstance(getattr(event, each.name), _JSON_TYPES[str(each.type)]):
            raise TypeError(f"{each.name} is no {each.type}")


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
