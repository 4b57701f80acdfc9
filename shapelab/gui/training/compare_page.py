"""Runs beside one another: a line each across settings and scores, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.runs.advice.comparison import Comparison, Value, axis_of, compare
from shapelab.gui.base import theme
from shapelab.gui.base.labels import heading, muted
from shapelab.gui.base.workers import Task
from shapelab.gui.plots.parallel_plot import ParallelPlot
from shapelab.gui.training.new_run.config_form import words

MOST_AXES = 8  # of settings; more cannot be told apart
MOST_RUNS = 200
ROW = 26  # px
SCORES = {"iou": "IoU", "picture_iou": "IoU from picture"}
READING = "Reading the runs…"
ALIKE = "These runs have the same settings; only their scores differ."
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
PLACE = Qt.ItemDataRole.UserRole  # of a row's run in the comparison


class ComparePage(QWidget):
    """Compares runs that it is given; reads them on a thread.

    Signals:
        left: back to the list.
        run_opened: folder of a run to be looked at.
        failed: exception.
    """

    left = Signal()
    run_opened = Signal(Path)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.found: Comparison | None = None
        self._task: Task | None = None
        self.back = QToolButton()
        self.back.setIcon(theme.icon("back"))
        self.back.setToolTip("All runs")
        self.back.setAccessibleName("All runs")
        self.told = muted()
        self.plot = ParallelPlot()
        self.table = QTableWidget()
        self.table.setAccessibleName("Settings and scores of the runs")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setSortingEnabled(True)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE)
        top.addWidget(self.back)
        top.addWidget(heading("Compare"))
        top.addWidget(self.told, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addLayout(top)
        column.addWidget(self.plot, 2)
        column.addWidget(self.table, 3)
        self.back.clicked.connect(self.left)
        self.table.currentCellChanged.connect(self._mark)
        self.table.itemActivated.connect(self._open)
        self.table.itemDoubleClicked.connect(self._open)
        self.plot.chosen.connect(self._choose)

    # --- what others use -------------------------------------------------------------------

    def show_runs(self, runs: Sequence[Path]) -> None:
        """Reads runs and shows how they differ."""
        if self._task is not None:
            self._task.cancel()
        self.told.setText(READING)
        chosen = list(runs)[:MOST_RUNS]
        self._task = Task(lambda _task: compare(chosen), self)
        self._task.done.connect(self._show)
        self._task.failed.connect(self.failed)
        self._task.start()

    def stop(self) -> None:
        """Ends the reading."""
        if self._task is not None:
            self._task.stop()
            self._task = None

    # --- inside ----------------------------------------------------------------------------

    @Slot(object)
    def _show(self, found: Comparison) -> None:
        self.found, self._task = found, None
        self._show_plot(found)
        self._fill(found)
        count = len(found.runs)
        differ = f"{count} runs, by {len(found.settings)} settings"
        self.told.setText(differ if found.settings else ALIKE)

    def _show_plot(self, found: Comparison) -> None:
        settings = found.settings[:MOST_AXES]
        columns: list[list[Value]] = [
            [run.values[k] for run in found.runs] for k in range(len(settings))
        ]
        columns += [[run.scores[k] for run in found.runs] for k in range(len(found.scores))]
        # The colour is that of the last axis: what is drawn from voxels, where there is a score.
        columns[len(settings) :] = columns[len(settings) :][::-1]
        titles = [*map(words, settings), *(SCORES[name] for name in reversed(found.scores))]
        names = [run.path.name for run in found.runs]
        self.plot.show_runs(names, titles, [axis_of(values) for values in columns])
        self.plot.setVisible(len(titles) > 1)

    def _fill(self, found: Comparison) -> None:
        titles = ["Run", *map(words, found.settings), "Step", *(SCORES[n] for n in found.scores)]
        table = self.table
        table.setSortingEnabled(False)
        table.clear()
        table.setColumnCount(len(titles))
        table.setRowCount(len(found.runs))
        rows: list[list[Value]] = [
            [run.path.name, *run.values, run.step, *run.scores] for run in found.runs
        ]
        for column, title in enumerate(titles):
            header = QTableWidgetItem(title)
            numbers = any(isinstance(row[column], int | float) for row in rows)
            header.setTextAlignment(RIGHT if numbers else LEFT)
            table.setHorizontalHeaderItem(column, header)
        for place, row in enumerate(rows):
            for column, value in enumerate(row):
                item = _Cell(value, scored=column >= len(titles) - len(found.scores))
                item.setData(PLACE, place)
                table.setItem(place, column, item)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.setSortingEnabled(True)
        if found.scores:
            table.sortItems(len(titles) - len(found.scores), Qt.SortOrder.DescendingOrder)

    @Slot(int, int, int, int)
    def _mark(self, row: int, _column: int, _before: int, _column_before: int) -> None:
        item = self.table.item(row, 0)
        self.plot.mark(-1 if item is None else item.data(PLACE))

    @Slot(int)
    def _choose(self, place: int) -> None:
        for row in range(self.table.rowCount()):
            item = self.table.item(row, 0)
            if item is not None and item.data(PLACE) == place:
                self.table.selectRow(row)

    @Slot(QTableWidgetItem)
    def _open(self, item: QTableWidgetItem) -> None:
        if self.found is not None:
            self.run_opened.emit(self.found.runs[item.data(PLACE)].path)


class _Cell(QTableWidgetItem):
    """Sorts by what it means: numbers by size, what is not there last."""

    def __init__(self, value: Value, scored: bool) -> None:
        super().__init__(_text(value, scored))
        self._number = float(value) if isinstance(value, int | float) else None
        if self._number is not None:
            self.setTextAlignment(RIGHT)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        if isinstance(other, _Cell) and self._number is not None and other._number is not None:
            return self._number < other._number
        if isinstance(other, _Cell) and (self._number is None) != (other._number is None):
            return self._number is None
        return self.text() < other.text()


def _text(value: Value, scored: bool) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return formatting.count(value)
    if isinstance(value, float):
        return f"{value:.3f}" if scored else f"{value:g}"
    return value
