"""Keeps the window's layout while it is open: a program that is killed cannot do it at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QObject, QTimer, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow

REST_MS = 1000  # without a change, before it is kept
_CHANGES = {QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.WindowStateChange}


class LayoutKeeper(QObject):
    """Calls ``keep`` once the window, its docks and the check marks of its menus have come to rest.

    Args:
        window: whose place counts.
        docks: all of it.
        actions: of the menus.
        keep: writes the layout.
    """

    def __init__(
        self,
        window: QMainWindow,
        docks: Iterable[QDockWidget],
        actions: Iterable[QAction],
        keep: Callable[[], None],
    ) -> None:
        super().__init__(window)
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(keep)
        self._watched = (window, *docks)
        for widget in self._watched:  # a splitter between docks resizes them
            widget.installEventFilter(self)
        for dock in self._watched[1:]:
            dock.dockLocationChanged.connect(self._wait)
            dock.topLevelChanged.connect(self._wait)
            dock.visibilityChanged.connect(self._wait)
        for action in actions:
            action.toggled.connect(self._wait)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _CHANGES:
            self._wait()
        return super().eventFilter(watched, event)

    def stop(self) -> None:
        """No more: a window that closes keeps its layout itself."""
        for widget in self._watched:
            widget.removeEventFilter(self)
        self._rest.stop()
        self._rest.blockSignals(True)

    @Slot()
    def _wait(self) -> None:
        self._rest.start()
