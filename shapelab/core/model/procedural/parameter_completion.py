"""Finds the parameters of furniture of which one side was seen.

What was seen shall lie on the surface, and what is free outside: told by the exact distances of
points from a piece, for thin legs fill few cells of a grid, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from shapelab.core.model.fits.sight import Sight
from shapelab.core.model.latent import Array
from shapelab.core.model.procedural.parameter_evolution import best_found, known_pieces
from shapelab.core.model.procedural.procedural_generator import ProceduralGenerator

BEGUN = 5  # classes that a search begins with
SEEN, FREE = 1200, 2500  # points of each that are asked
# All in sides of the grid. A point is missed by a share of FAR, which shows the way from afar, and
# by how it compares with NEAR, which settles what fits.
FAR, NEAR, AFAR = 0.09, 0.008, 0.2
DEEP = 0.03  # below a surface, from where on a free point is as wrong as can be
THICK = 4  # free cells in the wrong are as bad as one that was seen and is missed

_GENERATOR = ProceduralGenerator(32)  # tells distances up to ``FAR``


def completed(
    poses: Sequence[Sight], moved: Callable[[Array], None] = lambda _latents: None
) -> tuple[Array, int]:
    """The piece that was seen: its latent (latent,) and the place of its pose.

    Args:
        poses: what was seen, in each pose that the object may have.
        moved: called with the best latents (1, latent) so far; what it raises ends the search.
    """
    asked, known = [_Asked(sight) for sight in poses], known_pieces()
    points = np.concatenate([each.points for each in asked])
    ends = np.cumsum([len(each.points) for each in asked])[:-1]
    told = np.full((len(poses), len(known)), -np.inf)
    for k, latent in enumerate(known):
        apart = np.split(_GENERATOR.distance(latent)(points), ends)
        told[:, k] = [each.score(far) for each, far in zip(asked, apart, strict=True)]
        moved(known[None, int(told.max(0).argmax())])

    def score(pose: int, latent: Array) -> float:
        return asked[pose].score(_GENERATOR.distance(latent)(asked[pose].points))

    found = best_found(told, score, moved, begun=BEGUN)
    return found.latent, found.pose


class _Asked:
    """Points of what was seen and of what is free, and how well a piece agrees with them."""

    def __init__(self, sight: Sight) -> None:
        side, seen = len(sight.seen), int(sight.seen.sum())
        ends = _some(sight.seen, SEEN), _some(sight.free, FREE)
        self.points, self._seen = np.concatenate(ends), len(ends[0])
        self._rounding = 1 / side
        for_each = int(sight.free.sum()) / max(len(ends[1]), 1)  # cells that a free point speaks of
        self._free_weight = for_each / THICK / max(seen, 1)

    def score(self, far: Array) -> float:
        """Of a piece that is so far (n,) from the points: 0 at best."""
        miss = np.abs(far[: self._seen])
        fine = miss**2 / (miss**2 + NEAR**2)  # Geman and McClure, 1987
        missed = (AFAR * np.minimum(miss / FAR, 1) + (1 - AFAR) * fine).sum() / max(self._seen, 1)
        deep = np.clip(-far[self._seen :] - self._rounding, 0, DEEP) / DEEP
        return -float(missed + self._free_weight * deep.sum())


def _some(cells: NDArray[np.bool_], most: int) -> NDArray[np.float32]:
    """The middles (n, 3) of at most so many of the cells, in sides of the grid around its own."""
    places = np.argwhere(cells)
    places = np.random.default_rng(0).permutation(places)[:most]
    return ((places + 0.5) / len(cells) - 0.5).astype(np.float32)
