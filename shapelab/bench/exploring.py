"""What gallery, history and a project beside the shape cost; and how long nine variations take.

Two windows with views of one size take turns: one as it begins, one with all that exploring leaves.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.bench import starting
from shapelab.bench.dragging import SIZE, Drag, folders_of_its_own, wait
from shapelab.bench.figures import Figure, percentile

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.gui.main_window import MainWindow

STEPS, KEPT = 200, 12  # of the project: steps of its history, and shapes in its gallery
IN_A_ROW = 10  # moves of a slider before the other window's turn
STARTS_OF = 10  # so many turns, one start of each kind
MODELS = ("modelnet10", "procedural")
GOAL_RATIO, GOAL_NINE_MS = 1.1, 300.0


def measure(turns: int) -> list[Figure]:
    """Slider, start and variations; each beside another way where a ratio is asked for."""
    from shapelab.gui import app as start

    with folders_of_its_own(), tempfile.TemporaryDirectory() as folder:
        app = start.application()
        project = _write_project(Path(folder) / "explored.shapelab")
        figures = [_dragged(app, project, turns)]
        figures += [_started(project, max(1, turns // STARTS_OF)), *map(_nine, MODELS)]
    return figures


def _write_project(path: Path) -> Path:
    """Hundreds of steps and a full gallery, as a file."""
    from shapelab.core.model.shape_model import load_model
    from shapelab.core.project.project import Project, ProjectEncoder, SessionPart
    from shapelab.core.project.project_file import write_project
    from shapelab.core.project.view_state import ViewState
    from shapelab.core.session.session import Session

    session = Session(load_model())
    for seed in range(STEPS):
        session.set_seed(seed)
        if seed < KEPT:
            session.keep()
    project = Project((SessionPart.of(session),), 0, ViewState())
    write_project(path, ProjectEncoder().stored(project))
    return path


def _dragged(app: QApplication, project: Path, turns: int) -> Figure:
    """How much longer a slider's moves take to their frames in the window that has everything."""
    plain, full = _window(app, None), _window(app, project)
    for name in ("gallery", "history"):
        full.actions_[name].setChecked(True)
    app.processEvents()
    lost = plain.viewport.size() - full.viewport.size()
    full.resize(full.width() + lost.width(), full.height() + lost.height())
    wait(app, lambda: full.viewport.size() == plain.viewport.size() and not full.thumbnails.busy)
    spent: dict[MainWindow, list[float]] = {plain: [], full: []}
    for number in range(turns + 1):
        for window, latency in spent.items():
            window.raise_()
            found = Drag(window, app, IN_A_ROW).run(hertz=0).latency
            latency += found if number else []  # the first ones warm up
    for window in spent:
        window.close()
    ratio = percentile(spent[full], 0.5) / percentile(spent[plain], 0.5)
    name = "exploring: slider to frame with gallery, history and project, to that without"
    return Figure(name, ratio, "×", GOAL_RATIO)


def _window(app: QApplication, project: Path | None) -> MainWindow:
    from shapelab.core.paths import DEFAULT_MODEL
    from shapelab.gui.main_window import MainWindow

    window = MainWindow(DEFAULT_MODEL, project=project)
    window.resize(*SIZE)
    window.show()
    wait(app, lambda: window.document is not None and window.viewport.is_ready)
    document = window.document
    assert document is not None
    wait(app, lambda: document.shown is not None and not document.busy)
    return window


def _started(project: Path, times: int) -> Figure:
    """How much longer the first shape of a project takes than that of a model."""
    plain, full = [], []
    for _ in range(times):
        plain.append(starting.one_start()["shape"])
        full.append(starting.one_start(project)["shape"])
    ratio = statistics.median(full) / statistics.median(plain)
    return Figure("exploring: first shape of a project, to that of a model", ratio, "×", GOAL_RATIO)


def _nine(name: str) -> Figure:
    from shapelab.core.model.shape_model import load_model

    model = load_model(name)
    spent = percentile([_seconds_of_nine(model, seed) for seed in range(6)][1:], 0.5)
    return Figure(f"exploring: nine variations of {name}", 1e3 * spent, "ms", GOAL_NINE_MS)


def _seconds_of_nine(model: ShapeModel, seed: int) -> float:
    from shapelab.core.session.session import Session
    from shapelab.gui.window.variations import USUAL, PicturesRequest, draw_pictures

    session = Session(model)
    begin = time.perf_counter()
    states = (session.state, *session.variations(seed, USUAL))
    draw_pictures(PicturesRequest(model, states, session.surface, (200, 180, 160)))
    return time.perf_counter() - begin
