"""Previews of a run, read: pictures of the same shapes at every step, and the shapes as voxels."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shapelab.core import files_of_others
from shapelab.core.errors import InputError, RunError

Grids = NDArray[np.bool_]  # (n, R, R, R)

VERSION = 1
_MAX_BYTES = 16 * 2**20  # of a preview's picture, and of its shapes
_MAX_UNPACKED = 64 * 2**20  # bytes; eight rows of eight shapes at 128^3 have 17 MB
_MAX_SIDE = 4096  # of a picture, px
# Layout of the picture, px: captions at the left, then the shapes of a row side by side.
TILE, GAP, BORDER = 128, 6, 16
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"  # how such a file begins; width and height follow
_NAME = re.compile(r"step-([0-9]{1,15})\.png")
FORMAT = "#shapelab-previews"  # an entry with the version; no row is called so


def preview_path(folder: Path, step: int) -> Path:
    """The picture of a step in a folder of previews; its voxels are the ``.npz`` beside it."""
    return folder / f"step-{step:09d}.png"


def preview_steps(folder: Path) -> list[int]:
    """The steps of which there are previews, oldest first; none where there is no folder."""
    names = (_NAME.fullmatch(path.name) for path in folder.glob("step-*.png"))
    return sorted(int(name[1]) for name in names if name)


def tile_corner(width: int, columns: int, row: int, column: int) -> tuple[int, int]:
    """Left and top (px) of a shape's tile, of TILE px, in a picture so wide.

    Args:
        width: of the picture, px; the captions take what the tiles leave.
        columns: shapes in the longest row.
        row: from the top, 0 first.
        column: from the left, 0 first.
    """
    pitch = TILE + GAP
    return width - BORDER + GAP - (columns - column) * pitch, BORDER + row * pitch


def read_preview(path: Path) -> dict[str, Grids]:
    """The shapes of a preview, by the caption of their row, top row first.

    Args:
        path: of the picture or of the voxels beside it.

    Raises:
        RunError: there are none, they are damaged or of a newer ShapeLab.
    """
    path = path.with_suffix(".npz")
    try:
        packed = files_of_others.npz_arrays(
            files_of_others.read_bytes(path, _MAX_BYTES), _MAX_UNPACKED
        )
        version = int(packed.pop(FORMAT))
    except FileNotFoundError:
        raise RunError(f"There are no shapes at {path}; the preview was removed.") from None
    except (OSError, ValueError, KeyError, TypeError, InputError) as error:
        raise RunError(f"{path} is damaged; look at another preview.") from error
    if version > VERSION:
        raise RunError(f"{path} was written by a newer ShapeLab; please update ShapeLab.")
    if not all(_is_packed(bits) for bits in packed.values()):
        raise RunError(f"{path} holds no shapes; look at another preview.")
    return {
        name: np.unpackbits(bits, axis=-1, count=bits.shape[1]).astype(np.bool_)
        for name, bits in packed.items()
    }


def _is_packed(bits: NDArray[np.generic]) -> bool:
    """Whether they are grids (n, R, R, R / 8) with eight cells in a byte."""
    if bits.dtype != np.uint8 or bits.ndim != 4:
        return False
    side = bits.shape[1]
    return 0 < side <= 128 and bits.shape[1:] == (side, side, -(-side // 8))


def picture_bytes(path: Path) -> bytes:
    """The PNG file of a preview, once it claims no absurd size.

    Raises:
        RunError: there is none, or it is none of ours.
    """
    try:
        data = files_of_others.read_bytes(path, _MAX_BYTES)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}.") from None
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    if not (data.startswith(_PNG) and 0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise RunError(f"{path} is damaged; look at another preview.")
    return data
