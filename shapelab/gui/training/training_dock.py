"""The dock of the training panel: made when first seen, and a workspace of its own when shown."""

from __future__ import annotations

import importlib
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow, QTabWidget

from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.base.workers import Task

if TYPE_CHECKING:
    from shapelab.gui.training.training_panel import TrainingPanel

WIDTH = 580  # px; curves and shapes need it, and the viewport keeps the larger part
RIGHT = Qt.DockWidgetArea.RightDockWidgetArea


class TrainingDock(QDockWidget):
    """Takes the right side of the window; the docks that are there become tabs behind it.

    Args:
        window: that it belongs to.
        settings: for the panel.
        narrow: width of the right side without it, px.
    """

    made = Signal(object)  # TrainingPanel, once
    failed = Signal(object)  # exception

    def __init__(self, window: QMainWindow, settings: WindowSettings, narrow: int) -> None:
        super().__init__("Training", window)
        self.setObjectName("training")
        self.panel: TrainingPanel | None = None
        self._main, self._settings, self._narrow = window, settings, narrow
        self._allowed = False
        self._loader: Task | None = None
        waiting = QLabel("Opening…")
        waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        waiting.setProperty("muted", True)
        self.setWidget(waiting)
        window.setTabPosition(RIGHT, QTabWidget.TabPosition.North)
        window.addDockWidget(RIGHT, self)
        self.hide()

    @Slot()
    def allow(self) -> None:
        """The window has started: from now on the panel may take time."""
        self._allowed = True
        if self.isVisible():
            self._load()
        elif self._settings.training_runs:  # it went on without a window
            self.set_open(True)

    @Slot(bool)
    def set_open(self, wanted: bool) -> None:
        """Enters the workspace or leaves it; the other docks come back as they were."""
        if not wanted:
            self._leave()
        elif self.isHidden():
            self._enter()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._allowed:
            self._load()

    def stop(self) -> None:
        """Lets go of everything that runs in the panel."""
        if self._loader is not None:
            self._loader.stop()
            self._loader = None
        if self.panel is not None:
            self.panel.stop()

    def _enter(self) -> None:
        beside = [dock for dock in self._main.findChildren(QDockWidget) if self._shares(dock)]
        self.show()
        for front, back in pairwise([*beside, self]):
            self._main.tabifyDockWidget(front, back)
        self.raise_()
        if not self.isFloating():
            self._main.resizeDocks([self], [WIDTH], Qt.Orientation.Horizontal)

    def _shares(self, dock: QDockWidget) -> bool:
        on_the_right = self._main.dockWidgetArea(dock) == RIGHT and not dock.isFloating()
        return dock is not self and on_the_right and not dock.isHidden()

    def _leave(self) -> None:
        behind = self._main.tabifiedDockWidgets(self)
        if not behind:
            self.hide()
            return
        # What is added beside a tab becomes a tab: so all leave first, even the last one.
        for dock in (*behind, self):
            self._main.removeDockWidget(dock)
        for dock in behind:
            self._main.addDockWidget(RIGHT, dock, Qt.Orientation.Vertical)
            dock.show()
        self._main.addDockWidget(RIGHT, self)  # hidden, and ready for the next time
        self._main.resizeDocks(behind[:1], [self._narrow], Qt.Orientation.Horizontal)

    def _load(self) -> None:
        if self.panel is not None or self._loader is not None:
            return
        # The imports go on a thread; widgets are made here.
        module = "shapelab.gui.training.training_panel"
        self._loader = Task(lambda _task: importlib.import_module(module), self)
        self._loader.done.connect(self._make)
        self._loader.failed.connect(self.failed)
        self._loader.start()

    @Slot(object)
    def _make(self, _module: object) -> None:
        from shapelab.gui.training.training_panel import TrainingPanel

        self._loader = None
        self.panel = TrainingPanel(self._settings)
        self.setWidget(self.panel)
        self.made.emit(self.panel)
