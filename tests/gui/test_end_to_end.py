"""The whole job with real widgets and the real model: start, explore, drop, morph, undo, export."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from shapelab.core.mesh import formats
from shapelab.core.mesh.print_check import check

pytestmark = pytest.mark.gl
WAIT_MS = 60_000
LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def chair_picture(tmp_path):
    """A chair seen from the front right: flat shaded boxes, painted back to front, with alpha."""
    size = 256
    pixels = np.zeros((size, size, 4), np.uint8)
    rows, columns = np.mgrid[0:size, 0:size]
    for (x0, x1), (y0, y1), slant, shade in (
        ((90, 180), (30, 130), 0.0, 150),  # back
        ((84, 96), (130, 230), 0.0, 70),  # far legs
        ((170, 182), (120, 215), 0.0, 70),
        ((70, 180), (122, 150), 0.15, 190),  # seat
        ((70, 84), (150, 245), 0.0, 100),  # near legs
        ((158, 172), (140, 238), 0.0, 100),
    ):
        top = rows + slant * (columns - x0)
        inside = (columns >= x0) & (columns < x1) & (top >= y0) & (top < y1)
        pixels[inside] = (shade, int(shade * 0.8), int(shade * 0.6), 255)
    path = tmp_path / "chair.png"
    Image.fromarray(pixels).save(path)
    return path


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not window.document.busy, timeout=WAIT_MS)


def drag_to(slider, value):
    """Takes the knob with the mouse, moves it in steps and lets it go."""
    y = slider.height() // 2
    start, end = slider.x_of(slider.value()), slider.x_of(value)
    QTest.mousePress(slider, LEFT, PLAIN, QPoint(round(start), y))
    for share in (0.25, 0.5, 0.75, 1.0):
        QTest.mouseMove(slider, QPoint(round(start + share * (end - start)), y))
    QTest.mouseRelease(slider, LEFT, PLAIN, QPoint(round(end), y))


def drop_on(widget, path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    at = QPointF(widget.rect().center())
    copy = Qt.DropAction.CopyAction
    QApplication.sendEvent(widget, QDragEnterEvent(at.toPoint(), copy, data, LEFT, PLAIN))
    QApplication.sendEvent(widget, QDropEvent(at, copy, data, LEFT, PLAIN))


def export_stl(qtbot, window, path, monkeypatch):
    """Clicks through the export dialog until the file is written."""
    window.actions_["export"].trigger()
    dialog = window.commands.export_dialog
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args, **_names: (str(path), ""))
    qtbot.waitUntil(dialog.save.isEnabled, timeout=WAIT_MS)
    QTest.mouseClick(dialog.save, LEFT)
    qtbot.waitUntil(lambda: not dialog.saving, timeout=WAIT_MS)
    assert dialog.verdict.good, dialog.verdict.text()
    dialog.close()


def test_start_slider_drop_morph_undo_export(qtbot, window, chair_picture, tmp_path, monkeypatch):
    session, viewport = window.document.session, window.viewport

    # start: a shape of the shipped model is on screen
    first = viewport.mesh
    assert len(first.faces) > 100
    assert first.volume > 0

    # explore: the shape follows the slider, and one drag is one step of the history
    row = window.latent_panel.directions[0]
    drag_to(row.slider, row.slider.maximum())
    settle(qtbot, window)
    assert session.state.coefficients[0] > 2
    dragged = viewport.mesh
    assert dragged is not first
    assert not np.array_equal(dragged.vertices, first.vertices)
    assert session.undo_text

    # picture in
    explored = session.state
    drop_on(viewport.childAt(viewport.rect().center()) or viewport, chair_picture)
    settle(qtbot, window)
    assert session.state.origin == "picture chair.png"
    assert window.image_panel.first.image is not None
    assert not np.array_equal(viewport.mesh.vertices, dragged.vertices)
    assert window.toasts.visible == ()

    # morph between what was explored and the picture's shape
    morph = window.morph_panel
    QTest.mouseClick(morph.cards[1].pin, LEFT)
    session.show(explored.latent(session.model), explored.origin, explored.class_name)
    QTest.mouseClick(morph.cards[0].pin, LEFT)
    before_morph = session.state
    drag_to(morph.slider, morph.slider.maximum() // 2)
    settle(qtbot, window)
    half = session.state
    assert half.origin.startswith("morph")
    assert not np.array_equal(session.latent, before_morph.latent(session.model))

    # undo the morph, redo it
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.state == before_morph
    window.actions_["redo"].trigger()
    settle(qtbot, window)
    assert session.state == half

    # export what is shown; the file is closed, manifold and of the size that was asked
    path = tmp_path / "half way.stl"
    export_stl(qtbot, window, path, monkeypatch)
    settle(qtbot, window)
    part = formats.decode(path.read_bytes(), ".stl")
    verdict = check(part)
    assert verdict.closed
    assert verdict.manifold
    assert verdict.outward
    assert verdict.volume_mm3 > 0
    assert max(verdict.size_mm) == pytest.approx(80, abs=0.01)
    assert part.vertices[:, 2].min() == pytest.approx(0, abs=1e-4)
    shown = viewport.mesh.extents / viewport.mesh.extents.max()
    np.testing.assert_allclose(part.extents / part.extents.max(), shown, atol=0.02)

    # close: nothing is left running (the guard in conftest.py looks)
    window.close()
    assert not window.isVisible()
