"""The window under hands of chance: nothing breaks, nothing hangs, and the memory stays."""

from __future__ import annotations

import pytest

from tests.gui.monkey import Monkey, close, toys

pytestmark = pytest.mark.gl
FEW, MANY = 500, 20_000
MOST_GROWTH = 50  # MiB


def play(window, tmp_path, seed, events):
    outbox = tmp_path / "out"
    outbox.mkdir()
    report = Monkey(window, seed, toys(tmp_path / "toys"), outbox).play(events)
    close(window)
    print(f"\n{report}")
    assert report.events >= events
    assert not report.trouble, report
    return report


def test_hands_of_chance_break_nothing(window, tmp_path):
    play(window, tmp_path, 1, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7])
def test_hands_of_chance_break_nothing_for_long(window, tmp_path, seed):
    """``pytest -s -m slow tests/gui/test_monkey.py`` prints how the memory went."""
    report = play(window, tmp_path, seed, MANY)
    assert report.growth < MOST_GROWTH, report
