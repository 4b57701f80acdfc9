"""The one way in for files of others: nothing in them is believed before it is checked.

Only a regular file is opened, without waiting for anybody; it has a size cap before a byte is read;
what is parsed has caps on depth and digits. Every failure is an OSError with words for people, or a
ValueError: who asked for the file says in its own error what that means.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import stat
import sys
import zipfile
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from shapelab.core import formatting
from shapelab.core.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_DEPTH = 32  # of lists in lists; ours have four
MAX_DIGITS = 100  # of a whole number
MAX_NPY_HEADER = 4096  # bytes of a .npy file's header
_MAX_DOTS = 100  # on a line of TOML, where a number or a path has a few
_MAX_MEMBERS = 64  # of an .npz
_PART = 2**20  # bytes that are unpacked at once


def is_plain(path: Path) -> bool:
    """Whether there is a regular file, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def opened(path: Path, mode: Literal["rb", "ab"] = "rb", links: bool = False) -> IO[bytes]:
    """Opens a regular file; a pipe or device, which could wait for ever, is refused at once.

    Args:
        path: of the file.
        mode: to read, or to append; then it may come into being.
        links: whether a link to a file will do, as where a person has named it.

    Raises:
        OSError: there is no such file, it is none, or the system refuses; ``strerror`` says it.
    """
    try:
        found = os.stat(path, follow_symlinks=links)
    except FileNotFoundError:
        if mode == "rb":
            raise
    except ValueError as error:  # a name with a null in it
        raise OSError(errno.EINVAL, "there can be no such file") from error
    else:
        _check_regular(found.st_mode)
    flags = os.O_RDONLY if mode == "rb" else os.O_WRONLY | os.O_APPEND | os.O_CREAT
    for name in ("O_BINARY", "O_NONBLOCK", "O_CLOEXEC", *(() if links else ("O_NOFOLLOW",))):
        flags |= getattr(os, name, 0)
    handle = os.open(path, flags, 0o666)
    try:
        _check_regular(os.fstat(handle).st_mode)  # another may lie there since
        return os.fdopen(handle, mode)
    except BaseException:
        os.close(handle)
        raise


def _check_regular(mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a link")
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a plain file")


def read_bytes(path: Path, most: int, links: bool = False) -> bytes:
    """All bytes of a regular file of at most so many. Raises OSError as ``opened`` does."""
    with opened(path, links=links) as file:
        claimed = os.fstat(file.fileno()).st_size
        data = b"" if claimed > most else file.read(claimed + 1)  # not `most`: it is taken at once
        if len(data) > claimed:  # it grows, or does not say how large it is
            data += file.read(most + 1 - len(data))
    if claimed > most or len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {formatting.file_size(most)}")
    return data


def json_of(data: bytes | str) -> Any:
    """What a JSON text says. Raises ValueError also for what is absurdly deep or long."""
    try:
        found = json.loads(data, parse_int=_whole)
    except RecursionError:
        raise ValueError("it is too deep") from None
    _check_depth(found)
    return found


def toml_of(text: str) -> dict[str, Any]:
    """What a TOML text says. Raises ValueError also for what is absurdly deep or long."""
    if any(line.count(".") > _MAX_DOTS for line in text.splitlines()):
        raise ValueError("it is too deep")  # each dot of a key is a table in a table
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is too deep") from None
    _check_depth(found)
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("it has a number of absurdly many digits")
    return int(digits)


def _check_depth(found: Any) -> None:
    """Level by level, so that no depth is too much for it."""
    level, largest = [found], 10**MAX_DIGITS
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                deeper += each.values()
            elif isinstance(each, list):
                deeper += each
            elif isinstance(each, int) and abs(each) > largest:  # TOML's may be hexadecimal
                raise ValueError("it has a number of absurdly many digits")
        if not deeper:
            return
        level = deeper
    raise ValueError("it is too deep")


def npy_header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """What the start of a .npy file claims: shape, Fortran order, dtype, and where numbers begin.

    Raises:
        InputError: the header is odd or the array holds objects, which only pickle can read.
        ValueError: it is no .npy file.
    """
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
        (3, 0): np.lib.format.read_array_header_2_0,  # but for the names of fields, in UTF-8
    }.get(version)
    length_bytes = 2 if version == (1, 0) else 4
    if header is None or int.from_bytes(data[8 : 8 + length_bytes], "little") > MAX_NPY_HEADER:
        raise InputError("The .npy file has an odd header; please save the grid again with numpy.")
    try:
        shape, fortran, dtype = header(stream)
    except (RecursionError, MemoryError, TypeError, SyntaxError, TokenError) as error:
        raise ValueError("it has an odd header") from error
    if dtype.hasobject or any(side < 0 for side in shape):
        raise InputError("The voxel file holds no numbers; please export the grid as 0 and 1.")
    return shape, fortran, dtype, stream.tell()


def npy_array(data: bytes) -> NDArray[Any]:
    """The array of a .npy file. Raises as ``npy_header`` does, also where it is cut off."""
    shape, fortran, dtype, start = npy_header(data)
    values = np.frombuffer(data, dtype, math.prod(shape), start)
    return values.reshape(shape, order="F" if fortran else "C").copy()


def npz_arrays(data: bytes, most: int) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz, of at most so many bytes together once unpacked.

    Raises:
        ValueError: it is none, or holds more.
    """
    members = zip_members(data, most, _MAX_MEMBERS)
    return {name.removesuffix(".npy"): npy_array(found) for name, found in members.items()}


def sound_array(
    arrays: dict[str, NDArray[Any]],
    key: str,
    kind: str,
    shape: tuple[int | None, ...],
    empty: bool = False,
) -> NDArray[Any]:
    """An array of an .npz, of finite numbers, as a view that cannot be changed.

    Args:
        arrays: as ``npz_arrays`` has them.
        key: its name.
        kind: its dtype, or "U" for a text.
        shape: its sides; None for one of any length.
        empty: whether it may hold nothing.

    Raises:
        KeyError: it is not there.
        ValueError: it is another.
    """
    array = arrays[key].view()
    same = array.dtype.kind == "U" if kind == "U" else array.dtype == np.dtype(kind)
    if not same or array.ndim != len(shape) or not (array.size or empty):
        raise ValueError(key)
    if any(want not in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        raise ValueError(key)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(key)
    array.setflags(write=False)
    return array


def zip_members(data: bytes, most: int, most_members: int) -> dict[str, bytes]:
    """The files of a ZIP, of at most so many bytes together once unpacked, and so many members.

    Raises:
        ValueError: it is none, is damaged, or holds more.
    """
    try:
        return _unpacked(data, most, most_members)
    except ValueError:
        raise
    except Exception as error:  # zipfile and zlib raise ten kinds of their own
        raise ValueError("it is no ZIP archive, or a damaged one") from error


def _unpacked(data: bytes, left: int, most_members: int) -> dict[str, bytes]:
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if len(names) > most_members:
            raise ValueError("it holds too many files")
        for name in names:
            parts = []
            with archive.open(name) as member:  # what the directory claims is not believed
                while part := member.read(_PART):
                    parts.append(part)
                    left -= len(part)
                    if left < 0:
                        raise ValueError("it holds too much")
            found[name] = b"".join(parts)
    return found
