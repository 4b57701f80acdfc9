"""Pictures of the 3-D view: read from OpenGL, saved as image files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from shapelab.core.errors import ExportError

if TYPE_CHECKING:
    from shapelab.gui.viewport.scene import Scene
    from shapelab.gui.viewport.view_canvas import Canvas

SAMPLES, SCALE = 8, 2  # per pixel; pixels of the picture per pixel on screen


def take(view: Canvas, scene: Scene, transparent: bool) -> QImage:
    """What the view shows without its overlays; if transparent, without background and floor."""
    with scene.prepared_for_picture(transparent):
        rgba = view.pixels(SAMPLES, SCALE)
    height, width, _ = rgba.shape
    form = QImage.Format.Format_RGBA8888_Premultiplied
    image = QImage(rgba.data, width, height, 4 * width, form)
    opaque, clear = QImage.Format.Format_RGB888, QImage.Format.Format_RGBA8888
    return image.convertToFormat(clear if transparent else opaque)  # a copy: rgba may go


def save(image: QImage, path: Path) -> None:
    """Write the picture in the format its suffix names (.png if none), in one step.

    Raises:
        ExportError: if Qt knows no such format, it holds no alpha, or the disk refuses.
    """
    from shapelab.core.atomic import atomic_write

    kind = path.suffix.lstrip(".").lower() or "png"
    if image.hasAlphaChannel() and kind not in ("png", "webp", "tif", "tiff"):
        raise ExportError(f"A .{kind} file cannot be transparent; please use .png.")
    data = QBuffer()
    data.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(data, kind):  # type: ignore[call-overload]
        raise ExportError(f"Pictures cannot be saved as .{kind}; please use .png.")
    atomic_write(path, bytes(data.data().data()))
