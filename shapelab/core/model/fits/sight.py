"""What was seen of an object from one place: cells that its surface crosses, and free ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from shapelab.core.model.fits.cell_fit import KnownCells

#: Nats of a nat of cross-entropy of all that was seen, and of all that is free.
SEEN, FREE = 100.0, 100.0


@dataclass(frozen=True)
class Sight:
    """What a scan says of the cells of a grid, each (R, R, R)."""

    seen: NDArray[np.bool_]
    free: NDArray[np.bool_]  # crossed by a line of sight before it met anything

    @property
    def known(self) -> NDArray[np.bool_]:
        """What is either."""
        return self.seen | self.free

    def cells(self) -> KnownCells:
        """The same for a fit by slopes."""
        from shapelab.core.model.fits.cell_fit import KnownCells, cells_of  # imports torch

        seen, free = (cells_of(each.astype(np.float32)) > 0 for each in (self.seen, self.free))
        free &= ~seen
        weights = SEEN / max(seen.sum(), 1) * seen + FREE / max(free.sum(), 1) * free
        return KnownCells(seen.astype(np.float32), weights.astype(np.float32))
