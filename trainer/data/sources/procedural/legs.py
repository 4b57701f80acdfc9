"""What stands below seats and tops: legs, stretchers, pedestals and stars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .solids import Pair, Part, block, leg, rod, turned

# Corners of a rectangle in order, so that neighbours in the list are neighbours around it.
CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def around(count: int, radius: float) -> list[Pair]:
    """``count`` places on a circle, the first one in front."""
    turns = [2 * math.pi * k / count - math.pi / 2 for k in range(count)]
    return [(radius * math.cos(t), radius * math.sin(t)) for t in turns]


def corners(wide: float, deep: float) -> list[Pair]:
    """The places of four legs below a rectangle of this size around the origin."""
    return [(sx * wide / 2, sy * deep / 2) for sx, sy in CORNERS]


def legs(
    places: Sequence[Pair],
    height: float,
    thick: float,
    taper: float = 1.0,
    splay: float = 0.0,
    square: bool = False,
) -> list[Part]:
    """Legs from the floor up to ``height``.

    Args:
        places: of their upper ends.
        height: of their upper ends.
        thick: their thickness at the top.
        taper: thickness of the foot as a share of that.
        splay: how far each foot stands outside, as a share of its place.
        square: across; else round.
    """
    return [
        leg(
            (x * (1 + splay), y * (1 + splay), 0.0),
            (x, y, height),
            thick * taper / 2,
            thick / 2,
            square,
        )
        for x, y in places
    ]


def stretchers(
    style: str, places: Sequence[Pair], z: float, height: float, splay: float, thick: float
) -> list[Part]:
    """Bars between legs at height ``z``; ``style`` is none, sides, box, H or cross."""
    wider = 1 + splay * (1 - z / height)
    at = [(x * wider, y * wider, z) for x, y in places]
    count = len(at)
    neighbours = [(k, (k + 1) % count) for k in range(count)]
    pairs = {
        "none": [],
        "sides": neighbours[1::2],
        "H": neighbours[1::2],
        "box": neighbours,
        "cross": [(k, k + count // 2) for k in range(count // 2)],
    }[style]
    made = [rod(at[a], at[b], thick / 2) for a, b in pairs]
    if style == "H":
        left = tuple((a + b) / 2 for a, b in zip(at[3], at[0], strict=True))
        right = tuple((a + b) / 2 for a, b in zip(at[1], at[2], strict=True))
        made.append(rod((left[0], left[1], z), (right[0], right[1], z), thick / 2))
    return made


def pedestal(height: float, column: float, foot: float, thick: float) -> list[Part]:
    """A column on a round foot."""
    return [
        leg((0, 0, 0), (0, 0, height), column / 2, column / 2),
        block((-foot, -foot, 0), (foot, foot, thick), corner=foot, edge=thick / 3),
    ]


def star(height: float, column: float, foot: float, thick: float, arms: int = 5) -> list[Part]:
    """A column on arms, as office chairs have it."""
    arm = block((-thick / 2, 0, 0), (thick / 2, foot, thick), edge=thick / 3)
    return [
        leg((0, 0, 0), (0, 0, height), column / 2, column / 2),
        *(turned(arm, 2, 360 * k / arms + 180) for k in range(arms)),
    ]
