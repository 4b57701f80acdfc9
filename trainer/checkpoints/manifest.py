"""The manifest of a checkpoint's folder: which files belong to it, and the proof that they do."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapelab.core import files_of_others
from shapelab.core.errors import RunError

NAME = "MANIFEST.json"
FORMAT = 2  # 1 had neither a digest of the manifest itself nor scores

# The digest covers the exact bytes before it, so no flipped bit can hide in the JSON's spelling.
_SEAL = b', "digest": "'  # format 1 has no such key
_BLOCK = 1 << 20
# What a damaged folder or disk answers. Anything else (no permission, too many open files) says
# nothing about the checkpoint.
_DAMAGE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO}
_DAMAGE |= {errno.EINVAL, errno.ELOOP, errno.EFBIG}  # a pipe, a link, too large
_MAX_MANIFEST = 2**16  # bytes
_MAX_FILE = 2**34  # bytes of any other file


class Damaged(Exception):
    """A folder does not hold what was written into it; the text says what is wrong."""


def entry(size: int, sha256: str) -> dict[str, Any]:
    """What the manifest says about one file."""
    return {"size": size, "sha256": sha256}


def to_bytes(files: dict[str, dict[str, Any]]) -> bytes:
    """The manifest of these files, sealed with its own digest."""
    body = json.dumps({"format": FORMAT, "files": files}).encode().removesuffix(b"}")
    return body + _SEAL + _seal(body)


def _seal(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b'"}'


@dataclass(frozen=True)
class Manifest:
    """What a checkpoint's folder must hold, as it says itself."""

    folder: Path
    format: int
    files: dict[str, dict[str, Any]]

    def read(self, name: str) -> bytes:
        """One file, proven.

        Raises:
            Damaged: it is missing or not what was written.
            RunError: it may be whole but cannot be read now.
        """
        with _reading(self.folder / name):
            data = files_of_others.read_bytes(self.folder / name, self._size(name))
        self._compare(name, len(data), hashlib.sha256(data).hexdigest())
        return data

    def check(self) -> None:
        """Proves every file against the disk, without holding it. Raises as ``read`` does."""
        for name in self.files:
            digest, size = hashlib.sha256(), 0
            path = self.folder / name
            with _reading(path), files_of_others.opened(path) as file:
                if hasattr(os, "posix_fadvise"):
                    # Else the system answers from memory, which says nothing about the disk.
                    with suppress(OSError):
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                while block := file.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
            self._compare(name, size, digest.hexdigest())

    def _size(self, name: str) -> int:
        """Bytes that a file may have."""
        claimed = self.files[name].get("size") if isinstance(self.files[name], dict) else None
        if type(claimed) is not int or not 0 <= claimed <= _MAX_FILE:
            raise Damaged(f"{NAME} names absurd sizes")
        return claimed

    def _compare(self, name: str, size: int, sha256: str) -> None:
        if self.files[name] != entry(size, sha256):
            raise Damaged(f"{name} is not what was written")


def read(folder: Path, names: set[str]) -> Manifest:
    """The manifest of a folder that must hold just these files.

    Raises:
        Damaged: there is none, or it is not what was written.
        RunError: a newer ShapeLab wrote it, or it cannot be read now.
    """
    with _reading(folder / NAME):
        data = files_of_others.read_bytes(folder / NAME, _MAX_MANIFEST)
    body, sealed, digest = data.rpartition(_SEAL)
    if sealed and digest != _seal(body):
        raise Damaged(f"{NAME} is not what was written")
    try:
        fields = files_of_others.json_of(data)
    except ValueError:
        raise Damaged(f"{NAME} is not JSON") from None
    if not sealed:
        # Only what format 1 wrote, to the letter: a damaged seal must not pass for none.
        if not isinstance(fields, dict) or fields.keys() != {"files"}:
            raise Damaged(f"{NAME} is not what was written")
        fields["format"] = 1
    if not isinstance(fields, dict) or type(fields.get("format")) is not int:
        raise Damaged(f"{NAME} has no format")
    if fields["format"] > FORMAT:
        raise RunError(
            f"{folder} was written by a newer ShapeLab (format {fields['format']}; "
            f"this one reads up to {FORMAT}); update ShapeLab."
        )
    files = fields.get("files")
    if not isinstance(files, dict) or files.keys() != names:
        raise Damaged(f"{NAME} names other files")
    return Manifest(folder, fields["format"], files)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno in _DAMAGE:
            raise Damaged(f"{path.name}: {reason}") from None
        raise RunError(f"{path} cannot be read ({reason}); try again.") from None
