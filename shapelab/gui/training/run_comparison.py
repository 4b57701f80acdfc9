"""Reads the runs whose curves are drawn beside the shown one's, on a thread, as they grow."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from shapelab.core.runs.events import Event, EventReader
from shapelab.core.runs.run_folder import RunFolder
from shapelab.gui.base.workers import Task

PERIOD_MS = 1000  # between two readings: a run beside the shown one may be trained, too


class RunComparison(QObject):
    """Tells what came of each run that was added, its history first.

    Signals:
        came: (folder of a run, its new events).
        failed: exception.
    """

    came = Signal(Path, list)
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._readers: dict[Path, EventReader] = {}
        self._task: Task | None = None
        self._timer = QTimer(self, interval=PERIOD_MS)
        self._timer.timeout.connect(self._read)

    @property
    def runs(self) -> list[Path]:
        """The runs that are compared with the shown one."""
        return list(self._readers)

    def add(self, run: Path) -> None:
        """Reads a run from now on."""
        self._readers[run] = EventReader(RunFolder(run).events)
        self._timer.start()
        self._read()

    def remove(self, run: Path) -> None:
        """Reads a run no more."""
        del self._readers[run]
        if not self._readers:
            self._timer.stop()

    def stop(self) -> None:
        """Ends the reading."""
        self._readers.clear()
        self._timer.stop()
        if self._task is not None:
            self._task.stop()
            self._task = None

    @Slot()
    def _read(self) -> None:
        if self._task is not None:
            return
        readers = dict(self._readers)
        self._task = Task(lambda _task: [(r, r.read(), run) for run, r in readers.items()], self)
        self._task.done.connect(self._tell)
        self._task.failed.connect(self.failed)
        self._task.finished.connect(self._finished)
        self._task.start()

    @Slot(object)
    def _tell(self, found: list[tuple[EventReader, list[Event], Path]]) -> None:
        for reader, events, run in found:
            if events and self._readers.get(run) is reader:
                self.came.emit(run, events)

    @Slot()
    def _finished(self) -> None:
        self._task = None
