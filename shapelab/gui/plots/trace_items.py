"""What one curve consists of on the screen: lines that cost little to draw, and dots."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPainterPath, QPen

from shapelab.gui.plots.decimate import Array


class PlotLine(pg.GraphicsObject):  # type: ignore[misc]
    """Told its line and where in the view it may be; pyqtgraph's own curve looks for both.

    Attributes:
        pen: as wide as it is on the screen.
        smooth: whether it is drawn without steps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pen, self.smooth = QPen(), False
        self._x: Array = np.zeros(0)
        self._y: Array = np.zeros(0)
        self._path, self._area = QPainterPath(), QRectF()
        self._exported = False

    def set_line(self, x: Array, y: Array, area: QRectF) -> None:
        """Draws another line, x and y [n] and all finite, in the visible area."""
        self._x, self._y = x, y
        self._path = pg.functions.arrayToQPath(x, y, finiteCheck=False)
        if area != self._area:
            self.prepareGeometryChange()
            self._area = area
        self.update()

    def getData(self) -> tuple[Array, Array]:
        """What was set; named as pyqtgraph's items name it."""
        return self._x, self._y

    def setExportMode(self, on: bool, _options: object = None) -> None:
        """As of pyqtgraph's items: in a file every line is smooth."""
        self._exported = on

    def boundingRect(self) -> QRectF:
        return self._area

    def paint(self, painter: QPainter, *_: object) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self.smooth or self._exported)
        painter.setPen(self.pen)
        painter.drawPath(self._path)


class TraceItems:
    """A curve as it is, its moving average, its points where they are few, and its best one."""

    def __init__(self, view: pg.ViewBox) -> None:
        self.raw, self.bold = PlotLine(), PlotLine()
        self.dots = pg.ScatterPlotItem(size=5, pen=None)
        self.best = pg.ScatterPlotItem(size=10)
        for height, item in enumerate((self.raw, self.dots, self.bold, self.best)):
            item.setZValue(height)  # above all raw curves, other runs' too
            view.addItem(item, ignoreBounds=True)

    def hide(self) -> None:
        """Takes all of it from the panel."""
        for item in (self.raw, self.bold, self.dots, self.best):
            item.hide()
