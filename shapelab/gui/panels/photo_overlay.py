"""The framed photo with the outline of the shape over it, and a slider from one to the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSlider, QVBoxLayout, QWidget

from shapelab.core.errors import MeshError
from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.model.latent import Array
from shapelab.gui.base import theme
from shapelab.gui.base.labels import muted
from shapelab.gui.base.workers import LatestOnly
from shapelab.gui.panels.shape_pictures import RADIUS, PicturePane, rgba_image

if TYPE_CHECKING:
    from shapelab.core.model.camera import Camera

PIXELS = 192  # along a side of the shape as the photo's camera sees it
_ROOM = 4  # px between a pane's edge and its picture


@dataclass(frozen=True, eq=False)
class ViewRequest:
    """A shape that shall be laid over its photo."""

    occupancy: Callable[[], Array]  # (R, R, R); called on the worker's thread
    options: SurfaceOptions
    camera: Camera
    colour: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class ShapeView:
    """The answer."""

    picture: NDArray[np.uint8]  # (PIXELS, PIXELS, 4)
    lines: list[NDArray[np.float32]]  # its outline, (n, 2) in pixels of the same


def draw_view(request: ViewRequest) -> ShapeView:
    """The shape as it is shown, from the photo's camera; on a worker's thread."""
    from shapelab.core.inputs.cutout import outlines
    from shapelab.core.inputs.photo_view import photo_view

    try:
        shown = meshing.shown_occupancy(request.occupancy(), request.options)
    except MeshError:  # nothing solid: nothing lies over the photo
        return ShapeView(np.zeros((PIXELS, PIXELS, 4), np.uint8), [])
    picture = photo_view(shown, request.camera, PIXELS, request.colour)
    return ShapeView(picture, outlines(picture[..., 3]))


class OverlayPane(PicturePane):
    """A picture that fades into another, whose outline stays."""

    def __init__(self) -> None:
        super().__init__()
        self._shape, self._outline, self._share = QImage(), QPainterPath(), 0.0

    @property
    def outline(self) -> QPainterPath:
        """Around the shape, in shares of the picture's side."""
        return self._outline

    def show_view(self, view: ShapeView | None) -> None:
        """Lays a shape over the picture, or takes it away."""
        self._shape, self._outline = QImage(), QPainterPath()
        if view is not None:
            self._shape = rgba_image(view.picture)
            for line in view.lines:
                self._outline.addPolygon(QPolygonF([QPointF(x, y) for x, y in line / PIXELS]))
                self._outline.closeSubpath()
        self.update()

    def fade(self, share: float) -> None:
        """How much of the shape covers the picture, 0 to 1."""
        self._share = share
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._shape.isNull() or self.image().isNull():
            return
        side = min(self.width(), self.height()) - 2 * _ROOM
        square = QRectF(0, 0, side, side)
        square.moveCenter(QRectF(self.rect()).center())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(self._share)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().base())
        ground = square.adjusted(1 - _ROOM, 1 - _ROOM, _ROOM - 1, _ROOM - 1)
        painter.drawRoundedRect(ground, RADIUS - 1, RADIUS - 1)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawImage(square, self._shape)
        painter.setOpacity(1.0)
        painter.translate(square.topLeft())
        painter.scale(side, side)
        for shade, width in ((QColor(255, 255, 255, 150), 3.0), (theme.colors().accent, 1.5)):
            pen = QPen(QColor(shade), width)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(self._outline)


class PhotoOverlay(QWidget):
    """What the model sees, with the shape over it as far as its camera is known."""

    def __init__(self) -> None:
        super().__init__()
        self.pane, self.caption = OverlayPane(), muted()
        self.caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setAccessibleName("From photo to shape")
        self.slider.setToolTip("From the photo to the shape, seen from where it was taken.")
        self.slider.valueChanged.connect(lambda value: self.pane.fade(value / 100))
        self._worker: LatestOnly | None = None
        self._camera: Camera | None = None  # of the view that was asked for last
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        for widget in (self.pane, self.caption, self.slider):
            column.addWidget(widget)
        column.addStretch(1)
        self.take_away()

    @property
    def busy(self) -> bool:
        """Whether a view is on its way."""
        return self._worker is not None and self._worker.busy

    def ask(self, request: ViewRequest) -> None:
        """Lays a shape over the photo; the newest one wins."""
        if self._worker is None:
            self._worker = LatestOnly(draw_view, self)
            self._worker.done.connect(self._show)
        self._camera = request.camera
        self.slider.setEnabled(True)
        self._worker.submit(request)

    def take_away(self) -> None:
        """There is no camera from which the shape could be laid over the picture."""
        self._camera = None
        self.pane.show_view(None)
        self.slider.setEnabled(False)
        self.slider.setVisible(False)

    def stop(self) -> None:
        """Ends the thread."""
        if self._worker is not None:
            self._worker.stop()

    def _show(self, request: ViewRequest, view: ShapeView) -> None:
        if request.camera == self._camera:
            self.slider.setVisible(True)
            self.pane.show_view(view)
