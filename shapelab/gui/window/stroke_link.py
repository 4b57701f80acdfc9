"""Strokes on the shape, more here and less there, and the fit that follows them while one looks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QColor

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.model.latent import Array
from shapelab.core.session.refining import Refining, ShapeStroke
from shapelab.core.session.shape_state import ShapeState
from shapelab.gui.base import theme
from shapelab.gui.base.action import Action
from shapelab.gui.base.notify import Toasts
from shapelab.gui.base.workers import Task
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.shape_maker import ShownShape
from shapelab.gui.viewport.viewport import Viewport
from shapelab.gui.window.actions import FROM_OUTSIDE, NO_SURFACE

if TYPE_CHECKING:
    from shapelab.gui.document.document import Document

STOP = "Keep the shape as it is now."
SEE = "See the shape as it was beside it, with how far they lie apart."
HOW = "Draw on the shape. Esc ends it; the right button and the wheel move the camera."


class StrokeLink(QObject):
    """A brush at a time; a stroke begins the fit, and a further one begins it anew with both.

    The shape is seen moving. What comes of it is one step of the history; so is what has come of it
    when it is stopped. Then a click on the line in the view's corner shows before and after.

    Signals:
        before_wanted: the number of the step before the last reshaping shall be seen beside it.
    """

    before_wanted = Signal(int)

    def __init__(
        self,
        viewport: Viewport,
        current: CurrentDocument,
        more: Action,
        less: Action,
        toasts: Toasts,
    ) -> None:
        super().__init__(viewport)
        self._viewport, self._current, self._toasts = viewport, current, toasts
        self._brushes = {more: True, less: False}
        self._shown: ShownShape | None = None
        self._strokes: list[ShapeStroke] = []  # of the shape that the session has
        self._drawn: list[tuple[float, float, float]] = []  # of a stroke that is being drawn
        self._task: Task | None = None
        self._running: set[Task] = set()  # with those that were cancelled
        self._wanted: tuple[Document, Refining] | None = None
        self._newest: Array | None = None  # latent, of the way there
        self._before: tuple[int, ShapeState] | None = None  # the step before, the reshaped one
        for brush in self._brushes:
            brush.toggled.connect(partial(self._choose, brush))
            brush.allow(False, NO_SURFACE)
        viewport.brushed.connect(self._draw)
        viewport.brush_lifted.connect(self._lift)
        viewport.brush_left.connect(self._leave)
        viewport.reshaping.clicked.connect(self._click)
        current.changed.connect(self._give_up)

    @property
    def busy(self) -> bool:
        """Whether a shape is being fitted to strokes."""
        return self._task is not None

    def stop(self) -> None:
        """Ends the thread."""
        self._task = None
        for task in self._running:
            task.stop()
        self._running.clear()

    def follow(self, shown: ShownShape | None) -> None:
        """What is drawn on from now on."""
        self._shown = shown
        own = shown is not None and shown.request.guest is None
        for brush in self._brushes:
            brush.allow(own, NO_SURFACE if shown is None else FROM_OUTSIDE)
            brush.setChecked(brush.isChecked() and own)
        wanted = self._wanted
        if wanted is not None and wanted[0].session.state != wanted[1].state:
            self._give_up()  # somebody moved the shape
        before, document = self._before, self._current.document
        if before is not None and (document is None or document.session.state != before[1]):
            self._before = None  # or took it back
            self._say_next()
        self._paint()

    @Slot()
    def _click(self) -> None:
        """Stops what is under way; else shows what it was made from, beside it."""
        if self._task is not None:
            self.stop_here()
        elif self._before is not None:
            self.before_wanted.emit(self._before[0])

    def stop_here(self) -> None:
        """Keeps the shape as far as it has come."""
        wanted, newest = self._wanted, self._newest
        self._give_up()
        if wanted is not None and newest is not None:
            document, refining = wanted
            state = refining.state
            offsets = state.offsets + (newest - state.latent(refining.model))
            self._accept(document, refining, replace(state, offsets=offsets))

    # --- drawing ---------------------------------------------------------------------------------

    def _choose(self, brush: Action, on: bool) -> None:
        for other in self._brushes:
            if on and other is not brush:
                other.setChecked(False)
        self._viewport.set_brush(any(each.isChecked() for each in self._brushes))
        if self._brush is None:
            self._before = None
        if self._task is None:
            self._say_next()

    def _say_next(self) -> None:
        """What a click on the line does, or a stroke on the shape, once nothing is under way."""
        if self._before is not None:
            self._viewport.reshaping.say("Reshaped · before and after", SEE)
        else:
            self._viewport.reshaping.say("Draw on the shape" if self._brush else "", HOW)

    @property
    def _brush(self) -> Action | None:
        return next((brush for brush in self._brushes if brush.isChecked()), None)

    @Slot()
    def _leave(self) -> None:
        for brush in self._brushes:
            brush.setChecked(False)

    @Slot(object)
    def _draw(self, point: tuple[float, float, float]) -> None:
        if self._brush is not None:
            self._drawn.append(point)
            self._paint()

    @Slot()
    def _lift(self) -> None:
        points, self._drawn = tuple(self._drawn), []
        brush, document = self._brush, self._current.document
        if points and brush is not None and document is not None:
            self._strokes.append(ShapeStroke(self._brushes[brush], points))
            self._begin(document)

    def _paint(self) -> None:
        """Colours what has been brushed, where a surface is shown."""
        shown, brush = self._shown, self._brush
        strokes = list(self._strokes)
        if self._drawn and brush is not None:
            strokes.append(ShapeStroke(self._brushes[brush], tuple(self._drawn)))
        if shown is None or not strokes or shown.blocks is not None:
            return
        colours = theme.colors()
        paint = np.tile(_rgb(colours.shape), (len(shown.mesh.vertices), 1))
        for stroke in strokes:
            touched = np.zeros(len(paint), bool)
            for point in stroke.points:
                away = np.square(shown.mesh.vertices - np.asarray(point, np.float32)).sum(1)
                touched |= away < stroke.radius**2
            paint[touched] = _rgb(colours.success if stroke.more else colours.danger)
        self._viewport.show_mesh(shown.mesh, paint)

    # --- fitting ---------------------------------------------------------------------------------

    def _begin(self, document: Document) -> None:
        self._cancel()
        self._before = None
        original = document.original
        result = None if original is None else original.result
        refining = document.session.refining(self._strokes, result)
        self._wanted = document, refining
        self._task = task = Task(partial(_fitted, refining), self)
        self._running.add(task)
        task.finished.connect(lambda: self._running.discard(task))
        self._task.progress.connect(partial(self._show, document))
        self._task.done.connect(partial(self._accept, document, refining))
        self._task.failed.connect(self._fail)
        self._task.start()
        self._viewport.reshaping.say("Reshaping… · stop", STOP)

    def _show(self, document: Document, latent: Array) -> None:
        self._newest = latent
        document.preview(latent)

    def _accept(self, document: Document, refining: Refining, state: ShapeState) -> None:
        session, number = document.session, document.session.history.step.number
        self._forget()
        session.accept_refined(refining, state)
        if session.state == refining.state:  # no other one was found
            document.refresh()
        elif session.state == state:
            self._before = number, state
            self._say_next()

    @Slot(object)
    def _fail(self, error: Exception) -> None:
        self._give_up()
        if isinstance(error, InputError):
            self._toasts.info(str(error))
        else:
            self._toasts.exception(error)

    @Slot()
    def _give_up(self) -> None:
        """Goes back to the shape of the session."""
        moved = self._newest is not None
        document = None if self._wanted is None else self._wanted[0]
        self._cancel()
        self._forget()
        if moved and document is self._current.document and document is not None:
            document.refresh()

    def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def _forget(self) -> None:
        self._task = self._wanted = self._newest = None
        self._strokes = []
        self._say_next()


def _fitted(refining: Refining, task: Task) -> ShapeState:
    """On the task's thread."""

    def moved(latent: Array) -> None:
        if task.cancel_event.is_set():
            raise Cancelled("The fit was given up.")
        task.report(latent.copy())

    return refining.best(moved)


def _rgb(colour: str) -> Any:
    """(3,) uint8."""
    shade = QColor(colour)
    return np.array([shade.red(), shade.green(), shade.blue()], np.uint8)
