"""How long the window takes to be painted and to show its first shape, in fresh processes.

A stall is a gap of the GUI thread's heartbeat after the paint.
"""

from __future__ import annotations

import atexit
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from shapelab.bench.figures import Figure
from shapelab.core.errors import ShapelabError

LIMIT_S, BEAT_MS = 300, 10
GOAL_PAINTED_S, GOAL_SHAPE_S, GOAL_STALL_S = 0.6, 3.0, 0.1
CHILD = "import sys; from shapelab.bench.starting import child; child(*sys.argv[1:])"
TORCH = "import time, torch; print(time.process_time())"


def measure(runs: int) -> list[Figure]:
    """Medians of some starts; each after an ``import torch`` alone, to compare with."""
    starts, torch = [], []
    one_start()  # compiles what is imported, and fills the system's caches
    for _ in range(runs):
        torch.append(float(_python(TORCH)))
        starts.append(one_start())

    def median(name: str) -> float:
        return float(statistics.median(each[name] for each in starts))

    return [
        Figure("start: window painted", median("painted"), "s", GOAL_PAINTED_S),
        Figure(
            "start: processor to the paint, to that of `import torch`",
            median("painted_cpu") / statistics.median(torch),
            "×",
        ),
        Figure("start: modules before the paint", median("modules"), ""),
        Figure("start: first shape", median("shape"), "s", GOAL_SHAPE_S),
        Figure("start: longest stall", median("stall"), "s", GOAL_STALL_S),
    ]


def one_start(*project: Path) -> dict[str, float]:
    """Times of one start in seconds, and how many modules it took; with a project if one is given.

    Raises ShapelabError when it fails.
    """
    said = _python(CHILD, str(time.time()), *map(str, project))
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def _python(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints. Raises ShapelabError when it fails."""
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, XDG_DATA_HOME=home, XDG_STATE_HOME=home)
        # Compiled once, as an installation is; some machines compile at every start.
        if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
            environment["PYTHONPYCACHEPREFIX"] = _compiled()
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    if done.returncode:
        raise ShapelabError(f"A start failed: {(done.stderr or 'no reason').splitlines()[-1]}.")
    return done.stdout


@cache
def _compiled() -> str:
    """A folder for what Python compiles, until this process ends."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return folder.name


def child(begun: str, project: str | None = None) -> None:
    """One start in this process; prints its times in seconds as JSON."""
    started = float(begun)
    from shapelab.gui import app as start

    app = start.application()
    from PySide6.QtCore import QTimer

    from shapelab.gui.window.model_loading import no_collection

    with no_collection():
        from shapelab.gui.main_window import MainWindow

    times: dict[str, Any] = {}
    beats: list[float] = []

    class Window(MainWindow):
        def _load(self) -> None:
            times.update(painted=time.time() - started, painted_cpu=time.process_time())
            times.update(modules=len(sys.modules))
            heart.start()
            super()._load()

    def finish() -> None:
        if "shape" not in times:
            times["shape"] = time.time() - started
            gaps = (b - a for a, b in pairwise(beats))
            times["stall"] = max(gaps, default=0.0)
            heart.stop()
            window.close()
            app.quit()

    heart = QTimer(interval=BEAT_MS)
    heart.timeout.connect(lambda: beats.append(time.perf_counter()))
    window = Window(project=None if project is None else Path(project))
    window.viewport.frame_drawn.connect(finish)
    window.show()
    app.exec()
    sys.stdout.write(json.dumps(times) + "\n")
