"""Saved shapes (``.shape.json``) and sessions: JSON with a format, a version and a model stamp."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.core.atomic import atomic_write
from shapelab.core.errors import InputError
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.model.latent import DIRECTIONS, PATHS
from shapelab.core.session.shape_state import Morph, ShapeState, Snapshot

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

SHAPE_SUFFIX = ".shape.json"
SHAPE_FORMAT = "shapelab-shape"
SHAPE_VERSION = 1
SESSION_FORMAT = "shapelab-session"
SESSION_VERSION = 1
MAX_BYTES = 4 * 1024**2  # a shape of 1024 numbers is 60 kB


def state_to_dict(state: ShapeState) -> dict[str, Any]:
    """Plain numbers and texts; float32 values survive JSON exactly."""
    return {
        "class": state.class_name,
        "seed": state.seed,
        "truncation": state.truncation,
        "origin": state.origin,
        "base": state.base.tolist(),
        "coefficients": state.coefficients.tolist(),
        "offsets": state.offsets.tolist(),
    }


def state_from_dict(data: Any, model: ShapeModel) -> ShapeState:
    """The inverse of ``state_to_dict``. Raises InputError when anything is missing or odd."""
    sizes = {"base": model.latent_size, "coefficients": DIRECTIONS, "offsets": model.latent_size}
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite and is refused below
            arrays = {name: np.asarray(data[name], np.float32) for name in sizes}
        seed = data["seed"]
        state = ShapeState(
            **arrays,
            class_name=str(data["class"]),
            seed=None if seed is None else int(seed),
            truncation=float(data["truncation"]),
            origin=str(data["origin"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError("The saved shape is damaged; please save it again.") from None
    if any(arrays[name].shape != (size,) for name, size in sizes.items()):
        raise InputError("The saved shape does not fit this model's latent size.")
    finite = all(np.isfinite(a).all() for a in arrays.values()) and math.isfinite(state.truncation)
    if not finite or (state.seed is not None and state.seed < 0):
        raise InputError("The saved shape holds impossible numbers; please save it again.")
    model.density.index(state.class_name)
    return state


def model_stamp(model: ShapeModel) -> dict[str, str]:
    """Names the model for which saved numbers have a meaning."""
    return {"name": model.name, "digest": model.digest}


def parse_document(text: str, format_name: str, newest: int, name: str) -> dict[str, Any]:
    """Reads a JSON document with format and version.

    Args:
        text: the document.
        format_name: the format that it must have.
        newest: the newest readable version.
        name: how messages call the document.

    Raises:
        InputError: not such a document, or too new.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != format_name:
        raise InputError(f"{name} is no shape saved by ShapeLab, or it is damaged.")
    version = document.get("version")
    if not isinstance(version, int) or version < 1:
        raise InputError(f"{name} is damaged: it has no version.")
    if version > newest:
        raise InputError(
            f"{name} was saved by a newer ShapeLab (version {version}; this one reads up to "
            f"{newest}); please update ShapeLab."
        )
    return document


def check_model(document: dict[str, Any], model: ShapeModel, name: str) -> None:
    """Raises InputError if the document's numbers belong to another model."""
    stamp = document.get("model")
    if not isinstance(stamp, dict) or stamp.get("digest") != model.digest:
        saved_with = stamp.get("name") if isinstance(stamp, dict) else None
        raise InputError(
            f"{name} was saved with another model ('{saved_with}'); load that model to open it."
        )


def write_shape(path: Path, state: ShapeState, model: ShapeModel) -> None:
    """Writes a ``.shape.json`` file atomically."""
    document = {
        "format": SHAPE_FORMAT,
        "version": SHAPE_VERSION,
        "model": model_stamp(model),
        "shape": state_to_dict(state),
    }
    atomic_write(path, json.dumps(document, indent=1).encode())


def read_small_text(path: Path) -> str:
    """The text of a JSON file of ours. Raises InputError when it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path.name} is too large to be a saved shape.")
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is no shape saved by ShapeLab, or it is damaged.") from None


def read_shape_document(path: Path) -> dict[str, Any]:
    """A ``.shape.json`` file of any model. Raises InputError when it is no such file."""
    return parse_document(read_small_text(path), SHAPE_FORMAT, SHAPE_VERSION, path.name)


def read_shape(path: Path, model: ShapeModel) -> ShapeState:
    """Reads a ``.shape.json`` file.

    Raises:
        InputError: unreadable, damaged, newer, or saved with another model.
    """
    document = read_shape_document(path)
    check_model(document, model, path.name)
    return state_from_dict(document.get("shape"), model)


def snapshot_to_json(snapshot: Snapshot, locked: frozenset[int], model: ShapeModel) -> str:
    """A session without its history."""
    morph = snapshot.morph
    ends = {
        end: None if state is None else state_to_dict(state)
        for end, state in (("a", morph.a), ("b", morph.b))
    }
    document = {
        "format": SESSION_FORMAT,
        "version": SESSION_VERSION,
        "model": model_stamp(model),
        "shape": state_to_dict(snapshot.state),
        "morph": {**ends, "t": morph.t, "mode": morph.mode},
        "surface": asdict(snapshot.surface),
        "locked": sorted(locked),
    }
    return json.dumps(document)


def snapshot_from_json(text: str, model: ShapeModel) -> tuple[Snapshot, frozenset[int]]:
    """The inverse of ``snapshot_to_json``. Raises InputError when it cannot be used."""
    document = parse_document(text, SESSION_FORMAT, SESSION_VERSION, "The session")
    check_model(document, model, "The session")
    state = state_from_dict(document.get("shape"), model)
    try:
        saved = document["morph"]
        ends = {e: saved[e] and state_from_dict(saved[e], model) for e in ("a", "b")}
        morph = Morph(**ends, t=min(max(float(saved["t"]), 0.0), 1.0), mode=saved["mode"])
        surface = SurfaceOptions(**document["surface"])
        locked = frozenset(int(i) for i in document["locked"])
    except (KeyError, TypeError, ValueError):
        raise InputError("The session is damaged and cannot be opened.") from None
    if morph.mode not in PATHS or not locked <= set(range(DIRECTIONS)):
        raise InputError("The session is damaged and cannot be opened.")
    return Snapshot(state, morph, surface), locked
