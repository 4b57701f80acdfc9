from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from shapelab.core.errors import InputError
from shapelab.core.model.latent import MAX_TRUNCATION, TRUNCATION
from shapelab.gui.base.sliders import STEPS
from shapelab.gui.panels.latent_panel import LatentPanel


@pytest.fixture
def panel(qtbot, session):
    panel = LatentPanel(session)
    panel.class_requested.connect(session.set_class)
    qtbot.addWidget(panel)
    panel.resize(300, 860)  # as high as needs no scroll bar
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def place(slider, value):
    return QPoint(round(slider.x_of(round(value * STEPS))), slider.height() // 2)


def drag(qtbot, row, *values):
    slider = row.slider
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=place(slider, row.value()))
    for value in values:
        qtbot.mouseMove(slider, place(slider, value))
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=place(slider, values[-1]))


def test_without_a_session_everything_is_grey_and_harmless(qtbot):
    panel = LatentPanel()
    qtbot.addWidget(panel)
    panel.show()
    assert not panel.classes.isEnabled()
    assert not panel.randomise.isEnabled()
    assert not panel.directions[0].slider.isEnabled()
    qtbot.mouseClick(panel.fold, Qt.MouseButton.LeftButton)
    assert panel.raw == []


def test_a_session_that_comes_late_wakes_it_and_one_that_goes_lets_it_sleep(qtbot, session):
    panel = LatentPanel()
    qtbot.addWidget(panel)
    panel.set_session(session)
    assert panel.randomise.isEnabled()
    assert panel.classes.count() == len(session.model.classes)
    panel.set_session(None)
    session.set_coefficient(0, 2.0)
    assert panel.directions[0].value() == 0.0
    assert not panel.randomise.isEnabled()


def test_classes_have_human_names_and_choosing_one_changes_the_shape(qtbot, panel, session):
    names = [panel.classes.itemText(i) for i in range(panel.classes.count())]
    assert "Night stand" in names
    panel.classes.setFocus()
    panel.classes.setCurrentIndex(names.index("Night stand"))
    panel.classes.activated.emit(names.index("Night stand"))
    assert session.state.class_name == "night_stand"
    assert session.state.seed == 0
    session.undo()
    assert panel.classes.currentData() == "chair"


def test_typing_a_seed_shows_its_shape(qtbot, panel, session):
    panel.seed.selectAll()
    qtbot.keyClicks(panel.seed, "42")
    assert session.state.seed == 0, "a half typed seed is no seed"
    qtbot.keyClick(panel.seed, Qt.Key.Key_Return)
    assert session.state.seed == 42
    assert session.state.origin == "chair, seed 42"


def test_randomise_draws_a_new_seed_and_keeps_locked_directions(qtbot, panel, session):
    session.set_coefficient(1, 1.5)
    session.set_coefficient(2, 1.5)
    qtbot.mouseClick(panel.directions[1].lock, Qt.MouseButton.LeftButton)
    assert session.locked == {1}
    panel.random_requested.connect(session.randomise)
    qtbot.mouseClick(panel.randomise, Qt.MouseButton.LeftButton)
    assert session.state.seed != 0
    assert panel.seed.value() == session.state.seed
    assert panel.directions[1].value() == 1.5
    assert panel.directions[2].value() == 0.0


def test_a_drag_moves_the_shape_all_along_and_is_one_undo_step(qtbot, panel, session):
    seen = []
    session.shape_changed.connect(lambda state: seen.append(float(state.coefficients[3])))
    before = session.latent.copy()
    drag(qtbot, panel.directions[3], 0.5, 1.0, 1.8)
    assert len(seen) >= 3
    assert session.state.coefficients[3] == pytest.approx(1.8, abs=0.1)
    session.undo()
    assert np.array_equal(session.latent, before)
    assert panel.directions[3].value() == 0.0
    assert not session.undo_text


def test_two_drags_are_two_steps(qtbot, panel, session):
    drag(qtbot, panel.directions[3], 1.0)
    drag(qtbot, panel.directions[3], 2.0)
    session.undo()
    assert session.state.coefficients[3] == pytest.approx(1.0, abs=0.1)


def test_the_keyboard_moves_a_direction(qtbot, panel, session):
    qtbot.keyClick(panel.directions[0].slider, Qt.Key.Key_Right)
    qtbot.keyClick(panel.directions[0].slider, Qt.Key.Key_Right)
    assert session.state.coefficients[0] == pytest.approx(0.2)
    session.undo()
    assert session.state.coefficients[0] == pytest.approx(0.1), "each key is a step of its own"


