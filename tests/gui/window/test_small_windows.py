"""The smallest window and screens of twice as many pixels: nothing is below an edge or cut."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog

from shapelab.core.paths import resources
from tests.gui.in_sight import hidden_from_sight

pytestmark = pytest.mark.gl
SMALLEST = (1024, 700)
ROOT = Path(__file__).resolve().parents[3]


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not (window.document.busy or window.thumbnails.busy))


@pytest.fixture
def small(qtbot, window):
    """The window at its smallest, with a picture, three kept shapes and a history."""
    window.resize(*SMALLEST)
    for seed in (1, 2, 3):
        window.document.session.set_seed(seed)
        window.gallery.keep()
    window.open_paths([resources() / "examples" / "chair.png"])
    qtbot.waitUntil(lambda: window.document.original is not None)
    settle(qtbot, window)
    assert (window.width(), window.height()) == SMALLEST
    return window


def test_every_dock_and_view_of_the_smallest_window_can_be_seen(qtbot, small):
    docks = [*small.docks, small.history, small.gallery]
    for dock in docks:
        dock.show()
        dock.raise_()
        qtbot.waitUntil(dock.isVisible)
        assert hidden_from_sight(small) == []
    for overlay, action in (
        (lambda: small.commands.variations, "variations"),
        (lambda: small.compare, "compare"),
        (lambda: small.commands.palette, "palette"),
        (lambda: small.commands.shortcuts, "shortcuts"),
    ):
        small.actions_[action].trigger()
        qtbot.waitUntil(lambda shown=overlay: shown().isVisible())
        settle(qtbot, small)
        assert hidden_from_sight(small) == []
        overlay().hide()
    small.actions_["training"].trigger()
    qtbot.waitUntil(lambda: small.training.panel is not None)
    settle(qtbot, small)
    assert hidden_from_sight(small) == []
    small.actions_["variations"].trigger()  # in the narrow rest of the view
    settle(qtbot, small)
    grid = small.commands.variations
    assert hidden_from_sight(small) == []
    assert grid.distance.y() > grid.tile_rect(8).bottom()
    assert grid.more.y() > grid.distance.geometry().bottom()
    grid.hide()
    small.actions_["history"].trigger()
    settle(qtbot, small)
    assert hidden_from_sight(small) == []
    assert (small.width(), small.height()) == SMALLEST  # nothing has pushed it wider


def test_every_dialog_fits_on_the_smallest_screen(qtbot, small):
    small.actions_["export"].trigger()
    small.gallery.export()
    small.actions_["help"].trigger()
    small.actions_["correct"].trigger()
    editor = small.pictures.dialog
    qtbot.waitUntil(lambda: not editor.busy)
    dialogs = (small.commands.export_dialog, small.gallery.batch, small.commands.help_page, editor)
    for dialog in dialogs:
        qtbot.waitUntil(dialog.isVisible)
        settle(qtbot, small)
        assert isinstance(dialog, QDialog)
        assert dialog.width() <= SMALLEST[0]
        assert dialog.height() <= SMALLEST[1] - 36  # with its title
        assert hidden_from_sight(dialog) == []
        dialog.close()


TWICE = """
from tests.gui.in_sight import hidden_from_sight
from shapelab.gui import app as start
app = start.application()
from shapelab.gui.main_window import MainWindow
window = MainWindow()
def look(_shown):
    print(window.devicePixelRatio(), window.width(), window.height(), hidden_from_sight(window))
    window.close()
    app.quit()
window.resize({width}, {height})
window.settled.connect(look)
window.show()
app.exec()
"""


@pytest.mark.parametrize("factor", ["1.25", "1.5", "2"])
def test_a_scaled_screen_shows_the_same(factor, user_folders):
    width, height = SMALLEST
    done = subprocess.run(
        [sys.executable, "-c", TWICE.format(width=width, height=height)],
        env={**os.environ, "QT_SCALE_FACTOR": factor, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == f"{float(factor)} {width} {height} []"
