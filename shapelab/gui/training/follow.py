"""Follow: shows what a run has learnt, at each of its saves or at one of them, in the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal, Slot

from shapelab.core.errors import InputError
from shapelab.core.runs.events import Event, Saved
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import moment_at, moments, open_moment, order
from shapelab.core.session.session import Session
from shapelab.gui.base.workers import LatestOnly

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

Which = int | Literal["newest", "best"]


class Follow(QObject):
    """Loads the models of a run's timeline, on a thread of its own, newest request first.

    The first one is a new document: latents of another model mean nothing to it. The window makes
    it when ``opened`` says so and hands its session back. From then on models are swapped under
    that session, whose latent, history and camera stay: the shape sharpens in its place.

    Args:
        run: the run's folder.
        parent: the Qt parent.
    """

    opened = Signal(object)  # ShapeModel: show it as a new document, then call `set_session`
    shown = Signal(int)  # step of the model that the session has now
    failed = Signal(object)  # exception: nothing to show yet, or a damaged file

    def __init__(self, run: RunFolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run = run
        self.live = True  # whether the newest is shown as it comes
        self._session: Session | None = None
        self._model: ShapeModel | None = None
        self._loader = LatestOnly(self._load, self)
        self._loader.done.connect(self._show_model)
        self._loader.failed.connect(self._fail)

    @property
    def busy(self) -> bool:
        """Whether a model is being loaded."""
        return self._loader.busy

    def set_session(self, session: Session) -> None:
        """The session that shows the model which ``opened`` brought."""
        self._session = session

    @Slot(list)
    def add_events(self, events: list[Event]) -> None:
        """Hears a run's events: after a save, its model is shown if ``live``."""
        if self.live and any(isinstance(event, Saved) for event in events):
            self._loader.submit("newest")

    def show_newest(self) -> None:
        """Shows the newest model now and each one that comes."""
        self.live = True
        self._loader.submit("newest")

    def show_at(self, which: Which) -> None:
        """Shows the model of a step (the last one saved up to there), or the best one; stays."""
        self.live = False
        self._loader.submit(which)

    def steps(self) -> list[int]:
        """The steps that can be shown, in the order in which they were trained."""
        return [order(path)[1] for path in moments(self.run)]

    def stop(self) -> None:
        """Ends the thread; no signal comes afterwards."""
        self._loader.stop()

    def _load(self, which: Which) -> tuple[int, ShapeModel]:
        """Runs on the loader's thread."""
        path = moment_at(self.run, which)
        return order(path)[1], open_moment(path)

    @Slot(object, object)
    def _show_model(self, _which: Which, result: tuple[int, ShapeModel]) -> None:
        step, model = result
        if self._session is None or self._session.model is not self._model:
            self._model = model
            self.opened.emit(model)
        else:
            try:
                self._session.replace_model(model)
            except InputError as error:
                self.failed.emit(error)
                return
            self._model = model
        self.shown.emit(step)

    @Slot(object, object)
    def _fail(self, _which: Which, error: Exception) -> None:
        self.failed.emit(error)
