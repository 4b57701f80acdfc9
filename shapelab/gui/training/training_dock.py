"""The dock of the training panel: made when first seen, and a workspace of its own when shown."""

from __future__ import annotations

import importlib
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow, QTabBar, QTabWidget

from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.base.workers import Task

if TYPE_CHECKING:
    from shapelab.gui.training.training_panel import TrainingPanel

WIDTH = 580  # px; curves and shapes need it, and the viewport keeps the larger part
RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
Place = tuple[Qt.DockWidgetArea, bool, bool]


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
        self._allowed = self._stopped = False
        self._before: QByteArray | None = None  # how the window was when the workspace was entered
        self._entered: dict[str, Place] = {}  # where the docks were then put
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
        if self._stopped:
            return  # the window closes, and hides its docks
        if not wanted:
            self._leave()
        elif self.isHidden():
            self._enter()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._allowed:
            self._load()

    def stop(self) -> None:
        """Lets go of everything that runs in the panel; the docks stay as they are."""
        self._stopped = True
        if self._loader is not None:
            self._loader.stop()
            self._loader = None
        if self.panel is not None:
            self.panel.stop()

    def _enter(self) -> None:
        self._before = self._main.saveState()
        beside = [dock for dock in self._main.findChildren(QDockWidget) if self._shares(dock)]
        self.show()
        for front, back in pairwise([*beside, self]):
            self._main.tabifyDockWidget(front, back)
        self.raise_()
        if not self.isFloating():
            self._main.resizeDocks([self], [WIDTH], Qt.Orientation.Horizontal)
        self._hide_old_tabs()
        self._entered = self._places()

    def _hide_old_tabs(self) -> None:
        """Hides the tab bars of groups that are no more: Qt (6.11) leaves them lying there."""
        if (layout := self._main.layout()) is not None:
            layout.activate()
        titles = {}  # of each dock, those in its group
        for dock in self._main.findChildren(QDockWidget):
            group = [dock, *self._main.tabifiedDockWidgets(dock)]
            titles[dock.windowTitle()] = {d.windowTitle() for d in group if not d.isHidden()}
        own = Qt.FindChildOption.FindDirectChildrenOnly
        for bar in self._main.findChildren(QTabBar, options=own):
            texts = [bar.tabText(tab) for tab in range(bar.count())]
            if texts and set(texts) != titles.get(texts[0]):
                bar.hide()

    def _places(self) -> dict[str, Place]:
        """Of the other docks, by name: the area, whether it floats, whether it is hidden."""
        main = self._main
        docks = (dock for dock in main.findChildren(QDockWidget) if dock is not self)
        return {
            dock.objectName(): (main.dockWidgetArea(dock), dock.isFloating(), dock.isHidden())
            for dock in docks
        }

    def _shares(self, dock: QDockWidget) -> bool:
        """Hidden ones, too: opened later they become tabs, for two would not fit in height."""
        on_the_right = self._main.dockWidgetArea(dock) == RIGHT and not dock.isFloating()
        return dock is not self and on_the_right

    def _leave(self) -> None:
        before, self._before = self._before, None
        if before is None:
            self._take_apart()
            return
        now = self._places()
        self._main.restoreState(before)  # all as it was, sizes too,
        for dock in self._main.findChildren(QDockWidget):  # but for what was moved since
            place = now.get(dock.objectName())
            if place is not None and place != self._entered.get(dock.objectName()):
                area, floats, hidden = place
                if self._main.dockWidgetArea(dock) != area:
                    self._main.addDockWidget(area, dock)
                dock.setFloating(floats)
                dock.setHidden(hidden)
        self.hide()
        self._hide_old_tabs()

    def _take_apart(self) -> None:
        """Leaves a workspace that was there from the start, so that nobody knows the docks' own."""
        behind = self._main.tabifiedDockWidgets(self)
        if not behind:
            self.hide()
            return
        # What is added beside a tab becomes a tab: so all leave first, even the last one.
        shown = {dock for dock in behind if not dock.isHidden()}
        for dock in (*behind, self):
            self._main.removeDockWidget(dock)
        for dock in behind:
            self._main.addDockWidget(RIGHT, dock, Qt.Orientation.Vertical)
            dock.setVisible(dock in shown)
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
