"""Small pictures of shapes made without OpenGL, and the pane that shows one on a checkerboard."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from shapelab.core.errors import MeshError
from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.mesh.ray_picture import LEVEL, shape_picture
from shapelab.core.session.shape_state import ShapeState
from shapelab.gui.base import theme

if TYPE_CHECKING:
    from shapelab.core.inputs.depth.depth_object import DepthObject
    from shapelab.core.model.shape_model import ShapeModel

RADIUS = 6.0  # rounding of a pane's corners, px
SQUARE = 8  # side of a checkerboard square, px
CHECKERS = (("#ffffff", "#e4e7ec"), ("#c6cbd4", "#b3b9c4"))  # light, dark: never too dark for legs


def draw_shapes(
    model: ShapeModel,
    states: Sequence[ShapeState],
    options: SurfaceOptions,
    pixels: int,
    colour: tuple[int, int, int],
    over: Event | None = None,
    draft: bool = False,
) -> list[NDArray[np.uint8]]:
    """A picture (pixels, pixels, 4) of each shape as the options show it; for a worker's thread.

    Once ``over`` is set, nobody wants the rest of them. A draft is for a moment: of a procedural
    model it takes a quarter of the time, and thin legs are missing in it.
    """
    pictures = []
    for state in states:
        if over is not None and over.is_set():
            break
        latent = state.latent(model)
        occupancy = (model.draft if draft else model.decode)(latent)
        distance = None if draft or not options.smoothing else model.distance(latent)
        try:
            shown = meshing.shown_occupancy(occupancy, options)
        except MeshError:  # nothing solid: an empty picture says so
            shown = np.zeros_like(occupancy)
        pictures.append(shape_picture(shown, pixels, colour, distance=distance))
    return pictures


def rgba_image(rgba: NDArray[np.uint8]) -> QImage:
    """A QImage that owns a copy of (h, w, 4) uint8 pixels."""
    pixels = np.ascontiguousarray(rgba, np.uint8)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def silhouettes(values: NDArray[Any], colour: QColor) -> tuple[QImage, QImage]:
    """Front and side view of a voxel grid [x, y, z]: thicker parts are more opaque."""
    solid = np.asarray(values, np.float32) > LEVEL
    return _silhouette(solid, 1, colour), _silhouette(solid, 0, colour)


def depth_images(deep: DepthObject, colour: QColor) -> tuple[QImage, QImage]:
    """A depth picture, the nearer the brighter, and the same with what was taken in a colour."""
    from shapelab.core.inputs.depth.depth_cutout import brightness, grey  # and of all pictures

    pixels, bright = grey(deep.picture), brightness(deep.picture)
    taken = pixels.copy()
    tone = np.array((colour.red(), colour.green(), colour.blue()))
    taken[deep.mask, :3] = (0.35 + 0.65 * bright[deep.mask, None]) * tone
    taken[~deep.mask, 3] //= 3
    return rgba_image(pixels), rgba_image(taken)


def _silhouette(solid: NDArray[np.bool_], axis: int, colour: QColor) -> QImage:
    thickness = solid.sum(axis).T[::-1]  # rows from the top down, columns to the right
    strength = 0.6 + 0.4 * thickness / max(int(thickness.max()), 1)
    rgba = np.zeros((*thickness.shape, 4), np.uint8)
    rgba[..., :3] = colour.red(), colour.green(), colour.blue()
    rgba[..., 3] = np.where(thickness > 0, 255 * strength, 0)
    return rgba_image(rgba)


class PicturePane(QWidget):
    """A rounded square that shows one picture fitted inside, or a word where there is none."""

    def __init__(self, placeholder: str = "", checkered: bool = False, smooth: bool = True) -> None:
        super().__init__()
        self._image = QImage()
        self._placeholder, self._checkered, self._smooth = placeholder, checkered, smooth
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumSize(56, 56)

    def image(self) -> QImage:
        return self._image

    def word(self) -> str:
        """What stands there instead of a picture; empty while there is one."""
        return self._placeholder if self._image.isNull() else ""

    def show_word(self, word: str) -> None:
        """Shows a word instead of a picture."""
        self._placeholder = word
        self.show_image(QImage())

    def show_image(self, image: QImage, checkered: bool | None = None, smooth: bool = True) -> None:
        """Shows a picture; a null one brings the placeholder back."""
        self._image, self._smooth = image, smooth
        if checkered is not None:
            self._checkered = checkered
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return width

    def sizeHint(self) -> QSize:
        return QSize(120, 120)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
        side = min(self.width(), self.height())
        square = QRect(0, 0, side, side)
        square.moveCenter(self.rect().center())
        edge_path = QPainterPath()
        edge_path.addRoundedRect(QRectF(square).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        palette = self.palette()
        painter.save()
        painter.setClipPath(edge_path)
        self._paint_ground(painter, square)
        if not self._image.isNull():
            room = square.adjusted(4, 4, -4, -4)
            size = self._image.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(), size)
            target.moveCenter(room.center())
            painter.drawImage(target, self._image)
        painter.restore()
        edge = theme.blend(palette.window().color(), palette.windowText().color(), 0.18)
        pen = QPen(edge, 1)
        if self._image.isNull():
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(edge_path)
        if self._image.isNull() and self._placeholder:
            font = self.font()
            font.setPointSizeF(1.8 * font.pointSizeF())
            painter.setFont(font)
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(square, Qt.AlignmentFlag.AlignCenter, self._placeholder)

    def _paint_ground(self, painter: QPainter, square: QRect) -> None:
        painter.fillRect(square, self.palette().base().color())
        if not self._checkered or self._image.isNull():
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        bright, tone = (QColor(name) for name in CHECKERS[theme.is_dark()])
        painter.fillRect(square, bright)
        for row in range(0, square.height(), SQUARE):
            for column in range(SQUARE * (row // SQUARE % 2), square.width(), 2 * SQUARE):
                painter.fillRect(square.x() + column, square.y() + row, SQUARE, SQUARE, tone)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
