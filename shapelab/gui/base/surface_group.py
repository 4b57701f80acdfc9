"""The surface group: level with the field's histogram, smoothing, resolution and parts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.gui.base import theme
from shapelab.gui.base.labels import RowText
from shapelab.gui.base.readout import Readout
from shapelab.gui.base.sliders import STEPS, FineSlider, SigmaSlider, format_value

LOWEST, REST, HIGHEST = 0.05, 0.5, 0.95  # levels that can be chosen
RESOLUTIONS = ("1× – as decoded", "2× – finer", "3× – fine", "4× – finest")
HISTOGRAM = 36  # px, height of the level's slider with the bars behind it


class LevelSlider(FineSlider):
    """A slider over the histogram of a field; the bars of what is solid are coloured."""

    def __init__(self) -> None:
        low, high = round(STEPS * LOWEST), round(STEPS * HIGHEST)
        super().__init__(low, high, rest=high)  # filled up to the end: there it is solid
        self.setValue(round(STEPS * REST))
        self.setSingleStep(1)
        self.setPageStep(5)
        self.setFixedHeight(HISTOGRAM)
        self.setAccessibleName("Level")
        self._heights: NDArray[np.float64] = np.zeros(0)

    def show_counts(self, counts: NDArray[np.intp]) -> None:
        """Cells (n,) by occupancy from 0 to 1, n a divisor of `STEPS`.

        Drawn by their logarithm, without the first: nearly all of a grid is empty.
        """
        heights = np.log1p(np.where(np.arange(len(counts)), counts, 0))
        if not np.array_equal(heights, self._heights):
            self._heights = heights
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._paint_bars()
        super().paintEvent(event)

    def _paint_bars(self) -> None:
        if not self._heights.any():
            return
        palette = self.palette()
        window, text = palette.window().color(), palette.windowText().color()
        empty = theme.blend(window, text, 0.14)
        solid = theme.blend(window, palette.highlight().color(), 0.38)
        painter = QPainter(self)
        places = range(0, STEPS + 1, STEPS // len(self._heights))
        scale = (self.height() - 2) / float(self._heights.max())
        begin = self.x_of(0)
        step = self.x_of(1) - begin  # asking the style for each bar would take longer than drawing
        for (low, high), height in zip(pairwise(places), self._heights, strict=True):
            left, right = begin + low * step, begin + high * step
            bar = QRectF(left, self.height() - scale * height, right - left, scale * height)
            painter.fillRect(bar, solid if low >= self.sliderPosition() else empty)


class SurfaceGroup(QWidget):
    """Shows and changes surface options; knows neither session nor thread.

    Signals:
        chosen: the options as the user wants them.
        edit_finished: a slider was let go, or a choice was made.
    """

    chosen = Signal(object)
    edit_finished = Signal()

    def __init__(self, name_width: int) -> None:
        """Args: name_width: of the column of names, px."""
        super().__init__()
        self._options = SurfaceOptions()
        self.level, self.auto = LevelSlider(), QToolButton()
        self.readout = Readout(self.level, 40)
        self.smoothing = SigmaSlider(
            "Smoothing",
            0,
            50,
            rest=SurfaceOptions().smoothing,
            unit="",
            decimals=0,
            step=1,
            lockable=False,
            name_width=name_width,
        )
        self.smoothing.setToolTip("Smoothing passes; thin parts keep their thickness.")
        self.resolution = QComboBox()
        for factor, text in enumerate(RESOLUTIONS, 1):
            self.resolution.addItem(text, factor)
        self.resolution.setToolTip("Samples of the shape along each voxel: more are smoother.")
        self.largest = QCheckBox("Largest part only")
        self.largest.setToolTip("Leaves out loose crumbs that would print as separate pieces.")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        column.addLayout(self._build_level(name_width))
        column.addWidget(self.smoothing)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(RowText("Resolution", name_width))
        row.addWidget(self.resolution, 1)
        self.resolution.setAccessibleName("Resolution")
        column.addLayout(row)
        column.addWidget(self.largest, 0, Qt.AlignmentFlag.AlignLeft)
        self._connect_widgets()

    def _build_level(self, name_width: int) -> QHBoxLayout:
        name = RowText("Level", name_width)
        self.auto.setText("auto")
        self.auto.setCheckable(True)
        self.auto.setToolTip("Find the level at which the shape is one piece.")
        for widget in (name, self.level, self.readout):
            widget.setToolTip(
                "The occupancy at which the surface lies: lower keeps fainter parts.\n"
                "Behind it: how many cells of the grid have which occupancy.\n"
                "Double click for auto."
            )
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(name)
        row.addWidget(self.level, 1)
        row.addWidget(self.readout)
        row.addWidget(self.auto)
        for part in (name.double_clicked, self.readout.double_clicked, self.level.reset_requested):
            part.connect(self._make_automatic)
        return row

    def _connect_widgets(self) -> None:
        self.level.valueChanged.connect(lambda steps: self._choose(level=steps / STEPS))
        self.level.edit_finished.connect(self.edit_finished)
        self.level.typing_requested.connect(self.readout.edit)
        self.readout.typed.connect(self._take_level)
        self.auto.clicked.connect(self._toggle_automatic)
        self.smoothing.changed.connect(lambda passes: self._choose(smoothing=round(passes)))
        self.smoothing.edit_finished.connect(self.edit_finished)
        self.smoothing.reset_requested.connect(
            lambda: self._choose(smoothing=SurfaceOptions().smoothing)
        )
        self.resolution.activated.connect(
            lambda row: self._choose_and_finish(resolution=self.resolution.itemData(row))
        )
        self.largest.clicked.connect(lambda only: self._choose_and_finish(largest_part=only))

    # --- showing -------------------------------------------------------------------------------

    def show_options(self, options: SurfaceOptions) -> None:
        """Shows options without telling anyone; a level that is found comes with the field."""
        self._options = options
        self.resolution.setCurrentIndex(options.resolution - 1)
        if round(self.smoothing.value()) != options.smoothing:
            self.smoothing.set_value(options.smoothing)
        with QSignalBlocker(self.largest):
            self.largest.setChecked(options.largest_part)
        self.auto.setChecked(options.level is None)
        if options.level is not None:
            self._show_level(options.level)

    def show_found(self, level: float) -> None:
        """Shows the level at which a surface lies, where it was to be found."""
        if self._options.level is None:
            self._show_level(level)

    def _show_level(self, level: float) -> None:
        with QSignalBlocker(self.level):
            self.level.setValue(round(STEPS * level))
        self.readout.set_text(
            format_value(level, 2, "", signed=False), muted=self._options.level is None
        )

    # --- the user's hands ----------------------------------------------------------------------

    def _choose(self, **changes: object) -> None:
        options = replace(self._options, **changes)  # type: ignore[arg-type]
        if options != self._options:
            self.show_options(options)
            self.chosen.emit(options)

    def _choose_and_finish(self, **changes: object) -> None:
        self._choose(**changes)
        self.edit_finished.emit()

    def _take_level(self, level: float) -> None:
        self._choose_and_finish(level=min(max(level, LOWEST), HIGHEST))

    def _make_automatic(self) -> None:
        self._choose_and_finish(level=None)

    def _toggle_automatic(self, automatic: bool) -> None:
        level = None if automatic else self.level.value() / STEPS
        self._choose_and_finish(level=level)
