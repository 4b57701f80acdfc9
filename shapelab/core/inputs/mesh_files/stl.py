"""STL, binary or text: triangles alone, without a unit."""

from __future__ import annotations

import re

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files.pieces import (
    MeshPieces,
    Points,
    numbers,
    plain_text,
    read_comments,
)

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
_HEAD = 84
# Lines without geometry; where all is in one line, the name ends where the first facet begins.
_NAMES = re.compile(
    rb"(?im)^[ \t]*(?:(?:end ?)?solid\b(?:(?!\bfacet\s+normal\s+[-+.\d])[^\n])*"
    rb"|(?:end ?solid|solid|#|//|;|!)[^\n]*)"
)


def read_stl(data: bytes) -> MeshPieces:
    """Reads an STL file. Raises InputError."""
    count = int.from_bytes(data[80:_HEAD], "little") if len(data) >= _HEAD else -1
    exact = len(data) == _HEAD + 50 * count  # also where a binary file begins with "solid"
    text = plain_text(data[:4096]).lstrip()
    worded = text[:5].lower() == b"solid" or re.search(rb"^\s*(facet\s|solid\b)", text, re.M | re.I)
    if not exact and worded and b"\0" not in text:
        corners = _text(plain_text(data))
    elif count < 0:
        raise InputError("The STL file is empty or cut off; please export it again.")
    else:
        corners = _binary(data, count)
    pieces = MeshPieces()
    read_comments(data[:80], pieces)
    pieces.add(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3))
    return pieces


def _binary(data: bytes, count: int) -> Points:
    """(count, 3, 3): a head of 80 bytes, a count, and 50 bytes for each triangle."""
    there = (len(data) - _HEAD) // 50
    if there < count:
        raise InputError(
            f"The STL file should hold {count} triangles but is cut off after {there}; "
            "please export it again."
        )
    facets = np.frombuffer(data, _FACET, there, _HEAD)
    # Some programs append colours and the like; but what looks like facets was meant to count.
    if there > count and _plausible(facets[:count], facets[count:]):
        raise InputError(
            f"The STL file says that it holds {count} triangles, but there are {there}; "
            "please export it again."
        )
    return facets["corners"][:count].astype(np.float64)


def _plausible(counted: np.ndarray, facets: np.ndarray) -> bool:
    """Whether facets have normals of length one or none, or lie about where the counted ones do."""
    normals, corners = (facets[name].astype(np.float64) for name in ("normal", "corners"))
    with np.errstate(all="ignore"):
        if not (np.abs(normals) < 1e12).all() or not (np.abs(corners) < 1e7).all():
            return False
        length = np.linalg.norm(normals, axis=1)
    if bool(((length == 0) | (np.abs(length - 1) < 0.01)).all()):
        return True
    if not len(counted):
        return bool((np.ptp(corners, axis=(0, 1)) > 1e-6).sum() > 1)  # else next to nothing
    own = counted["corners"].astype(np.float64)
    low, high = own.min((0, 1)), own.max((0, 1))
    side = (high - low).max()
    return bool(((corners >= low - side) & (corners <= high + side)).all())


def _regular(words: list[bytes]) -> Points | None:
    """(m, 3, 3) of words that come as the format says, 21 a triangle: ten times faster."""
    fixed = {0: b"facet", 1: b"normal", 5: b"outer", 6: b"loop", 19: b"endloop", 20: b"endfacet"}
    fixed |= dict.fromkeys((7, 11, 15), b"vertex")
    if len(words) % 21 or any(set(words[k::21]) != {word} for k, word in fixed.items()):
        return None
    columns = [k + j for k in (8, 12, 16) for j in range(3)]
    return np.stack(
        [numbers(words[k::21], "The STL file's coordinate") for k in columns], 1
    ).reshape(-1, 3, 3)


def _text(text: bytes) -> Points:
    """(m, 3, 3); the lines of names and comments are passed over, whatever they say."""
    solids = len(re.findall(rb"(?im)^\s*solid\b", text))
    ends = len(re.findall(rb"(?im)\bend\s?solid\b", text))
    text = _NAMES.sub(b"", text)
    plain = _regular(text.lower().split())
    if plain is not None and not (ends and solids > ends):
        return plain
    words = re.findall(rb"(?i)\bvertex\s+(\S+)\s+(\S+)\s+(\S+)", text)
    begun = len(re.findall(rb"(?i)\bfacet\b", text))
    whole = len(re.findall(rb"(?i)\bend\s?facet\b", text))
    if whole == begun < len(words) // 3:
        raise InputError(
            "The STL file has facets of more than three corners; please export it again."
        )
    if len(words) != 3 * begun or whole != begun or (ends and solids > ends):
        raise InputError(
            f"The STL file begins {begun} triangles but holds only {min(whole, len(words) // 3)} "
            "whole ones, so it is cut off; please export it again."
        )
    flat = [word for triple in words for word in triple]
    return numbers(flat, "The STL file's coordinate").reshape(-1, 3, 3)
