"""The scalars of a run as arrays that grow with its events, for plots and for the doctor."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from shapelab.core.runs.events import (
    Adjusted,
    Event,
    Prepared,
    Resumed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
    best_validation,
    drop_after,
)

MAX_CURVES = 200  # a trainer writes some thirty
_BLOCK = 32  # points that are smoothed at once
_NO_BIAS = 1e-17  # taken from 1 it leaves 1

Point = tuple[float, float, float]  # step, seconds, value


class Curve:
    """One scalar over the steps, oldest first; NaN where it was not finite."""

    def __init__(self) -> None:
        self.edits = 0  # counts the changes other than points added at the end
        self._rows = np.zeros((3, 64))
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def steps(self) -> NDArray[np.float64]:
        """[n], rising."""
        return self._rows[0, : self._length]

    @property
    def seconds(self) -> NDArray[np.float64]:
        """[n] seconds of training up to each step, pauses not counted; NaN where unknown."""
        return self._rows[1, : self._length]

    @property
    def values(self) -> NDArray[np.float64]:
        """[n]."""
        return self._rows[2, : self._length]

    def add(self, step: float, seconds: float, value: float) -> None:
        """A point at or after the last one; at the same step it takes the last one's place."""
        if not self._length or self._rows[0, self._length - 1] != step:
            if self._length == self._rows.shape[1]:
                self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)], 1)
            self._length += 1
        else:
            self.edits += 1
        self._rows[:, self._length - 1] = step, seconds, value

    def extend(self, points: Sequence[Point]) -> None:
        """Many points, as ``add`` takes them; a run's whole history comes at once."""
        rows = np.fromiter(chain.from_iterable(points), float).reshape(-1, 3).T
        before = self._rows[0, self._length - 1] if self._length else -np.inf
        if not (np.diff(rows[0], prepend=before) > 0).all():
            for point in points:
                self.add(*point)
            return
        length = self._length + len(points)
        if length > self._rows.shape[1]:
            spare = np.zeros((3, length))  # twice as many, so that adding stays cheap
            self._rows = np.concatenate([self._rows[:, : self._length], rows, spare], 1)
        else:
            self._rows[:, self._length : length] = rows
        self._length = length

    def drop_after(self, step: int) -> None:
        """Takes back what came after a step."""
        self._length = int(np.searchsorted(self.steps, step, side="right"))
        self.edits += 1


class RunCurves:
    """Everything that a run's events say in numbers.

    A run that is resumed from a checkpoint, or goes back to one, takes back the numbers of the
    steps after it.
    """

    def __init__(self) -> None:
        self.curves: dict[str, Curve] = {}
        self.checkpoints: list[int] = []  # steps, rising
        self.validations: list[Validated] = []  # oldest first
        self.adjusted: list[Adjusted] = []  # as for the warnings: settings are not taken back
        self.warnings: list[Warned] = []  # all there were: they happened, even if taken back
        self.step = 0  # the newest
        self._clock = Curve()  # seconds of training at each step
        self._seconds = 0.0
        self._time: float | None = None  # of the newest event

    def append(self, events: Iterable[Event]) -> None:
        """Adds what came, oldest first."""
        points: dict[str, list[Point]] = defaultdict(list)
        clock: list[Point] = []
        for event in events:
            self._count_time(event)
            if event.step < self.step:
                self._extend(points, clock)
                self._go_back(event.step)
            self.step = event.step
            match event:
                case StepDone() | Validated():
                    for name, value in event.metrics.items():
                        points[name].append((event.step, self._seconds, value))
                    clock.append((event.step, self._seconds, 0.0))
                    if isinstance(event, Validated):
                        self.validations.append(event)
                case Saved():
                    if event.step not in self.checkpoints[-1:]:
                        self.checkpoints.append(event.step)
                case Adjusted():
                    self.adjusted.append(event)
                case Warned():
                    self.warnings.append(event)
        self._extend(points, clock)

    @property
    def best(self) -> Validated | None:
        """The best validation that was not taken back."""
        return best_validation(self.validations)

    def seconds_at(self, step: float) -> float:
        """Seconds of training up to a step, between the known ones by proportion."""
        clock = self._clock
        return float(np.interp(step, clock.steps, clock.seconds)) if len(clock) else 0.0

    def step_at(self, seconds: float) -> float:
        """The step after so many seconds of training."""
        clock = self._clock
        return float(np.interp(seconds, clock.seconds, clock.steps)) if len(clock) else 0.0

    def _count_time(self, event: Event) -> None:
        # While data are made, before a start and before the end of a pause nothing was trained; a
        # clock may be set back.
        if self._time is not None and not isinstance(event, Prepared | Started | Resumed):
            self._seconds += max(event.time - self._time, 0.0)
        self._time = event.time

    def _extend(self, points: dict[str, list[Point]], clock: list[Point]) -> None:
        """Moves the points into their curves."""
        for name, new in points.items():
            if name in self.curves or len(self.curves) < MAX_CURVES:
                self.curves.setdefault(name, Curve()).extend(new)
        if clock:
            self._clock.extend(clock)
        points.clear()
        clock.clear()

    def _go_back(self, step: int) -> None:
        for curve in [*self.curves.values(), self._clock]:
            curve.drop_after(step)
        while self.checkpoints and self.checkpoints[-1] > step:
            self.checkpoints.pop()
        drop_after(self.validations, step)


