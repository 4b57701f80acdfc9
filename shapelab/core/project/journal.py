"""The journal: every change of a window's project, appended to a file that survives a kill.

Each window has a folder of its own in the user's: the journal, the pictures by content, and a lock
that the system frees when the process ends, however it ends. A line of the journal is a checksum
and JSON: the first holds everything, each other one a patch (``json_patch``). A line that was being
written when the process was killed does not count.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from shapelab.core import files_of_others
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError, InputError
from shapelab.core.paths import user_folder
from shapelab.core.project import json_patch
from shapelab.core.project.project_file import (
    MAX_BYTES,
    MAX_CONTENT,
    MOST_PICTURES,
    PICTURE_SUFFIX,
    PROJECT_VERSION,
    StoredProject,
    digest_of,
    is_digest,
    upgraded,
)

JOURNAL_FORMAT = "shapelab-journal"
MOST_APPENDED = 16 * 2**20  # bytes of patches; then the file begins anew
MAX_JOURNAL = 2 * MAX_CONTENT + MOST_APPENDED
LOCK_PATIENCE_S = 1.0  # somebody who lists journals holds a lock for an instant
_FILE, _LOCK, _PICTURES = "journal.jsonl", "lock", "pictures"


@dataclass(frozen=True)
class Standing:
    """How a window's project stands to its file."""

    path: str = ""  # of the file; empty where it never had one
    digest: str = ""  # of the file as this window read or wrote it
    modified: bool = False  # whether the file lacks something
    ended: bool = False  # whether the window was closed, and not killed


@dataclass(frozen=True)
class LeftBehind:
    """A journal that no window writes any more."""

    folder: Path
    standing: Standing
    changed: float  # when it was last written, seconds since 1970


def journals() -> Path:
    """The folder with a folder for each window's journal."""
    return user_folder() / "autosave"


