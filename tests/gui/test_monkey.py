"""The window under hands of chance: nothing breaks, nothing hangs, and the memory stays."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QMessageBox

from tests.gui.monkey import Monkey, toys

pytestmark = pytest.mark.gl
FEW, MANY = 500, 20_000
WARM_UP = 4  # settlings until everything has been opened once
MOST_GROWTH = 150  # MiB: a thousand thumbnails are 64, and a history grows


def play(window, tmp_path, monkeypatch, seed, events):
    outbox = tmp_path / "out"
    outbox.mkdir()
    report = Monkey(window, seed, toys(tmp_path / "toys"), outbox).play(events)
    discard = QMessageBox.StandardButton.Discard
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: discard)
    window.close()
    print(f"\n{report}")
    assert report.events >= events
    assert not report.trouble, report
    return report


def test_hands_of_chance_break_nothing(window, tmp_path, monkeypatch):
    play(window, tmp_path, monkeypatch, 1, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7])
def test_hands_of_chance_break_nothing_for_long(window, tmp_path, monkeypatch, seed):
    """``pytest -s -m slow tests/gui/test_monkey.py`` prints how the memory went."""
    report = play(window, tmp_path, monkeypatch, seed, MANY)
    used = [mib for _, mib in report.memory[WARM_UP:]]
    half = len(used) // 2
    assert min(used[half:]) < max(used[:half]) + MOST_GROWTH, report
