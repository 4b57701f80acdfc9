"""Synthetic shapes, pictured like the real ones: more for an image encoder to learn from.

A few thousand shapes teach an image encoder to know each of them. Real shapes of other proportions,
and what the frozen generator makes of the classes' densities, lie between and around them, as many
as are wanted.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapelab.core.atomic import atomic_write
from shapelab.core.model.latent import LatentDensity, seed_noise
from shapelab.core.model.wholeness import one_part
from shapelab.core.runs.events import Prepared
from shapelab.core.runs.store_card import VERSION

from ..data.batches.proportions import SETTINGS as STRETCHING
from ..data.batches.proportions import stretch
from ..data.prepare.worker_pool import Lost, run
from ..data.source import Item
from ..data.store.prepared_store import Store
from ..data.store.shards import Encoded, Rejected, encode
from ..data.store.store_writer import StoreRecipe, StoreWriter, digest_of
from ..evaluation.code_statistics import TRAINING_TRUNCATION
from ..process.control import Check, never_stop

CHUNK = 64
MIN_FILLED = 60  # cells; less is a broken shape
TRIES = 4  # draws for each shape that is wanted, on average; the trained one needs two
BROKEN_SHARE = 0.1  # of the shapes in loose pieces that are kept; some real ones are, too
VIEWS = 3


def make_synthetic_shapes(
    out: Path,
    real: Store,
    generator: nn.Module,
    density: LatentDensity,
    count: int,
    stretched: float,
    seed: int,
    device: torch.device,
    check: Check = never_stop,
) -> Iterator[Prepared]:
    """Makes a store of synthetic shapes; one that was stopped goes on, a complete one is kept.

    What comes from another generator, or from other settings, is thrown away.

    Args:
        out: folder of the store to make.
        real: the store that the generator learnt from; classes come as often as there.
        generator: frozen, in evaluation mode.
        density: of its latents, by class.
        count: shapes to make.
        stretched: share of them that are real shapes of other proportions. Of the generator's, most
            in loose pieces are drawn again, since few real ones are; stretched ones stand in for
            what it cannot make whole.
        seed: of the draws.
        device: where the generator is.
        check: called between two batches; what it raises ends the work.
    """
    drawn = out.with_name(f"{out.name}.drawn.npz")
    draw = _Draw(real, generator, density, count, stretched, seed, device, check)
    origin = draw.origin()
    if _origin_of(out) not in ("", origin):
        shutil.rmtree(out)
        drawn.unlink(missing_ok=True)
    elif (out / "index.json").exists():
        drawn.unlink(missing_ok=True)
        return
    packed, labels = draw.kept(drawn, origin)
    items = [Item(f"{k:06d}", real.classes[label], drawn) for k, label in enumerate(labels)]
    size = real.picture_size
    recipe = StoreRecipe(
        out.name, "", "", real.resolution, VIEWS, size, seed, digest_of(items), origin=origin
    )
    with StoreWriter(out, recipe, items) as writer:
        missing = writer.missing()
        task = partial(_pictured, real.resolution, size, seed)
        done = len(items) - len(missing)
        for result in run(task, [(k, (items[k].id, packed[k])) for k in missing]):
            if result is not None:
                number, shape = result
                writer.add(number, Rejected(shape.reason) if isinstance(shape, Lost) else shape)
                done += 1
            yield Prepared(0, done, len(items))
            check()
        writer.finish(keep_duplicates=True, hold_out=0.0)
    drawn.unlink(missing_ok=True)


def _pictured(
    resolution: int, size: int, seed: int, shape: tuple[str, NDArray[np.uint8]]
) -> Encoded:
    from ..data.pictures.picture_cameras import draw_shots, picture_seed
    from ..data.pictures.render import render_views, shape_mesh

    name, packed = shape
    grid = np.unpackbits(packed).view(np.bool_).reshape((resolution,) * 3)
    shots = draw_shots(picture_seed(seed, name), VIEWS)
    pictures = render_views(shape_mesh(grid), grid, shots, size)
    return encode(grid, None, pictures, shots.cameras())


def _origin_of(folder: Path) -> str:
    """What made the shapes of a store that is finished or begun; '' where there is none.

    One that another version of ShapeLab has begun cannot go on.
    """
    for name in ("index.json", "plan.json"):
        with contextlib.suppress(OSError, ValueError):
            about = json.loads((folder / name).read_bytes())
            begun_elsewhere = name == "plan.json" and about.get("version") != VERSION
            return "other" if begun_elsewhere else str(about.get("origin", "other"))
    return ""


@dataclass(frozen=True)
class _Draw:
    """Draws the shapes; its fields are the arguments of ``make_synthetic_shapes``."""

    real: Store
    generator: nn.Module
    density: LatentDensity
    count: int
    stretched: float
    seed: int
    device: torch.device
    check: Check

    def origin(self) -> str:
        """A digest of all that the shapes depend on."""
        settings = (
            self.count,
            self.stretched,
            self.seed,
            VIEWS,
            TRAINING_TRUNCATION,
            STRETCHING,
            TRIES,
        )
        sha = hashlib.sha256(f"{self.real.fingerprint} {settings}".encode())
        for array in (self.density.means, self.density.factors):
            sha.update(np.ascontiguousarray(array).tobytes())
        for value in self.generator.state_dict().values():
            sha.update(value.cpu().contiguous().numpy().tobytes())
        return sha.hexdigest()

    def kept(self, path: Path, origin: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The packed grids and labels that an earlier try drew, or new ones, kept for the next."""
        broken = (OSError, ValueError, KeyError, zipfile.BadZipFile)
        with contextlib.suppress(*broken), np.load(path, allow_pickle=False) as kept:
            if str(kept["origin"]) == origin:
                return kept["packed"], kept["labels"]
        packed, labels = self.new()
        data = io.BytesIO()
        np.savez(data, origin=np.array(origin), packed=packed, labels=labels)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data.getvalue())
        return packed, labels

    def new(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Packed grids (count, R^3 / 8) and labels (count,): the stretched, then the generated."""
        rng = np.random.default_rng([self.seed, 3])
        train = self.real.indices("train")
        own = int(self.count * self.stretched)
        sources = np.resize(rng.permutation(train), own)  # each of them as often as the others
        labels = rng.choice(self.real.labels[train], self.count)
        labels[:own] = self.real.labels[sources]
        packed = np.zeros((self.count, self.real.resolution**3 // 8), np.uint8)
        self._stretch(packed, np.arange(own), sources, rng)
        wanted = np.arange(own, self.count)
        for _ in range(TRIES * (1 + len(wanted) // CHUNK)):
            if not len(wanted):
                break
            self.check()
            tried, wanted = wanted[:CHUNK], wanted[CHUNK:]
            grids = self._generated(labels[tried], rng)
            whole = one_part(grids) | (rng.random(len(tried)) < BROKEN_SHARE)
            good = (grids.sum((1, 2, 3)) >= MIN_FILLED) & whole
            packed[tried[good]] = np.packbits(grids[good].reshape(-1, grids[0].size), axis=1)
            # Of the same class, or thin ones get rare.
            wanted = np.concatenate([wanted, tried[~good]])
        # A generator that has hardly learnt yet makes few whole shapes.
        alike = [rng.choice(train[self.real.labels[train] == labels[k]]) for k in wanted]
        self._stretch(packed, wanted, np.asarray(alike, np.int64), rng)
        return packed, labels

    def _stretch(
        self,
        packed: NDArray[np.uint8],
        places: NDArray[np.int64],
        sources: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        """Puts stretched shapes of the rows ``sources`` into ``packed`` at ``places``."""
        for start in range(0, len(places), CHUNK):
            self.check()
            part = slice(start, start + CHUNK)
            for place, grid in zip(places[part], self.real.grids(sources[part]), strict=True):
                packed[place] = np.packbits(stretch(grid, rng))

    def _generated(self, labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
        """One shape of each label (n, R, R, R)."""
        noise = seed_noise(int(rng.integers(2**31)), self.density.latent_size, len(labels))
        latents = np.stack(
            [
                self.density.place(row, self.real.classes[k], TRAINING_TRUNCATION)
                for row, k in zip(noise, labels, strict=True)
            ]
        )
        with torch.inference_mode():
            logits = self.generator(torch.from_numpy(latents).to(self.device))[:, 0]
            return (logits > 0).cpu().numpy()
