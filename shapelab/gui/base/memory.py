"""Memory that is free goes back to the system; only glibc's allocator needs to be told so.

It keeps what is freed for the next to ask: a window that has held ten shapes and three models and
now holds one would go on taking what those took, in pages that lie between small blocks.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from contextlib import suppress

from PySide6.QtCore import QObject, QTimer

LARGE_BLOCK = 2**20  # bytes
MOST_ARENAS = 2  # the main thread's, and one for all others
MOST_FREE = 48 * 2**20  # bytes that may lie about
EVERY_MS = 20_000
KERNELS, FEW_KERNELS = "ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128"  # some of 256 KB; of itself 1024
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h


class _Figures(ctypes.Structure):
    """``struct mallinfo2`` of glibc's malloc.h."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def limit() -> None:
    """Sets how much the allocators keep; to be called before torch is imported.

    Large blocks get pages of their own, which are the system's again once they are freed. glibc
    does so from 128 KB on, but raises that limit, up to 32 MB, whenever it frees such a block.
    Weights, grids and pictures then lie among small blocks, and one of these that stays keeps all
    the free ones around it. A limit that is set is not raised. Each thread that is started may get
    an arena of its own, up to eight a core, and what it frees there no other thread takes.
    """
    os.environ.setdefault(KERNELS, FEW_KERNELS)
    if sys.platform.startswith("linux"):
        with suppress(AttributeError):  # musl
            own = ctypes.CDLL(None).mallopt
            own(M_MMAP_THRESHOLD, LARGE_BLOCK)
            own(M_ARENA_MAX, MOST_ARENAS)


def unlimited(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what `limit` put there: a training uses more kernels at once."""
    ours = {KERNELS: FEW_KERNELS}
    return {name: value for name, value in environment.items() if ours.get(name) != value}


def give_back() -> None:
    """Returns the free pages to the system, if there are many: some 10 ms."""
    if not sys.platform.startswith("linux"):
        return
    with suppress(AttributeError):  # musl, and glibc before 2.33
        libc = ctypes.CDLL(None)
        libc.mallinfo2.restype = _Figures
        if libc.mallinfo2().fordblks > MOST_FREE:
            libc.malloc_trim(0)


class MemoryKeeper(QObject):
    """Gives free memory back every now and then, as long as its parent lives."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._clock = QTimer(self, interval=EVERY_MS)
        self._clock.timeout.connect(give_back)
        self._clock.start()
