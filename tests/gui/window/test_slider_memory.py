"""What 5,000 moves of the sliders leave in memory."""

from __future__ import annotations

import gc
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QPoint, Qt

pytestmark = pytest.mark.gl

MOVES, DRAG = 5000, 50  # of which so many make a drag, and a step of the history
WARM_UP = 500
MOST_GROWTH = 20 * 2**20


@pytest.mark.slow
def test_moves_of_the_sliders_leave_nothing_in_memory(qtbot: Any, window: Any) -> None:
    """``pytest -s -m slow tests/gui/window/test_slider_memory.py`` prints what grew."""
    rows, document = window.latent_panel.directions, window.document
    shown: list[int] = []  # numbers of the requests that were decoded and shown
    window.document.surface_ready.connect(lambda surface: shown.append(surface.request.number))
    frames: list[None] = []
    window.viewport.frame_drawn.connect(lambda: frames.append(None))

    def drag(number: int) -> None:
        slider = rows[number % len(rows)].slider
        middle, reach = slider.width() // 2, slider.width() // 3
        here = QPoint(middle, slider.height() // 2)
        qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=here)
        for move in range(DRAG):
            across = reach * (1 + (move * 7919 + number) % 97 / 97) / 2
            here.setX(round(middle + (across if move % 2 else -across)))
            qtbot.mouseMove(slider, here)
            qtbot.waitUntil(lambda: shown[-1:] == [document.asked.number])
        qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=here)

    def memory() -> int:
        gc.collect()
        return int(psutil.Process().memory_info().rss)

    for number in range(WARM_UP // DRAG):
        drag(number)
    before = memory()
    shown.clear()
    frames.clear()
    for number in range(MOVES // DRAG):
        drag(number)
    growth = memory() - before
    told = f"{len(shown)} moves, {len(frames)} frames"
    print(f"\n{told}: {growth / 2**20:+.1f} MB of {before / 2**20:.0f}")
    assert len(shown) > 0.99 * MOVES
    assert len(frames) > 0.9 * MOVES
    assert growth < MOST_GROWTH
