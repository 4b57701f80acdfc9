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
        return _binary(data[data.find(b"\n", head.end()) + 1 :])
    text = re.sub(rb"#[^\n]*", b"", plain_text(data))
    head = _HEAD.match(text)
    if head is not None and b"4" in head[1]:
        raise InputError("The OFF file has four dimensions; please export the mesh in three.")
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
    lines = [line for line in text[counts.end() :].split(b"\n") if line.strip()]
    if len(lines) >= points + faces:
        rows = [line.split() for line in lines[: points + faces]]
    else:
        rows = _of_stream(text[counts.end() :].split(), points, faces)
    if any(len(row) < 3 for row in rows[:points]):
        raise InputError("The OFF file has a point without three numbers; it is damaged.")
    flat = [word for row in rows[:points] for word in row[:3]]  # colours and normals follow
    vertices = numbers(flat, "The OFF file's coordinate").reshape(-1, 3)
    sizes, corners = _corners(rows[points:])
    pieces.add_polygons(vertices, sizes, corners)
    return pieces


def _of_stream(words: list[bytes], points: int, faces: int) -> Rows:
    """Rows from words that do not keep to lines; they can have no colours then."""
    rows = [words[3 * k : 3 * k + 3] for k in range(min(points, len(words) // 3))]
    at = 3 * points
    while len(rows) < points + faces and at < len(words) and words[at].isdigit():
        size = int(words[at][:10])
        if at + size >= len(words):
            break
        rows.append(words[at : at + size + 1])
        at += size + 1
    if len(rows) < points + faces:
        raise InputError(
            f"The OFF file holds less than it says ({points} points and {faces} faces, of which "
            f"{max(0, len(rows) - points)} are there); please export it again."
        )
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


def _binary(body: bytes) -> MeshPieces:
    """Geomview's: big-endian; counts, points, then for each face corners and its colour's parts."""
    words = np.frombuffer(body[: len(body) // 4 * 4], ">i4")
    pieces = MeshPieces()
    if len(words) < 3 or min(words[:2]) < 0:
        raise InputError("The binary OFF file is cut off; please export it again.")
    points, faces = int(words[0]), int(words[1])
    pieces.expect(faces)
    vertices = np.frombuffer(words[3 : 3 + 3 * points].tobytes(), ">f4").astype(np.float64)
    at, sizes, corners = 3 + 3 * points, [], []
    for k in range(faces):
        size = int(words[at]) if at < len(words) else -1
        end = at + 1 + size
        if size < 0 or end >= len(words):
            raise InputError(
                f"The binary OFF file should hold {faces} faces but is cut off after {k}; "
                "please export it again."
            )
        sizes.append(size)
        corners.append(words[at + 1 : end])
        at = end + 1 + max(0, int(words[end]))
    flat = np.concatenate(corners).astype(np.int64) if corners else np.zeros(0, np.int64)
    pieces.add_polygons(vertices.reshape(-1, 3), sizes, flat)
    return pieces
