"""A job of the trainer that goes on in the background: its bar, its words, what went wrong."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from shapelab.core import formatting
from shapelab.core.runs.events import Event, Scored
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.run_watch import Trouble
from shapelab.gui.base import theme
from shapelab.gui.base.labels import muted
from shapelab.gui.process.trainer_process import Job
from shapelab.gui.process.training_thread import TrainingThread
from shapelab.gui.training.run_header import TroubleLine


class JobLine(QWidget):
    """Runs one job at a time; it goes on while nobody looks.

    The words and the button that stops it lie where their owner puts them.

    Signals:
        ended: how, a RunState; it is not busy any more.
    """

    ended = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._thread: TrainingThread | None = None
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.trouble = TroubleLine()
        self.told = muted()
        self.stop_button = QPushButton(theme.icon("stop"), "Stop")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.bar)
        column.addWidget(self.trouble)
        self.stop_button.clicked.connect(self.cancel)
        self._show_busy()

    @property
    def busy(self) -> bool:
        """Whether the job is being done."""
        return self._thread is not None

    def send(self, command: str) -> None:
        """Asks the job's process for something; there must be one."""
        assert self._thread is not None
        self._thread.send(command)

    def start(self, job: Job) -> None:
        """Starts the trainer."""
        self._thread = thread = TrainingThread([job])
        self.trouble.show_trouble(None)
        self.told.setText("Starting…")
        thread.events.connect(self._show_events)
        thread.troubled.connect(self._show_trouble)
        thread.finished.connect(self._end)
        thread.launch()
        self._show_busy()

    @Slot()
    def cancel(self) -> None:
        """Asks the trainer to stop; what was there before stays."""
        if self._thread is not None:
            self._thread.send("stop")
            self.told.setText("Stopping…")

    def shutdown(self) -> None:
        """Ends the trainer and waits for the thread. Call it before the window closes."""
        if self._thread is not None:
            self._thread.kill()
            self._thread.join()
            self._thread = None

    @Slot(list)
    def _show_events(self, events: list[Event]) -> None:
        scored = [event for event in events if isinstance(event, Scored)]
        if scored and self.busy:
            last = scored[-1]
            self.bar.setRange(0, last.total)
            self.bar.setValue(last.done)
            done, total = map(formatting.count, (last.done, last.total))
            self.told.setText(f"{last.what.capitalize()}: {done} of {total}")

    @Slot(object)
    def _show_trouble(self, trouble: Trouble) -> None:
        self.trouble.show_trouble(trouble)

    @Slot()
    def _end(self) -> None:
        thread, self._thread = self._thread, None
        self._show_busy()
        if thread is not None:
            self.told.setText("Stopped." if thread.state is RunState.STOPPED else "")
            self.ended.emit(thread.state)

    def _show_busy(self) -> None:
        self.stop_button.setVisible(self.busy)
        self.bar.setRange(0, 0 if self.busy else 1)  # 0 to 0: it runs to and fro
        self.bar.setVisible(self.busy)
