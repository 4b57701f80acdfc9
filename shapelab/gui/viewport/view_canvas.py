"""What both 3-D views share: frames of chosen sharpness, and pictures read from OpenGL, saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError
from shapelab.gui.viewport.scene import Scene

SAMPLES, SCALE = 8, 2  # of a picture: per pixel, and along each side of a pixel on screen


class Canvas:
    """Mixed into a widget that has a VTK render window."""

    paint_ms = 0.0  # of the newest frame

    def GetRenderWindow(self) -> Any:
        return self._render_window  # type: ignore[attr-defined]

    def full_size(self) -> tuple[int, int]:
        """Width and height of the widget in the screen's pixels."""
        ratio = self.devicePixelRatioF()  # type: ignore[attr-defined]
        return (
            max(1, round(self.width() * ratio)),  # type: ignore[attr-defined]
            max(1, round(self.height() * ratio)),  # type: ignore[attr-defined]
        )

    def set_quality(self, samples: int, sharpness: float) -> None:
        """How the frames to come are drawn.

        Args:
            samples: per pixel; 0 is fastest.
            sharpness: share of the screen's pixels along each side; the frame is scaled up.
        """
        window = self.GetRenderWindow()
        if window.GetMultiSamples() != samples:
            window.SetMultiSamples(samples)
        width, height = self.full_size()
        size = (max(1, round(width * sharpness)), max(1, round(height * sharpness)))
        if tuple(window.GetSize()) != size:
            window.SetSize(*size)

    def pixels(self, samples: int, scale: int) -> NDArray[np.uint8]:
        """Draw now, `scale` times as large, and read (h, w, 4) RGBA with premultiplied alpha."""
        window = self.GetRenderWindow()
        self.set_quality(samples, float(scale))
        grab = vtkWindowToImageFilter()
        grab.SetInput(window)
        grab.SetInputBufferTypeToRGBA()
        grab.ReadFrontBufferOff()
        grab.Update()
        self.set_quality(0, 1.0)
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        flat: Any = vtk_to_numpy(image.GetPointData().GetScalars())
        return np.ascontiguousarray(flat.reshape(height, width, 4)[::-1])

    def picture(self, scene: Scene, transparent: bool) -> QImage:
        """The scene without overlays; if transparent, without background and floor."""
        with scene.prepared_for_picture(transparent):
            rgba = self.pixels(SAMPLES, SCALE)
        height, width, _ = rgba.shape
        form = QImage.Format.Format_RGBA8888_Premultiplied
        image = QImage(rgba.data, width, height, 4 * width, form)
        opaque, clear = QImage.Format.Format_RGB888, QImage.Format.Format_RGBA8888
        return image.convertToFormat(clear if transparent else opaque)  # a copy: rgba may go


def save_picture(image: QImage, path: Path) -> None:
    """Write a picture in the format its suffix names (.png if none), in one step.

    Raises:
        ExportError: if Qt knows no such format, it holds no alpha, or the disk refuses.
    """
    kind = path.suffix.lstrip(".").lower() or "png"
    if image.hasAlphaChannel() and kind not in ("png", "webp", "tif", "tiff"):
        raise ExportError(f"A .{kind} file cannot be transparent; please use .png.")
    data = QBuffer()
    data.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(data, kind):  # type: ignore[call-overload]
        raise ExportError(f"Pictures cannot be saved as .{kind}; please use .png.")
    atomic_write(path, bytes(data.data().data()))