class Journal:
    """Writes one window's journal; for one thread. Nothing is on the disk before ``write``."""

    def __init__(self, folder: Path | None = None) -> None:
        """Args: folder: of a journal that was left behind, to go on with; else a new one."""
        self.folder = folder or journals() / secrets.token_hex(6)
        self._lock = FileLock(self.folder / _LOCK, thread_local=False)
        self._written: dict[str, Any] | None = None  # what the file says by now
        self._appended = 0
        self._added = 0  # bytes of pictures since the file began

    def take(self) -> bool:
        """Makes the folder this window's; False where another one has it."""
        if self._lock.is_locked:
            return True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(self.folder / _LOCK):
                files_of_others.opened(self.folder / _LOCK).close()  # no link, no pipe
            self._lock.acquire(timeout=LOCK_PATIENCE_S)
        except Timeout:
            return False
        except OSError as error:
            raise _unwritable(error) from None
        return True

    def write(
        self, content: dict[str, Any], pictures: Mapping[str, bytes], standing: Standing
    ) -> None:
        """Makes the file say this: with a patch where it can, else anew.

        Args:
            content: of the project, as plain JSON; must not be changed afterwards.
            pictures: those that it names, by digest.
            standing: of the project to its file.

        Raises:
            ExportError: the disk refuses; what was written before is still there.
        """
        self.take()
        header = {"format": JOURNAL_FORMAT, "version": PROJECT_VERSION}
        said = {"project": content, "pictures": list(pictures), "standing": asdict(standing)}
        document = header | said
        try:
            self._write_pictures(pictures)
            full = self._appended > MOST_APPENDED or self._added > MAX_BYTES
            if self._written is None or full:
                self._written = None
                atomic_write(self.folder / _FILE, _line(document))
                self._appended = self._added = 0
                self._drop_pictures(pictures)
            elif patch := json_patch.difference(self._written, document):
                self._written = None  # unless all goes well, the next time begins anew
                self._append(_line(patch))
            self._written = document
        except OSError as error:
            raise _unwritable(error) from None
        except ExportError as error:  # it names a file that nobody has chosen
            cause = error.__cause__
            raise _unwritable(cause if isinstance(cause, OSError) else error) from None

    def _append(self, line: bytes) -> None:
        with files_of_others.opened(self.folder / _FILE, "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._appended += len(line)

    def _write_pictures(self, pictures: Mapping[str, bytes]) -> None:
        folder = self.folder / _PICTURES
        missing = [each for each in pictures if not _picture(folder, each).exists()]
        if missing:
            folder.mkdir(exist_ok=True)
        for digest in missing:
            atomic_write(_picture(folder, digest), pictures[digest])
            self._added += len(pictures[digest])

    def _drop_pictures(self, named: Mapping[str, bytes]) -> None:
        """Takes away what no line names any more: else a session that comes back only grows."""
        for digest, path in _pictures_in(self.folder):
            if digest not in named:
                with suppress(OSError):
                    path.unlink()

    def release(self) -> None:
        """Leaves the journal as it is, for another window to go on with."""
        self._lock.release()

    def discard(self) -> None:
        """Takes the journal away, for all that it held is kept elsewhere or not wanted."""
        self.release()
        shutil.rmtree(self.folder, ignore_errors=True)  # follows no links


def _unwritable(error: OSError | ExportError) -> ExportError:
    reason = (isinstance(error, OSError) and error.strerror) or "the disk refuses"
    return ExportError(
        f"Changes cannot be kept against a crash ({reason}); save the project, or free some space."
    )


def _picture(folder: Path, digest: str) -> Path:
    return folder / (digest + PICTURE_SUFFIX)


def _line(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def left_behind() -> list[LeftBehind]:
    """The journals of windows that have ended, the newest first; odd ones are passed over."""
    found = []
    with suppress(OSError):
        for folder in sorted(journals().iterdir()):
            with suppress(OSError, InputError):
                changed = (folder / _FILE).lstat().st_mtime
                if _is_free(folder):
                    document = _document(folder)
                    found.append(LeftBehind(folder, _standing(document), changed))
    return sorted(found, key=lambda each: each.changed, reverse=True)


def _is_free(folder: Path) -> bool:
    if os.path.lexists(folder / _LOCK) and not files_of_others.is_plain(folder / _LOCK):
        return False
    lock = FileLock(folder / _LOCK)  # Windows takes the file away where it is freed
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return False
    lock.release()
    return True


def read_journal(folder: Path) -> tuple[StoredProject, Standing]:
    """The project that a journal holds, up to its last whole line.

    Raises:
        InputError: there is none, or it is damaged from its beginning.
    """
    document = _document(folder)
    try:
        content = upgraded(document, "project", JOURNAL_FORMAT)
        pictures = dict(_read_pictures(folder, document.get("pictures")))
        return StoredProject(content, pictures), _standing(document)
    except OSError as error:
        raise InputError(f"The journal cannot be read: {error.strerror}.") from None
    except ValueError:
        raise InputError("The journal of unsaved changes is damaged.") from None
    except InputError as error:
        raise InputError(f"The journal of unsaved changes {error}") from None


def _document(folder: Path) -> dict[str, Any]:
    try:
        data = files_of_others.read_bytes(folder / _FILE, MAX_JOURNAL)
        lines = _whole_lines(data)
        document = next(lines, None)
        for patch in lines:
            document = json_patch.patched(document, patch)
    except OSError as error:
        raise InputError(f"The journal cannot be read: {error.strerror}.") from None
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("format") != JOURNAL_FORMAT:
        raise InputError("The journal of unsaved changes is damaged.")
    return document


def _whole_lines(data: bytes) -> Iterator[Any]:
    """What each line says, up to the first that was not written to its end."""
    for line in data.split(b"\n")[:-1]:
        checksum, _, text = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            return
        yield files_of_others.json_of(text)


def _standing(document: dict[str, Any]) -> Standing:
    said = document.get("standing")
    if not isinstance(said, dict):
        raise InputError("The journal of unsaved changes is damaged.")
    path, digest = said.get("path"), said.get("digest")
    return Standing(
        path if isinstance(path, str) and "\0" not in path else "",
        digest if isinstance(digest, str) else "",
        said.get("modified") is not False,  # in doubt somebody would miss it
        said.get("ended") is True,
    )


def _read_pictures(folder: Path, named: Any) -> Iterator[tuple[str, bytes]]:
    """Those that the last line names, as far as they are sound; ValueError if that is odd."""
    if not isinstance(named, list) or len(named) > MOST_PICTURES:
        raise ValueError("it does not name its pictures")
    left = MAX_BYTES
    for digest, path in _pictures_in(folder):
        if digest in named:
            data = files_of_others.read_bytes(path, left)
            left -= len(data)
            if digest_of(data) == digest:
                yield digest, data


def _pictures_in(folder: Path) -> list[tuple[str, Path]]:
    """Digest and path of each picture's file."""
    with suppress(FileNotFoundError):
        paths = sorted((folder / _PICTURES).iterdir())
        return [(p.stem, p) for p in paths if is_digest(p.stem) and p.suffix == PICTURE_SUFFIX]
    return []
