"""What the window's tests share: the end of a widget's threads, waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def threads_end(qtbot: Any) -> Callable[[], None]:
    """Waits for the threads of a stopped widget.

    One whose result has just arrived may still be on its last line; it ends by itself.
    """
    from shapelab.gui.workers import WorkerThread

    return lambda: qtbot.waitUntil(lambda: not WorkerThread.live, timeout=5000)
