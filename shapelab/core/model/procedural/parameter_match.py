"""Finds the parameters of furniture that is most like a solid grid, or that has known cells.

The former a mesh or a scan gives, the latter a brush.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import parameters
from shapelab.core.model.fits.cell_fit import PRIOR_WEIGHT, KnownCells, Silhouettes, unlike
from shapelab.core.model.latent import Array
from shapelab.core.model.procedural.parameter_evolution import Line, best_found, known_pieces
from shapelab.core.model.procedural.procedural_generator import ProceduralGenerator, filled_share

SIDE = 32  # cells along a side in which shapes are compared
BEGUN = 3  # classes that a search begins with
REFINING = 25  # generations of a piece that is there already


@cache
def _generator() -> ProceduralGenerator:
    return ProceduralGenerator(SIDE)


def _grid(latent: Array) -> Tensor:
    return filled_share(_generator()(torch.from_numpy(latent)[None]))[0, 0].float()


@cache
def _table() -> Tensor:
    """The grids [n, C, C, C] of 0 to 255 of the known pieces."""
    return torch.stack([(255 * _grid(latent)).to(torch.uint8) for latent in known_pieces()])


def nearest(grids: Array) -> Array:
    """Of each grid (n, R, R, R) in [0, 1] the latent (n, latent) of the most similar known piece.

    R is ``SIDE`` or a multiple of it.
    """
    table = _table().float() / 255
    rows = [int(_likeness(table, grid).argmax()) for grid in _compared(grids)]
    return known_pieces()[rows]


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
    told = _likeness(_table().float() / 255, wanted)
    found = best_found(
        told.numpy()[None],
        lambda _pose, latent: float(_likeness(_grid(latent)[None], wanted)[0]),
        lambda _latents: check(),
        begun=BEGUN if class_name is None else 1,
        class_name=class_name,
    )
    return found.latent, found.score


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

    def score(child: Array) -> float:
        far = float(np.square(child[:count] - latent[:count]).mean())
        return -float(unlike(_grid(child)[None], cells, seen)[0]) - PRIOR_WEIGHT * far

    line = Line(kind, score, [(score(latent), latent)])
    for _ in range(REFINING):
        line.evolve(1, lambda: None)
        moved(line.best)
    return line.best


def _compared(grids: Array) -> Tensor:
    finer = grids.shape[-1] // SIDE
    given = torch.from_numpy(np.asarray(grids, np.float32))[:, None]
    return (functional.avg_pool3d(given, finer) if finer > 1 else given)[:, 0]


def _likeness(grids: Tensor, wanted: Tensor) -> Tensor:
    """IoU [n] of filled shares [n, C, C, C] with another's [C, C, C]."""
    both = torch.minimum(grids, wanted).sum((1, 2, 3))
    return both / torch.maximum(grids, wanted).sum((1, 2, 3)).clamp_min(1e-6)
