"""Who has a project open: of several windows the first one writes, the others read."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from shapelab.core import files_of_others
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError
from shapelab.core.paths import user_folder

MAX_NOTE = 4096  # bytes


class ProjectLock:
    """Holds a project for one window until ``release`` or the end of the process.

    The system frees the lock of a process that was killed, so a file that was left behind locks
    nothing. It lies in the user's own folder: beside the project it would litter, and not be
    possible where that can only be read. Somebody on another machine is noticed when the file is
    saved, by its content.
    """

    def __init__(self, project: Path) -> None:
        # Other names of the file, and of its folder, mean the same project.
        name = hashlib.sha256(os.path.normcase(os.path.realpath(project)).encode()).hexdigest()
        self._path = user_folder() / "locks" / f"{name[:32]}.lock"
        self._lock = FileLock(self._path, thread_local=False)  # read and closed on others

    def acquire(self) -> bool:
        """Tries to hold the project; True as well where the system knows no locks."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(self._path) and not files_of_others.is_plain(self._path):
                return True
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except (OSError, NotImplementedError):
            return True
        with suppress(ExportError):
            atomic_write(self._note, json.dumps({"pid": os.getpid()}).encode())
        return True

    def holder(self) -> int | None:
        """The number of the process that holds the project, as far as it is known."""
        try:
            found: Any = files_of_others.json_of(files_of_others.read_bytes(self._note, MAX_NOTE))
        except (OSError, ValueError):
            return None
        number = found.get("pid") if isinstance(found, dict) else None
        return number if type(number) is int else None

    def release(self) -> None:
        """Lets others write; harmless when it was not held."""
        if self._lock.is_locked:
            with suppress(OSError):
                self._note.unlink(missing_ok=True)
            self._lock.release()

    @property
    def _note(self) -> Path:
        """A file of its own, as Windows forbids reading a locked one."""
        return self._path.with_suffix(".owner")
