"""What is scored, a model file or a run, and the shapes that it is scored on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapelab.core.errors import DataError, RunError
from shapelab.core.model import model_file
from shapelab.core.model.latent import Array
from shapelab.core.model.model_summary import WEIGHTS
from shapelab.core.model.networks import Generator
from shapelab.core.model.procedural.procedural_generator import DRAFT, ProceduralGenerator
from shapelab.core.model.shape_model import ShapeModel, load_model
from shapelab.core.model.spec import ModelSpec
from shapelab.core.model.wholeness import CANDIDATES
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import steps
from shapelab.core.runs.store_mix import RunData, parse_share, shares_of

from ..checkpoints import checkpoint_store
from ..data.prepare.preparation import prepare
from ..data.sources.ikea import release_in
from ..data.store.joined_store import open_data
from ..data.store.prepared_store import Store, open_store
from ..process.control import Check, Tell, never_stop, say_nothing
from ..process.distributed import Processes
from ..updates.encoding import evenly, held_out_inputs, solid_truth
from ..updates.state import TrainState, new_state
from .code_statistics import fit_flip, principal_directions
from .prior import fit_prior

CPU = torch.device("cpu")
MOST = 600  # held-out shapes that are scored: intervals are narrow then, and it takes minutes
SEARCHED = 54  # of those, where each takes a search of seconds, unless somebody says another number


@dataclass(frozen=True)
class Subject:
    """What is scored, as the app has it, and the critic where it is a run."""

    model: ShapeModel
    critic: nn.Module | None = None

    def samples(self, name: str, count: int, truncation: float, first: int = 0) -> Array:
        """Latents (count, latent) of the seeds from ``first`` on, as the app draws them."""
        seeds = range(first, first + count)
        return np.concatenate([self.model.sample(name, k, 1, truncation) for k in seeds])

    def whole_samples(self, name: str, count: int, truncation: float) -> Array:
        """Latents (count, latent) as the app's Randomise draws them: the best of a few seeds."""
        seeds = [self.model.whole_seed(name, CANDIDATES * k, truncation) for k in range(count)]
        return np.concatenate([self.model.sample(name, seed, 1, truncation) for seed in seeds])

    def codes(self, grids: NDArray[np.bool_], check: Check = never_stop) -> Array:
        """Latents (n, latent) of solid grids (n, R, R, R), as the app has them."""
        if not self.model.is_procedural:
            return self.model.encode_voxels(grids)
        return np.stack([self.model.fit_voxels(grid, check) for grid in grids])

    def encoded(self, rgba: NDArray[np.uint8]) -> Array:
        """Latents (n, latent) of framed pictures (n, S, S, 4), by the encoder alone."""
        return self.model.encode_image(held_out_inputs(rgba, self.model.spec))

    def seen(self, rgba: NDArray[np.uint8], check: Check = never_stop) -> tuple[Array, Array]:
        """Latents (n, latent) of framed pictures (n, S, S, 4) by the encoder, and as the app has.

        What a picture's alpha leaves out is its background.
        """
        masks = rgba[..., 3].astype(np.float32) / np.float32(255)
        fitted = self.model.fit_image(held_out_inputs(rgba, self.model.spec), masks, check)
        return self.encoded(rgba), fitted

    def way(self, a: Array, b: Array, steps: int, classes: tuple[str, str]) -> Array:
        """Latents (steps, latent) from a to b, of the two classes, as the app morphs."""
        between = partial(self.model.density.between, a, b, mode="slerp", classes=classes)
        return np.stack([between(t=t) for t in np.linspace(0, 1, steps)])


