"""Reads a growing text file: each call gives the lines that came since the last."""

from __future__ import annotations

from pathlib import Path


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
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [line.decode("utf-8", "replace") for line in whole.splitlines()]
