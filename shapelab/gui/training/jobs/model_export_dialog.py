"""Makes a model of a run, with its card, in the background; then it can be opened."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.errors import ShapelabError, clean
from shapelab.core.paths import user_folder
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.training_plan import free_name
from shapelab.gui.base import theme
from shapelab.gui.base.labels import LabelledRows, heading, muted
from shapelab.gui.process.trainer_process import Job, export_job
from shapelab.gui.training.jobs.job_dialog import JobDialog

WIDTH, NOTE_HEIGHT = 560, 84  # device-independent pixels
LONGEST_NAME = 200  # bytes; systems take 255
MOST_NOTE = 20_000  # characters, which a command line takes everywhere
CHECKPOINTS = (("Newest", "newest"), ("Best by its scores", "best"))
WHAT = (
    "Writes a model that ShapeLab opens like its own. First it learns where the codes of the "
    "training shapes lie and scores the model on the held-out ones, for its card: some minutes, "
    "in which you may go on, or close this window."
)
MADE = "The model is there, with its card."


class ModelExportDialog(JobDialog):
    """One run's export; the work goes on while the dialog is closed.

    Args:
        run: its folder.
        parent: window that it belongs to.

    Signals:
        opened: folder of the model that was made and shall be shown.
    """

    opened = Signal(Path)

    def __init__(self, run: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self._run = run
        self._made: Path | None = None  # what the job in hand, or the last one, writes
        self.setWindowTitle(f"Export {run.name} as a Model")
        self.name = QLineEdit()
        self.name.setToolTip("Of the model, by which it is opened: shapelab --model NAME.")
        self.checkpoint = QComboBox()
        for words, name in CHECKPOINTS:
            self.checkpoint.addItem(words, name)
        self.checkpoint.setToolTip("Which of the run's checkpoints becomes the model.")
        self.licence = QLineEdit()
        self.licence.setPlaceholderText("those of the data's own release")
        self.licence.setToolTip("Terms of the training data, which bind whoever uses the model.")
        self.note = QPlainTextEdit()
        self.note.setPlaceholderText("Anything else that its users should know")
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(NOTE_HEIGHT)
        self.start = QPushButton("Export")
        self.open_button = QPushButton("Open in the explorer")
        self.close_button = QPushButton("Close")
        self._lay_out()
        self.name.textChanged.connect(self._show)
        self.note.textChanged.connect(self._show)
        self.start.clicked.connect(self.export)
        self.open_button.clicked.connect(self._open)
        self.close_button.clicked.connect(self.close)
        self.work.ended.connect(self._end)
        self._propose_name()
        self._show()

    # --- what others use -------------------------------------------------------------------

    def job(self) -> Job:
        """What is chosen. Raises ShapelabError with what is missing or wrong."""
        name, note = self.name.text().strip(), self.note.toPlainText().strip()
        if not name or Path(name).name != name or name[0] in ".-" or clean(name) != name:
            raise ShapelabError("Please give the model a name, without slashes.")
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise ShapelabError("Please give the model a shorter name.")
        if os.path.lexists(_models() / name):
            raise ShapelabError(f"You have a model '{name}' already; choose another name.")
        if len(note) > MOST_NOTE:
            raise ShapelabError("Please say less on the card.")
        licence = self.licence.text().strip()
        return export_job(self._run, name, licence, note, self.checkpoint.currentData())

    @Slot()
    def export(self) -> None:
        """Starts the trainer, which writes the model."""
        job = self.job()
        self._made = _models() / self.name.text().strip()
        self.work.start(job)
        self._show()

    # --- inside ----------------------------------------------------------------------------

    @property
    def _is_made(self) -> bool:
        return self._made is not None and not self.busy and self._made.is_dir()

    @Slot()
    def _show(self) -> None:
        """Enables what can be done, and says why something cannot."""
        made, busy = self._is_made, self.busy
        same = self._made is not None and self.name.text().strip() == self._made.name
        self.open_button.setVisible(made and same)
        self.start.setVisible(not busy and not (made and same))
        for editor in (self.name, self.checkpoint, self.licence, self.note):
            editor.setEnabled(not busy)
        self.open_button.setDefault(made and same)
        self.start.setDefault(not (made and same))
        if busy:
            return
        try:
            self.job()
        except ShapelabError as error:
            self.start.setEnabled(False)
            self.work.told.setText(MADE if made and same else str(error))
        else:
            self.start.setEnabled(True)
            self.work.told.setText("")

    @Slot(object)
    def _end(self, state: RunState) -> None:
        self._show()
        if state is RunState.STOPPED:
            self.work.told.setText("Stopped; nothing was written.")

    @Slot()
    def _open(self) -> None:
        if self._made is not None:
            self.opened.emit(self._made)
            self.close()

    def _propose_name(self) -> None:
        name = self._run.name
        taken = os.path.lexists(_models() / name)
        self.name.setText(free_name(_models(), name) if taken else name)

    def _lay_out(self) -> None:
        rows = LabelledRows()
        rows.add("Name", self.name)
        rows.add("Checkpoint", self.checkpoint)
        rows.add("Licence", self.licence)
        rows.add("Card text", self.note)
        bottom = QHBoxLayout()
        bottom.setSpacing(theme.SPACE)
        bottom.addWidget(self.work.told, 1)
        for button in (self.start, self.work.stop_button, self.open_button, self.close_button):
            bottom.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_LARGE] * 4)
        column.setSpacing(theme.SPACE)
        for widget in (heading(f"A model of {self._run.name}"), muted(WHAT), rows, self.work):
            column.addWidget(widget)
        column.addStretch(1)
        column.addLayout(bottom)
        self.setMinimumWidth(WIDTH)


def _models() -> Path:
    """Where the user's own models are."""
    return user_folder() / "models"
