"""Voxel files: reads .binvox, .npy, .npz and .mat, and fits grids to the model's convention."""

from __future__ import annotations

import io
import math
import re
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.files_of_others import MAX_NPY_HEADER, npy_array, npy_header

VOXEL_SUFFIXES = (".binvox", ".npy", ".npz", ".mat")

OBJECT_SHARE = 0.75  # longest side of a fitted object as a share of the grid's: 24 of 32 cells
_MAX_SIDE = 512
_MAX_BYTES = 256 * 2**20  # of one array after unpacking
_KEYS = ("voxels", "voxel", "grid", "instance", "occupancy", "vox", "data", "arr_0")
_COVER = 0.25  # share of a coarser cell that must be full; half would lose one-cell legs


@dataclass(frozen=True)
class VoxelGrid:
    """Occupancy as a file holds it."""

    values: NDArray[np.float32]  # (x, y, z) in [0, 1]
    pitch: float  # side of a cell in the file's own unit; 1 where the file has none


def read(data: bytes, suffix: str) -> VoxelGrid:
    """Reads a voxel file.

    .binvox comes out with z up; the other formats say nothing about axes and are left as stored.

    Args:
        data: the file's bytes.
        suffix: one of ``VOXEL_SUFFIXES``.

    Raises:
        InputError: the file cannot be read or holds no single usable grid.
    """
    readers = {".binvox": _binvox, ".npy": _npy, ".npz": _npz, ".mat": _mat}
    try:
        return readers[suffix.lower()](data)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            "The voxel file needs too much memory; please save fewer cells."
        ) from error
    except Exception as error:  # readers of damaged files raise a dozen kinds
        raise InputError(
            f"The {suffix} file is damaged or cut off; please export it again."
        ) from error


def fit(grid: VoxelGrid, resolution: int) -> NDArray[np.bool_]:
    """Crops to the object and centres it in the model's grid.

    Args:
        grid: of any size.
        resolution: cells along each side of the result.

    Returns:
        (resolution,) * 3 bool; the longest side is 24/32 of the grid.

    Raises:
        InputError: the grid is empty.
    """
    full = grid.values >= 0.5
    box = bounds(full)
    if box is None:
        raise InputError("The voxel grid is empty; please choose one that holds a shape.")
    full = full[box]
    longest = round(resolution * OBJECT_SHARE)
    scale = longest / max(full.shape)
    cells = [max(1, round(side * scale)) for side in full.shape]
    return centred(resized(full, cells), resolution)


