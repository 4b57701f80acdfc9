"""What is freed is the system's again."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from shapelab.gui.base import memory

pytestmark = pytest.mark.skipif(
    not (sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallinfo2")),
    reason="only glibc keeps what is freed, and says how much since 2.33",
)

RESIDENT = """
import sys
from pathlib import Path
from shapelab.gui.base import memory

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20
"""

# Like a model that is loaded: a file's bytes, freed; then weights, and small things between them.
LOADS = """
if sys.argv[1] == "given back":
    memory.limit()
data = b"x" * (24 * 2**20)
del data
before = resident()
weights, small = [], []
for _ in range(20):
    weights.append(b"x" * (4 * 2**20))
    small.append(b"x" * 100_000)
assert resident() > before + 79
del weights
print(resident() - before)
"""

# Like an hour's work: threads that end, and of what they made one in a hundred stays.
WORKS = """
import threading

memory.limit()
before, kept = resident(), []

def work():
    made = [b"x" * 60_000 for _ in range(1500)]
    kept.extend(made[::100])

for _ in range(8):
    together = [threading.Thread(target=work) for _ in range(2)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
if sys.argv[1] == "given back":
    memory.give_back()
print(resident() - before)
"""


def grown(program: str, way: str) -> float:
    """MiB that a program takes at its end."""
    command = [sys.executable, "-c", RESIDENT + program, way]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return float(done.stdout)


@pytest.mark.parametrize(("way", "least", "most"), [("kept", 20, 90), ("given back", -5, 5)])
def test_weights_that_are_freed_leave_no_memory_behind(way: str, least: float, most: float) -> None:
    assert least < grown(LOADS, way) < most


def test_pages_between_what_stays_are_given_back() -> None:
    kept, given_back = grown(WORKS, "kept"), grown(WORKS, "given back")
    assert kept > memory.MOST_FREE / 2**20
    assert given_back < kept / 3


def test_a_training_gets_no_limit_but_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.KERNELS, "")  # which is put back, as delenv alone would not
    monkeypatch.delenv(memory.KERNELS)
    memory.limit()
    before = {name: value for name, value in os.environ.items() if name != memory.KERNELS}
    assert memory.unlimited(os.environ) == before
    monkeypatch.setenv(memory.KERNELS, "77")
    memory.limit()
    assert memory.unlimited(os.environ) == before | {memory.KERNELS: "77"}
