"""The 3-D view on a graphics card: PyVista's Qt interactor without its keys, drops and styles."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QWidget
from pyvistaqt import QtInteractor

from shapelab.gui.viewport.mouse_navigation import Navigator
from shapelab.gui.viewport.view_canvas import Canvas


class GlView(Canvas, QtInteractor):  # type: ignore[misc]
    """Draws a renderer.

    PyVista would turn a dropped picture into an actor, act on keys such as `q` and `w`, and draw
    twice for each mouse move; here drops and keys go to the parent and nothing draws but a paint.
    """

    painted = Signal()  # VTK has drawn; the picture is not on screen yet

    def __init__(self, parent: QWidget) -> None:
        super().__init__(
            parent, auto_update=False, multi_samples=0, lighting="none", line_smoothing=False
        )
        self.setAcceptDrops(False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusProxy(parent)  # which has the keys
        self.clear_on_render = False
        self.navigator = Navigator(self)
        self.iren.interactor.RemoveAllObservers()
        self.iren.interactor.SetInteractorStyle(None)

    def GetRenderWindow(self):  # type: ignore[no-untyped-def]
        return QtInteractor.GetRenderWindow(self)

    def repaint_later(self) -> None:
        """Draw once in the next paint; many calls make one frame."""
        QWidget.update(self)

    def paintGL(self) -> None:
        start = time.perf_counter()
        super().paintGL()
        self.paint_ms = 1e3 * (time.perf_counter() - start)
        self.painted.emit()

    def pixels(self, samples: int, scale: int) -> NDArray[np.uint8]:
        self._check_has_ren_win()
        return super().pixels(samples, scale)

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
