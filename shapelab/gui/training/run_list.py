"""The list of training runs: two lines each, read on a thread, newest first."""

from __future__ import annotations

import time
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QFont, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.runs.run_folder import RunFolder, RunSummary, find_runs
from shapelab.core.runs.run_state import RunState
from shapelab.gui.base import theme
from shapelab.gui.base.workers import Task

RUN = Qt.ItemDataRole.UserRole
GOOD = (RunState.COMPLETED,)
BUSY = (RunState.TRAINING, RunState.PAUSED)
BAD = (RunState.FAILED, RunState.INTERRUPTED, RunState.WAITING)


def state_colour(state: RunState) -> QColor:
    """Green for what is well, the accent for what goes on, red for what broke off or waits."""
    c = theme.colors()
    for states, name in ((GOOD, c.success), (BUSY, c.accent), (BAD, c.danger)):
        if state in states:
            return QColor(name)
    return QColor(c.muted)


def run_line(run: RunSummary) -> str:
    """'step 12 000 of 25 000, IoU 0.802, 420 MB, 21:14'."""
    step, steps = map(formatting.count, (run.step, run.steps))
    parts = [f"{step} of {steps}"]
    if run.best is not None:
        parts.append(f"IoU {run.best:.3f}")
    parts += [formatting.file_size(run.size), formatting.date(run.changed)]
    return " · ".join(parts)


