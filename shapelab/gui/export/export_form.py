"""The export form: what the file shall be, in numbers and choices; knows no thread."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.mesh import formats
from shapelab.gui.base.labels import SPACING, heading, muted
from shapelab.gui.base.settings import SIZE_MAX, SIZE_MIN, SIZE_MM, WindowSettings
from shapelab.gui.base.sliders import SigmaSlider
from shapelab.gui.base.surface_group import SurfaceGroup
from shapelab.gui.export.part_preparation import PreparedPart

FORMATS = (
    ("STL – every slicer", ".stl"),
    ("3MF – slicers, keeps the unit", ".3mf"),
    ("OBJ – modelling programs", ".obj"),
    ("PLY – scans and research", ".ply"),
    ("GLB – web and games", ".glb"),
)
LEAST_KEPT = 10  # per cent of the triangles
RECIPE_SETTINGS = {True: "export/recipe_inside", False: "export/recipe_beside"}  # see ``_recipes``
LABELS = 104  # px, the column of names
NO_SIZE = (0.0, 0.0, 0.0)


class ExportForm(QWidget):
    """Size, format and triangles of the file, and the surface that the viewport shows as well.

    Signals:
        part_changed: size or triangles, which concern the file alone.
    """

    part_changed = Signal()

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

    @property
    def suffix(self) -> str:
        """Of the chosen format, with its dot."""
        return str(self.format.currentData())

    @property
    def share(self) -> float:
        """Of the triangles to keep, (0, 1]."""
        return round(self.keep.value()) / 100

    def restore(self, settings: WindowSettings) -> None:
        """What was chosen the last time, as far as it is possible still."""
        self.size_mm.setValue(settings.number("export/size_mm", SIZE_MM, SIZE_MIN, SIZE_MAX))
        self.format.setCurrentIndex(
            max(0, self.format.findData(settings.text("export/format", "")))
        )
        self.keep.set_value(settings.number("export/triangles", 100, LEAST_KEPT, 100))
        for inside, name in RECIPE_SETTINGS.items():
            self._recipes[inside] = settings.flag(name, self._recipes[inside])
        self._show_recipe()

    def keep_settings(self, settings: WindowSettings) -> None:
        """Remembers what is chosen now."""
        settings.set_text("export/size_mm", f"{self.size_mm.value():g}")
        settings.set_text("export/format", self.suffix)
        settings.set_text("export/triangles", f"{self.keep.value():g}")
        for inside, name in RECIPE_SETTINGS.items():
            settings.set_flag(name, self._recipes[inside])

    def show_part(self, prepared: PreparedPart | None) -> None:
        """Shows the figures of a part, or that there is none."""
        if prepared is None:
            self._size = NO_SIZE
            self.dimensions.setText("–")
            self.triangles.setText("")
            return
        self._size = prepared.report.size_mm
        self.dimensions.setText(formatting.extents(self._size, "mm"))
        self.triangles.setText(_triangles_text(prepared.report.triangles, prepared.shown_triangles))
        self.surface.show_found(prepared.level)

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
        self.recipe = QCheckBox()
        self.recipe.setToolTip(
            "Says in the file how the shape was made: opening it brings back the sliders."
        )
        self._recipes = {True: True, False: False}  # in the file; in one beside it, of an STL
        _row(grid, 2, "Recipe", self.recipe, span=2)
        self.format.currentIndexChanged.connect(self._show_recipe)
        self.recipe.clicked.connect(self._choose_recipe)
        self._show_recipe()
        return grid

    def _build_surface(self) -> QVBoxLayout:
        self.surface = SurfaceGroup(LABELS)
        self.keep = SigmaSlider(
            "Triangles kept",
            LEAST_KEPT,
            100,
            rest=100,
            unit="%",
            decimals=0,
            step=5,
            lockable=False,
            name_width=LABELS,
        )
        self.keep.setToolTip("Fewer triangles make smaller files and coarser curves.")
        self.triangles = muted()
        self.triangles.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout()
        column.setSpacing(SPACING)
        column.addWidget(self.surface)
        column.addWidget(self.keep)
        column.addWidget(self.triangles)
        return column

    def _show_recipe(self) -> None:
        """What can be done with the recipe depends on the format."""
        inside = self.suffix in formats.WITH_RECIPE
        self.recipe.setText("Keep it in the file" if inside else "Write it beside the file")
        self.recipe.setChecked(self._recipes[inside])

    def _choose_recipe(self, wanted: bool) -> None:
        self._recipes[self.suffix in formats.WITH_RECIPE] = wanted

    def _resize_part(self, millimetres: float) -> None:
        longest = max(self._size)
        if longest > 0:  # at once, without waiting for the verdict
            sides = (side * millimetres / longest for side in self._size)
            self.dimensions.setText(formatting.extents(sides, "mm"))
        self.part_changed.emit()

    def _reset_keep(self) -> None:
        self.keep.set_value(100)
        self.part_changed.emit()


def _triangles_text(now: int, shown: int) -> str:
    of = "" if now >= shown else f"{formatting.count(now)} of "
    return of + formatting.counted(max(now, shown), "triangle")


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
