"""Codes of the cameras of a store's pictures, as the image encoder learns them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs.images import FILL
from shapelab.core.model.camera import CODE, Camera

from ..pictures.picture_cameras import first_cameras, picture_seed
from ..sources.source_table import READERS
from ..store.prepared_store import Store

EDGE = 0.4  # cells; how far a cell is taken to reach around its middle


def framed(camera: Camera, grid: NDArray[np.bool_]) -> Camera:
    """The camera with the frame that ``images.frame`` gives a picture of this (R, R, R) grid.

    Each solid cell is seen at its offset across the line of sight divided by its depth, with the
    grid's middle at depth 1 (a pinhole camera); the frame is the square around all of them.
    """
    points = (np.argwhere(grid) + 0.5) / len(grid) - 0.5
    towards, right, up = camera.axes()
    near = 1 - points @ towards / camera.distance
    seen = points @ np.stack([right, up], 1) / near[:, None]
    low, high = seen.min(0) - EDGE / len(grid), seen.max(0) + EDGE / len(grid)
    (x, y), half = (low + high) / 2, (high - low).max() / 2 / FILL
    return replace(camera, frame=(float(x), float(y), float(half)))


def code_of(camera: Camera | None) -> NDArray[np.float32]:
    """A camera's code (8,); not numbers where nobody knows it."""
    return np.full(CODE, np.nan, np.float32) if camera is None else camera.code()


def redrawn_cameras(store: Store, row: int) -> NDArray[np.float64]:
    """Cameras (views, 4) of a store of version 2, which keeps none: drawn as its pictures were.

    Not numbers where its source came with pictures.
    """
    views = int(store.view_counts[row])
    reader = READERS.get(str(store.index["reader"]))
    if reader is not None and reader.has_pictures:
        return np.full((views, 4), np.nan)
    return first_cameras(picture_seed(int(store.index["seed"]), store.ids[row]), views)


class Cameras:
    """Codes of the cameras, by row and view; not numbers where nobody knows the camera."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, list[Camera | None]] = {}

    def codes(self, rows: NDArray[np.int64], views: NDArray[np.int64]) -> NDArray[np.float32]:
        """Codes (len(rows), 8) as ``core.model.camera`` has them: of each row one view."""
        cameras = map(self.camera, rows.tolist(), views.tolist())
        return np.stack([code_of(camera) for camera in cameras])

    def camera(self, row: int, view: int) -> Camera | None:
        """The camera of one view with its picture's frame; None where nobody knows."""
        return self._of(row)[view]

    def _of(self, row: int) -> list[Camera | None]:
        if row not in self._known:
            store, own = self._store.part_of(row)
            cameras = store.cameras(own) if store.has_cameras else redrawn_cameras(store, own)
            grid = store.grids(np.array([own]))[0]
            self._known[row] = [
                framed(Camera(*numbers), grid) if np.isfinite(numbers).all() else None
                for numbers in cameras.tolist()
            ]
        return self._known[row]
