"""The timeline widget: where a click, a wheel turn and a key lead."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt

from shapelab.gui.training.timeline import Timeline, nearest

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def timeline(qtbot):
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(420, 34)
    timeline.set_run(700, range(50, 701, 50), [200, 400, 600], best=400)
    timeline.show()
    return timeline


def click(qtbot, timeline, step):
    qtbot.mouseClick(timeline, LEFT, pos=QPoint(round(timeline.x_of(step)), 17))


def test_nearest_takes_the_earlier_of_two_as_near():
    assert nearest([], 3) is None
    assert nearest([10], 3) == 10
    assert nearest([10, 20], 15) == 10
    assert nearest([10, 20], 15.1) == 20
    assert nearest([10, 20], 99) == 20


def test_a_click_goes_to_what_lies_there(qtbot, timeline):
    told = []
    timeline.moved.connect(told.append)
    click(qtbot, timeline, 345)
    assert told == [350]
    click(qtbot, timeline, 704)
    assert timeline.step == 700  # there is nothing later


def test_a_checkpoint_draws_the_pointer_to_itself(qtbot, timeline):
    near = timeline.x_of(200) + 5  # px: nearer to the checkpoint than to the next preview
    qtbot.mouseClick(timeline, LEFT, pos=QPoint(round(near), 17))
    assert timeline.step == 200


def test_a_drag_tells_each_place_once(qtbot, timeline):
    steps = []
    timeline.moved.connect(steps.append)
    qtbot.mousePress(timeline, LEFT, pos=QPoint(round(timeline.x_of(100)), 17))
    for step in (101, 150, 151, 250):
        qtbot.mouseMove(timeline, QPoint(round(timeline.x_of(step)), 17))
    qtbot.mouseRelease(timeline, LEFT, pos=QPoint(round(timeline.x_of(250)), 17))
    assert steps == [100, 150, 250]


def test_keys_go_from_one_to_the_next(qtbot, timeline):
    timeline.set_step(125)
    for key, step in (
        (Qt.Key.Key_Right, 150),
        (Qt.Key.Key_Left, 100),
        (Qt.Key.Key_End, 700),
        (Qt.Key.Key_Right, 700),
        (Qt.Key.Key_Home, 50),
    ):
        qtbot.keyClick(timeline, key)
        assert timeline.step == step


def test_moving_from_outside_is_silent(qtbot, timeline):
    with qtbot.assertNotEmitted(timeline.moved):
        timeline.set_step(300)
    assert timeline.step == 300


def test_without_anything_to_see_it_is_grey(timeline):
    timeline.set_run(10, [], [])
    assert not timeline.isEnabled()
    timeline.set_run(10, [], [10])
    assert timeline.isEnabled()
