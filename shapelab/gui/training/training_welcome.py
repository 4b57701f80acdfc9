"""What the training panel shows before there is a run: what it is for and two ways to begin."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from shapelab.core.runs.training_plan import FIRST_SHAPES
from shapelab.gui.base import theme
from shapelab.gui.base.labels import heading, muted

WIDTH = 520  # px
TITLE = "Train a model of your own"
WORDS = (
    "ShapeLab learns from a set of shapes and then makes new ones like them. You can watch it "
    "learn, stop and go on at any time, and explore what it knows so far."
)
SMALL = "Make a small dataset and train"
SMALL_WORDS = (
    f"{FIRST_SHAPES} simple pieces of furniture are made on this machine, and a small model learns "
    "from them: the first curves move after about a minute."
)


class TrainingWelcome(QWidget):
    """Two buttons and few words."""

    small_requested = Signal()
    own_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        title = heading(TITLE)
        font = title.font()
        font.setPointSizeF(1.4 * font.pointSizeF())
        title.setFont(font)
        self.small = QPushButton(SMALL)
        self.small.setDefault(True)
        self.own = QPushButton("Use my own shapes…")
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE)
        buttons.addStretch(1)
        buttons.addWidget(self.small)
        buttons.addWidget(self.own)
        buttons.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(theme.SPACE)
        for label in (title, QLabel(WORDS, wordWrap=True), None, muted(SMALL_WORDS)):
            if label is None:
                column.addSpacing(theme.SPACE)
                column.addLayout(buttons)
            else:
                label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
                column.addWidget(label)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(WIDTH)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(middle, 4)
        row.addStretch(1)
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(1)
        self.small.clicked.connect(self.small_requested)
        self.own.clicked.connect(self.own_requested)
