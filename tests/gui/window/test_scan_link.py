"""A mesh or point cloud is shown itself first, then as the model sees it, in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from scipy.spatial import cKDTree

from shapelab.core.inputs.depth.depth_picture import lens_of_angle
from shapelab.core.mesh import formats, meshing
from shapelab.core.mesh.tri_mesh import vertex_normals
from shapelab.core.model.fits import cell_fit
from shapelab.gui.window.scan_link import UNSEEN
from tests.shapes import chair, cloud_of, depth_of

LEFT = Qt.MouseButton.LeftButton
SHAPE, SCAN, BOTH = (True, False), (False, True), (True, True)


@pytest.mark.gl
def test_a_scan_is_shown_first_then_the_shape_and_undo_takes_it_away(qtbot, window, tmp_path):
    view, session, layers = window.viewport, window.document.session, window.viewport.layers

    def open_file(path):
        before = window.document.original
        window.open_paths([path])
        qtbot.waitUntil(lambda: window.document.original is not before)
        qtbot.waitUntil(lambda: not window.document.busy)

    assert not layers.isVisible()
    assert not window.actions_["scan"].isEnabled()
    mesh = meshing.finish(meshing.surface(chair(32)), 80)
    (tmp_path / "chair.stl").write_bytes(formats.encode(mesh, ".stl"))
    open_file(tmp_path / "chair.stl")
    scan = window.document.original.result.scan
    assert len(scan.faces) == len(mesh.faces)
    assert max(scan.size) == pytest.approx(80, abs=1e-3)
    assert (layers.isVisible(), view.shown_layers) == (True, SCAN)
    assert layers.scan.text() == "chair.stl"
    # In the very pose of what the model was given.
    cells = np.clip(np.floor((scan.vertices + 0.5) * 32 * (1 - 1e-6)), 0, 31).astype(int)
    solid = window.document.original.result.voxels
    assert solid[tuple(cells.T)].mean() > 0.9

    qtbot.mouseClick(layers.shape, LEFT)
    assert view.shown_layers == BOTH
    qtbot.mouseClick(layers.scan, LEFT)
    assert view.shown_layers == SHAPE
    qtbot.mouseClick(layers.shape, LEFT)  # one of them stays
    assert view.shown_layers == SCAN
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert view.shown_layers == SHAPE
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert view.shown_layers == SCAN

    session.set_coefficient(0, 1.0)  # who moves the shape wants to see it
    assert view.shown_layers == SHAPE
    session.finish_edit()
    window.actions_["scan"].trigger()
    window.actions_["keep"].trigger()  # and who keeps it
    assert view.shown_layers == SHAPE

    lines = (" ".join(f"{value:.4f}" for value in row) for row in cloud_of(mesh, 5000))
    (tmp_path / "cloud.xyz").write_text("\n".join(lines), "ascii")
    open_file(tmp_path / "cloud.xyz")
    cloud = window.document.original.result.scan
    assert cloud.faces is None
    assert len(cloud.vertices) == 5000
    assert view.shown_layers == SCAN
    assert "5\xa0000 points" in layers.scan.toolTip()

    def pose(name):
        before = window.document.original
        button = next(
            each
            for each in window.image_panel.pose.findChildren(QToolButton)
            if each.accessibleName() == name
        )
        qtbot.mouseClick(button, LEFT)
        qtbot.waitUntil(lambda: window.document.original is not before)
        qtbot.waitUntil(lambda: not window.document.busy)

    assert window.image_panel.pose.isVisible()
    pose("Turn left")
    assert session.undo_text == "cloud.xyz turned"
    turned = window.document.original.result.scan
    assert np.allclose(turned.vertices[:, 0], -cloud.vertices[:, 1])
    pose("Tip over")
    assert session.undo_text == "cloud.xyz tipped over"
    tipped = window.document.original.result.scan
    assert np.allclose(tipped.vertices[:, 2], turned.vertices[:, 1])
    assert view._scan is tipped
    session.undo()
    session.undo()
    qtbot.waitUntil(lambda: not window.document.busy)
    assert window.document.original.result.scan is cloud

    session.undo()
    qtbot.waitUntil(lambda: not window.document.busy)
    assert layers.scan.text() == "chair.stl"
    assert view.shown_layers == SHAPE  # as it was left
    while session.undo_text:
        session.undo()
    qtbot.waitUntil(lambda: not window.document.busy)
    assert not layers.isVisible()
    assert (view.shown_layers, view._scan) == (SHAPE, None)


@pytest.mark.gl
def test_a_scan_of_one_side_is_completed_from_where_the_view_looks(qtbot, window, tmp_path):
    session, view, panel = window.document.session, window.viewport, window.image_panel
    points = cloud_of(meshing.finish(meshing.surface(chair(32)), 80), 6000)
    front = points[points[:, 1] < np.median(points[:, 1])]
    lines = (" ".join(f"{value:.4f}" for value in row) for row in front)
    (tmp_path / "half.xyz").write_text("\n".join(lines), "ascii")
    window.open_paths([tmp_path / "half.xyz"])
    qtbot.waitUntil(lambda: window.document.original is not None)
    qtbot.waitUntil(lambda: not window.document.busy)
    half, state = window.document.original, session.state
    assert "agrees" in panel.agreement.text()
    window.actions_["view_front"].trigger()
    qtbot.mouseClick(panel.complete, LEFT)
    qtbot.waitUntil(lambda: window.document.original is not half)
    qtbot.waitUntil(lambda: not window.document.busy)
    unknown = window.document.original.result.unknown
    assert unknown[:, -4:].mean() > unknown[:, :4].mean() + 0.2  # behind it
    assert session.undo_text == "complete half.xyz"
    assert view.shown_layers == SHAPE
    tinted = (view._paint == UNSEEN).all(1)
    mesh = window.document.shown.mesh
    towards = vertex_normals(mesh)[:, 1]
    scan = window.document.original.result.scan.vertices
    near = cKDTree(scan).query(mesh.vertices)[0] < 1 / len(unknown)
    behind = mesh.vertices[:, 1] > scan[:, 1].max() + 2 / len(unknown)
    assert tinted[behind & (towards > 0.9)].mean() > 0.9
    assert tinted[near & (towards < -0.7)].mean() < 0.1
    assert "nobody saw" in view.doubt.words.text()
    assert view.doubt.isVisible()
    assert not panel.agreement.isVisible()  # it is meant to be more than the scan
    assert "from one side" in panel.note.text()
    session.undo()
    qtbot.waitUntil(lambda: not window.document.busy)
    assert window.document.original is half
    assert session.state == state
    assert view._paint is None
    assert not view.doubt.isVisible()


@pytest.mark.gl
def test_a_depth_picture_opens_completed_and_its_field_of_view_can_be_said(
    qtbot, window, tmp_path, monkeypatch
):
    monkeypatch.setattr(cell_fit, "SIFTING", 1)  # how well it is completed is no matter here
    monkeypatch.setattr(cell_fit, "LONG", 3)
    session, panel = window.document.session, window.image_panel
    solid = window.document.model.decode(window.document.model.sample("sofa", 2)[0]) > 0.5
    depth = depth_of(solid, 30, 25, 2.5, lens_of_angle((160, 120), 58), (160, 120))
    path = tmp_path / "sofa.png"
    Image.fromarray(np.rint(1000 * depth).astype(np.uint16)).save(path)
    first = session.state
    window.open_paths([path])
    qtbot.waitUntil(lambda: window.document.original is not None)
    qtbot.waitUntil(lambda: not window.document.busy)
    opened = window.document.original
    assert opened.result.source_kind == "depth"
    assert window.viewport.shown_layers == SHAPE
    assert (window.viewport._paint == UNSEEN).all(1).any()
    assert "one side" in panel.note.text()
    assert panel.method.text().startswith("Depth picture, seen as")
    assert panel.second.image().width() == 160
    assert panel.angle.isVisible()
    assert not panel.complete.isVisible()  # its camera is known
    assert panel.angle.value() == pytest.approx(58, abs=0.5)

    panel.angle.setValue(90)
    qtbot.keyClick(panel.angle, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.document.original is not opened)
    qtbot.waitUntil(lambda: not window.document.busy)
    wide = window.document.original.result.scan
    assert wide.deep.lens.angle(160) == pytest.approx(90)
    assert session.undo_text == "field of view of sofa.png"
    assert panel.angle.value() == 90
    session.undo()
    qtbot.waitUntil(lambda: not window.document.busy)
    assert window.document.original is opened
    assert panel.angle.value() == pytest.approx(58, abs=0.5)

    button = next(
        each
        for each in panel.pose.findChildren(QToolButton)
        if each.accessibleName() == "Turn left"
    )
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: window.document.original is not opened)
    qtbot.waitUntil(lambda: not window.document.busy)
    turned = window.document.original.result
    x, y, _ = opened.result.scan.eye
    assert turned.scan.eye[:2] == pytest.approx((-y, x))
    assert turned.unknown is not None  # completed once more, from there
    while session.undo_text:
        session.undo()
    qtbot.waitUntil(lambda: not window.document.busy)
    assert session.state == first
    assert window.viewport._paint is None
