"""Imports torch beside a living window: its libraries are loaded while other threads run."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from pathlib import Path

SUFFIX = {"linux": ".so", "darwin": ".dylib"}  # Windows imports torch before Qt: see gui/app.py


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

    What was made meanwhile stays for the life of the program, so it is never looked at again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
