"""Class guesses as chips, hypotheses as cards, and the shape laid over its photo."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage

from shapelab.core.inputs.reconstruct import ClassGuess
from shapelab.core.mesh.meshing import AUTOMATIC
from shapelab.core.model.camera import Camera
from shapelab.core.model.silhouette_fit import Fit, Hypothesis
from shapelab.gui.panels.doubt_box import DoubtBox
from shapelab.gui.panels.photo_overlay import PIXELS, PhotoOverlay, ViewRequest

LEFT = Qt.MouseButton.LeftButton
FRONT = Camera(-np.pi / 2, 0.0, 2.5, 0.0, (0.0, 0.0, 0.5))
GUESSES = (ClassGuess("chair", 0.84), ClassGuess("sofa", 0.1), ClassGuess("table", 0.003))


class Blocks:
    """Decodes a number to a block as many cells wide."""

    def decode(self, latents):
        grids = np.zeros((len(latents), 32, 32, 32), np.float32)
        for grid, latent in zip(grids, latents, strict=True):
            half = int(latent[0]) // 2
            grid[16 - half : 16 + half, 12:20, 8:24] = 1
        return grids


def result(widths=(8, 16, 16, 26), chosen=0, told=None, taken="chair", guesses=GUESSES):
    hypotheses = tuple(
        Hypothesis(np.array([width], np.float32), (FRONT,), 0.9 - 0.1 * k, float(k))
        for k, width in enumerate(widths)
    )
    fit = Fit(hypotheses, 0.5) if hypotheses else None
    return SimpleNamespace(
        guesses=guesses, class_name=taken, told_class=told, fit=fit, chosen=chosen
    )


@pytest.fixture
def box(qtbot, threads_end):
    box = DoubtBox()
    qtbot.addWidget(box)
    box.resize(300, 300)
    with qtbot.waitExposed(box):
        box.show()
    yield box
    box.stop()
    threads_end()


def shown(qtbot, box, *given, **named):
    box.show_doubt(Blocks(), result(*given, **named))
    qtbot.waitUntil(lambda: not box.busy)


def test_guesses_are_chips_that_tell_their_class(qtbot, box):
    shown(qtbot, box)
    assert [chip.text() for chip in box.chips] == ["Chair 84%", "Sofa 10%"]
    assert [chip.isChecked() for chip in box.chips] == [True, False]
    with qtbot.waitSignal(box.class_told) as told:
        qtbot.mouseClick(box.chips[1], LEFT)
    assert told.args == ["sofa"]
    assert [chip.isChecked() for chip in box.chips] == [False, True]
    others = box.others.menu().actions()
    assert [action.text() for action in others] == ["Table"]
    with qtbot.waitSignal(box.class_told) as told:
        others[0].trigger()
    assert told.args == ["table"]


def test_what_was_told_can_be_taken_back(qtbot, box):
    shown(qtbot, box, told="table", taken="table")
    assert [chip.text() for chip in box.chips] == ["Table 0%", "Chair 84%", "Sofa 10%"]
    assert box.chips[0].isChecked()
    with qtbot.waitSignal(box.class_told) as told:
        qtbot.keyClick(box.chips[0], Qt.Key.Key_Space)
    assert told.args == [""]


def test_without_probabilities_names_alone_are_shown(qtbot, box):
    guesses = tuple(ClassGuess(name, None) for name in ("chair", "sofa", "table", "bed"))
    shown(qtbot, box, guesses=guesses)
    assert [chip.text() for chip in box.chips] == ["Chair", "Sofa", "Table"]
    assert [action.text() for action in box.others.menu().actions()] == ["Bed"]


def test_shapes_that_differ_are_cards_and_a_click_takes_one(qtbot, box):
    shown(qtbot, box)
    assert [card.index for card in box.cards] == [0, 1, 3]  # the third is the second
    assert [card.text() for card in box.cards] == ["90%", "80%", "60%"]
    assert [card.isChecked() for card in box.cards] == [True, False, False]
    with qtbot.waitSignal(box.hypothesis_chosen) as chosen:
        qtbot.mouseClick(box.cards[2], LEFT)
    assert chosen.args == [3]
    assert [card.isChecked() for card in box.cards] == [False, False, True]


def test_the_chosen_shape_has_a_card_even_if_another_is_like_it(qtbot, box):
    shown(qtbot, box, chosen=2)
    assert [card.index for card in box.cards if card.isChecked()] == [2]


def test_another_choice_of_the_same_fit_draws_nothing_anew(qtbot, box):
    given = result()
    box.show_doubt(Blocks(), given)
    qtbot.waitUntil(lambda: not box.busy)
    cards = box.cards
    given.chosen = 1
    box.show_doubt(Blocks(), given)
    assert box.cards is cards
    assert [card.isChecked() for card in cards] == [False, True, False]


@pytest.mark.parametrize("widths", [(), (8,), (8, 8)])
def test_where_there_is_no_choice_there_are_no_cards(qtbot, box, widths):
    shown(qtbot, box, widths)
    assert box.cards == []


def test_the_shape_lies_over_its_photo_and_the_slider_fades_to_it(qtbot, threads_end):
    overlay = PhotoOverlay()
    qtbot.addWidget(overlay)
    overlay.resize(200, 240)
    with qtbot.waitExposed(overlay):
        overlay.show()
    photo = QImage(64, 64, QImage.Format.Format_RGBA8888)
    photo.fill(QColor("green"))
    overlay.pane.show_image(photo)
    assert not overlay.slider.isVisible()
    grid = Blocks().decode([[16]])[0]
    overlay.ask(ViewRequest(lambda: grid, AUTOMATIC, FRONT, (200, 30, 30)))
    qtbot.waitUntil(lambda: not overlay.busy)
    assert overlay.slider.isVisible()
    box = overlay.pane.outline.boundingRect()
    # A block 16 cells wide, its front 4 cells before the middle: seen from 2.5 sides of the grid.
    near = 0.5 * 2.5 / (2.5 - 4 / 32)
    assert (box.width(), box.height()) == pytest.approx((near, near), abs=3 / PIXELS)
    assert (box.center().x(), box.center().y()) == pytest.approx((0.5, 0.5), abs=2 / PIXELS)

    def middle():
        return overlay.pane.grab().toImage().pixelColor(overlay.pane.rect().center())

    assert middle() == QColor("green")
    overlay.slider.setValue(100)
    assert middle().red() > 2 * middle().green()
    overlay.take_away()
    assert not overlay.slider.isVisible()
    assert middle() == QColor("green")
    overlay.stop()
    threads_end()


def test_a_shape_without_anything_solid_leaves_the_photo_alone(qtbot, threads_end):
    overlay = PhotoOverlay()
    qtbot.addWidget(overlay)
    empty = np.zeros((32, 32, 32), np.float32)
    overlay.ask(ViewRequest(lambda: empty, AUTOMATIC, FRONT, (200, 30, 30)))
    qtbot.waitUntil(lambda: not overlay.busy)
    assert overlay.pane.outline.isEmpty()
    overlay.stop()
    threads_end()
