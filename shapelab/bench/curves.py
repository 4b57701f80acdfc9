"""How long live curves take to redraw, beside pyqtgraph as it is and with its own downsampling."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.bench.figures import Figure, percentile

if TYPE_CHECKING:
    from shapelab.core.runs.curves import Curve

POINTS = 100_000
METRICS = ("critic", "wasserstein", "penalty", "kl", "reconstruction")
SIZE = (800, 400)
WARM_UP = 3
GOAL_SHARE = 0.1
SMOOTHED, RAW = "ShapeLab, smoothed", "ShapeLab, raw"
AS_IS, THINNED = "pyqtgraph as it is", "pyqtgraph, downsampling"


def curves() -> list[Curve]:
    """Noisy losses that fall, of `POINTS` steps."""
    from shapelab.core.runs.curves import Curve

    random = np.random.default_rng(0)
    made = []
    steps = np.arange(POINTS)
    for nth in range(len(METRICS)):
        curve = Curve()
        noise = random.normal(size=POINTS)
        values = np.abs(5 + nth + 3 * np.exp(-steps / 9000) + noise)
        curve.extend(list(zip(steps, 0.1 * steps, values, strict=True)))
        made.append(curve)
    return made


def measure(rounds: int) -> list[Figure]:
    """Times of a redraw after one more point a curve, each way in turn."""
    from shapelab.gui import app as start

    app = start.application()
    import pyqtgraph as pg

    from shapelab.gui.plots.loss_plot import LossPlot

    made = curves()
    ours = LossPlot()
    ours.add_run("run", "run")
    run = ours.curves("run")
    run.curves.update(zip(METRICS, made, strict=True))
    run.step = POINTS
    plain, thinned = pg.PlotWidget(), pg.PlotWidget()
    thinned.setDownsampling(auto=True, mode="peak")
    thinned.setClipToView(True)
    items = {
        widget: [widget.plot(pen=pg.mkPen(color, width=1)) for color in "rgbcm"]
        for widget in (plain, thinned)
    }

    def draw(widget: Any) -> None:
        for item, curve in zip(items[widget], made, strict=True):
            item.setData(curve.steps, curve.values)

    drawings: dict[str, tuple[Any, Callable[[], None]]] = {
        SMOOTHED: (ours, ours.redraw),
        RAW: (ours, ours.redraw),
        AS_IS: (plain, lambda: draw(plain)),
        THINNED: (thinned, lambda: draw(thinned)),
    }
    for widget in (ours, plain, thinned):
        widget.resize(*SIZE)
        widget.show()
    spent: dict[str, list[float]] = {name: [] for name in drawings}
    worked: dict[str, list[float]] = {name: [] for name in drawings}
    for number in range(rounds + WARM_UP):
        for name, (widget, redraw) in drawings.items():
            ours.bar.smoothing.setValue(2 if name == SMOOTHED else 0)
            app.processEvents()
            run.step += 1
            for curve in made:
                curve.add(run.step, 0.1 * run.step, 5.0)
            begin, busy = time.perf_counter(), time.process_time()
            redraw()
            canvas = ours.grid if widget is ours else widget
            canvas.viewport().repaint()
            if number >= WARM_UP:
                spent[name].append(1e3 * (time.perf_counter() - begin))
                worked[name].append(1e3 * (time.process_time() - busy))
    for widget in (ours, plain, thinned):
        widget.close()
    as_is = percentile(worked[AS_IS], 0.5)
    figures = [
        Figure(f"curves: {name}", percentile(values, 0.5), "ms") for name, values in spent.items()
    ]
    share = percentile(worked[SMOOTHED], 0.5) / as_is
    return [*figures, Figure("curves: smoothed, to pyqtgraph as it is", share, "×", GOAL_SHARE)]
