"""What a mesh, voxel file or point cloud holds itself, in the view beside the shape made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QColor

from shapelab.core.mesh.tri_mesh import TriMesh, vertex_normals
from shapelab.core.project.originals import Original
from shapelab.core.session.shape_state import ShapeState
from shapelab.gui.base import theme
from shapelab.gui.base.measured_colours import DOUBT
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import Document, ShapeSource
from shapelab.gui.document.shape_maker import ShownShape
from shapelab.gui.panels.image_panel import ImagePanel
from shapelab.gui.viewport.viewport import Viewport
from shapelab.gui.window.actions import Actions

if TYPE_CHECKING:
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.model.shape_model import ShapeModel

NO_SCAN = "This shape was not made from a mesh, voxel file or point cloud."
SHAPE, SCAN = (True, False), (False, True)
UNSEEN = DOUBT.colours[1]
BEFORE = 2  # cells: sight is told to be free up to so many before what was seen
UNSEEN_WORDS = "Purple: nobody saw this; it is what the model knows of such shapes."
#: What works on the shape: it is shown then, so that what is seen is what is kept or written.
ON_SHAPE = ("export", "save", "keep", "variations", "pin_a", "pin_b", "reset")


class ScanLink(QObject):
    """Shows a scan first, as long as the shape comes from it and nobody has moved the shape."""

    def __init__(
        self,
        viewport: Viewport,
        panel: ImagePanel,
        current: CurrentDocument,
        actions: Actions,
    ) -> None:
        super().__init__(viewport)
        panel.pose_requested.connect(self.pose)
        panel.completion_requested.connect(self.complete)
        panel.angle_requested.connect(self.see_at_angle)
        self._viewport, self._current = viewport, current
        self._swap = actions["scan"]
        self._swap.allow(False, NO_SCAN)
        self._swap.triggered.connect(self.swap)
        self._original: Original | None = None  # whose scan is there
        self._chosen: WeakKeyDictionary[Original, tuple[bool, bool]] = WeakKeyDictionary()
        self._disconnect: tuple[Callable[[], None], ...] = ()  # from the document's session
        current.changed.connect(self._follow_document)
        viewport.layers.chosen.connect(self.choose)
        for name in ON_SHAPE:
            actions[name].triggered.connect(self.show_shape)

    @Slot(object)
    def _follow_document(self, document: Document) -> None:
        for disconnect in self._disconnect:
            disconnect()
        session = document.session
        self._disconnect = (
            session.shape_changed.connect(self.follow_state),
            session.surface_changed.connect(self.follow_surface),
        )
        self.update_scan()

    @Slot()
    def update_scan(self) -> None:
        """Shows the scan of the shape that is seen, as it was shown before; else the shape."""
        document = self._current.document
        original = None if document is None or document.guest is not None else document.original
        scan = None if original is None else original.result.scan
        self._original = original if scan is not None else None
        self._swap.allow(scan is not None, NO_SCAN)
        self._viewport.show_scan(scan)
        if document is None or original is None or scan is None:
            self._viewport.layers.offer("", "")
            self._viewport.set_layers(*SHAPE)
        else:
            self._viewport.layers.offer(original.name, scan.words)
            untouched = original.result.unknown is None and not _moved(document.session.state)
            first = SCAN if untouched else SHAPE
            self._viewport.set_layers(*self._chosen.get(original, first))

    @Slot(bool, bool)
    def choose(self, shape: bool, scan: bool) -> None:
        """Draws the shape, the scan, or both."""
        if self._original is not None:
            self._chosen[self._original] = shape, scan
            self._viewport.set_layers(shape, scan)

    @Slot()
    def swap(self) -> None:
        """Goes from the scan to the shape made of it, or back."""
        self.choose(*(SCAN if self._viewport.shown_layers == SHAPE else SHAPE))

    @Slot()
    def show_shape(self) -> None:
        """Shows the shape where only the scan is seen."""
        if self._viewport.shown_layers == SCAN:
            self.choose(*SHAPE)

    @Slot(int)
    def pose(self, quarter_turns: int) -> None:
        """Turns what the shape was made from, counter-clockwise, or tips it forward (0)."""
        document = self._current.document
        original = None if document is None else document.original
        if document is not None and original is not None and original.result.voxels is not None:
            made = partial(_posed, original.result, quarter_turns)
            word = "turned" if quarter_turns else "tipped over"
            document.open([ShapeSource(original.name, make=made, step=f"{original.name} {word}")])

    @Slot()
    def complete(self) -> None:
        """Completes a scan that was taken from where the view looks."""
        document = self._current.document
        original = None if document is None else document.original
        if document is not None and original is not None and original.result.scan is not None:
            x, y, z = self._viewport.orbit.position.tolist()
            made = partial(_completed, original.result, (x, y, z))
            document.open([ShapeSource(original.name, make=made, step=f"complete {original.name}")])

    @Slot(float)
    def see_at_angle(self, degrees: float) -> None:
        """Sees the depth picture that the shape was made from with another field of view."""
        document = self._current.document
        original = None if document is None else document.original
        if document is not None and original is not None and original.result.scan is not None:
            made = partial(_seen_at_angle, original, degrees)
            step = f"field of view of {original.name}"
            document.open([ShapeSource(original.name, make=made, step=step)])

    def follow(self, shown: ShownShape) -> None:
        """Tints what nobody saw of a completed shape."""
        document = self._current.document
        original = None if document is None else document.original
        unknown = None if original is None else original.result.unknown
        if unknown is None or shown.blocks is not None or shown.request.guest is not None:
            return
        colour = QColor(theme.colors().shape)
        rgb = (colour.red(), colour.green(), colour.blue())
        paint = np.full((len(shown.mesh.vertices), 3), rgb, np.uint8)
        paint[_unseen(shown.mesh, unknown)] = UNSEEN
        self._viewport.show_mesh(shown.mesh, paint)
        self._viewport.doubt.say(UNSEEN_WORDS)

    def follow_state(self, state: ShapeState) -> None:
        """Shows a shape that is moved."""
        if _moved(state):
            self.show_shape()

    def follow_surface(self, _surface: object) -> None:
        """Shows a shape whose surface is moved."""
        self.show_shape()


def _unseen(mesh: TriMesh, unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which vertices (n,) nobody saw; ``unknown`` (R, R, R) are the cells of that kind.

    What lies before a vertex says so: the surface may lie a little behind what was seen.
    """
    side, ways = len(unknown), vertex_normals(mesh) / len(unknown)
    unseen = np.ones(len(mesh.vertices), bool)
    for steps in range(BEFORE + 1):
        places = mesh.vertices + steps * ways
        cells = np.clip(np.floor((places + 0.5) * side), 0, side - 1).astype(np.intp)
        unseen &= unknown[tuple(cells.T)]
    return unseen


