"""Turns mouse and wheel over the 3-D view into plain signals."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget


class Navigator(QObject):
    """Takes a widget's mouse and wheel events, so that VTK's own styles never see them."""

    turned = Signal(float, float)  # fractions of the height, right and down
    panned = Signal(float, float)
    zoomed = Signal(float)  # factor, above 1 is nearer
    double_clicked = Signal()
    brushed = Signal(float, float)  # pixels from the upper left corner, while it is a brush
    brush_lifted = Signal()

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._view = view
        self._drag_from: tuple[float, float] | None = None
        self.is_brush = False  # the left button draws instead of turning
        self._drawing = False
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QWheelEvent):
            steps = event.angleDelta().y() / 120
            if steps:
                self.zoomed.emit(1.12**steps)
            return True
        if not isinstance(event, QMouseEvent):
            return False
        if self.is_brush and self._drew(event):
            return True
        if event.type() == QEvent.Type.MouseButtonDblClick:
            if event.button() == Qt.MouseButton.LeftButton:
                self.double_clicked.emit()
        elif event.type() == QEvent.Type.MouseButtonPress:
            self._drag_from = (event.position().x(), event.position().y())
            self._view.setFocus(Qt.FocusReason.MouseFocusReason)
        elif event.type() == QEvent.Type.MouseButtonRelease:
            if event.buttons() == Qt.MouseButton.NoButton:
                self._drag_from = None
        elif event.type() == QEvent.Type.MouseMove:
            self._moved(event)
        else:
            return False
        return True

    def _drew(self, event: QMouseEvent) -> bool:
        """Draws with the left button; all else goes on as ever."""
        left = event.button() == Qt.MouseButton.LeftButton
        presses = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)
        if event.type() in presses and left:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                return False
            self._drawing = True
            self._view.setFocus(Qt.FocusReason.MouseFocusReason)
        elif event.type() == QEvent.Type.MouseButtonRelease and left and self._drawing:
            self._drawing = False
            self.brush_lifted.emit()
            return True
        if self._drawing:
            self.brushed.emit(event.position().x(), event.position().y())
        return self._drawing

    def _moved(self, event: QMouseEvent) -> None:
        if self._drag_from is None:
            return
        x, y = event.position().x(), event.position().y()
        height = max(1, self._view.height())
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
