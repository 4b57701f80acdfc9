"""Previews of a run: a strip of pictures to look at, and beside it the same shapes as voxels."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shapelab.core.atomic import atomic_write
from shapelab.errors import RunError
from trainer.draw import LEVEL, draw, strip

Fields = NDArray[np.float32]  # (n, R, R, R) occupancy in [0, 1]
Grids = NDArray[np.bool_]  # (n, R, R, R)

VERSION = 1
_FORMAT = "#shapelab-previews"  # an entry with the version; no row is called so


def write(folder: Path, step: int, rows: Mapping[str, Fields]) -> Path:
    """Writes ``step-000000123.png`` and ``.npz``, and returns the picture's path.

    The voxels come first: where there is a picture, there are its shapes.

    Args:
        folder: made if it is not there.
        step: after which the shapes were made.
        rows: shapes (n, R, R, R) in [0, 1] under the caption of their row, top row first.

    Raises:
        OSError: the folder cannot be made.
        ExportError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:09d}.png"
    atomic_write(path.with_suffix(".npz"), _packed(rows))
    pictures = [[draw(field) for field in fields] for fields in rows.values()]
    atomic_write(path, strip(pictures, list(rows)))
    return path


def _packed(rows: Mapping[str, Fields]) -> bytes:
    """An .npz of the rows, one bit a voxel; numpy's own savez takes no row that is called 'file'.

    Packed along z alone, (n, R, R, ceil(R / 8)) uint8, so that R can be read off the array.
    """
    arrays: dict[str, NDArray] = {_FORMAT: np.array(VERSION)}
    arrays |= {name: np.packbits(fields > LEVEL, axis=-1) for name, fields in rows.items()}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return data.getvalue()


def read(path: Path) -> dict[str, Grids]:
    """The shapes of a preview, by the caption of their row, top row first.

    Args:
        path: of the picture or of the voxels beside it.

    Raises:
        RunError: there are none, they are damaged or of a newer ShapeLab.
    """
    path = path.with_suffix(".npz")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            version = int(file[_FORMAT])
            packed = {name: file[name] for name in file.files if name != _FORMAT}
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


def newest(folder: Path) -> Path | None:
    """The latest picture in a folder of previews."""
    return max(folder.glob("step-*.png"), default=None)