def _moved(state: ShapeState) -> bool:
    return bool(state.coefficients.any() or state.offsets.any())


def _completed(
    result: Reconstruction, eye: tuple[float, float, float], model: ShapeModel, cancel: Event
) -> Reconstruction:
    from shapelab.core.inputs.unseen.one_sided import completed

    return completed(model, result, eye, cancel)


def _posed(
    result: Reconstruction, quarter_turns: int, model: ShapeModel, cancel: Event
) -> Reconstruction:
    from shapelab.core.inputs.reconstruct import tipped_over, turned_around
    from shapelab.core.inputs.unseen.one_sided import as_taken

    if quarter_turns:
        posed = turned_around(model, result, quarter_turns)
    else:
        posed = tipped_over(model, result)
    return as_taken(model, posed, cancel, turns=0)


def _seen_at_angle(
    original: Original, degrees: float, model: ShapeModel, cancel: Event
) -> Reconstruction:
    from shapelab.core.inputs.depth.depth_picture import lens_of_angle
    from shapelab.core.inputs.unseen.seen_again import seen_again

    scan = original.result.scan
    assert scan is not None
    assert scan.deep is not None
    picture = scan.deep.picture
    shot = replace(scan.deep.shot, lens=lens_of_angle(picture.size, degrees))
    return seen_again(model, picture, original.name, shot, cancel)
