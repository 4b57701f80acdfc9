"""Cameras of a store's pictures, drawn again from what the pictures were drawn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs.images import FILL
from shapelab.core.model.camera import CODE, Camera

from ..pictures.picture_cameras import draw_shots, picture_seed
from ..sources.source_table import READERS
from ..store.prepared_store import Store

EDGE = 0.4  # cells; how far a cell is taken to reach around its middle


def framed(camera: Camera, grid: NDArray[np.bool_]) -> Camera:
    """The camera with the frame that ``images.frame`` gives a picture of this (R, R, R) grid."""
    points = (np.argwhere(grid) + 0.5) / len(grid) - 0.5
    towards, right, up = camera.axes()
    near = 1 - points @ towards / camera.distance
    seen = points @ np.stack([right, up], 1) / near[:, None]
    low, high = seen.min(0) - EDGE / len(grid), seen.max(0) + EDGE / len(grid)
    (x, y), half = (low + high) / 2, (high - low).max() / 2 / FILL
    return replace(camera, frame=(float(x), float(y), float(half)))


class Cameras:
    """Codes of the cameras, by row and view; not a number where a source came with pictures."""

    def __init__(self, store: Store) -> None:
        self._store = store
        reader = READERS.get(str(store.index["reader"]))
        self._drawn = reader is None or not reader.has_pictures
        self._known: dict[int, NDArray[np.float32]] = {}

    def codes(self, rows: NDArray[np.int64], views: NDArray[np.int64]) -> NDArray[np.float32]:
        """Codes (len(rows), 8) as ``core.camera`` has them: of each row one view."""
        found = np.full((len(rows), CODE), np.nan, np.float32)
        if self._drawn:
            for code, row, view in zip(found, rows.tolist(), views.tolist(), strict=True):
                code[:] = self._of(row)[view]
        return found

    def _of(self, row: int) -> NDArray[np.float32]:
        if row not in self._known:
            seed = picture_seed(int(self._store.index["seed"]), self._store.ids[row])
            _, shots = draw_shots(seed, int(self._store.view_counts[row]))
            grid = self._store.grids(np.array([row]))[0]
            self._known[row] = np.stack([framed(shot.camera, grid).code() for shot in shots])
        return self._known[row]
