"""Distances as colours, the same on both sides of none, and the legend that tells them in mm."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

# Moreland's cool to warm: equally bright on both sides, and told apart by every kind of eye.
INSIDE, SAME, OUTSIDE = (59, 76, 192), (221, 221, 221), (180, 4, 38)
_STOPS = (-1.0, -0.5, 0.0, 0.5, 1.0)
_COLOURS = np.array([INSIDE, (141, 176, 254), SAME, (244, 152, 122), OUTSIDE], np.float64)
_STEPS = (1.0, 2.0, 5.0)  # ends of a legend, and ten times as much, and a tenth
LEAST_MM = 0.1
COMMON = 0.95  # share of all distances that the colours tell apart; those beyond have the end's
BAR, TICK, WIDE = 10, 4, 260  # px: height of the bar, of its ticks, width that suits


def painted(distances: NDArray[np.floating], end: float) -> NDArray[np.uint8]:
    """RGB (n, 3) of distances (n,) between -end and end."""
    share = np.clip(np.asarray(distances, np.float64) / end, -1, 1)
    channels = [np.interp(share, _STOPS, _COLOURS[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, 1)).astype(np.uint8)


def fitting_end(distances: Iterable[NDArray[np.floating]]) -> float:
    """A round end (mm) within which all but the largest of the distances (mm) lie."""
    everything = [np.abs(each) for each in distances if len(each)]
    most = float(np.quantile(np.concatenate(everything), COMMON)) if everything else 0.0
    if most <= LEAST_MM:
        return LEAST_MM
    ten: float = 10.0 ** math.floor(math.log10(most))
    return next(step * ten for step in (*_STEPS, 10.0) if step * ten >= most * (1 - 1e-9))


class Legend(QWidget):
    """A bar of the colours with its ends in mm."""

    def __init__(self) -> None:
        super().__init__()
        self._end = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Colours of the distances")

    @property
    def ticks(self) -> tuple[str, ...]:
        """What stands below the bar."""
        if not self._end:
            return ()
        half = self._end / 2
        numbers = (-self._end, -half, 0.0, half, self._end)
        words = [f"{number:+.3g}" if number else "0" for number in numbers]
        return (*(word.replace("-", "−") for word in words[:-1]), f"{words[-1]} mm")

    def show_end(self, end: float) -> None:
        """The distance (mm) of the last colour on either side; 0 for no distances."""
        self._end = end
        self.setToolTip(
            f"Red stands outside of the other shape, blue lies inside it; beyond {end:g} mm the "
            "colour stays the same."
            if end
            else ""
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDE, BAR + TICK + 2 * self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(WIDE * 2 // 3, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._end:
            return
        painter = QPainter(self)
        metrics = self.fontMetrics()
        high = metrics.height()
        margin = metrics.horizontalAdvance(self.ticks[-1]) / 2
        bar = QRectF(margin, high, self.width() - 2 * margin, BAR)
        ink, quiet = self.palette().windowText().color(), self.palette().placeholderText().color()
        painter.setPen(quiet)
        sides = ((Qt.AlignmentFlag.AlignLeft, "inside"), (Qt.AlignmentFlag.AlignRight, "outside"))
        for side, word in sides:
            painter.drawText(QRectF(bar.left(), 0, bar.width(), high), side, word)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for stop, colour in zip(_STOPS, _COLOURS, strict=True):
            gradient.setColorAt((stop + 1) / 2, QColor(*(int(channel) for channel in colour)))
        painter.fillRect(bar, gradient)
        for share, word in zip(_STOPS, self.ticks, strict=True):
            x = bar.left() + (share + 1) / 2 * bar.width()
            painter.setPen(QPen(quiet, 1))
            painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + TICK))
            painter.setPen(ink)
            box = QRectF(x - margin, bar.bottom() + TICK, 2 * margin, high)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
