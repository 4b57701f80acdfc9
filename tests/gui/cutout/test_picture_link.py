"""Arguing with a picture in the real window: cut-out, class, other shapes, and undo of each."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt

pytestmark = pytest.mark.gl
LEFT = Qt.MouseButton.LeftButton


def settle(qtbot, window):
    """Waits until nothing is being read or drawn and the newest shape is shown."""
    panel = window.image_panel
    qtbot.waitUntil(lambda: not (window.document.busy or panel.overlay.busy or panel.doubt.busy))


def chair(path):
    """A chair's silhouette from the side beside a ball, before a grained wall."""
    pixels = np.full((200, 240, 3), (120, 140, 120), np.float64)
    for x0, x1, y0, y1 in ((40, 54, 20, 160), (40, 126, 90, 106), (112, 126, 90, 160)):
        pixels[y0:y1, x0:x1] = (130, 70, 40)
    pixels[60:110, 170:220] = (130, 70, 40)
    pixels += np.random.default_rng(0).normal(0, 5, (200, 240, 1))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return path


def open_picture(qtbot, window, path):
    window.open_paths([path])
    qtbot.waitUntil(lambda: not window.document.busy)
    settle(qtbot, window)


def editor(qtbot, window, button):
    qtbot.mouseClick(button, LEFT)
    dialog = window.pictures.dialog
    qtbot.waitUntil(lambda: not dialog.busy)
    return dialog


def draw_box(qtbot, dialog, low, high):
    """With the mouse, between two places in shares of the picture."""
    canvas = dialog.canvas
    size = canvas._image.size()
    ends = [
        canvas.to_widget(QPointF(x * size.width(), y * size.height())).toPoint()
        for x, y in (low, high)
    ]
    dialog.action("box").trigger()
    qtbot.mousePress(canvas, LEFT, pos=ends[0])
    qtbot.mouseMove(canvas, ends[1])
    qtbot.mouseRelease(canvas, LEFT, pos=ends[1])
    qtbot.waitUntil(lambda: not dialog.busy)


def test_a_picture_is_corrected_told_and_chosen_and_undo_leads_back(qtbot, window, tmp_path):
    session, panel = window.document.session, window.image_panel
    assert not window.actions_["correct"].isEnabled()
    open_picture(qtbot, window, chair(tmp_path / "two things.png"))
    first, state = window.document.original, session.state
    assert window.actions_["correct"].isEnabled()
    assert panel.overlay.slider.isVisible()
    assert not panel.overlay.pane.outline.isEmpty()

    # a box round the chair alone
    dialog = editor(qtbot, window, panel.correct)
    draw_box(qtbot, dialog, (0.1, 0.05), (0.6, 0.9))
    qtbot.mouseClick(dialog.make, LEFT)
    settle(qtbot, window)
    corrected = window.document.original
    assert session.undo_text == "cut-out of two things.png"
    assert session.state != state
    assert session.state.origin == "picture two things.png"
    assert len(corrected.result.prepared.edit.steps) == 1
    assert panel.note.text() == "It was cut out by hand."
    alone = corrected.result.prepared.rgba[..., 3] > 127
    rows, columns = np.nonzero(alone)
    assert np.ptp(columns) < 0.75 * np.ptp(rows)

    # told that it is a table: a shape of that class, cut out as it was
    if panel.doubt.chips[0].guess.name != "table":
        panel.doubt.class_told.emit("table")
    settle(qtbot, window)
    told = window.document.original
    assert (session.state.class_name, told.result.told_class) == ("table", "table")
    assert told.result.prepared is corrected.result.prepared
    assert session.undo_text == "two things.png as table"

    # another shape of the same fit
    card = next(card for card in panel.doubt.cards if not card.isChecked())
    qtbot.mouseClick(card, LEFT)
    settle(qtbot, window)
    assert window.document.original.result.chosen == card.index
    hypothesis = told.result.fit.hypotheses[card.index]
    assert np.array_equal(session.latent, hypothesis.latent)
    assert session.undo_text == "other shape of two things.png"

    # each is one step
    for original in (told, corrected, first):
        session.undo()
        settle(qtbot, window)
        assert window.document.original is original
    assert session.state == state
    for _ in range(3):
        session.redo()
    settle(qtbot, window)
    assert window.document.original.result.chosen == card.index
    assert window.toasts.visible == ()


def test_a_picture_of_nothing_is_one_click_from_its_box(qtbot, window, tmp_path):
    session, panel = window.document.session, window.image_panel
    state = session.state
    Image.new("RGB", (320, 240), (90, 120, 90)).save(tmp_path / "wall.png")
    open_picture(qtbot, window, tmp_path / "wall.png")
    assert panel.missing.isVisible()
    assert "wall.png" in panel.missing.text()
    assert session.state == state
    qtbot.mouseClick(panel.dismiss, LEFT)
    assert not panel.missing.isVisible()
    open_picture(qtbot, window, tmp_path / "wall.png")
    dialog = editor(qtbot, window, panel.draw_box)
    dialog.edges.setChecked(False)
    draw_box(qtbot, dialog, (0.3, 0.2), (0.6, 0.8))
    qtbot.mouseClick(dialog.make, LEFT)
    settle(qtbot, window)
    assert session.state.origin == "picture wall.png"
    assert window.document.original.result.prepared.method == "corrected"
    session.undo()
    settle(qtbot, window)
    assert session.state == state
    assert window.document.original is None


def test_an_open_editor_ends_with_its_window(qtbot, window, tmp_path):
    open_picture(qtbot, window, chair(tmp_path / "chair.png"))
    window.actions_["correct"].trigger()
    assert window.pictures.dialog is not None
    window.close()
    assert window.pictures.dialog is None
