from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from shapelab.gui.base import theme
from shapelab.gui.panels import morph_panel
from shapelab.gui.panels.morph_panel import JOURNEY, STOPS, WAITING, MorphPanel

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(qtbot, session):
    panel = MorphPanel(session)
    qtbot.addWidget(panel)
    panel.resize(300, 380)
    with qtbot.waitExposed(panel):
        panel.show()
    yield panel
    panel.shutdown()


@pytest.fixture
def pinned(qtbot, panel, session):
    """The panel with A (seed 0) and B (seed 1); the shape stands at B."""
    qtbot.mouseClick(panel.cards[0].pin, LEFT)
    session.set_seed(1)
    qtbot.mouseClick(panel.cards[1].pin, LEFT)
    return panel


def speed_up(panel, factor):
    panel.speed.setCurrentIndex(panel.speed.findData(factor))


def test_without_a_session_it_is_grey_and_harmless(qtbot):
    panel = MorphPanel()
    qtbot.addWidget(panel)
    panel.play()
    panel.advance(1.0)
    assert not panel.playing
    assert not panel.cards[0].pin.isEnabled()


def test_it_says_what_to_do_until_both_ends_are_pinned(qtbot, panel, session):
    assert not panel.slider.isEnabled()
    assert not panel.toggle.isEnabled()
    assert "Pin A" in panel.reason.text()
    panel.play()
    assert not panel.playing
    qtbot.mouseClick(panel.cards[0].pin, LEFT)
    assert panel.reason.text() == "Now show another shape and pin it as B."
    assert not panel.slider.isEnabled()
    session.set_seed(1)
    qtbot.mouseClick(panel.cards[1].pin, LEFT)
    assert panel.reason.isHidden()
    assert panel.slider.isEnabled()


def test_only_b_pinned_asks_for_a(qtbot, panel):
    qtbot.mouseClick(panel.cards[1].pin, LEFT)
    assert panel.reason.text() == "Now show another shape and pin it as A."


def test_cards_show_origin_and_picture(qtbot, pinned, session):
    assert pinned.cards[0].origin.text() == "chair, seed 0"
    assert pinned.cards[1].origin.text() == "chair, seed 1"
    qtbot.waitUntil(lambda: not any(card.pane.image().isNull() for card in pinned.cards))
    session.undo()
    assert pinned.cards[1].origin.text() == "not pinned"
    assert pinned.cards[1].pane.image().isNull()


class SlowDrawing:
    """Stands in for `draw_pin`: waits until it is let go and notes what was drawn, and where."""

    def __init__(self, monkeypatch):
        self.go = threading.Event()
        self.drawn = []
        self.threads = set()
        monkeypatch.setattr(morph_panel, "draw_pin", self)

    def __call__(self, request):
        self.threads.add(threading.get_ident())
        assert self.go.wait(20)
        self.drawn.append(request.state)
        return np.full((8, 8, 4), 100 + request.state.seed, np.uint8)


@pytest.fixture
def slow(monkeypatch, request):
    drawing = SlowDrawing(monkeypatch)
    request.getfixturevalue("panel")  # made now, so that it draws with the stand-in
    yield drawing
    drawing.go.set()


def seeds(panel):
    """The seed whose picture each card shows; None where it shows a word."""
    images = [card.pane.image() for card in panel.cards]
    return [None if i.isNull() else i.pixelColor(0, 0).red() - 100 for i in images]


def test_pins_are_drawn_on_threads_of_their_own_while_their_names_stand_there(
    qtbot, slow, panel, session
):
    panel.cards[0].pin.click()
    session.set_seed(7)
    panel.cards[1].pin.click()
    assert [card.origin.text() for card in panel.cards] == ["chair, seed 0", "chair, seed 7"]
    assert [card.pane.word() for card in panel.cards] == [WAITING, WAITING]
    assert panel.slider.isEnabled()
    slow.go.set()
    qtbot.waitUntil(lambda: seeds(panel) == [0, 7])
    assert len(slow.threads) == 2
    assert threading.get_ident() not in slow.threads


