"""Evaluates a run or a model in the background and shows what was found as a table."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.errors import DataError, RunError
from shapelab.core.paths import user_folder
from shapelab.core.runs import evaluation_file
from shapelab.core.runs.evaluation_file import EvaluationFile
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.store_card import read_card
from shapelab.gui.base import theme
from shapelab.gui.base.labels import ElidedLabel, readable
from shapelab.gui.process.trainer_process import evaluate_job
from shapelab.gui.training.jobs.job_dialog import JobDialog

SIZE = (860, 620)  # device-independent pixels
ROW = 26  # px
FIGURES = ("", "Mean", "Mean of classes", "95 % of redrawn sets", "Worst class")
OTHER = "Open others…"
NOTHING = "Not evaluated yet. It takes some minutes; you may go on meanwhile, or close this window."
NEEDS_DATA = "A model does not know its data: choose a prepared dataset that has held-out shapes."


class EvaluationDialog(JobDialog):
    """One run or model; the work goes on while the dialog is closed.

    Args:
        subject: folder of the run, or of the model.
        name: of it, for people.
        resolutions: cells a side of the data that have to be chosen for a model; None for a run,
            which knows its own.
        parent: window that it belongs to.
    """

    def __init__(
        self, subject: Path, name: str, resolutions: Collection[int] | None, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._subject, self._resolutions = subject, resolutions
        self._place = evaluation_file.place_of(subject)
        self.setWindowTitle(f"Evaluate {name}")
        self.name = ElidedLabel(bold=True)
        self.name.setText(name)
        self.data = QComboBox()
        self.data.setAccessibleName("Held-out shapes of")
        self.data.setToolTip("Its held-out shapes are scored.")
        self.data.setVisible(resolutions is not None)
        self.start = QPushButton("Evaluate")
        self.start.setDefault(True)
        self.told = self.work.told
        self.figures, self.by_class = _table(), _table()
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.addTab(self.figures, "Figures")
        self.tabs.addTab(self.by_class, "By class")
        self.report = QPushButton("Open report")
        self.report.setToolTip("The page with pictures, in your browser.")
        close = QPushButton("Close")
        top, bottom = QHBoxLayout(), QHBoxLayout()
        for row, widgets in (
            (top, (self.name, self.data, self.start, self.work.stop_button)),
            (bottom, (self.told, self.report, close)),
        ):
            row.setSpacing(theme.SPACE)
            for widget in widgets:
                row.addWidget(widget, 1 if widget in (self.name, self.told) else 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_LARGE] * 4)
        column.setSpacing(theme.SPACE)
        column.addLayout(top)
        column.addWidget(self.work)
        column.addWidget(self.tabs, 1)
        column.addLayout(bottom)
        self.resize(*SIZE)
        self.start.clicked.connect(self.evaluate)
        self.work.ended.connect(self._end)
        self.report.clicked.connect(self._open_report)
        close.clicked.connect(self.close)
        self.data.activated.connect(self._choose_data)
        self._list_data()
        self._show_busy()
        self._show_found()

    # --- what others use -------------------------------------------------------------------

    @Slot()
    def evaluate(self) -> None:
        """Starts the trainer, which writes the page and its figures."""
        data = self.data.currentData()
        chosen = [str(data)] if isinstance(data, Path) else []
        self.work.start(evaluate_job(self._subject, self._place, chosen))
        self._show_busy()

    # --- inside ----------------------------------------------------------------------------

    @Slot(object)
    def _end(self, state: RunState) -> None:
        self._show_busy()
        self._show_found()
        if state is RunState.STOPPED:
            self.told.setText("Stopped.")

    def _show_busy(self) -> None:
        self.start.setVisible(not self.busy)
        self.data.setEnabled(not self.busy)
        known = self._resolutions is None or isinstance(self.data.currentData(), Path)
        self.start.setEnabled(known)

    def _show_found(self) -> None:
        try:
            found = evaluation_file.read(self._file(".json"))
        except RunError:
            found = None
        self.tabs.setVisible(found is not None)
        self.report.setEnabled(self._file(".html").is_file())
        if found is not None:
            self._fill(found)
        elif self._resolutions is not None and not self.start.isEnabled():
            self.told.setText(NEEDS_DATA)
        else:
            self.told.setText(NOTHING)

    def _fill(self, found: EvaluationFile) -> None:
        self.told.setText(found.told)
        _show(
            self.figures,
            FIGURES,
            [(r.label, r.mean, r.class_mean, r.interval, readable(r.worst)) for r in found.rows],
            [r.meaning for r in found.rows],
            fills=True,
        )
        classed = [r for r in found.rows if any(value != "–" for value in r.by_class)]
        names = ("", *map(readable, found.classes))
        rows = [(r.label, *r.by_class) for r in classed]
        _show(self.by_class, names, rows, [r.meaning for r in classed])

    def _list_data(self) -> None:
        """The prepared datasets of a resolution that the model has, the newest first."""
        if self._resolutions is None:
            return
        stores = user_folder() / "data"
        found = sorted(
            stores.glob("*/index.json"), key=lambda path: path.stat().st_mtime, reverse=True
        )
        for index in found:
            try:
                card = read_card(index.parent)
            except DataError:
                continue
            if card.resolution in self._resolutions:
                self.data.addItem(card.folder.name, card.folder)
        self.data.addItem(OTHER)
        if self.data.count() == 1:
            self.data.setPlaceholderText("Choose…")
            self.data.setCurrentIndex(-1)

    @Slot(int)
    def _choose_data(self, index: int) -> None:
        if isinstance(self.data.itemData(index), Path):
            return
        folder = QFileDialog.getExistingDirectory(self, "Prepared dataset, or shapes")
        if folder:
            self.data.insertItem(0, Path(folder).name, Path(folder))
        self.data.setCurrentIndex(0 if self.data.count() > 1 else -1)
        self._show_busy()
        self._show_found()

    @Slot()
    def _open_report(self) -> None:
        page = self._file(".html")
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(page))):
            self.told.setText(f"The report is {page}.")

    def _file(self, ending: str) -> Path:
        return self._place.with_name(f"{self._place.name}{ending}")


def _table() -> QTableWidget:
    table = QTableWidget()
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    return table


def _show(
    table: QTableWidget,
    titles: tuple[str, ...],
    rows: list[tuple[str, ...]],
    hints: list[str],
    fills: bool = False,
) -> None:
    """Fills a table; the first column is a name, with a hint, the others are numbers.

    With ``fills`` the names take what the numbers leave; else the table may get wider than it is.
    """
    table.setColumnCount(len(titles))
    table.setRowCount(len(rows))
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for column, title in enumerate(titles):
        header = QTableWidgetItem(title)
        if column:
            header.setTextAlignment(right)
        table.setHorizontalHeaderItem(column, header)
    for place, (row, hint) in enumerate(zip(rows, hints, strict=True)):
        for column, text in enumerate(row):
            item = QTableWidgetItem(text)
            item.setToolTip(hint)
            if column:
                item.setTextAlignment(right)
            table.setItem(place, column, item)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    if fills:
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
