"""The same shape at 32, 64 and 128 cells is the same to the eye, and no zoom cuts it open."""

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication

from shapelab.core.mesh import meshing
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.gui.document.shape_maker import Guest
from shapelab.gui.viewport.floor import footprint
from shapelab.gui.viewport.orbit import FARTHEST, NEAREST, OUTSIDE, VIEWS, Orbit
from shapelab.gui.viewport.viewport import Viewport
from tests.shapes import chair

RESOLUTIONS = (32, 64, 128)
TIMEOUT = 60_000


def covered(view):
    image = view.screenshot(transparent=True).convertToFormat(QImage.Format.Format_RGBA8888)
    raw = np.frombuffer(image.constBits(), np.uint8)
    return raw.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), 3] > 128


def floor_height(view):
    return view._scene.floor.lines.GetPosition()[2]


@pytest.mark.gl
def test_the_window_shows_the_same_picture_at_every_resolution(qtbot, window):
    view, document = window.viewport, window.document
    masks, feet = {}, {}
    for resolution in RESOLUTIONS:
        guest = Guest(chair(resolution), f"chair of {resolution}")
        document.show_guest(guest)
        qtbot.waitUntil(lambda g=guest: document.shown.request.guest is g, timeout=TIMEOUT)
        qtbot.waitUntil(
            lambda: not view._rest.isActive() and not view._scene.floor.settle(), timeout=TIMEOUT
        )
        masks[resolution] = covered(view)
        feet[resolution] = float(view.mesh.vertices[:, 2].min())
        assert floor_height(view) == pytest.approx(feet[resolution])
        told = window.status_bar.extents.text()
        sides = [float(side) for side in told.split(" of ")[0].split(" × ")]
        assert sides == pytest.approx([resolution * n / 32 for n in (16, 16, 24)], abs=0.5)
        assert told.endswith(f" of {resolution}³ cells")
        edges = masks[resolution]
        assert not np.concatenate([edges[0], edges[-1], edges[:, 0], edges[:, -1]]).any()
    for first, second in itertools.combinations(masks.values(), 2):
        assert (first & second).sum() / (first | second).sum() >= 0.95
    assert np.ptp(list(feet.values())) < 0.01
    assert min(feet.values()) == pytest.approx(-12 / 32, abs=0.01)


def depths(view, points):
    """How far before the eye points (n, 3) lie, and between which planes VTK draws."""
    camera = view._scene.renderer.GetActiveCamera()
    towards = np.subtract(camera.GetFocalPoint(), camera.GetPosition())
    towards /= np.linalg.norm(towards)
    return (points - camera.GetPosition()) @ towards, camera.GetClippingRange()


def wheel(view, clicks):
    for _ in range(abs(clicks)):
        event = QWheelEvent(
            QPointF(100, 100),
            view._view.mapToGlobal(QPointF(100, 100)),
            QPoint(0, 0),
            QPoint(0, 120 if clicks > 0 else -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(view._view, event)


@pytest.fixture
def view(qtbot, qapp):
    view = Viewport()
    qtbot.addWidget(view)
    view.resize(300, 240)
    view.show()
    view.build()
    yield view
    view.shutdown()


@pytest.mark.gl
@pytest.mark.parametrize("orthographic", [False, True])
def test_no_zoom_of_the_mouse_cuts_the_shape_open(view, orthographic):
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))  # of a grid that is full
    view.show_mesh(meshing.surface(chair(128)))
    view.set_orthographic(orthographic)
    for name in VIEWS:
        view.set_view(name)
        for clicks in (80, -20, -20, -60):
            wheel(view, clicks)
            for right, up in ((0, 0), (9, 0), (0, 9), (-9, -9)):
                view._aim(view._orbit.panned(right, up))
                found, (near, far) = depths(view, corners)
                assert near < found.min()
                assert found.max() < far
                assert far / near < 100  # or the depth buffer no longer tells near from far
        assert view._orbit.distance == FARTHEST
        wheel(view, 80)
        assert view._orbit.distance == NEAREST


def test_zoom_is_the_same_with_a_near_eye_and_with_a_long_lens():
    start = Orbit()
    for factor in (1.0, 2.0, 5.0, 12.0):
        near = start.zoomed(factor)
        assert near.half_height == pytest.approx(start.half_height / factor)
        height = near.eye_distance * np.tan(np.radians(near.view_angle / 2))
        assert height == pytest.approx(near.half_height)
        assert near.position @ near.axes[2] >= OUTSIDE - 1e-9
    assert start.view_angle == pytest.approx(28.0)


def test_the_shadow_depends_on_the_surface_not_on_its_triangles():
    shadows = [footprint(meshing.surface(chair(r))).astype(int) for r in RESOLUTIONS]
    assert shadows[0].max() > 150
    for fine in shadows[1:]:
        assert np.abs(fine - shadows[0]).mean() < 3
        assert abs(fine.sum() / shadows[0].sum() - 1) < 0.06
    mesh = meshing.surface(chair(32))
    a, b, c = mesh.vertices[mesh.faces].transpose(1, 0, 2)
    corners = np.concatenate([a, b, c, (a + b) / 2, (b + c) / 2, (c + a) / 2])
    n = len(mesh.faces)
    one, two, three, ab, bc, ca = (np.arange(n) + k * n for k in range(6))
    faces = [(one, ab, ca), (ab, two, bc), (ca, bc, three), (ab, bc, ca)]
    split = TriMesh(corners, np.concatenate([np.stack(f, 1) for f in faces]).astype(np.int32))
    assert np.abs(footprint(split).astype(int) - shadows[0]).max() <= 8
