"""The files of a source, be it a folder, a ZIP archive as downloaded or one file.

Links are never followed, hidden files and macOS' ``__MACOSX`` are passed over, depth and number of
files are capped, and nothing is unpacked on disk: members of an archive are read with a cap. A
prepared store that lies in its own source is none of its shapes.
"""

from __future__ import annotations

import io
import os
import stat
import weakref
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

from shapelab.core import files_of_others, formatting
from shapelab.core.errors import DataError, InputError
from shapelab.core.inputs import untrusted_reader

MAX_FILES = 1_000_000
MAX_DEPTH = 16
PEEK = 20_000  # files that are looked at to know what kind of source it is
_STORE = {"index.json", "shapes.npy", "pieces.npy"}  # names in a prepared store
_ZIPPED = (".3mf", ".npz")  # formats of one shape, or of one array of them, that are archives too
_MAX_DIRECTORY = 24 * 2**20  # bytes of an archive's directory: about 200,000 members


def files(source: Path) -> list[str]:
    """The names of all files under a source, with slashes, relative to it and sorted.

    A source that is one file holds its own name.

    Raises:
        DataError: there is no such source, it is too large, or the archive is damaged.
    """
    names = list(islice(_names(source), MAX_FILES + 1))
    if len(names) > MAX_FILES:
        raise DataError(
            f"{source} holds more than {formatting.count(MAX_FILES)} files; name a folder in it."
        )
    return sorted(names)


def peek(source: Path) -> list[str]:
    """The first names that a walk meets, at most ``PEEK``: enough to know the kind of source."""
    return list(islice(_names(source), PEEK))


def place(source: Path, name: str) -> tuple[Path, str]:
    """``path`` and ``member`` of the item that is the file ``name`` of a source."""
    if _is_archive(source):
        return source, name
    return (source, "") if source.is_file() else (source / name, "")


def content(path: Path, member: str) -> bytes:
    """The bytes of one file of a source, where it is a member of an archive.

    Raises:
        InputError: one sentence.
    """
    try:
        with _member(_archive(str(path), path.stat().st_mtime_ns), member) as stream:
            data = stream.read(
                untrusted_reader.MAX_BYTES + 1
            )  # what the directory claims is not believed
    except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"'{member}' cannot be taken out of {path.name}: {error}.") from error
    except Exception as error:  # zipfile, zlib and lzma raise their own on damaged members
        raise InputError(f"'{member}' of {path.name} is damaged; download it again.") from error
    if len(data) > untrusted_reader.MAX_BYTES:
        raise untrusted_reader.too_large(member)
    return data


def start_of(source: Path, name: str, size: int) -> bytes:
    """The first bytes of a small file of a source, such as a table.

    Raises:
        InputError: one sentence.
    """
    path, member = place(source, name)
    if member:
        return content(path, member)[:size]
    with opened(path) as file:
        return file.read(size)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Opens a member by its name with slashes; old programs of Windows write backslashes."""
    try:
        return archive.open(name)
    except KeyError:
        return archive.open(name.replace("/", "\\"))


def outer(source: Path) -> str:
    """The name that stands for the source itself, such as of a class: without ``.zip``."""
    name = source.resolve().name
    return name[: -len(".zip")] if name.lower().endswith(".zip") else name


def folders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name; neither links nor hidden ones."""
    try:
        with os.scandir(folder) as entries:
            kept = [e.name for e in entries if not _passed_over(e.name) and _is_folder(e)]
    except OSError:
        return []
    return [folder / name for name in sorted(kept)]


def plain(folder: Path) -> list[str]:
    """The names of the regular files in a folder, sorted; neither links nor hidden ones."""
    try:
        with os.scandir(folder) as entries:
            found = [e.name for e in entries if e.is_file(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(name for name in found if not _passed_over(name))


def tops(source: Path) -> list[Path]:
    """The source, and the folders that stand around a release: the only one in it, and so on."""
    found = [source]
    while len(found) < 4 and len(inside := folders(found[-1])) == 1:
        found.append(inside[0])
    return found


def _names(source: Path) -> Iterator[str]:
    if _is_archive(source):
        yield from _members(source)
    elif source.is_file():
        yield source.name
    elif source.is_dir():
        yield from _walk(source.resolve(), "", 0)
    else:
        raise DataError(f"There is no folder or file {source}; please check its name.")


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            found = sorted((e for e in entries if not _passed_over(e.name)), key=lambda e: e.name)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(
            f"The folder {folder} cannot be read ({reason}); check your rights on it."
        ) from error
    if {entry.name for entry in found} >= _STORE:
        return
    for entry in found:
        if entry.is_file(follow_symlinks=False):
            yield prefix + entry.name
        elif _is_folder(entry):
            if depth >= MAX_DEPTH:
                raise DataError(f"{entry.path} lies too deep; name a folder further inside.")
            yield from _walk(folder / entry.name, f"{prefix}{entry.name}/", depth + 1)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _passed_over(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _is_archive(source: Path) -> bool:
    """Whether it is a ZIP archive by its content; what ends in .zip and is none is damaged."""
    suffix = source.suffix.lower()
    if suffix in _ZIPPED or not source.is_file():
        return False
    return suffix == ".zip" or _begins_as_archive(str(source), source.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _begins_as_archive(path: str, changed: int) -> bool:
    del changed  # is there to notice another file of the same name
    try:
        with opened(Path(path)) as file:
            return file.read(4) == b"PK\x03\x04"
    except (InputError, OSError):
        return False


def _members(source: Path) -> Iterator[str]:
    """The names of plain members that stay inside; links, ``..`` and roots are passed over."""
    for info in _archive(str(source), source.stat().st_mtime_ns).infolist():
        name = info.filename.replace("\\", "/")
        parts = name.split("/")
        if info.is_dir() or ":" in name:
            continue
        if stat.S_ISLNK(info.external_attr >> 16) or len(parts) > MAX_DEPTH:
            continue
        if not any(part in ("", ".", "..") or _passed_over(part) for part in parts):
            yield name


@lru_cache(maxsize=2)
def _archive(path: str, changed: int) -> zipfile.ZipFile:
    """An open archive; kept, as reading its directory takes longer than one of its members."""
    del changed  # is there to notice another file of the same name
    stream = _Capped(path)
    try:
        archive = zipfile.ZipFile(stream)
    except Exception as error:  # ten kinds on damaged archives
        stream.close()
        raise DataError(
            f"{Path(path).name} is damaged or no ZIP archive; download it again."
        ) from error
    weakref.finalize(archive, stream.close)
    return archive


class _Capped(io.FileIO):
    """A file that never gives much at once: ``zipfile`` reads a directory of any size in one go."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = _MAX_DIRECTORY + 1
        if size > _MAX_DIRECTORY + 1:
            raise ValueError("the directory of the archive is too large")
        return super().read(size) or b""


def opened(path: Path) -> IO[bytes]:
    """Opens a plain file for reading; pipes and devices could wait for ever."""
    try:
        return files_of_others.opened(path, links=True)
    except OSError as error:
        raise InputError(f"'{path.name}' cannot be opened ({error.strerror}).") from error
