"""Loads a model beside a living window: on a thread, after the first frame, without a stall."""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.gui.base.workers import Task

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

SUFFIX = {"linux": ".so", "darwin": ".dylib"}  # Windows imports torch before Qt: see gui/app.py
VIEW_WAIT_S = 3.0  # the view draws much sooner; if it does not, the model comes first


def load(name: str | Path, view_drawn: threading.Event, task: Task) -> ShapeModel:
    """A model and all that makes shapes of it; on the task's thread, as its imports take seconds.

    The viewport imports VTK on a thread of its own and draws: two imports at once would only slow
    each other down, and loading a library stops all who load or draw.

    Raises:
        ShapelabError: there is no such model, or it is damaged.
    """
    view_drawn.wait(VIEW_WAIT_S)
    task.report("Loading the model…")
    if "shapelab.core.model.shape_model" not in sys.modules:
        load_torch_libraries()
        with no_collection():
            importlib.import_module("shapelab.core.model.shape_model")
            importlib.import_module("shapelab.core.mesh.meshing")
    from shapelab.core.model.shape_model import load_model

    return load_model(name)


def load_torch_libraries() -> None:
    """Load the libraries that `import torch` would load with the GIL held, a stall of the window.

    A foreign function runs without the GIL, and dlopen called again finds what is loaded. What
    fails here fails again in the import, which tells why; so nothing is raised.
    """
    with suppress(OSError, AttributeError, ImportError, ValueError):
        _load(importlib.util.find_spec("torch"), SUFFIX.get(sys.platform))


def _load(torch: ModuleSpec | None, suffix: str | None) -> None:
    if torch is None or torch.origin is None or suffix is None:
        return
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    folder = Path(torch.origin).parent / "lib"
    # As torch does: the first one's symbols are for all, the others' for those who link them.
    # libtorch_python is left to the import, since it may call Python while it is loaded.
    for name, scope in (("libtorch_global_deps", os.RTLD_GLOBAL), ("libtorch", os.RTLD_LOCAL)):
        library = folder / (name + suffix)
        if library.is_file():
            dlopen(os.fsencode(library), os.RTLD_NOW | scope)


@contextmanager
def no_collection() -> Iterator[None]:
    """Without Python's collector, which during large imports stops all threads for a tenth second.

    What was made until then is never looked at again: only for modules, which stay for the life of
    the program. Models and documents that are left then would stay with them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
