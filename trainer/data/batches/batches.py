"""Batches and noise as pure functions of (seed, step): a resumed run repeats them exactly."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shapelab.core.inputs.images import FILL, Pixels, to_inputs
from shapelab.core.model.camera import flipped_codes
from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.run_config import RunConfig

from ...process.distributed import Processes
from ..sampling.sampled_shape import to_voxels
from ..store.joined_store import JoinedStore, WeightedRows
from ..store.prepared_store import Store
from .backgrounds import Backgrounds
from .cameras import Cameras
from .composites import Composer
from .picture_inputs import model_inputs
from .proportions import stretch

EMPTY = 1 / 16  # of the pictures that a backbone learns from show no object
ROOMS_OF_EMPTY = 0.6  # of these show a room or a studio

#: Of each quantised signed distance d, in voxels, sigmoid(-d).
SQUASHED = (1 / (1 + np.exp(to_voxels(np.arange(256, dtype=np.uint8))))).astype(np.float32)


@dataclass(frozen=True)
class Batch:
    """One step's data and noise, on the device: this process's share of the whole batch.

    Even rows are those whose x^ comes from the prior, odd rows those whose x^ comes from an encoded
    shape, every second of these from its picture; every share and every micro-batch keeps that
    order of four rows (one of two rows has no picture).
    """

    rows: NDArray[np.int64]  # [B] positions in the store
    flipped: NDArray[np.bool_]  # [B] which are flipped left to right
    grids: Tensor  # [B, 1, R, R, R] in {0, 1}
    pictures: Tensor | None  # [B, C, S, S] in [0, 1]
    cameras: Tensor | None  # [B, 8] codes of where they were taken from, NaN where nobody knows
    prior: Tensor  # [B, L] ~ N(0, I)
    noise: Tensor  # [B, L] ~ N(0, I), for the posterior sample of the voxel encoder
    image_noise: Tensor  # [B, L] ~ N(0, I), for that of the image encoder
    mix: Tensor  # [B, 1, 1, 1, 1] ~ U(0, 1), for the penalty's points
    shifts: Tensor  # [B, 2, 3] whole voxels, for the critic's view of real and generated grids
    # [B, 1, R, R, R] in [0, 1]: what the generator's logits should say, sigmoid(-d) of signed
    # distances d; else it is ``grids`` itself.
    targets: Tensor
    measured: Tensor  # [B] bool: whether those are distances; others tell solid from empty only
    partners: Tensor | None  # [B, 1, R, R, R] another shape of the class of each, to blend with
    blend: Tensor  # [B, 1] ~ U(0, 1), the share of the other shape
    # [B] class of what the picture shows, in the model's order, and beyond them that it shows
    # nothing; where the model has a backbone, which learns it.
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def interleaved(self, other: Batch, rows_before: int) -> Batch:
        """This batch in even rows, and another one in odd rows, counted on from ``rows_before``."""
        both: dict[str, Any] = {}
        for name in (f.name for f in fields(self)):
            own, more = getattr(self, name), getattr(other, name)
            if name == "rows":
                more = more + rows_before
            if own is None:
                both[name] = None
            elif isinstance(own, Tensor):
                both[name] = torch.stack([own, more], 1).flatten(0, 1)
            else:
                both[name] = np.stack([own, more], 1).reshape(-1, *own.shape[1:])
        return Batch(**both)

    def micro_batches(self, count: int) -> list[Batch]:
        """Cuts the batch into ``count`` of whole fours of rows, or of pairs, or fewer."""
        if count == 1:
            return [self]
        unit = 4 if 4 * count <= len(self) else 2
        units = np.array_split(np.arange(len(self) // unit), min(count, len(self) // unit))
        bounds = [(unit * int(u[0]), unit * int(u[-1]) + unit) for u in units]
        bounds[-1] = (bounds[-1][0], len(self))
        return [self._cut(slice(*bound)) for bound in bounds]

    def _cut(self, part: slice) -> Batch:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        cut: dict[str, Any] = {k: v if v is None else v[part] for k, v in values.items()}
        return Batch(**cut)


class Batches:
    """Draws the batch of any step: an epoch is a permutation from (seed, epoch).

    Everything is drawn for the whole batch and then cut to this process's share, so that a run does
    not depend on how many processes train it.
    """

    def __init__(
        self, store: Store, config: RunConfig, processes: Processes, size: int | None = None
    ) -> None:
        self.store = store
        self.config = config
        self.device = processes.device
        self.size = config.batch_size if size is None else size
        self.share = processes.slice(self.size)
        self.rows = store.indices("train")
        self._mixed = None
        if isinstance(store, JoinedStore):
            rows = [own for _, own in store.train_rows()]
            weights = [weight for _, weight in store.parts]
            self._mixed = WeightedRows(rows, weights, config.seed, self.size)
        # A store of synthetic shapes may lack a class that the model knows.
        places = {name: k for k, name in enumerate(config.model.classes)}
        self._labels = np.array([places.get(name, -1) for name in store.classes], np.int64)
        photos = config.backgrounds if config.model.image_mode != "LA" else ""
        self.backgrounds = Backgrounds(Path(photos) if photos else None)
        self.cameras = Cameras(store)
        self.composer = Composer(store, self.cameras, self.backgrounds)
        self._of_class = {
            int(label): self.rows[store.labels[self.rows] == label]
            for label in np.unique(store.labels[self.rows])
        }
        self.per_epoch = max(1, len(self.rows) // self.size)

    def rows_of(self, step: int) -> NDArray[np.int64]:
        """The shapes of a step (drop-last: every batch of an epoch is whole).

        Not sorted: a store lies by class, and a part of the batch must hold all of them alike.
        """
        if self._mixed is not None:
            return self._mixed.rows_of(step)
        epoch, position = divmod(step, self.per_epoch)
        order = np.random.default_rng([self.config.seed, 1, epoch]).permutation(self.rows)
        size = self.size
        return np.resize(order[position * size : (position + 1) * size], size)

    def __call__(
        self, step: int, pictures: bool, attempt: int = 0, partners: bool = False
    ) -> Batch:
        """The batch of a step.

        Args:
            step: steps taken before.
            pictures: whether an update needs them.
            attempt: how often the run was rolled back; other noise then, or it fails again.
            partners: whether an update blends shapes.
        """
        config = self.config
        rng = np.random.default_rng([config.seed, 2, step, attempt])
        whole = self.rows_of(step)
        size, latent = len(whole), config.model.latent_size
        flipped = rng.random(size) < (0.5 if config.flip else 0.0)
        noise = rng.standard_normal((3, size, latent), dtype=np.float32)
        mix = rng.random((size, 1, 1, 1, 1), dtype=np.float32)
        reach = config.critic_shift
        shifts = rng.integers(-reach, reach + 1, (size, 2, 3))
        view_seeds = rng.integers(2**63, size=size)  # a picture's look depends on its row alone
        stretch_seeds = rng.integers(2**63, size=size)
        blend = rng.random((size, 1), dtype=np.float32)
        share = self.share
        rows, flipped = whole[share], flipped[share]
        grids = self.store.grids(rows)
        grids[flipped] = grids[flipped, ::-1]
        images, cameras, labels = None, None, None
        if pictures:
            some_empty = step >= config.main_steps
            images, cameras, labels = self._pictures(rows, flipped, view_seeds[share], some_empty)
        targets, measured = self._targets(rows, flipped)
        if not pictures:  # nothing shows the shapes' own proportions
            stretched = self._stretch(grids, stretch_seeds[share])
            if targets is not None:
                targets[stretched] = grids[stretched]
                measured = measured & ~stretched
        solid = self._tensor(grids[:, None].astype(np.float32))
        second = None
        if partners:  # drawn last: the rest of a batch does not depend on them
            kinds = self.store.labels[whole].tolist()
            others = np.asarray([rng.choice(self._of_class[kind]) for kind in kinds])
            second = self.store.grids(others[share])[:, None].astype(np.float32)
        return Batch(
            rows,
            flipped,
            solid,
            images,
            cameras,
            self._tensor(noise[0, share]),
            self._tensor(noise[1, share]),
            self._tensor(noise[2, share]),
            self._tensor(mix[share]),
            self._tensor(shifts[share]),
            solid if targets is None else self._tensor(targets[:, None]),
            self._tensor(measured),
            None if second is None else self._tensor(second),
            self._tensor(blend[share]),
            labels,
        )

    def _targets(
        self, rows: NDArray[np.int64], flipped: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.bool_]]:
        """Sigmoid(-d) of the shapes' signed distances d, where wanted, and which were measured."""
        store = self.store
        if self.config.model.field != "signed_distance" or not store.has_distances:
            return None, np.zeros(len(rows), bool)
        targets = SQUASHED[store.quantised_distances(rows)]
        targets[flipped] = targets[flipped, ::-1]
        return targets, store.has_measured(rows)

    def _stretch(self, grids: NDArray[np.bool_], seeds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Gives a share of the grids other proportions, in place; returns which."""
        chosen = np.zeros(len(grids), bool)
        for k, (grid, seed) in enumerate(zip(grids, seeds, strict=True)):
            rng = np.random.default_rng(seed)
            if rng.random() < self.config.stretched:
                grid[:], chosen[k] = stretch(grid, rng), True
        return chosen

    def _pictures(
        self,
        rows: NDArray[np.int64],
        flipped: NDArray[np.bool_],
        seeds: NDArray[np.int64],
        some_empty: bool,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Pictures, codes of their cameras and labels; ``some_empty`` lets a few show nothing.

        Those are of backbones, which tell it. No other network could say anything of them.
        """
        store, spec = self.store, self.config.model
        if not store.has_pictures:
            return None, None, None
        rngs = [np.random.default_rng(seed) for seed in seeds]
        counts = store.view_counts[rows].tolist()
        views = np.asarray([rng.integers(n) for rng, n in zip(rngs, counts, strict=True)])
        # A flipped shape in a flipped picture is a true pair: left and right are as likely.
        if spec.image_mode == "RGBA":
            inputs, codes = self.composer.inputs(rows, views, rngs, spec)
            inputs[flipped] = inputs[flipped, ..., ::-1]
        else:
            codes = self.cameras.codes(rows, views)
            rgba = store.pictures(rows, views)
            rgba[flipped] = rgba[flipped, :, ::-1]
            inputs = model_inputs(rgba, spec, rngs, self.backgrounds)
        if spec.image_mode == "LA":
            inputs = np.stack([augment(p, rng) for p, rng in zip(inputs, rngs, strict=True)])
        codes[flipped] = flipped_codes(codes[flipped])
        labels = None
        if spec.has_backbone:
            labels = self._labels[store.labels[rows]]
            for k, rng in enumerate(rngs):
                if some_empty and rng.random() < EMPTY:
                    inputs[k] = empty_picture(rng, self._nothing(rng), spec)
                    labels[k] = len(spec.classes)
                    codes[k] = np.nan  # nobody stands before nothing
        return (
            self._tensor(inputs),
            self._tensor(codes) if spec.camera else None,
            None if labels is None else self._tensor(labels),
        )

    def _nothing(self, rng: np.random.Generator) -> Pixels:
        """A picture (S, S, 3) without an object."""
        side = self.config.model.image_size
        if self.config.model.image_mode == "RGBA" and rng.random() < ROOMS_OF_EMPTY:
            return self.composer.empty(rng, side)
        return self.backgrounds.draw(rng, side)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def empty_picture(rng: np.random.Generator, behind: Pixels, spec: ModelSpec) -> NDArray[np.float32]:
    """A background (S, S, 3) as (C, S, S), under a mask such as a cut-out makes up there.

    That is the ellipse which ends a search that found nothing, the whole picture, or blots.
    """
    import cv2

    side = spec.image_size
    mask = np.full((side, side), 255, np.uint8)
    kind = rng.random()
    if spec.image_mode == "RGBA" and kind < 0.5:
        axes = 0.5 * FILL * side * np.array([1.0, rng.uniform(0.4, 1)])
        width, height = (axes if rng.random() < 0.5 else axes[::-1]).astype(int).tolist()
        middle = (side // 2, side // 2)
        mask[:] = 0
        cv2.ellipse(mask, middle, (width, height), 0, 0, 360, 255, -1, cv2.LINE_AA)
    elif spec.image_mode == "RGBA" and kind < 0.85:
        coarse = rng.standard_normal((5, 5), dtype=np.float32)
        smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        mask = np.where(smooth > rng.uniform(-0.5, 0.8), 255, 0).astype(np.uint8)
    rgba = np.dstack([behind, mask])
    return to_inputs(rgba[None], spec, behind[None])[0]


def augment(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """What real photos differ in: contrast, texture noise, and luminance that tells nothing.

    Args:
        picture: (2, S, S) luminance times mask, and mask, in [0, 1].
        rng: source of the draws.
    """
    side = picture.shape[-1]
    mask = picture[1]
    contrast = 0.0 if rng.random() < 0.05 else rng.uniform(0.5, 1.4)  # 0: only the silhouette
    coarse = rng.standard_normal((side // 8, side // 8), dtype=np.float32) * rng.uniform(0, 0.1)
    texture = coarse.repeat(8, axis=0).repeat(8, axis=1)
    grain = rng.standard_normal(mask.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.06))
    grey = 0.5 * mask + (picture[0] - 0.5 * mask) * contrast + (texture + grain) * mask
    return np.stack([grey.clip(0, 1), mask]).astype(np.float32)
