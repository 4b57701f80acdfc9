"""Fits a latent to cells that somebody knows: filled, empty or of no matter.

The cells may come from a brush or from a depth picture. Where there are pictures of the shape too,
it goes on filling their silhouettes. How far a latent may go is a Gaussian's to say, whose factor
also gives the directions in which it goes: what varies much in the class moves first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from shapelab.core.model.camera import Camera
from shapelab.core.model.latent import Array
from shapelab.core.model.silhouette_fit import (
    SIDE,
    SILHOUETTE_WEIGHT,
    WRONG,
    Adam,
    silhouettes,
)

STEPS, LEARNING_RATE = 30, 0.15
# Where the class is not known, all are tried for a few steps, and the likeliest for many.
SIFTING, FINALISTS, LONG = 8, 2, 45
PRIOR_WEIGHT = 10.0  # nats of a latent one deviation off in all dimensions


@dataclass(frozen=True)
class KnownCells:
    """What a grid of ``SIDE`` cells a side shall hold.

    Attributes:
        wanted: (SIDE, SIDE, SIDE) in [0, 1].
        weights: the same shape: nats that count for a nat of cross-entropy; 0 where nobody knows.
    """

    wanted: Array
    weights: Array


@dataclass(frozen=True)
class Prior:
    """A Gaussian of latents.

    Attributes:
        middle: (latent,).
        factor: (latent, latent): lower Cholesky factor of the covariance.
    """

    middle: Array
    factor: Array


@dataclass(frozen=True)
class Silhouettes:
    """Pictures of the shape: masks (v, S, S) in [0, 1], and the camera of each."""

    masks: Array
    cameras: tuple[Camera, ...]


def fit_cells(
    generator: nn.Module,
    priors: Sequence[Prior],
    cells: KnownCells,
    seen: Silhouettes | None = None,
    *,
    steps: int = STEPS,
    moved: Callable[[Array], None] = lambda _latents: None,
) -> tuple[Array, Array]:
    """Moves the middle of each prior so that its shape has the cells that are known.

    Adam lowers, for each by itself, with z = middle + factor w, the energy

        sum over cells of weight * CE(occupancy(z), wanted) + a CE(silhouettes(z), masks)
        + b mean(w^2)

    Args:
        generator: latents to logits, on the CPU; its weights stay.
        priors: one a hypothesis, k of them.
        cells: that are known.
        seen: pictures that the shape shall go on to fit, if there are any.
        steps: how many.
        moved: called with the latents (k, latent) after each step; what it raises ends the fit.

    Returns:
        The latents (k, latent) where their energies were lowest, and these energies (k,).
    """
    middles = torch.from_numpy(np.stack([each.middle for each in priors]))
    factors = torch.from_numpy(np.stack([each.factor for each in priors]))
    ways = torch.zeros_like(middles, requires_grad=True)
    adam = Adam([ways], LEARNING_RATE)
    best, lowest = middles.clone(), torch.full((len(middles),), torch.inf)
    for step in range(steps + 1):
        latents = middles + (factors @ ways[:, :, None])[:, :, 0]
        grids = decoded(generator, latents)
        energy = unlike(grids, cells, seen) + PRIOR_WEIGHT * ways.square().mean(1)
        lower = energy.detach() < lowest
        best = torch.where(lower[:, None], latents.detach(), best)
        lowest = torch.where(lower, energy.detach(), lowest)
        moved(latents.detach().numpy())
        if step < steps:
            adam.step(torch.autograd.grad(energy.sum(), [ways]))
    return best.numpy(), lowest.numpy()


def cells_of(occupancy: Array) -> Array:
    """A grid (R, R, R) in ``SIDE`` cells a side."""
    grid = torch.from_numpy(occupancy)[None, None]
    return functional.adaptive_avg_pool3d(grid, SIDE)[0, 0].numpy()


def decoded(generator: nn.Module, latents: Tensor) -> Tensor:
    """Occupancies [n, SIDE, SIDE, SIDE] of latents [n, latent]."""
    grids = torch.sigmoid(generator(latents))
    return functional.adaptive_avg_pool3d(grids, SIDE)[:, 0]


def unlike(grids: Tensor, cells: KnownCells, seen: Silhouettes | None = None) -> Tensor:
    """How far grids [n, SIDE, SIDE, SIDE] are from the known cells and silhouettes, [n] nats."""
    wanted, weights = torch.from_numpy(cells.wanted), torch.from_numpy(cells.weights)
    told = _wrongly(grids)
    miss = functional.binary_cross_entropy(told, wanted.expand_as(told), reduction="none")
    energy = (weights * miss).sum((1, 2, 3))
    return energy if seen is None else energy + SILHOUETTE_WEIGHT * _unlike_masks(grids, seen)


def _wrongly(shares: Tensor) -> Tensor:
    """Shares of which some are taken as noise: what cannot be had pulls no harder and harder."""
    return WRONG + (1 - 2 * WRONG) * shares


def _unlike_masks(grids: Tensor, seen: Silhouettes) -> Tensor:
    """Mean cross-entropy [n] of the silhouettes of grids, summed over the pictures."""
    masks = functional.interpolate(
        torch.from_numpy(seen.masks)[:, None], size=(SIDE, SIDE), mode="area"
    )[:, 0].clamp(0, 1)
    miss = torch.zeros(len(grids))
    for mask, camera in zip(masks, seen.cameras, strict=True):
        codes = torch.from_numpy(camera.code()).expand(len(grids), -1)
        told = _wrongly(silhouettes(grids, codes))
        miss = miss + functional.binary_cross_entropy(
            told, mask.expand_as(told), reduction="none"
        ).mean((1, 2))
    return miss
