"""Point clouds: text files of coordinates, and PCD of the Point Cloud Library in its three ways."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files.pieces import plain_text

POINT_SUFFIXES = (".xyz", ".pts", ".pcd")

MAX_POINTS = 20_000_000
MIN_POINTS = 50  # fewer say nothing of a shape
_MAX_SIZE, _MIN_SIZE = 1e7, 1e-9  # of the object in its own unit
_MAX_FIELDS = 256  # numbers of one point
_KINDS = {"F4": "f4", "F8": "f8", "I1": "i1", "I2": "i2", "I4": "i4", "I8": "i8"}
_KINDS |= {"U1": "u1", "U2": "u2", "U4": "u4", "U8": "u8"}

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points of a surface."""

    points: NDArray[np.float32]  # (n, 3), axes and unit of the file, the middle at the origin


def read(data: bytes, suffix: str) -> PointCloud:
    """Reads a point cloud.

    Args:
        data: the file's bytes.
        suffix: one of ``POINT_SUFFIXES``.

    Raises:
        InputError: the file cannot be read or holds no cloud of points.
    """
    suffix = suffix.lower()
    kind = suffix.removeprefix(".").upper()
    if not data.strip():
        raise InputError(f"The {kind} file is empty; please choose another.")
    try:
        return cloud(_pcd(data) if suffix == ".pcd" else _text(plain_text(data), kind))
    except InputError:
        raise
    except MemoryError as error:
        raise InputError("The point cloud needs too much memory; please thin it out.") from error
    except Exception as error:  # damaged files break assumptions in a dozen ways
        raise InputError(
            f"The {kind} file is damaged or of another kind; please export it again."
        ) from error


def cloud(points: Points) -> PointCloud:
    """Points (n, 3) of a file as a cloud: those that are numbers, moved to the origin.

    Raises:
        InputError: there are too few or too many, or they have no size that can be meant.
    """
    if len(points) > MAX_POINTS:
        raise InputError(
            f"The cloud has more than {MAX_POINTS // 1_000_000} million points; please thin it out."
        )
    points = points[np.isfinite(points).all(1)]  # scanners leave a hole where they see nothing
    if len(points) < MIN_POINTS:
        raise InputError(
            f"The cloud has {len(points)} points, too few for a shape; please choose another."
        )
    low, high = points.min(0), points.max(0)
    size = float((high - low).max())
    if not _MIN_SIZE < size < _MAX_SIZE:
        raise InputError(
            f"The cloud is {size:.3g} units long, which cannot be meant; please scale it first."
        )
    return PointCloud(np.asarray(points - (low + high) / 2, np.float32))  # is exact near 0 only


def _text(text: bytes, kind: str) -> Points:
    """A point a line: x, y, z and what else there is, apart by blanks, commas or semicolons."""
    lines = text.translate(bytes.maketrans(b",;\t", b"   ")).decode("latin-1")
    first = re.match(r"(?:\s*(?:#|//)[^\n]*\n|\s*\n)*([^\n]*)", lines)
    head = "" if first is None else first[1].strip()
    if re.fullmatch(r"\d+|[A-Za-z_ ]*[Xx] +[Yy] +[Zz]\b.*", head):  # a count, or names of columns
        assert first is not None
        lines = lines[first.end() :]
    try:
        found = np.loadtxt(io.StringIO(lines), comments=["#", "//"], usecols=(0, 1, 2), ndmin=2)
    except ValueError as error:
        raise InputError(
            f"The {kind} file has a line without three numbers; please export it again."
        ) from error
    return found


# --- PCD -----------------------------------------------------------------------------------------


