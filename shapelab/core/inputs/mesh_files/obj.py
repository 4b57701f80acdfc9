"""Wavefront OBJ: text with points and polygons; everything else in it is passed over."""

from __future__ import annotations

import re

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files.pieces import (
    MeshPieces,
    numbers,
    plain_text,
    read_comments,
)

_HEAD = 2**20  # bytes in which comments are looked at: a recipe is long
_LONG = re.compile(rb"(?m)^[^\S\n]*[vf]\s(?:[^\\\n]|\\\n)*")
_CURVED = (b"surf", b"bzp", b"bsp")  # the last two of version 2


def read_obj(data: bytes) -> MeshPieces:
    """Reads an OBJ file. Raises InputError."""
    text = plain_text(data)
    pieces = MeshPieces()
    read_comments(b"\n".join(re.findall(rb"(?m)^[^\S\n]*#[^\n]*", text[:_HEAD])), pieces)
    if b"#" in text:
        text = re.sub(rb"#[^\n]*", b"", text)
    if b"\\\n" in text:  # a long line goes on in the next; a name may just end like that
        text = _LONG.sub(lambda line: line[0].replace(b"\\\n", b" "), text)
    points: list[bytes] = []
    corners: list[int] = []
    counts: list[int] = []
    for line in text.split(b"\n"):
        words = line.split()
        if not words:
            continue
        if words[0] == b"v":
            if len(words) < 4:
                raise InputError("The OBJ file has a point without three numbers; it is damaged.")
            points += words[1:4]
        elif words[0] in _CURVED:
            raise InputError(
                "The OBJ file holds curved surfaces, which ShapeLab does not read; please export "
                "it as polygons."
            )
        elif words[0] in (b"f", b"fo") and len(words) > 3:  # fo: a face of version 2
            so_far = len(points) // 3
            for word in words[1:]:
                index = _index(word.partition(b"/")[0])
                # 1 is the first point; -1 is the last one before this line.
                corners.append(index - 1 if index > 0 else so_far + index if index else -1)
            counts.append(len(words) - 1)
    vertices = numbers(points, "The OBJ file's coordinate").reshape(-1, 3)
    pieces.add_polygons(vertices, counts, np.array(corners, np.int64))
    return pieces


def _index(word: bytes) -> int:
    try:
        return int(word) if len(word) < 19 else 0
    except ValueError:
        raise InputError(
            "The OBJ file has a face whose corners are no numbers; it is damaged."
        ) from None
