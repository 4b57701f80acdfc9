"""Previews of a run, read: pictures of the same shapes at every step, and the shapes as voxels."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import RunError

Grids = NDArray[np.bool_]  # (n, R, R, R)

VERSION = 1
# Layout of the picture, px: captions at the left, then the shapes of a row side by side.
TILE, GAP, BORDER = 128, 6, 16
FORMAT = "#shapelab-previews"  # an entry with the version; no row is called so


def preview_path(folder: Path, step: int) -> Path:
    """The picture of a step in a folder of previews; its voxels are the ``.npz`` beside it."""
    return folder / f"step-{step:09d}.png"


def preview_steps(folder: Path) -> list[int]:
    """The steps of which there are previews, oldest first; none where there is no folder."""
    names = (path.stem.removeprefix("step-") for path in folder.glob("step-*.png"))
    return sorted(int(name) for name in names if name.isdecimal())


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
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            version = int(file[FORMAT])
            packed = {name: file[name] for name in file.files if name != FORMAT}
    except FileNotFoundError:
        raise RunError(f"There are no shapes at {path}; the preview was removed.") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(f"{path} is damaged; look at another preview.") from error
    if version > VERSION:
        raise RunError(f"{path} was written by a newer ShapeLab; please update ShapeLab.")
    if any(bits.dtype != np.uint8 or bits.ndim != 4 for bits in packed.values()):
        raise RunError(f"{path} holds no shapes; look at another preview.")
    return {
        name: np.unpackbits(bits, axis=-1, count=bits.shape[1]).astype(np.bool_)
        for name, bits in packed.items()
    }
