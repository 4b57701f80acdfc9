"""Parameters of furniture drawn from chances, mixed and changed: what a search proposes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shapelab.core.model.latent import Array
from shapelab.core.model.procedural.parameter_bins import parameter_bins
from shapelab.core.model.procedural.procedural_generator import CLASS, LATENT_SIZE, PARAMETERS

REDRAWN, MOVED, STEP = 1.0, 1.5, 0.5  # parameters of a child, on average; and how far, of a number
UNLIKELY = 0.1  # of the drawn choices are any
MIXED = 0.3  # of the children have two parents
_NEVER = 1e-4  # about how likely the unlikeliest choice is


class ParameterDraws:
    """Proposes latents of any of K classes, always the same ones from the same chances.

    Args:
        chances: (K, P, C) of the choices of ``parameter_bins``; all alike by default.
    """

    def __init__(self, chances: NDArray[np.floating] | None = None) -> None:
        bins = self._bins = parameter_bins()
        exist = bins.exist
        even = exist / np.maximum(exist.sum(-1, keepdims=True), 1)
        told = np.where(exist, even if chances is None else chances, 0.0)
        self._chances = (1 - UNLIKELY) * told + UNLIKELY * even
        self._chances /= np.maximum(self._chances.sum(-1, keepdims=True), _NEVER)
        logs = np.log(told + _NEVER)
        self._surprise = np.where(exist, logs.max(-1, keepdims=True) - logs, 0.0)
        self._rng = np.random.default_rng(0)

    def drawn(self, kind: int) -> Array:
        """A latent (latent,) of a class."""
        latent = np.zeros(LATENT_SIZE, np.float32)
        latent[PARAMETERS + kind] = CLASS
        self._redraw(latent, kind, np.ones(PARAMETERS, bool))
        return latent

    def child(self, kind: int, first: Array, second: Array) -> Array:
        """A latent that has something of both, and something of its own."""
        rng, bins = self._rng, self._bins
        latent = first.copy()
        if rng.random() < MIXED:
            taken = rng.random(len(latent)) < 0.5
            latent[taken] = second[taken]
        count = int(bins.exist[kind, :, 0].sum())
        self._redraw(latent, kind, rng.random(PARAMETERS) < REDRAWN / count)
        moved = (rng.random(PARAMETERS) < MOVED / count) & bins.widths[kind].any(-1)
        noise = rng.standard_normal(PARAMETERS)
        latent[:PARAMETERS] += (moved * STEP * noise).astype(np.float32)
        return latent

    def surprise(self, kind: int, latent: Array) -> float:
        """How much less likely its choices are than the likeliest ones, in nats."""
        exist = self._bins.exist[kind]
        apart = np.abs(self._bins.places[kind] - latent[:PARAMETERS, None])
        nearest = np.where(exist, apart, np.inf).argmin(-1)
        return float(np.take_along_axis(self._surprise[kind], nearest[:, None], -1).sum())

    def _redraw(self, latent: Array, kind: int, which: NDArray[np.bool_]) -> None:
        """Draws some parameters anew, in place."""
        rng, bins = self._rng, self._bins
        for i in np.flatnonzero(which & bins.exist[kind, :, 0]):
            choice = rng.choice(bins.exist.shape[-1], p=self._chances[kind, i])
            width = bins.widths[kind, i, choice]
            latent[i] = bins.places[kind, i, choice] + width * (rng.random() - 0.5)
