"""What is scored, a model file or a run, and the shapes that it is scored on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapelab.core.errors import DataError, RunError
from shapelab.core.model import model_file
from shapelab.core.model.image_encoding import LatentFlip
from shapelab.core.model.latent import LatentDensity
from shapelab.core.model.spec import ModelSpec
from shapelab.core.paths import find_model
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import steps
from shapelab.core.runs.store_mix import RunData, shares_of

from ..checkpoints import checkpoint_store
from ..data.prepare.preparation import prepare
from ..data.store.joined_store import open_data
from ..data.store.prepared_store import Store, open_store
from ..process.control import Check, never_stop
from ..process.distributed import Processes
from ..updates.state import TrainState, new_state
from .code_statistics import fit_density, fit_flip

CPU = torch.device("cpu")
MOST = 1000  # held-out shapes that are scored: the intervals are narrow then, and memory is bounded


@dataclass(frozen=True)
class Subject:
    """Networks on the CPU, as in the app, with what is known of their codes."""

    name: str
    spec: ModelSpec
    networks: dict[str, nn.Module]  # generator, voxel_encoder, image_encoder
    density: LatentDensity
    flip: LatentFlip | None
    critic: nn.Module | None = None  # of a run


@dataclass(frozen=True)
class HeldOut:
    """Shapes that training has not seen, and those that it has."""

    store: Store
    labels: NDArray[np.int64]  # (len(store),) index into the subject's classes; -1 for others
    rows: NDArray[np.int64]  # held out and of a class that the subject knows
    trained: NDArray[np.int64]  # rows of its training shapes; none where the source is no store
    all_rows: int  # held-out shapes that there are, scored or not

    @property
    def source(self) -> str:
        return str(self.store.index["source"])


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
    name: str, data: RunData, checkpoint: str = "newest", check: Check = never_stop
) -> tuple[Subject, RunData]:
    """A run's folder, or a model by name or path, and what it is scored on.

    Raises:
        RunError, ModelFileError: there is neither, or it cannot be read.
        DataError: nobody says what a model is to be scored on.
    """
    folder, given = Path(name), bool(isinstance(data, Path) or data)
    if RunFolder(folder).config.is_file():
        own = training_data(folder, data)
        state, store = read_run(folder, own, checkpoint)
        return of_run(state, store, folder.resolve().name, check), data if given else own
    if folder.is_dir() and not (folder / "model.safetensors").is_file():
        raise RunError(f"{name} holds no run and no model.")
    if not given:
        raise DataError("A model does not know its data; name held-out shapes with --data.")
    return of_model(name), data


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


def of_run(state: TrainState, store: Store, name: str, check: Check = never_stop) -> Subject:
    """What a run has learnt, with densities of the store that it was trained on."""
    encoder = state.averages["voxel_encoder"]
    density = fit_density(encoder, store, check=check)
    return Subject(
        name, state.config.model, state.averages, density, fit_flip(encoder, store), state.critic
    )


def of_model(name: str) -> Subject:
    """A model file, by its name or its path. Raises ModelFileError."""
    folder = find_model(name)
    parts = model_file.read(folder / "model.safetensors")
    return Subject(folder.name, parts.spec, parts.networks, parts.density, parts.flip)


@contextmanager
def held_out(data: RunData, spec: ModelSpec, check: Check = never_stop) -> Iterator[HeldOut]:
    """The validation shapes of stores (their test shapes where there are no others).

    Anything else that ``prepare`` reads, such as a file of arrays, is all held out: it is prepared
    for as long as it is needed, without pictures, and so without duplicates and broken shapes.

    Raises:
        DataError: there is nothing there, or the model knows no class of it.
    """
    places = [share.store for share in shares_of(data)]
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
    known = [spec.classes.index(name) if name in spec.classes else -1 for name in store.classes]
    labels = np.array(known)[store.labels]
    if not (labels >= 0).any():
        raise DataError(
            f"The model knows no class of {store.index['source']}: {', '.join(store.classes)}."
        )
    rows = np.arange(len(store)) if whole else store.indices("validation")
    if not len(rows):
        rows = store.indices("test")
    trained = store.indices("train")[: 0 if whole else None]
    scored = rows[labels[rows] >= 0]
    if len(scored) > MOST:
        scored = scored[np.linspace(0, len(scored) - 1, MOST).astype(int)]
    return HeldOut(store, labels, scored, trained[labels[trained] >= 0], len(rows))
