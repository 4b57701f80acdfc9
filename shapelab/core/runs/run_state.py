"""RunState: where a training run stands, in one word for the app and the terminal."""

from __future__ import annotations

from enum import Enum


class RunState(str, Enum):
    """Where a run stands. From its folder alone one can tell only some of them: see ``summarise``.

    Values are stored in events; ``label`` is for people.
    """

    NEW = "new"
    STARTING = "starting"
    PREPARING = "preparing"
    TRAINING = "training"
    STALLED = "stalled"
    PAUSED = "paused"
    SAVING = "saving"
    WAITING = "waiting"  # its disk takes no checkpoint
    STOPPING = "stopping"
    STOPPED = "stopped"
    COMPLETED = "completed"
    FAILED = "failed"  # a process that we started ended without having finished
    INTERRUPTED = "interrupted"  # the same of a process that somebody else started
    DELETING = "deleting"

    @property
    def ended(self) -> bool:
        """Whether it was trained and no process does so any more."""
        return self in _ENDS

    @property
    def label(self) -> str:
        """What it is called where people read it."""
        return _LABELS.get(self, self.value)


_ENDS = {RunState.STOPPED, RunState.COMPLETED, RunState.FAILED, RunState.INTERRUPTED}
_LABELS = {
    RunState.NEW: "not started",
    RunState.COMPLETED: "finished",
    RunState.WAITING: "waiting for the disk",
    RunState.DELETING: "being deleted…",
}
