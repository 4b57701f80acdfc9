"""The grid of variations: one key fills it, the mouse and the keys choose, a click goes on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from shapelab.core.mesh.meshing import AUTOMATIC
from shapelab.core.session.shape_state import seeded_state
from shapelab.gui.window import variations
from shapelab.gui.window.variations import CENTRE, DRAFT, PicturesRequest, draw_pictures
from tests.core.session.tiny_model import Model

pytestmark = pytest.mark.gl
WAIT_MS = 60_000
LEFT = Qt.MouseButton.LeftButton


def settle(qtbot, window):
    grid = window.commands.variations
    qtbot.waitUntil(lambda: not (grid.busy or window.document.busy), timeout=WAIT_MS)


@dataclass
class Recorded(Model):
    """Tells what was asked of it."""

    asked: list = field(default_factory=list)

    def decode(self, latents):
        self.asked.append("decode")
        return super().decode(latents)

    def draft(self, latents):
        self.asked.append("draft")
        return super().decode(latents)


def test_only_what_is_drawn_first_is_a_draft_and_what_is_given_up_ends():
    model = Recorded()
    states = tuple(seeded_state(model, "chair", seed) for seed in range(2))
    first = PicturesRequest(model, states, AUTOMATIC, (1, 2, 3))
    assert [picture.shape for picture in draw_pictures(first)] == [(DRAFT, DRAFT, 4)] * 2
    assert model.asked == ["draft"] * 2
    second = replace(first, pixels=150, draft=False)
    assert [picture.shape for picture in draw_pictures(second)] == [(150, 150, 4)] * 2
    assert model.asked[2:] == ["decode"] * 2
    second.over.set()
    assert draw_pictures(second) == []


def test_a_click_goes_to_a_neighbour_and_on_from_there(qtbot, window, monkeypatch):
    drawn = []

    def draw(request):
        drawn.append((request.pixels, request.draft))
        return draw_pictures(request)

    monkeypatch.setattr(variations, "draw_pictures", draw)
    session, grid = window.document.session, window.commands.variations
    session.set_coefficient(0, 1.0)
    session.set_locked(0, True)
    start, origin = session.state, f"variation of {session.state.origin}"
    QTest.keyClick(window, Qt.Key.Key_N)
    settle(qtbot, window)
    assert grid.isVisible()
    first = grid.states
    assert first[CENTRE] == start
    assert len({state.base.tobytes() for state in first}) == 9
    assert all(state.coefficients[0] == 1 for state in first)
    side = round(grid.tile_rect(0).width() * grid.devicePixelRatioF())
    qtbot.waitUntil(lambda: (side, False) in drawn, timeout=WAIT_MS)  # once there is time
    assert drawn[0] == (DRAFT, True)
    window.resize(window.width() + 200, window.height() + 200)
    larger = round(grid.tile_rect(0).width() * grid.devicePixelRatioF())
    assert larger > side
    qtbot.waitUntil(lambda: (larger, False) in drawn, timeout=WAIT_MS)
    assert drawn.count((DRAFT, True)) == 1
    qtbot.mouseClick(grid, LEFT, pos=grid.tile_rect(2).center().toPoint())
    assert session.state == first[2]
    assert session.state.origin == origin
    assert window.actions_["undo"].text() == "&Undo variation"
    settle(qtbot, window)
    assert grid.states[CENTRE] == first[2]
    QTest.keyClick(grid, Qt.Key.Key_Right)
    QTest.keyClick(grid, Qt.Key.Key_Return)
    assert session.state == grid.states[CENTRE + 1]
    assert session.state.origin == origin
    settle(qtbot, window)
    session.undo()
    session.undo()
    assert session.state == start
    settle(qtbot, window)
    grid.distance.slider.setValue(grid.distance.slider.minimum())
    settle(qtbot, window)
    spread = [np.abs(state.base - start.base).max() for state in first]
    near = [np.abs(a.base - grid.states[CENTRE].base).max() for a in grid.states]
    assert max(near) < 0.5 * max(spread)
    QTest.keyClick(grid, Qt.Key.Key_Escape)
    assert not grid.isVisible()
    assert session.state == start
