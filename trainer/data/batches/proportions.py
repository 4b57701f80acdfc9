"""Real shapes of other proportions: each axis is longer or shorter, and not evenly along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs.voxel_files import OBJECT_SHARE, bounds, centred, overlaps

SIDES = 0.3  # largest change of a side's logarithm: by a factor of 0.74 to 1.35
# An axis' places u in [0, 1] move by BULGE sin(2 pi u) / 2 pi + LEAN sin(pi u) / pi at most: a cell
# becomes 0.45 to 1.55 of one, and a seat half way up goes two up or down.
BULGE, LEAN = 0.25, 0.3
# Of an old or of a new cell, whichever is smaller, so much must be full: as many shapes stay in one
# piece, with as many cells, as there were.
FULL = 0.4
SETTINGS = (SIDES, BULGE, LEAN, FULL)


def stretch(grid: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """The shape with other proportions, left and right alike.

    Each axis is cut into new cells at places moved by smooth waves; a new cell holds the matter of
    the old cells that it covers, by their overlap, one axis after the other (the map is separable).
    It is solid if so much of it, or of an old cell where that is smaller, is full.

    Args:
        grid: (R, R, R), not empty; x right, y back, z up.
        rng: source of the draws.

    Returns:
        (R, R, R), centred, with the longest side that all shapes have.
    """
    box = bounds(grid)
    assert box is not None
    old = np.array(grid[box].shape)
    sides = old * np.exp(rng.uniform(-SIDES, SIDES, 3))
    sides *= round(len(grid) * OBJECT_SHARE) / sides.max()
    matter, volume = grid[box].astype(np.float32), np.ones((1, 1, 1), np.float32)
    for axis, cells in enumerate(np.maximum(1, np.rint(sides)).astype(int)):
        edges = old[axis] * _moved(np.linspace(0, 1, cells + 1), axis > 0, rng)
        shares = overlaps(edges, old[axis])
        matter = np.moveaxis(np.tensordot(shares, matter, (1, axis)), 0, axis)
        volume = volume * np.diff(edges).reshape(np.roll([-1, 1, 1], axis))
    return centred(matter >= FULL * np.minimum(volume, 1.0), len(grid))


def _moved(
    places: NDArray[np.floating], leans: bool, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Places in [0, 1] along an axis, moved in order; the ends stay, without a lean the middle."""
    bulge, lean = rng.uniform(-BULGE, BULGE), rng.uniform(-LEAN, LEAN)
    moved = places + bulge * np.sin(2 * np.pi * places) / (2 * np.pi)
    return moved + leans * lean * np.sin(np.pi * places) / np.pi
