"""What in a depth picture is the object, said by the mouse in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt

from shapelab.core.inputs.depth.depth_picture import lens_of_angle
from shapelab.core.model.fits import cell_fit
from tests.gui.cutout.test_picture_link import draw_box, editor, settle
from tests.shapes import box, chair, depth_of

pytestmark = pytest.mark.gl
LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
SIZE = (200, 120)
CHAIR, TABLE = slice(0, 110), slice(110, 200)  # columns


@pytest.fixture
def two_things(tmp_path):
    """A chair, and on its right a smaller block, as a camera of 58° sees them."""
    lens = lens_of_angle(SIZE, 58)
    block = box(32, (-6, -6, -8), (6, 6, 8)) < 0
    depth = np.zeros(SIZE[::-1], np.float32)
    for solid, away, columns in ((chair(32) > 0.5, 2.2, -48), (block, 2.8, 48)):
        seen = np.roll(depth_of(solid, 30, 25, away, lens, SIZE), columns, 1)
        depth = np.where(seen > 0, seen, depth)
    Image.fromarray(np.rint(1000 * depth).astype(np.uint16)).save(tmp_path / "two.png")
    return tmp_path / "two.png", depth > 0


def test_a_box_and_strokes_say_what_in_a_depth_picture_is_the_object(
    qtbot, window, two_things, monkeypatch
):
    monkeypatch.setattr(cell_fit, "SIFTING", 1)  # how well it is completed is no matter here
    monkeypatch.setattr(cell_fit, "LONG", 3)
    path, there = two_things
    session, panel = window.document.session, window.image_panel

    def deep():
        return window.document.original.result.scan.deep

    window.open_paths([path])
    qtbot.waitUntil(lambda: window.document.original is not None)
    settle(qtbot, window)
    first, state = window.document.original, session.state
    assert deep().mask[:, CHAIR].any()
    assert not deep().mask[:, TABLE].any(), "the larger one is taken"
    assert panel.correct.isVisible()
    assert window.actions_["correct"].isEnabled()

    dialog = editor(qtbot, window, panel.correct)
    for name in ("crop", "straighten", "flip", "rotate-left"):
        assert not dialog.action(name).isVisible()
    assert not dialog.edges.isVisible()
    assert not dialog.make.isEnabled()
    draw_box(qtbot, dialog, (0.57, 0.1), (0.98, 0.95))
    own = there.copy()
    own[:, CHAIR] = False
    assert np.array_equal(dialog._preview.found.mask, own), "no ground beside it"
    # What is erased is gone, and undo brings it back.
    rows, columns = np.nonzero(own)
    middle = rows.mean() / SIZE[1], columns.mean() / SIZE[0]
    dialog.action("eraser").trigger()
    press(qtbot, dialog, middle)
    less = dialog._preview.found.mask
    assert 0 < (own & ~less).sum() < own.sum() / 2
    assert not less[round(rows.mean()), round(columns.mean())]
    qtbot.keyClick(dialog.canvas, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: not dialog.busy)
    assert np.array_equal(dialog._preview.found.mask, own)
    # A box in which nothing stands says so.
    draw_box(qtbot, dialog, (0.02, 0.02), (0.06, 0.06))
    assert "too little of what is in the box" in dialog.problem.text()
    assert not dialog.make.isEnabled()
    qtbot.keyClick(dialog.canvas, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: not dialog.busy)
    qtbot.mouseClick(dialog.make, LEFT)
    qtbot.waitUntil(lambda: window.document.original is not first)
    settle(qtbot, window)
    assert np.array_equal(deep().mask, own)
    assert session.undo_text == "cut-out of two.png"
    assert window.document.original.result.unknown is not None
    assert "What was said to be the object was taken" in panel.note.text()

    # The editor goes on from there; a field of view keeps what was said.
    dialog = editor(qtbot, window, panel.correct)
    assert np.array_equal(dialog._preview.found.mask, own)
    dialog.reject()
    second = window.document.original
    panel.angle.setValue(70)
    qtbot.keyClick(panel.angle, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.document.original is not second)
    settle(qtbot, window)
    assert np.array_equal(deep().mask, own)
    session.undo()
    session.undo()
    settle(qtbot, window)
    assert (window.document.original, session.state) == (first, state)


def press(qtbot, dialog, place):
    """A click at a place, in shares of the picture's height and width."""
    canvas = dialog.canvas
    y, x = place
    shown = QPointF(x * canvas._image.width(), y * canvas._image.height())
    qtbot.mouseClick(canvas, LEFT, pos=canvas.to_widget(shown).toPoint())
    qtbot.waitUntil(lambda: not dialog.busy)
