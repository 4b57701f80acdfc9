"""Saved shapes: a ``.shape.json`` file, and shapes as plain data."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.core import files_of_others
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import InputError
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.model.latent import DIRECTIONS
from shapelab.core.model.model_summary import digest_today
from shapelab.core.session.shape_state import ShapeState

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

SHAPE_SUFFIX = ".shape.json"
SHAPE_FORMAT = "shapelab-shape"
SHAPE_VERSION = 2  # 1: without the surface
MAX_BYTES = 1024**2  # a shape of 1024 numbers is 60 kB
AUTO = "auto"  # a level that is found for each shape, in files and on the command line
_ARRAYS = ("base", "coefficients", "offsets")
DAMAGED = "The saved shape is damaged; please save it again."


@dataclass(frozen=True)
class ModelStamp:
    """The model that a saved shape needs."""

    name: str
    digest: str


@dataclass(frozen=True)
class SavedShape:
    """What a ``.shape.json`` file holds, or another source of one shape."""

    state: ShapeState
    surface: SurfaceOptions | None = None  # files of version 1, seeds and pictures say none


def state_to_plain(state: ShapeState) -> dict[str, Any]:
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


def state_from_plain(data: Any) -> ShapeState:
    """The inverse of ``state_to_plain``, of any model: see ``check_fits``.

    Raises:
        InputError: anything is missing or odd.
    """
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite and is refused below
            arrays = {name: np.asarray(data[name], np.float32) for name in _ARRAYS}
        seed = data["seed"]
        state = ShapeState(
            **arrays,
            class_name=str(data["class"]),
            seed=None if seed is None else int(seed),
            truncation=float(data["truncation"]),
            origin=str(data["origin"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(DAMAGED) from None
    if any(values.ndim != 1 for values in arrays.values()):
        raise InputError(DAMAGED)
    finite = all(np.isfinite(a).all() for a in arrays.values()) and math.isfinite(state.truncation)
    if not finite or (state.seed is not None and state.seed < 0):
        raise InputError("The saved shape holds impossible numbers; please save it again.")
    return state


def check_fits(state: ShapeState, model: ShapeModel) -> None:
    """Whether a model can decode a state from a file. Raises InputError if it cannot."""
    sizes = {"base": model.latent_size, "coefficients": DIRECTIONS, "offsets": model.latent_size}
    if any(getattr(state, name).shape != (size,) for name, size in sizes.items()):
        raise InputError("The saved shape does not fit this model's latent size.")
    model.density.index(state.class_name)


def surface_to_plain(surface: SurfaceOptions) -> dict[str, Any]:
    """Plain numbers and texts of a surface's options."""
    return asdict(surface) | {"level": AUTO if surface.level is None else surface.level}


def surface_from_plain(data: Any) -> SurfaceOptions:
    """The inverse of ``surface_to_plain``. Raises InputError when anything is missing or odd."""
    try:
        return SurfaceOptions(
            resolution=int(data["resolution"]),
            smoothing=int(data["smoothing"]),
            largest_part={True: True, False: False}[data["largest_part"]],
            level=None if data["level"] == AUTO else float(data["level"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(DAMAGED) from None


def write_shape(
    path: Path,
    state: ShapeState,
    model: ShapeModel,
    surface: SurfaceOptions,
    force: bool = False,
) -> None:
    """Writes a ``.shape.json`` file atomically.

    Raises:
        ExportError: it cannot be written, or one is there already (unless ``force``).
    """
    document = shape_document(state, model, surface)
    atomic_write(path, json.dumps(document, indent=1).encode(), new=not force)


def shape_document(state: ShapeState, model: ShapeModel, surface: SurfaceOptions) -> dict[str, Any]:
    """What a ``.shape.json`` file says of a shape, as plain data."""
    return {
        "format": SHAPE_FORMAT,
        "version": SHAPE_VERSION,
        "model": {"name": model.name, "digest": model.digest},
        "shape": state_to_plain(state),
        "surface": surface_to_plain(surface),
    }


def read_shape_document(path: Path) -> dict[str, Any]:
    """A ``.shape.json`` file of any model.

    Raises:
        InputError: unreadable, no such file, damaged or too new.
    """
    try:
        data = files_of_others.read_bytes(path, MAX_BYTES, links=True)
        document = files_of_others.json_of(data)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from None
    except ValueError:  # neither text nor JSON
        document = None
    return checked_document(document, path.name)


def checked_document(document: Any, name: str) -> dict[str, Any]:
    """The same document, if it is one of a shape. Raises InputError that names its file."""
    if not isinstance(document, dict) or document.get("format") != SHAPE_FORMAT:
        raise InputError(f"{name} is no shape saved by ShapeLab, or it is damaged.")
    version = document.get("version")
    if not isinstance(version, int) or version < 1:
        raise InputError(f"{name} is damaged: it has no version.")
    if version > SHAPE_VERSION:
        raise InputError(
            f"{name} was saved by a newer ShapeLab (version {version}; this one reads up to "
            f"{SHAPE_VERSION}); please update ShapeLab."
        )
    return document


def stamp_of(document: dict[str, Any]) -> ModelStamp:
    """Which model a document's shape is of; empty texts where it does not say."""
    stamp = document.get("model")
    named = stamp if isinstance(stamp, dict) else {}
    digest = digest_today(str(named.get("digest", ""))[:80])
    return ModelStamp(str(named.get("name", ""))[:80], digest)


def read_shape(path: Path, model: ShapeModel) -> SavedShape:
    """Reads a ``.shape.json`` file.

    Raises:
        InputError: unreadable, damaged, newer, or saved with another model.
    """
    document = read_shape_document(path)
    stamp = stamp_of(document)
    if stamp.digest != model.digest:
        raise InputError(
            f"{path.name} was saved with another model ('{stamp.name}') than {model.name}; open "
            "it with that one."
        )
    saved = shape_of_document(document)
    check_fits(saved.state, model)
    return saved


def shape_of_document(document: dict[str, Any]) -> SavedShape:
    """The shape that a document tells of, of any model. Raises InputError for odd ones."""
    state = state_from_plain(document.get("shape"))
    bare = document["version"] == 1  # its surface was not saved
    return SavedShape(state, None if bare else surface_from_plain(document.get("surface")))
