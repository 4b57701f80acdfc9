"""Tests an installation: imports, model, surface, exported file and window, one line each."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shapelab.core import formatting

SIZE_MM = 80.0
WINDOW_S = 60.0  # a cold disk and software OpenGL included
MODULES = ("numpy", "torch", "PySide6.QtWidgets", "vtkmodules.vtkFiltersCore", "pyvistaqt")


def run() -> int:
    """Runs every step, even after a failure; returns 0 only if all passed.

    Without a screen the window step fails too, with the command that gives it one: a computer
    that cannot open ShapeLab's window has not passed.
    """
    found: dict[str, Any] = {}
    steps: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
        ("imports", _imports),
        ("model", _model),
        ("decode", _decode),
        ("surface", _surface),
        ("export and read back", _export),
        ("files of others", _files_of_others),
        ("window", _window),
    )
    passed = [_passes(name, step, found) for name, step in steps]
    return 0 if all(passed) else 1


def _passes(name: str, step: Callable[[dict[str, Any]], str], found: dict[str, Any]) -> bool:
    start = time.perf_counter()
    try:
        note, verdict = step(found), "OK"
    except KeyError as error:
        note, verdict = f"needs the step that makes the {error}", "FAIL"
    except Exception as error:
        note, verdict = f"{type(error).__name__}: {error}", "FAIL"
    seconds = time.perf_counter() - start
    print(f"{verdict:4}  {name:20}  {seconds:6.2f} s  {note}", flush=True)
    return verdict == "OK"


def _imports(_found: dict[str, Any]) -> str:
    if sys.platform == "win32":
        importlib.import_module("torch")  # before Qt, see gui/app.py
    os.environ["QT_API"] = "pyside6"
    modules = [importlib.import_module(name) for name in MODULES]
    versions = [f"{m.__name__} {m.__version__}" for m in modules if hasattr(m, "__version__")]
    return ", ".join(versions)


def _model(found: dict[str, Any]) -> str:
    from shapelab.core.model.shape_model import load_model

    found["model"] = model = load_model()
    return f"{model.name}, {len(model.classes)} classes"


def _decode(found: dict[str, Any]) -> str:
    model = found["model"]
    found["occupancy"] = occupancy = model.decode(model.sample(model.classes[0], seed=0)[0])
    low, high = float(occupancy.min()), float(occupancy.max())
    if occupancy.shape != model.spec.grid or not 0 <= low <= high <= 1:
        raise ValueError(f"the grid has shape {occupancy.shape} and values from {low} to {high}")
    return f"occupancy {low:.2f} to {high:.2f}"


def _surface(found: dict[str, Any]) -> str:
    from shapelab.core.mesh import meshing

    found["mesh"] = mesh = meshing.surface(found["occupancy"])
    return formatting.counted(len(mesh.faces), "triangle")


def _export(found: dict[str, Any]) -> str:
    from shapelab.core.mesh import formats, meshing

    mesh = meshing.finish(found["mesh"], SIZE_MM)
    with tempfile.TemporaryDirectory(prefix="shapelab-") as folder:
        path = Path(folder, "self-test.stl")
        report = formats.write(path, mesh)
        again = formats.decode(path.read_bytes(), ".stl")
    if not report.ok or len(again.faces) != len(mesh.faces):
        raise ValueError("; ".join(report.problems) or "the file differs from the shape")
    return f"closed and manifold, {formatting.extents(report.size_mm, 'mm')}"


def _files_of_others(_found: dict[str, Any]) -> str:
    command = [sys.executable, "-m", "shapelab.core.inputs.process_limits"]
    if subprocess.check_output(command, text=True, timeout=WINDOW_S).strip() == "jail":
        return "are read in a jail: no other file, no network, no program"
    return "are read within limits; this system has no jail to offer"


def _window(_found: dict[str, Any]) -> str:
    from shapelab.gui import app as gui

    problem = gui.screen_problem(os.environ)
    if problem:
        raise RuntimeError("no screen; run it as `xvfb-run -a python -m shapelab self-test`")
    app = gui.application()
    from PySide6.QtCore import QEventLoop, QTimer

    from shapelab.gui.base.settings import WindowSettings
    from shapelab.gui.main_window import MainWindow

    with tempfile.TemporaryDirectory(prefix="shapelab-") as folder:
        window = MainWindow(settings=WindowSettings(Path(folder, "window.ini")))
        outcome: list[bool] = []
        loop = QEventLoop()
        window.settled.connect(outcome.append)
        window.settled.connect(loop.quit)
        QTimer.singleShot(int(WINDOW_S * 1000), loop.quit)
        window.show()
        loop.exec()
        window.close()
        app.processEvents()
    if outcome != [True]:
        raise TimeoutError(f"no shape within {WINDOW_S:.0f} s; the log file says why")
    return "a shape is shown"
