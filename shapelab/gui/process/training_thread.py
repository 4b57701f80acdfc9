"""TrainingThread: runs or watches a training and tells the window, a few times a second."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot

from shapelab.core.runs.run_folder import check_command
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.run_watch import Trouble
from shapelab.gui.base.workers import WorkerThread
from shapelab.gui.process.trainer_process import Job
from shapelab.gui.process.training_job import DETACH, KILL, Commands, Detached, JobRun


class TrainingThread(WorkerThread):
    """Does jobs of the trainer, one after the other, each only if the one before it completed.

    The trainer is a process of its own, which does not end with the app. All signals arrive in the
    GUI thread; ``finished`` comes last, and the run can be resumed from then on.

    Args:
        jobs: of ``trainer_process``: a ``fit_job``, ``resume_job`` or ``attach_job``, or a
            ``prepare_job`` and then a ``fit_job``.
    """

    events = Signal(list)  # events in order; the first of a run carries its whole history
    state_changed = Signal(object)  # RunState
    troubled = Signal(object)  # Trouble: a stall, a death, a command that could not be given

    def __init__(self, jobs: Sequence[Job]) -> None:
        super().__init__(lambda _thread: self._work())
        self.jobs = tuple(jobs)
        self.state = RunState.STARTING  # as last told by ``state_changed``
        self.trouble: Trouble | None = None  # as last told by ``troubled``
        self.current = jobs[0]  # the job in hand; those behind it do not begin without this thread
        self._commands: Commands = queue.SimpleQueue()
        self._detached = False
        self.outcome.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether something goes on that a person may want to keep or to stop."""
        return self.isRunning() and not self._detached and not self.state.ended

    @property
    def job(self) -> Job:
        """What all this is for: the last job."""
        return self.jobs[-1]

    def send(self, command: str) -> None:
        """Asks for a command as ``RunFolder.send`` does, whoever trains the run."""
        check_command(command)
        self._commands.put(command)

    def kill(self) -> None:
        """Ends a process that does not answer, also one that somebody else started here.

        What it had not saved is lost.
        """
        self._commands.put(KILL)

    def detach(self) -> None:
        """Stops watching; the training goes on. Only ``finished`` comes afterwards."""
        self._detached = True
        self._commands.put(DETACH)

    def _work(self) -> None:
        """Runs on this thread."""
        for job in self.jobs:
            self.current = job
            try:
                state = JobRun(job, self._tell, self._commands).run()
            except Detached:
                return
            if state is not RunState.COMPLETED:
                break
        self._tell("state", state)

    def _tell(self, what: str, value: object) -> None:
        self.outcome.emit((what, value))

    @Slot(object)
    def _deliver(self, outcome: tuple[str, Any]) -> None:
        what, value = outcome
        if self._detached:
            return
        if what == "events":
            self.events.emit(value)
        elif what == "trouble":
            self.trouble = value
            self.troubled.emit(value)
        elif value is not self.state:
            self.state = value
            self.state_changed.emit(value)
