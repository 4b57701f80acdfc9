"""OFF: a head with counts, points, polygons; as text, in one line or many, or binary."""

from __future__ import annotations

import re

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files.pieces import MeshPieces, numbers, plain_text

_HEAD = re.compile(rb"\s*((?:ST|C|N|4)*)OFF(?:[ \t]+(BINARY))?", re.IGNORECASE)
_COUNTS = re.compile(rb"\s*(\d{1,10})\s+(\d{1,10})(?:[ \t]+\d{1,10})?[ \t]*")
Rows = list[list[bytes]]


def read_off(data: bytes) -> MeshPieces:
    """Reads an OFF file. Raises InputError."""
    head = _HEAD.match(data)
    if head is not None and head[2]:
        (wide,) = _widths(head, (4,))
        return _binary(data[data.find(b"\n", head.end()) + 1 :], wide)
    text = re.sub(rb"#[^\n]*", b"", plain_text(data))
    head = _HEAD.match(text)
    widths = _widths(head, (4, 3)) if head else [3]
    counts = _COUNTS.match(text, head.end() if head else 0)
    if counts is None:
        raise InputError("The OFF file does not begin with its counts; it is damaged.")
    points, faces = int(counts[1]), int(counts[2])
    if len(text) < 2 * (points + faces):  # a digit and a blank each, at the very least
        raise InputError(
            f"The OFF file holds less than it says ({points} points and {faces} faces); "
            "please export it again."
        )
    pieces = MeshPieces()
    pieces.expect(faces)
    body = text[counts.end() :].rstrip(b" \t\n\0\x1a")
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) >= points + faces:
        _check_count(len(lines), points, faces)
        rows = [line.split() for line in lines]
    else:
        streams = [_of_stream(body.split(), points, wide) for wide in widths]
        rows = min(streams, key=lambda found: abs(len(found) - points - faces))
        _check_count(len(rows), points, faces)
    if any(len(row) < 3 for row in rows[:points]):
        raise InputError("The OFF file has a point without three numbers; it is damaged.")
    flat = [word for row in rows[:points] for word in row[:3]]  # colours and normals follow
    vertices = numbers(flat, "The OFF file's coordinate").reshape(-1, 3)
    sizes, corners = _corners(rows[points:])
    pieces.add_polygons(vertices, sizes, corners)
    return pieces


def _widths(head: re.Match[bytes], colours: tuple[int, ...]) -> list[int]:
    """How many numbers a point has, by the letters of its head: a colour has one of so many."""
    letters = head[1].upper()
    if b"4" in letters or b"nOFF" in head[0]:
        raise InputError("The OFF file has other dimensions than three; please export it in three.")
    plain = 3 + 3 * (b"N" in letters) + 2 * (b"ST" in letters)
    return [plain + colour for colour in colours] if b"C" in letters else [plain]


def _check_count(rows: int, points: int, faces: int) -> None:
    """Refuses another number of points and faces than the file says."""
    if rows != points + faces:
        raise InputError(
            f"The OFF file holds {'less' if rows < points + faces else 'more'} than it says: "
            f"{points} points and {faces} faces, but there are {min(rows, points)} and "
            f"{max(0, rows - points)}; please export it again."
        )


def _of_stream(words: list[bytes], points: int, wide: int) -> Rows:
    """Rows from words that do not keep to lines, as far as they fit; faces have no colours then."""
    rows = [words[wide * k : wide * k + wide] for k in range(min(points, len(words) // wide))]
    at = wide * points
    while at < len(words) and words[at].isdigit():
        size = int(words[at][:10])
        if at + size >= len(words):
            break
        rows.append(words[at : at + size + 1])
        at += size + 1
    return rows


def _corners(rows: Rows) -> tuple[list[int], np.ndarray]:
    sizes: list[int] = []
    corners: list[bytes] = []
    for row in rows:
        size = int(row[0]) if row[0].isdigit() and len(row[0]) < 10 else -1
        if not 0 <= size < len(row):
            raise InputError(
                "The OFF file has a face with fewer corners than it says; it is damaged."
            )
        sizes.append(size)
        corners += row[1 : size + 1]
    return sizes, numbers(corners, "The OFF file's corner").astype(np.int64)


def _binary(body: bytes, wide: int) -> MeshPieces:
    """Geomview's: big-endian; counts, points, then for each face corners and its colour's parts.

    Args:
        body: what follows the head's line.
        wide: numbers of each point, the first three its place.
    """
    words = np.frombuffer(body[: len(body) // 4 * 4], ">i4")
    pieces = MeshPieces()
    if len(words) < 3 or min(words[:2]) < 0:
        raise InputError("The binary OFF file is cut off; please export it again.")
    points, faces = int(words[0]), int(words[1])
    pieces.expect(faces)
    there = min(points, (len(words) - 3) // wide)
    table = np.frombuffer(words[3 : 3 + wide * there].tobytes(), ">f4").reshape(-1, wide)
    vertices = table[:, :3].astype(np.float64)
    at, count, sizes, corners = 3 + wide * points, 0, [], []
    last = int(np.flatnonzero(words)[-1]) if words.any() else 0  # zeros behind it may be padding
    while at < len(words) and (count < faces or at <= last):
        size = int(words[at])
        end = at + 1 + size
        if size < 0 or end >= len(words):
            break
        if count < faces:
            sizes.append(size)
            corners.append(words[at + 1 : end])
        count, at = count + 1, end + 1 + max(0, int(words[end]))
    _check_count(there + count, points, faces)
    flat = np.concatenate(corners).astype(np.int64) if corners else np.zeros(0, np.int64)
    pieces.add_polygons(vertices, sizes, flat)
    return pieces
