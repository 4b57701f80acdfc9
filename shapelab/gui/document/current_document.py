"""CurrentDocument: which document the window shows, and the files that wait until there is one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from shapelab.core.errors import ShapelabError
from shapelab.core.session.session import Session
from shapelab.gui.document.document import Document, ShapeSource

LOADING = "The model is still being loaded; please wait a moment."


class CurrentDocument(QObject):
    """There is none until the model is loaded; a run's model comes and goes as one of its own.

    Signals:
        changed: the document that is shown from now on.
        folder_opened: a folder is no shape, but shapes to learn from.
    """

    changed = Signal(object)
    folder_opened = Signal(Path)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._waiting: list[ShapeSource] = []

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

    def show(self, document: Document) -> None:
        """Shows a document from now on; the one before keeps its shape and history, unheard."""
        if self._document is not None:
            self._document.cancel()
        self._document = document
        self.changed.emit(document)
        document.refresh()
        waiting, self._waiting = self._waiting, []
        document.open(waiting)

    def open(self, sources: list[ShapeSource]) -> None:
        """The one way in, for drop, Open, Paste and the command line; waits for the model."""
        folders = [each.path for each in sources if each.path and each.path.is_dir()]
        if folders:
            self.folder_opened.emit(folders[0])
        shapes = [source for source in sources if source.path not in folders or not source.path]
        if self._document is None:
            self._waiting += shapes
        else:
            self._document.open(shapes)
