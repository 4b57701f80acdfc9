"""The export form: what the file shall be, in numbers and choices; knows no thread."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.gui.base.labels import SPACING, heading, muted
from shapelab.gui.base.sliders import SigmaSlider
from shapelab.gui.export.part_preparation import PreparedPart

SIZE_MM, SIZE_MIN, SIZE_MAX = 80.0, 5.0, 1000.0
FORMATS = (
    ("STL – every slicer", ".stl"),
    ("3MF – slicers, keeps the unit", ".3mf"),
    ("OBJ – modelling programs", ".obj"),
    ("PLY – scans and research", ".ply"),
    ("GLB – web and games", ".glb"),
)
RESOLUTIONS = ("1× – as decoded", "2× – finer", "3× – fine", "4× – finest")
LABELS = 104  # px, the column of names
NO_SIZE = (0.0, 0.0, 0.0)


class ExportForm(QWidget):
    """Signals: what was changed by the user.

    Signals:
        part_changed: size or triangles, which concern the file alone.
        surface_chosen: resolution, smoothing or parts, which the viewport shows as well.
        edit_finished: a slider was let go, or a choice was made.
    """

    part_changed = Signal()
    surface_chosen = Signal()
    edit_finished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._size = NO_SIZE
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(heading("Part"))
        column.addLayout(self._build_part())
        column.addSpacing(SPACING)
        column.addWidget(heading("Surface"))
        column.addLayout(self._build_surface())
        self.size_mm.valueChanged.connect(self._resize_part)
        self.keep.changed.connect(self.part_changed)
        self.keep.reset_requested.connect(self._reset_keep)
        self.smoothing.changed.connect(self.surface_chosen)
        self.smoothing.reset_requested.connect(self._reset_smoothing)
        self.smoothing.edit_finished.connect(self.edit_finished)
        for choice in (self.resolution.activated, self.largest.clicked):
            choice.connect(self.surface_chosen)
            choice.connect(self.edit_finished)

    @property
    def suffix(self) -> str:
        """Of the chosen format, with its dot."""
        return str(self.format.currentData())

    @property
    def share(self) -> float:
        """Of the triangles to keep, (0, 1]."""
        return round(self.keep.value()) / 100

    def options(self, old: SurfaceOptions) -> SurfaceOptions:
        """The surface options as the form has them; what it does not show stays as it was."""
        return replace(
            old,
            resolution=self.resolution.currentData(),
            smoothing=round(self.smoothing.value()),
            largest_part=self.largest.isChecked(),
        )

    def show_options(self, options: SurfaceOptions) -> None:
        """Shows surface options without telling anyone."""
        self.resolution.setCurrentIndex(options.resolution - 1)
        if round(self.smoothing.value()) != options.smoothing:
            self.smoothing.set_value(options.smoothing)
        with QSignalBlocker(self.largest):
            self.largest.setChecked(options.largest_part)

    def show_part(self, prepared: PreparedPart | None) -> None:
        """Shows the figures of a part, or that there is none."""
        if prepared is None:
            self._size = NO_SIZE
            self.dimensions.setText("–")
            self.triangles.setText("")
            self.dropped.setText("")
            return
        self._size = prepared.report.size_mm
        self.dimensions.setText(formatting.extents(self._size, "mm"))
        self.triangles.setText(_triangles_text(prepared.report.triangles, prepared.shown_triangles))
        self.dropped.setText(_dropped_text(prepared.dropped) if self.largest.isChecked() else "")

    def _build_part(self) -> QGridLayout:
        self.size_mm = QDoubleSpinBox(decimals=1, suffix=" mm")
        self.size_mm.setKeyboardTracking(False)
        self.size_mm.setRange(SIZE_MIN, SIZE_MAX)
        self.size_mm.setValue(SIZE_MM)
        self.size_mm.setSingleStep(5)
        self.size_mm.setToolTip("Length of the longest side. The others follow.")
        self.dimensions = QLabel("–")
        self.dimensions.setToolTip("Width × depth × height as it stands on the print bed.")
        self.format = QComboBox()
        for text, suffix in FORMATS:
            self.format.addItem(text, suffix)
        grid = _grid()
        _row(grid, 0, "Longest side", self.size_mm)
        grid.addWidget(self.dimensions, 0, 2, Qt.AlignmentFlag.AlignRight)
        _row(grid, 1, "Format", self.format, span=2)
        return grid

    def _build_surface(self) -> QVBoxLayout:
        self.resolution = QComboBox()
        for factor, text in enumerate(RESOLUTIONS, 1):
            self.resolution.addItem(text, factor)
        self.resolution.setToolTip("Samples of the shape along each voxel: more are smoother.")
        self.smoothing = _slider("Smoothing", 0, 50, rest=10, unit="", step=1)
        self.smoothing.setToolTip("Smoothing passes; thin parts keep their thickness.")
        self.keep = _slider("Triangles kept", 10, 100, rest=100, unit="%", step=5)
        self.keep.setToolTip("Fewer triangles make smaller files and coarser curves.")
        self.largest = QCheckBox("Largest part only")
        self.largest.setToolTip("Leaves out loose crumbs that would print as separate pieces.")
        self.dropped, self.triangles = muted(), muted()
        for label in (self.dropped, self.triangles):
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid = _grid()
        _row(grid, 0, "Resolution", self.resolution, span=2)
        bottom = QHBoxLayout()
        bottom.addWidget(self.largest)
        bottom.addWidget(self.dropped, 1)
        column = QVBoxLayout()
        column.setSpacing(SPACING)
        column.addLayout(grid)
        column.addWidget(self.smoothing)
        column.addWidget(self.keep)
        column.addWidget(self.triangles)
        column.addLayout(bottom)
        return column

    def _resize_part(self, millimetres: float) -> None:
        longest = max(self._size)
        if longest > 0:  # at once, without waiting for the verdict
            sides = (side * millimetres / longest for side in self._size)
            self.dimensions.setText(formatting.extents(sides, "mm"))
        self.part_changed.emit()

    def _reset_smoothing(self) -> None:
        self.smoothing.set_value(SurfaceOptions().smoothing)
        self.surface_chosen.emit()

    def _reset_keep(self) -> None:
        self.keep.set_value(100)
        self.part_changed.emit()


def _triangles_text(now: int, shown: int) -> str:
    of = "" if now >= shown else f"{formatting.count(now)} of "
    return of + formatting.counted(max(now, shown), "triangle")


def _dropped_text(count: int) -> str:
    return f"{formatting.counted(count, 'loose part')} dropped" if count else "nothing to drop"


def _slider(
    name: str, low: float, high: float, *, rest: float, unit: str, step: float
) -> SigmaSlider:
    return SigmaSlider(
        name,
        low,
        high,
        rest=rest,
        unit=unit,
        decimals=0,
        step=step,
        lockable=False,
        name_width=LABELS,
    )


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(6)
    grid.setVerticalSpacing(SPACING)
    grid.setColumnMinimumWidth(0, LABELS)
    grid.setColumnStretch(2, 1)
    return grid


def _row(grid: QGridLayout, row: int, name: str, widget: QWidget, span: int = 1) -> None:
    label = QLabel(name)
    label.setBuddy(widget)
    grid.addWidget(label, row, 0)
    grid.addWidget(widget, row, 1, 1, span)
