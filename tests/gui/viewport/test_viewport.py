"""The 3-D view on a real OpenGL surface: the camera, the pixels, drops, keys, pictures."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from shapelab.core.errors import ExportError
from shapelab.core.inputs.scan import Scan
from shapelab.core.mesh import meshing
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.gui.base import theme
from shapelab.gui.viewport import viewport as module
from shapelab.gui.viewport.view_canvas import SCALE, save_picture
from shapelab.gui.viewport.viewport import Viewport

pytestmark = pytest.mark.gl
TIMEOUT = 60_000


def stool(seat_height=0):
    """A seat on four legs, (32, 32, 32) float32: not symmetric in any pair of axes."""
    occupancy = np.zeros((32, 32, 32), np.float32)
    occupancy[8:24, 10:24, 16 + seat_height : 20 + seat_height] = 1
    for x in (8, 21):
        for y in (10, 21):
            occupancy[x : x + 3, y : y + 3, 4:17] = 1
    return occupancy


@pytest.fixture(scope="module")
def mesh():
    return meshing.surface(stool())


@pytest.fixture(scope="module")
def other_mesh():
    return meshing.surface(stool(seat_height=6))


@pytest.fixture(scope="module", params=["processor", "graphics card"])
def built(qapp, request):
    """One view of each kind for most tests: each new one costs a second with software OpenGL."""
    view = Viewport()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "is_software", lambda: request.param == "processor")
        view.show()
        view.build()
    assert type(view._view).__name__ == {"processor": "SoftView"}.get(request.param, "GlView")
    yield view
    view.shutdown()
    view.close()
    view.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def viewport(qtbot, qapp, built):
    theme.apply(qapp, dark=False)
    built.resize(400, 320)
    qtbot.waitExposed(built)
    built.clear()
    built.set_style("smooth")
    built.set_grid(True)
    built.set_axes(True)
    built.set_orthographic(False)
    built.reset_camera()
    yield built
    qapp.setStyleSheet("")


def vtk_camera(view):
    camera = view._scene.renderer.GetActiveCamera()
    return (
        camera.GetPosition(),
        camera.GetFocalPoint(),
        camera.GetViewUp(),
        camera.GetParallelScale(),
        camera.GetParallelProjection(),
        camera.GetClippingRange(),
    )


def actor_count(view):
    return view._scene.renderer.GetActors().GetNumberOfItems()


def pixels(image):
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    raw = np.frombuffer(image.constBits(), np.uint8)
    return raw.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width()].copy()


def shape_pixels(view):
    """Where the shape is: alpha of the transparent picture."""
    return pixels(view.screenshot(transparent=True))[:, :, 3] > 128


def test_camera_never_moves_when_a_shape_comes(qtbot, viewport, mesh, other_mesh):
    viewport.show_mesh(mesh)
    viewport.set_view("right")
    viewport._zoom(1.7)
    viewport._turn(13.0, 21.0)
    before, vtk_before = viewport._orbit, vtk_camera(viewport)
    for each in (other_mesh, mesh, other_mesh):
        with qtbot.waitSignal(viewport.frame_drawn, timeout=TIMEOUT):
            viewport.show_mesh(each)
    viewport.clear()
    assert viewport._orbit == before
    assert vtk_camera(viewport) == vtk_before


@pytest.mark.parametrize("faces", [True, False])
def test_a_scan_is_drawn_alone_or_through_the_shape(viewport, mesh, faces):
    """Its vertices and faces, or its points alone, half as large as the shape."""
    viewport.show_mesh(mesh)
    viewport.set_view("front")
    viewport.set_orthographic(True)
    whole = shape_pixels(viewport)
    scan = Scan(mesh.vertices / 2, mesh.faces if faces else None, (1.0, 1.0, 1.0))
    viewport.show_scan(scan)
    viewport.set_layers(shape=False, scan=True)
    small = shape_pixels(viewport)
    assert 0.05 < small.sum() / whole.sum() < 0.35
    for axis in (0, 1):
        sizes = [np.ptp(np.flatnonzero(each.any(axis))) for each in (small, whole)]
        assert sizes[0] == pytest.approx(sizes[1] / 2, abs=8)
    viewport.set_layers(shape=True, scan=True)
    through = pixels(viewport.screenshot(transparent=True))[:, :, 3]
    assert (through[small & whole] > 253).mean() > 0.5
    assert (through[whole & ~small] < 250).mean() > 0.9  # several walls, none of them opaque
    viewport.show_mesh(mesh)  # as when a slider moves
    viewport.set_layers(shape=False, scan=True)
    viewport.show_scan(None)
    assert not shape_pixels(viewport).any()
    viewport.set_layers(shape=True, scan=False)
    assert (shape_pixels(viewport) == whole).all()


def test_nobody_misses_the_back_of_what_is_closed(viewport, mesh):
    viewport.show_mesh(mesh)
    paint = viewport._scene.actor.GetProperty()
    assert paint.GetBackfaceCulling()
    front = pixels(viewport.screenshot(transparent=True))
    paint.BackfaceCullingOff()
    off = np.abs(pixels(viewport.screenshot(transparent=True)).astype(int) - front).max(axis=2)
    assert (off > 0).sum() < 20  # samples where two faces meet
    assert off.max() <= 16
    viewport.show_scan(Scan(mesh.vertices / 2, mesh.faces, (1.0, 1.0, 1.0)))
    viewport.set_layers(shape=True, scan=True)
    assert not paint.GetBackfaceCulling()  # it is seen through now
    viewport.show_scan(None)
    viewport.set_layers(shape=True, scan=False)
    assert paint.GetBackfaceCulling()


def test_a_thousand_shapes_are_one_actor(viewport, mesh, other_mesh):
    viewport.show_mesh(mesh)
    count = actor_count(viewport)
    for _ in range(500):
        viewport.show_mesh(other_mesh)
        viewport.show_mesh(mesh)
    assert actor_count(viewport) == count
    assert viewport._scene.mapper.GetInput().GetNumberOfPolys() == len(mesh.faces)


def test_many_shapes_between_two_paints_are_one_frame(qtbot, viewport, mesh, other_mesh):
    viewport.show_mesh(mesh)
    qtbot.wait(1)
    frames, paints = [], []
    viewport.frame_drawn.connect(lambda: frames.append(1))
    viewport._view.painted.connect(lambda: paints.append(1))
    for _ in range(20):
        viewport.show_mesh(other_mesh)
    qtbot.waitUntil(lambda: bool(frames), timeout=TIMEOUT)
    assert len(frames) == 1
    assert len(paints) <= 2  # one may have been under way


def test_what_is_drawn_is_the_mesh(viewport, mesh):
    """Seen from the front without perspective, height and width are those of the mesh."""
    viewport.show_mesh(mesh)
    viewport.set_view("front")
    viewport.set_orthographic(True)
    rows, columns = np.nonzero(shape_pixels(viewport))
    scale = 320 * SCALE / (2 * viewport._orbit.half_height)  # pixels per side of the grid
    assert np.ptp(rows) + 1 == pytest.approx(mesh.extents[2] * scale, abs=3)
    assert np.ptp(columns) + 1 == pytest.approx(mesh.extents[0] * scale, abs=3)


def test_views_tell_the_sides_apart(viewport):
    """x is right from the front, left from the back; the top shows y upwards."""
    occupancy = stool()
    occupancy[20:24, 10:24, 20:28] = 1  # a rest on the side of +x
    viewport.show_mesh(meshing.surface(occupancy))
    viewport.set_orthographic(True)

    def side(view):
        viewport.set_view(view)
        top = shape_pixels(viewport)
        rows = np.flatnonzero(top.any(axis=1))
        columns = np.flatnonzero(top[rows[0] + 4])
        return float(np.mean(columns)) - top.shape[1] / 2

    assert side("front") > 20
    assert side("back") < -20
    assert abs(side("right")) < 20


def test_floor_sinks_with_the_shape_and_rises_softly(qtbot, viewport, mesh):
    def floor():
        return viewport._scene.floor.lines.GetPosition()[2]

    def moved(z):
        return TriMesh(mesh.vertices + np.float32([0, 0, z]), mesh.faces, mesh.normals)

    bottom = float(mesh.vertices[:, 2].min())
    viewport.show_mesh(mesh)
    assert floor() == pytest.approx(bottom)
    viewport.show_mesh(moved(-1 / 32))
    assert floor() == pytest.approx(bottom - 1 / 32)  # it never cuts through the shape
    viewport.show_mesh(moved(3 / 32))
    assert bottom - 1 / 32 < floor() < bottom + 1 / 32
    assert viewport._scene.floor.shadow.GetPosition()[2] == pytest.approx(floor(), abs=0.003)
    qtbot.waitUntil(lambda: floor() == pytest.approx(bottom + 3 / 32), timeout=TIMEOUT)


def test_slow_frames_put_the_fine_one_off(viewport, mesh):
    viewport._view.paint_ms = 1000.0
    viewport.show_mesh(mesh)
    assert viewport._rest.interval() == 1000 * module.REST_FRAMES
    viewport._view.paint_ms = 10.0
    viewport.show_mesh(mesh)
    assert viewport._rest.interval() == module.REST_MS


def test_dropped_picture_never_becomes_an_actor(viewport, mesh, tmp_path):
    viewport.show_mesh(mesh)
    picture = tmp_path / "chair.png"
    QImage(8, 8, QImage.Format.Format_RGB888).save(str(picture))
    count = actor_count(viewport)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture))])
    assert not viewport._view.acceptDrops()
    drop = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(viewport._view, drop)
    viewport._view.dropEvent(drop)  # whatever way it comes
    assert not drop.isAccepted()
    assert actor_count(viewport) == count
    assert viewport._scene.renderer.GetViewProps().GetNumberOfItems() == count


def test_drag_over_the_view_reaches_the_window(qtbot, qapp):
    class Window(QWidget):
        entered = 0

        def dragEnterEvent(self, event):
            self.entered += 1
            event.accept()

    window = Window()
    qtbot.addWidget(window)
    window.setAcceptDrops(True)
    view = Viewport(window)
    view.build()
    drag = QDragEnterEvent(
        QPoint(5, 5),
        Qt.DropAction.CopyAction,
        QMimeData(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(view._view, drag)
    QApplication.sendEvent(
        view._view, QDragLeaveEvent()
    )  # else Qt keeps a target that will be gone
    view.shutdown()
    assert window.entered == 1


@pytest.mark.parametrize("key", "qwsrpecvbfj3")
def test_keys_do_nothing_in_vtk_and_go_to_the_window(viewport, mesh, key):
    viewport.show_mesh(mesh)
    before = viewport._orbit, vtk_camera(viewport), viewport._scene.actor.GetProperty()
    style = before[2].GetRepresentation()
    event = QKeyEvent(QEvent.Type.KeyPress, ord(key.upper()), Qt.KeyboardModifier.NoModifier, key)
    QApplication.sendEvent(viewport._view, event)
    assert not event.isAccepted()
    assert (viewport._orbit, vtk_camera(viewport)) == before[:2]
    assert viewport._scene.actor.GetProperty().GetRepresentation() == style
    assert viewport.isVisible()


def test_left_drag_turns_and_shift_drag_pans(viewport, mesh):
    viewport.show_mesh(mesh)
    start = viewport._orbit
    left = Qt.MouseButton.LeftButton
    for modifier in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
        QTest.mousePress(viewport._view, left, modifier, QPoint(100, 100))
        drag_to(viewport._view, QPoint(140, 80), left, modifier)
        QTest.mouseRelease(viewport._view, left, modifier, QPoint(140, 80))
        if modifier == Qt.KeyboardModifier.NoModifier:
            turned = viewport._orbit
            assert turned.azimuth == pytest.approx(start.azimuth - 180 * 40 / 320)
            assert turned.elevation == pytest.approx(start.elevation - 180 * 20 / 320)
            assert turned.target == start.target
    assert viewport._orbit.azimuth == turned.azimuth
    assert viewport._orbit.target != turned.target


def drag_to(widget, place, buttons, modifier):
    """QTest.mouseMove knows no modifiers."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(place),
        widget.mapToGlobal(QPointF(place)),
        Qt.MouseButton.NoButton,
        buttons,
        modifier,
    )
    QApplication.sendEvent(widget, event)


