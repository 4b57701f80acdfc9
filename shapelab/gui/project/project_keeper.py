"""The window's project: what it holds, where its file is, and whether the file lacks something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from shapelab.core.project.journal import Standing
from shapelab.core.project.project import Project, SessionPart
from shapelab.core.project.project_lock import ProjectLock
from shapelab.core.project.view_state import ViewState
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import Document
from shapelab.gui.project.autosave import Autosave, Moment
from shapelab.gui.project.project_loading import LoadedProject

UNTITLED = "Untitled"


class ProjectKeeper(QObject):
    """Takes the window's project, follows its changes and keeps them in the journal.

    Signals:
        changed: its name, whether it can be written there, or whether it is modified.
    """

    changed = Signal()

    def __init__(
        self, current: CurrentDocument, view: Callable[[], ViewState], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._current, self._view = current, view
        self._file: Path | None = None
        self._digest = ""  # of the file as it was read or written last
        self._begun = False
        self._saved: Project | None = (
            None  # what the file, or a new project, holds; if that is known
        )
        self._modified = False
        self._lock: ProjectLock | None = None
        self.read_only = False  # another window writes this project
        self.autosave = Autosave(self.moment, self)
        self._disconnect: list[Callable[[], object]] = []
        current.changed.connect(self._follow)
        current.history_changed.connect(self.touch)

    # --- what there is -------------------------------------------------------------------------

    @property
    def file(self) -> Path | None:
        """Where the project lies; None if it never had a file."""
        return self._file

    @property
    def digest(self) -> str:
        """Of the file as this window knows it."""
        return self._digest

    @property
    def name(self) -> str:
        """What people call it."""
        return UNTITLED if self._file is None else self._file.stem

    @property
    def modified(self) -> bool:
        """Whether the file lacks something; of a project without a file, whether it has begun."""
        return self._modified

    def take(self) -> Project | None:
        """All that the window holds; None until the model is there."""
        documents, shown = self._current.documents
        if not documents:
            return None
        parts = tuple(
            SessionPart.of(each.session, each.originals, self._current.left_at(each))
            for each in documents
        )
        return Project(parts, shown, self._view())

    def moment(self) -> Moment | None:
        """The project, and how it stands to its file."""
        project = self.take()
        if project is None or not self._begun:
            return None
        self._compare(project)
        path = "" if self._file is None else str(self._file.absolute())
        return project, Standing(path, self._digest, self._modified)

    def look(self) -> bool:
        """Whether the file lacks something now: a change of a moment ago counts already."""
        self.moment()
        return self._modified

    # --- what happens --------------------------------------------------------------------------

    @Slot()
    def touch(self) -> None:
        """Something may have changed: it is written soon, and the title told then."""
        if self._begun:
            self.autosave.touch()

    def begin(self) -> None:
        """Goes on with what is shown as a new project without a file."""
        self._begun = True
        self._settle(None, "", self.take())
        self.autosave.touch()

    def show(self, loaded: LoadedProject) -> bool:
        """Goes on with a project that was read.

        Returns:
            Whether this window may write it: False where another one has it open.
        """
        standing = loaded.standing
        if loaded.journal is not None:
            self.autosave.go_on_with(loaded.journal)
        parent = self._current.parent()
        documents = [
            Document(session.model, parent, session, originals)
            for session, originals in zip(
                loaded.opened.sessions, loaded.opened.originals, strict=True
            )
        ]
        self._begun = True
        self._current.replace(documents, loaded.opened.shown, loaded.opened.left)
        project = self.take()
        file = Path(standing.path) if standing.path else None
        free = self._settle(file, standing.digest, None if standing.modified else project)
        self.autosave.touch()
        return free

    def note_saved(self, file: Path, digest: str, project: Project) -> None:
        """A file now holds a project, that of a moment ago."""
        self._settle(file, digest, project)
        self.autosave.touch()

    def hold(self, file: Path) -> bool:
        """Whether this window may write a file: no other one has it open."""
        if self._lock is not None and file == self._file:
            return not self.read_only
        lock = ProjectLock(file)
        free = lock.acquire()
        lock.release()
        return free

    def end(self, keep: bool) -> None:
        """The window closes; what it holds is kept for the next start, or not."""
        moment = self.moment() if keep and self._begun else None
        if moment is not None and (moment[1].modified or moment[1].path):
            self.autosave.end((moment[0], replace(moment[1], ended=True)))
        else:  # nothing that anybody would look for
            self.autosave.end(None)
        self._release()

    # --- inside --------------------------------------------------------------------------------

    def _settle(self, file: Path | None, digest: str, saved: Project | None) -> bool:
        if file != self._file or self._lock is None:
            self._release()
            self._file = file
            self._lock = None if file is None else ProjectLock(file)
            self.read_only = self._lock is not None and not self._lock.acquire()
        self._digest = digest
        project = self.take()
        self._saved = saved
        self._modified = saved is None or (project is not None and not project.same_work(saved))
        self.changed.emit()
        return not self.read_only

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _compare(self, project: Project) -> None:
        saved = self._saved
        modified = saved is None or not project.same_work(saved)
        if modified != self._modified:
            self._modified = modified
            self.changed.emit()

    @Slot(object)
    def _follow(self, document: Document) -> None:
        for disconnect in self._disconnect:
            disconnect()
        wire = document.original_changed.connect(self._touch_for_original)
        self._disconnect = [
            partial(QObject.disconnect, wire),
            document.session.locked_changed.connect(lambda _locked: self.touch()),
        ]

    @Slot(object)
    def _touch_for_original(self, _original: object) -> None:
        self.touch()
