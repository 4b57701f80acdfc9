"""Arranges panels in as many columns as fit, and says where the mouse is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QScrollArea

from shapelab.gui.base.labels import scrolled
from shapelab.gui.plots.plot_panel import PlotPanel

COLUMN_WIDTH, ROW_HEIGHT = 340, 104  # px, at least
MARGIN = 2  # px around all panels


class PlotGrid(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """The panels. With Ctrl, or where there is nothing to scroll, the wheel zooms.

    Signals:
        hovered: x under the mouse, None when it left the panels.
        clicked: x of a click and how much of x one pixel is.
    """

    hovered = Signal(object)
    clicked = Signal(float, float)
    double_clicked = Signal()
    resized = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.panels: list[PlotPanel] = []
        self._arranged: tuple[list[PlotPanel], int, bool] | None = None
        self._scroll: QScrollArea | None = None
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it has no keys of its own
        self.ci.layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self.ci.layout.setHorizontalSpacing(8)
        self.ci.layout.setVerticalSpacing(4)
        self.scene().sigMouseMoved.connect(self._moved)
        self.scene().sigMouseClicked.connect(self._clicked)

    def scrolled(self) -> QScrollArea:
        """The grid in an area that scrolls it when there are many panels."""
        self._scroll = scrolled(self)
        return self._scroll

    def area(self) -> QRectF:
        """Where the panels are in the scene."""
        return QRectF(self.ci.sceneBoundingRect())

    def arrange(self, panels: Sequence[PlotPanel]) -> None:
        """Shows these panels, in this order, row by row."""
        columns = max(1, min(self.width() // COLUMN_WIDTH, len(panels)))
        rows = -(-len(panels) // columns)
        scrolls = self._scroll is not None and rows * ROW_HEIGHT > self._scroll.viewport().height()
        if (list(panels), columns, scrolls) == self._arranged:
            return
        self._arranged = (list(panels), columns, scrolls)
        for panel in self.panels:
            self.ci.removeItem(panel)
        self.panels = list(panels)
        for place, panel in enumerate(panels):
            self.ci.addItem(panel, place // columns, place % columns)
            # The shared axis is labelled once in a column; in each panel if the last may be hidden.
            panel.show_x_labels(scrolls or place + columns >= len(panels))
        for row in range(self.ci.layout.rowCount()):
            self.ci.layout.setRowStretchFactor(row, 1 if row < rows else 0)
        self.setMinimumHeight(rows * ROW_HEIGHT)

    def _panel_at(self, place: QPointF) -> PlotPanel | None:
        for panel in self.panels:
            if panel.vb.sceneBoundingRect().contains(place):
                return panel
        return None

    def _moved(self, place: QPointF) -> None:
        panel = self._panel_at(place)
        self.hovered.emit(None if panel is None else panel.vb.mapSceneToView(place).x())

    def _clicked(self, click: Any) -> None:
        panel = self._panel_at(click.scenePos())
        if panel is None or click.button() != Qt.MouseButton.LeftButton:
            return
        if click.double():
            self.double_clicked.emit()
        else:
            x = panel.vb.mapSceneToView(click.scenePos()).x()
            self.clicked.emit(x, panel.vb.viewPixelSize()[0])

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.hovered.emit(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "panels"):
            self.resized.emit()

    @property
    def scrolls(self) -> bool:
        """Whether there are more panels than fit, so that the wheel scrolls."""
        return self._scroll is not None and self._scroll.verticalScrollBar().maximum() > 0

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.scrolls and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
        else:
            super().wheelEvent(event)
