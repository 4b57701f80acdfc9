"""What the tables of hostile files share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from shapelab.core.errors import clean

Case = tuple[str, Callable[[Path], None]]  # what is wrong, and what makes it in an empty folder

DEEP = "[" * 200_000 + "]" * 200_000
DIGITS = "7" * 5000
ESCAPE = "\x1b[31m\x07red\u202e<b>&"


def fifo(path: Path) -> None:
    """A pipe that nobody writes to: opening it waits for ever."""
    os.mkfifo(path)


def sparse(path: Path, size: int, start: bytes = b"") -> None:
    """A file that claims a size and takes no room."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)


def later(make: Callable[[], Callable[[Path], None]]) -> Callable[[Path], None]:
    """What takes memory is made when its turn comes."""
    return lambda folder: make()(folder)


def unchanged(text: str) -> str:
    """Asserts that a text may be shown."""
    assert clean(text) == text, repr(text[:300])
    return text
