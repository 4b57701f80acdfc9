"""What the File menu does with projects: new, open, save, revert; and what closing asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QStandardPaths, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from shapelab.core.errors import ExportError
from shapelab.core.project.journal import Journal, LeftBehind
from shapelab.core.project.project import Project, ProjectEncoder
from shapelab.core.project.project_file import PROJECT_SUFFIX, changed_since, write_project
from shapelab.gui.base.notify import Toasts, may_replace
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.base.workers import Task
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import Document, ShapeSource
from shapelab.gui.project.project_keeper import ProjectKeeper
from shapelab.gui.project.project_loading import (
    LoadedProject,
    MissingModel,
    Reader,
    load_file,
    load_journal,
)
from shapelab.gui.window.actions import Actions
from shapelab.gui.window.model_opener import ModelOpener
from shapelab.gui.window.recent_files import RecentFiles

if TYPE_CHECKING:
    from shapelab.gui.project.view_link import ViewLink

NO_FILE = "The project has not been saved yet."
UNCHANGED = "Nothing has changed since the project was saved."
FILTER = f"ShapeLab projects (*{PROJECT_SUFFIX})"
Button = QMessageBox.StandardButton


class ChangedOnDisk(ExportError):
    """Somebody else wrote the file since this window read it."""


class ProjectFiles(QObject):
    """Connects the actions of projects; reads and writes on threads, one at a time.

    Signals:
        working: what is being done, in words; empty at the end.
        shown: another project is shown now.
    """

    working = Signal(str)
    shown = Signal()

    def __init__(
        self,
        window: QWidget,
        actions: Actions,
        current: CurrentDocument,
        keeper: ProjectKeeper,
        view: ViewLink,
        models: ModelOpener,
        recent: RecentFiles,
        toasts: Toasts,
        settings: WindowSettings,
    ) -> None:
        super().__init__(window)
        self._window, self._actions, self._current = window, actions, current
        self._keeper, self._view, self._models = keeper, view, models
        self._recent, self._toasts, self._settings = recent, toasts, settings
        self._task: Task | None = None
        self._found: tuple[Path, ...] = ()  # folders of models that somebody showed us
        for name, act in {
            "new": self.new,
            "save_project": self.save,
            "save_project_as": self.save_as,
            "revert": self.revert,
        }.items():
            actions[name].triggered.connect(lambda _checked=False, act=act: act())
        actions["come_back"].setChecked(settings.flag("project/come_back", True))
        actions["come_back"].toggled.connect(partial(settings.set_flag, "project/come_back"))
        keeper.changed.connect(self._allow_revert)
        keeper.autosave.failed.connect(toasts.exception)
        current.project_dropped.connect(self.open)
        current.passed_over.connect(self._tell_passed_over)
        self._allow_revert()

    @property
    def busy(self) -> bool:
        """Whether a project is being read or written."""
        return self._task is not None

    def stop(self) -> None:
        """Waits for what is being read or written."""
        if self._task is not None:
            self._task.stop()
            self._task = None

    def reader(self) -> Reader:
        """What reading a project needs to know of the window now."""
        documents, _ = self._current.documents
        models = {each.model.digest: each.model for each in documents}
        reader = Reader(models, (*self._found, *self._settings.opened_models), self._view.read())
        reader.drawn.set()
        return reader

    # --- new and open --------------------------------------------------------------------------

    def new(self) -> None:
        """Begins a project with the shown model's first shape."""
        if self._current.document is not None:
            self._leave(self._begin)

    def _begin(self) -> None:
        model = self._current.require().model
        self._current.replace([Document(model, self._current.parent())], 0)
        self._keeper.begin()
        self.shown.emit()

    @Slot(Path)
    @Slot(Path, list)
    def open(self, path: Path, shapes: list[ShapeSource] | None = None) -> None:
        """Opens a project instead of the one that is shown, and shapes in it."""
        if self._keeper.file is not None and path.absolute() == self._keeper.file.absolute():
            self._toasts.info(f"{path.name} is open already.")
            self._current.open(shapes or [])
        else:
            self._leave(partial(self._open, path, shapes or []))

    def _open(self, path: Path, shapes: list[ShapeSource]) -> None:
        again = partial(self._open, path, shapes)
        self._read(path.name, partial(load_file, path), again, shapes)

    def restore(self, left: LeftBehind) -> None:
        """Goes on with what a window left behind."""
        self._leave(partial(self._restore, left))

    def _restore(self, left: LeftBehind) -> None:
        again = partial(self._restore, left)
        self._read("the unsaved changes", partial(load_journal, left.folder), again)

    def discard(self, left: LeftBehind) -> None:
        """Takes away what a window left behind, unless another window has it by now."""
        journal = Journal(left.folder)
        if journal.take():
            journal.discard()

    def revert(self) -> None:
        """Goes back to the project as its file has it."""
        file = self._keeper.file
        if file is None or not self._keeper.look() or self._waits():
            return
        answer = QMessageBox.question(
            self._window,
            "Revert the project?",
            f"Go back to {file.name} as it was saved? All changes since then will be lost.",
        )
        if answer == Button.Yes:
            self._open(file, [])

    def show(self, loaded: LoadedProject) -> None:
        """Shows a project that was read."""
        free = self._keeper.show(loaded)
        self._view.set(loaded.opened.view)
        path = self._keeper.file
        if path is not None:
            self._recent.remember(path)
        if path is not None and not free:
            self._toasts.info(
                f"{path.name} is open in another window; here it can be looked at, and saved under "
                "another name."
            )
        self.shown.emit()

    def _read(
        self,
        name: str,
        load: Callable[[Reader, Task], LoadedProject],
        again: Callable[[], None],
        shapes: Sequence[ShapeSource] = (),
    ) -> None:
        task = Task(partial(load, self.reader()), self)
        task.done.connect(partial(self._show_read, self._keeper.take(), shapes))
        task.failed.connect(partial(self._fail_to_read, again))
        self._start(f"Opening {name}…", task)

    def _show_read(
        self, before: Project | None, shapes: Sequence[ShapeSource], loaded: LoadedProject
    ) -> None:
        self._finish()
        now = self._keeper.take()
        if before is not None and now is not None and not now.same_work(before):
            # What was done meanwhile, nobody has given up; a journal's lock goes with its object.
            self._leave(partial(self._show_with, loaded, shapes))
        else:
            self._show_with(loaded, shapes)

    def _show_with(self, loaded: LoadedProject, shapes: Sequence[ShapeSource]) -> None:
        self.show(loaded)
        self._current.open(list(shapes))

    @Slot(list)
    def _tell_passed_over(self, names: list[str]) -> None:
        self._toasts.info(
            f"Of several projects, models or folders one is opened; not opened: {', '.join(names)}."
        )

    def _fail_to_read(self, again: Callable[[], None], error: Exception) -> None:
        self._finish()
        if not isinstance(error, MissingModel):
            self._toasts.exception(error)
            return
        found = self._models.locate(error.stamp, error.name)
        if found is not None:
            self._found = (*self._found, found)
            again()

    # --- saving --------------------------------------------------------------------------------

    def save(self, then: Callable[[], object] = lambda: None) -> None:
        """Writes the project to its file; asks for one where it has none.

        Args:
            then: is called once it is written.
        """
        file = self._keeper.file
        if file is None or self._keeper.read_only:
            self.save_as(then)
        else:
            self._write(file, self._keeper.digest, then)

    def save_as(self, then: Callable[[], object] = lambda: None) -> None:
        """Asks for a file and writes the project there."""
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        home = QStandardPaths.writableLocation(documents) or str(Path.home())
        folder = self._settings.text("folders/projects", home)
        proposal = str(Path(folder, self._keeper.name + PROJECT_SUFFIX))
        name, _ = QFileDialog.getSaveFileName(self._window, "Save Project", proposal, FILTER)
        if not name:
            return
        asked = name.lower().endswith(PROJECT_SUFFIX)  # the dialog has, whether to replace it
        path = Path(name if asked else name + PROJECT_SUFFIX)
        if not asked and not may_replace(self._window, path):
            return
        if not self._keeper.hold(path):
            self._toasts.error(
                f"{path.name} is open in another window; please choose another name."
            )
            return
        self._settings.set_text("folders/projects", str(path.parent))
        self._write(path, None, then)

    def _write(self, path: Path, known: str | None, then: Callable[[], object]) -> None:
        project = self._keeper.take()
        if project is None or self._waits():
            return

        def work(_task: Task) -> tuple[str, str]:
            if known is not None and changed_since(path, known):
                raise ChangedOnDisk(f"{path.name} was changed by another program.")
            encoder = ProjectEncoder()
            return write_project(path, encoder.stored(project), force=True), encoder.left_out

        task = Task(work, self)
        task.done.connect(partial(self._note_written, path, project, then))
        task.failed.connect(partial(self._fail_to_write, path, then))
        self._start(f"Saving {path.name}…", task)

    def _note_written(
        self, path: Path, project: Project, then: Callable[[], object], written: tuple[str, str]
    ) -> None:
        digest, left_out = written
        self._finish()
        self._keeper.note_saved(path, digest, project)
        self._recent.remember(path)
        self._toasts.info(f"Saved {path.name}. {left_out}".rstrip())
        then()

    def _fail_to_write(self, path: Path, then: Callable[[], object], error: Exception) -> None:
        self._finish()
        if not isinstance(error, ChangedOnDisk):
            self._toasts.exception(error)
            return
        answer = QMessageBox.question(
            self._window,
            "Replace the file?",
            f"{path.name} was changed by another program since it was opened here. Replace it? "
            "(Save Project As… keeps both.)",
        )
        if answer == Button.Yes:
            self._write(path, None, then)

    # --- leaving -------------------------------------------------------------------------------

    def may_close(self) -> bool:
        """Whether the window may close; asks only if something would be lost."""
        comes_back = self._actions["come_back"].isChecked() and not self._keeper.autosave.fails
        if comes_back or not self._keeper.look():
            return True
        return self._ask_to_save(self._window.close)

    def _leave(self, then: Callable[[], object]) -> None:
        """Goes on once nothing of the shown project would be lost, or that is meant."""
        if self._waits():
            return
        again = partial(self._leave, then)  # more may be changed while it is saved
        if not self._keeper.look() or self._ask_to_save(again):
            then()

    def _waits(self) -> bool:
        if self._task is not None:
            self._toasts.info("Another project is being read or written; please wait a moment.")
        return self._task is not None

    def _ask_to_save(self, then: Callable[[], object]) -> bool:
        """Whether the changes may be lost; if they shall be saved, what follows comes after."""
        answer = QMessageBox.question(
            self._window,
            "Save the project?",
            f"{self._keeper.name} has changes that are not saved. Save them?",
            Button.Save | Button.Discard | Button.Cancel,
            Button.Save,
        )
        if answer == Button.Save:
            self.save(then)
        return answer == Button.Discard

    # --- inside --------------------------------------------------------------------------------

    def _start(self, words: str, task: Task) -> None:
        self._task = task
        self.working.emit(words)
        task.start()

    def _finish(self) -> None:
        self._task = None
        self.working.emit("")

    @Slot()
    def _allow_revert(self) -> None:
        keeper = self._keeper
        reason = NO_FILE if keeper.file is None else UNCHANGED
        self._actions["revert"].allow(keeper.file is not None and keeper.modified, reason)
