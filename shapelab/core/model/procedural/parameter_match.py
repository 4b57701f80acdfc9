"""Finds the parameters of furniture that is most like a solid grid, such as a mesh or a scan gives.

A table of drawn pieces of every class says where to begin, and a search goes on from there; see
``parameter_draws``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.model.latent import Array
from shapelab.core.model.procedural.parameter_draws import ParameterDraws
from shapelab.core.model.procedural.procedural_generator import ProceduralGenerator, filled_share

SIDE = 32  # cells along a side in which shapes are compared
KNOWN = 24  # pieces of each class in the table
BEGUN = 3  # classes that a search begins with
PARENTS, CHILDREN = 8, 12  # members that are kept, and those of a generation
SIFTING, GENERATIONS = 6, 40  # of each class, and then of the best one


@cache
def _generator() -> ProceduralGenerator:
    return ProceduralGenerator(SIDE)


def _grid(latent: Array) -> Tensor:
    return filled_share(_generator()(torch.from_numpy(latent)[None]))[0, 0].float()


@cache
def _table() -> tuple[Array, Tensor]:
    """Latents (n, latent) of pieces of all classes, and their grids [n, C, C, C] of 0 to 255."""
    draws = ParameterDraws()
    latents = [draws.drawn(kind) for kind in range(len(FAMILIES)) for _ in range(KNOWN)]
    grids = torch.stack([(255 * _grid(latent)).to(torch.uint8) for latent in latents])
    return np.stack(latents), grids


def nearest(grids: Array) -> Array:
    """Of each grid (n, R, R, R) in [0, 1] the latent (n, latent) of the most similar known piece.

    R is ``SIDE`` or a multiple of it.
    """
    latents, table = _table()
    rows = [int(_likeness(table.float() / 255, grid).argmax()) for grid in _compared(grids)]
    return latents[rows]


def matched(
    grid: Array, check: Callable[[], None] = lambda: None, class_name: str | None = None
) -> tuple[Array, float]:
    """The piece most like a grid (R, R, R), after a search of seconds: latent (latent,) and IoU.

    Args:
        grid: in [0, 1], its front towards -y.
        check: called between its steps; what it raises ends the search.
        class_name: of the piece, if it is known.
    """
    wanted = _compared(grid[None])[0]
    latents, table = _table()
    check()
    scores = _likeness(table.float() / 255, wanted)
    if class_name is None:
        best = scores.view(len(FAMILIES), KNOWN).amax(1).argsort(descending=True)[:BEGUN].tolist()
    else:
        best = [list(FAMILIES).index(class_name)]
    draws, rng = ParameterDraws(), np.random.default_rng(0)
    lines = []
    for kind in best:
        own = slice(kind * KNOWN, (kind + 1) * KNOWN)
        members = list(zip(scores[own].tolist(), latents[own], strict=True))
        lines.append((kind, sorted(members, key=lambda member: -member[0])[:PARENTS]))

    def evolved(kind: int, members: list[tuple[float, Array]], count: int) -> None:
        for _ in range(count):
            check()
            for _ in range(CHILDREN):
                first, second = (members[k][1] for k in rng.integers(len(members), size=2))
                child = draws.child(kind, first, second)
                members.append((float(_likeness(_grid(child)[None], wanted)[0]), child))
            members.sort(key=lambda member: -member[0])
            del members[PARENTS:]

    for kind, members in lines:
        evolved(kind, members, SIFTING)
    kind, members = max(lines, key=lambda line: line[1][0][0])
    evolved(kind, members, GENERATIONS)
    likeness, latent = members[0]
    return latent, likeness


def _compared(grids: Array) -> Tensor:
    finer = grids.shape[-1] // SIDE
    given = torch.from_numpy(np.asarray(grids, np.float32))[:, None]
    return (functional.avg_pool3d(given, finer) if finer > 1 else given)[:, 0]


def _likeness(grids: Tensor, wanted: Tensor) -> Tensor:
    """IoU [n] of filled shares [n, C, C, C] with another's [C, C, C]."""
    both = torch.minimum(grids, wanted).sum((1, 2, 3))
    return both / torch.maximum(grids, wanted).sum((1, 2, 3)).clamp_min(1e-6)
