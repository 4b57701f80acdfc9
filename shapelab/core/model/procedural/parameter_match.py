"""Finds the parameters of furniture that is most like a solid grid, or that has known cells.

The former a mesh or a scan gives, the latter a brush or what was seen from one side.

A table of drawn pieces of every class says where to begin, and a search goes on from there; see
``parameter_draws``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import parameters
from shapelab.core.model.fits.cell_fit import PRIOR_WEIGHT, KnownCells, Silhouettes, unlike
from shapelab.core.model.latent import Array
from shapelab.core.model.procedural.parameter_draws import ParameterDraws
from shapelab.core.model.procedural.procedural_generator import ProceduralGenerator, filled_share

SIDE = 32  # cells along a side in which shapes are compared
KNOWN = 24  # pieces of each class in the table
BEGUN = 3  # classes that a search begins with
PARENTS, CHILDREN = 8, 12  # members that are kept, and those of a generation
SIFTING, GENERATIONS = 6, 40  # of each class, and then of the best one
REFINING = 25  # generations of a piece that is there already

Score = Callable[[Tensor], Tensor]  # of grids [n, C, C, C] of filled shares, [n]


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
    latent, likeness, _ = _found(
        [lambda grids: _likeness(grids, wanted)], lambda _latent: check(), class_name
    )
    return latent, likeness


def completed(
    poses: Sequence[KnownCells], moved: Callable[[Array], None] = lambda _latents: None
) -> tuple[Array, int]:
    """The piece that has the known cells best: its latent (latent,) and the place of its pose.

    Args:
        poses: what is known, in each pose that the object may have.
        moved: called with the best latents (1, latent) so far; what it raises ends the search.
    """

    def score_of(cells: KnownCells) -> Score:
        return lambda grids: -unlike(grids, cells)

    latent, _, pose = _found([score_of(cells) for cells in poses], moved)
    return latent, pose


def refined(
    latent: Array,
    class_name: str,
    cells: KnownCells,
    seen: Silhouettes | None = None,
    moved: Callable[[Array], None] = lambda _latent: None,
) -> Array:
    """The latent (latent,) of a piece near another one of its class that has the known cells.

    As ``cell_fit.fit_cells`` does it by slopes, which parameters do not have.

    Args:
        latent: (latent,) of the other one.
        class_name: its class.
        cells: what is known.
        seen: pictures whose silhouettes it shall fill.
        moved: called with the best latent so far; what it raises ends the search.
    """
    kind = list(FAMILIES).index(class_name)
    count = len(parameters(FAMILIES[class_name]))

    def score(child: Array, grids: Tensor) -> Tensor:
        far = float(np.square(child[:count] - latent[:count]).mean())
        return -unlike(grids, cells, seen) - PRIOR_WEIGHT * far

    line = _Line(kind, score, [(float(score(latent, _grid(latent)[None])[0]), latent)])
    for _ in range(REFINING):
        line.evolve(1, lambda: None)
        moved(line.best)
    return line.best


def _found(
    scores: Sequence[Score],
    moved: Callable[[Array], None],
    class_name: str | None = None,
) -> tuple[Array, float, int]:
    """The piece with the highest score of all: latent (latent,), score, and which score it is."""
    latents, table = _table()
    told = torch.stack([score(table.float() / 255) for score in scores])
    moved(latents[None, int(told.amax(0).argmax())])
    most = told.view(len(scores), len(FAMILIES), KNOWN).amax(2)
    if class_name is not None:
        others = [name != class_name for name in FAMILIES]
        most[:, torch.tensor(others)] = -torch.inf
    begun = BEGUN if class_name is None else 1
    lines = []
    for place in most.flatten().argsort(descending=True)[: begun * min(2, len(scores))].tolist():
        which, kind = divmod(place, len(FAMILIES))
        own = slice(kind * KNOWN, (kind + 1) * KNOWN)
        members = list(zip(told[which, own].tolist(), latents[own], strict=True))
        lines.append((_Line(kind, _of_grids(scores[which]), members), which))

    def check() -> None:
        line, _ = max(lines, key=lambda each: each[0].score)
        moved(line.best[None])

    for line, _ in lines:
        line.evolve(SIFTING, check)
    line, which = max(lines, key=lambda each: each[0].score)
    line.evolve(GENERATIONS, check)
    return line.best, line.score, which


def _of_grids(score: Score) -> Callable[[Array, Tensor], Tensor]:
    return lambda _latent, grids: score(grids)


class _Line:
    """Pieces of a class, the best first, from which better ones come."""

    def __init__(
        self,
        kind: int,
        score: Callable[[Array, Tensor], Tensor],
        members: list[tuple[float, Array]],
    ) -> None:
        self._kind, self._score = kind, score
        self._draws, self._rng = ParameterDraws(), np.random.default_rng(0)
        self._members = sorted(members, key=lambda member: -member[0])[:PARENTS]

    @property
    def score(self) -> float:
        return self._members[0][0]

    @property
    def best(self) -> Array:
        return self._members[0][1]

    def evolve(self, generations: int, check: Callable[[], None]) -> None:
        for _ in range(generations):
            check()
            for _ in range(CHILDREN):
                pair = self._rng.integers(len(self._members), size=2)
                first, second = (self._members[k][1] for k in pair)
                child = self._draws.child(self._kind, first, second)
                found = float(self._score(child, _grid(child)[None])[0])
                self._members.append((found, child))
            self._members.sort(key=lambda member: -member[0])
            del self._members[PARENTS:]


def _compared(grids: Array) -> Tensor:
    finer = grids.shape[-1] // SIDE
    given = torch.from_numpy(np.asarray(grids, np.float32))[:, None]
    return (functional.avg_pool3d(given, finer) if finer > 1 else given)[:, 0]


def _likeness(grids: Tensor, wanted: Tensor) -> Tensor:
    """IoU [n] of filled shares [n, C, C, C] with another's [C, C, C]."""
    both = torch.minimum(grids, wanted).sum((1, 2, 3))
    return both / torch.maximum(grids, wanted).sum((1, 2, 3)).clamp_min(1e-6)
