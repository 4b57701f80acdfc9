"""Turns a run into a model file with its card, after scoring it on held-out shapes."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import shapelab
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import DataError, ExportError, RunError
from shapelab.core.model import model_file
from shapelab.core.model.attributions import KEY
from shapelab.core.model.networks import Generator
from shapelab.core.paths import user_folder
from shapelab.core.runs.presets import differences, preset, preset_names
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import steps
from shapelab.core.runs.store_mix import RunData, StoreShare

from ..checkpoints import checkpoint_store
from ..data.store.joined_store import open_data
from ..data.store.prepared_store import Store
from ..process.distributed import Processes
from ..updates.state import TrainState, new_state
from .code_statistics import fit_density, fit_flip, presentable_seeds, principal_directions
from .scoring import CPU, Scores, Tell, evaluate, say_nothing


def _open(run: Path, data: RunData, checkpoint: str) -> tuple[TrainState, Store]:
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
    for module in state.averages.values():
        module.to(CPU)
    return state, store


def evaluate_run(
    run: Path, data: RunData, checkpoint: str = "newest", tell: Tell = say_nothing
) -> Scores:
    """Scores the averaged networks of a run.

    Args:
        run: folder of the run.
        data: the store that it was trained on, or several.
        checkpoint: "newest", "best" (by mean validation IoU), or a checkpoint folder's name.
        tell: hears how far it is; the silhouette fits take minutes.

    Raises:
        RunError: there is no such checkpoint, or it is damaged.
        DataError: the store cannot be used.
    """
    state, store = _open(run, data, checkpoint)
    encoder = state.averages["voxel_encoder"]
    density, flip = fit_density(encoder, store), fit_flip(encoder, store)
    return evaluate(state.averages, density, flip, store, state.config.model, tell=tell)


def export(
    run: Path,
    name: str,
    data: RunData,
    licence: str,
    note: str = "",
    checkpoint: str = "newest",
    tell: Tell = say_nothing,
    force: bool = False,
) -> Path:
    """Writes ``model.safetensors`` and ``card.json``.

    Args:
        run: folder of the run.
        name: a plain name goes to the user's models; a path with a separator is used as it is.
        data: the store that it was trained on, or several.
        licence: terms of the training data; "" for those that their reader knows.
        note: anything else that the card should say.
        checkpoint: as for ``evaluate_run``.
        tell: as for ``evaluate_run``.
        force: replace a model that is there.

    Returns:
        The folder written.

    Raises:
        ExportError: there is a model of that name already, or it cannot be written.
    """
    plain = os.sep not in name and "/" not in name
    folder = user_folder() / "models" / name if plain else Path(name)
    there = [folder / file for file in ("card.json", "model.safetensors")]
    if not force and any(map(os.path.lexists, there)):  # before minutes of scoring
        raise ExportError(f"{folder} holds a model already; choose another name or say --force.")
    state, store = _open(run, data, checkpoint)
    encoder = state.averages["voxel_encoder"]
    density, flip = fit_density(encoder, store), fit_flip(encoder, store)
    generator = state.averages["generator"]
    assert isinstance(generator, Generator)
    directions = principal_directions(generator, density)
    encoded = model_file.encode(state.config.model, state.averages, density, directions, flip)
    scores = evaluate(state.averages, density, flip, store, state.config.model, tell=tell)
    folder.mkdir(parents=True, exist_ok=True)
    card = _card(folder.name, state, store, scores, licence)
    card["first_seeds"] = presentable_seeds(generator, density)
    if note:
        card["note"] = note
    atomic_write(folder / "card.json", json.dumps(card, indent=1).encode(), new=not force)
    atomic_write(folder / "model.safetensors", encoded, new=not force)
    model_file.read(folder / "model.safetensors")  # raises unless it reads back as written
    return folder


def _card(
    name: str, state: TrainState, store: Store, scores: Scores, licence: str
) -> dict[str, Any]:
    config = state.config
    named = config.preset if config.preset in preset_names() else "paper"
    base = preset(named, config.model.classes, config.model.resolution)
    unlike = differences(config.model_copy(update={"preset": named}), base)
    changes = "".join(f" --set {shlex.quote(text)}" for text in unlike)
    stores = (
        ["STORE"] if len(store.parts) == 1 else [f"STORE{k + 1}" for k in range(len(store.parts))]
    )
    shares = [StoreShare(Path(s), w) for s, (_, w) in zip(stores, store.parts, strict=True)]
    data = " --data ".join(map(str, shares))
    rounded: dict[str, Any] = {}
    for key, value in asdict(scores).items():
        if isinstance(value, dict):
            rounded[key] = {name: round(part, 3) for name, part in value.items()}
        else:
            rounded[key] = round(value, 4)
    attributions = {KEY: store.attributions} if store.attributions else {}
    return {
        "name": name,
        "shapelab": shapelab.__version__,
        "data": {
            "source": store.index["source"],
            "licence": licence or store.index["licence"] or "not stated",
            **({"weights": store.index["weights"]} if len(store.parts) > 1 else {}),
            **({"front": "-y"} if store.is_canonical else {}),
            "train": len(store.indices("train")),
            "validation": len(store.indices("validation")),
            "rejected": len(store.rejected),
        },
        "preset": config.preset,
        "steps": state.step,
        "batch_size": config.batch_size,
        "seed": config.seed,
        "settings": config.model_dump(mode="json", exclude={"model"}),
        "figures": rounded,
        "reproduce": [
            *(_preparation(part, stores[k]) for k, (part, _) in enumerate(store.parts)),
            f"shapelab train fit --preset {named} --data {data} --run RUN{changes}",
            "shapelab train evaluate RUN",
            f"shapelab train export-model RUN {name}",
        ],
        **attributions,
    }


def _preparation(part: Store, place: str) -> str:
    """The command that makes a store again."""
    index = part.index
    fronts = index["fronts"] if part.is_canonical else {"": "-y"}
    sides = {side for side in fronts.values() if " " not in side}
    by_class = ",".join(f"{label}={side}" for label, side in fronts.items() if side in sides)
    words = ["shapelab", "train", "prepare", str(index["source"]), "--out", place]
    words += ["--resolution", str(part.resolution), "--views", str(index["views"])]
    words += ["--size", str(part.picture_size)]
    words += ["--up", index["up"]] if index.get("up") else []
    words += ["--classes", index["classes_from"]] if index.get("classes_from") else []
    words += ["--only-sellable"] if index.get("only_sellable") else []
    words += ["--front", sides.pop() if len(sides) == 1 else by_class]
    return shlex.join(words)
