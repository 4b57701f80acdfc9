"""Turns what a person names on a command line (seed, file, saved shape) into a shape."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.core.errors import InputError
from shapelab.core.model.latent import TRUNCATION
from shapelab.core.session.shape_file import SHAPE_SUFFIX, read_shape
from shapelab.core.session.shape_state import ShapeState, plain_state, seeded_state

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel


def resolve(model: ShapeModel, source: str) -> ShapeState:
    """The shape that a text names.

    Args:
        model: makes and encodes the shapes.
        source: a seed like ``7`` or ``chair:7``, or the path of a picture, mesh, voxel file or
            saved ``.shape.json``. A file named like a seed is meant by ``./7``.

    Raises:
        InputError: none of these, or the file cannot be used.
    """
    if re.fullmatch(r"[0-9]+", source):
        return seeded_state(model, None, int(source))
    path = Path(source).expanduser()
    if source and path.is_file():
        return from_file(model, path)
    named = re.fullmatch(r"([^/\\:]+):([0-9]+)", source)
    if named:
        return seeded_state(model, named[1], int(named[2]))
    raise InputError(f"'{source}' is no file and no seed (write 7, chair:7 or a file's name).")


def from_file(model: ShapeModel, path: Path) -> ShapeState:
    """The shape of a picture, mesh, voxel file or saved shape. Raises InputError if unusable."""
    if path.name.lower().endswith(SHAPE_SUFFIX):
        return read_shape(path, model)
    if not path.is_file():
        raise InputError(f"There is no file '{path}'.")
    from shapelab.core.inputs.reconstruct import reconstruct

    found = reconstruct(model, path)
    return plain_state(
        found.latent, found.class_name, TRUNCATION, f"{found.source_kind} {path.name}"
    )
