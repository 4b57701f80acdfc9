"""Undoable: a document that changes by commands alone, each a step of its history."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any, Generic, ParamSpec

from shapelab.core.errors import InputError
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session.command import Command
from shapelab.core.session.gallery import Gallery, GalleryChange
from shapelab.core.session.history import History
from shapelab.core.session.shape_state import Morph, ShapeState
from shapelab.core.session.snapshot import Snapshot, snapshot_from_plain, snapshot_to_plain

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

P = ParamSpec("P")


class ChangeSignal(Generic[P]):
    """Calling it tells all its listeners, in the order in which they connected; needs no Qt."""

    def __init__(self) -> None:
        self._listeners: list[Callable[P, object]] = []

    def connect(self, listener: Callable[P, object]) -> Callable[[], None]:
        """Adds a listener and returns a callable that removes it again (harmless when repeated)."""
        self._listeners.append(listener)

        def disconnect() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return disconnect

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for listener in tuple(self._listeners):  # a listener may disconnect itself
            listener(*args, **kwargs)


class Undoable:
    """What is shown, its history and its gallery; how they change by a command, and move.

    Signals tell of changes, and only of changes: ``shape_changed(state)``,
    ``surface_changed(options)``, ``morph_changed(morph)``, ``gallery_changed(gallery)``,
    ``step_changed(number)`` of a step that came, changed, was named, starred or dropped, and
    ``history_changed()`` after each of these and each move.
    """

    def __init__(self, model: ShapeModel, first: Snapshot) -> None:
        self.model = model
        self.shape_changed: ChangeSignal[[ShapeState]] = ChangeSignal()
        self.surface_changed: ChangeSignal[[SurfaceOptions]] = ChangeSignal()
        self.morph_changed: ChangeSignal[[Morph]] = ChangeSignal()
        self.gallery_changed: ChangeSignal[[Gallery]] = ChangeSignal()
        self.step_changed: ChangeSignal[[int]] = ChangeSignal()
        self.history_changed: ChangeSignal[[]] = ChangeSignal()
        self._now = first
        self._gallery = Gallery()
        self._history = History(first)

    @property
    def state(self) -> ShapeState:
        """The shown shape."""
        return self._now.state

    @property
    def surface(self) -> SurfaceOptions:
        """How the occupancy becomes a surface, in the viewport and in files alike."""
        return self._now.surface

    @surface.setter
    def surface(self, options: SurfaceOptions) -> None:
        command = Command("surface options", "set_surface", astuple(options))
        self._commit(replace(self._now, surface=options), command, "surface")

    @property
    def morph(self) -> Morph:
        """The pinned shapes and the place between them."""
        return self._now.morph

    @property
    def gallery(self) -> Gallery:
        """The shapes that were kept, of this model and of others."""
        return self._gallery

    @property
    def history(self) -> History[Snapshot]:
        """Everything that was shown, to be read; it is changed by the methods of the session."""
        return self._history

    def finish_edit(self) -> None:
        """Ends a drag: the next change of the same control is a step of its own."""
        dropped = self._history.close()
        if dropped is not None:
            self.step_changed(dropped)
            self.history_changed()

    def undo(self) -> None:
        """Goes one step back."""
        self.finish_edit()
        kept = self._history.current.kept
        if self._history.undo():
            self._travelled(kept.inverse() if kept else None)

    def redo(self) -> None:
        """Goes one step forward, on the line that was left last."""
        if self._history.redo():
            self._travelled(self._history.current.kept)

    def go_to_step(self, number: int) -> None:
        """Shows a step of the history, of any branch; undo and redo follow its line from now on.

        The gallery stays as it is.

        Raises:
            InputError: there is no such step.
        """
        self.finish_edit()
        if number not in self._history:
            raise InputError(f"The history has no step {number}.")
        if self._history.go(number):
            self._travelled()

    def name_step(self, number: int, name: str) -> None:
        """Names a step; an empty name takes it away. Raises InputError for no step, a long name."""
        self._annotate(number, name=name)

    def star_step(self, number: int, starred: bool) -> None:
        """Gives a step a star, or takes it away. Raises InputError if there is no such step."""
        self._annotate(number, starred=starred)

    def _annotate(self, number: int, **marks: Any) -> None:
        if number not in self._history:
            raise InputError(f"The history has no step {number}.")
        before = self._history[number]
        after = self._history.annotate(number, **marks)
        if (before.name, before.starred) != (after.name, after.starred):
            self.step_changed(number)
            self.history_changed()

    def forget_redo(self) -> None:
        """Leaves nothing to do again, as any new change does; what could be stays as a branch."""
        self._history.forget_redo()
        self.history_changed()

    @property
    def undo_text(self) -> str:
        return self._history.undo_text

    @property
    def redo_text(self) -> str:
        return self._history.redo_text

    def history_to_plain(self) -> dict[str, Any]:
        """The whole history as plain data for JSON; see ``History.to_plain``."""
        return self._history.to_plain(snapshot_to_plain)

    def step_to_plain(self, number: int) -> dict[str, Any]:
        """One step of it, as ``history_to_plain`` has it. Raises KeyError if there is none."""
        return self._history.step_to_plain(number, snapshot_to_plain)

    def restore_history(self, data: Any, gallery: Gallery) -> None:
        """Goes on with a history that ``history_to_plain`` wrote for this model, and a gallery.

        Raises:
            InputError: it is damaged, too new or of another model; then nothing changes.
        """
        self._history = History.from_plain(
            data, lambda plain, before: snapshot_from_plain(plain, before, self.model)
        )
        self._travelled(GalleryChange.between(self._gallery, gallery))

    # --- changing ----------------------------------------------------------------------------

    def change_gallery(self, gallery: Gallery, command: Command) -> None:
        """Goes on with another gallery, as one step; nothing where it is the same."""
        self._commit(self._now, command, gallery=gallery)

    def _set_gallery(self, gallery: Gallery) -> None:
        """Goes on with another gallery that no step has brought."""
        if gallery != self._gallery:
            self._travelled(GalleryChange.between(self._gallery, gallery))

    def _commit(
        self,
        new: Snapshot,
        command: Command,
        control: Hashable | None = None,
        gallery: Gallery | None = None,
    ) -> None:
        """The one way to change the document: by a command, which becomes a step of the history."""
        kept: GalleryChange | None = None
        if gallery is not None and gallery != self._gallery:
            kept = GalleryChange.between(self._gallery, gallery)
        if new != self._now or kept is not None:
            step = self._history.push(replace(new, kept=kept), command, control)
            self._travelled(kept, step.number)

    def _travelled(self, kept: GalleryChange | None = None, step: int | None = None) -> None:
        """Makes the history's current snapshot the shown one and tells who listens.

        Args:
            kept: what happens to the gallery on the way.
            step: number of the step that is new or has changed.
        """
        old, new = self._now, self._history.current
        old_gallery, self._now = self._gallery, new
        if kept is not None:
            self._gallery = kept.applied(old_gallery)
        news: list[tuple[bool, Callable[[], None]]] = [
            (old.state != new.state, lambda: self.shape_changed(new.state)),
            (old.surface != new.surface, lambda: self.surface_changed(new.surface)),
            (old.morph != new.morph, lambda: self.morph_changed(new.morph)),
            (old_gallery != self._gallery, lambda: self.gallery_changed(self._gallery)),
        ]
        for changed, tell in news:
            if changed:
                tell()
        if step is not None:
            self.step_changed(step)
        self.history_changed()