class MovingAverage:
    """An exponential moving average, without the bias of its start, of values that come in parts.

    s_k = m_k / (1 - factor^(k+1)) with m_k = factor m_(k-1) + (1 - factor) y_k and m_-1 = 0, so
    that s_0 = y_0 and the first value soon counts no more than others (Kingma & Ba 2015).
    """

    def __init__(self, factor: float) -> None:
        """``factor`` in [0, 1)."""
        self._factor = factor
        self._mean, self._bias = 0.0, 1.0  # m_k, and what 1 is without

    def extend(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Averages at the next values, [n] and all finite."""
        if not len(values):
            return np.zeros(0)
        means = _faded_sums((1 - self._factor) * values, self._factor, self._mean)
        self._mean = float(means[-1])
        if self._bias > _NO_BIAS and self._factor:
            biased = math.ceil(math.log(_NO_BIAS / self._bias, self._factor))
            biases = self._bias * self._factor ** np.arange(1, min(biased, len(values)) + 1)
            self._bias = float(biases[-1])
            means[: len(biases)] /= 1 - biases
        return means


def _faded_sums(values: NDArray[np.float64], factor: float, before: float) -> NDArray[np.float64]:
    """Each of the values [n] with ``factor`` times the sum before it; ``before`` is the first's."""
    if len(values) <= _BLOCK:
        sums = [before := value + factor * before for value in values.tolist()]
        return np.array(sums)
    blocks = np.pad(values, (0, -len(values) % _BLOCK)).reshape(-1, _BLOCK)
    for place in range(1, _BLOCK):  # of all blocks at once
        blocks[:, place] += factor * blocks[:, place - 1]
    # The sums at the ends of blocks are such sums themselves, of a power of the factor.
    ends = _faded_sums(blocks[:-1, -1], factor**_BLOCK, before)
    carried = np.concatenate([[before], ends])
    blocks += np.outer(carried, factor ** np.arange(1, _BLOCK + 1))
    return blocks.reshape(-1)[: len(values)]


def csv_of(runs: Mapping[str, RunCurves]) -> bytes:
    """Every point of every curve: run, metric, step, seconds of training, value.

    What was not finite, and times that are not known, are empty fields.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["run", "metric", "step", "seconds", "value"])
    for run, curves in runs.items():
        for metric, curve in curves.curves.items():
            rows = zip(
                curve.steps.tolist(), curve.seconds.tolist(), curve.values.tolist(), strict=True
            )
            for step, seconds, value in rows:
                time = f"{seconds:.3f}" if math.isfinite(seconds) else ""
                number = repr(value) if math.isfinite(value) else ""
                writer.writerow([run, metric, int(step), time, number])
    return text.getvalue().encode("utf-8")
