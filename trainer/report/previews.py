"""A run's previews: what they show; a strip of pictures to look at, and the shapes as voxels."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shapelab.core.atomic import atomic_write
from shapelab.core.mesh.ray_picture import LEVEL
from shapelab.core.model.latent import seed_noise
from shapelab.core.runs.previews import FORMAT, VERSION, preview_path

from ..data.pictures.draw import draw, strip
from ..data.store.prepared_store import Store
from ..evaluation.code_statistics import PREVIEW_CODES, TRAINING_TRUNCATION, fit_density
from ..process.control import Check, never_stop
from ..updates.encoding import encode_grids, encode_pictures
from ..updates.schedule import learns_pictures
from ..updates.state import TrainState

PREVIEWED = 10  # shapes in a row of a preview

Occupancies = NDArray[np.float32]  # (n, R, R, R) in [0, 1]


def preview_rows(
    state: TrainState, store: Store, check: Check = never_stop
) -> dict[str, Occupancies]:
    """The same shapes at every call, (n, R, R, R) each, by what they show.

    The samples come from the class Gaussians of some encoded training shapes, as in the app, and
    from the run's ``preview_seed``.
    """
    device, averages = state.processes.device, state.averages
    held_out = store.indices("validation")
    rows = held_out[np.linspace(0, len(held_out) - 1, min(PREVIEWED, len(held_out))).astype(int)]

    def decoded(latents: NDArray[np.float32]) -> Occupancies:
        with torch.inference_mode():
            logits = averages["generator"](torch.from_numpy(latents).to(device))
            return torch.sigmoid(logits.float())[:, 0].cpu().numpy()

    shown = {"held out": store.grids(rows).astype(np.float32)}
    shown["from voxels"] = decoded(encode_grids(averages["voxel_encoder"], store, rows, check))
    if learns_pictures(state.config, state.step, store.has_pictures):
        encoder, spec = averages["image_encoder"], state.config.model
        seen = encode_pictures(encoder, store, rows, 0, spec, check)
        shown["from pictures"] = decoded(seen)
    density = fit_density(averages["voxel_encoder"], store, PREVIEW_CODES, check)
    noise = seed_noise(state.config.preview_seed, density.latent_size, PREVIEWED)
    names = [store.classes[i % len(store.classes)] for i in range(PREVIEWED)]
    samples = [
        density.place(row, name, TRAINING_TRUNCATION)
        for row, name in zip(noise, names, strict=True)
    ]
    shown["samples"] = decoded(np.stack(samples))
    return shown


def write(folder: Path, step: int, rows: Mapping[str, Occupancies]) -> Path:
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
    pictures = [[draw(shape) for shape in shapes] for shapes in rows.values()]
    atomic_write(path, strip(pictures, list(rows)))
    return path


def _packed(rows: Mapping[str, Occupancies]) -> bytes:
    """An .npz of the rows, one bit a voxel; numpy's own savez takes no row that is called 'file'.

    Packed along z alone, (n, R, R, ceil(R / 8)) uint8, so that R can be read off the array.
    """
    arrays: dict[str, NDArray] = {FORMAT: np.array(VERSION)}
    arrays |= {name: np.packbits(shapes > LEVEL, axis=-1) for name, shapes in rows.items()}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return data.getvalue()
