"""The page of a new run: the form, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from shapelab.core.errors import ShapelabError
from shapelab.gui.base import theme
from shapelab.gui.base.labels import heading, scrolled
from shapelab.gui.training.new_run_form import NewRunForm


class NewRunPage(QWidget):
    """Start is pressed only when there is a plan; until then it says what is missing."""

    started = Signal(object)  # TrainingPlan
    copied = Signal(list)  # lines for a terminal
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.form = NewRunForm()
        self.back = QPushButton("Back")
        self.copy = QPushButton(theme.icon("copy"), "Copy as command")
        self.copy.setToolTip("The line that does the same in a terminal")
        self.start = QPushButton("Start training")
        self.start.setDefault(True)
        foot = QHBoxLayout()
        foot.setSpacing(theme.SPACE)
        foot.addWidget(self.back)
        foot.addStretch(1)
        foot.addWidget(self.copy)
        foot.addWidget(self.start)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addWidget(heading("New run"))
        column.addWidget(scrolled(self.form), 1)
        column.addLayout(foot)
        self.back.clicked.connect(self.left)
        self.start.clicked.connect(lambda: self.started.emit(self.form.plan()))
        self.copy.clicked.connect(lambda: self.copied.emit(self.form.plan().commands()))
        self.form.changed.connect(self.check)

    @Slot()
    def check(self) -> None:
        """Enables what can be done; the button's tip says why it cannot."""
        reason = ""
        try:
            self.form.plan()
        except ShapelabError as error:
            reason = str(error)
        for button in (self.start, self.copy):
            button.setEnabled(not reason)
        self.start.setToolTip(reason)
