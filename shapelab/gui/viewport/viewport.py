"""The 3-D view: one shape on a floor, a camera that only the user moves, and pictures of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, QThread, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHideEvent,
    QImage,
    QKeyEvent,
    QLinearGradient,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from shapelab.core.errors import ExportError
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.gui.base import theme
from shapelab.gui.base.workers import Task
from shapelab.gui.viewport.doubt_card import DoubtCard
from shapelab.gui.viewport.layers_box import LayersBox
from shapelab.gui.viewport.opengl import has_opengl, is_software
from shapelab.gui.viewport.orbit import SMOOTH, STYLES, VIEWS, Orbit, fitting_distance
from shapelab.gui.viewport.overlays import FocusFrame, Gizmo, Hint, PartsChip

if TYPE_CHECKING:  # pyvista takes 2 s to import: the window is painted first
    from shapelab.core.inputs.scan import Scan
    from shapelab.gui.viewport.gl_view import GlView
    from shapelab.gui.viewport.scene import Scene
    from shapelab.gui.viewport.software_view import SoftView

#: Without a new mesh or a camera move for so long, or for so many frames where they are slow, the
#: picture is drawn once in high quality.
REST_MS, REST_FRAMES = 300, 4
REST_SAMPLES = 4
SLOW_PAINT_MS = 8.0  # a frame that takes longer is drawn by the processor, which also decodes
SLOW_FRAMES = 3  # in a row: one late frame says nothing
SLOW_SHARPNESS = 0.5  # then frames in motion have a quarter of the pixels; at rest all of them
KEY_TURN, KEY_MOVE, KEY_ZOOM = 5.0, 0.05, 1.12  # degrees, fraction of the height, factor
#: Which way the eye goes, as degrees right and up are counted by ``Orbit.turned``.
ARROWS: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
ZOOM_KEYS: dict[int, float] = {
    Qt.Key.Key_Plus: KEY_ZOOM,
    Qt.Key.Key_Equal: KEY_ZOOM,  # where + needs Shift
    Qt.Key.Key_Minus: 1 / KEY_ZOOM,
    Qt.Key.Key_Underscore: 1 / KEY_ZOOM,
}
NO_GL = (
    "The 3-D view needs OpenGL 3.2, which this screen does not offer; please update the graphics "
    "driver. Pictures, sliders and export work without it."
)


class Viewport(QWidget):
    """Shows a mesh. Everything may be called before the OpenGL view exists; it is then kept.

    The view is built after the widget's first paint (PyVista is imported on a thread meanwhile),
    or at once by `build()`. With the focus, arrows turn it, with Shift they move it; + and - zoom.
    """

    ready = Signal()  # the OpenGL view is there (or it is certain that it cannot be)
    drawn = Signal()  # a frame, even an empty one, is on screen, or none will be for now
    mesh_painted = Signal()  # a new mesh has been drawn; `frame_drawn` follows
    frame_drawn = Signal()  # a paint that showed a new mesh has reached the screen
    camera_changed = Signal()
    brushed = Signal(object)  # a point (x, y, z) on the shape, in sides of the grid
    brush_lifted = Signal()
    brush_left = Signal()  # Esc was pressed while it is a brush

    def __init__(self, parent: QWidget | None = None, after: Viewport | None = None) -> None:
        """Args: after: what is built and drawn before this one is built, if both are seen."""
        super().__init__(parent)
        self._after = after
        self.setMinimumSize(240, 200)
        self.setAccessibleName("3-D view")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._focus_frame = FocusFrame(self)
        self._view: GlView | SoftView | None = None
        self._scene: Scene | None = None
        self._importing: Task | None = None
        self._orbit = Orbit()
        self._fitted = True  # nobody zoomed: keep the whole shape in sight when resized
        self._mesh: TriMesh | None = None
        self._paint: NDArray[np.uint8] | None = None
        self._ghost: TriMesh | None = None
        self._scan: Scan | None = None
        self._shown = True, False  # whether the shape is, and the scan
        self._style = SMOOTH
        self._grid, self._is_brush = True, False
        self._mesh_undrawn = self._mesh_unswapped = False
        self._failed = self._closed = self._begun = self._seen = False
        self._sharpness = 1.0  # of frames in motion
        self._slow_frames = 0
        self._hint = Hint(self)
        self._gizmo = Gizmo(self)
        self._gizmo.view_chosen.connect(self.set_view)
        #: What is said of loose parts; clicks on it are the window's.
        self.parts = PartsChip(self)
        self.mend = PartsChip(self, after=self.parts)
        self.reshaping = PartsChip(self, after=self.mend)
        #: Which of a scan and the shape made of it are shown; clicks are the window's.
        self.layers = LayersBox(self)
        #: What colours of doubt mean; the window says it.
        self.doubt = DoubtCard(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._at_rest)

    # ---- the shape -------------------------------------------------------------------------

    def show_mesh(
        self,
        mesh: TriMesh,
        paint: NDArray[np.uint8] | None = None,
        ghost: TriMesh | None = None,
    ) -> None:
        """Draw `mesh` (in sides of the grid, origin in its middle); the camera stays.

        Args:
            mesh: the shape.
            paint: (n, 3) RGB of its vertices instead of the shape's colour.
            ghost: what it is held against, drawn translucent.
        """
        self._only_gui_thread()
        self._mesh, self._paint, self._ghost = mesh, paint, ghost
        self._set_hint("")
        if mesh.is_empty:
            self.clear("This shape is empty.")
            return
        self._mesh_undrawn = True
        self._show_in_scene()
        self._redraw()

    def clear(self, text: str = "") -> None:
        """Show no shape but a hint in its place."""
        self._only_gui_thread()
        self._mesh = None
        if self._scene is not None:
            self._scene.clear()
        self._set_hint(text)
        self._redraw()

    @property
    def mesh(self) -> TriMesh | None:
        """What is shown."""
        return self._mesh

    def show_scan(self, scan: Scan | None) -> None:
        """Have what a file holds beside the shape; `set_layers` says which of both is drawn."""
        self._only_gui_thread()
        if scan is self._scan:
            return
        self._scan = scan
        if self._scene is not None:
            self._scene.show_scan(scan)
        self._redraw()

    def set_layers(self, shape: bool, scan: bool) -> None:
        """Draw the shape, what it was made from, or both, the one seen through the other."""
        self.layers.show_layers(shape, scan)
        if (shape, scan) == self._shown:
            return
        self._shown = shape, scan
        if self._scene is not None:
            self._scene.set_layers(shape, scan)
        self._redraw()

    @property
    def shown_layers(self) -> tuple[bool, bool]:
        """Whether the shape is drawn, and whether what it was made from is."""
        return self._shown

    # ---- how it is shown -------------------------------------------------------------------

    def set_style(self, style: str) -> None:
        """One of `STYLES`; for blocks the caller shows a mesh of blocks."""
        if style not in STYLES:
            raise ValueError(f"style must be one of {STYLES}, not {style!r}")
        self._style = style
        if self._scene is not None:
            self._scene.set_style(style)
        self._redraw()

    def set_grid(self, visible: bool) -> None:
        self._grid = visible
        if self._scene is not None:
            self._scene.set_grid(visible)
        self._redraw()

    def set_axes(self, visible: bool) -> None:
        self._gizmo.setVisible(visible)

    def set_brush(self, on: bool) -> None:
        """Whether the left button draws on the shape; the others, and Shift, move the camera."""
        self._is_brush = on
        if self._view is not None:
            self._view.navigator.is_brush = on
            self._view.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def set_view(self, view: str) -> None:
        """Look from "iso", "front", "back", "left", "right", "top" or "bottom"; the zoom stays."""
        if view not in VIEWS:
            raise ValueError(f"view must be one of {tuple(VIEWS)}, not {view!r}")
        self._aim(self._orbit.seen_from(view))

    def set_orthographic(self, orthographic: bool) -> None:
        self._aim(replace(self._orbit, orthographic=orthographic))

    def reset_camera(self) -> None:
        """The whole shape from the usual side."""
        self.look(self._orbit.seen_from("iso"), fitted=True)

    @property
    def orbit(self) -> Orbit:
        """Where the camera is."""
        return self._orbit

    @property
    def fitted(self) -> bool:
        """Whether the camera stays as far away as the whole shape needs."""
        return self._fitted

    def look(self, orbit: Orbit, fitted: bool) -> None:
        """Look from there; if fitted, from as far away as the whole shape needs."""
        self._fitted = fitted
        fit = fitting_distance(self.width() / max(1, self.height()))
        self._aim(replace(orbit, distance=fit) if fitted else orbit)

    # ---- pictures --------------------------------------------------------------------------

    def screenshot(self, transparent: bool = False) -> QImage:
        """The view without its overlays, twice as fine as on screen.

        Args:
            transparent: leave out background and floor; the alpha channel tells what is shape.

        Raises:
            ExportError: without OpenGL.
        """
        self.build()
        if self._view is None or self._scene is None:
            raise ExportError("There is no 3-D view to take a picture of: OpenGL is missing.")
        image = self._view.picture(self._scene, transparent)
        self._redraw()
        return image

    # ---- life ------------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether the OpenGL view exists."""
        return self._view is not None

    def build(self) -> None:
        """Make the OpenGL view now if it does not exist yet."""
        if self._view is not None or self._failed or self._closed:
            return
        if not has_opengl():
            self._failed = True
            self._gizmo.hide()
            self._set_hint("")
            self.ready.emit()
            self.drawn.emit()
            return
        from shapelab.gui.viewport.scene import Scene

        view = _make_view(self, is_software())
        self._view, self._scene = view, Scene(view.renderer, theme.colors())
        view.navigator.turned.connect(lambda right, down: self._turn(-180.0 * right, 180.0 * down))
        view.navigator.panned.connect(
            lambda right, down: self._aim(self._orbit.panned(-right, down))
        )
        view.navigator.zoomed.connect(self._zoom)
        view.navigator.double_clicked.connect(self.reset_camera)
        view.navigator.brushed.connect(self._brush)
        view.navigator.brush_lifted.connect(self.brush_lifted)
        view.painted.connect(self._painted)
        view.frameSwapped.connect(self._swapped)
        self._scene.set_style(self._style)
        self._scene.set_grid(self._grid)
        self._scene.floor.moved.connect(self._redraw)
        self._scene.aim(self._orbit)
        self._scene.show_scan(self._scan)
        self._scene.set_layers(*self._shown)
        self._show_in_scene()
        self.set_brush(self._is_brush)
        view.setGeometry(self.rect())
        view.lower()
        view.show()
        self._redraw()
        self.ready.emit()

    def shutdown(self) -> None:
        """Free the OpenGL view; the main window calls it before it closes."""
        self._closed = True
        self._rest.stop()
        if self._importing is not None:
            self._importing.stop()
        if self._scene is not None:
            self._scene.floor.stop()
        view, self._view, self._scene = self._view, None, None
        if view is not None:
            view.close()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._view is None:
            c = theme.colors()
            gradient = QLinearGradient(0, 0, 0, self.height())
            gradient.setColorAt(0, QColor(c.view_top))
            gradient.setColorAt(1, QColor(c.view_bottom))
            QPainter(self).fillRect(self.rect(), gradient)
            if not self._begun:
                self._begun = True
                QTimer.singleShot(0, self._begin)  # the rest of the window is painted first

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._view is not None:
            self._view.setGeometry(self.rect())
        self._gizmo.move(self.width() - self._gizmo.width() - theme.SPACE, theme.SPACE)
        self._hint.place()
        self.parts.place()
        self.layers.place()
        self.doubt.place()
        self._focus_frame.setGeometry(self.rect())
        if self._fitted:
            fit = fitting_distance(self.width() / max(1, self.height()))
            self._aim(replace(self._orbit, distance=fit))

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if not self._seen:
            self.drawn.emit()  # nobody need wait for it

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = event.key(), event.modifiers()
        others = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        if held & others:
            event.ignore()
        elif key in ARROWS:
            right, up = ARROWS[key]
            if held & Qt.KeyboardModifier.ShiftModifier:
                self._aim(self._orbit.panned(-KEY_MOVE * right, -KEY_MOVE * up))
            else:
                self._turn(KEY_TURN * right, KEY_TURN * up)
        elif key in ZOOM_KEYS:
            self._zoom(ZOOM_KEYS[key])
        elif key == Qt.Key.Key_Home:
            self.reset_camera()
        elif key == Qt.Key.Key_Escape and self._is_brush:
            self.brush_left.emit()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        by_key = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._focus_frame.setVisible(event.reason() in by_key)
        self._focus_frame.raise_()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._focus_frame.hide()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and self._scene is not None:
            self._scene.recolor(theme.colors())
            self._redraw()
        super().changeEvent(event)

    # ---- inside ----------------------------------------------------------------------------

    def _begin(self) -> None:
        after, self._after = self._after, None
        if after is not None and after._is_coming:
            after.drawn.connect(self._begin, Qt.ConnectionType.SingleShotConnection)
        elif self._view is None and not self._failed and not self._closed:
            self._importing = Task(partial(_import_view, is_software()), self)
            self._importing.finished.connect(self.build)
            self._importing.start()

    @property
    def _is_coming(self) -> bool:
        """Whether its first frame is on its way."""
        return self._begun and self.isVisible() and not (self._seen or self._failed)

    def _only_gui_thread(self) -> None:
        if QThread.currentThread() is not self.thread():
            raise RuntimeError("The viewport belongs to the GUI thread; send the mesh by a signal.")

    def _show_in_scene(self) -> None:
        if self._scene is not None and self._mesh is not None and not self._mesh.is_empty:
            self._scene.show(self._mesh, self._paint)
            self._scene.show_ghost(self._ghost)

    def _set_hint(self, text: str) -> None:
        self._hint.say(NO_GL if self._failed else text)

    def _turn(self, azimuth: float, elevation: float) -> None:
        self._aim(self._orbit.turned(azimuth, elevation))

    def _zoom(self, factor: float) -> None:
        self._fitted = False
        self._aim(self._orbit.zoomed(factor))

    def _brush(self, x: float, y: float) -> None:
        half = self.height() / 2
        ray = self._orbit.ray((x - self.width() / 2) / half, (half - y) / half)
        point = None if self._mesh is None or not self._shown[0] else self._mesh.met_by(*ray)
        if point is not None:
            self.brushed.emit(tuple(point.tolist()))

    def _aim(self, orbit: Orbit) -> None:
        if orbit == self._orbit:
            return
        self._orbit = orbit
        self._gizmo.show_orbit(orbit)
        if self._scene is not None:
            self._scene.aim(orbit)
        self._redraw()
        self.camera_changed.emit()

    def _redraw(self) -> None:
        """A fast frame now, a fine one when things have come to rest."""
        if self._view is not None:
            self._view.set_quality(0, self._sharpness)
            self._view.repaint_later()
            self._rest.start(max(REST_MS, round(REST_FRAMES * self._view.paint_ms)))

    def _at_rest(self) -> None:
        if self._view is None or self._scene is None or (self._mesh or self._scan) is None:
            return  # an empty view has no edges to smooth
        if not self._scene.floor.settle():
            self._view.set_quality(REST_SAMPLES, 1.0)
            self._view.repaint_later()

    def _painted(self) -> None:
        if self._sharpness == 1.0 and self._rest.isActive():
            self._slow_frames = self._slow_frames + 1 if self._is_slow() else 0
            if self._slow_frames >= SLOW_FRAMES:
                self._sharpness = SLOW_SHARPNESS
        if self._mesh_undrawn:
            self._mesh_undrawn, self._mesh_unswapped = False, True
            self.mesh_painted.emit()

    def _is_slow(self) -> bool:
        return self._view is not None and self._view.paint_ms > SLOW_PAINT_MS

    def _swapped(self) -> None:
        self._seen = True
        self.drawn.emit()
        if self._mesh_unswapped:
            self._mesh_unswapped = False
            self.frame_drawn.emit()


def _make_view(parent: QWidget, software: bool) -> GlView | SoftView:
    if software:
        from shapelab.gui.viewport.software_view import SoftView

        return SoftView(parent)
    from shapelab.gui.viewport.gl_view import GlView

    return GlView(parent)


def _import_view(software: bool, _task: Task) -> None:
    import shapelab.gui.viewport.scene

    if software:
        import shapelab.gui.viewport.software_view
    else:
        import shapelab.gui.viewport.gl_view  # noqa: F401
