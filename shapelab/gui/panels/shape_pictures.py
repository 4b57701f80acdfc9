"""Small pictures of shapes made without OpenGL, and the pane that shows one on a checkerboard."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from shapelab.gui.base import theme
from shapelab.gui.base.sliders import blend

RADIUS = 6.0  # rounding of a pane's corners, px
SQUARE = 8  # side of a checkerboard square, px
LEVEL = 0.5
CHECKERS = (("#ffffff", "#e4e7ec"), ("#c6cbd4", "#b3b9c4"))  # light, dark: never too dark for legs
YAW, PITCH = np.radians(35.0), np.radians(22.0)  # the viewport's first view, about
LIGHT = np.array([-0.35, -0.65, 0.67])  # from the viewer's upper left; x right, y away, z up


def rgba_image(rgba: NDArray[np.uint8]) -> QImage:
    """A QImage that owns a copy of (h, w, 4) uint8 pixels."""
    pixels = np.ascontiguousarray(rgba, np.uint8)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def silhouettes(values: NDArray[Any], colour: QColor) -> tuple[QImage, QImage]:
    """Front and side view of a voxel grid [x, y, z]: how much solid lies behind each pixel.

    The outline is the maximum along the line of sight; thicker parts are more opaque.
    """
    solid = np.asarray(values, np.float32) > LEVEL
    return _shadow(solid, 1, colour), _shadow(solid, 0, colour)


def depth_picture(field: NDArray[Any], colour: QColor, side: int = 96) -> QImage:
    """A shaded three-quarter view (side, side) of an occupancy field [x, y, z].

    The field is resampled along rays; the first sample above the level is the surface, and its
    slope in the depth image gives the shade. An empty field gives a transparent picture.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    solid = np.asarray(field, np.float32)
    size = max(solid.shape)
    across = np.linspace(-0.62, 0.62, side, dtype=np.float32) * size
    ray = np.linspace(-0.85, 0.85, 2 * size, dtype=np.float32) * size
    right = np.array([np.cos(YAW), np.sin(YAW), 0.0])
    level_away = np.array([-np.sin(YAW), np.cos(YAW), 0.0])
    away = np.cos(PITCH) * level_away + np.array([0.0, 0.0, -np.sin(PITCH)])
    up = np.cross(right, away)
    middle = (np.array(solid.shape) - 1) / 2
    points = (
        middle[:, None, None, None]
        + right[:, None, None, None] * across[None, None, :, None]
        + up[:, None, None, None] * across[::-1][None, :, None, None]
        + away[:, None, None, None] * ray[None, None, None, :]
    )
    samples = map_coordinates(solid, points, order=1, mode="constant", cval=0.0)
    inside = samples > LEVEL
    hit = inside.any(-1)
    first = inside.argmax(-1)
    before = np.take_along_axis(samples, np.maximum(first - 1, 0)[..., None], -1)[..., 0]
    at = np.take_along_axis(samples, first[..., None], -1)[..., 0]
    depth = ray[first] - (at - LEVEL) / np.maximum(at - before, 1e-6) * (ray[1] - ray[0])
    depth = np.where(hit, depth, depth[hit].max() if hit.any() else 0.0)
    pitch = across[1] - across[0]
    down, along = np.gradient(gaussian_filter(depth, 1.0), pitch)
    normals = np.stack([along, -np.ones_like(along), -down], -1)  # right, away, up
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    shade = 0.45 + 0.6 * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    rgba = np.zeros((side, side, 4), np.uint8)
    base = np.array(_rgb(colour), np.float32)
    rgba[..., :3] = np.clip(base * shade[..., None], 0, 255)
    rgba[..., 3] = np.clip(255 * gaussian_filter(hit.astype(np.float32), 0.5), 0, 255)
    return rgba_image(rgba)


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def _shadow(solid: NDArray[np.bool_], axis: int, colour: QColor) -> QImage:
    thickness = solid.sum(axis).T[::-1]  # rows from the top down, columns to the right
    strength = 0.6 + 0.4 * thickness / max(int(thickness.max()), 1)
    rgba = np.zeros((*thickness.shape, 4), np.uint8)
    rgba[..., :3] = _rgb(colour)
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
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(square).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        palette = self.palette()
        painter.save()
        painter.setClipPath(outline)
        self._paint_ground(painter, square)
        if not self._image.isNull():
            room = square.adjusted(4, 4, -4, -4)
            size = self._image.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(), size)
            target.moveCenter(room.center())
            painter.drawImage(target, self._image)
        painter.restore()
        edge = blend(palette.window().color(), palette.windowText().color(), 0.18)
        pen = QPen(edge, 1)
        if self._image.isNull():
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(outline)
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