@dataclass(frozen=True)
class HeldOut:
    """Shapes that training has not seen, and those that it has."""

    store: Store
    spec: ModelSpec  # of the subject
    labels: NDArray[np.int64]  # (len(store),) index into the subject's classes; -1 for others
    rows: NDArray[np.int64]  # held out and of a class that the subject knows
    trained: NDArray[np.int64]  # rows of its training shapes; none where the source is no store
    all_rows: int  # held-out shapes that there are, scored or not
    is_validation: bool  # so that a choice may be made by them

    @property
    def source(self) -> str:
        return str(self.store.index["source"])

    def solid(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What a perfect model gives for rows, (len(rows), R, R, R)."""
        return solid_truth(self.store, rows, self.spec)

    def some(self, most: int) -> HeldOut:
        """The same with at most so many of its shapes, of all alike."""
        return replace(self, rows=evenly(self.rows, most))

    def of_class(self, label: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The training rows and the held-out rows of a class."""
        trained, own = (rows[self.labels[rows] == label] for rows in (self.trained, self.rows))
        return trained, own

    def names(self, rows: NDArray[np.int64]) -> NDArray[np.str_]:
        """The classes of rows, (len(rows),)."""
        return np.array(self.spec.classes)[self.labels[rows]]

    def sources(self, rows: NDArray[np.int64]) -> NDArray[np.str_]:
        """What the stores of rows were made of, (len(rows),)."""
        parts = [self.store.part_of(row)[0] for row in rows.tolist()]
        return np.array([str(part.index["source"]) for part in parts])


def read_run(run: Path, data: RunData, checkpoint: str = "newest") -> tuple[TrainState, Store]:
    """A checkpoint of a run with its averaged networks on the CPU, and the store.

    Args:
        run: folder of the run.
        data: the store that it was trained on, or several.
        checkpoint: "newest", "best" (by mean validation IoU), or a checkpoint folder's name.

    Raises:
        RunError: there is no such checkpoint, or it is damaged.
        DataError: the store cannot be used.
    """
    folder, store = RunFolder(run), open_data(data)
    config = folder.read_config()
    if config.model.classes != store.classes:
        raise DataError(f"{store.name} has other classes than the run {run} was trained on.")
    if checkpoint in ("newest", "best"):
        read = (
            checkpoint_store.read_newest if checkpoint == "newest" else checkpoint_store.read_best
        )
        found = read(folder.checkpoints)
    else:
        present = [path.name for path in steps(folder.checkpoints)]
        if checkpoint not in present:
            raise RunError(
                f"{run} has no checkpoint '{checkpoint}'; it has: {', '.join(present) or 'none'}."
            )
        found = checkpoint_store.read(folder.checkpoints / checkpoint)
    if found is None:
        raise RunError(f"{run} has no checkpoint that can be read; train it first.")
    state = new_state(config, Processes())
    state.load(*found)
    for module in (*state.averages.values(), state.critic):
        module.to(CPU)
    return state, store


def find(
    name: str,
    data: Sequence[str],
    checkpoint: str = "newest",
    tell: Tell = say_nothing,
    check: Check = never_stop,
) -> tuple[Subject, RunData, Path | None]:
    """A run's folder, or a model by name or path; what it is scored on, and IKEA's photos.

    Args:
        name: of the run or model.
        data: stores, other shapes, and at most one IKEA release as ``parse_share`` takes them.
        checkpoint: of a run, as for ``read_run``.
        tell: hears how far a run's density is, which takes minutes.
        check: as everywhere.

    Raises:
        RunError, ModelFileError: there is neither, or it cannot be read.
        DataError: nobody says what a model is to be scored on.
    """
    shares = [parse_share(text) for text in data]
    photos = [share.store for share in shares if release_in(share.store)]
    given: RunData = [share for share in shares if share.store not in photos]
    if len(photos) > 1:
        raise DataError("The photos of one IKEA release are scored at a time; name one of them.")
    photo_folder = photos[0] if photos else None
    folder = Path(name)
    if RunFolder(folder).config.is_file():
        own = training_data(folder, given)
        state, store = read_run(folder, own, checkpoint)
        subject = of_run(state, store, folder.resolve().name, tell, check)
        return subject, given or own, photo_folder
    if folder.is_dir() and not (folder / "model.safetensors").is_file():
        raise RunError(f"{name} holds no run and no model.")
    if not given and photo_folder is None:
        raise DataError("A model does not know its data; name held-out shapes with --data.")
    model = load_model(name)
    return Subject(_procedural(model, given) if model.is_procedural else model), given, photo_folder


def _procedural(model: ShapeModel, data: RunData) -> ShapeModel:
    """A procedural model with the cells of the stores that it is scored on; without, of drafts."""
    assert model.folder is not None
    places = [share.store for share in shares_of(data)]
    stored = bool(places) and all(map(_is_store, places))
    resolution = open_data(data).resolution if stored else DRAFT
    parts = model_file.read(model.folder / WEIGHTS)
    spec = parts.spec.model_copy(update={"resolution": resolution})
    networks = {**parts.networks, "generator": ProceduralGenerator(resolution)}
    return ShapeModel(model.name, replace(parts, spec=spec, networks=networks), model.folder)


def training_data(run: Path, data: RunData) -> RunData:
    """What a run was trained on; where that is gone or not noted, what it is scored on."""
    folder = RunFolder(run)
    try:
        noted = folder.stores()
    except RunError:
        noted = ()
    there = noted and all(_is_store(share.store) for share in noted)
    if there:
        return noted
    return data if isinstance(data, Path) or data else folder.stores()


def _is_store(place: Path) -> bool:
    return (place / "index.json").is_file()


def of_run(
    state: TrainState,
    store: Store,
    name: str,
    tell: Tell = say_nothing,
    check: Check = never_stop,
) -> Subject:
    """What a run has learnt, as its model file would have it."""
    return of_bytes(encoded(state, store, tell, check), name, state.learnt_critic)


def encoded(
    state: TrainState, store: Store, tell: Tell = say_nothing, check: Check = never_stop
) -> bytes:
    """The model file of a run: its averages, and what the codes of its training shapes say."""
    generator, encoder = state.averages["generator"], state.averages["voxel_encoder"]
    assert isinstance(generator, Generator)
    density = fit_prior(generator, encoder, store, state.config.flip, tell, check)
    directions = principal_directions(generator, density)
    flip = fit_flip(encoder, store, check)
    networks = state.learnt(store.has_pictures)
    return model_file.encode(state.config.model, networks, density, directions, flip)


def of_bytes(data: bytes, name: str, critic: nn.Module | None = None) -> Subject:
    """A model file that lies nowhere yet, read back as the app reads it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder) / name
        place.mkdir()
        (place / "model.safetensors").write_bytes(data)
        return Subject(load_model(place), critic)


@contextmanager
def held_out(data: RunData, spec: ModelSpec, check: Check = never_stop) -> Iterator[HeldOut | None]:
    """The validation shapes of stores (their test shapes where there are no others), if any.

    Anything else that ``prepare`` reads, such as a file of arrays, is all held out: it is prepared
    for as long as it is needed, without pictures, and so without duplicates and broken shapes.

    Raises:
        DataError: there is nothing there, or the model knows no class of it.
    """
    places = [share.store for share in shares_of(data)]
    if not places:
        yield None
        return
    if len(places) > 1 or _is_store(places[0]):
        yield held_out_of(open_data(data), spec)
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for _ in prepare(places[0], Path(folder) / "store", spec.resolution, views=0):
            check()
        yield held_out_of(open_store(Path(folder) / "store"), spec, whole=True)


def held_out_of(store: Store, spec: ModelSpec, whole: bool = False) -> HeldOut:
    """The held-out shapes of a store, or all of it, by the classes of a model; ``MOST`` of them."""
    if store.resolution != spec.resolution:
        raise DataError(
            f"{store.name} has {store.resolution} cells a side and the model {spec.resolution}; "
            f"prepare it with --resolution {spec.resolution}."
        )
    own = [spec.classes.index(name) if name in spec.classes else -1 for name in store.classes]
    labels = np.array(own)[store.labels]
    if not (labels >= 0).any():
        raise DataError(
            f"The model knows no class of {store.index['source']}: {', '.join(store.classes)}."
        )
    rows = np.arange(len(store)) if whole else store.indices("validation")
    is_validation = not whole and len(rows) > 0
    if not len(rows):
        rows = store.indices("test")
    trained = store.indices("train")[: 0 if whole else None]
    scored = _some(rows[labels[rows] >= 0], store)
    known = trained[labels[trained] >= 0]
    return HeldOut(store, spec, labels, scored, known, len(rows), is_validation)


def _some(rows: NDArray[np.int64], store: Store) -> NDArray[np.int64]:
    """``MOST`` rows, as many of each store that is joined in it, as far as they go."""
    owners = [id(store.part_of(row)[0]) for row in rows.tolist()]
    parts = sorted((rows[np.array(owners) == one] for one in dict.fromkeys(owners)), key=len)
    chosen, room = [], MOST
    for k, part in enumerate(parts):
        chosen.append(evenly(part, room // (len(parts) - k)))
        room -= len(chosen[-1])
    return np.sort(np.concatenate(chosen)) if chosen else rows
