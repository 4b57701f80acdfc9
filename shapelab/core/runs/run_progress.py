"""How far a run is, how fast it goes and how long it will take, by its own events."""

from __future__ import annotations

from collections import deque

from shapelab.core.runs.events import Event, Paused, Prepared, Resumed, Started, StepDone, Validated

_PACE_EVENTS = 30  # over how many StepDone events the time left is estimated


class Progress:
    """Takes a run's events one by one."""

    def __init__(self, steps: int = 0, start: int = 0) -> None:
        self.steps = steps
        self.step = start
        self.paused = False
        self.metrics: dict[str, float] = {}
        self.prepared: Prepared | None = None  # while the run makes data
        self._pace: deque[tuple[int, float]] = deque(maxlen=_PACE_EVENTS)

    def take(self, event: Event) -> None:
        """Notes what an event says."""
        self.step = event.step
        self.prepared = event if isinstance(event, Prepared) else None
        if isinstance(event, Started):
            self.steps = event.steps
        if isinstance(event, StepDone | Validated):
            self.metrics |= event.metrics
        if isinstance(event, StepDone):
            self._pace.append((event.step, event.time))
        if isinstance(event, Started | Paused | Resumed):
            self.paused = isinstance(event, Paused)
            self._pace.clear()  # time in which nobody trained says nothing of the time left
            self._pace.append((event.step, event.time))

    def seconds_left(self) -> float | None:
        """Until the last step, at the pace of the last events; None while nobody can say."""
        if self.paused or len(self._pace) < 2:
            return None
        (first, since), (last, now) = self._pace[0], self._pace[-1]
        if last <= first:  # the run went back to a checkpoint
            return None
        return (self.steps - self.step) * (now - since) / (last - first)
