"""Thumbnails: what is asked for is drawn, once, off the GUI thread, when there is time."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from shapelab.core.mesh.meshing import AUTOMATIC, SurfaceOptions
from shapelab.core.session.shape_state import seeded_state
from shapelab.gui.panels import thumbnails
from shapelab.gui.panels.thumbnails import PIXELS, Portrait, Thumbnails
from tests.core.session.tiny_model import Model


@pytest.fixture
def calls(monkeypatch):
    """Which portraits were drawn, and by which threads."""
    drawn = []

    def draw(order):
        drawn.append((order.portrait, threading.current_thread()))
        if order.portrait.state.seed == 13:
            raise ValueError("cannot be drawn")
        rgba = np.zeros((PIXELS, PIXELS, 4), np.uint8)
        rgba[..., 0] = order.portrait.state.seed
        rgba[..., 3] = 255
        return rgba

    monkeypatch.setattr(thumbnails, "_draw", draw)
    return drawn


@pytest.fixture
def drawer(qapp, threads_end):
    models = {"abc": Model()}
    drawer = Thumbnails(models.get, lambda: drawer.waits)
    drawer.waits = False
    yield drawer
    drawer.stop()
    threads_end()


def portrait(seed, digest="abc"):
    return Portrait(seeded_state(Model(), "chair", seed), AUTOMATIC, digest)


def test_pictures_come_the_last_asked_first_each_once(qtbot, drawer, calls):
    heard = []
    drawer.drawn.connect(heard.append)
    asked = [portrait(seed) for seed in (1, 2, 3)]
    for each in [*asked, asked[0]]:  # asking again makes it the newest
        assert drawer.picture(each).isNull()
    qtbot.waitUntil(lambda: not drawer.busy)
    assert [each.state.seed for each, _ in calls] == [1, 3, 2]
    assert heard == [asked[0].key, asked[2].key, asked[1].key]
    assert all(thread is not threading.main_thread() for _, thread in calls)
    image = drawer.picture(portrait(2))  # an equal one, made anew
    assert (image.width(), image.pixelColor(5, 5).red()) == (PIXELS, 2)
    assert not drawer.busy


def test_what_looks_the_same_has_one_picture():
    one = portrait(4)
    assert replace(one, state=replace(one.state, origin="elsewhere", seed=None)).key == one.key
    others = [
        portrait(5),
        portrait(4, "abd"),
        replace(one, surface=SurfaceOptions(level=0.3)),
        replace(one, state=replace(one.state, coefficients=one.state.coefficients + 1)),
        replace(one, state=replace(one.state, class_name="sofa")),
    ]
    assert len({each.key for each in [one, *others]}) == 6


def test_it_waits_while_the_window_is_busy(qtbot, drawer, calls):
    drawer.waits = True
    drawer.picture(portrait(1))
    qtbot.waitUntil(lambda: drawer._retry.interval() > 0)  # it has looked, and looks again
    assert not calls
    drawer.waits = False
    qtbot.waitUntil(lambda: not drawer.busy)
    assert len(calls) == 1


def test_without_its_model_there_is_no_picture_and_nothing_waits(drawer, calls):
    assert drawer.picture(portrait(1, "unknown")).isNull()
    assert not drawer.busy
    assert not calls


def test_a_shape_that_cannot_be_drawn_is_blank_and_stops_nobody(qtbot, drawer, calls):
    drawer.picture(portrait(1))
    drawer.picture(portrait(13))
    qtbot.waitUntil(lambda: not drawer.busy)
    assert drawer.picture(portrait(13)).pixelColor(3, 3).alpha() == 0
    assert drawer.picture(portrait(1)).pixelColor(3, 3).alpha() == 255
    assert len(calls) == 2


def test_only_so_many_are_remembered(qtbot, drawer, calls, monkeypatch):
    monkeypatch.setattr(thumbnails, "MOST", 2)
    for seed in (1, 2, 3):
        drawer.picture(portrait(seed))
        qtbot.waitUntil(lambda: not drawer.busy)
    assert not drawer.picture(portrait(3)).isNull()
    assert not drawer.picture(portrait(2)).isNull()
    assert drawer.picture(portrait(1)).isNull()
    qtbot.waitUntil(lambda: not drawer.busy)
    assert len(calls) == 4


def test_a_real_shape_covers_part_of_its_picture(qtbot, threads_end, model):
    drawer = Thumbnails({model.digest: model}.get, lambda: False)
    shown = Portrait(seeded_state(model, "chair", 0), AUTOMATIC, model.digest)
    drawer.picture(shown)
    qtbot.waitUntil(lambda: not drawer.busy)
    image = drawer.picture(shown)
    cover = [image.pixelColor(x, y).alpha() > 0 for x in range(0, 128, 4) for y in range(0, 128, 4)]
    assert 0.05 < np.mean(cover) < 0.9
    drawer.stop()
    threads_end()
