"""The cut-out editor, driven by the mouse and by the keyboard alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QDialog, QPushButton

from shapelab.core.inputs import cutout, images
from shapelab.core.inputs.cutout_edit import (
    UNCHANGED,
    AsIs,
    Box,
    Brush,
    CutoutEdit,
    GivenMask,
    Grow,
    Invert,
    Lasso,
    Pick,
)
from shapelab.core.model.spec import ModelSpec
from shapelab.gui.cutout import cutout_dialog
from shapelab.gui.cutout.cutout_dialog import CutoutDialog
from tests import fake_rembg
from tests.table_photo import HEIGHT, WIDTH, photo, prepared, table

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
SPEC = ModelSpec(image_size=64, image_mode="LA")


def picture(found, method="grabcut"):
    """The photo of a table, with the mask that was found of it."""
    return prepared(photo(table()), found, method)


@pytest.fixture
def opened(qtbot, threads_end):
    """Opens an editor and ends it afterwards."""
    dialogs = []

    def open_(found, method="grabcut", spec=SPEC):
        dialog = CutoutDialog(picture(found, method), spec, "table.png")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialogs.append(dialog)
        dialog.show()
        dialog.activateWindow()
        qtbot.waitUntil(dialog.isActiveWindow)
        settle(qtbot, dialog)
        return dialog

    yield open_
    for dialog in dialogs:
        dialog.stop()
    threads_end()


def settle(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog.busy)


def place(dialog, x, y):
    """A pixel of the picture, as it was read, in the widget."""
    canvas, edit = dialog.canvas, dialog.edit
    shown = edit.to_shown(np.array([(x, y)], float) / WIDTH, (1.0, HEIGHT / WIDTH)) * WIDTH
    return canvas.to_widget(QPointF(*shown[0])).toPoint()


def draw(qtbot, dialog, *pixels):
    """A drag of the left button along pixels of the picture."""
    points = [place(dialog, *pixel) for pixel in pixels]
    qtbot.mousePress(dialog.canvas, LEFT, pos=points[0])
    for point in points[1:]:
        qtbot.mouseMove(dialog.canvas, point)
    qtbot.mouseRelease(dialog.canvas, LEFT, pos=points[-1])
    settle(qtbot, dialog)


def tool(dialog, name):
    dialog.action(name).trigger()


def last_mask(dialog):
    """What the canvas shows as the object, (h, w) bool, as it is turned."""
    return dialog._preview.veil[..., 3] < 90


def without_leg():
    found = table()
    found[110:210, 88:104] = False
    return found


def test_a_dab_of_the_object_brush_brings_a_leg_back_and_makes_the_shape(qtbot, opened):
    dialog = opened(without_leg())
    assert not dialog.make.isEnabled()
    tool(dialog, "object")
    draw(qtbot, dialog, (96, 150), (96, 170))
    assert last_mask(dialog)[112:208, 92:100].all()
    assert isinstance(dialog.edit.steps[0], Brush)
    assert dialog.make.isEnabled()
    with qtbot.waitSignal(dialog.chosen) as chosen:
        qtbot.mouseClick(dialog.make, LEFT)
    assert chosen.args[0].edit == dialog.edit
    assert chosen.args[0].method == "corrected"
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_undo_and_redo_go_through_the_strokes(qtbot, opened):
    dialog = opened(without_leg())
    tool(dialog, "object")
    draw(qtbot, dialog, (96, 150), (96, 170))
    qtbot.keyClick(dialog.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, dialog)
    assert dialog.edit == UNCHANGED
    assert (last_mask(dialog) == without_leg()).all()
    assert not dialog.make.isEnabled()
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(dialog.canvas, Qt.Key.Key_Z, both)
    settle(qtbot, dialog)
    assert last_mask(dialog)[112:208, 92:100].all()
    qtbot.mouseClick(dialog.start_over, LEFT)
    settle(qtbot, dialog)
    assert dialog.edit == UNCHANGED
    assert dialog.action("undo").isEnabled()


def test_nothing_is_cut_on_the_windows_thread(qtbot, opened, monkeypatch):
    threads, grabcut = [], cutout.grabcut

    def noted(*given):
        threads.append(threading.current_thread())
        return grabcut(*given)

    monkeypatch.setattr(cutout, "grabcut", noted)
    dialog = opened(without_leg())
    tool(dialog, "object")
    draw(qtbot, dialog, (96, 150))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


@pytest.mark.parametrize("turned", [(), ("rotate-left",), ("flip", "rotate-right")])
def test_what_is_drawn_is_where_the_mouse_was_however_the_picture_is_shown(qtbot, opened, turned):
    dialog = opened(table())
    for name in turned:
        tool(dialog, name)
    settle(qtbot, dialog)
    dialog.canvas.zoom_by(2.0)
    tool(dialog, "box")
    draw(qtbot, dialog, (100, 90), (180, 130))
    box = dialog.edit.steps[-1]
    assert isinstance(box, Box)
    found = np.array([box.x, box.y, box.width, box.height]) * WIDTH
    assert found == pytest.approx([100, 90, 80, 40], abs=1.5)
    tool(dialog, "pick")
    draw(qtbot, dialog, (150, 100))
    pick = dialog.edit.steps[-1]
    assert isinstance(pick, Pick)
    assert np.array([pick.x, pick.y]) * WIDTH == pytest.approx([150, 100], abs=1.0)


def test_a_line_along_an_edge_straightens_and_what_is_drawn_then_is_where_the_mouse_was(
    qtbot, opened
):
    dialog = opened(without_leg())
    tool(dialog, "straighten")
    draw(qtbot, dialog, (80, 100), (120, 104), (240, 116))
    assert dialog.edit.steps == ()
    assert dialog.edit.tilt == pytest.approx(5.71, abs=0.3)  # pixels of the screen are whole
    assert last_mask(dialog).shape[0] > HEIGHT
    ends = np.array([(80, 100), (240, 116)], float) / WIDTH
    level = dialog.edit.to_shown(ends, (1.0, HEIGHT / WIDTH))[:, 1] * WIDTH
    assert np.ptp(level) < 1
    tool(dialog, "object")
    draw(qtbot, dialog, (96, 150), (96, 170))
    wanted = CutoutEdit(tilt=dialog.edit.tilt).shown(table().astype(np.uint8) * 255) > 127
    assert cutout_iou(last_mask(dialog), wanted) > 0.97
    tool(dialog, "box")
    dialog.edges.setChecked(False)
    draw(qtbot, dialog, (60, 60), (260, 225))
    box = dialog.edit.steps[-1]
    assert isinstance(box, Lasso)  # askew in the picture, but not where it was drawn
    rows, columns = np.nonzero(last_mask(dialog))
    shown = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert len(rows) == pytest.approx(shown, rel=0.02)
    qtbot.keyClick(dialog.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    for _ in range(2):
        dialog.action("undo").trigger()
    settle(qtbot, dialog)
    assert dialog.edit == UNCHANGED
    tool(dialog, "straighten")
    draw(qtbot, dialog, (80, 100), (81, 100))  # a click that was not meant
    assert dialog.edit == UNCHANGED


def cutout_iou(mask, wanted):
    return (mask & wanted).sum() / (mask | wanted).sum()


def test_lasso_eraser_and_crop_mean_what_they_say(qtbot, opened):
    dialog = opened(table())
    tool(dialog, "lasso")
    dialog.edges.setChecked(False)
    draw(qtbot, dialog, (60, 60), (260, 60), (260, 220), (60, 220))
    lasso = dialog.edit.steps[-1]
    assert isinstance(lasso, Lasso)
    assert not lasso.find_edges
    assert last_mask(dialog)[65:215, 65:255].all()
    tool(dialog, "eraser")
    assert not dialog.edges.isVisible()
    draw(qtbot, dialog, (100, 140), (220, 140))
    eraser = dialog.edit.steps[-1]
    assert (eraser.is_object, eraser.find_edges) == (False, False)
    assert not last_mask(dialog)[139:141, 110:210].any()
    tool(dialog, "crop")
    draw(qtbot, dialog, (80, 40), (200, 200))
    assert np.array(dialog.edit.crop) * WIDTH == pytest.approx([80, 40, 120, 160], abs=1.5)
    assert not last_mask(dialog)[:, 203:].any()
    draw(qtbot, dialog, (90, 50))  # a click crops nothing
    assert dialog.edit.crop is None


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("invert", (Invert(),)),
        ("grow", (Grow(1 / 256),)),
        ("shrink", (Grow(-1 / 256),)),
        ("rotate-left", CutoutEdit(turns=1)),
        ("rotate-right", CutoutEdit(turns=3)),
        ("flip", CutoutEdit(flipped=True)),
    ],
)
def test_a_command_is_one_step(qtbot, opened, name, steps):
    dialog = opened(table())
    tool(dialog, name)
    settle(qtbot, dialog)
    assert dialog.edit == (steps if isinstance(steps, CutoutEdit) else CutoutEdit(steps))
    tool(dialog, "undo")
    assert dialog.edit == UNCHANGED


def test_it_works_by_keyboard_alone(qtbot, opened):
    dialog = opened(table())
    canvas = dialog.canvas
    qtbot.keyClick(canvas, Qt.Key.Key_E)  # the eraser
    for _ in range(4):
        qtbot.keyClick(canvas, Qt.Key.Key_Up)
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    assert canvas.drawing
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)  # gives the line up, not the dialog
    assert not canvas.drawing
    assert dialog.isVisible()
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    for _ in range(3):
        qtbot.keyClick(canvas, Qt.Key.Key_Right)
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    settle(qtbot, dialog)
    eraser = dialog.edit.steps[0]
    assert eraser.is_object is False
    line = np.array(eraser.line) * WIDTH
    assert line[0] == pytest.approx([160, 120 - 4 * WIDTH / 40], abs=0.5)
    assert line[-1] == pytest.approx([160 + 3 * WIDTH / 40, 120 - 4 * WIDTH / 40], abs=0.5)
    assert not last_mask(dialog)[88, 165:180].any()
    width = canvas.brush
    qtbot.keyClick(canvas, Qt.Key.Key_BracketRight)
    assert canvas.brush > width
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_wheel_zooms_about_the_mouse_and_the_middle_button_moves(qtbot, opened):
    dialog = opened(table())
    canvas = dialog.canvas
    at = QPointF(place(dialog, 100, 90))
    held = canvas.to_shown(at)
    turn = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, turn)
    assert canvas.zoom == pytest.approx(1.25**2)
    now = canvas.to_shown(at)
    assert (now.x(), now.y()) == pytest.approx((held.x(), held.y()), abs=1e-6)
    qtbot.mousePress(canvas, MIDDLE, pos=at.toPoint())
    qtbot.mouseMove(canvas, at.toPoint() + QPoint(30, 10))
    qtbot.mouseRelease(canvas, MIDDLE, pos=at.toPoint() + QPoint(30, 10))
    moved = canvas.to_widget(held) - at
    assert (moved.x(), moved.y()) == pytest.approx((30, 10), abs=1)
    assert dialog.edit == UNCHANGED
    tool(dialog, "fit")
    assert canvas.zoom == 1.0


@pytest.mark.parametrize(("mode", "panes"), [("LA", 2), ("RGB", 1), ("RGBA", 2)])
def test_beside_it_stands_what_the_image_encoder_gets(qtbot, opened, mode, panes):
    spec = ModelSpec(image_size=64, image_mode=mode)
    dialog = opened(table(), spec=spec)
    tool(dialog, "invert")
    settle(qtbot, dialog)
    shown = [pane.image() for pane in dialog.inputs if not pane.image().isNull()]
    assert [(image.width(), image.height()) for image in shown] == [(64, 64)] * panes
    made = dialog._preview.found
    seen = images.to_input(made.rgba, spec, made.scene)
    middle = QPoint(32, 5)
    expected = round(255 * float(seen[-1, 5, 32]))
    assert shown[-1].pixelColor(middle).blue() == pytest.approx(expected, abs=1)


def test_where_nothing_is_left_it_says_so_and_makes_no_shape(qtbot, opened):
    dialog = opened(np.zeros((HEIGHT, WIDTH), bool), "nothing")
    assert dialog.problem.text() == "No object found in the picture: draw a box round it."
    assert not dialog.make.isEnabled()
    assert dialog.canvas.tool == "box"
    draw(qtbot, dialog, (70, 70), (250, 220))
    assert dialog.problem.text() == ""
    assert dialog.make.isEnabled()
    mask = last_mask(dialog)
    assert (mask & table()).sum() / (mask | table()).sum() > 0.93


def test_as_is_and_a_mask_from_a_file_are_steps(qtbot, opened, tmp_path):
    dialog = opened(table())
    qtbot.mouseClick(dialog.as_is, LEFT)
    settle(qtbot, dialog)
    assert dialog.edit.steps == (AsIs(),)
    assert last_mask(dialog).all()
    half = np.zeros((HEIGHT, WIDTH), np.uint8)
    half[:, :160] = 255
    Image.fromarray(half).save(tmp_path / "half.png")
    dialog.read_mask(tmp_path / "half.png")
    settle(qtbot, dialog)
    assert isinstance(dialog.edit.steps[1], GivenMask)
    assert (last_mask(dialog) == (half > 0)).all()
    dialog.read_mask(tmp_path / "none.png")
    settle(qtbot, dialog)
    assert "There is no file" in dialog.problem.text()
    assert len(dialog.edit.steps) == 2


def test_a_correction_goes_on_from_the_one_before(qtbot, opened):
    first = opened(without_leg())
    tool(first, "object")
    draw(qtbot, first, (96, 150))
    again = CutoutDialog(first._preview.found, SPEC, "table.png")
    again.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(again)
    settle(qtbot, again)
    assert again.edit == first.edit
    assert (last_mask(again) == last_mask(first)).all()
    assert not again.make.isEnabled()
    qtbot.mouseClick(again.start_over, LEFT)
    settle(qtbot, again)
    assert again.make.isEnabled()
    assert again._preview.found.method == "grabcut"
    again.reject()


@pytest.mark.parametrize("name", ["box", "lasso", "background"])
def test_what_is_drawn_far_outside_can_be_opened_again(qtbot, opened, name):
    dialog = opened(table())
    tool(dialog, name)
    qtbot.mousePress(dialog.canvas, LEFT, pos=place(dialog, 96, 150))
    for far in (QPoint(-20_000, -20_000), QPoint(-20_000, 20_000), QPoint(20_000, 20_000)):
        qtbot.mouseMove(dialog.canvas, far)
    qtbot.mouseRelease(dialog.canvas, LEFT, pos=QPoint(20_000, 20_000))
    settle(qtbot, dialog)
    assert len(dialog.edit.steps) == 1
    assert CutoutEdit.from_dict(dialog.edit.to_dict()) == dialog.edit


def test_no_more_is_drawn_than_can_be_opened_again(qtbot, opened, monkeypatch):
    monkeypatch.setattr(cutout_dialog, "MOST_STEPS", 2)
    dialog = opened(table())
    for _ in range(3):
        dialog.action("invert").trigger()
        settle(qtbot, dialog)
    assert dialog.edit.steps == (Invert(), Invert())
    assert dialog.problem.text() == "A cut-out takes 2 corrections; undo some, or start over."
    dialog.action("undo").trigger()
    settle(qtbot, dialog)
    assert dialog.problem.text() == ""


def test_every_tool_and_command_has_a_key_and_says_it(opened):
    dialog = opened(table())
    names = [name for name in dialog._actions if dialog.action(name).shortcut().isEmpty()]
    assert names == []
    keys = [action.shortcut().toString() for action in dialog._actions.values()]
    assert len(set(keys)) == len(keys)
    assert all(button.text() for button in dialog.findChildren(QPushButton))


def test_rembg_is_offered_where_it_has_a_model(qtbot, opened, monkeypatch, tmp_path):
    assert not opened(without_leg()).by_rembg.isVisible()
    fake_rembg.install(monkeypatch, tmp_path)
    dialog = opened(without_leg())
    assert "u2net" in dialog.by_rembg.toolTip()
    qtbot.mouseClick(dialog.by_rembg, LEFT)
    assert not dialog.by_rembg.isEnabled()
    settle(qtbot, dialog)
    qtbot.waitUntil(lambda: not dialog.busy)
    assert isinstance(dialog.edit.steps[0], GivenMask)
    assert last_mask(dialog)[112:208, 90:102].mean() > 0.9
    assert dialog.by_rembg.isEnabled()
    tool(dialog, "undo")
    assert dialog.edit == UNCHANGED
