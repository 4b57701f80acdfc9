"""The open document: the session with its two flows, slider to surface and file to shape."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from shapelab.core.errors import NoSightError, ShapelabError
from shapelab.core.mesh.meshing import PartedSurface, SurfaceOptions
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.latent import Array
from shapelab.core.project.originals import Original
from shapelab.core.session.gallery import KeptShape
from shapelab.core.session.mending import Mending
from shapelab.core.session.recipe import Recipe, recipe_of_file, recipe_text
from shapelab.core.session.session import Session
from shapelab.core.session.shape_file import SHAPE_SUFFIX, ModelStamp, read_shape_document, stamp_of
from shapelab.core.session.shape_state import Draw, ShapeState
from shapelab.gui.base.workers import LatestOnly, Task
from shapelab.gui.document.shape_maker import Guest, ShapeMaker, ShapeRequest, ShownShape

if TYPE_CHECKING:
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.model.shape_model import ShapeModel


MOST_ORIGINALS = 32  # some megabytes each; older ones are forgotten
MOST_SCAN_BYTES = 400 * 2**20  # of scans; those of older files are forgotten
#: A request so soon after the one before it, or after its answer, is a moment of a drag; the last
#: of them comes to rest. Where answers and frames take long, a drag must not look like clicks.
DRAG_S, REST_MS = 0.3, 120


@dataclass(frozen=True)
class ShapeSource:
    """Something to make a shape of: a file, bytes of a pasted picture, a way, or a kept shape."""

    name: str
    path: Path | None = None
    encoded: Callable[[], bytes] | None = None  # on a thread: of a pasted picture
    suffix: str = ""
    make: Callable[[ShapeModel, Event], Reconstruction] | None = None  # on a thread; flag: cancel
    step: str = ""  # words for the step of the history, where not the file's name says it
    kept: KeptShape | None = None


class Document(QObject):
    """Owns the session and its threads; knows no widget."""

    surface_ready = Signal(object)  # ShownShape
    surface_failed = Signal(object)  # exception
    reading = Signal(str)  # name of what is being read, empty when nothing is
    model_needed = Signal(object, list)  # ModelStamp of a saved shape, and what is to be opened
    sight_needed = Signal(list)  # what is to be opened by a model that sees pictures
    original_changed = Signal(object)  # Original of the shape that is shown, or None
    failed = Signal(object)  # exception: no random or whole shape can be found
    whole_already = Signal()  # what was to be mended
    opened = Signal(Path)  # a file whose shape is shown from now on
    unread = Signal(list)  # (name, exception) of each that could not be opened, once all are tried
    several_opened = Signal(int, int)  # how many of several could be opened, once all are tried
    guest_changed = Signal(object)  # Guest or None
    object_missing = Signal(str, object)  # name and PreparedImage in which no object was found

    def __init__(
        self,
        model: ShapeModel,
        parent: QObject | None = None,
        session: Session | None = None,
        originals: Iterable[Original] = (),
    ) -> None:
        """Args as read from a project: session and originals; else a new session of the model."""
        super().__init__(parent)
        self.session = Session(model) if session is None else session
        self.shown: ShownShape | None = None
        self._blocks = False
        self._maker = ShapeMaker()
        self._guest: Guest | None = None
        self._originals: OrderedDict[bytes, Original] = OrderedDict()  # by the latents they gave
        for original in originals:
            self._keep(original)
        self._original = self._originals.get(self.session.state.base.tobytes())
        self._asked = self._request(0)
        self._answered = 0
        self._last_at = -DRAG_S  # when the newest request, or answer, came
        self._hurried = False  # the newest request is of a drag, whose end is to come to rest
        self._rest = QTimer(self, singleShot=True)
        self._rest.timeout.connect(self._at_rest)
        self._surfaces = LatestOnly(self._maker.make, self)
        self._surfaces.done.connect(self._show)
        self._surfaces.failed.connect(self._show_failure)
        self._draws = LatestOnly(lambda draw: draw.best(), self)
        self._draws.done.connect(self._take_found)
        self._draws.failed.connect(lambda _draw, error: self.failed.emit(error))
        self._sources: deque[ShapeSource] = deque()
        self._unread: list[tuple[str, Exception]] = []
        self._together = self._begun = 0  # sources that came together, and how many were begun
        self._task: Task | None = None
        self._disconnect = (
            self.session.shape_changed.connect(self._follow_shape),
            self.session.surface_changed.connect(lambda _options: self.refresh()),
            self.session.model_changed.connect(self._leave_guest),
        )

    @property
    def model(self) -> ShapeModel:
        return self.session.model

    def stop(self) -> None:
        """Ends both flows and waits for their threads."""
        for disconnect in self._disconnect:
            disconnect()
        self._rest.stop()
        self._sources.clear()
        self._draws.stop()
        self._surfaces.stop()
        if self._task is not None:
            self._task.stop()
            self._task = None

    # --- slider to surface ---------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a surface, a random shape or a file is on its way."""
        return self.moving or self._task is not None

    @property
    def moving(self) -> bool:
        """Whether a surface or a shape that is looked for is on its way, and the user waits."""
        return self._surfaces.busy or self._draws.busy or self._rest.isActive()

    @property
    def asked(self) -> ShapeRequest:
        """The newest request."""
        return self._asked

    def show_blocks(self, wanted: bool) -> None:
        """Says whether results should bring the grid's cells as cubes too."""
        if wanted != self._blocks:
            self._blocks = wanted
            self.refresh()

    def randomise(self, whole: bool) -> None:
        """Goes to a new seed; to a whole shape as soon as one has been found."""
        if whole:
            self._draws.submit(self.session.draw())
        else:
            self.session.randomise(whole=False)

    def mend(self) -> None:
        """Goes to the whole shape most like this one, as soon as it has been found."""
        self._draws.submit(self.session.mending())

    @Slot(object, object)
    def _take_found(self, wanted: Draw | Mending, found: Any) -> None:
        if isinstance(wanted, Draw):
            self.session.accept(wanted, found)
        elif found is wanted.state:
            self.whole_already.emit()
        else:
            self.session.accept_mended(wanted, found)

    def refresh(self) -> None:
        """Asks for the surface of the session's shape; the newest request wins.

        Latents that come as fast as in a drag get drafts, and the last one its surface at rest; a
        procedural model's always do.
        """
        before, then = self._asked, self._last_at
        self._asked, self._last_at = self._request(before.number + 1), time.perf_counter()
        soon = self._last_at - then < DRAG_S
        # Where a draft has an eighth of the cells, even a change alone is seen sooner so.
        hurried = self._guest is None and (soon or self.model.is_procedural)
        self._hurried = hurried and not self._asked.is_of_shape(before)
        if self._hurried:
            self._asked = replace(self._asked, draft=True)
        self._rest.stop()
        self._surfaces.submit(self._asked)

    def preview(self, latent: Array) -> None:
        """Shows a moment on the way to a shape; the session's own comes back by ``refresh``."""
        number = self._asked.number + 1
        self._asked = replace(self._asked, number=number, latent=latent, draft=True)
        self._hurried = False
        self._rest.stop()
        self._surfaces.submit(self._asked)

    def _at_rest(self) -> None:
        if self._rest.interval():
            self._rest.start(0)  # behind all that waited for a slow paint, perhaps the next move
            return
        self._hurried = False
        self._asked = replace(self._asked, number=self._asked.number + 1, draft=False)
        self._surfaces.submit(self._asked)

    def _request(self, number: int) -> ShapeRequest:
        now = self.session
        original = self._original if self._guest is None else None
        result = None if original is None else original.result
        # A completed shape is meant to be more than what was scanned.
        target = None if result is None or result.unknown is not None else result.voxels
        return ShapeRequest(
            number, now.model, now.latent, now.surface, self._blocks, self._guest, target
        )

    @property
    def guest(self) -> Guest | None:
        """The shape that is shown instead of the session's, if there is one."""
        return self._guest

    def show_guest(self, guest: Guest | None) -> None:
        """Shows a shape from outside until the session's own changes; None sends it away."""
        if guest is not self._guest:
            self._guest = guest
            self.guest_changed.emit(guest)
            self.refresh()

    def recipe_for(self, mesh: TriMesh) -> str:
        """How the newest shape was made, for a file with this mesh; empty for one from outside."""
        asked = self._asked
        if asked.guest is not None:
            return ""
        return recipe_text(self.session.state, asked.options, asked.model, mesh)

    def surface_for(self, options: SurfaceOptions) -> PartedSurface:
        """The surface of the newest shape, the shown one itself where it fits; for any thread.

        Raises:
            MeshError: the shape is empty.
        """
        from shapelab.core.mesh import meshing

        asked, shown = self._asked, self.shown
        fits = shown is not None and shown.request is asked and not asked.draft
        if shown is not None and fits and asked.options == options:
            return shown.surface
        rest = replace(asked, draft=False)
        return meshing.parted_surface(self.occupancy(rest), options, distance=rest.distance())

    def occupancy(self, request: ShapeRequest) -> Array:
        """Occupancy (R, R, R) of what a request asks for; for any thread."""
        return self._maker.occupancy(request)

    @Slot(object, object)
    def _show(self, request: ShapeRequest, shown: ShownShape) -> None:
        if request.number > self._answered:
            self._answered = request.number
            self.shown = shown
            self._come_to_rest(request)
            self.surface_ready.emit(shown)

    @Slot(object, object)
    def _show_failure(self, request: ShapeRequest, error: Exception) -> None:
        if request.number > self._answered:
            self._answered = request.number
            self.shown = None
            self._come_to_rest(request)
            self.surface_failed.emit(error)

    def _come_to_rest(self, answered: ShapeRequest) -> None:
        self._last_at = time.perf_counter()
        if self._hurried and answered.number == self._asked.number:
            self._rest.start(REST_MS)

    @property
    def originals(self) -> tuple[Original, ...]:
        """What the shapes of the history were made from, as far as that is kept."""
        return tuple(self._originals.values())

    @property
    def original(self) -> Original | None:
        """What the shown shape was made from; sliders move it, but it stays made from that."""
        return self._original

    def _follow_shape(self, state: ShapeState) -> None:
        self._look_for_original(state)
        self._leave_guest(state)

    def _look_for_original(self, state: ShapeState) -> None:
        original = self._originals.get(state.base.tobytes())
        if original is not self._original:
            self._original = original
            self.original_changed.emit(original)

    def _leave_guest(self, _change: object) -> None:
        if self._guest is None:
            self.refresh()
        else:
            self.show_guest(None)

    # --- file to shape -------------------------------------------------------------------------

    def open(self, sources: Iterable[ShapeSource]) -> None:
        """Shows the shapes of the sources one after the other; of several it keeps each."""
        more = list(sources)
        self._sources.extend(more)
        if self._task is None:
            self._together, self._begun = len(more), 0
            self._open_next()
        else:
            self._together += len(more)

    def cancel(self) -> None:
        """Gives up what is being read, and what waits behind it."""
        self._sources.clear()
        self._together = 0
        if self._task is not None:
            self._task.cancel()

    def _open_next(self) -> None:
        while self._sources:
            source = self._sources.popleft()
            self._begun += 1
            if source.kept is not None:
                self._open_saved(source, source.kept.model)
            elif source.path is not None and source.path.name.lower().endswith(SHAPE_SUFFIX):
                self._open_saved(source)
            else:
                self._read(source)
                return
        unread, self._unread = self._unread, []
        if self._together > 1 and self._begun == self._together:
            self.several_opened.emit(self._together - len(unread), self._together)
        if unread:
            self.unread.emit(unread)

    def _read(self, source: ShapeSource) -> None:
        count = f" ({self._begun} of {self._together})" if self._together > 1 else ""
        self.reading.emit(f"{source.name}{count}")
        self._task = Task(partial(self._rebuild, source), self)
        self._task.done.connect(partial(self._take_result, source))
        self._task.failed.connect(partial(self._not_rebuilt, source))
        self._task.finished.connect(self._finished)
        self._task.start()

    def _name_to_keep(self, source_name: str) -> str:
        """By what name a source's shape is kept: what comes alone is only shown."""
        return source_name if self._together > 1 else ""

    def _not_rebuilt(self, source: ShapeSource, error: Exception) -> None:
        """A picture that this model cannot see leaves to others what is still to be opened."""
        if isinstance(error, NoSightError):
            waiting = [source, *self._sources]
            self._sources.clear()
            self.sight_needed.emit(waiting)
        else:
            self._note_failure(source.name, error)

    def _note_failure(self, name: str, error: Exception) -> None:
        from shapelab.core.inputs.images import NoObject

        self._unread.append((name, error))
        if isinstance(error, NoObject) and error.picture is not None:
            self.object_missing.emit(name, error.picture)

    def _open_saved(self, source: ShapeSource, stamp: ModelStamp | None = None) -> None:
        """Shows a saved shape; one of another model leaves to others what is still to be opened."""
        path = source.path
        try:
            if path is not None:
                stamp = stamp_of(read_shape_document(path))
            if stamp is not None and stamp.digest == self.model.digest:
                if source.kept is not None:
                    self.session.show_kept(source.kept.id)
                elif path is not None:
                    self.session.open(path, self._name_to_keep(source.name))
                    self.opened.emit(path)
                return
        except ShapelabError as error:
            self._note_failure(source.name, error)
            return
        waiting = [source, *self._sources]
        self._sources.clear()
        self.model_needed.emit(stamp, waiting)

    def _rebuild(self, source: ShapeSource, task: Task) -> object:
        """Runs on the task's thread; untrusted bytes are read in a child process."""
        from shapelab.core.inputs import untrusted_reader
        from shapelab.core.inputs.reconstruct import reconstruct
        from shapelab.core.inputs.unseen.one_sided import as_taken

        if source.make is not None:
            return source.make(self.model, task.cancel_event)
        if source.path is not None:
            file = untrusted_reader.read_untrusted(source.path, task.cancel_event)
            recipe = recipe_of_file(file, source.path)
            if recipe is not None and self._can_follow(recipe):
                return recipe
        elif source.encoded is not None:
            data = source.encoded()
            file = untrusted_reader.read_untrusted_bytes(data, source.suffix, task.cancel_event)
        else:
            raise ValueError(f"{source.name} is no file, picture or way")
        found = reconstruct(self.model, file, task.cancel_event)
        return as_taken(self.model, found, task.cancel_event)

    def _can_follow(self, recipe: Recipe) -> bool:
        """Whether the model of a recipe is there; without it the mesh is read as any other."""
        from shapelab.core.model.model_summary import model_with

        digest = recipe.model.digest
        return recipe.fits(self.model) or (
            digest != self.model.digest and model_with(digest) is not None
        )

    def _take_result(self, source: ShapeSource, result: Reconstruction | Recipe) -> None:
        if isinstance(result, Recipe):
            self._follow_recipe(source, result)
        else:
            self._show_rebuilt(source, result)

    def _follow_recipe(self, source: ShapeSource, recipe: Recipe) -> None:
        """Brings back the shape of an exported mesh with its sliders."""
        if recipe.model.digest != self.model.digest:
            waiting = [source, *self._sources]
            self._sources.clear()
            self.model_needed.emit(recipe.model, waiting)
            return
        try:
            name = source.name
            self.session.restore(recipe.shape, f"open {name}", self._name_to_keep(name))
        except ShapelabError as error:
            self._note_failure(source.name, error)
            return
        if source.path is not None:
            self.opened.emit(source.path)

    def _show_rebuilt(self, source: ShapeSource, result: Reconstruction) -> None:
        name = source.name
        self._keep(Original(result, name))
        origin, keep = f"{result.source_kind} {name}", self._name_to_keep(name)
        found = result.latent, origin, result.class_name
        try:
            self.session.show(*found, keep, file=source.path, text=source.step)
        except ShapelabError as error:  # the gallery is full
            self._note_failure(name, error)
        self._look_for_original(self.session.state)  # the same once more changes no shape
        if source.path is not None:
            self.opened.emit(source.path)

    def _keep(self, original: Original) -> None:
        key = np.asarray(original.result.latent, np.float32).tobytes()
        self._originals[key] = original
        self._originals.move_to_end(key)
        if len(self._originals) > MOST_ORIGINALS:
            self._originals.popitem(last=False)
        left = MOST_SCAN_BYTES
        for older, each in reversed(tuple(self._originals.items())):
            left -= 0 if each.result.scan is None else each.result.scan.nbytes
            if left < 0 and older != key:
                self._originals[older] = each.with_scan(None)

    @Slot()
    def _finished(self) -> None:
        self._task = None
        self.reading.emit("")
        self._open_next()
