"""The welcome card over the view: unsaved work of before, examples to click, the last projects."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QDate, QDateTime, QEvent, QLocale, QObject, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.paths import resources
from shapelab.core.project.journal import LeftBehind
from shapelab.gui.base import theme
from shapelab.gui.base.labels import ElidedLabel, heading, muted, readable

THUMBNAIL, TILE = 64, 96  # px: a picture, and the room for it and its name
MOST_PROJECTS, MOST_LEFT = 4, 3
WIDEST = 6 * TILE + 5 * theme.SPACE + 2 * theme.SPACE_LARGE
#: Of our own making; the words say what kind of file each stands for.
EXAMPLES = (
    ("chair.png", "Chair, a picture"),
    ("sofa.png", "Sofa, a picture"),
    ("bed.png", "Bed, a picture"),
    ("night_stand.png", "Night stand, a picture"),
    ("table.ply", "Table, a mesh"),
    ("armchair.shape.json", "Armchair, made from parameters: each slider is one"),
)


def example_files() -> list[tuple[Path, Path, str]]:
    """File, thumbnail and words of each example that is there."""
    folder = resources() / "examples"
    found = [(folder / name, words) for name, words in EXAMPLES]
    return [
        (path, folder / f"{_name(path)}.thumb.png", words)
        for path, words in found
        if path.is_file()
    ]


def _name(path: Path) -> str:
    return path.name.split(".")[0]


class WelcomeCard(QFrame):
    """Lies at the foot of the view until something is done.

    Signals:
        example_chosen: its file.
        project_chosen: a file of a project.
        restore_wanted, discard_wanted: what a window left behind.
    """

    example_chosen = Signal(Path)
    project_chosen = Signal(Path)
    restore_wanted = Signal(object)
    discard_wanted = Signal(object)

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._view = view
        self.setObjectName("welcome")
        self.setAccessibleName("Welcome")
        self.title = heading("Start from an example")
        self._hint = muted("or drop a picture, a mesh, a voxel file or a project on the window")
        self.close_button = QToolButton()
        self.close_button.setIcon(theme.icon("close"))
        self.close_button.setToolTip("Close")
        self.close_button.setAccessibleName("Close the welcome")
        self.close_button.clicked.connect(self.hide)
        head = QHBoxLayout()
        head.setSpacing(theme.SPACE)
        head.addWidget(self.title)
        head.addWidget(self._hint, 1)
        head.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self._left = QVBoxLayout()
        self._tiles = QGridLayout()
        self._tiles.setSpacing(theme.SPACE)
        self.examples = [self._example(*each) for each in example_files()]
        self._columns = 0
        self._arrange(len(self.examples))
        self._projects = QHBoxLayout()
        self._projects.setSpacing(theme.SPACE)
        self.projects: list[QPushButton] = []
        self.offers: list[QWidget] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_LARGE, theme.SPACE, theme.SPACE_LARGE, theme.SPACE)
        column.setSpacing(theme.SPACE)
        column.addLayout(self._left)
        column.addLayout(head)
        column.addLayout(self._tiles)
        column.addLayout(self._projects)
        self._colour()
        self.hide()
        view.installEventFilter(self)

    def welcome(self, projects: Sequence[Path], left: Sequence[LeftBehind]) -> None:
        """Shows itself with the last projects, and what windows that ended left behind."""
        for each in left[:MOST_LEFT]:
            self._left.addWidget(self._offer(each))
        there = [path for path in projects if os.path.isfile(path)][:MOST_PROJECTS]
        if there:
            self._projects.addWidget(muted("Last projects"))
        for path in there:
            button = QPushButton(path.stem)
            button.setToolTip(str(path))
            button.clicked.connect(partial(self._choose, self.project_chosen.emit, path))
            self._projects.addWidget(button)
            self.projects.append(button)
        self._projects.addStretch(1)
        self.show()
        self._place()
        self.raise_()

    def _example(self, path: Path, thumbnail: Path, words: str) -> QToolButton:
        tile = QToolButton()
        tile.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        tile.setIcon(QIcon(QPixmap(str(thumbnail))))
        tile.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        tile.setText(readable(_name(path)))
        tile.setToolTip(words)
        tile.setAccessibleName(words)
        tile.setFixedWidth(TILE)
        tile.setCursor(Qt.CursorShape.PointingHandCursor)
        tile.clicked.connect(partial(self._choose, self.example_chosen.emit, path))
        return tile

    def _offer(self, left: LeftBehind) -> QWidget:
        row = QWidget()
        name = Path(left.standing.path).stem or "Untitled"
        changed, short = (
            QDateTime.fromSecsSinceEpoch(int(left.changed)),
            QLocale.FormatType.ShortFormat,
        )
        today = changed.date() == QDate.currentDate()
        when = QLocale().toString(changed.time() if today else changed.date(), short)
        text = ElidedLabel(bold=True)
        text.setText(f"{name}, {'kept' if left.standing.ended else 'not saved'} ({when})")
        restore, discard = QPushButton("Restore"), QPushButton("Discard")
        restore.setToolTip("Go on where it ended")
        discard.setToolTip("Take it away for good")
        restore.clicked.connect(partial(self._choose, self.restore_wanted.emit, left))
        discard.clicked.connect(partial(self._drop, row, left))
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(text, 1)
        layout.addWidget(restore)
        layout.addWidget(discard)
        row.restore, row.discard = restore, discard  # type: ignore[attr-defined]
        self.offers.append(row)
        return row

    def _choose(self, tell: Callable[[object], object], what: object) -> None:
        self.hide()
        tell(what)

    def _drop(self, row: QWidget, left: LeftBehind) -> None:
        self.offers.remove(row)
        row.hide()
        row.deleteLater()
        self.discard_wanted.emit(left)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._view and event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return False

    def _place(self) -> None:
        area = self._view.rect()
        width = min(WIDEST, area.width() - 2 * theme.SPACE)
        room = width - 2 * theme.SPACE_LARGE
        fits = (room + theme.SPACE) // (TILE + theme.SPACE)
        in_one_row = fits >= len(self.examples)
        self._arrange(len(self.examples) if in_one_row else (len(self.examples) + 1) // 2)
        self._hint.setVisible(in_one_row)
        for tile in self.examples:
            tile.setVisible(fits >= self._columns)  # else what was left behind counts more
        layout = self.layout()
        assert layout is not None
        layout.activate()
        height = max(layout.totalHeightForWidth(width), layout.totalSizeHint().height())
        bottom = area.height() - theme.SPACE_LARGE
        self.setGeometry((area.width() - width) // 2, bottom - height, width, height)

    def _arrange(self, columns: int) -> None:
        if columns != self._columns:
            self._columns = columns
            for number, tile in enumerate(self.examples):
                self._tiles.addWidget(tile, number // columns, number % columns)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        c = theme.colors()
        sheet = (
            f"#welcome {{ background: {c.raised}; border: 1px solid {c.border};"
            f" border-radius: {theme.RADIUS}px; }}"
        )
        if sheet != self.styleSheet():  # setting it sends another PaletteChange
            self.setStyleSheet(sheet)
