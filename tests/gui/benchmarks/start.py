"""Starts the window in fresh processes; prints when it paints and when the shape is there.

Run it on a quiet machine, from the checkout:
``xvfb-run -a -s "-screen 0 1440x960x24" python tests/gui/benchmarks/start.py``.
Seconds count from the start of Python; a stall is a gap of the GUI thread's 10 ms heartbeat.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

RUNS, LIMIT_S, BEAT_MS = 5, 120, 10
GOAL_S = 5.0
CHILD = "--child"


def child(started: float) -> None:
    """One start in this process; prints its times as JSON."""
    from shapelab.gui import app as start

    imported = time.time()
    app = start.application()
    from PySide6.QtCore import QTimer

    from shapelab.gui.main_window import MainWindow

    times = {"Qt imported": imported - started}
    stalls = [0.0]
    last = [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        stalls.append(now - last[0])
        last[0] = now

    class Window(MainWindow):
        def _load(self) -> None:
            times["window painted"] = time.time() - started
            last[0] = time.perf_counter()
            heart.start()
            super()._load()

    def finish() -> None:
        times["first shape on screen"] = time.time() - started
        times["longest stall"] = max(stalls)
        heart.stop()
        window.close()
        app.quit()

    heart = QTimer(interval=BEAT_MS)
    heart.timeout.connect(beat)
    window = Window()
    window.viewport.ready.connect(lambda: times.setdefault("viewport there", time.time() - started))
    window.viewport.frame_drawn.connect(finish)
    window.show()
    app.exec()
    print(json.dumps(times))


def main() -> int:
    runs = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as home:
            environment = dict(os.environ, XDG_DATA_HOME=home, XDG_STATE_HOME=home)
            done = subprocess.run(
                [sys.executable, __file__, CHILD, str(time.time())],
                env=environment,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=True,
            )
            runs.append(json.loads(done.stdout.splitlines()[-1]))
    for name in runs[0]:
        values = [run[name] for run in runs]
        print(f"{name:22} median {statistics.median(values):5.2f} s   worst {max(values):5.2f} s")
    print("load of the machine over the last minute:", os.getloadavg()[0], "on", os.cpu_count())
    good = statistics.median(run["first shape on screen"] for run in runs) <= GOAL_S
    print("goal", "met" if good else "missed", f"({GOAL_S:.0f} s to the first shape)")
    return 0 if good else 1


if __name__ == "__main__":
    if CHILD in sys.argv:
        child(float(sys.argv[-1]))
    else:
        raise SystemExit(main())
