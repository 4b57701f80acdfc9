"""Files of the plots: a picture as PNG or SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsScene

SCALE = 2  # pixels of the PNG for one of the screen


def png(scene: QGraphicsScene, area: QRectF, background: QColor) -> bytes:
    """A picture of a part of the scene, at twice its size on the screen."""
    image = QImage((area.size() * SCALE).toSize(), QImage.Format.Format_ARGB32)
    image.fill(background)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    with _for_export(scene, SCALE):
        scene.render(painter, QRectF(image.rect()), area)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(data.data())


def svg(scene: QGraphicsScene, area: QRectF, background: QColor) -> bytes:
    """The same as lines and text, for print."""
    data = QByteArray()
    buffer = QBuffer(data)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    size = QSize(math.ceil(area.width()), math.ceil(area.height()))
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle("ShapeLab: curves of training runs")
    painter = QPainter(generator)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), background)
    with _for_export(scene, 1):
        scene.render(painter, QRectF(0, 0, area.width(), area.height()), area)
    painter.end()
    return bytes(data.data())


@contextmanager
def _for_export(scene: QGraphicsScene, scale: int) -> Iterator[None]:
    """Has pyqtgraph draw dots as shapes of the right size, not as the screen's pixels."""
    items = [item for item in scene.items() if hasattr(item, "setExportMode")]
    for item in items:
        item.setExportMode(True, {"resolutionScale": scale})
    try:
        yield
    finally:
        for item in items:
            item.setExportMode(False)
