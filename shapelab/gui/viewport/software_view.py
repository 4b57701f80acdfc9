"""The 3-D view without a graphics card: VTK draws off screen, Qt paints the picture.

An OpenGL widget makes Qt compose the whole window through OpenGL at every frame, which on a
processor costs more than drawing the scene; a plain widget updates only its own pixels.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  registers the OpenGL render window
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

from shapelab.gui.viewport.mouse_navigation import Navigator
from shapelab.gui.viewport.view_canvas import Canvas


class SoftView(Canvas, QWidget):
    """Draws a renderer; has what the viewport uses of `GlView`."""

    painted = Signal()
    frameSwapped = Signal()  # the frame has been handed to the screen

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusProxy(parent)  # which has the keys
        self.renderer = vtkRenderer()
        self._render_window: Any = vtkRenderWindow()
        self._render_window.SetOffScreenRendering(True)
        self._render_window.SetMultiSamples(0)
        self._render_window.AddRenderer(self.renderer)
        self._pixels: Any = vtkUnsignedCharArray()
        self._fresh = False  # the frame in memory shows the scene as it is
        self._frame = QImage()
        self.navigator = Navigator(self)
        self._flushed = QTimer(self, singleShot=True, interval=0)  # after Qt has flushed a paint
        self._flushed.timeout.connect(self.frameSwapped)

    def repaint_later(self) -> None:
        """Draw once in the next paint; many calls make one frame."""
        self._fresh = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        drawn = not self._fresh and self._render_window is not None
        if drawn:
            self._draw()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(self.rect(), self._frame)
        painter.end()
        if drawn:
            self.painted.emit()
            self._flushed.start()

    def close(self) -> bool:
        window, self._render_window = self._render_window, None
        if window is not None:
            window.RemoveRenderer(self.renderer)
            window.Finalize()
            # Only its end closes its X display. Left to Python's own end, that may come after the
            # X server's, whose absence Qt then reports to an interpreter which is no more.
            del window
        return super().close()

    def _draw(self) -> None:
        start = time.perf_counter()
        window: Any = self._render_window
        window.Render()
        width, height = window.GetSize()
        window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, self._pixels)
        rows = vtk_to_numpy(self._pixels).reshape(height, width, 4)
        upright = np.ascontiguousarray(rows[::-1])
        picture = QImage(upright.data, width, height, 4 * width, QImage.Format.Format_RGBX8888)
        self._frame = picture.convertToFormat(QImage.Format.Format_RGB32)  # a copy, quick to draw
        self._fresh = True
        self.paint_ms = 1e3 * (time.perf_counter() - start)
