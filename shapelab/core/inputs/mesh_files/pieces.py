"""What a mesh file holds, gathered piece by piece within caps."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files.polygons import triangulated
from shapelab.core.mesh.recipe_lines import recipe_in

Points = NDArray[np.float64]
Faces = NDArray[np.int64]

MAX_FACES = 5_000_000
LACKS = "The mesh's faces name points that it lacks; please export it again."


@dataclass
class MeshPieces:
    """The triangles of a file in one frame, and what the file says of its numbers."""

    unit: str | None = None  # "millimeter", "meter", "inch" …; None where the file says nothing
    up: str | None = None  # "y" or "z"; None where no more than the format's custom is known
    recipe: str = ""  # how ShapeLab made the shape, unread; empty where the file says nothing
    vertices: list[Points] = field(default_factory=list)
    faces: list[Faces] = field(default_factory=list)
    lone: Points | None = None  # points (n, 3) that are all the file holds
    _points: int = 0
    _faces: int = 0

    def add(self, vertices: Points, faces: Faces, flipped: bool = False) -> None:
        """Adds triangles (m, 3) over points (n, 3), wound the other way if ``flipped``.

        Raises:
            InputError: a face names a point that is not there, or there are too many faces.
        """
        if not len(faces):
            return
        self.expect(len(faces))
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise InputError(LACKS)
        self.vertices.append(vertices)
        self.faces.append((faces[:, ::-1] if flipped else faces) + self._points)
        self._points += len(vertices)
        self._faces += len(faces)

    def add_polygons(self, vertices: Points, counts: Sequence[int], corners: Faces) -> None:
        """Adds polygons: so many corners each, of ``corners`` one after the other."""
        sizes = np.asarray(counts, np.int64)
        self.expect(int(np.maximum(sizes - 2, 0).sum()))
        if len(corners) and (corners.min() < 0 or corners.max() >= len(vertices)):
            raise InputError(LACKS)
        self.add(vertices, triangulated(vertices, sizes, corners))

    def expect(self, faces: int) -> None:
        """Refuses so many more faces before they take memory. Raises InputError."""
        if self._faces + faces > MAX_FACES:
            raise InputError(
                f"The mesh has more than {MAX_FACES // 1_000_000} million triangles; "
                "please simplify it first."
            )


def plain_text(data: bytes) -> bytes:
    """A text file without byte order mark, with the line ends of Unix and in an 8-bit encoding."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


_UNITS = {
    "millimeter": rb"mm\b|millimet",
    "centimeter": rb"cm\b|centimet",
    "meter": rb"m\b|met(?:re|er)",
    "inch": rb"inch|in\b",
}


def read_comments(head: bytes, pieces: MeshPieces) -> None:
    """Takes unit, up axis and recipe from comments such as ours: ``units mm``, ``z up``."""
    pieces.recipe, head = recipe_in(head)  # in which names stand that say nothing of the file
    found = re.search(rb"\b([yz])[ -]up\b", head, re.IGNORECASE)
    if found:
        pieces.up = found[1].decode().lower()
    elif b"ShapeLab, units mm" in head:
        pieces.up = "z"  # of files that we wrote before we said so
    for unit, words in _UNITS.items():
        if re.search(rb"\bunits?\s*[:=]?\s*(?:" + words + rb")", head, re.IGNORECASE):
            pieces.unit = unit


def numbers(words: Sequence[bytes], what: str) -> NDArray[np.float64]:
    """Words as numbers. Raises InputError naming the first that is none."""
    try:
        return np.fromiter(map(float, words), np.float64, len(words))
    except ValueError:
        raise InputError(f"{what} '{_odd(words)}' is no number; please export it again.") from None


def _odd(words: Sequence[bytes]) -> str:
    for word in words:
        try:
            float(word)
        except ValueError:
            return re.sub(r"[^ -~]", "?", word[:20].decode("latin-1"))
    return ""
