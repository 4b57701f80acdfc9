"""A run that is under way: its thread, everything it has said, and where it stands."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from shapelab.core.runs.events import Event
from shapelab.core.runs.run_progress import RunProgress
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.run_watch import Trouble
from shapelab.gui.process.training_thread import TrainingThread


class LiveRun(QObject):
    """Keeps what a run's thread tells, for whoever looks at the run later.

    Args:
        thread: that trains or watches it, not launched yet.
        steps: of the run, where they are known already.
    """

    news = Signal(list)  # events
    changed = Signal()  # state or trouble
    ended = Signal()

    def __init__(
        self, thread: TrainingThread, steps: int = 0, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.watcher = thread
        self.run: Path = thread.job.folder
        self.events: list[Event] = []
        self.progress = RunProgress(steps)
        self.state = RunState.STARTING
        self.trouble: Trouble | None = None
        self.watcher.events.connect(self._add_events)
        self.watcher.state_changed.connect(self._set_state)
        self.watcher.troubled.connect(self._set_trouble)

    def start(self) -> LiveRun:
        """Starts the thread; returns itself."""
        self.watcher.launch()
        return self

    def send(self, command: str) -> None:
        """Asks the run for a command, as ``RunFolder.send`` does."""
        self.watcher.send(command)

    def kill(self) -> None:
        """Ends a process that does not answer; what was not saved is lost."""
        self.watcher.kill()

    def detach(self) -> None:
        """Stops watching; the training goes on."""
        self.watcher.detach()

    def join(self) -> None:
        """Stops watching and waits for the thread; the training goes on."""
        self.watcher.detach()
        self.watcher.join()

    @Slot(list)
    def _add_events(self, events: list[Event]) -> None:
        for event in events:
            self.progress.add(event)
        self.events += events
        self.news.emit(events)

    @Slot(object)
    def _set_state(self, state: RunState) -> None:
        self.state = state
        if self.state in (RunState.TRAINING, RunState.COMPLETED, RunState.STOPPED):
            self.trouble = None  # it went on after all
        self.changed.emit()
        if self.state.ended:
            self.ended.emit()

    @Slot(object)
    def _set_trouble(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.changed.emit()
