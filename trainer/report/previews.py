"""Writes a run's previews: a strip of pictures to look at, and beside it the shapes as voxels."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shapelab.core.atomic import atomic_write
from shapelab.core.runs.previews import FORMAT, VERSION, preview_path

from .draw import LEVEL, draw, strip

Fields = NDArray[np.float32]  # (n, R, R, R) occupancy in [0, 1]


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
    path = preview_path(folder, step)
    atomic_write(path.with_suffix(".npz"), _packed(rows))
    pictures = [[draw(field) for field in fields] for fields in rows.values()]
    atomic_write(path, strip(pictures, list(rows)))
    return path


def _packed(rows: Mapping[str, Fields]) -> bytes:
    """An .npz of the rows, one bit a voxel; numpy's own savez takes no row that is called 'file'.

    Packed along z alone, (n, R, R, ceil(R / 8)) uint8, so that R can be read off the array.
    """
    arrays: dict[str, NDArray] = {FORMAT: np.array(VERSION)}
    arrays |= {name: np.packbits(fields > LEVEL, axis=-1) for name, fields in rows.items()}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return data.getvalue()
