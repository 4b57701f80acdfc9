"""Thins a long curve to what its pixels can show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def decimate(x: Array, y: Array, low: float, high: float, columns: int) -> tuple[Array, Array]:
    """First, lowest, highest and last value of each pixel column: the same line when drawn.

    After M4 (Jugel et al., VLDB 2014), but for the place of the extremes inside their column. What
    lies left or right of the columns is one more column at either side.

    Args:
        x: [n], rising.
        y: [n], all finite.
        low: x of the first column's left edge.
        high: x of the last column's right edge.
        columns: how many there are.

    Returns:
        x [m] and y [m] with m <= 4 (columns + 2), or the curve itself if it is no longer than that.
    """
    if len(x) <= 4 * (columns + 2):
        return x, y
    edges = np.searchsorted(x, np.linspace(low, high, columns + 1))
    starts = np.unique(np.concatenate([[0], edges[edges < len(x)]]))
    ends = np.append(starts[1:], len(x)) - 1
    thin_x = np.stack([x[starts], x[starts], x[ends], x[ends]], 1)
    lowest, highest = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    thin_y = np.stack([y[starts], lowest, highest, y[ends]], 1)
    return thin_x.reshape(-1), thin_y.reshape(-1)
