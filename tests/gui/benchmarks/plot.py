"""Redraws 5 curves of 100,000 points and prints the time to the painted picture, in ms.

The processor's time is printed too: on a busy machine it is what says something.

pyqtgraph's own drawing of the same curves, as it is and with its downsampling, is timed in turn
with ours in the same run. Run it on a quiet machine, from the checkout:
``xvfb-run -a -s "-screen 0 1440x960x24" python tests/gui/benchmarks/plot.py``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np

from shapelab.core.runs.curves import Curve
from shapelab.gui import app as application

POINTS, ROUNDS, GOAL_MS = 100_000, 40, 20.0
METRICS = ("critic", "wasserstein", "penalty", "kl", "reconstruction")
SIZE = (800, 400)


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(values, share))


def curves() -> list[Curve]:
    random = np.random.default_rng(0)
    made = []
    for nth in range(len(METRICS)):
        curve = Curve()
        noise = random.normal(size=POINTS)
        for step, value in enumerate(5 + nth + 3 * np.exp(-np.arange(POINTS) / 9000) + noise):
            curve.add(step, 0.1 * step, abs(float(value)))
        made.append(curve)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    app = application.application()
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

    def grow() -> None:
        run.step += 1
        for curve in made:
            curve.add(run.step, 0.1 * run.step, 5.0)

    def draw_items(widget: pg.PlotWidget) -> None:
        for item, curve in zip(items[widget], made, strict=True):
            item.setData(curve.steps, curve.values)

    drawings: dict[str, tuple[pg.PlotWidget, Callable[[], None]]] = {
        "ShapeLab, smoothed": (ours, ours.redraw),
        "ShapeLab, raw": (ours, ours.redraw),
        "pyqtgraph as is": (plain, lambda: draw_items(plain)),
        "pyqtgraph, downsampling": (thinned, lambda: draw_items(thinned)),
    }
    for widget in (ours, plain, thinned):
        widget.resize(*SIZE)
        widget.show()
    spent: dict[str, list[float]] = {name: [] for name in drawings}
    worked: dict[str, list[float]] = {name: [] for name in drawings}
    for number in range(rounds + 3):
        for name, (widget, draw) in drawings.items():
            ours.bar.smoothing.setValue(2 if name.endswith("smoothed") else 0)
            app.processEvents()
            grow()
            start, busy = time.perf_counter(), time.process_time()
            draw()
            canvas = ours.grid if widget is ours else widget
            canvas.viewport().repaint()
            if number >= 3:
                spent[name].append(1e3 * (time.perf_counter() - start))
                worked[name].append(1e3 * (time.process_time() - busy))
    reference = percentile(worked["pyqtgraph as is"], 0.5)
    print(f"{len(METRICS)} curves x {POINTS} points, {SIZE[0]} x {SIZE[1]} px, {rounds} rounds")
    for name, values in spent.items():
        p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
        cpu = percentile(worked[name], 0.5)
        print(
            f"{name:24} p50 {p50:6.1f}   p95 {p95:6.1f}   processor p50 {cpu:6.1f}, "
            f"{cpu / reference:.2f} of as is"
        )
    p50 = percentile(spent["ShapeLab, smoothed"], 0.5)
    print(f"goal {GOAL_MS:g} ms: {'met' if p50 <= GOAL_MS else 'missed'} at p50")


if __name__ == "__main__":
    main()
