"""What a run is asked between two steps: stop, pause, save, sample, other settings.

It may be asked by a signal, by a line on stdin, or by a line in the run's ``commands.txt``.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from shapelab.core.runs.line_reader import LineReader
from shapelab.core.runs.live_settings import settings_of
from shapelab.core.runs.run_folder import COMMANDS

POLL_EVERY_S = 0.25  # at the file of commands: quick for a person, little for a network disk


class Stopped(Exception):
    """A stop was asked for in the middle of something that need not be finished."""


Check = Callable[[], None]  # long work calls it between two batches; what it raises ends the work


Tell = Callable[[str, int, int], None]  # hears what is done, and how many of how many are


def never_stop() -> None:
    """The check of work that nobody wants to stop."""


def say_nothing(_what: str, _done: int, _total: int) -> None:
    """Hears of work that nobody waits for."""


class Control:
    """Requests to a running ``fit``; any thread may set them, the loop takes them."""

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._settings: deque[str] = deque()
        self._changed = threading.Event()
        self.stop = False
        self.paused = False

    def request(self, command: str) -> bool:
        """Notes a command, as ``RunFolder.send`` takes it; False when there is no such command."""
        settings = settings_of(command)
        if command not in COMMANDS and settings is None:
            return False
        if settings is not None:
            self._settings.extend(settings)
        elif command == "stop":
            self.stop = True
        elif command in ("pause", "resume"):
            self.paused = command == "pause"
        else:
            self._asked.add(command)
        self._changed.set()
        return True

    def was_asked(self, command: str) -> bool:
        """Whether 'save' or 'sample' was requested since the last call."""
        if command not in self._asked:
            return False  # nothing to discard: another thread may ask at this moment
        self._asked.discard(command)
        return True

    @property
    def has_settings(self) -> bool:
        """Whether settings were to be changed since the last ``take_settings``."""
        return bool(self._settings)

    def take_settings(self) -> list[str]:
        """The settings that are to be changed, as ``key=value`` texts, in the order of asking."""
        return [self._settings.popleft() for _ in range(len(self._settings))]

    def check(self) -> None:
        """Raises Stopped when a stop was asked for; long work calls it between two batches."""
        if self.stop:
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleeps until a request comes, or the time is over."""
        self._changed.wait(seconds)
        self._changed.clear()

    def listen(self, stream: TextIO) -> None:
        """Takes one command a line from a stream, in the background, until the stream ends."""

        def read() -> None:
            for line in stream:
                self.request(line.strip().lower())

        threading.Thread(target=read, name="control", daemon=True).start()

    @contextmanager
    def following(self, path: Path) -> Iterator[None]:
        """Takes the commands appended to a file from now on, one a line, while the block runs."""
        lines, ended = LineReader(path, at_end=True), threading.Event()

        def poll() -> None:
            while not ended.wait(POLL_EVERY_S):
                for line in lines.read():
                    self.request(line.strip().lower())

        thread = threading.Thread(target=poll, name="commands", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def stop_on_signals(
    request: Callable[[str], Any], saying: str = "stopping after this step; saving …"
) -> None:
    """A signal asks for a stop after this step; a second Ctrl+C ends at once."""

    def stop(_signal: int, _frame: Any) -> None:
        request("stop")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with suppress(OSError, RuntimeError):  # nobody reads, or a print is under way
            print(saying, file=sys.stderr, flush=True)  # noqa: T201

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)
