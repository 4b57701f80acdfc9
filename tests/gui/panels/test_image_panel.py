from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QToolButton

from shapelab.core.inputs.images import PreparedImage
from shapelab.core.inputs.scan import Scan
from shapelab.gui.panels.image_panel import ImagePanel
from shapelab.gui.panels.shape_pictures import rgba_image, silhouettes

LEFT = Qt.MouseButton.LeftButton


def chair() -> np.ndarray:
    """A seat with a back at y = high and one mark on the right (x = high), [x, y, z]."""
    field = np.zeros((32, 32, 32), np.float32)
    field[8:24, 8:24, 14:17] = 1
    field[8:24, 21:24, 14:29] = 1
    field[24:27, 8:11, 14:17] = 1
    return field


def picture(session, note="", method="grabcut"):
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[16:48, 16:48] = (200, 30, 30, 255)
    original = np.full((40, 80, 4), 255, np.uint8)
    original[10:30, 20:60] = (200, 30, 30, 255)
    return SimpleNamespace(
        latent=session.latent + 0.5,
        occupancy=chair(),
        source_kind="picture",
        prepared=PreparedImage(rgba, original, method),
        voxels=None,
        class_name="night_stand",
        note=note,
        scan=None,
    )


def mesh(session, scan=None):
    return SimpleNamespace(
        latent=session.latent + 0.25,
        occupancy=np.zeros((32, 32, 32), np.float32),
        source_kind="mesh",
        prepared=None,
        voxels=chair() > 0.5,
        class_name="chair",
        note="Turned upright.",
        scan=scan,
    )


@pytest.fixture
def panel(qtbot):
    panel = ImagePanel()
    panel.show_nothing()
    qtbot.addWidget(panel)
    panel.resize(300, 420)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def test_empty_it_invites_and_its_buttons_ask(qtbot, panel):
    assert panel.hint.isVisible()
    assert not panel.first.isVisible()
    with qtbot.waitSignal(panel.picture_requested):
        qtbot.mouseClick(panel.hint.open, LEFT)
    with qtbot.waitSignal(panel.paste_requested):
        qtbot.mouseClick(panel.hint.paste, LEFT)


def test_it_takes_no_drop_itself_so_that_the_window_gets_it(panel):
    assert not panel.acceptDrops()
    assert not panel.hint.acceptDrops()


def test_before_there_is_a_shape_it_asks_for_nothing(qtbot):
    panel = ImagePanel()
    qtbot.addWidget(panel)
    panel.show()
    with qtbot.assertNotEmitted(panel.picture_requested):
        qtbot.mouseClick(panel.hint.open, LEFT)


def test_a_picture_is_shown_with_what_became_of_it(panel, session):
    result = picture(session, note="The picture is dark.")
    panel.show_reconstruction(result, "my chair.png")
    assert not panel.hint.isVisible()
    assert panel.title.text() == "my chair.png"
    assert panel.method.text() == "Background removed with GrabCut."
    assert "Night stand" in panel.taken_for.text()
    assert panel.note.isVisible()
    assert panel.note.text() == "The picture is dark."
    assert panel.first.image().size().toTuple() == (80, 40)
    assert panel.second.image().pixelColor(32, 32) == QColor(200, 30, 30)
    assert panel.second.image().pixelColor(2, 2).alpha() == 0


def test_a_picture_with_its_own_silhouette_is_explained_once(panel, session):
    note = "The picture's own transparency was used as its silhouette."
    panel.show_reconstruction(picture(session, note, method="alpha"), "x.png")
    assert not panel.method.isVisible()
    assert panel.note.text() == note


@pytest.mark.slow
def test_a_real_picture_and_a_real_mesh(panel, session, shared_data, tmp_path):
    from shapelab.core.inputs.reconstruct import reconstruct
    from shapelab.core.mesh.formats import encode
    from shapelab.core.mesh.meshing import surface

    photo = shared_data / "photos" / "224_triposr_chair.png"
    panel.show_reconstruction(reconstruct(session.model, photo), photo.name)
    assert panel.second.image().pixelColor(1, 1).alpha() == 0
    stl = tmp_path / "seat.stl"
    stl.write_bytes(encode(surface(chair()), ".stl"))
    panel.show_reconstruction(reconstruct(session.model, stl), stl.name)
    assert panel.first.image().size().toTuple() == (32, 32)


