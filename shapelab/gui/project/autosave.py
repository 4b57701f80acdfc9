"""Autosave: keeps every change against a crash, off the GUI thread, within half a second."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from shapelab.core.errors import ShapelabError
from shapelab.core.project.journal import Journal, Standing
from shapelab.core.project.project import Project, ProjectEncoder
from shapelab.gui.base.workers import LatestOnly

INTERVAL_MS = 400  # from a change to the moment that is written: a kill costs less than a second
Moment = tuple[Project, Standing]
_log = logging.getLogger("shapelab")


class Autosave(QObject):
    """Writes the newest moment to the window's journal; while nothing changes it does nothing.

    The GUI thread only takes the moment, a copy of what holds immutable values; making plain data
    of it and writing that is a thread's.

    Args:
        take: what the window holds now.
        parent: the Qt parent.
        interval_ms: from a change to the moment that is written.
    """

    failed = Signal(object)  # exception; told once until it works again
    written = Signal(object)  # the Moment that a kill cannot take any more

    def __init__(
        self,
        take: Callable[[], Moment | None],
        parent: QObject | None = None,
        interval_ms: int = INTERVAL_MS,
    ) -> None:
        super().__init__(parent)
        self._take = take
        self._fails = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._submit)
        self._begin(Journal())

    def _begin(self, journal: Journal) -> None:
        encoder = ProjectEncoder()

        def write(moment: Moment) -> None:
            before = encoder.left_out
            stored = encoder.stored(moment[0])
            if encoder.left_out not in ("", before):
                _log.warning("autosave: %s", encoder.left_out)
            journal.write(stored.content, stored.pictures, moment[1])

        self._journal, self._write = journal, write
        self._worker = LatestOnly(write, self)
        self._worker.done.connect(self._note_success)
        self._worker.failed.connect(self._note_failure)

    @property
    def busy(self) -> bool:
        """Whether something has changed that is not written yet."""
        return self._timer.isActive() or self._worker.busy

    @property
    def fails(self) -> bool:
        """Whether the last moment could not be written."""
        return self._fails

    @property
    def folder(self) -> Path:
        """Where the journal is, once something was written."""
        return self._journal.folder

    def touch(self) -> None:
        """Something changed: it will be written soon, with all else that changes meanwhile."""
        if not self._timer.isActive():
            self._timer.start()

    def go_on_with(self, journal: Journal) -> None:
        """Writes to the journal of a window that has ended, instead of to one's own."""
        self._worker.stop()
        self._journal.discard()
        self._begin(journal)

    def end(self, keep: Moment | None) -> None:
        """Stops; keeps a last moment for the next start, or takes the journal away."""
        self._timer.stop()
        self._worker.stop()
        if keep is None:
            self._journal.discard()
            return
        try:
            self._write(keep)
        except ShapelabError as error:  # the window is closing: who asked before knew the risk
            _log.error("the session cannot be kept: %s", error)
        self._journal.release()

    @Slot()
    def _submit(self) -> None:
        moment = self._take()
        if moment is not None:
            self._worker.submit(moment)

    @Slot(object, object)
    def _note_success(self, moment: Moment, _nothing: None) -> None:
        self._fails = False
        self.written.emit(moment)

    @Slot(object, object)
    def _note_failure(self, _moment: Moment, error: Exception) -> None:
        if not self._fails:
            self._fails = True
            self.failed.emit(error)
