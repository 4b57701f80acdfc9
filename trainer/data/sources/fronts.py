"""The front of every shape, turned to -y: by its source, by a person, or found by its backrest.

A front is the side that a person faces who uses the thing: of a chair where the knees are, of a bed
its foot, of a dresser its drawers. With the front at -y and z up, x is the width.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import DataError
from shapelab.core.inputs.voxel_files import VoxelGrid

from ..source import ClosedForm, Front, Item, Reader, Shape

# ModelNet10 faces alike within a class, but not from class to class; found by eye on sheets of the
# training split from all four sides. Tables look the same from both long sides, tubs from both.
MODELNET10: dict[str, Front] = {
    "bathtub": "-x",
    "bed": "-y",
    "chair": "-y",
    "desk": "-x",
    "dresser": "-x",
    "monitor": "-x",
    "night_stand": "-x",
    "sofa": "-x",
    "table": "-x",
    "toilet": "-y",
}
_TURNS: dict[Front, int] = {"-y": 0, "-x": 1, "+y": 2, "+x": 3}  # quarters, seen from above
_BACKS = {"armchair", "bed", "bench", "chair", "couch", "sofa", "toilet"}  # have something upright
_ASKED = 12  # shapes of a class that are looked at
_LEAST = 4  # of them must show where their back is,
_AGREE = 0.8  # and so many of these must agree
_UPPER = 0.25  # of the height: of a thing with a backrest, that is all backrest
_ASIDE = 0.3  # of half the depth: how far the middle of that lies behind the middle of the thing


def turns(front: Front) -> int:
    """Quarters of a circle, counter-clockwise seen from above, that bring a front to -y."""
    return _TURNS[front]


def told(text: str, classes: Sequence[str]) -> dict[str, Front]:
    """What a person said: one side for all classes, or ``chair=+x,sofa=-y``.

    Raises:
        DataError: there is no such side or class.
    """
    given: dict[str, Front] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        label, _, side = part.rpartition("=")
        front = next((f for f in _TURNS if f == side.strip()), None)
        names = [label.strip()] if label else list(classes)
        if front is None:
            raise DataError(
                f"'{part}' names no front; say -y, +y, +x or -x for all classes, or "
                "chair=+x,sofa=-y."
            )
        if not set(names) <= set(classes):
            raise DataError(f"There is no class '{names[0]}'; there are: {', '.join(classes)}.")
        given |= dict.fromkeys(names, front)
    return given


def with_fronts(
    items: Sequence[Item], reader: Reader, text: str = ""
) -> tuple[list[Item], dict[str, str]]:
    """The items with their fronts, and for each class which it is and how that is known, in words.

    Raises:
        DataError: ``text``, which is what a person said, names no side or no class.
    """
    by_class: dict[str, list[Item]] = {}
    for item in items:
        by_class.setdefault(item.label, []).append(item)
    given = told(text, sorted(by_class))
    turned: dict[str, Front | Literal[""]] = {}
    reasons: dict[str, str] = {}
    for label, own in sorted(by_class.items()):
        front: Front | Literal[""] = given.get(label, "")
        reason = "as told" if front else "by its source"
        if not front and reader.fronts_vary and not all(item.front for item in own):
            front, reason = _found(label, own, reader.load)
        turned[label] = front
        sides = " and ".join(sorted({front or item.front or "-y" for item in own}))
        reasons[label] = f"{sides} ({reason})"
    faced = [replace(item, front=turned[item.label] or item.front or "-y") for item in items]
    return faced, reasons


def _found(label: str, items: Sequence[Item], load: Callable[[Item], Shape]) -> tuple[Front, str]:
    """The front opposite of most backrests, where they agree; else -y, as most programs have it."""
    if not _BACKS & set(re.split(r"[^a-z]+", label.lower())):
        return "-y", "assumed"
    asked = [items[k] for k in np.unique(np.linspace(0, len(items) - 1, _ASKED).astype(int))]
    votes: Counter[Front] = Counter()
    for item in asked:
        try:
            front = front_by_backrest(load(item))
        except Exception:  # noqa: BLE001 - it will be rejected with its reason
            continue
        votes.update([front] if front else [])
    if not votes:
        return "-y", "assumed"
    (front, most), shown = votes.most_common(1)[0], votes.total()
    if shown < max(_LEAST, len(asked) / 2) or most < _AGREE * shown:
        told = ", ".join(f"{n} {side}" for side, n in votes.most_common())
        return "-y", f"assumed; backrests say {told}"
    return front, f"as {most} of {shown} backrests say"


def front_by_backrest(shape: Shape) -> Front | None:
    """The front of a shape with a clear backrest, which is what its upper quarter consists of."""
    points, weights = _matter(shape)
    low, high = points.min(0), points.max(0)
    upper = points[:, 2] > high[2] - _UPPER * (high[2] - low[2])
    if not weights[upper].sum():
        return None
    middle = np.average(points[upper, :2], axis=0, weights=weights[upper])
    aside = (2 * middle - low[:2] - high[:2]) / np.maximum(high - low, 1e-9)[:2]
    axis = int(np.abs(aside).argmax())
    if abs(aside[axis]) < _ASIDE or abs(aside[axis]) < 2 * abs(aside[1 - axis]):
        return None
    fronts: tuple[tuple[Front, Front], ...] = (("+x", "-x"), ("+y", "-y"))
    return fronts[axis][int(aside[axis] > 0)]


def _matter(shape: Shape) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 3) and their weights (n,): solid cells, or triangles by their area."""
    if isinstance(shape, VoxelGrid):
        points = np.argwhere(shape.values >= 0.5).astype(np.float64)
        return points, np.ones(len(points))
    if isinstance(shape, ClosedForm):
        shape = shape.mesh()
    corners = shape.vertices.astype(np.float64)[shape.faces]
    areas = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    return corners.mean(1), areas