@pytest.mark.parametrize("part", ["label", "slider", "readout"])
def test_double_click_resets_one_direction_only(qtbot, panel, session, part):
    session.set_coefficient(4, 2.0)
    session.set_coefficient(5, -1.0)
    qtbot.mouseDClick(getattr(panel.directions[4], part), Qt.MouseButton.LeftButton)
    assert session.state.coefficients[4] == 0
    assert session.state.coefficients[5] == -1
    session.undo()
    assert session.state.coefficients[4] == 2


def test_reset_all_is_there_only_when_it_would_change_something(qtbot, panel, session):
    assert not panel.reset_all.isEnabled()
    session.set_coefficient(4, 2.0)
    assert panel.reset_all.isEnabled()
    session.set_locked(4, True)
    assert not panel.reset_all.isEnabled(), "a locked direction stays"
    session.set_raw(17, 1.0)
    assert panel.reset_all.isEnabled()
    qtbot.mouseClick(panel.reset_all, Qt.MouseButton.LeftButton)
    assert not session.state.offsets.any()
    assert session.state.coefficients[4] == 2
    assert not panel.reset_all.isEnabled()


def test_showing_a_state_sends_nothing_back(panel, session):
    session.set_coefficient(0, 0.123456)
    told = []
    session.shape_changed.connect(told.append)
    panel.set_session(session)
    assert told == []
    assert session.state.coefficients[0] == pytest.approx(0.123456), "not rounded by the slider"


def test_truncation_follows_the_slider_and_double_click_brings_the_default(qtbot, panel, session):
    drag(qtbot, panel.truncation, 1.1)
    assert session.state.truncation == pytest.approx(1.1, abs=0.05)
    qtbot.mouseDClick(panel.truncation.readout, Qt.MouseButton.LeftButton)
    assert session.state.truncation == pytest.approx(TRUNCATION)
    assert panel.truncation.readout.text() == f"{TRUNCATION:.2f}"


def test_the_window_offers_all_of_the_sessions_truncation(panel, session):
    panel.truncation.slider.setValue(panel.truncation.slider.maximum())
    assert session.state.truncation == MAX_TRUNCATION
    with pytest.raises(InputError):
        session.set_truncation(MAX_TRUNCATION + 0.01)


def test_a_picture_has_no_seed_until_one_is_chosen(qtbot, panel, session):
    session.show(session.latent + 1, "picture chair.png", "chair")
    assert panel.seed.text() == "–"
    assert not panel.truncation.isEnabled(), "truncation belongs to seeds"
    latent = session.latent.copy()
    panel.seed.stepDown()
    assert np.array_equal(session.latent, latent)
    panel.seed.stepUp()
    assert session.state.seed == 0
    assert panel.seed.text() == "0"
    assert panel.truncation.isEnabled()


def test_the_raw_values_are_built_on_first_opening_and_move_single_numbers(qtbot, panel, session):
    size = session.model.latent_size
    assert panel.raw == []
    assert str(size) in panel.fold.text()
    qtbot.mouseClick(panel.fold, Qt.MouseButton.LeftButton)
    assert len(panel.raw) == size
    built = list(panel.raw)
    before = session.latent.copy()
    row = panel.raw[7]
    assert row.readout.text().lstrip("+−") == f"{abs(before[7]):.2f}"
    qtbot.keyClick(row.slider, Qt.Key.Key_Home)
    assert session.latent[7] == pytest.approx(-4.0, abs=1e-5)
    assert np.array_equal(np.delete(session.latent, 7), np.delete(before, 7))
    qtbot.mouseDClick(row.label, Qt.MouseButton.LeftButton)
    assert np.allclose(session.latent, before)
    qtbot.mouseClick(panel.fold, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.fold, Qt.MouseButton.LeftButton)
    assert panel.raw == built


def test_open_raw_values_follow_the_session_and_closed_ones_catch_up(qtbot, panel, session):
    qtbot.mouseClick(panel.fold, Qt.MouseButton.LeftButton)
    session.set_raw(3, 2.0)
    assert panel.raw[3].value() == pytest.approx(2.0)
    qtbot.mouseClick(panel.fold, Qt.MouseButton.LeftButton)
    session.set_raw(3, -1.0)
    qtbot.mouseClick(panel.fold, Qt.MouseButton.LeftButton)
    assert panel.raw[3].value() == pytest.approx(-1.0)


def test_tooltips_tell_the_share_of_variance_of_the_class_shown(panel, session):
    def share(name, index):
        directions = session.model.directions
        return 100 * float(directions.explained[directions.classes.index(name)][index])

    assert f"{share('chair', 0):.1f} %" in panel.directions[0].toolTip()
    session.set_class("toilet")
    assert f"{share('toilet', 11):.1f} %" in panel.directions[11].toolTip()


def test_nothing_is_wider_than_300_pixels(panel):
    assert panel._content.minimumSizeHint().width() <= 300
