"""What a window has to do with its project: the parts put together, from the start to the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from shapelab.core.project.project_file import is_project
from shapelab.gui.base.notify import Toasts
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.base.workers import Task
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.dropped_files import from_paths
from shapelab.gui.panels.morph_panel import MorphPanel
from shapelab.gui.project.project_files import ProjectFiles
from shapelab.gui.project.project_keeper import ProjectKeeper
from shapelab.gui.project.project_loading import Beginning, Reader, begin
from shapelab.gui.project.view_link import ViewLink
from shapelab.gui.project.welcome import WelcomeCard
from shapelab.gui.viewport.viewport import Viewport
from shapelab.gui.window.actions import Actions
from shapelab.gui.window.commands import Commands
from shapelab.gui.window.model_opener import ModelOpener


class WindowProject(QObject):
    """Begins with a project or a model, names it in the title, and sees that nothing is lost."""

    def __init__(
        self,
        window: QWidget,
        actions: Actions,
        commands: Commands,
        current: CurrentDocument,
        viewport: Viewport,
        morph: MorphPanel,
        models: ModelOpener,
        toasts: Toasts,
        settings: WindowSettings,
    ) -> None:
        super().__init__(window)
        self._window, self._actions, self._current = window, actions, current
        self._toasts, self._settings = toasts, settings
        self.view = ViewLink(actions, viewport, morph, commands.variations, self._touch)
        self.keeper = ProjectKeeper(current, self.view.read, window)
        self.files = ProjectFiles(
            window,
            actions,
            current,
            self.keeper,
            self.view,
            models,
            commands.recent,
            toasts,
            settings,
        )
        self.welcome = WelcomeCard(viewport)
        self.welcome.example_chosen.connect(lambda path: current.open(from_paths([path])))
        self.welcome.project_chosen.connect(self.files.open)
        self.welcome.restore_wanted.connect(self.files.restore)
        self.welcome.discard_wanted.connect(self.files.discard)
        self.files.shown.connect(self.welcome.hide)
        current.history_changed.connect(self._leave_welcome)
        self._explored = ""
        self.keeper.changed.connect(self._show_title)
        self._show_title()

    def loader(
        self, model: str | Path, project: Path | None, at_start: bool, drawn: threading.Event
    ) -> Callable[[Task], Beginning]:
        """What a thread has to do for the first shape.

        Args:
            model: name or path, for a window without a project.
            project: the file that was named, if one was.
            at_start: of the app, so that the last session comes back if that is wanted.
            drawn: set once the view has drawn.
        """
        come_back = at_start and self._actions["come_back"].isChecked()
        folders = self._settings.opened_models
        reader = Reader({}, folders, self.view.read(), drawn)
        return partial(begin, model, project, come_back, reader)

    def begin(self, beginning: Beginning, at_start: bool) -> None:
        """Shows what was loaded; offers what was lost, and at the start of the app it welcomes."""
        if beginning.project is not None:
            self.files.show(beginning.project)
        elif beginning.model is not None:
            self._current.open_model(beginning.model)
            self.keeper.begin()
        if beginning.problem is not None:
            self._toasts.exception(beginning.problem)
        for each in beginning.left:
            if not each.standing.modified:
                self.files.discard(each)  # its file has it all
        left = [each for each in beginning.left if each.standing.modified]
        lost = any(not each.standing.ended for each in left)
        if lost or (at_start and beginning.project is None):
            projects = [path for path in self._settings.recent_files if is_project(path)]
            self.welcome.welcome(projects, left)

    def may_close(self) -> bool:
        """Whether the window may close; asks if something would be lost."""
        return self.files.may_close()

    def stop(self) -> None:
        """Ends the threads; keeps the session for the next start if that is wanted."""
        self.files.stop()
        self.keeper.end(self._actions["come_back"].isChecked())

    @Slot(str)
    def name_run(self, words: str) -> None:
        """Says in the title what of a run is shown beside the project; empty for nothing."""
        self._explored = words
        self._show_title()

    @Slot()
    def _show_title(self) -> None:
        only = " (read-only)" if self.keeper.read_only else ""
        beside = f"{self._explored} – " if self._explored else ""
        self._window.setWindowTitle(f"{beside}{self.keeper.name}[*]{only} – ShapeLab")
        self._window.setWindowModified(self.keeper.modified)

    def _touch(self) -> None:
        self.keeper.touch()

    def _leave_welcome(self) -> None:
        if self._current.undo_text:
            self.welcome.hide()
