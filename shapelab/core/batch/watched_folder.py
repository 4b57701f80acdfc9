"""Files that come into a folder, each once it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from shapelab.core.errors import InputError
from shapelab.core.inputs.untrusted_worker import KINDS

SECONDS = 1.0  # between two looks
_Stamp = tuple[int, int]  # bytes, and nanoseconds of the last change


def watched(folder: Path, wait: Callable[[float], bool]) -> Iterator[Path | None]:
    """The pictures, meshes and voxel files in a folder, those that are there first, by their names.

    A file counts when two looks find it the same, so that none is read that is still being
    written; one that is changed later comes again. Folders inside and hidden files do not count.

    Args:
        folder: that is looked into, over and over.
        wait: waits for so many seconds; whether to end.

    Yields:
        Files, and None after each look that found no new one.

    Raises:
        InputError: the folder cannot be looked into, or not any more.
    """
    before: dict[str, _Stamp] = {}
    given: dict[str, _Stamp] = {}
    while True:
        now = _stamps(folder)
        whole = [
            name
            for name, stamp in sorted(now.items())
            if before.get(name) == stamp and given.get(name) != stamp
        ]
        for name in whole:
            given[name] = now[name]
            yield folder / name
        given = {name: stamp for name, stamp in given.items() if name in now}
        before = now
        if not whole:
            yield None
        if wait(SECONDS):
            return


def _stamps(folder: Path) -> dict[str, _Stamp]:
    """All files that could be read, by their names."""
    found: dict[str, _Stamp] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                known = os.path.splitext(entry.name)[1].lower() in KINDS
                if not known or entry.name.startswith("."):
                    continue
                try:
                    status = entry.stat() if entry.is_file() else None
                except OSError:  # it went away between two calls
                    continue
                if status is not None and status.st_size:
                    found[entry.name] = (status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be watched: {error.strerror}.") from None
    return found
