"""Axes of the panels: whole steps or training time below, linear or log values at the left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pyqtgraph as pg
from PySide6.QtGui import QPainter

from shapelab.core import formatting

# Seconds between two labels that people find round.
_ROUND = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 432_000)
# Of each power of ten, those labelled on a log scale; the first that leaves room is taken.
_FACTORS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
_LABEL_PX, _LINE_PX = 70, 18  # room that a label needs beside and above another


class _Axis(pg.AxisItem):  # type: ignore[misc]
    """An axis that keeps what it draws: as lines and texts, and those as pixels.

    To play a QPicture of them is slow, and the grid's lines, which are translucent, take longer
    than the curves.
    """

    def __init__(self, orientation: str) -> None:
        self._picture: tuple[Any, Any, Any] | None = None
        super().__init__(orientation)
        self.setCacheMode(self.CacheMode.DeviceCoordinateCache)

    @property
    def picture(self) -> tuple[Any, Any, Any] | None:
        """What is drawn; pyqtgraph forgets it when the axis changes, and the pixels go with it."""
        return self._picture

    @picture.setter
    def picture(self, specs: tuple[Any, Any, Any] | None) -> None:
        self._picture = specs
        if specs is None:
            self.update()

    def setExportMode(self, on: bool, options: dict[str, Any] | None = None) -> None:
        """In a file lines stay lines, and pixels may be smaller than the screen's."""
        super().setExportMode(on, options)
        mode = self.CacheMode
        self.setCacheMode(mode.NoCache if on else mode.DeviceCoordinateCache)

    def paint(self, painter: QPainter, _option: object, _widget: object = None) -> None:
        if self.picture is None:
            painter.setFont(self.style["tickFont"] or painter.font())
            self.picture = self.generateDrawSpecs(painter)
        if self.picture is not None:
            self.drawPicture(painter, *self.picture)


class StepAxis(_Axis):
    """Labels steps with thin spaces, or seconds as m:ss below a minute's spacing, else as h:mm."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self.by_time = False
        self.enableAutoSIPrefix(False)
        self.setStyle(hideOverlappingLabels=False)  # 0 stands at the very edge

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        labels = max(size / _LABEL_PX, 1)
        if self.by_time:
            wanted = (high - low) / labels
            major = next((each for each in _ROUND if each >= wanted), _ROUND[-1])
            return [(major, 0)]
        # One level only: pyqtgraph's finer levels are as bold to the eye as the labelled one.
        spacing = super().tickSpacing(low, high, min(size, 100 * labels))
        return [(max(spacing[0][0], 1.0), 0)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if not self.by_time:
            return [formatting.count(value) if value >= 0 else "" for value in values]
        size = 60 if spacing < 60 else 3600
        return [
            f"{int(v // size)}:{int(v % size // (size // 60)):02d}" if v >= 0 else ""
            for v in values
        ]


class ValueAxis(_Axis):
    """Labels values, on a log scale at round ones of each power of ten."""

    def __init__(self) -> None:
        super().__init__("left")
        self.enableAutoSIPrefix(False)

    def tickValues(self, low: float, high: float, size: float) -> list[Any]:
        if not self.logMode:
            return list(super().tickValues(low, high, size))
        powers = range(math.floor(low), math.ceil(high) + 1)
        apart = _LINE_PX * (high - low) / max(size, 1)
        for factors in _FACTORS:
            ticks = [power + math.log10(factor) for power in powers for factor in factors]
            ticks = [tick for tick in ticks if low <= tick <= high]
            if len(ticks) < 2:  # far less than a power of ten: nearly linear
                levels = super().tickValues(10**low, 10**high, size)
                return [(1.0, [math.log10(value) for value in levels[0][1] if value > 0])]
            if min(b - a for a, b in pairwise(ticks)) >= apart:
                return [(1.0, ticks)]
        every = math.ceil(apart)
        return [(1.0, ticks[::every])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if not self.logMode:
            return [
                s.replace("-", "\N{MINUS SIGN}")
                for s in super().tickStrings(values, scale, spacing)
            ]
        return [f"{10**value:.3g}" for value in values]
