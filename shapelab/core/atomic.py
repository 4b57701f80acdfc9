"""Writes a file so that a crash leaves the old one or the new one, never a half."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from shapelab.core.errors import ExportError

# Virus scanners on Windows hold a new file open for a moment.
_TRIES, _PAUSE_S = 5, 0.1
_WINDOWS = os.name == "nt"


def atomic_write(path: str | Path, data: bytes, new: bool = False) -> None:
    """Writes bytes to a file in one step, on the disk when this returns.

    Args:
        path: The file; its folder must exist.
        data: What it shall hold.
        new: Never replace what is at the path, also if it came a moment ago.

    Raises:
        ExportError: if it cannot be written, or the disk gave back other bytes; whatever was at
            the path before is then still there.
    """
    path = Path(path)
    # os.path: a name too long is no folder either, where Path would raise.
    if not os.path.isdir(path.parent):
        raise ExportError(f"The folder {path.parent} does not exist; choose another one.")
    if os.path.isdir(path):
        raise ExportError(f"{path} is a folder; choose a file name.")
    # Short, so that a name at the file system's limit has room for its draft too.
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        write_through(draft, [data])
        if draft.read_bytes() != data:
            raise ExportError(f"The disk gave back other bytes for {path.name}; use another disk.")
        if new:
            _place(draft, path)
        else:
            replace(draft, path)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise ExportError(f"{path} is there already; choose another name.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ExportError(
            f"{path.name} could not be written ({reason}); choose another place or free some space."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _place(draft: Path, path: Path) -> None:
    """Gives a draft its name unless the name is taken: FileExistsError."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as exFAT
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        replace(draft, path)


def write_through(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Writes a new file and waits until its bytes, if not yet its name, are on the disk.

    Raises:
        OSError: the file exists already, the disk is full …
    """
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def replace(draft: Path, path: Path) -> None:
    """Renames a file or folder; on Windows it asks again while somebody else holds it open.

    Raises:
        OSError: it cannot be renamed, or not within half a second.
    """
    for attempt in range(_TRIES):
        try:
            draft.replace(path)
        except PermissionError:
            if not _WINDOWS or attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def sync_folder(folder: Path) -> None:
    """Makes new names in a folder durable; Windows knows no such call.

    Raises:
        OSError: the folder cannot be opened.
    """
    if _WINDOWS:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Network file systems may refuse; the file itself is safe by then.
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
