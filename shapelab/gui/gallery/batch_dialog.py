"""Export of several kept shapes: a file each in one folder, or all on one build plate."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.errors import ExportError, ShapelabError
from shapelab.core.mesh import formats
from shapelab.core.session import shape_export
from shapelab.core.session.gallery import KeptShape
from shapelab.core.session.shape_export import ShapePart
from shapelab.gui.base.labels import SPACING, LabelledRows, heading, muted
from shapelab.gui.base.notify import describe, may_replace
from shapelab.gui.base.settings import SIZE_MAX, SIZE_MIN, SIZE_MM, WindowSettings
from shapelab.gui.base.workers import Task
from shapelab.gui.export.export_form import FORMATS
from shapelab.gui.export.verdict_box import VerdictBox

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

WIDTH = 460  # px
FOLDER = "folders/batch"  # of the settings
PLATE_NAME = "plate.3mf"


@dataclass(frozen=True)
class Batch:
    """What is written, and how."""

    shapes: tuple[KeptShape, ...]
    size_mm: float
    files: tuple[Path, ...]  # one a shape, or one for all: a plate
    plate: bool
    force: bool
    recipe: bool | None  # see ``shape_export.write_part``


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch."""

    written: int  # shapes
    failures: tuple[tuple[str, str], ...]  # name of a shape, and why it was not written


def write_batch(batch: Batch, models: dict[str, ShapeModel], task: Task) -> BatchResult:
    """Writes a batch on a task's thread; reports how many shapes are done.

    Args:
        batch: what to write.
        models: the loaded ones by their digests.
        task: that may be cancelled between two shapes.
    """
    failures: list[tuple[str, str]] = []
    on_plate: list[tuple[str, ShapePart]] = []
    written = 0
    for place, shape in enumerate(batch.shapes):
        if task.cancel_event.is_set():
            break
        try:
            part = _part(shape, batch.size_mm, models, batch.plate)
            if batch.plate:
                on_plate.append((shape.name, part))
            else:
                shape_export.write_part(batch.files[place], part, batch.force, batch.recipe)
                written += 1
        except ShapelabError as error:
            failures.append((shape.name, str(error)))
        task.report(place + 1)
    if on_plate and not task.cancel_event.is_set():
        meshes = [(name, part.mesh) for name, part in on_plate]
        written = len(shape_export.write_plate(batch.files[0], meshes, batch.force))
    return BatchResult(written, tuple(failures))


def _part(
    shape: KeptShape, size_mm: float, models: dict[str, ShapeModel], plate: bool
) -> ShapePart:
    model = models.get(shape.model.digest)
    if model is None:
        raise ExportError(f"It needs the model {shape.model.name}; click it to open that first.")
    if plate:
        return shape_export.plate_part(model, shape.name, shape.saved, size_mm)
    return shape_export.shape_part(model, shape.saved, size_mm)


