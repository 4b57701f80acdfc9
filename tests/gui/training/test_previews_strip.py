"""The strip of previews: which shapes are shown, where, and what a click hands over."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from shapelab.core.runs.previews import preview_path
from shapelab.gui.training.previews_strip import PreviewsStrip
from trainer.report import previews

LEFT = Qt.MouseButton.LeftButton


def balls(count, side=16):
    """Balls that grow; the first one is empty."""
    axis = np.arange(side) - side / 2 + 0.5
    far = np.sqrt(sum(np.square(each) for each in np.meshgrid(axis, axis, axis)))
    return np.stack([(far < radius).astype(np.float32) for radius in range(count)])


@pytest.fixture
def folder(tmp_path):
    for step in (10, 20):
        rows = {"held out": balls(3), "samples": balls(4)[:: 1 if step == 10 else -1]}
        previews.write(tmp_path, step, rows)
    return tmp_path


@pytest.fixture
def strip(qtbot, threads_end):
    strip = PreviewsStrip()
    qtbot.addWidget(strip)
    strip.resize(420, 110)
    strip.show()
    yield strip
    strip.stop()
    threads_end()


def show(qtbot, strip, folder, step):
    strip.show_step(folder, step)
    qtbot.waitUntil(lambda: strip.shown is not None and strip.shown.step == step)


def click(qtbot, strip, index):
    qtbot.mouseClick(strip, LEFT, pos=strip.rects()[index].center())


def test_a_click_hands_over_the_very_shape(qtbot, strip, folder):
    clicked = []
    strip.clicked.connect(lambda grid, words: clicked.append((grid, words)))
    show(qtbot, strip, folder, 10)
    click(qtbot, strip, 3)
    grid, words = clicked[0]
    np.testing.assert_array_equal(grid, balls(4)[3] > 0.5)
    assert words == "preview of step 10: drawn at random 4"
    strip.set_row("held out")
    click(qtbot, strip, 2)
    np.testing.assert_array_equal(clicked[1][0], balls(3)[2] > 0.5)
    assert clicked[1][1] == "preview of step 10: originals 3"


def test_nothing_solid_is_nothing_to_show(qtbot, strip, folder):
    show(qtbot, strip, folder, 10)
    with qtbot.assertNotEmitted(strip.clicked):
        click(qtbot, strip, 0)
        qtbot.mouseClick(strip, LEFT, pos=QPoint(strip.width() - 1, strip.height() - 1))


def test_keys_choose_and_open(qtbot, strip, folder):
    show(qtbot, strip, folder, 10)
    for _ in range(3):
        qtbot.keyClick(strip, Qt.Key.Key_Right)
    with qtbot.waitSignal(strip.clicked) as told:
        qtbot.keyClick(strip, Qt.Key.Key_Return)
    assert told.args[1].endswith("3")


def test_the_newest_request_is_left_standing(qtbot, strip, folder):
    strip.show_step(folder, 10)
    strip.show_step(folder, 20)
    qtbot.waitUntil(lambda: strip.shown is not None)
    show(qtbot, strip, folder, 20)
    strip.show_step(folder, 10)
    qtbot.waitUntil(lambda: strip.shown.step == 10)
    strip.show_step(folder, 20)
    assert strip.shown.step == 20  # known by now: at once


def test_tiles_are_cut_out_of_the_picture(qtbot, strip, folder):
    show(qtbot, strip, folder, 10)
    full = strip.shown.tile("samples", 3)
    empty = strip.shown.tile("samples", 0)
    assert (full.width(), full.height()) == (128, 128)
    assert empty.pixelColor(64, 64) == empty.pixelColor(0, 0)
    assert full.pixelColor(64, 64) != full.pixelColor(0, 0)


def test_cards_lie_inside_and_apart(qtbot, strip, folder):
    show(qtbot, strip, folder, 10)
    for width, height in ((420, 110), (220, 260), (130, 300)):
        strip.resize(width, height)
        rects = strip.rects()
        assert len(rects) == 4
        assert all(strip.rect().contains(rect) for rect in rects)
        assert not any(a.intersects(b) for a in rects for b in rects if a is not b)


@pytest.mark.parametrize(
    ("suffix", "words"), [(None, "no shapes"), (".png", "is damaged"), (".npz", "is damaged")]
)
def test_a_preview_that_cannot_be_read_says_so_in_its_place(qtbot, strip, folder, suffix, words):
    show(qtbot, strip, folder, 10)
    if suffix is not None:
        path = preview_path(folder, 20).with_suffix(suffix)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3] * (suffix == ".npz"))
    strip.show_step(folder, 999 if suffix is None else 20)
    qtbot.waitUntil(lambda: words in strip.empty_text)
    assert strip.rects() == []
    told = strip.grab().toImage()
    strip.clear()
    assert told != strip.grab().toImage()  # it can be seen
    show(qtbot, strip, folder, 10)
    assert len(strip.rects()) == 4
