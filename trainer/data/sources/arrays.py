"""Voxel files: big labelled arrays, and folders of single grids.

Labelled arrays are an ``.npz`` with ``voxels`` (n, x, y, z), and ``labels`` (n,) with ``classes``
(k,) where known, or an ``.npy`` of ``voxels`` alone; each grid is an item. Of a folder
with several of them the largest is read: they mostly hold the same shapes in other ways, which
must not come into two splits. They are read here, without a child: only zlib and numpy's plain
numbers take part, their claims are checked, and memory is bounded.
Single grids are ``.npz``, ``.npy``, ``.binvox`` and ``.mat`` files; the folders in the source are
their classes. A stack of ModelNet10's ten classes has their fronts. Axes are x, y, z with z up as
stored, unless ``Item.up`` says y.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core import files_of_others
from shapelab.core.errors import DataError, InputError
from shapelab.core.inputs import voxel_files
from shapelab.core.inputs.voxel_files import VoxelGrid, bounds

from ..source import FileShape, Item, Reader
from . import guarded_loading, source_files
from .fronts import MODELNET10
from .meshes import classified

_STACKS = (".npz", ".npy")
_LARGEST = 20  # files of a folder that may be stacks; one of 50,000 single grids is not searched
_MAX_CELLS = 2**32  # of a stack: 512 MB once packed
_MAX_GRIDS = 200_000
_MAX_BYTES = 2**33  # of one, before it is packed
_DEFLATED = 1032  # bytes of zeros in one that is deflated, at most
_BLOCK = 2**26  # bytes unpacked at a time
_MAX_SMALL = 2**26  # bytes of labels or class names


@dataclass(frozen=True)
class Stack:
    """A file of many grids."""

    packed: NDArray[np.uint8]  # (n, cells / 8), as numpy.packbits gives
    shape: tuple[int, ...]  # of one grid


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any], bytes]:
    """What an array of a stream claims, and the first of its numbers."""
    start = stream.read(files_of_others.MAX_NPY_HEADER + 128)
    shape, fortran, dtype, offset = files_of_others.npy_header(start)
    return shape, fortran, dtype, start[offset:]


@contextmanager
def _stack_stream(path: Path) -> Iterator[IO[bytes]]:
    """The array of grids in a file, as a .npy stream; KeyError where there is none."""
    with source_files.opened(path) as file:
        if path.suffix.lower() == ".npy":
            yield file
        else:
            with zipfile.ZipFile(file) as archive, archive.open("voxels.npy") as member:
                yield member


def _shape(path: Path) -> tuple[int, ...] | None:
    """(n, x, y, z) where the file is a stack, by its header alone."""
    try:
        with _stack_stream(path) as stream:
            shape, _, dtype, _ = _header(stream)
    except Exception:  # noqa: BLE001 - a file of another kind; who reads it will say so
        return None
    return shape if len(shape) == 4 and dtype.kind in "buif" and min(shape) > 0 else None


def find_stack(source: Path) -> Path | None:
    """The source itself or the largest file in it that holds many grids; None without one."""
    if source.is_file():
        return source if source.suffix.lower() in _STACKS and _shape(source) else None
    paths = [source / n for n in source_files.files(source) if n.lower().endswith(_STACKS)]
    largest = sorted(paths, key=lambda p: (-p.stat().st_size, p))[:_LARGEST]
    return next((path for path in largest if _shape(path)), None)


@lru_cache(maxsize=1)
def _stack(path: Path, changed: int) -> Stack | InputError:
    """The stack of a file, or why there is none; found once a process, not for each item."""
    del changed  # is there to notice another file of the same name
    try:
        return _unpacked(path)
    except InputError as error:
        return error
    except Exception:  # noqa: BLE001 - of a damaged or cut archive
        return InputError(f"{path.name} is damaged or cut off; save it again.")


def _check_claims(path: Path) -> None:
    """Before anything is made of the grids that a file claims to hold. Raises InputError."""
    with _stack_stream(path) as stream:
        shape, _, dtype, _ = _header(stream)
    claimed = math.prod(shape) * dtype.itemsize
    many = shape[0] > _MAX_GRIDS or math.prod(shape) > _MAX_CELLS or claimed > _MAX_BYTES
    if many or max(shape[1:]) > 512:
        raise InputError(f"{path.name} holds too many cells; please save it in several files.")
    held = path.stat().st_size
    if path.suffix.lower() == ".npz":
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("voxels.npy")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{path.name} is packed in an odd way; save it with numpy.")
        held = min(member.file_size, member.compress_size * _DEFLATED, held * _DEFLATED)
    if claimed > held:
        raise InputError(
            f"{path.name} is cut off: it says {shape[0]} grids and has no room for them; save it "
            "again."
        )


def _unpacked(path: Path) -> Stack:
    """All grids of a file as bits, in blocks of bounded size."""
    _check_claims(path)
    with _stack_stream(path) as stream:
        shape, fortran, dtype, start = _header(stream)
        count, cells = shape[0], math.prod(shape[1:])
        if fortran:
            raise InputError(f"{path.name} is in Fortran order; save it with ascontiguousarray.")
        size = cells * dtype.itemsize
        rows = max(1, _BLOCK // size)
        packed = np.zeros((count, -(-cells // 8)), np.uint8)
        for first in range(0, count, rows):
            block = min(rows, count - first)
            data = start + stream.read(max(0, block * size - len(start)))
            start = data[block * size :]
            values = np.frombuffer(data, dtype, block * cells).reshape(block, cells)
            packed[first : first + block] = np.packbits(values > 0.5, axis=1)
    return Stack(packed, shape[1:])


def _names(path: Path, count: int) -> list[str]:
    """The label of each grid of a stack."""
    try:
        if path.suffix.lower() == ".npy":
            return [path.stem] * count
        with source_files.opened(path) as file, zipfile.ZipFile(file) as archive:
            if "labels.npy" not in archive.namelist():
                return [path.stem] * count
            labels = _small(archive, "labels").astype(np.int64)
            has_names = "classes.npy" in archive.namelist()
            classes = _small(archive, "classes") if has_names else np.arange(labels.max() + 1)
    except Exception as error:
        raise DataError(f"{path.name} cannot be read as labelled voxels: {error}.") from error
    if labels.shape != (count,) or labels.min() < 0 or labels.max() >= len(classes):
        raise DataError(f"{path.name}: voxels, labels and classes do not belong together.")
    return [str(name) for name in classes[labels]]


def _small(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as stream:
        shape, _, dtype, data = _header(stream)
        size = math.prod(shape) * dtype.itemsize
        if len(shape) != 1 or size > _MAX_SMALL:
            raise ValueError(f"{name} is no list")
        data += stream.read(size)
    return np.frombuffer(data, dtype, shape[0])


def _sniff(source: Path) -> bool:
    return any(
        PurePosixPath(n).suffix.lower() in voxel_files.VOXEL_SUFFIXES
        for n in source_files.peek(source)
    )


def _items(source: Path) -> list[Item]:
    path = find_stack(source)
    if path is None:
        return classified(source, voxel_files.VOXEL_SUFFIXES)
    shape = _shape(path)
    assert shape is not None  # as it was found
    name = path.name if path == source else path.relative_to(source).as_posix()
    try:
        _check_claims(path)
    except InputError as error:
        raise DataError(str(error)) from error
    labels = _names(path, shape[0])
    fronts = MODELNET10 if set(labels) == set(MODELNET10) else {}
    return [
        Item(f"{name}#{index:06d}", label, path, str(index), front=fronts.get(label, ""))
        for index, label in enumerate(labels)
    ]


def _load(item: Item) -> FileShape:
    if item.member and item.path.suffix.lower() in _STACKS:
        grid: FileShape = _from_stack(item)
    else:
        grid = guarded_loading.load(item)
        if (item.member or item.path.name).lower().endswith(".binvox"):
            return grid  # has y up and comes turned
    return guarded_loading.y_up_to_z_up(grid) if item.up == "y" else grid


def _from_stack(item: Item) -> VoxelGrid:
    try:
        stack = _stack(item.path, item.path.stat().st_mtime_ns)
    except OSError as error:
        raise InputError(f"{item.path.name} cannot be read any more.") from error
    if isinstance(stack, InputError):
        raise InputError(str(stack))
    bits = np.unpackbits(stack.packed[int(item.member)], count=math.prod(stack.shape))
    values = bits.reshape(stack.shape).astype(np.float32)
    if bounds(values > 0) is None:
        raise InputError("The voxel grid is empty; please choose one that holds a shape.")
    return VoxelGrid(values, 1.0)


ARRAYS = Reader("voxel files", "as their makers say", _sniff, _items, _load, fronts_vary=True)
