"""What fills a frame: the faces of backs of chairs, headboards and sides, as flat distances."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shapelab.core.furniture.solids import Array, Pair, PlanarDistance, length, rounded_rectangle

FILLINGS = (
    "solid", "solid", "slats", "spindles", "ladder", "frame", "cross", "lattice", "splat", "fan",
    "arches", "keyhole", "half", "sunburst",
)  # fmt: skip


def panel_face(
    filling: str,
    wide: float,
    tall: float,
    corner: float,
    border: float,
    number: int,
    bar: float,
    lowest: float,
) -> PlanarDistance:
    """What is solid of a panel around x = 0 that stands on z = 0.

    Args:
        filling: one of ``FILLINGS``; all but solid and keyhole lie in a frame.
        wide: along x.
        tall: along z.
        corner: radius of its upper corners, cut to what fits.
        border: width of the frame.
        number: of bars.
        bar: width of a bar, cut to a little more than half of its room.
        lowest: height above which level bars share the room.
    """
    corner = min(corner, wide / 2, tall)
    bars = _bars(filling, wide, tall, border, number, bar, lowest)

    def face(x: Array, z: Array) -> Array:
        # The corners at the floor are square: twice as tall, its lower half cut off.
        whole = np.maximum(rounded_rectangle(np.abs(x) - wide / 2, np.abs(z) - tall, corner), -z)
        if filling == "solid":
            return whole
        if filling == "keyhole":
            slot = rounded_rectangle(
                np.abs(x) - wide / 5, np.abs(z - 0.8 * tall) - bar / 2, bar / 2
            )
            return np.maximum(whole, -slot)
        solid = -(np.maximum(whole, lowest - z) + border) if lowest else -(whole + border)
        for start, end, half in bars:
            solid = np.minimum(solid, segment(start, end, x, z) - half)
        if filling == "half":
            solid = np.minimum(solid, 0.5 * tall - z)
        return np.maximum(whole, solid)

    return face


def _bars(
    filling: str, wide: float, tall: float, border: float, number: int, bar: float, lowest: float
) -> list[tuple[Pair, Pair, float]]:
    """The bars within the frame: their ends and half widths."""
    x, low, high = wide / 2 - border / 2, lowest + border / 2, tall - border / 2
    made: list[tuple[Pair, Pair, float]] = []
    if filling in ("slats", "spindles", "fan", "lattice", "arches"):
        count = 2 * number if filling == "spindles" else number
        step = 2 * x / (count + 1)
        half = min(0.55 * bar if filling == "spindles" else bar, 0.6 * step) / 2
        closer = 0.35 if filling == "fan" else 1.0
        for k in range(1, count + 1):
            at = -x + step * k
            made.append(((at * closer, low), (at, high), half))
    if filling == "arches":
        made.append(((-x, 0.7 * high + 0.3 * low), (x, 0.7 * high + 0.3 * low), bar / 2))
    if filling in ("ladder", "lattice"):
        step = (high - low) / (number + 1)
        half = min(bar, 0.6 * step) / 2
        made += [((-x, low + step * k), (x, low + step * k), half) for k in range(1, number + 1)]
    if filling == "cross":
        made += [((-x, low), (x, high), bar / 2), ((x, low), (-x, high), bar / 2)]
    if filling == "splat":
        half = max(0.16 * wide, bar / 2)
        made += [
            ((0.0, low), (0.0, 0.45 * high), 0.6 * half),
            ((0.0, 0.6 * high), (0.0, high), half),
            ((0.0, 0.4 * high), (0.0, 0.7 * high), 0.8 * half),
        ]
    if filling == "sunburst":
        turns = [math.pi * k / (number + 1) for k in range(1, number + 1)]
        reach = math.hypot(wide, tall)
        made += [
            ((0.0, low), (-reach * math.cos(t), low + reach * math.sin(t)), bar / 2) for t in turns
        ]
    return made


def segment(start: Pair, end: Pair, u: Array, v: Array) -> Array:
    """The distance of a straight line between two places of a plane."""
    du, dv = end[0] - start[0], end[1] - start[1]
    share = ((u - start[0]) * du + (v - start[1]) * dv) / max(du * du + dv * dv, 1e-12)
    share = np.clip(share, 0, 1)
    return length(u - (start[0] + share * du), v - (start[1] + share * dv))


def plan(style: str, wide: float, deep: float, bulge: float = 0.3) -> list[Pair]:
    """The corners of a top seen from above, around the origin, counter-clockwise from the front.

    Args:
        style: rectangle, ellipse, superellipse, hexagon, octagon, boat, half (straight behind),
            trapeze (narrower behind), wave (a bow cut out in front), or kidney.
        wide: along x.
        deep: along y.
        bulge: how strong the style is, from 0 to 1.
    """
    x, y = wide / 2, deep / 2
    if style in ("ellipse", "superellipse", "hexagon", "octagon"):
        count = {"hexagon": 6, "octagon": 8}.get(style, 56)
        power = 1.0 if style != "superellipse" else 0.4 + 0.4 * bulge
        turns = [2 * math.pi * (k + 0.5) / count for k in range(count)]
        return [(x * _power(math.sin(t), power), -y * _power(math.cos(t), power)) for t in turns]
    if style == "half":
        turns = [math.pi * k / 28 for k in range(29)]
        return [(-x * math.cos(t), y - 2 * y * math.sin(t)) for t in turns]
    if style == "trapeze":
        inner = x * (1 - 0.45 * bulge)
        return [(-x, -y), (x, -y), (inner, y), (-inner, y)]
    share = [k / 10 - 1 for k in range(21)]
    bow = [bulge * 0.4 * deep * (1 - s * s) for s in share]
    if style == "boat":
        most = 0.4 * bulge * deep
        front: Sequence[Pair] = [(x * s, most - y - b) for s, b in zip(share, bow, strict=True)]
        return [*front, *((-u, -v) for u, v in front)]
    if style == "wave":
        return [*((x * s, b - y) for s, b in zip(share, bow, strict=True)), (x, y), (-x, y)]
    if style == "kidney":
        ends = [0.5 * deep * (1 - (1 - abs(s) ** 4) ** 0.5) for s in share]
        front = [(x * s, b + e - y) for s, b, e in zip(share, bow, ends, strict=True) if abs(s) < 1]
        rear = [(-x * s, y - e) for s, e in zip(share, ends, strict=True)]
        return [*front, *rear]
    return [(-x, -y), (x, -y), (x, y), (-x, y)]


def _power(value: float, power: float) -> float:
    return math.copysign(abs(value) ** power, value)
