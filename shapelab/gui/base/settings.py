"""Remembers the window between two starts: its place, its docks and the options of the view."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QObject, QSettings, QTimer, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from shapelab.core import files_of_others
from shapelab.core.paths import user_folder

#: Raised when docks or toolbars change so much that an older layout no longer fits.
LAYOUT = 1
MOST_MODELS = 8  # that are remembered
MOST_FILES = 20
MAX_BYTES = 2**20  # of the file; ours have 3 kB
SIZE_MM, SIZE_MIN, SIZE_MAX = 80.0, 5.0, 1000.0  # of an exported part's longest side
REST_MS = 1000  # without a change of the layout, before it is kept
_CHANGES = {QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.WindowStateChange}
_log = logging.getLogger("shapelab")


class WindowSettings:
    """An ini file in the user's folder; damaged or missing entries count as absent."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_folder() / "window.ini"
        self._put_aside_what_is_odd()
        self._store = QSettings(str(self.path), QSettings.Format.IniFormat)

    def _put_aside_what_is_odd(self) -> None:
        """Qt would wait for a pipe and read a file of any size; nothing is lost by a new name."""
        odd = os.path.lexists(self.path) and not files_of_others.is_plain(self.path)
        try:
            if odd or (self.path.exists() and self.path.stat().st_size > MAX_BYTES):
                self.path.replace(self.path.with_suffix(".odd"))
        except OSError as error:
            _log.warning("the settings cannot be put aside: %s", error)

    def restore(self, window: QMainWindow) -> bool:
        """Puts the window where it was; False when nothing is known."""
        geometry = self._store.value("window/geometry")
        state = self._store.value("window/state")
        if not isinstance(geometry, QByteArray) or not isinstance(state, QByteArray):
            return False
        return window.restoreGeometry(geometry) and window.restoreState(state, LAYOUT)

    def keep(self, window: QMainWindow) -> None:
        """Writes the place of window, docks and toolbar."""
        self._store.setValue("window/geometry", window.saveGeometry())
        self._store.setValue("window/state", window.saveState(LAYOUT))
        self._write()

    @property
    def training_runs(self) -> tuple[Path, ...]:
        """The runs that were trained in this window and may go on behind its back."""
        return tuple(Path(line) for line in self.text("training/runs", "").splitlines())

    @training_runs.setter
    def training_runs(self, runs: Iterable[Path]) -> None:
        names = dict.fromkeys(map(str, runs))
        if (wanted := "\n".join(names)) != self.text("training/runs", ""):
            self.set_text("training/runs", wanted)
            self._write()  # now: this is for the case that the app is killed

    @property
    def opened_models(self) -> tuple[Path, ...]:
        """Folders of models that were opened before, the newest first."""
        return tuple(Path(line) for line in self.text("models/opened", "").splitlines())

    def remember_model(self, folder: Path) -> None:
        """Puts a model first among those that were opened before."""
        names = dict.fromkeys([str(folder.absolute()), *map(str, self.opened_models)])
        self.set_text("models/opened", "\n".join([*names][:MOST_MODELS]))

    @property
    def recent_files(self) -> tuple[Path, ...]:
        """Files that were opened or saved before, the newest first."""
        return tuple(Path(line) for line in self.text("files/recent", "").splitlines())

    def remember_file(self, path: Path) -> None:
        """Puts a file first among those that were opened or saved before."""
        name = str(path.absolute())
        if not name.isprintable():
            return  # a line break in it would make two of it
        names = dict.fromkeys([name, *map(str, self.recent_files)])
        self.set_text("files/recent", "\n".join([*names][:MOST_FILES]))

    def forget_files(self) -> None:
        """Forgets the files that were opened or saved before."""
        self.set_text("files/recent", "")

    def _write(self) -> None:
        """Puts the entries on the disk; one that refuses is no reason to lose more than them."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _log.warning("the settings cannot be kept: %s", error)
            return
        self._store.sync()
        if self._store.status() != QSettings.Status.NoError:
            _log.warning("the settings cannot be written to %s", self.path)

    def text(self, name: str, default: str, allowed: tuple[str, ...] = ()) -> str:
        """A word; the default when it is not one of those allowed."""
        value = self._store.value(name, default)
        known = isinstance(value, str) and (not allowed or value in allowed)
        return str(value) if known else default

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number; the default when it is none, or not one between low and high."""
        try:
            value = float(self.text(name, ""))
        except ValueError:
            return default
        return value if low <= value <= high else default

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no."""
        return self.text(name, "yes" if default else "no", ("yes", "no")) == "yes"

    def set_text(self, name: str, value: str) -> None:
        self._store.setValue(name, value)

    def set_flag(self, name: str, value: bool) -> None:
        self._store.setValue(name, "yes" if value else "no")


class LayoutKeeper(QObject):
    """Calls ``keep`` once the window, its docks and the check marks of its menus have come to rest.

    A program that is killed cannot keep them at its end.

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
        docks = tuple(docks)
        self._watched: tuple[QWidget, ...] = (window, *docks)
        for widget in self._watched:  # a splitter between docks resizes them
            widget.installEventFilter(self)
        for dock in docks:
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
