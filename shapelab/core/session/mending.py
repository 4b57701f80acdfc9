"""Mends a broken shape: the nearest whole one that the model's networks find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.mesh.occupancy_grid import whole_level
from shapelab.core.model.latent import Array
from shapelab.core.model.wholeness import SOLID, one_part
from shapelab.core.session.shape_state import ShapeState

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

ROUNDS = 4  # more of them mend hardly any more
NOT_FOUND = (
    "No whole shape was found near this one; move the sliders nearer to zero, lower the "
    "truncation, or try another seed."
)

Grid = NDArray[np.bool_]


def mended(model: ShapeModel, state: ShapeState) -> ShapeState:
    """The whole shape that is most like a broken one; one that is whole is given back as it is.

    The voxel encoder reads what the generator makes, and the generator makes what was read, a few
    times: each round leads nearer to the shapes that both know (the walkback of Bengio et al. 2013,
    "Generalized denoising auto-encoders", without its noise). One walk begins with the cells that
    are solid, another one with those that are so at the level at which the shape hangs together;
    of their first whole shapes the one that shares more cells with the broken one is taken.

    It differs from ``state`` by its offsets alone. So it stays the shape of its seed or picture,
    and resetting the sliders takes it back.

    Raises:
        InputError: no whole one is found.
    """
    latent = state.latent(model)
    occupancy = model.decode(latent)
    broken = occupancy > SOLID
    if _is_whole(broken):
        return state
    found = [
        way
        for held in (_solid, _hanging_together)
        if (way := next(_whole_ones(model, occupancy, held), None)) is not None
    ]
    if not found:
        raise InputError(NOT_FOUND)
    best = max(found, key=lambda way: _overlap(broken, way[1]))[0]
    return replace(state, offsets=state.offsets + (best - latent))


def _whole_ones(
    model: ShapeModel, occupancy: Array, held: Callable[[Array], Grid]
) -> Iterator[tuple[Array, Grid]]:
    """The latents of a walk whose shapes are whole, with their solid cells."""
    for _ in range(ROUNDS):
        latent = model.encode_voxels(held(occupancy))
        occupancy = model.decode(latent)
        if _is_whole(occupancy > SOLID):
            yield latent, occupancy > SOLID


def _solid(occupancy: Array) -> Grid:
    return np.asarray(occupancy > SOLID)


def _hanging_together(occupancy: Array) -> Grid:
    return np.asarray(occupancy >= whole_level(occupancy))


def _is_whole(grid: Grid) -> bool:
    return bool(one_part(grid[None])[0])


def _overlap(a: Grid, b: Grid) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max((a | b).sum(), 1))


@dataclass(frozen=True, eq=False)
class Mending:
    """A broken shape whose mended one is wanted."""

    model: ShapeModel
    state: ShapeState

    def best(self) -> ShapeState:
        """See ``mended``; for any thread."""
        return mended(self.model, self.state)
