"""Opens models: chosen, dropped, or named by a saved shape."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from shapelab.core.errors import InputError, NoSightError, ShapelabError
from shapelab.core.model.model_summary import (
    WEIGHTS,
    find_models,
    model_with,
    seeing_model,
    summarise,
)
from shapelab.core.paths import find_model
from shapelab.core.session.shape_file import ModelStamp
from shapelab.gui.base.notify import Toasts
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.base.workers import Task
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import ShapeSource
from shapelab.gui.window import model_loading
from shapelab.gui.window.model_chooser import ModelChooser

if TYPE_CHECKING:
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.project.originals import Original

FILTER = f"ShapeLab models ({WEIGHTS} *.safetensors);;All files (*)"


class ModelOpener(QObject):
    """Loads one model at a time on a thread and hands it to the current document.

    Signals:
        loading: what is being done, in words; empty at the end.
    """

    loading = Signal(str)

    def __init__(
        self,
        window: QWidget,
        current: CurrentDocument,
        toasts: Toasts,
        settings: WindowSettings,
    ) -> None:
        super().__init__(window)
        self._window, self._current = window, current
        self._toasts, self._settings = toasts, settings
        self._task: Task | None = None
        self._waiting: list[ShapeSource] = []  # shapes of the model that is being loaded
        self.chooser: ModelChooser | None = None
        current.model_dropped.connect(self.open)

    @property
    def busy(self) -> bool:
        """Whether a model is on its way."""
        return self._task is not None

    def stop(self) -> None:
        """Ends the thread; no model comes afterwards."""
        if self._task is not None:
            self._task.stop()
            self._task = None

    @Slot()
    def choose(self) -> None:
        """Shows the models that are there, with their cards."""
        document = self._current.document
        checksum = document.model.checksum if document else ""
        models = find_models(self._settings.opened_models)
        self.chooser = ModelChooser(models, checksum, self._window)
        self.chooser.chosen.connect(self._open_chosen)
        self.chooser.file_requested.connect(self._ask_for_file)
        self.chooser.open()

    @Slot(Path)
    def _open_chosen(self, path: Path) -> None:
        """Opens a model; of what the shape came from, it makes its own."""
        document = self._current.document
        original = None if document is None else document.original
        if original is None:
            self.open(path)
            return
        self.open(path, [ShapeSource(original.name, make=partial(_remade, original))])

    @Slot(Path)
    @Slot(Path, list)
    def open(self, path: Path, shapes: list[ShapeSource] | None = None) -> None:
        """Loads the model in a folder or file and shows it; a model in use stays as it is."""
        try:
            folder = find_model(path)
            summary = summarise(folder, "opened before")
        except ShapelabError as error:
            self._toasts.exception(error)
            return
        document = self._current.document
        if document is not None and document.model.checksum == summary.checksum:
            self._toasts.info(f"The model {document.model.name} is open already.")
            self._current.open(shapes or [])
            return
        if self._task is not None:
            self._task.stop()  # the newest wish counts
        self._waiting = shapes or []
        self.loading.emit(f"Opening the model {folder.name}…")
        drawn = threading.Event()
        drawn.set()  # the view has long been there
        self._task = Task(partial(model_loading.load, folder, drawn), self)
        self._task.done.connect(partial(self._show, folder))
        self._task.failed.connect(self._fail)
        self._task.start()

    def find(self, stamp: ModelStamp, shapes: list[ShapeSource]) -> None:
        """Opens the model of a saved shape, asking for it where it is not known; then the shapes.

        Args:
            stamp: the model that the first shape needs.
            shapes: to be opened with it.
        """
        model = model_with(stamp.digest, self._settings.opened_models)
        if model is not None:
            self.open(model.folder, shapes)
            return
        path = self.locate(stamp, shapes[0].name)
        if path is not None:
            self.open(path, shapes)
        else:
            self._current.open(shapes[1:])

    def locate(self, stamp: ModelStamp, what: str) -> Path | None:
        """Asks where the model is that something needs; None if nobody has its file."""
        name = stamp.name or "that it does not name"
        answer = QMessageBox.question(
            self._window,
            "Which model?",
            f"{what} was saved with the model {name} "
            f"({stamp.digest[:12] or 'no digest'}), which is not among those that ShapeLab knows. "
            "Do you have its file?",
        )
        path = self._ask(f"Where Is {name}?") if answer == QMessageBox.StandardButton.Yes else None
        return path if path is not None and self._is(path, stamp) else None

    @Slot(list)
    def find_seeing(self, sources: list[ShapeSource]) -> None:
        """Opens a model that sees pictures, since the one that is shown does not; then these."""
        model = seeing_model(self._settings.opened_models)
        if model is None:
            self._toasts.error(
                "None of the models that ShapeLab knows sees pictures; open one that does."
            )
            return
        self._toasts.info(f"This model cannot read it; {model.name} reads {sources[0].name}.")
        self.open(model.folder, sources)

    def _is(self, path: Path, stamp: ModelStamp) -> bool:
        try:
            found = summarise(find_model(path), "opened before")
        except ShapelabError as error:
            self._toasts.exception(error)
            return False
        if found.digest != stamp.digest:
            self._toasts.error(f"{found.name} is another model than {stamp.name}.")
        return found.digest == stamp.digest

    def _ask(self, title: str) -> Path | None:
        folder = self._settings.text("folders/models", str(Path.home()))
        name, _ = QFileDialog.getOpenFileName(self._window, title, folder, FILTER)
        if not name:
            return None
        self._settings.set_text("folders/models", str(Path(name).parent))
        return Path(name)

    @Slot()
    def _ask_for_file(self) -> None:
        path = self._ask("Open Model")
        if path is not None:
            self.open(path)

    def _show(self, folder: Path, model: ShapeModel) -> None:
        self._task = None
        self.loading.emit("")
        self._settings.remember_model(folder)
        self._current.open_model(model)
        shapes, self._waiting = self._waiting, []
        self._current.open(shapes)

    @Slot(object)
    def _fail(self, error: Exception) -> None:
        self._task = None
        self._waiting = []
        self.loading.emit("")
        self._toasts.exception(error)


def _remade(original: Original, model: ShapeModel, cancel: threading.Event) -> Reconstruction:
    from shapelab.core.inputs.reconstruct import remade
    from shapelab.core.inputs.unseen.one_sided import as_taken

    try:
        made = remade(model, original.result, original.name, cancel)
        return as_taken(model, made, cancel, turns=0)
    except NoSightError as error:
        raise InputError(str(error)) from None  # this model was chosen: no other is looked for
