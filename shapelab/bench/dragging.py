"""How long a slider's move takes to its frame, beside a plain way; and what the window takes.

The plain way is what anybody would write first: the marching cubes of scikit-image, ``add_mesh`` of
PyVista and a frame in the same size, of the same latents, in turn with ours.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from shapelab.bench.figures import Figure, percentile
from shapelab.core.errors import ShapelabError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from shapelab.gui.document.shape_maker import ShownShape
    from shapelab.gui.main_window import MainWindow

SIZE = (1440, 900)
HERTZ, WARM_UP = 30, 20
PLAIN_ROUNDS, IN_A_ROW = 6, 10  # in turn: so many moves of ours, so many plain ones
PATIENCE_S, BEAT_MS = 300.0, 4
GOALS_MS = {32: (25.0, 40.0), 64: (40.0, 60.0)}  # by the cells of what is drawn in a drag
PROCEDURAL = "procedural"  # the shipped model that is not trained
GOAL_RATIO, GOAL_MB, GOAL_GROWTH_MB = 4.0, 600.0, 20.0


def wait(app: QApplication, condition: Callable[[], object]) -> None:
    """Serves the window until something is so. Raises ShapelabError when it never is.

    It sleeps between events: who asks again and again takes the processor from what is measured.
    """
    from PySide6.QtCore import QEventLoop, QTimer

    heart = QTimer(interval=BEAT_MS)
    heart.start()
    end = time.perf_counter() + PATIENCE_S
    while not condition():
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        if time.perf_counter() > end:
            raise ShapelabError("The window did not answer for five minutes; try a quieter time.")
    heart.stop()


class Drag:
    """Moves a slider to and fro and counts to the frame that shows each value, or a newer one."""

    def __init__(self, window: MainWindow, app: QApplication, moves: int) -> None:
        document = window.document
        assert document is not None
        self._document, self._app, self._moves = document, app, moves
        self._slider = window.latent_panel.directions[0].slider
        self._waiting: dict[int, float] = {}  # number of a request -> time of its move
        self._pressed = self._given_at = 0.0
        self._given = self._in_frame = 0  # newest request that the viewport got, and has drawn
        self.latency: list[float] = []  # ms, as all below
        self.decode: list[float] = []
        self.surface: list[float] = []
        self.frame: list[float] = []
        self._wires: tuple[tuple[Any, Callable[..., None]], ...] = (
            # After the panel's own slot, so that the request of this value exists already.
            (self._slider.valueChanged, self._moved),
            (document.surface_ready, self._take),
            (window.viewport.mesh_painted, self._painted),
            (window.viewport.frame_drawn, self._swapped),
        )

    def run(self, hertz: float = HERTZ) -> Drag:
        """As fast as a hand moves it, or as it answers where ``hertz`` is 0; returns itself."""
        for signal, slot in self._wires:
            signal.connect(slot)
        start = time.perf_counter()
        for step in range(self._moves):
            if hertz:
                wait(self._app, partial(_is_past, start + step / hertz))
            else:
                wait(self._app, lambda: not self._waiting)
            self._pressed = time.perf_counter()
            self._slider.setValue(place(self._slider, step))
        wait(self._app, lambda: not self._waiting)
        for signal, slot in self._wires:
            signal.disconnect(slot)
        return self

    def _moved(self, _value: int) -> None:
        self._waiting[self._document.asked.number] = self._pressed

    def _take(self, shown: ShownShape) -> None:
        self._given = shown.request.number
        self.decode.append(shown.decode_ms)
        self.surface.append(shown.surface_ms)
        self._given_at = time.perf_counter()

    def _painted(self) -> None:
        self._in_frame = self._given

    def _swapped(self) -> None:
        now = time.perf_counter()
        if self._in_frame == self._given:  # else the newest one was given while this was drawn
            self.frame.append(1e3 * (now - self._given_at))
        for number in [n for n in self._waiting if n <= self._in_frame]:
            self.latency.append(1e3 * (now - self._waiting.pop(number)))


def _is_past(moment: float) -> bool:
    return time.perf_counter() >= moment


def place(slider: Any, step: int) -> int:
    """Where a slider is at a step of a drag: to and fro in two seconds, never twice the same."""
    low, high = slider.minimum(), slider.maximum()
    swing = 0.5 - 0.5 * math.cos(2 * math.pi * step / (2 * HERTZ))
    return int(low + 1 + (high - low - 2) * swing) + step % 2


def measure(moves: int) -> list[Figure]:
    """Opens a window, drags, and closes it."""
    import psutil

    from shapelab.gui import app as start

    with folders_of_its_own():
        app = start.application()
        from shapelab.core.model.shape_model import load_model
        from shapelab.core.paths import DEFAULT_MODEL
        from shapelab.gui.document.document import Document
        from shapelab.gui.main_window import MainWindow

        window = MainWindow(DEFAULT_MODEL)
        window.resize(*SIZE)
        window.show()
        wait(app, lambda: window.document is not None and window.document.shown is not None)
        shipped = window.document
        assert shipped is not None
        figures = _dragged(window, app, moves)
        memory = psutil.Process().memory_info
        before = memory().rss
        Drag(window, app, moves).run()
        growth = (memory().rss - before) / 2**20
        figures += [
            Figure("memory: window with a model", before / 2**20, "MB", GOAL_MB),
            Figure("memory: growth by as many moves", growth, "MB", GOAL_GROWTH_MB),
        ]
        figures += _beside_the_plain_way(window, app)
        procedural = Document(load_model(PROCEDURAL), window)
        window.current.show(procedural)
        figures += _dragged(window, app, moves // 4)
        figures += _beside_the_plain_way(window, app)
        window.current.show(shipped)
        procedural.stop()
        window.close()
        app.processEvents()
    return figures


@contextmanager
def folders_of_its_own() -> Iterator[None]:
    """The window finds no session, and leaves none."""
    names = "XDG_DATA_HOME", "XDG_STATE_HOME"
    before = {name: os.environ[name] for name in names if name in os.environ}
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(dict.fromkeys(names, home))
        try:
            yield
        finally:
            for name in names:
                del os.environ[name]
            os.environ.update(before)


def _dragged(window: MainWindow, app: QApplication, moves: int) -> list[Figure]:
    document = window.document
    assert document is not None
    wait(app, lambda: document.shown is not None and not document.busy)
    Drag(window, app, WARM_UP).run()
    drag = Drag(window, app, moves).run()
    cells = len(document.model.draft(document.session.latent))
    goals: tuple[float | None, float | None] = GOALS_MS.get(cells, (None, None))
    figures = []
    for share, goal in zip((0.5, 0.95), goals, strict=True):
        name = f"{cells}³: slider to frame, p{100 * share:.0f}"
        figures.append(Figure(name, percentile(drag.latency, share), "ms", goal))
    for name in ("decode", "surface", "frame"):
        figures.append(Figure(f"{cells}³: {name}", percentile(getattr(drag, name), 0.5), "ms"))
    return figures


def _beside_the_plain_way(window: MainWindow, app: QApplication) -> list[Figure]:
    import pyvista as pv
    from PySide6.QtCore import Qt
    from skimage import measure as marching
    from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

    document, view = window.document, window.viewport
    assert document is not None
    width, height = view.width(), view.height()
    plotter = pv.Plotter(off_screen=True, window_size=(width, height))
    pixels = vtkUnsignedCharArray()
    base, direction = document.session.latent, document.model.directions.vectors[0, 0]
    wall: dict[str, list[float]] = {"ours": [], "plain": [], "empty": []}
    busy: dict[str, list[float]] = {"ours": [], "plain": [], "empty": []}

    def plain() -> None:
        for step in range(IN_A_ROW):
            latent = base + direction * (0.1 * step)
            occupancy = document.model.decode(latent)
            vertices, faces, _, _ = marching.marching_cubes(occupancy, 0.5)
            plotter.add_mesh(pv.PolyData.from_regular_faces(vertices, faces), name="shape")
            plotter.render_window.Render()
            # Read as the window's frames are: drawing may not have ended before.
            plotter.render_window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, pixels)

    def empty() -> None:
        view.clear()
        for _ in range(IN_A_ROW):
            drawn: list[bool] = []
            view.drawn.connect(partial(drawn.append, True), Qt.ConnectionType.SingleShotConnection)
            view.set_grid(True)
            wait(app, partial(len, drawn))

    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: Drag(window, app, IN_A_ROW).run(hertz=0),
        "plain": plain,
        "empty": empty,
    }
    for number in range(PLAIN_ROUNDS + 1):
        for name, way in ways.items():
            begin, work = time.perf_counter(), time.process_time()
            way()
            if number:  # the first ones warm up
                wall[name].append(time.perf_counter() - begin)
                busy[name].append(time.process_time() - work)
            wait(app, lambda: not document.busy)
    plotter.close()
    took, worked = (
        {name: percentile(spent, 0.5) / IN_A_ROW for name, spent in times.items()}
        for times in (wall, busy)
    )
    grid = f"{len(document.model.draft(base))}³"
    ratios = (times["plain"] / times["ours"] for times in (took, worked))
    return [
        Figure(f"{grid}: as fast as a plain way", next(ratios), "×", GOAL_RATIO, True),
        Figure(f"{grid}: processor of a plain way to ours", next(ratios), "×"),
        Figure(f"{grid}: processor of a move", 1e3 * worked["ours"], "ms"),
        # What no move can do without: the view's own frame, with nothing to be decoded or shown.
        Figure(f"{grid}: of it, of an empty frame", 1e3 * worked["empty"], "ms"),
    ]
