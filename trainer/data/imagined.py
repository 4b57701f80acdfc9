"""Shapes that a trained generator makes up, pictured like the real ones: more to learn from.

A few thousand shapes teach an image encoder to know each of them. What the frozen generator makes
of the classes' densities lies between and around them, as many as are wanted.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapelab.core.atomic import atomic_write
from shapelab.core.latent import LatentDensity, seed_noise
from shapelab.errors import RunError
from trainer.data import store as stores
from trainer.data.arrays import MIN_FILLED
from trainer.data.prepare import Prepared, render_all
from trainer.data.store import Store
from trainer.evaluate import TRUNCATION
from trainer.metrics import one_part

CHUNK = 64
TRIES = 30  # draws for each shape that is wanted, on average, before giving up
BROKEN_SHARE = 0.1  # of the shapes in loose pieces that are kept; some real ones are, too
VIEWS = 3


def imagine(
    out: Path,
    real: Store,
    generator: nn.Module,
    density: LatentDensity,
    count: int,
    seed: int,
    device: torch.device,
) -> Iterator[Prepared]:
    """Makes a store of made-up shapes; one that was stopped goes on, a complete one is kept.

    What another generator made up, or with other settings, is thrown away.

    Args:
        out: folder of the store to make.
        real: the store that the generator learnt from; classes come as often as there.
        generator: frozen, in evaluation mode.
        density: of its latents, by class.
        count: shapes to make. Most in loose pieces are drawn again, since few real ones are.
        seed: of the draws.
        device: where the generator is.

    Raises:
        RunError: the generator makes hardly anything usable.
    """
    assert real.views is not None
    origin = _origin(generator, density, count, seed)
    origin_path = out / "origin.txt"
    if not origin_path.exists() or origin_path.read_text("utf-8") != origin:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        origin_path.write_text(origin, "utf-8")
    if (out / "index.json").exists():
        return
    packed_path, labels_path = out / "occupancy.npy", out / "labels.npy"
    if packed_path.exists() and labels_path.exists():
        packed, labels = np.load(packed_path), np.load(labels_path)
    else:
        packed, labels = _draw(real, generator, density, count, seed, device)
        _save(labels_path, labels)
        _save(packed_path, packed)
    size = real.views.shape[-1]
    yield from render_all(out, packed, VIEWS, size, real.resolution, 0)
    stores.write_index(
        out,
        {
            "source": "imagined",
            "resolution": real.resolution,
            "classes": list(real.classes),
            "labels": labels.tolist(),
            "split": [0] * len(labels),
            "views": VIEWS,
            "picture_size": size,
        },
    )


def _save(path: Path, array: NDArray[np.generic]) -> None:
    data = io.BytesIO()
    np.save(data, array)
    atomic_write(path, data.getvalue())  # half a file would be taken for a whole one


def _origin(generator: nn.Module, density: LatentDensity, count: int, seed: int) -> str:
    sha = hashlib.sha256(f"{count} {seed} {VIEWS} {TRUNCATION}".encode())
    for array in (density.means, density.factors):
        sha.update(np.ascontiguousarray(array).tobytes())
    for value in generator.state_dict().values():
        sha.update(value.cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()


def _draw(
    real: Store,
    generator: nn.Module,
    density: LatentDensity,
    count: int,
    seed: int,
    device: torch.device,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    rng = np.random.default_rng([seed, 3])
    known = real.labels[real.indices("train")]
    packed: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for _ in range(TRIES * (1 + count // CHUNK)):
        if len(labels) >= count:
            return np.concatenate(packed)[:count], np.asarray(labels[:count], np.int64)
        classes = rng.choice(known, CHUNK)
        noise = seed_noise(int(rng.integers(2**31)), density.latent_size, CHUNK)
        latents = np.stack(
            [
                density.place(row, real.classes[k], TRUNCATION)
                for row, k in zip(noise, classes, strict=True)
            ]
        )
        with torch.inference_mode():
            grids = (generator(torch.from_numpy(latents).to(device))[:, 0] > 0).cpu().numpy()
        whole = one_part(grids) | (rng.random(CHUNK) < BROKEN_SHARE)
        good = (grids.sum((1, 2, 3)) >= MIN_FILLED) & whole
        packed.append(np.packbits(grids[good].reshape(int(good.sum()), grids[0].size), axis=1))
        labels += classes[good].tolist()
    raise RunError(
        "The generator makes hardly any whole shape yet; train it longer before the image phase, "
        "or go on with --set image_samples=0."
    )
