"""Tags and a note about a run, by which it is found again."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.errors import ShapelabError
from shapelab.core.runs.run_notes import RunNotes, noted, read_notes, write_notes
from shapelab.gui.base import theme
from shapelab.gui.base.labels import LabelledRows, heading, muted

WIDTH, NOTE_HEIGHT = 460, 120  # px


class NotesDialog(QDialog):
    """Shows what is noted and keeps what is typed.

    Args:
        run: its folder.
        parent: window that it belongs to.
    """

    def __init__(self, run: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self._run = run
        self.setWindowTitle(f"Tags and Note of {run.name}")
        before = read_notes(run)
        self.tags = QLineEdit(" ".join(before.tags))
        self.tags.setPlaceholderText("words, such as: good baseline")
        self.tags.setToolTip("In the list's search, #word finds what has this tag.")
        self.text = QPlainTextEdit(before.text)
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(NOTE_HEIGHT)
        self.told = muted()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        rows = LabelledRows()
        rows.add("Tags", self.tags)
        rows.add("Note", self.text)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_LARGE] * 4)
        column.setSpacing(theme.SPACE)
        for widget in (heading(run.name), rows, self.told, self.buttons):
            column.addWidget(widget)
        self.setMinimumWidth(WIDTH)
        self.tags.textChanged.connect(self._check)
        self.text.textChanged.connect(self._check)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._check()

    def notes(self) -> RunNotes:
        """What is typed. Raises ShapelabError with what is wrong."""
        return noted(self.tags.text().replace(",", " ").split(), self.text.toPlainText())

    def accept(self) -> None:
        """Keeps it; a disk that refuses is told of, and the dialog stays."""
        try:
            write_notes(self._run, self.notes())
        except ShapelabError as error:
            self.told.setText(str(error))
            self.told.show()
        else:
            super().accept()

    @Slot()
    def _check(self) -> None:
        try:
            self.notes()
            self.told.clear()
        except ShapelabError as error:
            self.told.setText(str(error))
        save = self.buttons.button(QDialogButtonBox.StandardButton.Save)
        save.setEnabled(not self.told.text())
        self.told.setVisible(bool(self.told.text()))
