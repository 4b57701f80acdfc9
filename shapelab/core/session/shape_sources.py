"""Shapes from outside: what a person names by a seed or by a file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs.untrusted_reader import CancelFlag, ReadFile, read_untrusted
from shapelab.core.mesh.meshing import AUTOMATIC
from shapelab.core.model.latent import TRUNCATION
from shapelab.core.session.recipe import recipe_of_file
from shapelab.core.session.shape_comparison import SOLID, Subject
from shapelab.core.session.shape_file import SHAPE_SUFFIX, SavedShape, read_shape
from shapelab.core.session.shape_state import ShapeState, plain_state, seeded_state

if TYPE_CHECKING:
    from shapelab.core.inputs.depth.depth_picture import Lens
    from shapelab.core.inputs.picture_hints import PictureHints
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.inputs.scan import Stance
    from shapelab.core.model.shape_model import ShapeModel


@dataclass(frozen=True, eq=False)
class SourcedShape:
    """The shape of a file or of several."""

    saved: SavedShape
    found: Reconstruction | None = None  # how it was made; None where a file held it as it is


def named_shape(model: ShapeModel, source: str) -> ShapeState:
    """The shape that a text on a command line names.

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
    if source and os.path.isfile(path):
        return shape_of_file(model, path).saved.state
    named = re.fullmatch(r"([^/\\:]+):([0-9]+)", source)
    if named:
        return seeded_state(model, named[1], int(named[2]))
    raise InputError(f"'{source}' is no file and no seed (write 7, chair:7 or a file's name).")


def compared_shape(
    model: ShapeModel, source: str, surface: Mapping[str, Any] | None = None
) -> Subject:
    """What a text on a command line names, as it is compared.

    That is the shape that it names, but of a mesh, voxel file or point cloud what the file itself
    holds, in the model's grid; a mesh that the model made is its shape.

    Args:
        model: makes and encodes the shapes.
        source: as ``named_shape`` takes it.
        surface: options of a shape's surface, instead of its own.

    Raises:
        InputError: as ``named_shape`` does.
    """
    path = Path(source).expanduser()
    shape = None
    if source and os.path.isfile(path) and not re.fullmatch(r"[0-9]+", source):
        shape = shape_of_file(model, path)
        if shape.found is not None and shape.found.voxels is not None:
            return Subject(path.name, np.asarray(shape.found.voxels, np.float32), SOLID)
    saved = SavedShape(named_shape(model, source)) if shape is None else shape.saved
    options = replace(saved.surface or AUTOMATIC, **(surface or {}))
    return Subject(saved.state.origin, model.decode(saved.state.latent(model)), options)


def shape_of_file(
    model: ShapeModel,
    path: Path,
    hints: PictureHints | None = None,
    cancel: CancelFlag | None = None,
    stance: Stance | None = None,
    seen_from: tuple[float, float] | None = None,
    lens: Lens | None = None,
) -> SourcedShape:
    """The shape of a picture, mesh, voxel file or saved shape.

    Args:
        model: makes and encodes the shapes.
        path: of the file; a mesh that ShapeLab made of this model says which shape it was.
        hints: what a picture shows, and where.
        cancel: as ``reconstruct`` takes it.
        stance: how the object of a mesh, voxel file or point cloud stands.
        seen_from: of a mesh or point cloud that was taken from one side alone, degrees around
            from the front, counter-clockwise from above, and up: it is completed. A depth picture
            always is, and what is not said of it is guessed.
        lens: of a depth picture.

    Raises:
        InputError: it is unusable, or hints are given and it is no picture, or a stance and it is.
        Cancelled: ``cancel`` was set.
    """
    if path.name.lower().endswith(SHAPE_SUFFIX):
        if any(each is not None for each in (hints, stance, seen_from, lens)):
            raise InputError(f"{path.name} is a saved shape; only of other files more can be said.")
        return SourcedShape(read_shape(path, model))
    if not os.path.isfile(path):
        raise InputError(f"There is no file '{path}'.")
    from shapelab.core.inputs.depth.depth_object import Shot
    from shapelab.core.inputs.reconstruct import GUESSED, NO_HINTS, reconstruct
    from shapelab.core.inputs.unseen.one_sided import as_taken, completed, eye_at
    from shapelab.core.inputs.untrusted_worker import KINDS

    source: Path | ReadFile = path
    if (
        hints is None
        and stance is None
        and seen_from is None
        and lens is None
        and KINDS.get(path.suffix.lower()) == "mesh"
    ):
        source = read_untrusted(path, cancel)
        recipe = recipe_of_file(source, path)
        if recipe is not None and recipe.fits(model):
            return SourcedShape(recipe.shape)
    shot = Shot(lens, seen_from)
    found = reconstruct(model, source, cancel, hints or NO_HINTS, stance or GUESSED, shot)
    if found.source_kind == "depth":
        said = seen_from is not None or (stance is not None and stance.turns is not None)
        found = as_taken(model, found, cancel, 0 if said else None)
    elif seen_from is not None:
        found = completed(model, found, eye_at(*seen_from), cancel)
    return _sourced(found, f"{found.source_kind} {path.name}")


def shape_of_views(
    model: ShapeModel,
    paths: Sequence[Path],
    class_name: str | None = None,
    cancel: CancelFlag | None = None,
) -> SourcedShape:
    """The shape of one object, of a class if that is said, in several pictures.

    Raises:
        InputError: one of them is unusable.
        Cancelled: ``cancel`` was set.
    """
    from shapelab.core.inputs.reconstruct import reconstruct_views

    for path in paths:
        if not os.path.isfile(path):
            raise InputError(f"There is no file '{path}'.")
    found = reconstruct_views(model, paths, cancel, class_name)
    return _sourced(found, f"pictures {', '.join(path.name for path in paths)}")


def _sourced(found: Reconstruction, origin: str) -> SourcedShape:
    state = plain_state(found.latent, found.class_name, TRUNCATION, origin)
    return SourcedShape(SavedShape(state), found)