def bounds(full: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The slices of the smallest box that holds every filled cell; None if there is none."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(full.any(axis=others))
        if not filled.size:
            return None
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return tuple(box)


def centred(full: NDArray[np.bool_], resolution: int) -> NDArray[np.bool_]:
    """A box of cells in the middle of an empty grid."""
    out = np.zeros((resolution,) * 3, bool)
    out[tuple(slice((resolution - s) // 2, (resolution - s) // 2 + s) for s in full.shape)] = full
    return out


def resized(full: NDArray[np.bool_], cells: list[int]) -> NDArray[np.bool_]:
    """Cells of another size; each is filled by the share of it that the old ones cover."""
    if list(full.shape) == cells:
        return full
    share = full.astype(np.float32)
    for axis, count in enumerate(cells):
        old = full.shape[axis]
        covered = overlaps(np.linspace(0, old, count + 1), old) * np.float32(count / old)
        share = np.moveaxis(np.tensordot(covered, share, (1, axis)), 0, axis)
    shrinks = any(new < old for old, new in zip(full.shape, cells, strict=True))
    return share >= (_COVER if shrinks else 0.5) - 1e-6


def overlaps(edges: NDArray[np.floating], old: int) -> NDArray[np.float32]:
    """(n, old): how much of each of ``old`` cells of a line lies between two of n + 1 edges.

    Args:
        edges: in cells, ascending, from 0 to ``old``.
        old: number of cells.
    """
    cells = np.arange(old + 1)
    low = np.maximum(edges[:-1, None], cells[None, :-1])
    high = np.minimum(edges[1:, None], cells[None, 1:])
    return np.clip(high - low, 0, None).astype(np.float32)


def _checked(values: NDArray[Any], pitch: float = 1.0) -> VoxelGrid:
    """A grid of finite occupancies in [0, 1], or an InputError."""
    if values.dtype.kind not in "buif":
        raise InputError("The voxel file holds no numbers; please export the grid as 0 and 1.")
    values = values.reshape(
        [s for s in values.shape if s != 1] if values.ndim > 3 else values.shape
    )
    if values.ndim == 4:
        raise InputError(
            f"The file holds {values.shape[0]} voxel grids; please save the one you mean alone."
        )
    if values.ndim != 3 or not all(2 <= side <= _MAX_SIDE for side in values.shape):
        raise InputError(
            f"A voxel grid must have three axes of 2 to {_MAX_SIDE} cells; "
            f"this one has the shape {_shown(values.shape)}."
        )
    grid = values.astype(np.float32)
    low, high = float(grid.min()), float(grid.max())
    signs = (low, high) == (-1, 1) and bool((np.abs(grid) == 1).all())
    if not (math.isfinite(low) and math.isfinite(high)) or (low < 0 and not signs):
        raise InputError(
            "Voxel values must be finite and at least 0, where 0 means empty, or all -1 and 1."
        )
    if signs:
        grid = np.maximum(grid, 0)
    elif high > 1:  # whole numbers are labels or grey steps, and 0 alone is empty
        whole = values.dtype.kind in "bui" or bool((grid == np.floor(grid)).all())
        grid = (grid > 0).astype(np.float32) if whole else grid / high
    if not (grid >= 0.5).any():
        raise InputError("The voxel grid is empty; please choose one that holds a shape.")
    return VoxelGrid(np.ascontiguousarray(grid), pitch)


def _shown(shape: tuple[int, ...]) -> str:
    """A shape for people, short also where a file claims absurd ones."""
    sides = [f"{side}" if side < 10**6 else "millions" for side in shape[:6]]
    return " × ".join(sides) or "of a single number"


def _binvox(data: bytes) -> VoxelGrid:
    """Header lines, then runs of (value, count) bytes; y runs fastest, then z, then x; y is up."""
    mark = re.search(rb"\ndata[ \t]*\r?\n", data[:4096])
    if not data.startswith(b"#binvox") or mark is None:
        raise InputError("This is not a binvox file; please export it again.")
    body = data[mark.end() :]
    rows = [line.split() for line in data[: mark.start()].decode("latin-1").splitlines()]
    lines = {row[0]: row[1:] for row in rows if row}
    sides = [int(word) for word in lines["dim"]]
    if len(sides) != 3 or not all(2 <= side <= _MAX_SIDE for side in sides):
        raise InputError(f"The binvox file must have three sides of 2 to {_MAX_SIDE} cells.")
    runs = np.frombuffer(body[: len(body) // 2 * 2], np.uint8).reshape(-1, 2)
    ends = np.cumsum(runs[:, 1].astype(np.int64))
    cells = math.prod(sides)
    used = int(np.searchsorted(ends, cells)) + 1
    # A line end or padding may follow; what looks like more runs was meant to count.
    if used > len(ends) or ends[used - 1] != cells or body[2 * used :].strip(b"\r\n\0\x1a "):
        raise InputError(
            f"The binvox file is cut off or lies about its size: it says {cells} cells, but holds "
            f"{int(ends[-1]) if len(ends) else 0}; please export it again."
        )
    x_z_y = np.repeat(runs[:used, 0] != 0, runs[:used, 1]).reshape(sides)
    scale = float((lines.get("scale") or ["1"])[0])
    if not (math.isfinite(scale) and scale > 0):
        scale = 1.0
    # y up to z up is a turn about x: the new y is the old -z.
    return _checked(x_z_y[:, ::-1, :], scale / max(sides))


def _npy(data: bytes) -> VoxelGrid:
    return _checked(_array(data))


def _array(data: bytes) -> NDArray[Any]:
    """A .npy file whose header is believed only after its claims are checked."""
    shape, _, dtype, start = npy_header(data)
    if dtype.kind not in "buif":
        raise InputError("The voxel file holds no numbers; please export the grid as 0 and 1.")
    size = math.prod(shape) * dtype.itemsize
    if size > _MAX_BYTES:
        raise InputError(
            f"The voxel array of shape {_shown(shape)} is too large; please save a single grid "
            f"of at most {_MAX_SIDE} cells a side."
        )
    if len(data) - start < size:
        raise InputError("The .npy file is cut off; please save it again.")
    return npy_array(data)


def _npz(data: bytes) -> VoxelGrid:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        if len(names) > 64:
            raise InputError("The .npz file holds too many arrays; please save the grid alone.")
        name = _choose([n for n in names if len(_shape_of(archive, n)) >= 3] or names)
        with archive.open(name + ".npy") as member:  # the directory's size is not believed
            content = member.read(_MAX_BYTES + 4097)
    if len(content) > _MAX_BYTES + 4096:
        raise InputError("The array in the .npz file is too large; please save a single grid.")
    return _checked(_array(content))


def _shape_of(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """The shape that an array of an archive claims; () where it has none to be used."""
    with archive.open(name + ".npy") as member:
        try:
            return npy_header(member.read(MAX_NPY_HEADER + 12))[0]
        except (InputError, ValueError):
            return ()


def _choose(names: list[str]) -> str:
    """The array that is meant: one of the usual names, or the only one."""
    found = [name for name in _KEYS if name in names] or (names if len(names) == 1 else [])
    if not found:
        raise InputError(
            "The file does not say which array is the voxel grid; please name it 'voxels'."
        )
    return found[0]


def _mat(data: bytes) -> VoxelGrid:
    """MATLAB up to version 7; scipy's reader is not hardened, so this runs in the child process."""
    from scipy.io import loadmat, whosmat

    if data[:512].startswith(b"MATLAB 7.3"):
        raise InputError("MATLAB 7.3 files cannot be read; please save with the option '-v7'.")
    grids = [
        (name, shape)
        for name, shape, kind in whosmat(io.BytesIO(data))
        if len(shape) >= 3 and kind not in ("cell", "struct", "char", "object")
    ]
    name = _choose([n for n, _ in grids])
    if math.prod(dict(grids)[name]) > _MAX_BYTES // 8:
        raise InputError("The array in the .mat file is too large; please save a single grid.")
    return _checked(np.asarray(loadmat(io.BytesIO(data), variable_names=[name])[name]))
