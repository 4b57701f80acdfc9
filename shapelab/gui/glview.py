"""The OpenGL surface: PyVista's Qt interactor without its own keys, drops and mouse styles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget
from pyvistaqt import QtInteractor
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter


class GlView(QtInteractor):  # type: ignore[misc]
    """Draws a renderer; turns mouse and wheel into plain signals.

    PyVista would turn a dropped picture into an actor, act on keys such as `q` and `w`, and draw
    twice for each mouse move; here drops and keys go to the parent and nothing draws but a paint.
    """

    turned = Signal(float, float)  # fractions of the height, right and down
    panned = Signal(float, float)
    zoomed = Signal(float)  # factor, above 1 is nearer
    double_clicked = Signal()
    painted = Signal()  # VTK has drawn; the picture is not on screen yet

    def __init__(self, parent: QWidget) -> None:
        super().__init__(
            parent, auto_update=False, multi_samples=0, lighting="none", line_smoothing=False
        )
        self.setAcceptDrops(False)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.clear_on_render = False
        self._drag_from: tuple[float, float] | None = None
        self.iren.interactor.RemoveAllObservers()
        self.iren.interactor.SetInteractorStyle(None)

    def repaint_later(self) -> None:
        """Draw once in the next paint; many calls make one frame."""
        QWidget.update(self)

    def paintGL(self) -> None:
        super().paintGL()
        self.painted.emit()

    def set_samples(self, samples: int) -> None:
        """Samples per pixel of the frames to come; 0 is fastest."""
        window = self.GetRenderWindow()
        if window.GetMultiSamples() != samples:
            window.SetMultiSamples(samples)

    def pixels(self, samples: int, scale: int) -> NDArray[np.uint8]:
        """Draw now, `scale` times as large, and read (h, w, 4) RGBA with premultiplied alpha."""
        self._check_has_ren_win()
        window = self.GetRenderWindow()
        size = window.GetSize()
        self.set_samples(samples)
        window.SetSize(size[0] * scale, size[1] * scale)
        grab = vtkWindowToImageFilter()
        grab.SetInput(window)
        grab.SetInputBufferTypeToRGBA()
        grab.ReadFrontBufferOff()
        grab.Update()
        window.SetSize(size)
        self.set_samples(0)
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        flat: Any = vtk_to_numpy(image.GetPointData().GetScalars())
        return np.ascontiguousarray(flat.reshape(height, width, 4)[::-1])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag_from = (event.position().x(), event.position().y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.buttons() == Qt.MouseButton.NoButton:
            self._drag_from = None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag_from is None:
            return
        x, y = event.position().x(), event.position().y()
        height = max(1, self.height())
        right, down = (x - self._drag_from[0]) / height, (y - self._drag_from[1]) / height
        self._drag_from = (x, y)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        buttons = event.buttons()
        if buttons & Qt.MouseButton.MiddleButton or (buttons & Qt.MouseButton.LeftButton and shift):
            self.panned.emit(right, down)
        elif buttons & Qt.MouseButton.LeftButton:
            self.turned.emit(right, down)
        elif buttons & Qt.MouseButton.RightButton:
            self.zoomed.emit(4.0**-down)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if steps:
            self.zoomed.emit(1.12**steps)
        event.accept()

    def enterEvent(self, event: QEvent) -> None:
        """Nothing: VTK need not know."""

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing: VTK need not know."""

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        event.ignore()  # the window takes files

    def dropEvent(self, event: QDropEvent) -> None:
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()  # the window's actions own the keys

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        event.ignore()
