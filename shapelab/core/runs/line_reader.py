"""Reads a growing text file: each call gives the lines that came since the last."""

from __future__ import annotations

import os
from pathlib import Path

from shapelab.core import files_of_others

MAX_BYTES = 32 * 2**20  # at once; of a longer history the oldest is left out
MAX_LINES = 200_000
MAX_LINE = 64 * 2**10  # bytes; a longer one is passed over


class LineReader:
    """The lines of a file that another process appends to, on this machine or on a shared disk.

    The file is opened anew for each call, which is what makes network file systems look again.

    Args:
        path: the file; it may come into being later.
        at_end: leave out what it holds now.
    """

    def __init__(self, path: Path, at_end: bool = False) -> None:
        self._path = path
        self._offset = 0
        if at_end:
            self.read()

    def read(self) -> list[str]:
        """New lines, oldest first, without their ends. One still being written waits."""
        try:
            with files_of_others.opened(self._path, links=True) as file:
                skipped = os.fstat(file.fileno()).st_size - MAX_BYTES - self._offset
                file.seek(self._offset + max(0, skipped))
                data = file.read(MAX_BYTES)
        except OSError:
            return []
        self._offset += max(0, skipped)
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole) or (len(data) if len(data) == MAX_BYTES else 0)
        if skipped > 0:  # the first one is but the end of a line
            whole = whole[whole.find(b"\n") + 1 :]
        lines = (line for line in whole.splitlines()[-MAX_LINES:] if len(line) <= MAX_LINE)
        return [line.decode("utf-8", "replace") for line in lines]
