"""Appends events to ``events.jsonl``; a full disk delays lines instead of ending the run."""

from __future__ import annotations

from pathlib import Path

from shapelab.core.runs.events import Event, to_line

MAX_WAITING = 10_000  # lines held back while the disk is full; the oldest go first


class EventLog:
    """The log of one process; each event is on its way to the disk when ``write`` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[str] = []
        self._whole = False  # whether the file is known to end with a line's end

    def write(self, event: Event) -> None:
        """Adds an event, and those that could not be written before."""
        self._waiting = [*self._waiting, to_line(event)][-MAX_WAITING:]
        text = "".join(line + "\n" for line in self._waiting)
        try:
            with self._path.open("ab") as file:
                if not self._whole and file.tell() and not self._ends_whole():
                    text = "\n" + text  # a crash or a full disk left half a line
                self._whole = False
                file.write(text.encode())
        except OSError:
            return
        self._whole = True
        self._waiting.clear()

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"
