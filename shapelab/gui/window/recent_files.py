"""Recent files: what was opened and saved, in a menu, to be opened again."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from shapelab.gui.base.action import Action
from shapelab.gui.base.notify import without_home
from shapelab.gui.base.settings import WindowSettings

MOST_SHOWN = 10
NOTHING = "What you open or save is listed here."
GONE = "The file is no longer there."


class RecentFiles(QObject):
    """Keeps the menu; its entries exist before it is opened, so that the palette finds them.

    Signals:
        chosen: the path of a file to open again.
    """

    chosen = Signal(Path)

    def __init__(self, window: QWidget, settings: WindowSettings) -> None:
        super().__init__(window)
        self._settings = settings
        self.menu = QMenu("&Recent Files", window)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._look_for_them)
        self._entries = [Action("", self.menu, "") for _ in range(MOST_SHOWN)]
        self.menu.addActions(self._entries)
        for entry in self._entries:
            entry.triggered.connect(partial(self._open, entry))
        self._none = Action("No files yet", self.menu, "Recent files")
        self._none.allow(False, NOTHING)
        self.menu.addAction(self._none)
        self.menu.addSeparator()
        forgets = "Forgets these names; the files stay where they are"
        self._clear = Action("&Clear the List", self.menu, forgets)
        self.menu.addAction(self._clear)
        self._clear.triggered.connect(self._forget)
        self._fill()

    @Slot(Path)
    def remember(self, path: Path) -> None:
        """Puts a file first."""
        self._settings.remember_file(path)
        self._fill()

    def _fill(self) -> None:
        files = self._settings.recent_files[:MOST_SHOWN]
        names = [path.name for path in files]
        for entry in self._entries[len(files) :]:
            entry.setVisible(False)
        for entry, path in zip(self._entries, files, strict=False):
            twin = names.count(path.name) > 1
            text = f"{path.name} ({path.parent.name})" if twin else path.name
            entry.setText(text.replace("&", "&&"))
            entry.explain(f"Open {without_home(str(path))}")
            entry.setData(str(path))
            entry.allow(True, "")
            entry.setVisible(True)
        self._none.setVisible(not files)
        self._clear.allow(bool(files), NOTHING)

    @Slot()
    def _look_for_them(self) -> None:
        """Greys what has gone; not before the menu is opened, as a disk may be slow to wake."""
        for entry in self._entries:
            if entry.isVisible():
                entry.allow(os.path.exists(entry.data()), GONE)

    def _open(self, entry: QAction, _checked: bool = False) -> None:
        self.chosen.emit(Path(entry.data()))

    @Slot()
    def _forget(self) -> None:
        self._settings.forget_files()
        self._fill()
