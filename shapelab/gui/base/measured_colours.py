"""Lengths on a surface as colours, and the legend that tells them in mm."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

Colour = tuple[int, int, int]

_STEPS = (1.0, 2.0, 5.0)  # ends of a legend, and ten times as much, and a tenth
LEAST_MM = 0.1
COMMON = 0.95  # share of all lengths that the colours tell apart; those beyond have the end's
BAR, TICK, WIDE = 10, 4, 260  # px: height of the bar, of its ticks, width that suits


@dataclass(frozen=True)
class ColourScale:
    """Which colour a length has.

    Attributes:
        name: for those who hear the window.
        stops: lengths, in shares of the last one, whose colours are given.
        colours: of the stops; others lie between.
        ends: what the first and the last colour mean, in a word.
        meaning: a sentence, in which ``{end}`` is the length of the last colour.
    """

    name: str
    stops: tuple[float, ...]
    colours: tuple[Colour, ...]
    ends: tuple[str, str]
    meaning: str

    def painted(self, lengths: NDArray[np.floating], end: float) -> NDArray[np.uint8]:
        """RGB (n, 3) of lengths (n,); ``end`` and more have the last colour."""
        share = np.clip(np.asarray(lengths, np.float64) / end, self.stops[0], self.stops[-1])
        table = np.array(self.colours, np.float64)
        channels = [np.interp(share, self.stops, table[:, channel]) for channel in range(3)]
        return np.rint(np.stack(channels, 1)).astype(np.uint8)


INSIDE, SAME, OUTSIDE = (59, 76, 192), (221, 221, 221), (180, 4, 38)
#: Moreland's cool to warm: equally bright on both sides, and told apart by every kind of eye.
DISTANCES = ColourScale(
    "Colours of the distances",
    (-1.0, -0.5, 0.0, 0.5, 1.0),
    (INSIDE, (141, 176, 254), SAME, (244, 152, 122), OUTSIDE),
    ("inside", "outside"),
    "Red stands outside of the other shape, blue lies inside it; beyond {end:g} mm the colour "
    "stays the same.",
)
#: Darker the less sure, and purple, which no distance is.
DOUBT = ColourScale(
    "Colours of certainty",
    (0.0, 0.5, 1.0),
    (SAME, (176, 146, 214), (104, 40, 166)),
    ("sure", "unsure"),
    "How far off the surface may well be there, by what the model knows from the picture; beyond "
    "{end:g} mm the colour stays the same.",
)


def fitting_end(lengths: Iterable[NDArray[np.floating]]) -> float:
    """A round end (mm) within which all but the largest of the lengths (mm) lie."""
    everything = [np.abs(each) for each in lengths if len(each)]
    most = float(np.quantile(np.concatenate(everything), COMMON)) if everything else 0.0
    if most <= LEAST_MM:
        return LEAST_MM
    ten: float = 10.0 ** math.floor(math.log10(most))
    return next(step * ten for step in (*_STEPS, 10.0) if step * ten >= most * (1 - 1e-9))


class Legend(QWidget):
    """A bar of the colours with its ends in mm."""

    def __init__(self, scale: ColourScale) -> None:
        super().__init__()
        self._scale, self._end = scale, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(scale.name)

    @property
    def ticks(self) -> tuple[str, ...]:
        """What stands below the bar."""
        if not self._end:
            return ()
        signed = self._scale.stops[0] < 0
        numbers = [share * self._end for share in self._scale.stops]
        words = [f"{number:{'+' if signed else ''}.3g}" if number else "0" for number in numbers]
        return (*(word.replace("-", "−") for word in words[:-1]), f"{words[-1]} mm")

    def show_end(self, end: float) -> None:
        """The length (mm) of the last colour; 0 where nothing is measured."""
        self._end = end
        self.setToolTip(self._scale.meaning.format(end=end) if end else "")
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
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
        for side, word in zip(sides, self._scale.ends, strict=True):
            painter.drawText(QRectF(bar.left(), 0, bar.width(), high), side, word)
        first, last = self._scale.stops[0], self._scale.stops[-1]
        places = [(stop - first) / (last - first) for stop in self._scale.stops]
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for place, colour in zip(places, self._scale.colours, strict=True):
            gradient.setColorAt(place, QColor(*colour))
        painter.fillRect(bar, gradient)
        widest = max(map(metrics.horizontalAdvance, self.ticks))
        every = 1 if widest < bar.width() / (len(places) - 1) else 2  # or words run into another
        for place, word in list(zip(places, self.ticks, strict=True))[::every]:
            x = bar.left() + place * bar.width()
            painter.setPen(QPen(quiet, 1))
            painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + TICK))
            painter.setPen(ink)
            box = QRectF(x - margin, bar.bottom() + TICK, 2 * margin, high)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