class _Runs(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.runs: list[RunSummary] = []

    def rowCount(self, _parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return len(self.runs)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        run = self.runs[index.row()]
        if role == RUN:
            return run
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            tags = "".join(f" #{tag}" for tag in run.notes.tags)
            return f"{run.path.name}, {run.state.label}, {run_line(run)}{tags}"
        if role == Qt.ItemDataRole.ToolTipRole:
            tags = " ".join(f"#{tag}" for tag in run.notes.tags)
            lines = (str(run.path), f"preset {run.preset}", tags, run.notes.text)
            told = "\n".join(line for line in lines if line)
            return f"<qt>{escape(told)}</qt>".replace("\n", "<br>")  # a note is no HTML
        return None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        if self.runs[index.row()].state is RunState.DELETING:
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)

    def set_runs(self, runs: list[RunSummary]) -> None:
        self.beginResetModel()
        self.runs = runs
        self.endResetModel()

    def row_of(self, path: Path | None) -> int:
        paths = [run.path for run in self.runs]
        return paths.index(path) if path in paths else -1


class _Rows(QStyledItemDelegate):
    """Name and state above, numbers below, quieter."""

    def sizeHint(
        self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        line: int = option.fontMetrics.lineSpacing()
        return QSize(120, 2 * line + 2 * theme.SPACE)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        run: RunSummary = index.data(RUN)
        palette: QPalette = option.palette
        place: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        base = palette.base().color()
        card = place.adjusted(2, 1, -2, -1)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(theme.blend(base, palette.highlight().color(), 0.16))
            focus = bool(state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(palette.highlight().color() if focus else Qt.PenStyle.NoPen)
            painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.blend(base, palette.windowText().color(), 0.05))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)
        room = place.adjusted(theme.SPACE + 2, theme.SPACE, -theme.SPACE - 2, -theme.SPACE)
        self._write(painter, room, run, palette, option.font)
        painter.restore()

    def _write(
        self, painter: QPainter, room: QRect, run: RunSummary, palette: QPalette, font: QFont
    ) -> None:
        word = run.state.label
        painter.setFont(font)
        height = painter.fontMetrics().lineSpacing()
        top = QRect(room.left(), room.top(), room.width(), height)
        width = painter.fontMetrics().horizontalAdvance(word)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(state_colour(run.state))
        painter.drawText(top, right, word)
        bold = QFont(font)
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        there = run.state is not RunState.DELETING
        painter.setPen((palette.text() if there else palette.placeholderText()).color())
        name = painter.fontMetrics().elidedText(
            run.path.name, Qt.TextElideMode.ElideMiddle, room.width() - width - theme.SPACE
        )
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(top, left, name)
        painter.setFont(font)
        painter.setPen(palette.placeholderText().color())
        below = top.translated(0, height)
        metrics = painter.fontMetrics()
        tags = metrics.elidedText(
            " ".join(f"#{tag}" for tag in run.notes.tags),
            Qt.TextElideMode.ElideRight,
            below.width() // 2,
        )
        tagged = metrics.horizontalAdvance(tags) + theme.SPACE if tags else 0
        line = metrics.elidedText(
            run_line(run), Qt.TextElideMode.ElideRight, below.width() - tagged
        )
        painter.drawText(below, left, line)
        painter.setPen(QColor(theme.colors().accent))
        painter.drawText(below, right, tags)


class RunList(QListView):
    """Shows the runs below a folder; ``chosen`` tells of the one that is selected, or None."""

    chosen = Signal(object)  # RunSummary or None
    opened = Signal()  # the selected one is to be looked at
    failed = Signal(object)  # exception
    listed = Signal()  # the runs were read again
    searched = Signal()  # others are shown

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(_Runs())
        self.setItemDelegate(_Rows(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setAccessibleName("Training runs")
        self._folder: Path | None = None
        self._task: Task | None = None
        self._again = False
        self._all: list[RunSummary] = []  # of which those are shown that match
        self._search = ""
        self._pending: dict[Path, RunSummary] = {}
        self._in_deletion: dict[Path, RunSummary] = {}
        self._wanted: Path | None = None  # to be selected as soon as it is there
        self.selectionModel().currentChanged.connect(self._tell)
        self.clicked.connect(self._open)
        self.activated.connect(self._open)

    @property
    def runs(self) -> list[RunSummary]:
        """All runs that there are."""
        return self._all

    @property
    def shown(self) -> list[RunSummary]:
        """Those that match what is searched for, from top to bottom."""
        return self._model.runs

    @Slot(str)
    def search(self, text: str) -> None:
        """Shows the runs alone that match, as ``RunSummary.matches`` has it."""
        self._search = text
        before = self.current
        blocked = self.selectionModel().blockSignals(True)
        self._show_matching()
        row = self._model.row_of(before.path) if before else -1
        if row >= 0:
            self.setCurrentIndex(self._model.index(row))
        self.selectionModel().blockSignals(blocked)
        self._tell()
        self.viewport().update()
        self.searched.emit()

    def _show_matching(self) -> None:
        self._model.set_runs(
            [run for run in self._all if run.path in self._pending or run.matches(self._search)]
        )

    @property
    def current(self) -> RunSummary | None:
        """The selected run."""
        row = self.currentIndex().row()
        return self._model.runs[row] if 0 <= row < len(self._model.runs) else None

    def read_folder(self, folder: Path) -> None:
        """Reads the runs of a folder again, on a thread; the selected one stays selected."""
        self._folder = folder
        if self._task is not None:
            self._again = True
            return
        self._task = Task(lambda _task: find_runs(folder), self)
        self._task.done.connect(self._show_runs)
        self._task.failed.connect(self.failed)
        self._task.finished.connect(self._finished)
        self._task.start()

    def choose(self, path: Path) -> None:
        """Selects a run now, or as soon as it is listed."""
        row = self._model.row_of(path)
        self._wanted = path if row < 0 else None
        if row >= 0:
            self.setCurrentIndex(self._model.index(row))

    def add_pending(self, path: Path, preset: str, steps: int) -> None:
        """Shows a run whose folder is not there yet, at the top, and selects it."""
        run = RunSummary(path, RunState.PREPARING, 0, steps, preset, None, 0, time.time())
        self._pending[path] = run
        self._all = self._with_own(self._all)
        self._show_matching()
        self.choose(path)
        self._tell()

    def keep_in_deletion(self, path: Path) -> None:
        """Shows a run as one that is being deleted, whatever is found of it, until ``forget``."""
        self.update_run(path, state=RunState.DELETING)
        row = self._model.row_of(path)
        if row >= 0:
            self._in_deletion[path] = self._model.runs[row]

    def forget(self, path: Path) -> None:
        """Shows of a run only what is found of it."""
        self._pending.pop(path, None)
        self._in_deletion.pop(path, None)

    def _with_own(self, runs: list[RunSummary]) -> list[RunSummary]:
        """What was read from the disk, and what is known better here."""
        listed = {run.path for run in runs}
        self._pending = {p: run for p, run in self._pending.items() if p not in listed}
        kept = self._in_deletion
        hidden = kept.keys() | {RunFolder(path).aside for path in kept}
        rest = [run for run in runs if run.path not in hidden]
        runs = sorted([*rest, *kept.values()], key=lambda run: -run.changed) if kept else runs
        return [*self._pending.values(), *runs]

    def update_run(self, path: Path, **changes: Any) -> None:
        """Shows news of a run that is under way; what is not listed waits for the next reading."""
        if path in self._pending:
            self._pending[path] = replace(self._pending[path], **changes)
        self._all = [replace(run, **changes) if run.path == path else run for run in self._all]
        row = self._model.row_of(path)
        if row >= 0:
            self._model.runs[row] = replace(self._model.runs[row], **changes)
            index = self._model.index(row)
            self._model.dataChanged.emit(index, index)

    def stop(self) -> None:
        """Ends the reading."""
        self._again = False
        if self._task is not None:
            self._task.stop()
            self._task = None

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 80)

    @property
    def _model(self) -> _Runs:
        model = self.model()
        assert isinstance(model, _Runs)
        return model

    @Slot(object)
    def _show_runs(self, runs: list[RunSummary]) -> None:
        before = self._wanted or (self.current.path if self.current else None)
        blocked = self.selectionModel().blockSignals(True)
        self._all = self._with_own(runs)
        self._show_matching()
        runs = self._model.runs
        row = self._model.row_of(before)
        if row < 0 and runs and self._wanted is None:
            row = 0
        if row >= 0:
            self._wanted = None if before == runs[row].path else self._wanted
            self.setCurrentIndex(self._model.index(row))
        self.selectionModel().blockSignals(blocked)
        self._tell()
        self.viewport().update()
        self.listed.emit()

    @Slot()
    def _finished(self) -> None:
        self._task = None
        if self._again and self._folder is not None:
            self._again = False
            self.read_folder(self._folder)

    @Slot(QModelIndex)
    def _open(self, index: QModelIndex) -> None:
        if index.flags() & Qt.ItemFlag.ItemIsEnabled:  # a click on any row is told of
            self.opened.emit()

    @Slot()
    def _tell(self) -> None:
        self.chosen.emit(self.current)
