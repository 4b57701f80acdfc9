"""Loading torch's libraries ahead of the import, and what happens when that fails."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import subprocess
import sys

import pytest

from shapelab.gui.window import model_loading

CHILD = """
import sys
from shapelab.gui.window.model_loading import load_torch_libraries
load_torch_libraries()
assert "torch" not in sys.modules
assert "libtorch_cpu" in open("/proc/self/maps").read()
import torch
print(torch.ones(2).sum().item())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_torch_finds_its_libraries_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "2.0"), done.stderr


def test_no_failure_gets_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", fail)
    model_loading.load_torch_libraries()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    model_loading.load_torch_libraries()


def test_the_collector_is_back_after_an_error() -> None:
    seen = []

    def fail() -> None:
        with model_loading.no_collection():
            seen.append(gc.isenabled())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen == [False]
    assert gc.isenabled()
    gc.unfreeze()
