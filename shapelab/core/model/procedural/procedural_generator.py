"""A generator that was not trained: furniture made from parameters, which the latent holds.

The latent begins with one number a parameter, standard normal, whose share of the normal
distribution is the parameter's share of its range; a family with fewer parameters leaves the rest
alone. One number a class follows, ``CLASS`` for the shape's own. So seeds, sliders, neighbours and
paths work as with any other model, and a slider is a parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shapelab.core.formatting import words
from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import (
    Furniture,
    near_union,
    parameters,
    union_distances,
)
from shapelab.core.model.latent import DIRECTIONS, Array, LatentDensity, PrincipalDirections
from shapelab.core.model.spec import ModelSpec

PARAMETERS = max(len(parameters(family)) for family in FAMILIES.values())
LATENT_SIZE = PARAMETERS + len(FAMILIES)
CLASS = 4.0  # of a shape's class; 0 of the others
IMAGE_SIZE = 96  # pixels along a side of the pictures that it sees
RESOLUTION, DRAFT = 128, 64  # cells along a side, at rest and while a slider is dragged
_STIFF = 0.02  # deviation of numbers that a class does not vary
_SHARE = 0.75  # of the grid is the longest side, as of all shapes
_FARTHEST = 3.0  # cells, as signed distances are cut off everywhere
_FARTHEST_BLENDED = 0.15  # of the grid, where shapes of two classes are blended
_LEAST_WEIGHT = 0.02  # of a class in a blend


class ProceduralGenerator(nn.Module):
    """Latents [B, ``LATENT_SIZE``] -> logits [B, 1, R, R, R], the depth below the surface in cells.

    Between two classes the signed distances of a shape of each are blended.
    """

    def __init__(self, resolution: int = RESOLUTION) -> None:
        super().__init__()
        self.resolution = resolution

    def forward(self, z: Tensor) -> Tensor:
        grids = [self._logits(row)[None] for row in z.double().numpy()]
        return torch.from_numpy(np.stack(grids) if len(grids) > 1 else grids[0][None])

    def _logits(self, latent: NDArray[np.float64]) -> Array:
        pieces = self._pieces(latent)
        reach = self._reach(pieces)
        depth = np.zeros((self.resolution,) * 3, np.float32)
        for piece, weight in pieces:
            depth -= weight * piece.lattice(self.resolution, reach)
        return np.clip(depth, -_FARTHEST, _FARTHEST, out=depth)

    def distance(self, latent: Array) -> Callable[[Array], Array]:
        """What tells how far points lie from the shape of a latent (``LATENT_SIZE``,).

        In sides of the grid around its middle; exact near the surface.
        """
        pieces = self._pieces(latent.astype(np.float64))
        reach = self._reach(pieces) / self.resolution

        def told(points: NDArray[np.float32]) -> NDArray[np.float32]:
            found = np.zeros(len(points), np.float32)
            for piece, weight in pieces:
                found += weight * piece.scattered(points, reach)
            return found

        return told

    def _pieces(self, latent: NDArray[np.float64]) -> list[tuple[_Piece, float]]:
        """A piece of each class that a latent means, and how much it counts."""
        shares = np.clip(latent[PARAMETERS:], 0, None) ** 2
        if not shares.any():
            shares[latent[PARAMETERS:].argmax()] = 1.0
        weights = shares / shares.sum()
        weights[weights < _LEAST_WEIGHT] = 0
        weights /= weights.sum()
        families, numbers = list(FAMILIES.values()), latent[:PARAMETERS].tolist()
        kinds = np.flatnonzero(weights).tolist()
        return [(_Piece(families[kind], numbers), float(weights[kind])) for kind in kinds]

    def _reach(self, pieces: list[tuple[_Piece, float]]) -> float:
        """How far distances are told, in cells."""
        return _FARTHEST if len(pieces) == 1 else _FARTHEST_BLENDED * self.resolution


class _Piece:
    """The parts of a piece of furniture, its box centred in a grid, as of all shapes."""

    def __init__(self, family: type[Furniture], numbers: list[float]) -> None:
        own = zip(parameters(family), numbers, strict=False)
        self._parts = family(**{p.name: p.at(normal_share(z)) for p, z in own}).parts()
        self._low = np.min([part.low for part in self._parts], 0)
        self._high = np.max([part.high for part in self._parts], 0)
        self._side = float((self._high - self._low).max()) / _SHARE  # of the grid, metres

    def lattice(self, side: int, reach: float) -> Array:
        """Signed distances (R, R, R) in cells, cut off at ``reach`` cells outside."""
        cell = self._side / side
        cuts, axes = [], []
        ends = zip(self._low.tolist(), self._high.tolist(), strict=True)
        for a, b in ends:  # what is around it is far away
            half = (b - a) / 2 / cell + reach
            cut = slice(max(int(side / 2 - half), 0), min(int(side / 2 + half) + 1, side))
            cuts.append(cut)
            places = (np.arange(cut.start, cut.stop) + 0.5 - side / 2) * cell + (a + b) / 2
            axes.append(places.astype(np.float32))  # in half the time; off by 1e-5 cells
        found = np.full((side,) * 3, reach, np.float32)
        near = union_distances(self._parts, (axes[0], axes[1], axes[2]), reach * cell)
        np.divide(near, cell, out=found[tuple(cuts)])
        return found

    def scattered(self, points: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
        """Those (n,) of points (n, 3), all in sides of the grid."""
        middle = ((self._low + self._high) / 2).astype(np.float32)
        metres = points * np.float32(self._side) + middle
        near = near_union(self._parts, metres, reach * self._side)
        return (near / np.float32(self._side)).astype(np.float32)


def procedural_spec() -> ModelSpec:
    """What the model is, and what the pictures are that it sees."""
    return ModelSpec(
        resolution=RESOLUTION,
        latent_size=LATENT_SIZE,
        field="signed_distance",
        classes=tuple(FAMILIES),
        image_size=IMAGE_SIZE,
        image_mode="RGBA",
        image_backbone="efficientnet_lite0",
        camera=True,
    )


def normal_share(z: float) -> float:
    """The share of the normal distribution below z, less than 1."""
    return min(0.5 * math.erfc(-z / 2**0.5), 1 - 1e-9)


def filled_share(logits: Tensor) -> Tensor:
    """How much of each cell a shape fills, about; of parts thinner than a cell too."""
    return (logits + 0.5).clamp(0, 1)


def density() -> LatentDensity:
    """Every parameter drawn by itself, evenly over its range, for each class."""
    classes = tuple(FAMILIES)
    means = np.zeros((len(classes), LATENT_SIZE), np.float32)
    factors = np.zeros((len(classes), LATENT_SIZE, LATENT_SIZE), np.float32)
    for k, family in enumerate(FAMILIES.values()):
        means[k, PARAMETERS + k] = CLASS
        deviations = np.full(LATENT_SIZE, _STIFF, np.float32)
        deviations[: len(parameters(family))] = 1.0
        factors[k] = np.diag(deviations)
    return LatentDensity(classes, means, factors)


def directions(effects: dict[str, Array]) -> PrincipalDirections:
    """The parameters of each class that change its shapes most, a deviation each.

    Args:
        effects: of each class, how much each of its parameters changes a shape, (parameters,).
    """
    vectors = np.zeros((len(FAMILIES), DIRECTIONS, LATENT_SIZE), np.float32)
    explained = np.zeros((len(FAMILIES), DIRECTIONS), np.float32)
    for k, label in enumerate(FAMILIES):
        order = np.argsort(-effects[label], kind="stable")[:DIRECTIONS]
        vectors[k, np.arange(DIRECTIONS), order] = 1.0
        explained[k] = effects[label][order] / effects[label].sum()
    return named(PrincipalDirections(tuple(FAMILIES), vectors, explained))


def measured_effects(shapes: int = 24, resolution: int = 32) -> dict[str, Array]:
    """How many cells a parameter changes as it goes from -1 to 1 deviation, for ``directions``.

    Args:
        shapes: that are looked at for each parameter.
        resolution: of their grids.
    """
    generator, spread = ProceduralGenerator(resolution), density()
    found = {}
    for k, (label, family) in enumerate(FAMILIES.items()):
        noise = np.random.default_rng(k).standard_normal((shapes, LATENT_SIZE))
        latents = torch.from_numpy(spread.place(noise.astype(np.float32), label))
        effects = np.zeros(len(parameters(family)), np.float32)
        for i in range(len(effects)):
            low, high = latents.clone(), latents.clone()
            low[:, i], high[:, i] = -1.0, 1.0
            effects[i] = float(((generator(low) > 0) != (generator(high) > 0)).float().mean())
        found[label] = effects
    return found


def named(found: PrincipalDirections) -> PrincipalDirections:
    """The directions with the names and meanings of the parameters that they are."""
    places = found.vectors.argmax(2)
    said = []
    for k, family in enumerate(FAMILIES.values()):
        declared = parameters(family)
        own = [declared[place] for place in places[k].tolist() if place < len(declared)]
        if len(own) < DIRECTIONS:
            return found  # not made by ``directions``
        said.append(tuple((words(p.name), p.meaning) for p in own))
    return replace(found, words=tuple(said))
