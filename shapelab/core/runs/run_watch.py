"""RunWatch: what state a training is in, by its events, the commands sent to it, and the clock."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from shapelab.core.runs.events import (
    Event,
    Finished,
    Paused,
    Prepared,
    Resumed,
    Saved,
    Started,
    StepDone,
    Warned,
)
from shapelab.core.runs.run_state import RunState

STALL_FACTOR = 10  # times the usual time between two lines of numbers
STALL_FLOOR_S = 60.0  # validating and saving take their time, on a slow disk above all
_PACES = 50  # over how many intervals the usual one is taken


@dataclass(frozen=True)
class Trouble:
    """Something that a person should know: a sentence that says what to do, and the evidence."""

    sentence: str
    details: str = ""


class RunWatch:
    """Follows one training; pure bookkeeping, without files or threads.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = RunState.STARTING
        self.step = 0
        self.saved = 0  # the step of the newest checkpoint
        self.waits_for = ""  # in the state WAITING: why, as a sentence
        self._clock = clock
        self._heard = clock()
        self._stall_told = False
        self._stepped: float | None = None  # when, by the trainer's clock, if nothing came after
        self._paces: deque[float] = deque(maxlen=_PACES)  # seconds between two lines of numbers
        self._paused = False

    def begin(self) -> None:
        """A process starts, and what came before is history."""
        self.state = RunState.STARTING
        self._heard = self._clock()
        self._paused = False

    def add(self, event: Event) -> None:
        """Notes an event."""
        self._heard, self._stall_told, self.step = self._clock(), False, event.step
        self._note_pace(event)
        match event:
            case Finished():
                self.state = event.reason
                return
            case Prepared():
                self._set_state(RunState.PREPARING)
                return
            case Warned() if event.waits:
                self.waits_for = event.message
                self._set_state(RunState.WAITING)
                return
            case Saved():
                self.saved = event.step
            case Paused():
                self._paused = True
            case Started() | Resumed() | StepDone():
                self._paused = False
        saves = self.state is RunState.SAVING and not isinstance(event, Saved | Warned)
        if not saves:
            self._set_state(RunState.PAUSED if self._paused else RunState.TRAINING)

    def note_command(self, command: str) -> None:
        """Notes that a command was sent."""
        if command == "stop":
            self._set_state(RunState.STOPPING)
        elif command == "save":
            self._set_state(RunState.SAVING)

    def check_stall(self) -> Trouble | None:
        """Notices a stall: nothing came for much longer than usual. Tells of it once."""
        silent = self.state.ended or self.state in (RunState.PAUSED, RunState.WAITING)
        if silent or self._stall_told:
            return None
        silence, usual = self._clock() - self._heard, self.pace
        limit = max(STALL_FLOOR_S, STALL_FACTOR * usual)
        if silence < limit:
            return None
        self._stall_told = True
        before = f"; numbers usually come every {usual:.3g} s" if usual else ""
        trouble = Trouble(
            f"Nothing was heard from the training for {silence:.0f} s{before}. It may be waiting "
            f"for the disk or the machine; if it does not come back, end it and resume from step "
            f"{self.saved}."
        )
        self._set_state(RunState.STALLED)
        return trouble

    @property
    def pace(self) -> float:
        """Median seconds between two lines of numbers; 0 = not known yet."""
        return statistics.median(self._paces) if self._paces else 0.0

    def _note_pace(self, event: Event) -> None:
        # An interval with a validation or a save in it says nothing about the usual one.
        if not isinstance(event, StepDone):
            self._stepped = None
            return
        if self._stepped is not None and event.time >= self._stepped:  # else the clock was set back
            self._paces.append(event.time - self._stepped)
        self._stepped = event.time

    def _set_state(self, state: RunState) -> None:
        if self.state is not RunState.STOPPING:  # only the end comes after that
            self.state = state
