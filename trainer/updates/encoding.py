"""What the networks say of stored shapes: their codes, from voxels and from pictures, and back."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapelab.core.inputs.images import Pixels
from shapelab.core.model.spec import ModelSpec

from ..data.batches.backgrounds import Backgrounds
from ..data.batches.picture_inputs import model_inputs
from ..data.store.prepared_store import Store
from ..process.control import Check, never_stop

Rows = TypeVar("Rows", bound=np.generic)

BATCH = 64


def batches_of(rows: NDArray[Rows], check: Check, size: int = 0) -> Iterator[NDArray[Rows]]:
    """Parts of an array, by default of ``BATCH``; ``check`` is called before each and may raise."""
    for part in np.array_split(rows, max(1, len(rows) // (size or BATCH))):
        check()
        yield part


def evenly(rows: NDArray[Rows], most: int) -> NDArray[Rows]:
    """At most so many of an array, spread evenly over it."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def solid_truth(store: Store, rows: NDArray[np.int64], spec: ModelSpec) -> NDArray[np.bool_]:
    """What a perfect model decodes to, (len(rows), R, R, R): solid cells, or those inside."""
    return store.inside(rows) if spec.field == "signed_distance" else store.grids(rows)


def encode_grids(
    encoder: nn.Module,
    store: Store,
    rows: NDArray[np.int64],
    check: Check = never_stop,
    flipped: bool = False,
) -> NDArray[np.float32]:
    """Posterior means (len(rows), latent) of stored shapes, or of the flipped ones."""
    return posteriors(encoder, store, rows, check, flipped)[0]


def posteriors(
    encoder: nn.Module,
    store: Store,
    rows: NDArray[np.int64],
    check: Check = never_stop,
    flipped: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Posterior means and log-variances, (len(rows), latent) each, as ``encode_grids``."""
    weight = next(encoder.parameters())  # says device and precision
    found = []
    with torch.inference_mode():
        for part in batches_of(rows, check):
            grids = store.grids(part)
            grids = grids[:, ::-1] if flipped else grids
            inputs = torch.from_numpy(grids[:, None].astype(np.float32)).to(weight)
            found.append(torch.stack(encoder(inputs)).cpu())
    means, log_variances = torch.cat(found, 1).numpy()
    return means, log_variances


def held_out_inputs(rgba: Pixels, spec: ModelSpec) -> NDArray[np.float32]:
    """Framed pictures (n, S, S, 4) as the image encoder takes them.

    Where it sees backgrounds, each picture gets one, always the same.
    """
    if spec.image_mode != "RGBA":
        return model_inputs(rgba, spec)
    rngs = [np.random.default_rng(zlib.crc32(picture.tobytes())) for picture in rgba]
    return model_inputs(rgba, spec, rngs, Backgrounds())


def encode_pictures(
    encoder: nn.Module,
    store: Store,
    rows: NDArray[np.int64],
    view: int,
    spec: ModelSpec,
    check: Check = never_stop,
) -> NDArray[np.float32]:
    """Posterior means (len(rows), latent) of one view of each shape; views are counted round."""
    means, weight = [], next(encoder.parameters())
    with torch.inference_mode():
        for part in batches_of(rows, check):
            rgba = store.pictures(part, view % store.view_counts[part])
            inputs = torch.from_numpy(held_out_inputs(rgba, spec)).to(weight)
            means.append(encoder(inputs)[0].cpu())
    return torch.cat(means).numpy()


def decode(
    generator: nn.Module,
    latents: NDArray[np.float32],
    device: torch.device,
    check: Check = never_stop,
) -> NDArray[np.bool_]:
    """Solid grids (n, R, R, R): probability over one half."""
    with torch.inference_mode():
        grids = [
            (generator(torch.from_numpy(part).to(device))[:, 0] > 0).cpu()
            for part in batches_of(latents, check)
        ]
    return torch.cat(grids).numpy()
