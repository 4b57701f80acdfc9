"""A widget that covers another one for a while."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget


class Overlay(QWidget):
    """Covers its parent while it is shown, and keeps to its size."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._covered = parent
        self.hide()
        parent.installEventFilter(self)

    def showEvent(self, event: QShowEvent) -> None:
        self.setGeometry(self._covered.rect())
        self.raise_()
        super().showEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._covered and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._covered.rect())
        return super().eventFilter(watched, event)
