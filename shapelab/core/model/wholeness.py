"""Which shapes are whole, and which of several shows itself best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SOLID = 0.5  # occupancy at which a cell is solid
CANDIDATES = 12  # seeds of which a random shape is the best
TOGETHER = 4  # of them are looked at together; more only while none is whole
SURE = 0.1  # occupancies this near to 0 or 1 leave no doubt


def one_part(grids: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which grids (n, R, R, R) are one piece through faces; loose bits cannot be printed, (n,)."""
    from scipy import ndimage

    return np.array([ndimage.label(grid)[1] == 1 for grid in grids], bool)


def best(occupancies: NDArray[np.float32]) -> int:
    """Which of several occupancies (n, R, R, R) shows itself best.

    One in a single piece if there is such a one, then the one with the fewest cells, beside its
    solid ones, of which it is not sure that they are solid or empty.
    """
    solid = occupancies > SOLID
    unsure = (occupancies > SURE) & (occupancies < 1 - SURE)
    doubt = unsure.sum((1, 2, 3)) / solid.sum((1, 2, 3)).clip(1)
    return int(np.lexsort((doubt, ~one_part(solid)))[0])
