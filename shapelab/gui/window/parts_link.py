"""What is said in the view's corner of parts that hang on nothing, and what a click does then."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction

from shapelab.gui.base.notify import Toasts
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.shape_maker import ShownShape
from shapelab.gui.viewport.viewport import Viewport

SHOW = "Only the largest part is shown and exported. Click to show and export all of them."
HIDE = "The coloured parts hang on nothing. Click to show and export the largest part alone."
WHOLE = "This shape is whole already."
MEND = "Go to the whole shape most like this one (M)."


class PartsLink(QObject):
    """Nothing is dropped in silence: says what is hidden or tinted, and offers to mend it.

    Args:
        viewport: whose chips these are.
        current: the document whose surface a click changes.
        mend: the action of the other chip.
        toasts: say that there is nothing to mend.
    """

    def __init__(
        self, viewport: Viewport, current: CurrentDocument, mend: QAction, toasts: Toasts
    ) -> None:
        super().__init__(viewport)
        self._toasts = toasts
        self._parts, self._mend, self._current = viewport.parts, viewport.mend, current
        self._parts.clicked.connect(self._switch)
        self._mend.clicked.connect(mend.trigger)

    def show(self, shown: ShownShape) -> None:
        """Speaks of the parts of what is shown."""
        loose = shown.surface.loose
        if not loose.count:
            self.clear()
            return
        if shown.request.options.largest_part:
            self._parts.say(f"{loose.words('hidden')} · show", SHOW)
        else:
            self._parts.say(f"{loose.words()} · hide", HIDE)
        # A shape from outside has no latent to be another.
        self._mend.say("Mend" if shown.request.guest is None else "", MEND)

    def clear(self) -> None:
        """Says nothing."""
        self._parts.say("", "")
        self._mend.say("", "")

    @Slot()
    def say_whole(self) -> None:
        """Of a shape that was to be mended."""
        self._toasts.info(WHOLE)

    @Slot()
    def _switch(self) -> None:
        if self._current.document is not None:
            session = self._current.session
            options = replace(session.surface, largest_part=not session.surface.largest_part)
            session.surface = options
            session.finish_edit()
