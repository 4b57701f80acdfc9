"""A run's averaged networks as models in its timeline, where the app shows what is learnt."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError
from shapelab.core.model import model_file
from shapelab.core.model.networks import Generator
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import order, steps

from ..data.store.prepared_store import Store
from ..evaluation.code_statistics import PREVIEW_CODES, fit_density, principal_directions
from ..updates.state import TrainState

KEPT = 24  # models in a timeline; one has an eighth of a checkpoint's bytes


def keep(run: RunFolder, name: str, state: TrainState, store: Store) -> None:
    """Adds a model to the timeline and thins out the older ones.

    Args:
        run: the run's folder.
        name: of the checkpoint that was just saved.
        state: with the averages to keep; nothing is kept while they are not fit to be looked at.
        store: the run's data; some of it gives the density.
    """
    model = _encode(state, store)
    if model is None:
        return
    folder = run.timeline / name
    # The checkpoint is safe by now; a picture of it is not worth a run.
    with suppress(ExportError, OSError):
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / "model.safetensors", model)
        needed = {path.name for path in steps(run.checkpoints)}
        for path in superfluous(steps(run.timeline), needed):
            shutil.rmtree(path, ignore_errors=True)


def _encode(state: TrainState, store: Store) -> bytes | None:
    averages = state.averages
    weights = (value for module in averages.values() for value in module.parameters())
    if not all(bool(value.half().isfinite().all()) for value in weights):  # as the file has them
        return None
    generator = averages["generator"]
    assert isinstance(generator, Generator)
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            density = fit_density(averages["voxel_encoder"], store, PREVIEW_CODES)
            directions = principal_directions(generator, density)
    except np.linalg.LinAlgError:  # codes beyond all bounds
        return None
    networks = state.learnt(store.has_pictures)
    return model_file.encode(state.config.model, networks, density, directions)


def superfluous(paths: Sequence[Path], needed: set[str], most: int = KEPT) -> list[Path]:
    """Which of a timeline's folders, oldest first, may go: those with the nearest neighbours.

    The first, the last and those named in ``needed`` stay.
    """
    left, gone = list(paths), []
    while len(left) > most:
        inner = [i for i in range(1, len(left) - 1) if left[i].name not in needed]
        if not inner:
            break
        at = [order(path)[1] for path in left]
        gone.append(left.pop(min(inner, key=lambda i: abs(at[i + 1] - at[i - 1]))))
    return gone
