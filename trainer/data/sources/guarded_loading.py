"""Loads the files of items through one guarded child per process, and turns them to z up."""

from __future__ import annotations

import atexit
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs.images import Pixels, PreparedImage
from shapelab.core.inputs.untrusted_reader import GuardedReader, ReadFile
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh

from ..source import ClosedForm, FileShape, Item, Shape
from . import source_files

_readers: dict[int, GuardedReader] = {}  # by process: a forked one must not share its parent's


def load(item: Item) -> FileShape:
    """Reads the file of an item; the axes stay those that ``untrusted_reader`` gives.

    Raises:
        InputError: one sentence.
    """
    return load_with_up(item)[0]


def load_with_up(item: Item) -> tuple[FileShape, str]:
    """Like ``load``, with what the file says of its axes.

    Returns:
        The shape, and the axis that is up where the file names it, else "".

    Raises:
        InputError: one sentence.
    """
    if item.member:
        suffix = os.path.splitext(item.member)[1]
        name = item.member.rpartition("/")[2]
        data = source_files.content(item.path, item.member)
        folder = item.member[: -len(name)]
        file = _reader().read_bytes(
            data,
            suffix,
            name=name,
            beside=lambda other: source_files.content(item.path, folder + other),
        )
    else:
        file = _reader().read(item.path)
    if not isinstance(file.content, TriMesh | VoxelGrid):
        raise InputError(f"'{item.path.name}' is a picture; a shape is wanted here.")
    return file.content, file.up


def picture(path: Path) -> Pixels:
    """The object in a picture file, cut out and framed, (S, S, 4) RGBA. Raises as ``photo``."""
    return photo(path)[1].rgba


def photo(path: Path) -> tuple[ReadFile, PreparedImage]:
    """A picture file as the app reads it, and the object in it, cut out and framed.

    Raises:
        InputError: one sentence that names the file.
    """
    try:
        file = _reader().read(path)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    if not isinstance(file.content, PreparedImage):
        raise InputError(f"'{path.name}' is a shape; a picture is wanted here.")
    return file, file.content


def _reader() -> GuardedReader:
    return _readers.setdefault(os.getpid(), GuardedReader())


@atexit.register
def close() -> None:
    """Ends this process's child; the next file starts another."""
    reader = _readers.pop(os.getpid(), None)
    if reader is not None:
        reader.close()


def y_up_to_z_up(shape: FileShape) -> FileShape:
    """Turns a quarter about x, so that y becomes z: (x, y, z) goes to (x, -z, y)."""
    if isinstance(shape, VoxelGrid):
        return replace(shape, values=np.ascontiguousarray(shape.values.swapaxes(1, 2)[:, ::-1]))
    x, y, z = shape.vertices.T
    return TriMesh(np.stack([x, -z, y], 1), shape.faces)


def turned(shape: Shape, quarters: int) -> Shape:
    """Turns about z, seen from above counter-clockwise, by quarters of a circle."""
    if quarters % 4 == 0:
        return shape
    if isinstance(shape, ClosedForm):
        return shape.turned(quarters)
    if isinstance(shape, VoxelGrid):
        return replace(shape, values=np.ascontiguousarray(np.rot90(shape.values, quarters)))
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters % 4]
    x, y, z = shape.vertices.T
    return TriMesh(np.stack([cos * x - sin * y, sin * x + cos * y, z], 1), shape.faces)
