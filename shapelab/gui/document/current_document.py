"""CurrentDocument: which document the window shows, and the files that wait until there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from shapelab.core.errors import ShapelabError
from shapelab.core.model.model_summary import is_model
from shapelab.core.project.project_file import is_project
from shapelab.core.session.session import Session
from shapelab.gui.document.document import Document, ShapeSource

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

LOADING = "The model is still being loaded; please wait a moment."
MOST_DOCUMENTS = 4  # that undo may come back to; each keeps its model


class CurrentDocument(QObject):
    """Documents of the models that were opened, in a line that undo and redo go along.

    Latents of one model mean nothing to another: so a document's own steps come first, then the
    document before it. There is none until the first model is loaded; a run's model comes and goes
    as a document outside the line.

    Signals:
        changed: the document that is shown from now on.
        history_changed: what undo and redo would do.
        model_opening: the line goes on with another model; what is outside it ends.
        model_dropped: the path of a model that should be opened, and what came with it.
        project_dropped: the file of a project that should be opened, and what came with it.
        passed_over: names of projects, models and folders beside the one that is opened.
        folder_opened: a folder is neither a shape nor a model, but shapes to learn from.
    """

    changed = Signal(object)
    history_changed = Signal()
    model_opening = Signal()
    model_dropped = Signal(Path, list)
    project_dropped = Signal(Path, list)
    passed_over = Signal(list)
    folder_opened = Signal(Path)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._waiting: list[ShapeSource] = []
        self._line: list[Document] = []
        self._left: dict[Document, tuple[int, int]] = {}  # the step where the line went on, newest
        self._disconnect: Callable[[], object] = lambda: None

    @property
    def document(self) -> Document | None:
        """What is shown, if the model is there."""
        return self._document

    def require(self) -> Document:
        """The document. Raises ShapelabError while the model is still being loaded."""
        if self._document is None:
            raise ShapelabError(LOADING)
        return self._document

    @property
    def session(self) -> Session:
        """The document's. Raises ShapelabError while the model is still being loaded."""
        return self.require().session

    def model_of(self, digest: str) -> ShapeModel | None:
        """The model with this digest, if one of the documents that are there has it."""
        documents = [*self._line, *([self._document] if self._document else [])]
        models = (document.model for document in documents)
        return next((model for model in models if model.digest == digest), None)

    def show(self, document: Document) -> None:
        """Shows a document from now on; the one before keeps its shape and history, unheard.

        What was kept with the one before stays in sight.
        """
        if self._document is not None:
            document.session.take_gallery(self._document.session.gallery)
        self._turn_to(document)

    def _turn_to(self, document: Document) -> None:
        if self._document is not None:
            self._document.cancel()
        self._disconnect()
        self._document = document
        self._disconnect = document.session.history_changed.connect(self._follow_history)
        self.changed.emit(document)
        document.refresh()
        self.history_changed.emit()
        waiting, self._waiting = self._waiting, []
        self.open(waiting)

    def open_model(self, model: ShapeModel) -> None:
        """Goes on with a new document of this model; undo leads back to the one before."""
        self.model_opening.emit()
        at = self._place()
        if at is not None:
            before = self._line[at]
            before.session.finish_edit()
            before.session.forget_redo()
            history = before.session.history
            self._left[before] = history.step.number, history.newest
            self._drop(self._line[at + 1 :])
        document = Document(model, self.parent())
        self._line.append(document)
        self._drop(self._line[:-MOST_DOCUMENTS])
        self.show(document)

    @property
    def documents(self) -> tuple[tuple[Document, ...], int]:
        """The documents in line, the first opened first, and which of them is shown or waits."""
        place = self._place()
        return tuple(self._line), 0 if place is None else place

    def left_at(self, document: Document) -> int | None:
        """The step of a document at which the next one was opened; None for the last one."""
        return self._left[document][0] if document in self._left else None

    def replace(
        self, documents: Sequence[Document], shown: int, left: Sequence[int | None] = ()
    ) -> None:
        """Shows other documents instead of all those in line, which undo cannot bring back.

        Args:
            documents: in line from now on.
            shown: which of them.
            left: of each, as ``left_at`` tells it.
        """
        self.model_opening.emit()
        before, self._line = self._line, list(documents)
        self._left = {
            document: (number, document.session.history.newest)
            for document, number in zip(documents, left, strict=False)
            if number is not None
        }
        self._turn_to(self._line[shown])  # with its own gallery
        for document in before:
            document.stop()
            document.deleteLater()

    def stop(self) -> None:
        """Ends the threads of all documents."""
        if self._document is not None:
            self._document.stop()
        for document in self._line:
            if document is not self._document:
                document.stop()

    # --- undo and redo ---------------------------------------------------------------------------

    def undo(self) -> None:
        """Takes back the last change of the shape, else the opening of its model."""
        document, before = self._document, self._neighbour(-1)
        if document is not None and document.session.undo_text:
            document.session.undo()
        elif before is not None:
            self._turn_to(before)

    def redo(self) -> None:
        """Does again what was taken back."""
        document, after = self._document, self._neighbour(1)
        if document is not None and document.session.redo_text:
            document.session.redo()
        elif after is not None:
            self._turn_to(after)

    @property
    def undo_text(self) -> str:
        """Words for what ``undo`` takes back; empty when there is nothing."""
        own = self._document.session.undo_text if self._document else ""
        return own or self._opening(self._document if self._neighbour(-1) else None)

    @property
    def redo_text(self) -> str:
        """Words for what ``redo`` repeats; empty when there is nothing."""
        own = self._document.session.redo_text if self._document else ""
        return own or self._opening(self._neighbour(1))

    def _opening(self, document: Document | None) -> str:
        return "" if document is None else f"open model {document.model.name}"

    def _place(self) -> int | None:
        """Where in the line the shown document is; the last place while one outside it is."""
        if self._document in self._line:
            return self._line.index(self._document)
        return len(self._line) - 1 if self._line else None

    def _neighbour(self, step: int) -> Document | None:
        if self._document not in self._line:
            return None
        at = self._line.index(self._document) + step
        if not 0 <= at < len(self._line):
            return None
        number, _newest = self._left.get(self._line[at - 1], (None, None))
        at_end = step < 0 or self._line[at - 1].session.history.step.number == number
        return self._line[at] if at_end else None  # of another branch the model was not opened

    def _follow_history(self) -> None:
        """A new change forgets the models that could be opened again; a look around does not."""
        document = self._document
        if document in self._left:
            _number, newest = self._left[document]
            if document.session.history.newest != newest:
                del self._left[document]
                self._drop(self._line[self._line.index(document) + 1 :])
        self.history_changed.emit()

    def _drop(self, documents: list[Document]) -> None:
        for document in documents:
            self._line.remove(document)
            self._left.pop(document, None)
            document.stop()
            document.deleteLater()

    # --- opening files ---------------------------------------------------------------------------

    def open(self, sources: list[ShapeSource]) -> None:
        """The one way in, for drop, Open, Paste and the command line; waits for the model."""
        projects = [each for each in sources if each.path and is_project(each.path)]
        models = [each for each in sources if each.path and is_model(each.path)]
        folders = [each for each in sources if each.path and os.path.isdir(each.path)]
        shapes = [each for each in sources if each not in (*projects, *models, *folders)]
        data = [each for each in folders if each not in models]
        if more := [*projects[1:], *models[1:], *data[1:]]:
            self.passed_over.emit([each.name for each in more])
        if data and data[0].path is not None:
            self.folder_opened.emit(data[0].path)
        if self._document is None:
            self._waiting += [*projects[:1], *models[:1], *shapes]
        elif projects and projects[0].path is not None:
            self.project_dropped.emit(projects[0].path, [*models[:1], *shapes])
        elif models:
            self.model_dropped.emit(models[0].path, shapes)
        else:
            self._document.open(shapes)