class BatchDialog(QDialog):
    """Asks how and where, writes with progress, and tells of each shape that failed."""

    def __init__(
        self,
        shapes: Sequence[KeptShape],
        model_of: Callable[[str], ShapeModel | None],
        settings: WindowSettings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export Kept Shapes")
        self.setMinimumWidth(WIDTH)
        self._shapes, self._model_of, self._settings = tuple(shapes), model_of, settings
        self._task: Task | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(SPACING)
        column.addWidget(heading(formatting.counted(len(self._shapes), "kept shape")))
        column.addWidget(self._build_form())
        self.recipe = QCheckBox("With the recipe, so that it opens with its sliders")
        self._recipes = {True: True, False: False}  # in the files; in others beside them
        self.recipe.clicked.connect(self._choose_recipe)
        column.addWidget(self.recipe)
        column.addWidget(muted("Each keeps the surface with which it was kept."))
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setRange(0, len(self._shapes))
        column.addWidget(self.progress)
        self.verdict = VerdictBox()
        column.addWidget(self.verdict)
        column.addStretch(1)
        column.addLayout(self._build_buttons())
        self.progress.hide()
        self.verdict.hide()
        self._show_choice()

    # --- building ------------------------------------------------------------------------------

    def _build_form(self) -> QWidget:
        self.size_mm = QDoubleSpinBox(decimals=1, suffix=" mm")
        self.size_mm.setRange(SIZE_MIN, SIZE_MAX)
        self.size_mm.setValue(SIZE_MM)
        self.size_mm.setToolTip("Length of the longest side of each.")
        self.each, self.plate = QRadioButton("A file each"), QRadioButton("One 3MF plate")
        self.each.setChecked(True)
        self.plate.setToolTip("All parts beside each other, for one print.")
        group = QButtonGroup(self)
        choice = QWidget()
        row = QHBoxLayout(choice)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.each, self.plate):
            group.addButton(button)
            row.addWidget(button)
        row.addStretch(1)
        group.buttonToggled.connect(self._show_choice)
        self.format = QComboBox()
        for text, suffix in FORMATS:
            self.format.addItem(text, suffix)
        self.format.currentIndexChanged.connect(self._show_choice)
        rows = LabelledRows()
        rows.add("Longest side", self.size_mm)
        rows.add("Files", choice)
        rows.add("Format", self.format)
        return rows

    def _build_buttons(self) -> QHBoxLayout:
        self.cancel = QPushButton("Close")
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.reject)
        self.save = QPushButton("Export…")
        self.save.setDefault(True)
        self.save.clicked.connect(self.export)
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addStretch(1)
        row.addWidget(self.cancel)
        row.addWidget(self.save)
        return row

    @Slot()
    def _show_choice(self) -> None:
        plate, suffix = self.plate.isChecked(), str(self.format.currentData())
        self.format.setEnabled(not plate)
        inside = suffix in formats.WITH_RECIPE
        place = "in it" if inside else "in a file beside it"
        self.recipe.setText(f"With the recipe {place}, so that it opens with its sliders")
        self.recipe.setChecked(self._recipes[inside] and not plate)
        self.recipe.setEnabled(not plate)

    def _choose_recipe(self, wanted: bool) -> None:
        self._recipes[str(self.format.currentData()) in formats.WITH_RECIPE] = wanted

    # --- writing -------------------------------------------------------------------------------

    @property
    def writing(self) -> bool:
        """Whether files are being written."""
        return self._task is not None

    @Slot()
    def export(self) -> None:
        """Asks for the place and writes."""
        batch = self._ask_for_plate() if self.plate.isChecked() else self._ask_for_folder()
        if batch is None:
            return
        loaded = {shape.model.digest: self._model_of(shape.model.digest) for shape in batch.shapes}
        models = {digest: model for digest, model in loaded.items() if model is not None}
        self._settings.set_text(FOLDER, str(batch.files[0].parent))
        self.progress.setValue(0)
        self.progress.show()
        self.verdict.show()
        self.verdict.show_checking(f"Writing to {batch.files[0].parent}…")
        self._task = Task(partial(write_batch, batch, models), self)
        self._task.progress.connect(self.progress.setValue)
        self._task.done.connect(partial(self._tell, batch))
        self._task.failed.connect(self._fail)
        self._task.finished.connect(self._finish)
        self._enable()
        self._task.start()

    def _ask_for_plate(self) -> Batch | None:
        proposal = str(Path(self._settings.text(FOLDER, str(Path.home())), PLATE_NAME))
        name, _ = QFileDialog.getSaveFileName(self, "Export", proposal, "3MF plate (*.3mf)")
        if not name:
            return None
        path = Path(name)
        if path.suffix.lower() != formats.PLATE:
            path = path.with_name(path.name + formats.PLATE)
            if not may_replace(self, path):
                return None
        return Batch(self._shapes, self.size_mm.value(), (path,), True, True, None)

    def _ask_for_folder(self) -> Batch | None:
        start = self._settings.text(FOLDER, str(Path.home()))
        name = QFileDialog.getExistingDirectory(self, "Folder for the Files", start)
        if not name:
            return None
        suffix = str(self.format.currentData())
        names = shape_export.file_names([shape.name for shape in self._shapes], suffix)
        files = tuple(Path(name, each) for each in names)
        there = [path for path in files if os.path.exists(path)]
        if there and not self._may_replace(there):
            return None
        recipe = self.recipe.isChecked()
        return Batch(self._shapes, self.size_mm.value(), files, False, bool(there), recipe)

    def _may_replace(self, there: Sequence[Path]) -> bool:
        if len(there) == 1:
            return may_replace(self, there[0])
        words = f"{len(there)} of the files are in {there[0].parent} already. Replace them?"
        answer = QMessageBox.question(self, "Replace the files?", words)
        return answer == QMessageBox.StandardButton.Yes

    def _tell(self, batch: Batch, result: BatchResult) -> None:
        place = batch.files[0] if batch.plate else batch.files[0].parent
        total = len(batch.shapes)
        whole = "All" if result.written == total else f"{result.written} of"
        lines = [f"{whole} {formatting.counted(total, 'shape')} lie in {place}."]
        lines += [f"{name}: {why}" for name, why in result.failures]
        self.verdict.show_verdict("\n".join(lines), good=not result.failures)

    @Slot(object)
    def _fail(self, error: Exception) -> None:
        self.verdict.show_verdict(describe(error)[0], good=False)

    @Slot()
    def _finish(self) -> None:
        task, self._task = self._task, None
        if task is not None and task.cancel_event.is_set():
            done = self.progress.value()
            self.verdict.show_verdict(f"Stopped after {done} of {len(self._shapes)}.", good=False)
        self.progress.hide()
        self._enable()

    def _enable(self) -> None:
        free = self._task is None
        for widget in (self.size_mm, self.each, self.plate, self.save):
            widget.setEnabled(free)
        if free:
            self._show_choice()
        else:
            self.format.setEnabled(False)
            self.recipe.setEnabled(False)
        self.cancel.setText("Close" if free else "Stop")

    def reject(self) -> None:
        """Closes, or stops the writing; what has been written stays."""
        if self._task is not None:
            self._task.cancel()
        else:
            super().reject()

    def stop(self) -> None:
        """Ends the thread, before the window closes."""
        if self._task is not None:
            self._task.stop()
            self._task = None
        self.close()
