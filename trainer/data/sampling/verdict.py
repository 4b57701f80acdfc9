"""Whether a sampled shape is fit to learn from, the figures that say so, and kinds of reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sampled_shape import Sampled

# All limits hold for grids of 32^3. Of the 3,984 grids of ModelNet10's training data that are not
# empty, 9 hold less than the first and are scraps of a conversion that failed; the most pieces
# are 11 (swivel chairs, which are sound), and the least share of the hull is 0.028.
_SIDE = 32
_LEAST_CELLS = 60
_MOST_PARTS = 16
_LEAST_HULL_SHARE = 0.02

DUPLICATE = "same shape as "  # how the reason begins for which a duplicate is left out


@dataclass(frozen=True)
class Verdict:
    """How a shape fills a grid of 32^3 cells; accepted if ``reason`` is empty."""

    filled: float  # share of the cells that are solid
    parts: int  # pieces of solid cells that do not even touch at corners
    hull_share: float  # solid volume as a share of the convex hull's
    reason: str  # one sentence on why the shape is refused, or ""


def judge(sampled: Sampled) -> Verdict:
    """The figures of a shape, and why it is refused if it is.

    Finer grids are judged by the blocks of cells that hold anything, so that a shape gets the same
    verdict at every resolution.
    """
    from scipy import ndimage

    solid = _reduced(sampled.occupancy)
    cells = int(solid.sum())
    if not cells:
        return Verdict(0.0, 0, 0.0, "No cell of the grid is filled.")
    parts = int(ndimage.label(solid, np.ones((3, 3, 3)))[1])
    share = cells / _hull_volume(solid)
    reason = ""
    if cells < _LEAST_CELLS:
        reason = f"Only {cells} of {_SIDE}^3 cells are filled."
    elif parts > _MOST_PARTS:
        reason = f"It falls into {parts} loose pieces."
    elif share < _LEAST_HULL_SHARE:
        reason = f"It fills only {share:.1%} of its convex hull."
    return Verdict(cells / solid.size, parts, share, reason)


def _reduced(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A grid of 32^3: a cell is solid if any of the finer ones in it is."""
    finer = max(1, len(solid) // _SIDE)
    side = len(solid) // finer
    blocks = solid.reshape(side, finer, side, finer, side, finer)
    return np.asarray(blocks.any((1, 3, 5)))


def _hull_volume(solid: NDArray[np.bool_]) -> float:
    """Volume of the convex hull of the solid cells, in cells."""
    from scipy.spatial import ConvexHull

    # The lowest and highest cell of each column hold all corners of the hull.
    x, y = np.nonzero(solid.any(2))
    columns = solid[x, y]
    low = columns.argmax(1)
    high = columns.shape[1] - columns[:, ::-1].argmax(1)
    corners = [
        np.stack([x + dx, y + dy, z], 1) for dx in (0, 1) for dy in (0, 1) for z in (low, high)
    ]
    return float(ConvexHull(np.unique(np.concatenate(corners), axis=0)).volume)


def kind_of(reason: str) -> str:
    """A reason without what differs from file to file: names in quotes, and numbers but 32^3."""
    if reason.startswith(DUPLICATE):
        return "The same shape as another one."
    kind = re.sub(r"'[^']*'|(?<![\w^.])\d[\d.,]*(?<![.,])(?![\w^])", "…", reason)
    return kind[:1].upper() + kind[1:]