def test_the_newest_pin_wins_and_those_between_are_not_drawn(qtbot, slow, panel, session):
    for seed in (1, 2, 3, 4):
        session.set_seed(seed)
        panel.cards[0].pin.click()
        qtbot.waitUntil(lambda: bool(slow.threads))
    slow.go.set()
    qtbot.waitUntil(lambda: seeds(panel)[0] == 4)
    assert [state.seed for state in slow.drawn] == [1, 4]


def test_a_pin_that_was_undone_while_it_was_drawn_stays_empty(qtbot, slow, panel, session):
    panel.cards[0].pin.click()
    qtbot.waitUntil(lambda: bool(slow.threads))
    session.undo()
    slow.go.set()
    qtbot.waitUntil(lambda: bool(slow.drawn) and not panel.cards[0]._pictures.busy)
    assert seeds(panel)[0] is None
    assert panel.cards[0].pane.word() == "A"
    session.redo()
    qtbot.waitUntil(lambda: seeds(panel)[0] == 0)


def test_a_shape_that_cannot_be_drawn_is_told_and_stays_pinned(qtbot, monkeypatch, session):
    def fail(_request):
        raise MemoryError("no room")

    monkeypatch.setattr(morph_panel, "draw_pin", fail)
    panel = MorphPanel(session)
    qtbot.addWidget(panel)
    with qtbot.waitSignal(panel.failed) as failed:
        panel.cards[0].pin.click()
    assert isinstance(failed.args[0], MemoryError)
    assert panel.cards[0].pane.word() == "A"
    assert session.morph.a is not None
    panel.shutdown()


def test_another_theme_draws_the_pins_in_its_colour(qtbot, qapp, pinned):
    def warm():
        image = pinned.cards[0].pane.image()
        return image if image.isNull() else image.pixelColor(80, 80).name()

    qtbot.waitUntil(lambda: not all(card.pane.image().isNull() for card in pinned.cards))
    light = warm()
    theme.apply(qapp, dark=True)
    qtbot.waitUntil(lambda: warm() != light)
    assert not pinned.cards[0].pane.image().isNull()
    theme.apply(qapp, dark=False)
    qapp.setStyleSheet("")


