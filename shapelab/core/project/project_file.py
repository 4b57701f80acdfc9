"""The ``.shapelab`` file: a ZIP of what a project holds as JSON, and its pictures by content."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shapelab.core import files_of_others, formatting
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError, InputError

PROJECT_SUFFIX = ".shapelab"
PROJECT_FORMAT = "shapelab-project"
PROJECT_VERSION = 3  # 1: without point clouds and pictures set straight; 2: without scans
CONTENT, PICTURES, PICTURE_SUFFIX = "project.json", "pictures/", ".npz"
MAX_CONTENT = 32 * 2**20  # bytes of JSON; a step of the history has some hundred to a thousand
MAX_BYTES = 256 * 2**20  # of the file, and of all that it unpacks to
MOST_PICTURES = 1000
_DIGEST = re.compile("[0-9a-f]{64}")
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a ZIP: the same project makes the same file

Upgrader = Callable[[dict[str, Any]], dict[str, Any]]
#: From each version to the next: the content as it was to the content as it is.
UPGRADERS: dict[int, Upgrader] = {1: dict, 2: dict}


@dataclass(frozen=True)
class StoredProject:
    """A project as it lies in a file: plain JSON, and the bytes of pictures by their SHA-256."""

    content: dict[str, Any]
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def digest_of(data: bytes) -> str:
    """By what a picture is known in the file: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def encoded(stored: StoredProject) -> bytes:
    """The bytes of a ``.shapelab`` file. Raises ExportError for what could not be read again."""
    document = {
        "format": PROJECT_FORMAT,
        "version": PROJECT_VERSION,
        "pictures": sorted(stored.pictures),
        "project": stored.content,
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    size = len(text) + sum(map(len, stored.pictures.values()))
    if len(text) > MAX_CONTENT or size > MAX_BYTES or len(stored.pictures) > MOST_PICTURES:
        raise ExportError(
            f"The project is too large for one file ({formatting.file_size(size)}); delete kept "
            "shapes that you no longer need, or begin a new project."
        )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_member(CONTENT), text)
        for digest in sorted(stored.pictures):  # quickly: only scans are not packed already
            member = _member(PICTURES + digest + PICTURE_SUFFIX)
            archive.writestr(member, stored.pictures[digest], compresslevel=1)
    return out.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _EARLIEST)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member


def write_project(path: Path, stored: StoredProject, force: bool = False) -> str:
    """Writes a ``.shapelab`` file atomically.

    Args:
        path: of the file.
        stored: what it shall hold.
        force: replace what is there.

    Returns:
        The file's digest, by which it is known whether somebody else wrote it since.

    Raises:
        ExportError: it cannot be written, or one is there already (unless ``force``).
    """
    data = encoded(stored)
    atomic_write(path, data, new=not force)
    return digest_of(data)


def read_project(path: Path) -> tuple[StoredProject, str]:
    """Reads a ``.shapelab`` file, of any version so far; what it says is not yet believed.

    Returns:
        What it holds, and the file's digest.

    Raises:
        InputError: unreadable, no project, damaged or too new.
    """
    try:
        data = files_of_others.read_bytes(path, MAX_BYTES, links=True)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from None
    try:
        return decoded(data), digest_of(data)
    except ValueError:
        raise InputError(f"{path.name} is no ShapeLab project, or it is damaged.") from None
    except InputError as error:
        raise InputError(f"{path.name} {error}") from None


def changed_since(path: Path, digest: str) -> bool:
    """Whether a file is there and holds something else than when it had this digest."""
    try:
        return digest_of(files_of_others.read_bytes(path, MAX_BYTES, links=True)) != digest
    except FileNotFoundError:
        return False
    except OSError:  # it has become something odd
        return True


def decoded(data: bytes) -> StoredProject:
    """The inverse of ``encoded``.

    Raises:
        ValueError: it is no project, or damaged.
        InputError: it is of a newer ShapeLab; the sentence lacks the file's name.
    """
    members = files_of_others.zip_members(data, MAX_BYTES, MOST_PICTURES + 1)
    text = members.pop(CONTENT, b"")
    if len(text) > MAX_CONTENT:
        raise ValueError("its content is too large")
    document = files_of_others.json_of(text)
    content = upgraded(document, "project", PROJECT_FORMAT)
    pictures = {}
    for name, found in members.items():
        digest = name.removeprefix(PICTURES).removesuffix(PICTURE_SUFFIX)
        if name != PICTURES + digest + PICTURE_SUFFIX or digest != digest_of(found):
            raise ValueError("a picture in it is not what it should be")
        pictures[digest] = found
    if document.get("pictures") != sorted(pictures):
        raise ValueError("a picture is missing")
    return StoredProject(content, pictures)


def upgraded(document: Any, key: str, expected: str) -> dict[str, Any]:
    """The content of a document with format and version, as of the newest version.

    Raises:
        ValueError: it is none, or damaged.
        InputError: it is of a newer ShapeLab; the sentence lacks the file's name.
    """
    if not isinstance(document, dict) or document.get("format") != expected:
        raise ValueError("it says another format")
    version, content = document.get("version"), document.get(key)
    if type(version) is not int or version < 1 or not isinstance(content, dict):
        raise ValueError("it has no version or no content")
    if version > PROJECT_VERSION:
        raise InputError(
            f"was saved by a newer ShapeLab (version {version}; this one reads up to "
            f"{PROJECT_VERSION}); please update ShapeLab."
        )
    for step in range(version, PROJECT_VERSION):
        content = UPGRADERS[step](content)
    return content


def is_project(path: Path) -> bool:
    """Whether a name is that of a project's file."""
    return path.name.lower().endswith(PROJECT_SUFFIX)


def is_digest(text: object) -> bool:
    """Whether a text from a file names a picture."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None
