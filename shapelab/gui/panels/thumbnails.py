"""Thumbnails of shapes: drawn one after the other on a thread, kept for whoever shows them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session.shape_state import ShapeState
from shapelab.gui.base.workers import LatestOnly
from shapelab.gui.panels.shape_pictures import draw_shapes, rgba_image

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

PIXELS = 128  # along a side; sharp at 64 device-independent pixels on any screen
COLOUR = (214, 189, 161)  # between the shapes of the light and the dark window: fits both
MOST = 1000  # that are remembered, 64 kB each; those shown longest ago are drawn again
_RETRY_MS = 60  # until the next look whether the window has time for thumbnails


@dataclass(frozen=True, eq=False)
class Portrait:
    """What a thumbnail shows."""

    state: ShapeState
    surface: SurfaceOptions
    digest: str  # of the model

    @cached_property
    def key(self) -> bytes:
        """Equal for what looks the same: names and origins do not count."""
        state, surface = self.state, self.surface
        words = f"{self.digest} {state.class_name} {surface}".encode()
        numbers = (state.base, state.coefficients, state.offsets)
        parts = [words, *(each.tobytes() for each in numbers)]
        return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


@dataclass(frozen=True, eq=False)
class _Order:
    model: ShapeModel
    portrait: Portrait


def _draw(order: _Order) -> NDArray[np.uint8]:
    """(PIXELS, PIXELS, 4); on the worker's thread."""
    portrait = order.portrait
    return draw_shapes(order.model, [portrait.state], portrait.surface, PIXELS, COLOUR)[0]


class Thumbnails(QObject):
    """Ask for pictures while painting: what is not there yet is drawn, the last asked first.

    Drawing waits while the window is busy with what the user moves.

    Signals:
        drawn: the key of a portrait whose picture is there now.
    """

    drawn = Signal(bytes)

    def __init__(
        self,
        model_of: Callable[[str], ShapeModel | None],
        busy: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        """Args: model_of: the loaded model of a digest; busy: whether drawing must wait."""
        super().__init__(parent)
        self._model_of, self._busy = model_of, busy
        self._images: OrderedDict[bytes, QImage] = OrderedDict()
        self._wanted: OrderedDict[bytes, Portrait] = OrderedDict()
        self._worker: LatestOnly | None = None
        self._drawing: Portrait | None = None
        self._stopped = False
        self._retry = QTimer(self, singleShot=True, interval=_RETRY_MS)
        self._retry.timeout.connect(self._draw_next)

    @property
    def busy(self) -> bool:
        """Whether pictures are on their way."""
        return bool(self._wanted) or self._drawing is not None

    def picture(self, portrait: Portrait) -> QImage:
        """The picture; null while it is being drawn, or as long as its model is not loaded."""
        image = self._images.get(portrait.key)
        if image is not None:
            self._images.move_to_end(portrait.key)
            return image
        if not self._stopped and self._model_of(portrait.digest) is not None:
            self._wanted[portrait.key] = portrait
            self._wanted.move_to_end(portrait.key)
            if self._drawing is None and not self._retry.isActive():
                self._retry.start(0)  # not within a paint event
        return QImage()

    def stop(self) -> None:
        """Ends the thread; nothing is drawn afterwards."""
        self._stopped = True
        self._retry.stop()
        self._wanted.clear()
        self._drawing = None
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    @Slot()
    def _draw_next(self) -> None:
        if self._wanted and self._busy():
            self._retry.start(_RETRY_MS)
            return
        while self._wanted and self._drawing is None:
            key, portrait = self._wanted.popitem()
            model = self._model_of(portrait.digest)  # it may be gone since
            if model is not None and key not in self._images:
                self._submit(_Order(model, portrait))

    def _submit(self, order: _Order) -> None:
        if self._worker is None:
            self._worker = LatestOnly(_draw, self)
            self._worker.done.connect(self._take)
            self._worker.failed.connect(self._take_none)
        self._drawing = order.portrait
        self._worker.submit(order)

    @Slot(object, object)
    def _take(self, order: _Order, rgba: NDArray[np.uint8]) -> None:
        self._keep(order.portrait, rgba_image(rgba))

    @Slot(object, object)
    def _take_none(self, order: _Order, _error: Exception) -> None:
        """A shape that cannot be drawn is not asked for again; showing it says what is wrong."""
        blank = QImage(PIXELS, PIXELS, QImage.Format.Format_RGBA8888)
        blank.fill(0)
        self._keep(order.portrait, blank)

    def _keep(self, portrait: Portrait, image: QImage) -> None:
        self._drawing = None
        self._images[portrait.key] = image
        while len(self._images) > MOST:
            self._images.popitem(last=False)
        self._retry.start(0)
        self.drawn.emit(portrait.key)
