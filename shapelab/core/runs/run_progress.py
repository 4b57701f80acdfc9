"""How far a run is, how fast it goes, how long it will take and how good it is, by its events."""

from __future__ import annotations

from collections import deque

from shapelab.core.runs.events import (
    Event,
    Paused,
    Prepared,
    Previewed,
    Resumed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
    best_validation,
    drop_after,
)

_PACE_EVENTS = 30  # over how many StepDone events the time left is estimated


class RunProgress:
    """Follows a run's events one by one."""

    def __init__(self, steps: int = 0, start: int = 0) -> None:
        self.steps = steps
        self.step = start
        self.paused = False
        self.waits = False  # for the disk
        self.metrics: dict[str, float] = {}
        self.prepared: Prepared | None = None  # while the run makes data
        self.saved: int | None = None  # step of the newest checkpoint
        self._validations: list[Validated] = []
        self._pace: deque[tuple[int, float]] = deque(maxlen=_PACE_EVENTS)

    @property
    def best(self) -> float | None:
        """IoU of the best validation that was not taken back, from voxels."""
        best = best_validation(self._validations)
        return None if best is None else best.metrics.get("iou")

    def add(self, event: Event) -> None:
        """Notes what an event says."""
        if event.step < self.step:  # resumed from a checkpoint, or gone back to one
            drop_after(self._validations, event.step)
        self.step = event.step
        if not isinstance(event, Previewed):  # shapes are shown while they are made
            self.prepared = event if isinstance(event, Prepared) else None
        if isinstance(event, Started):
            self.steps = event.steps
        if isinstance(event, StepDone | Validated):
            self.metrics |= event.metrics
        if isinstance(event, Validated):
            self._validations.append(event)
        if isinstance(event, Saved):
            self.saved = event.step
        waited, self.waits = self.waits, isinstance(event, Warned) and event.waits
        if self._pace and event.time < self._pace[-1][1]:  # the clock was set back
            self._pace.clear()
        if isinstance(event, StepDone):
            self._pace.append((event.step, event.time))
        if isinstance(event, Started | Paused | Resumed):
            self.paused = isinstance(event, Paused)
        if isinstance(event, Started | Paused | Resumed) or waited:
            self._pace.clear()  # time in which nobody trained says nothing of the time left
            self._pace.append((event.step, event.time))

    def seconds_left(self) -> float | None:
        """Until the last step, at the pace of the last events; None while nobody can say."""
        if self.paused or self.waits or len(self._pace) < 2:
            return None
        (first, since), (last, now) = self._pace[0], self._pace[-1]
        if last <= first:  # the run went back to a checkpoint
            return None
        return (self.steps - self.step) * (now - since) / (last - first)
