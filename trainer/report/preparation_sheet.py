"""The newest shapes of a preparation as a preview that grows while it goes on."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from shapelab.core.errors import ExportError
from shapelab.core.runs.events import Event, Prepared, Previewed
from shapelab.core.runs.previews import preview_path, preview_steps

from ..data.store.prepared_store import OCCUPANCY
from ..data.store.shards import Encoded
from . import previews

SHOWN = 12  # shapes
EVERY_S = 2.0  # between two previews; longer where drawing takes longer
SHARE = 0.05  # of the time that may go into drawing
KEPT = 2  # previews: one may just be read
ROW = "prepared"


class PreparationSheet:
    """Keeps the newest shapes and draws them now and then.

    Args:
        store: its folder; the previews lie beside it, as it must be empty at first.
        resolution: cells a side.
    """

    def __init__(self, store: Path, resolution: int) -> None:
        self._folder = store.with_name(f"{store.name}.previews").absolute()
        self._side = resolution
        self._newest: deque[bytes] = deque(maxlen=SHOWN)
        self._grew = False
        self._due = time.monotonic()

    def add(self, shape: Encoded) -> None:
        """Notes a shape that was accepted."""
        self._newest.append(shape.pieces[OCCUPANCY])
        self._grew = True

    def beside(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events of a preparation, and now and then a ``Previewed`` before one of them."""
        for event in events:
            if self._grew and isinstance(event, Prepared) and self._is_due(event):
                yield from self._draw(event.done)
            yield event

    def _is_due(self, event: Prepared) -> bool:
        return time.monotonic() >= self._due or event.done == event.total

    def _draw(self, done: int) -> Iterator[Previewed]:
        began = time.monotonic()
        shape = (self._side,) * 3
        bits = [np.frombuffer(zlib.decompress(each), np.uint8) for each in self._newest]
        grids = np.stack([np.unpackbits(each).reshape(shape) for each in bits]).astype(np.float32)
        # A picture of the shapes is not worth their preparation.
        with suppress(OSError, ExportError):
            path = previews.write(self._folder, done, {ROW: grids})
            for old in preview_steps(self._folder)[:-KEPT]:
                for suffix in (".png", ".npz"):
                    preview_path(self._folder, old).with_suffix(suffix).unlink(missing_ok=True)
            yield Previewed(0, str(path))
        self._grew = False
        took = time.monotonic() - began
        self._due = time.monotonic() + max(EVERY_S, took / SHARE)