def test_wheel_zooms_and_double_click_fits_again(viewport, mesh):
    viewport.show_mesh(mesh)
    start = viewport._orbit.distance
    wheel = QWheelEvent(
        QPointF(100, 100),
        viewport._view.mapToGlobal(QPointF(100, 100)),
        QPoint(0, 0),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport._view, wheel)
    assert viewport._orbit.distance == pytest.approx(start / 1.12**2)
    QTest.mouseDClick(viewport._view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert viewport._orbit.distance == pytest.approx(start)


def test_transparent_picture_has_alpha_only_where_the_shape_is(viewport, mesh, tmp_path):
    viewport.show_mesh(mesh)
    path = tmp_path / "shape.png"
    image = viewport.screenshot(transparent=True)
    save_picture(image, path)
    assert image.hasAlphaChannel()
    rgba = pixels(QImage(str(path)))
    assert rgba.shape == (320 * SCALE, 400 * SCALE, 4)
    alpha = rgba[:, :, 3]
    assert alpha[0].max() == alpha[-1].max() == 0
    assert 0.03 < (alpha == 255).mean() < 0.6
    assert ((alpha > 0) & (alpha < 255)).any()  # smooth edges
    solid = rgba[alpha == 255][:, :3].astype(int)
    assert (solid[:, 0] >= solid[:, 2]).mean() > 0.98  # warm clay, no background shines through
    edge = rgba[(alpha > 100) & (alpha < 200)][:, :3]
    assert edge.mean() > 0.5 * solid.mean()  # not darkened by the black behind it


def test_opaque_picture_shows_the_background_of_the_theme(viewport, mesh):
    viewport.show_mesh(mesh)
    image = viewport.screenshot()
    assert not image.hasAlphaChannel()
    rgb = pixels(image)[:, :, :3].astype(int)
    assert (
        np.abs(rgb[0, 0] - [int(theme.LIGHT.view_top[i : i + 2], 16) for i in (1, 3, 5)]).max() < 4
    )
    assert rgb[0, 0].sum() > rgb[-1, 0].sum() + 20  # a gradient


def test_picture_leaves_the_view_as_it_was(qtbot, viewport, mesh):
    viewport.show_mesh(mesh)
    size = viewport._view.GetRenderWindow().GetSize()
    floor = viewport._scene.floor
    viewport.screenshot(transparent=True)
    assert viewport._view.GetRenderWindow().GetSize() == size
    assert viewport._view.GetRenderWindow().GetMultiSamples() == 0
    assert floor.lines.GetVisibility()
    assert floor.shadow.GetVisibility()
    assert viewport._scene.renderer.GetGradientBackground()
    assert viewport._scene.renderer.GetBackgroundAlpha() == 1.0


def test_picture_formats(viewport, mesh, tmp_path):
    viewport.show_mesh(mesh)
    image = viewport.screenshot()
    with pytest.raises(ExportError, match="cannot be transparent"):
        save_picture(viewport.screenshot(transparent=True), tmp_path / "a.jpg")
    with pytest.raises(ExportError, match="cannot be saved"):
        save_picture(image, tmp_path / "a.docx")
    save_picture(image, tmp_path / "a.jpg")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.jpg"]


def test_dark_theme_recolours_what_is_there(qapp, viewport, mesh):
    viewport.show_mesh(mesh)
    light = pixels(viewport.screenshot())[0, 0, :3].mean()
    theme.apply(qapp, dark=True)
    QApplication.sendPostedEvents()
    assert pixels(viewport.screenshot())[0, 0, :3].mean() < light - 100


def test_blocks_are_drawn_as_squares_and_surfaces_as_triangles(viewport, mesh):
    from shapelab.core.mesh.meshing import blocks

    cubes = blocks(stool())
    viewport.set_style("blocks")
    viewport.show_mesh(cubes)
    assert viewport._scene.mapper.GetInput().GetNumberOfPolys() == len(cubes.faces) // 2
    viewport.show_mesh(mesh)
    viewport.set_style("wireframe")
    assert viewport._scene.mapper.GetInput().GetNumberOfPolys() == len(mesh.faces)
    assert viewport._scene.actor.GetProperty().GetEdgeVisibility()
    viewport.set_style("smooth")
    assert not viewport._scene.actor.GetProperty().GetEdgeVisibility()
    with pytest.raises(ValueError, match="style"):
        viewport.set_style("marble")


def test_hint_and_clear(viewport, mesh):
    viewport.clear("Drop a picture here")
    assert viewport._hint.isVisible()
    assert viewport._hint.text() == "Drop a picture here"
    viewport.show_mesh(mesh)
    assert not viewport._hint.isVisible()
    assert viewport.mesh is mesh
    viewport.clear()
    assert viewport.mesh is None
    assert not shape_pixels(viewport).any()
    viewport.show_mesh(TriMesh(np.zeros((0, 3), np.float32)))
    assert "empty" in viewport._hint.text()


def test_fitted_camera_stays_fitted_when_resized(viewport):
    viewport.reset_camera()
    viewport.resize(260, 600)
    narrow = viewport._orbit.distance
    viewport.resize(600, 300)
    assert viewport._orbit.distance < narrow
    viewport._zoom(2.0)
    chosen = viewport._orbit.distance
    viewport.resize(260, 600)
    assert viewport._orbit.distance == chosen


def test_gizmo_click_looks_along_the_axis(qtbot, viewport):
    gizmo = viewport._gizmo
    place = next(end[1] for end in gizmo.ends() if end[5] == "top")
    qtbot.mouseClick(gizmo, Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert viewport._orbit.elevation == 90.0
    with pytest.raises(ValueError, match="view"):
        viewport.set_view("inside")
    viewport.set_axes(False)
    assert not gizmo.isVisible()


def test_grid_switch(viewport):
    viewport.set_grid(False)
    assert not viewport._scene.floor.lines.GetVisibility()


def test_only_the_gui_thread_may_show(viewport, mesh):
    caught = []

    def other():
        try:
            viewport.show_mesh(mesh)
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert len(caught) == 1
    assert viewport.mesh is None


def test_everything_set_before_the_view_exists_is_kept(qtbot, qapp, mesh):
    view = Viewport()
    qtbot.addWidget(view)
    view.show_mesh(mesh)
    view.set_style("wireframe")
    view.set_grid(False)
    view.set_view("top")
    assert not view.is_ready
    view.resize(300, 300)
    with qtbot.waitSignal(view.frame_drawn, timeout=TIMEOUT):
        view.show()  # builds itself after its first paint
    assert view.is_ready
    assert view._scene.actor.GetProperty().GetEdgeVisibility()
    assert not view._scene.floor.lines.GetVisibility()
    assert vtk_camera(view)[0][2] > 1.5
    view.shutdown()


def test_an_empty_view_is_not_drawn_finely(qtbot, qapp, mesh):
    view = Viewport()
    qtbot.addWidget(view)
    view.build()
    drawn = []
    view._view.set_quality = lambda *quality: drawn.append(quality)
    view._at_rest()
    view.clear("Loading…")
    view._at_rest()
    assert (module.REST_SAMPLES, 1.0) not in drawn
    view.show_mesh(mesh)
    view._at_rest()
    assert drawn[-1] == (module.REST_SAMPLES, 1.0)
    view.shutdown()


def test_closing_before_the_view_was_built(qtbot):
    view = Viewport()
    qtbot.addWidget(view)
    view.show()
    qtbot.waitExposed(view)
    view.shutdown()
    view.build()
    assert not view.is_ready


def test_two_views_and_one_closes(qtbot, viewport, mesh):
    second = Viewport()
    qtbot.addWidget(second)
    second.show()
    qtbot.waitExposed(second)
    second.build()
    second.show_mesh(mesh)
    second.shutdown()
    second.close()
    viewport.show_mesh(mesh)
    assert shape_pixels(viewport).any()


def test_without_opengl_there_is_a_sentence(qtbot, monkeypatch, mesh):
    monkeypatch.setattr(module, "has_opengl", lambda: False)
    view = Viewport()
    qtbot.addWidget(view)
    with qtbot.waitSignal(view.ready):
        view.build()
    view.show_mesh(mesh)
    assert "OpenGL" in view._hint.text()
    with pytest.raises(ExportError, match="OpenGL"):
        view.screenshot()
    view.shutdown()


def test_slow_frames_in_motion_get_fewer_pixels_and_rest_gets_all(
    viewport, mesh, qtbot, monkeypatch
):
    monkeypatch.setattr(module, "SLOW_PAINT_MS", 0.0)  # every frame counts as slow
    viewport._sharpness, viewport._slow_frames = 1.0, 0
    full = viewport._view.full_size()
    for _ in range(module.SLOW_FRAMES + 1):
        with qtbot.waitSignal(viewport.frame_drawn, timeout=TIMEOUT):
            viewport.show_mesh(mesh)
    size = viewport._view.GetRenderWindow().GetSize()
    assert size == tuple(round(side * module.SLOW_SHARPNESS) for side in full)
    viewport._at_rest()
    assert viewport._view.GetRenderWindow().GetSize() == full
    viewport._sharpness = 1.0


def test_the_off_screen_window_ends_with_the_view(qtbot, monkeypatch, mesh):
    # Or it would outlive the X server, whose loss then crashes the interpreter at its end.
    monkeypatch.setattr(module, "is_software", lambda: True)
    view = Viewport()
    qtbot.addWidget(view)
    view.show()
    view.build()
    view.show_mesh(mesh)
    ended = []
    view._view.GetRenderWindow().AddObserver("DeleteEvent", lambda *_: ended.append(True))
    assert not ended
    view.shutdown()
    assert ended


def test_a_view_may_end_right_after_a_paint(qtbot, monkeypatch, mesh):
    # What it says once the paint is on screen has nobody left to say it.
    monkeypatch.setattr(module, "is_software", lambda: True)
    view = Viewport()
    with qtbot.waitExposed(view):
        view.show()
    view.build()
    view.show_mesh(mesh)
    painted = []
    view._view.painted.connect(lambda: painted.append(True))
    with qtbot.captureExceptions() as raised:
        view._view.repaint()
        assert painted
        view.shutdown()
        view.close()
        view.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
    assert raised == []
