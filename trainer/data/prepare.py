"""Turns a source of shapes into a prepared store, pictures included, on several processes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from shapelab.core.images import to_input
from shapelab.core.spec import ModelSpec
from shapelab.errors import DataError
from trainer.data import arrays, store

RESOLUTIONS = (32, 64, 128)  # of ModelSpec
CHUNK = 16  # shapes rendered by one task: long enough to amortise a process's start


@dataclass(frozen=True)
class Prepared:
    """Progress of a preparation: ``done`` of ``total`` shapes are in the store."""

    done: int
    total: int
    message: str


def _render_chunk(
    packed: NDArray[np.uint8], rows: list[int], views: int, size: int, resolution: int
) -> tuple[list[int], NDArray[np.uint8]]:
    from trainer.data.render import render_views, shape_mesh

    spec = ModelSpec(image_size=size, image_mode="LA")
    pictures = []
    for row, bits in zip(rows, packed, strict=True):
        grid = np.unpackbits(bits).astype(bool).reshape((resolution,) * 3)
        rgba = render_views(shape_mesh(grid), views, size, row, resolution)
        inputs = [to_input(picture, spec) for picture in rgba]
        pictures.append((np.stack(inputs) * 255).round().astype(np.uint8))
    return rows, np.stack(pictures)


def prepare(
    source: Path, out: Path, views: int = 8, size: int = 64, resolution: int = 32, workers: int = 0
) -> Iterator[Prepared]:
    """Reads ``source``, drops what is unusable, renders and stores; yields its progress.

    A run that was stopped goes on where it was: rendered rows are marked in ``rendered.npy``.

    Raises:
        DataError: the source holds nothing usable, or the folder holds another store.
    """
    if resolution not in RESOLUTIONS:
        raise DataError(f"A resolution of {resolution} has no networks; use 32, 64 or 128.")
    data = arrays.read(source, resolution)
    total = len(data.labels)
    out.mkdir(parents=True, exist_ok=True)
    if (out / "index.json").exists():
        if store.open_store(out).index["digests"] == list(data.digests):
            yield Prepared(total, total, f"{out} is already complete: {total} shapes.")
            return
        raise DataError(f"{out} holds other shapes; name an empty folder with --out.")
    packed = np.packbits(data.grids.reshape(total, -1), axis=1)
    np.save(out / "occupancy.npy", packed)
    yield Prepared(0, total, f"{total} shapes kept, {len(data.rejected)} rejected.")
    if views:
        yield from render_all(out, packed, views, size, resolution, workers)
    store.write_index(
        out,
        {
            "source": source.name,
            "resolution": resolution,
            "classes": list(data.classes),
            "labels": data.labels.tolist(),
            "split": store.choose_split(data.labels).tolist(),
            "views": views,
            "picture_size": size,
            "sources": list(data.sources),
            "digests": list(data.digests),
            "rejected": [list(pair) for pair in data.rejected],
        },
    )
    yield Prepared(total, total, f"Stored {total} shapes in {out}.")


def render_all(
    out: Path, packed: NDArray[np.uint8], views: int, size: int, resolution: int, workers: int
) -> Iterator[Prepared]:
    """Renders packed grids (n, R^3 / 8) into ``views.npy``; what is marked as rendered stays."""
    import joblib

    total = len(packed)
    shape = (total, views, 2, size, size)
    pictures = _memmap(out / "views.npy", shape, np.uint8)
    done = _memmap(out / "rendered.npy", (total,), np.bool_)
    missing = np.flatnonzero(~done)
    chunks = [missing[i : i + CHUNK].tolist() for i in range(0, len(missing), CHUNK)]
    with _workers(workers or os.cpu_count() or 1) as parallel:
        results = parallel(
            joblib.delayed(_render_chunk)(packed[rows], rows, views, size, resolution)
            for rows in chunks
        )
        try:
            for rows, block in results:
                pictures[rows] = block
                pictures.flush()
                done[rows] = True
                done.flush()
                yield Prepared(int(done.sum()), total, "rendering")
        finally:
            with warnings.catch_warnings():  # who stops here knows that work is cut off
                warnings.simplefilter("ignore", UserWarning)
                results.close()


@contextmanager
def _workers(jobs: int) -> Iterator[Any]:
    """Processes for tasks, gone afterwards: idle ones would keep what they have imported."""
    import joblib
    from joblib.externals.loky import get_reusable_executor

    try:
        with joblib.Parallel(n_jobs=jobs, return_as="generator_unordered") as parallel:
            yield parallel
    finally:
        if jobs > 1:
            get_reusable_executor().shutdown(wait=True)


def _memmap(path: Path, shape: tuple[int, ...], dtype: type) -> np.memmap:
    """Opens an array on disk for writing; keeps what is there when it has the same shape."""
    if path.exists():
        existing = np.load(path, mmap_mode="r+", allow_pickle=False)
        if existing.shape == shape and existing.dtype == dtype:
            return existing
        del existing
        path.unlink()
    return open_memmap(path, mode="w+", dtype=dtype, shape=shape)
