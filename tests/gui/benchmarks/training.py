"""Moves a slider of the real window while the training workspace shows a run in training.

Prints the time from slider to frame, idle and while it trains, and the longest time in which the
GUI thread heard nothing. Run it on a quiet machine, from the checkout, with a prepared store:
``xvfb-run -a -s "-screen 0 1440x960x24" python tests/gui/benchmarks/training.py STORE``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from shapelab.bench.dragging import WARM_UP, Drag
from shapelab.bench.figures import percentile

MOVES, BEAT_MS = 200, 5
GOAL_BLOCK_MS, GOAL_RATIO = 100.0, 2.0


class Heart:
    """Beats on the GUI thread; a gap between two beats is a time in which nobody was heard."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(1e3 * (now - self._last))
        self._last = now

    def longest(self) -> float:
        """The longest gap since the last call, ms."""
        gaps, self.gaps = self.gaps, []
        self._last = time.perf_counter()
        return max(gaps, default=0.0)


def wait(app, condition, patience: float = 300) -> None:
    end = time.perf_counter() + patience
    while not condition():
        app.processEvents()
        time.sleep(0.002)
        if time.perf_counter() > end:
            raise SystemExit("it took too long")


def measure(name: str, window, app, heart: Heart, moves: int) -> tuple[float, float]:
    """Median from slider to frame and the longest silence of the GUI thread, both in ms."""
    heart.longest()
    benchmark = Drag(window, app, moves).run()
    values, silent = list(benchmark.latency), heart.longest()  # it goes on listening
    print(
        f"{name:9} slider to frame: p50 {percentile(values, 0.5):6.1f}  p95 "
        f"{percentile(values, 0.95):6.1f}  max {max(values):6.1f} ms; GUI thread silent for at "
        f"most {silent:.0f} ms"
    )
    return percentile(values, 0.5), silent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, help="a prepared store to train on")
    parser.add_argument("--moves", type=int, default=MOVES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_DATA_HOME"] = os.environ["XDG_STATE_HOME"] = home
        from shapelab.gui import app as start

        app = start.application()
        from shapelab.core.runs.presets import preset
        from shapelab.core.runs.store_card import read_card
        from shapelab.core.runs.training_plan import TrainingPlan
        from shapelab.gui.main_window import MainWindow

        window = MainWindow("modelnet10")
        window.resize(1440, 900)
        window.show()
        wait(app, lambda: window.document is not None and window.document.shown is not None)
        heart = Heart()
        window.actions_["training"].trigger()
        wait(app, lambda: window.training.panel is not None)
        print(f"opening the workspace: GUI thread silent for at most {heart.longest():.0f} ms")
        panel = window.training.panel
        Drag(window, app, WARM_UP).run()
        idle, _ = measure("idle", window, app, heart, options.moves)
        card = read_card(options.store)
        config = preset("small", card.classes, card.resolution)
        config = config.model_copy(update={"log_every": 2, "preview_every": 10, "save_every": 20})
        live = panel.start(TrainingPlan(panel.runs_folder / "small-001", options.store, config))
        wait(app, lambda: live.progress.step >= 10 or live.state.ended)
        print(f"starting: GUI thread silent for at most {heart.longest():.0f} ms")
        first, begin = live.progress.step, time.perf_counter()
        busy, silent = measure("training", window, app, heart, options.moves)
        # Previews and a checkpoint come in.
        wait(app, lambda: live.progress.saved or live.state.ended)
        after = heart.longest()
        pace = (live.progress.step - first) / (time.perf_counter() - begin)
        print(f"until a checkpoint is saved: GUI thread silent for at most {after:.0f} ms")
        print(f"trained {pace:.2f} steps a second; state {live.state.value}")
        ratio = busy / idle
        print(f"training to idle: {ratio:.2f} at p50 (goal {GOAL_RATIO:g} or less)")
        print("load of the machine over the last minute:", os.getloadavg()[0], "on", os.cpu_count())
        live.send("stop")
        wait(app, lambda: live.state.ended)
        window.close()
        app.processEvents()
    good = ratio <= GOAL_RATIO and max(silent, after) <= GOAL_BLOCK_MS
    print("goal", "met" if good else "missed")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
