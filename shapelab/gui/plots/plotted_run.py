"""One run in the plots: its numbers, and where its steps lie on the x axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtGui import QColor

from shapelab.core.runs.curves import VALIDATION, RunCurves
from shapelab.gui.plots.decimate import Array
from shapelab.gui.plots.plot_trace import Trace


@dataclass
class PlottedRun:
    """A run's name, colour, numbers and what is drawn of them."""

    name: str
    color: QColor | None  # None = after its place among the runs
    curves: RunCurves = field(default_factory=RunCurves)
    saved: list[int] | None = None  # checkpoints as told from outside, else those of the events
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
        return self._places(self.curves.checkpoints if self.saved is None else self.saved, by_time)

    def troubles(self, by_time: bool) -> Array:
        """Where steps were skipped, [n]."""
        skipped = (w.step for w in self.curves.warnings if w.code == "skipped")
        return self._places(skipped, by_time)

    def trace(self, metric: str, color: QColor, by_time: bool) -> Trace | None:
        """What is drawn of a scalar; None where the run has none of this name."""
        curve = self.curves.curves.get(metric)
        if curve is None:
            return None
        if metric not in self.traces:
            self.traces[metric] = Trace(curve)
        trace = self.traces[metric]
        best = self.curves.best_validation() if metric in VALIDATION else None
        trace.best = None if best is None else self.x(best, by_time)
        trace.color = color
        return trace

    def _places(self, steps: Iterable[int], by_time: bool) -> Array:
        return np.array([self.x(step, by_time) for step in steps])
