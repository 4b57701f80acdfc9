"""What the commands need before they begin, and how many shapes a second become files."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shapelab.bench.figures import Figure
from shapelab.core.errors import ShapelabError

LIMIT_S = 300
SHAPES = 24
GOAL_BEYOND_S, GOAL_SHAPES = 1.0, 8.0
#: The second call of a command in one process imports nothing more.
TWICE = """
import sys, time, torch
from io import StringIO
torch_s = time.process_time()
def call():
    start, out, sys.stdout = time.process_time(), sys.stdout, StringIO()
    from shapelab.cli import main
    code, sys.stdout = main(sys.argv[1:]), out
    assert code == 0, code
    return time.process_time() - start
first = call()
print(torch_s, first - call())
"""


def measure(runs: int) -> list[Figure]:
    """Processor seconds that a command's own imports take, and torch's; shapes to STL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample = ["sample", "--class", "chair", "-o", str(folder / "a.stl"), "--force"]
        made = [sample[-2], "-o", str(folder / "b.stl"), "--force"]
        calls = {"sample": sample, "info": ["info", "modelnet10"], "reconstruct": ["reconstruct"]}
        calls["reconstruct"] += made
        figures = []
        for command, arguments in calls.items():
            both = [_seconds(arguments) for _ in range(runs)]
            torch, beyond = (statistics.median(column) for column in zip(*both, strict=True))
            if command == "sample":
                figures.append(Figure("commands: `import torch`", torch, "s"))
            figures.append(
                Figure(f"commands: `{command}` beyond torch", beyond, "s", GOAL_BEYOND_S)
            )
        figures.append(_shapes(folder))
    return figures


def _seconds(arguments: list[str]) -> tuple[float, float]:
    """Processor seconds of ``import torch``, and of what a command imports beyond it."""
    done = subprocess.run(
        [sys.executable, "-c", TWICE, *arguments],
        env=dict(os.environ, OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise ShapelabError(f"A command failed: {(done.stderr or 'no reason').splitlines()[-1]}.")
    torch, beyond = done.stdout.split()[-2:]
    return float(torch), float(beyond)


def _shapes(folder: Path) -> Figure:
    """Shapes to STL in a second of a core."""
    from shapelab.core.model.shape_model import load_model
    from shapelab.core.session.shape_file import SavedShape
    from shapelab.core.session.shape_state import seeded_state
    from shapelab.output import ShapeWriter

    model, writer = load_model(), ShapeWriter(80.0, {}, force=True)
    for seed in range(SHAPES + 1):
        shape = SavedShape(seeded_state(model, "chair", seed))
        writer.write(model, shape, folder / "shape.stl")
        if not seed:
            start = time.process_time()
    speed = SHAPES / (time.process_time() - start)
    return Figure("commands: shapes to STL a second of a core", speed, "/s", GOAL_SHAPES, True)
