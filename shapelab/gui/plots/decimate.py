"""Thins a long curve to what its pixels can show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class ThinLine:
    """A curve thinned to pixel columns; when it grows, only its last column is thinned again."""

    def __init__(self) -> None:
        self._range: tuple[float, float, int] | None = None
        self._edges: Array = np.zeros(0)
        self._thin: Array = np.zeros((2, 0))
        self._length = 0  # of the curve that was thinned
        self._last = 0  # where its last column begins

    def of(self, x: Array, y: Array, low: float, high: float, columns: int) -> tuple[Array, Array]:
        """First, lowest, highest and last value of each column: the same line when drawn.

        After M4 (Jugel et al., VLDB 2014), but for the place of the extremes inside their column.
        What lies left or right of the columns is one more column at either side.

        Args:
            x: [n], rising; begins with that of the call before, as does y.
            y: [n], all finite.
            low: x of the first column's left edge.
            high: x of the last column's right edge.
            columns: how many there are.

        Returns:
            x [m] and y [m] with m <= 4 (columns + 2), or the curve itself if it is no longer.
        """
        if len(x) <= 4 * (columns + 2):
            return x, y
        if self._range != (low, high, columns):
            self._range = (low, high, columns)
            self._edges = np.linspace(low, high, columns + 1)
            self._thin, self._length, self._last = np.zeros((2, 0)), 0, 0
        if self._length < len(x):
            start, end = _thin(x[self._last :], y[self._last :], self._edges)
            self._thin = np.concatenate([self._thin[:, :-4], end], 1)
            self._length, self._last = len(x), self._last + start
        return self._thin[0], self._thin[1]


def _thin(x: Array, y: Array, edges: Array) -> tuple[int, Array]:
    """Where the last column begins, and x and y [2, m] of all."""
    begins = np.concatenate([[0], np.searchsorted(x, edges), [len(x)]])
    starts = begins[:-1][np.diff(begins) > 0]
    ends = np.append(starts[1:], len(x)) - 1
    thin = np.zeros((2, len(starts), 4))
    thin[0, :, :2], thin[0, :, 2:] = x[starts, None], x[ends, None]
    thin[1, :, 0], thin[1, :, 3] = y[starts], y[ends]
    thin[1, :, 1], thin[1, :, 2] = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    return int(starts[-1]), thin.reshape(2, -1)