def test_dragging_travels_along_the_path_in_one_step(qtbot, pinned, session):
    a, b = (end.latent(session.model) for end in (session.morph.a, session.morph.b))
    slider = pinned.slider
    middle = QPoint(round(slider.x_of(STOPS // 2)), slider.height() // 2)
    end = QPoint(round(slider.x_of(STOPS)), slider.height() // 2)
    qtbot.mousePress(slider, LEFT, pos=end)
    qtbot.mouseMove(slider, QPoint(middle.x() + 30, middle.y()))
    qtbot.mouseMove(slider, middle)
    qtbot.mouseRelease(slider, LEFT, pos=middle)
    assert session.morph.t == pytest.approx(0.5, abs=0.02)
    assert pinned.percent.text() == f"{100 * session.morph.t:.0f} %"
    assert 0 < np.linalg.norm(session.latent - a) < np.linalg.norm(b - a)
    session.undo()
    assert np.array_equal(session.latent, b)
    assert slider.value() == STOPS


def test_the_ends_are_the_pinned_shapes_exactly(qtbot, pinned, session):
    qtbot.keyClick(pinned.slider, Qt.Key.Key_Home)
    assert session.state == session.morph.a
    qtbot.keyClick(pinned.slider, Qt.Key.Key_End)
    assert session.state == session.morph.b


def test_play_starts_again_at_a_and_stops_at_b_as_one_undo_step(qtbot, pinned, session):
    undo_before = session.undo_text
    qtbot.mouseClick(pinned.toggle, LEFT)
    assert pinned.playing
    assert pinned.toggle.text() == "Pause"
    assert session.morph.t == 0
    for _ in range(10):
        pinned.advance(JOURNEY / 8)
    assert session.morph.t == 1
    assert not pinned.playing
    assert pinned.toggle.text() == "Play"
    while session.undo_text != undo_before:
        assert session.undo_text
        session.undo()
    assert session.state.origin == "chair, seed 1"


def test_the_timer_itself_moves_it(qtbot, pinned, session):
    speed_up(pinned, 4.0)
    qtbot.mouseClick(pinned.toggle, LEFT)
    qtbot.waitUntil(lambda: session.morph.t > 0)
    qtbot.mouseClick(pinned.toggle, LEFT)
    assert not pinned.playing


def test_a_played_journey_is_one_step_back(qtbot, pinned, session):
    session.set_morph(0.25)
    session.finish_edit()
    pinned.play()
    pinned.advance(0.5)
    pinned.advance(0.5)
    pinned.stop()
    assert session.morph.t == pytest.approx(0.5)
    session.undo()
    assert session.morph.t == pytest.approx(0.25)


def test_a_loop_goes_there_and_back(pinned, session):
    pinned.loop.setChecked(True)
    session.set_morph(0.0)
    pinned.play()
    seen = []
    for _ in range(8):
        pinned.advance(JOURNEY / 4)
        seen.append(round(session.morph.t, 6))
    assert seen == [0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0]
    pinned.advance(JOURNEY / 4)
    assert session.morph.t == pytest.approx(0.25)
    pinned.stop()


def test_a_loop_survives_a_frame_as_long_as_a_day(pinned, session):
    pinned.loop.setChecked(True)
    pinned.play()
    pinned.advance(86_400 + JOURNEY / 2)
    assert 0 <= session.morph.t <= 1
    assert pinned.playing
    pinned.stop()


@pytest.mark.parametrize(("factor", "reached"), [(0.25, 0.0625), (1.0, 0.25), (4.0, 1.0)])
def test_speed_scales_the_journey(pinned, session, factor, reached):
    speed_up(pinned, factor)
    session.set_morph(0.0)
    pinned.play()
    pinned.advance(JOURNEY / 4)
    assert session.morph.t == pytest.approx(reached)
    pinned.stop()


def test_any_other_change_of_the_shape_ends_playing(qtbot, pinned, session):
    pinned.play()
    pinned.advance(0.5)
    assert pinned.playing
    session.set_coefficient(0, 1.0)
    assert not pinned.playing
    pinned.play()
    session.undo()
    assert not pinned.playing


def test_touching_the_slider_ends_playing(qtbot, pinned, session):
    pinned.play()
    pinned.advance(0.5)
    qtbot.keyClick(pinned.slider, Qt.Key.Key_Right)
    assert not pinned.playing


def test_a_closed_window_ends_playing(pinned):
    pinned.play()
    pinned.close()
    assert not pinned.playing


def test_the_path_can_be_straight(pinned, session):
    session.set_morph(0.5)
    curved = session.latent.copy()
    row = pinned.mode.findData("lerp")
    pinned.mode.setCurrentIndex(row)
    pinned.mode.activated.emit(row)
    assert session.morph.mode == "lerp"
    a, b = (end.latent(session.model) for end in (session.morph.a, session.morph.b))
    classes = (session.morph.a.class_name, session.morph.b.class_name)
    straight = session.model.density.between(a, b, 0.5, "lerp", classes)
    assert np.allclose(session.latent, straight, atol=1e-5)
    assert not np.allclose(session.latent, curved)
    session.undo()
    assert pinned.mode.currentData() == "slerp"


def test_another_session_starts_unpinned(pinned, session):
    from shapelab.core.session.session import Session

    pinned.play()
    pinned.set_session(Session(session.model))
    assert not pinned.playing
    assert pinned.cards[0].origin.text() == "not pinned"
    session.set_morph(0.3)
    assert pinned.slider.value() == 0
