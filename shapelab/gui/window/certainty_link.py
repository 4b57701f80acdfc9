"""Colours a picture's shape in the view by how sure the model is of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QCheckBox

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.project.originals import Original
from shapelab.gui.base.action import Action
from shapelab.gui.base.measured_colours import DOUBT, fitting_end
from shapelab.gui.base.settings import SIZE_MAX, SIZE_MIN, SIZE_MM, WindowSettings
from shapelab.gui.base.workers import LatestOnly
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.shape_maker import ShownShape
from shapelab.gui.viewport.viewport import Viewport

NO_DOUBT = "Of this shape the model does not say how sure it is."


@dataclass(frozen=True, eq=False)
class Request:
    """A shown shape whose certainty is wanted, until ``over`` is set."""

    shown: ShownShape
    original: Original
    over: threading.Event = field(default_factory=threading.Event)


def measure(request: Request) -> NDArray[np.float32] | str:
    """The doubt of each vertex in sides of the grid, or why there is none; on a worker's thread."""
    from shapelab.core.inputs.unseen.certainty import surface_doubt

    asked = request.shown.request
    try:
        return surface_doubt(
            asked.model,
            request.original.result,
            request.shown.mesh,
            asked.latent,
            request.over.is_set,
        )
    except (InputError, Cancelled) as error:
        return str(error)


class CertaintyLink(QObject):
    """Paints the surface once it rests; what is on its way for an older one is given up."""

    def __init__(
        self,
        viewport: Viewport,
        switch: QCheckBox,
        current: CurrentDocument,
        action: Action,
        settings: WindowSettings,
    ) -> None:
        """Args: action: of the menu, which the switch repeats."""
        super().__init__(viewport)
        self._viewport, self._switch, self._current = viewport, switch, current
        self._action, self._settings = action, settings
        self._shown: ShownShape | None = None
        self._asked: Request | None = None
        self._worker: LatestOnly | None = None
        action.allow(False, NO_DOUBT)
        switch.toggled.connect(action.setChecked)
        action.toggled.connect(switch.setChecked)
        action.toggled.connect(self._turn)

    @property
    def busy(self) -> bool:
        """Whether a surface is being measured."""
        return self._worker is not None and self._worker.busy

    def stop(self) -> None:
        """Ends the thread."""
        self._give_up()
        if self._worker is not None:
            self._worker.stop()

    def follow(self, shown: ShownShape | None) -> None:
        """Measures the shape that is shown, if it is wanted and can be said."""
        self._give_up()
        self._shown = shown
        original = self._original()
        known = original is not None
        self._action.allow(known, NO_DOUBT)
        self._switch.setVisible(known)
        self._viewport.doubt.say("")
        if original is None or shown is None or not self._action.isChecked():
            return
        if shown.request.draft or shown.blocks is not None:
            self._viewport.doubt.say("Shown of the surface, once it rests.")
            return
        self._viewport.doubt.say("Trying other shapes that it may be…")
        if self._worker is None:
            self._worker = LatestOnly(measure, self)
            self._worker.done.connect(self._paint)
        self._asked = Request(shown, original)
        self._worker.submit(self._asked)

    @Slot()
    def follow_original(self) -> None:
        """The shown shape may come from something else now."""
        self.follow(self._shown)

    def _original(self) -> Original | None:
        """What the shown shape was made from, where that says how sure the model is."""
        document, shown = self._current.document, self._shown
        original = None if document is None else document.original
        if original is None or shown is None or shown.request.guest is not None:
            return None
        fit = original.result.fit
        return original if fit is not None and fit.variance is not None else None

    def _give_up(self) -> None:
        if self._asked is not None:
            self._asked.over.set()
            self._asked = None

    @Slot(bool)
    def _turn(self, wanted: bool) -> None:
        if not wanted and self._shown is not None:
            self._viewport.show_mesh(self._shown.blocks or self._shown.mesh)
        self.follow(self._shown)

    @Slot(object, object)
    def _paint(self, request: Request, doubt: NDArray[np.float32] | str) -> None:
        if request is not self._asked:
            return
        if isinstance(doubt, str):
            self._viewport.doubt.say(doubt)
            return
        from shapelab.core.inputs.unseen.certainty import doubt_words

        mesh = request.shown.mesh
        size = self._settings.number("export/size_mm", SIZE_MM, SIZE_MIN, SIZE_MAX)
        lengths = doubt * (size / float(mesh.extents.max()))
        end = fitting_end([lengths])
        self._viewport.show_mesh(mesh, DOUBT.painted(lengths, end))
        words = doubt_words(doubt, mesh, size)
        self._viewport.doubt.say(f"Printed {size:g} mm long, {words}.", end)