def test_an_empty_note_takes_no_room(panel, session):
    panel.show_reconstruction(picture(session), "x.png")
    assert not panel.note.isVisible()


def test_a_mesh_is_shown_by_two_silhouettes(panel, session):
    panel.show_reconstruction(mesh(session), "seat.stl")
    assert panel.method.text() == "Mesh read as a solid grid."
    front, side = panel.first.image(), panel.second.image()
    assert front.size().toTuple() == (32, 32)
    # Row 31 - z. From the front x runs right: the mark is at x 24..26.
    assert front.pixelColor(25, 31 - 15).alpha() > 0
    assert front.pixelColor(6, 31 - 15).alpha() == 0
    # From the right y (back) runs right: the back of the chair is there, high up.
    assert side.pixelColor(22, 31 - 27).alpha() > 0
    assert side.pixelColor(9, 31 - 27).alpha() == 0


def test_what_a_file_holds_is_counted_and_can_be_stood_up(qtbot, panel, session):
    cloud = Scan(np.zeros((1200, 3), np.float32), None, (4.0, 2.0, 1.5), "meter")
    panel.show_reconstruction(mesh(session, cloud), "seat.stl")
    assert panel.method.text() == "Mesh of 1\xa0200 points, 4 × 2 × 1.5 m, read as a solid grid."
    asked = []
    panel.pose_requested.connect(asked.append)
    for button in panel.pose.findChildren(QToolButton):
        assert button.isVisible()
        qtbot.mouseClick(button, LEFT)
    assert asked == [1, -1, 0]
    panel.show_reconstruction(picture(session), "x.png")
    assert not panel.pose.isVisible()


def test_without_a_name_the_kind_is_named(panel, session):
    panel.show_reconstruction(mesh(session))
    assert panel.title.text() == "Mesh"


def test_what_is_shown_of_a_mesh_is_what_the_agreement_speaks_of(panel, session):
    panel.show_reconstruction(mesh(session), "seat.stl")
    assert not panel.agreement.isVisible(), "its shape is not shown yet"
    panel.show_agreement(0.584)
    assert panel.agreement.text() == "The shape shown agrees with it to 58% (IoU)."
    panel.show_agreement(0.2)
    assert "does not know" in panel.agreement.text()
    panel.show_reconstruction(picture(session), "x.png")
    assert not panel.agreement.isVisible()


def test_busy_shows_a_running_line_and_one_can_cancel(qtbot, panel):
    panel.busy(True, "Reading chair.png…")
    assert panel.progress.isVisible()
    assert panel.working.text() == "Reading chair.png…"
    assert not panel.hint.open.isEnabled()
    with qtbot.waitSignal(panel.cancel_requested):
        qtbot.mouseClick(panel.cancel, LEFT)
    assert panel.cancel.text() == "Stopping…"
    assert not panel.cancel.isEnabled()
    panel.busy(False)
    assert not panel.progress.isVisible()
    assert panel.hint.open.isEnabled()
    panel.busy(True)
    assert panel.cancel.text() == "Cancel"
    assert panel.cancel.isEnabled()


def test_a_very_long_name_is_cut_not_the_panel_widened(panel, session):
    name = "a very long name of a picture that somebody found " * 4 + ".png"
    panel.show_reconstruction(picture(session, note=name), name)
    assert panel.title.toolTip() == name
    assert panel.width() == 300
    assert panel.title.width() <= 300


def test_silhouettes_of_nothing_are_empty():
    front, side = silhouettes(np.zeros((8, 8, 8), bool), QColor("red"))
    for image in (front, side):
        assert all(image.pixelColor(x, y).alpha() == 0 for x in range(8) for y in range(8))


def test_an_image_owns_its_pixels():
    pixels = np.full((4, 6, 4), 255, np.uint8)
    image = rgba_image(pixels)
    pixels[:] = 0
    assert image.size().toTuple() == (6, 4)
    assert image.pixelColor(3, 2) == QColor("white")
