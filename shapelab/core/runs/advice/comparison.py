"""Several runs side by side: in which settings they differ, and how far each of them came."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapelab.core.errors import RunError
from shapelab.core.runs.curves import RunCurves
from shapelab.core.runs.events import SCORES, EventReader
from shapelab.core.runs.run_folder import RunFolder

Value = float | int | str | bool | None
NOT_COMPARED = {"threads", "log_every", "validate_every", "save_every", "save_minutes"}


LOG_FROM = 20  # times the smallest value: from there on an axis is logarithmic
MOST_LABELS = 5  # of an axis; of more values only the ends are labelled


@dataclass(frozen=True)
class ComparedRun:
    """One row of a comparison."""

    path: Path
    step: int  # the newest
    values: tuple[Value, ...]  # of ``Comparison.settings``, lists as text
    scores: tuple[float | None, ...]  # of ``Comparison.scores``, at the best validation


@dataclass(frozen=True)
class Comparison:
    """Runs with what tells them apart."""

    settings: tuple[str, ...]  # that are not the same in all, by name; networks' as 'model.name'
    scores: tuple[str, ...]  # of ``SCORES``, as far as a run has them
    runs: tuple[ComparedRun, ...]


def compare(runs: Sequence[Path]) -> Comparison:
    """Reads the settings and histories of runs, in the order given; may take long.

    What says only how often a run writes something is not compared. What cannot be read, or is
    no run any more, is left out.
    """
    read: list[tuple[Path, dict[str, Value], RunCurves]] = []
    for run in runs:
        folder, curves = RunFolder(run), RunCurves()
        with suppress(RunError, OSError):
            fields = _flat(folder.read_config().model_dump(mode="json"))
            curves.append(EventReader(folder.events).read())
            read.append((run, fields, curves))
    differing = [
        name
        for name in (read[0][1] if read else ())
        if name not in NOT_COMPARED and len({repr(fields.get(name)) for _, fields, _ in read}) > 1
    ]
    best = [{} if c.best is None else c.best.metrics for _, _, c in read]
    scores = [name for name in SCORES if any(name in metrics for metrics in best)]
    rows = [
        ComparedRun(
            path,
            curves.step,
            tuple(fields.get(name) for name in differing),
            tuple(metrics.get(name) for name in scores),
        )
        for (path, fields, curves), metrics in zip(read, best, strict=True)
    ]
    return Comparison(tuple(differing), tuple(scores), tuple(rows))


def _flat(fields: dict[str, Any]) -> dict[str, Value]:
    model = fields.pop("model")
    fields |= {f"model.{name}": value for name, value in model.items()}
    return {n: _listed(v) if isinstance(v, list) else v for n, v in fields.items()}


def _listed(values: list[Any]) -> str:
    """'chair, table', or lists of lists as JSON has them."""
    return ", ".join(v if isinstance(v, str) else json.dumps(v) for v in values)


@dataclass(frozen=True)
class Axis:
    """Where values lie on a line from 0 to 1, and what is written beside it."""

    places: tuple[float | None, ...]  # None where there is no value
    labels: tuple[tuple[float, str], ...]  # (place, text), rising


def axis_of(values: Sequence[Value]) -> Axis:
    """Numbers by size, by their logarithms where they span more than ``LOG_FROM``; words evenly."""
    there = [value for value in values if value is not None]
    if there and all(type(value) in (int, float) for value in there):
        numbers = [float(value) for value in there]
        low, high = min(numbers), max(numbers)
        wide = low > 0 and high / low >= LOG_FROM
        scale: Callable[[float], float] = math.log if wide else float
        first, room = scale(low), (scale(high) - scale(low)) or 1.0
        distinct = sorted(set(numbers))
        marks = distinct if len(distinct) <= MOST_LABELS else [low, high]
        found = {number: (scale(number) - first) / room for number in distinct}
        places = [None if v is None else found[float(v)] for v in values]
        texts = [f"{mark:.3g}" if abs(mark) < 1 else f"{mark:.6g}" for mark in marks]
        labels = zip((found[mark] for mark in marks), texts, strict=True)
        return Axis(tuple(places), tuple(labels))
    words = sorted({str(value) for value in there})
    at = {word: k / max(len(words) - 1, 1) for k, word in enumerate(words)}
    places = [None if value is None else at[str(value)] for value in values]
    return Axis(tuple(places), tuple((place, word) for word, place in at.items()))
