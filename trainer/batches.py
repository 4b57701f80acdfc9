"""Batches and noise as pure functions of (seed, step): a resumed run repeats them exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shapelab.core.run import RunConfig
from trainer.data.store import Store


@dataclass(frozen=True)
class Batch:
    """One step's data and noise, on the device."""

    rows: NDArray[np.int64]  # [B] positions in the store
    mirrored: NDArray[np.bool_]  # [B] which are reflected left to right
    grids: Tensor  # [B, 1, R, R, R] in {0, 1}
    pictures: Tensor | None  # [B, C, S, S] in [0, 1]
    prior: Tensor  # [B, L] ~ N(0, I)
    noise: Tensor  # [B, L] ~ N(0, I), for the posterior sample
    mix: Tensor  # [B, 1, 1, 1, 1] ~ U(0, 1), for the penalty's points


class Batches:
    """Draws the batch of any step: an epoch is a permutation from (seed, epoch)."""

    def __init__(self, store: Store, config: RunConfig, device: torch.device) -> None:
        self.store = store
        self.config = config
        self.device = device
        self.rows = store.indices("train")
        self.per_epoch = max(1, len(self.rows) // config.batch)

    def rows_of(self, step: int) -> NDArray[np.int64]:
        """The shapes of a step (drop-last: every batch of an epoch is whole)."""
        epoch, position = divmod(step, self.per_epoch)
        order = np.random.default_rng([self.config.seed, 1, epoch]).permutation(self.rows)
        rows = order[position * self.config.batch : (position + 1) * self.config.batch]
        return np.sort(np.resize(rows, self.config.batch))

    def __call__(self, step: int, pictures: bool) -> Batch:
        config, rows = self.config, self.rows_of(step)
        rng = np.random.default_rng([config.seed, 2, step])
        mirrored = rng.random(len(rows)) < (0.5 if config.reflect else 0.0)
        grids = self.store.grids(rows)
        grids[mirrored] = grids[mirrored, ::-1]
        latent = config.model.latent_size
        noise = rng.standard_normal((2, len(rows), latent), dtype=np.float32)
        mix = rng.random((len(rows), 1, 1, 1, 1), dtype=np.float32)
        images = self._pictures(rows, mirrored, rng) if pictures else None
        return Batch(
            rows,
            mirrored,
            self._tensor(grids[:, None].astype(np.float32)),
            images,
            self._tensor(noise[0]),
            self._tensor(noise[1]),
            self._tensor(mix),
        )

    def _pictures(
        self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_], rng: np.random.Generator
    ) -> Tensor | None:
        views = self.store.views
        if views is None:
            return None
        chosen = views[rows, rng.integers(views.shape[1], size=len(rows))]
        # A mirrored shape seen in a mirrored picture is a true pair, since azimuth is uniform.
        chosen[mirrored] = chosen[mirrored, :, :, ::-1]
        return self._tensor(augment(chosen / np.float32(255), rng))

    def _tensor(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def augment(pictures: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """What real photos differ in: contrast, texture noise, and luminance that tells nothing.

    Args:
        pictures: (n, 2, S, S) luminance times mask, and mask.
        rng: source of the draws.
    """
    n, _, side, _ = pictures.shape
    mask = pictures[:, 1]
    contrast = rng.uniform(0.5, 1.4, (n, 1, 1)).astype(np.float32)
    flat = rng.random((n, 1, 1)) < 0.05  # sometimes only the silhouette is left
    contrast = np.where(flat, np.float32(0), contrast)
    coarse = rng.standard_normal((n, side // 8, side // 8), dtype=np.float32)
    texture = coarse.repeat(8, axis=1).repeat(8, axis=2) * rng.uniform(0, 0.1, (n, 1, 1))
    grain = rng.standard_normal(mask.shape, dtype=np.float32) * rng.uniform(0, 0.06, (n, 1, 1))
    grey = pictures[:, 0] - 0.5 * mask
    grey = 0.5 * mask + grey * contrast + (texture + grain) * mask
    return np.stack([grey.clip(0, 1), mask], axis=1).astype(np.float32)
