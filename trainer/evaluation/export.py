"""Turns a run into a model file with its card, after scoring it on held-out shapes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import shapelab
from shapelab.core.errors import ExportError
from shapelab.core.model import model_file
from shapelab.core.model.attributions import KEY
from shapelab.core.model.model_file import PICTURES
from shapelab.core.model.networks import Generator
from shapelab.core.paths import find_model
from shapelab.core.runs.presets import differences, preset, preset_names
from shapelab.core.runs.store_mix import RunData, StoreShare

from ..data.store.joined_store import open_data
from ..data.store.prepared_store import Store
from ..process.control import Check, Tell, never_stop, say_nothing
from ..updates.imagenet_weights import MADE_FROM
from ..updates.state import TrainState
from . import model_folder
from .code_statistics import presentable_seeds, principal_directions
from .measures import Evaluation
from .prior import fit_prior
from .scoring import evaluate
from .subjects import encoded, held_out_of, of_bytes, read_run


def export(
    run: Path,
    name: str,
    data: RunData,
    licence: str,
    note: str = "",
    checkpoint: str = "newest",
    tell: Tell = say_nothing,
    force: bool = False,
    check: Check = never_stop,
) -> Path:
    """Writes ``model.safetensors`` and ``card.json``, both or neither.

    Args:
        run: folder of the run.
        name: a plain name goes to the user's models; a path with a separator is used as it is.
        data: the store that it was trained on, or several.
        licence: terms of the training data; "" for those that their reader knows.
        note: anything else that the card should say.
        checkpoint: as for ``read_run``.
        tell: as for ``evaluate``.
        force: replace a model that is there.
        check: as for ``evaluate``; nothing is written when it raises.

    Returns:
        The folder written.

    Raises:
        ExportError: there is a model of that name already, or it cannot be written.
    """
    folder = model_folder.free_folder(name, force)
    state, store = read_run(run, data, checkpoint)
    made = encoded(state, store, tell, check)
    subject = of_bytes(made, folder.name, state.learnt_critic)
    scores = evaluate(subject, held_out_of(store, subject.model.spec), tell=tell, check=check)
    card = _card(folder.name, state, store, scores, licence)
    card["first_seeds"] = presentable_seeds(state.averages["generator"], subject.model.density)
    if note:
        card["note"] = note
    model_folder.write(folder, card, made, force)
    return folder


def renew_prior(
    model: str,
    name: str,
    data: RunData,
    tell: Tell = say_nothing,
    force: bool = False,
    check: Check = never_stop,
) -> Path:
    """Writes a model again with a prior that is fitted anew; its networks stay as they are.

    Args:
        model: the model, by name or path.
        name: as for ``export``.
        data: the store that the model was trained on, or several.
        tell: as for ``export``.
        force: as for ``export``.
        check: as for ``export``.

    Raises:
        ModelFileError: there is no such model, or it is damaged.
        ExportError: as for ``export``, or the data are not those of the model.
    """
    place = find_model(model)
    parts, store = model_file.read(place / "model.safetensors"), open_data(data)
    if "voxel_encoder" not in parts.networks:
        raise ExportError(
            f"{model} was not trained, so there is no prior to fit; name another one."
        )
    folder = model_folder.free_folder(name, force)
    if parts.spec.classes != store.classes or parts.spec.resolution != store.resolution:
        raise ExportError(f"{store.name} has other classes or another resolution than {model}.")
    generator, encoder = parts.networks["generator"], parts.networks["voxel_encoder"]
    assert isinstance(generator, Generator)
    density = fit_prior(generator, encoder, store, parts.flip is not None, tell, check)
    directions = principal_directions(generator, density)
    made = model_file.encode(parts.spec, parts.networks, density, directions, parts.flip)
    subject = of_bytes(made, folder.name)
    scores = evaluate(subject, held_out_of(store, subject.model.spec), tell=tell, check=check)
    card = parts.card | {"name": folder.name, "shapelab": shapelab.__version__}
    card["figures"] = parts.card.get("figures", {}) | _rounded(scores)
    card["first_seeds"] = presentable_seeds(generator, density)
    card["prior"] = f"shapelab train fit-prior {place.name} {folder.name} --data STORE"
    model_folder.write(folder, card, made, force)
    return folder


def _rounded(scores: Evaluation) -> dict[str, Any]:
    """The figures of a card."""
    rounded: dict[str, Any] = {"shapes": scores.shapes, "truncation": scores.truncation}
    if scores.best_level is not None:
        rounded["best_level"] = scores.best_level
    for key, figure in scores.figures.items():
        rounded[key] = round(figure.mean, 4)
        groups = {"class": figure.by_class, "source": figure.by_source}
        for group, values in groups.items():
            if values:
                rounded[f"{key}_by_{group}"] = {k: round(each, 3) for k, each in values.items()}
    return rounded


def _card(
    name: str, state: TrainState, store: Store, scores: Evaluation, licence: str
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
    from_imagenet = config.model.has_backbone and PICTURES in state.learnt(store.has_pictures)
    made_from = [*store.attributions, *([MADE_FROM] if from_imagenet else [])]
    attributions = {KEY: made_from} if made_from else {}
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
        "figures": _rounded(scores),
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
