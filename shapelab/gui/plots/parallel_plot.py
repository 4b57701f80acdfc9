"""Runs as lines across parallel axes: one axis a setting, and the score at the right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from shapelab.core.runs.advice.comparison import Axis
from shapelab.gui.base import theme

NEAR_PX = 10  # a pointer so near to a line means it
SIDE, TOP, BOTTOM = 56, 30, 14  # px around the axes; names stand above them
DOT = 3.0  # radius, px
Points = list[QPointF | None]  # of a run, one an axis


class ParallelPlot(QWidget):
    """Draws lines; one may be marked, by the pointer or from outside.

    Signals:
        pointed: index of the run under the pointer, -1 for none.
        chosen: index of a run that was clicked.
    """

    pointed = Signal(int)
    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setAccessibleName("Settings and scores of the runs")
        self._titles: tuple[str, ...] = ()
        self._axes: tuple[Axis, ...] = ()
        self._names: tuple[str, ...] = ()
        self._marked = -1

    # --- what others use -------------------------------------------------------------------

    def show_runs(self, names: Sequence[str], titles: Sequence[str], axes: Sequence[Axis]) -> None:
        """Shows runs.

        Args:
            names: of the runs.
            titles: of the axes.
            axes: each with a place for each run; the last one is the score, which gives the colour.
        """
        self._names, self._titles, self._axes = tuple(names), tuple(titles), tuple(axes)
        self._marked = -1
        self.update()

    def mark(self, run: int) -> None:
        """Marks a run, or none (-1); no signal."""
        if run != self._marked:
            self._marked = run
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(520, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 140)

    # --- drawing ---------------------------------------------------------------------------

    def points(self, run: int) -> Points:
        """Where a run crosses the axes, px; None where it has no value."""
        height = self.height() - TOP - BOTTOM
        return [
            None if (p := axis.places[run]) is None else QPointF(x, TOP + (1 - p) * height)
            for x, axis in zip(self._lines(), self._axes, strict=True)
        ]

    def _lines(self) -> list[float]:
        """X of the axes, px."""
        count, room = len(self._axes), self.width() - 2 * SIDE
        return [SIDE + room * (k / (count - 1) if count > 1 else 0.5) for k in range(count)]

    def colour(self, run: int) -> QColor:
        """From quiet to the accent, as its score rises; grey without one."""
        c = theme.colors()
        score = self._axes[-1].places[run] if self._axes else None
        if score is None:
            return QColor(c.muted)
        return theme.blend(QColor(c.muted), QColor(c.accent), 0.15 + 0.85 * score)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        runs = sorted(range(len(self._names)), key=self._importance)
        for run in runs:
            self._draw_run(painter, run)
        for x, title, axis in zip(self._lines(), self._titles, self._axes, strict=True):
            self._draw_axis(painter, x, title, axis)

    def _importance(self, run: int) -> tuple[bool, float]:
        """What is drawn later lies above."""
        score = self._axes[-1].places[run] if self._axes else None
        return run == self._marked, -1.0 if score is None else score

    def _draw_run(self, painter: QPainter, run: int) -> None:
        colour, marked = self.colour(run), run == self._marked
        if self._marked >= 0 and not marked:
            colour.setAlphaF(0.3)
        painter.setPen(QPen(colour, 2.6 if marked else 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        path, drawing = QPainterPath(), False
        for point in self.points(run):
            if point is None:
                drawing = False
                continue
            if drawing:
                path.lineTo(point)
            else:
                path.moveTo(point)
            drawing = True
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for point in self.points(run):
            if point is not None:
                painter.drawEllipse(point, DOT, DOT)

    def _draw_axis(self, painter: QPainter, x: float, title: str, axis: Axis) -> None:
        palette, metrics = self.palette(), self.fontMetrics()
        bottom = self.height() - BOTTOM
        painter.setPen(QPen(palette.mid().color(), 1))
        painter.drawLine(QPointF(x, TOP), QPointF(x, bottom))
        count = max(len(self._axes) - 1, 1)
        room = min((self.width() - 2 * SIDE) / count, 2 * SIDE) - theme.SPACE_SMALL
        painter.setPen(palette.text().color())
        words = metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, int(room))
        above = QRectF(x - room / 2, 0, room, TOP - 6)
        painter.drawText(above, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, words)
        painter.setPen(palette.placeholderText().color())
        left = x > self.width() - SIDE - 1 and len(self._axes) > 1  # of the last axis, outside too
        for place, text in axis.labels:
            y = TOP + (1 - place) * (bottom - TOP)
            wide = metrics.horizontalAdvance(text)
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, SIDE - 8)
            box = QRectF(x + 6, y - 9, min(wide, SIDE - 8) + 2, 18)
            ground = palette.window().color()
            ground.setAlphaF(0.75)
            if not left:
                painter.fillRect(box, ground)  # lines begin below it
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)

    # --- the pointer -----------------------------------------------------------------------

    def run_at(self, place: QPointF) -> int:
        """The run whose line is nearest to a place, -1 where none is near."""
        distances = [self._distance(run, place) for run in range(len(self._names))]
        near = int(np.argmin(distances)) if distances else -1
        return near if near >= 0 and distances[near] <= NEAR_PX else -1

    def _distance(self, run: int, place: QPointF) -> float:
        points = self.points(run)
        found = [np.inf]
        for a, b in zip(points, points[1:] or points, strict=False):
            if a is not None and b is not None:
                found.append(_to_segment(place, a, b))
        return min(found)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        run = self.run_at(event.position())
        if run != self._marked:
            self.mark(run)
            self.pointed.emit(run)
            told = self._names[run] if run >= 0 else ""
            QToolTip.showText(event.globalPosition().toPoint(), told, self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        run = self.run_at(event.position())
        if run >= 0:
            self.chosen.emit(run)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.mark(-1)
        self.pointed.emit(-1)


def _to_segment(p: QPointF, a: QPointF, b: QPointF) -> float:
    """Distance of a point to a segment, px."""
    way, to = b - a, p - a
    length = QPointF.dotProduct(way, way)
    t = min(max(QPointF.dotProduct(to, way) / length, 0.0), 1.0) if length else 0.0
    rest = to - way * t
    return float(np.hypot(rest.x(), rest.y()))