def _pcd(data: bytes) -> Points:
    end = re.search(rb"(?m)^DATA[ \t]+(\w+)[ \t]*\r?\n", data[:65536])
    if end is None:
        raise InputError("The PCD file has no whole header; it is damaged or of another kind.")
    head = {
        words[0].upper(): words[1:]
        for words in (line.split() for line in data[: end.end()].decode("latin-1").splitlines())
        if len(words) > 1 and words[0][0] != "#"
    }
    row = _row(head)
    count = int((head.get("POINTS") or ["-1"])[0])
    if count < 0:
        count = int(head["WIDTH"][0]) * int(head["HEIGHT"][0])
    if not 0 <= count <= MAX_POINTS:
        raise InputError(
            f"The cloud has more than {MAX_POINTS // 1_000_000} million points; please thin it out."
        )
    body, way = data[end.end() :], end[1].lower()
    if way == b"ascii":
        return _pcd_text(body, row, count)
    if way == b"binary":
        if len(body) < row.itemsize * count:
            raise _cut(count, len(body) // row.itemsize)
        table = np.frombuffer(body, row, count)
        return np.stack([table[axis].astype(np.float64) for axis in "xyz"], 1)
    if way == b"binary_compressed":
        return _pcd_columns(body, row, count)
    raise InputError(f"The PCD file is stored in a way that is not known ({way[:20].decode()}).")


def _cut(count: int, there: int) -> InputError:
    return InputError(
        f"The PCD file should hold {count} points but is cut off after {there}; "
        "please export it again."
    )


def _row(head: dict[str, list[str]]) -> np.dtype[Any]:
    """The numbers of a point, by the header's names."""
    names = [name.lower() for name in head["FIELDS"]]
    counts = [int(number) for number in head.get("COUNT", ["1"] * len(names))]
    kinds = [_KINDS[kind + size] for kind, size in zip(head["TYPE"], head["SIZE"], strict=True)]
    if not set("xyz") <= set(names):
        raise InputError("The PCD file's points lack x, y or z; please export it again.")
    if min(counts) < 1 or sum(counts) > _MAX_FIELDS:
        raise InputError("The PCD file's header makes no sense; it is damaged.")
    fields: list[Any] = []
    for k, (name, kind, many) in enumerate(zip(names, kinds, counts, strict=True)):
        known = name in ("x", "y", "z") and many == 1 and name not in [f[0] for f in fields]
        label = name if known else f"other {k}"  # names may come twice, as "_" does
        fields.append((label, "<" + kind) if many == 1 else (label, "<" + kind, (many,)))
    return np.dtype(fields)


def _pcd_text(body: bytes, row: np.dtype[Any], count: int) -> Points:
    places, at = [], 0
    for name in row.names or ():
        places += [at] if name in ("x", "y", "z") else []
        at += int(np.prod(row[name].shape, dtype=np.int64))
    order = [name for name in row.names or () if name in ("x", "y", "z")]
    try:
        found = np.loadtxt(
            io.StringIO(body.decode("latin-1")), usecols=places, ndmin=2, max_rows=max(count, 1)
        )
    except ValueError as error:
        raise InputError(
            "The PCD file has a line without three numbers; please export it again."
        ) from error
    if len(found) < count:
        raise _cut(count, len(found))
    return np.asarray(found[:, [order.index(axis) for axis in "xyz"]])


def _pcd_columns(body: bytes, row: np.dtype[Any], count: int) -> Points:
    """The numbers of a compressed file: first all of x, then all of y, and so on."""
    packed, size = (int(n) for n in np.frombuffer(body, "<u4", 2))
    if size != row.itemsize * count:
        raise InputError("The PCD file's header makes no sense; it is damaged.")
    if len(body) < 8 + packed:
        raise _cut(count, 0)
    flat = _lzf(body[8 : 8 + packed], size)
    columns, at = {}, 0
    for name in row.names or ():
        width = row[name].itemsize * count
        if name in ("x", "y", "z"):
            columns[name] = np.frombuffer(flat, row[name], count, at).astype(np.float64)
        at += width
    return np.stack([columns[axis] for axis in "xyz"], 1)


def _lzf(packed: bytes, size: int) -> bytes:
    """Unpacks LibLZF: runs of bytes as they are, and runs that came before.

    A control byte below 32 is followed by one more literal bytes than it says; else its upper three
    bits and two are the length of a copy (7: one more byte of it follows), its lower five and the
    next byte how far back it begins.
    """
    out, at, end = bytearray(), 0, len(packed)
    while at < end:
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += packed[at]
            at += 1
        start = len(out) - (((control & 31) << 8) | packed[at]) - 1
        at += 1
        length += 2
        if start < 0 or len(out) + length > size:
            raise InputError("The PCD file's points are damaged; please export it again.")
        piece = out[start : start + length]
        while len(piece) < length:  # a run that goes on into itself repeats
            piece += piece[: length - len(piece)]
        out += piece
    if len(out) != size:
        raise InputError("The PCD file's points are damaged; please export it again.")
    return bytes(out)
