"""A run in the plots: its numbers by step or by time, smoothed, what is not finite set apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtGui import QColor

from shapelab.core.runs.curves import Curve, MovingAverage, RunCurves
from shapelab.core.runs.events import SCORES
from shapelab.gui.plots.decimate import Array, ThinLine


@dataclass(frozen=True)
class PlotOptions:
    """What the user chose above the plots."""

    by_time: bool = False
    last: int | None = None  # steps; None = all
    smoothing: float = 0.0  # factor of the moving average
    log: bool = False  # where values are positive
    clip_outliers: bool = False


class _Growing:
    """Numbers that come at the end; room is made for twice as many, so that each costs the same."""

    def __init__(self) -> None:
        self._room: Array = np.zeros(64)
        self._length = 0

    def extend(self, new: Array) -> Array:
        """All numbers [n], the new ones last; what was given before stays as it was."""
        begin, self._length = self._length, self._length + len(new)
        if self._length > len(self._room):
            wider = np.zeros(2 * self._length)
            wider[:begin] = self._room[:begin]
            self._room = wider
        self._room[begin : self._length] = new
        return self._room[: self._length]


class Trace:
    """One curve of one run; keeps what was computed until the curve or an option changes."""

    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        self.color = QColor()
        self.best: float | None = None  # x of the best validation, for its scores
        self.x: Array = np.zeros(0)
        self.y: Array = np.zeros(0)
        self.smooth: Array = np.zeros(0)
        self.gaps: Array = np.zeros(0)  # x of values that were not finite
        self._parts = [_Growing() for _ in range(4)]  # what these four are views of
        self._made_for: tuple[int, PlotOptions] | None = None
        self._done = 0  # points of the curve that are in x, y, smooth and gaps
        self._average = MovingAverage(0.0)
        self._thin, self._thin_smooth = ThinLine(), ThinLine()

    def prepare(self, options: PlotOptions) -> None:
        """Brings x, y, smooth and gaps up to date; of a curve that grew, only the new end."""
        wanted = (self.curve.edits, options)
        if wanted != self._made_for:
            self._made_for, self._done = wanted, 0
            self.x = self.y = self.smooth = self.gaps = np.zeros(0)
            self._parts = [_Growing() for _ in self._parts]
            self._average = MovingAverage(options.smoothing)
            self._thin, self._thin_smooth = ThinLine(), ThinLine()
        if self._done == len(self.curve):
            return
        new = slice(self._done, None)
        x = (self.curve.seconds if options.by_time else self.curve.steps)[new]
        y = self.curve.values[new]
        self._done = len(self.curve)
        placed, finite = np.isfinite(x), np.isfinite(y)
        # Only finite points are drawn, so that a line goes on beside a value that is missing.
        keep = placed & finite & (y > 0) if options.log else placed & finite
        xs, ys, smooth, gaps = self._parts
        self.gaps = gaps.extend(x[placed & ~finite])
        self.x, self.y = xs.extend(x[keep]), ys.extend(y[keep])
        smoothed = bool(options.smoothing)
        self.smooth = smooth.extend(self._average.extend(y[keep])) if smoothed else self.y

    def thin(self, x_range: tuple[float, float], columns: int) -> tuple[Array, Array]:
        """The points as they are, x and y, thinned to columns of pixels."""
        return self._thin.of(self.x, self.y, *x_range, columns)

    def thin_smooth(self, x_range: tuple[float, float], columns: int) -> tuple[Array, Array]:
        """As `thin`, of what is drawn boldly."""
        if self.smooth is self.y:
            return self.thin(x_range, columns)
        return self._thin_smooth.of(self.x, self.smooth, *x_range, columns)

    def inside(self, low: float, high: float) -> slice:
        """The points in a range of x."""
        first, end = np.searchsorted(self.x, [low, high], side="left")
        return slice(int(first), int(end) + int(end < len(self.x) and self.x[end] == high))

    def value_at(self, x: float | None) -> float | None:
        """What is drawn boldly at the point nearest to x, or the newest; None beyond the ends."""
        if not len(self.x):
            return None
        if x is None:
            return float(self.smooth[-1])
        step = np.diff(self.x[-2:]).sum()  # how far from the next point an end may still speak
        if not self.x[0] - 2 * step <= x <= self.x[-1] + 2 * step:
            return None
        after = min(int(np.searchsorted(self.x, x)), len(self.x) - 1)
        before = max(after - 1, 0)
        nearest = before if x - self.x[before] < self.x[after] - x else after
        return float(self.smooth[nearest])


@dataclass
class PlottedRun:
    """A run's name, numbers and what is drawn of them."""

    name: str
    curves: RunCurves = field(default_factory=RunCurves)
    traces: dict[str, Trace] = field(default_factory=dict)

    def x(self, step: float, by_time: bool) -> float:
        """Where a step lies."""
        return self.curves.seconds_at(step) if by_time else float(step)

    def step_at(self, x: float, by_time: bool) -> float:
        """The step at a place, between the first and the newest."""
        step = self.curves.step_at(x) if by_time else x
        return float(np.clip(step, 0, self.curves.step))

    def checkpoints(self, by_time: bool) -> Array:
        """Where its checkpoints lie, [n]."""
        return self._places(self.curves.checkpoints, by_time)

    def troubles(self, by_time: bool) -> Array:
        """Where steps were skipped, [n]."""
        skipped = (w.step for w in self.curves.warnings if w.code == "skipped")
        return self._places(skipped, by_time)

    def adjusted(self, by_time: bool) -> Array:
        """Where settings were changed under way, [n]."""
        return self._places((event.step for event in self.curves.adjusted), by_time)

    def change_near(self, x: float, reach: float, by_time: bool) -> str:
        """What was changed at the nearest such place, in words; empty where none is in reach."""
        places = self.adjusted(by_time)
        if not len(places) or np.abs(places - x).min() > reach:
            return ""
        return self.curves.adjusted[int(np.abs(places - x).argmin())].changes

    def trace(self, metric: str, color: QColor, by_time: bool) -> Trace | None:
        """What is drawn of a scalar; None where the run has none of this name."""
        curve = self.curves.curves.get(metric)
        if curve is None:
            return None
        if metric not in self.traces:
            self.traces[metric] = Trace(curve)
        trace = self.traces[metric]
        best = self.curves.best if metric in SCORES else None
        trace.best = None if best is None else self.x(best.step, by_time)
        trace.color = color
        return trace

    def _places(self, steps: Iterable[int], by_time: bool) -> Array:
        return np.array([self.x(step, by_time) for step in steps])
