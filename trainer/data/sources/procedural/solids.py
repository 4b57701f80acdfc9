"""Solid parts as signed distances: negative inside, 1-Lipschitz, so that unions and cuts hold.

1-Lipschitz means that between two points the distance changes by no more than they are apart: it
never says that a surface is farther away than it is. The union of parts is the least of their
distances and a cut is max(a, -b), as in constructive solid geometry. The formulas of blocks, rods
and rings are Inigo Quilez's (iquilezles.org/articles/distfunctions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Distance = Callable[[Array, Array, Array], Array]  # x, y, z that broadcast -> distance, metres
PlanarDistance = Callable[[Array, Array], Array]  # the same in a plane
Vector = tuple[float, float, float]
Pair = tuple[float, float]


@dataclass(frozen=True)
class Part:
    """A solid and the box (low to high) that holds it."""

    distance: Distance
    low: Vector
    high: Vector


def block(low: Vector, high: Vector, corner: float = 0.0, edge: float = 0.0, axis: int = 2) -> Part:
    """A box; with the largest ``corner`` a disc or a roll.

    Args:
        low: its least x, y, z.
        high: its greatest x, y, z.
        corner: radius of the four corners in the plane across ``axis``, cut to what fits.
        edge: radius of all other edges, cut to what fits.
        axis: 0, 1 or 2, along which the rectangle across it is extruded.
    """
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    half = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
    i, j = (k for k in range(3) if k != axis)
    corner = min(corner, half[i], half[j])
    edge = min(edge, half[axis], half[i], half[j])
    inner = max(0.0, corner - edge)

    def distance(x: Array, y: Array, z: Array) -> Array:
        p = (x, y, z)
        u, v, w = (np.abs(p[k] - middle[k]) - (half[k] - edge) for k in (i, j, axis))
        return _extruded(_rounded_rectangle(u, v, inner), w) - edge

    return Part(distance, low, high)


def _rounded_rectangle(u: Array, v: Array, corner: float) -> Array:
    """The distance of a rectangle with round corners, from the offsets beyond its sides.

    A smaller rectangle is grown by the corners' radius: with q = (u, v) + radius the distance is
    |max(q, 0)| + min(max(q_u, q_v), 0) - radius, the first term outside and the second one inside.
    """
    u, v = u + corner, v + corner
    return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0) - corner


def _extruded(flat: Array, beyond: Array) -> Array:
    """The distance of a plane shape extruded to a slab, from its own and that beyond the slab.

    The same formula as for a rectangle, since both are at right angles to each other.
    """
    inside = np.minimum(np.maximum(flat, beyond), 0)
    return np.hypot(np.maximum(flat, 0), np.maximum(beyond, 0)) + inside


def leg(bottom: Vector, top: Vector, low: float, high: float, square: bool = False) -> Part:
    """A straight post, level at both ends, that may lean and taper.

    Args:
        bottom: middle of its lower end.
        top: middle of its upper end, which must be higher.
        low: half its thickness at the lower end.
        high: half its thickness at the upper end.
        square: across; else round.
    """
    tall = top[2] - bottom[2]
    lean = ((top[0] - bottom[0]) / tall, (top[1] - bottom[1]) / tall)
    growth = (high - low) / tall
    # The distance to the axis, measured level, changes by 1 across and by |lean| + |growth| upwards
    # at most. Divided by the length of that gradient, it is 1-Lipschitz.
    steep = float(np.hypot(1.0, np.hypot(*lean) + abs(growth)))
    middle, half = (bottom[2] + top[2]) / 2, tall / 2

    def distance(x: Array, y: Array, z: Array) -> Array:
        above = z - bottom[2]
        across_x = np.abs(x - (bottom[0] + lean[0] * above))
        across_y = np.abs(y - (bottom[1] + lean[1] * above))
        wide = np.maximum(across_x, across_y) if square else np.hypot(across_x, across_y)
        return np.maximum((wide - (low + growth * above)) / steep, np.abs(z - middle) - half)

    ends = ((bottom, low), (top, high))
    return Part(
        distance,
        (min(e[0] - r for e, r in ends), min(e[1] - r for e, r in ends), bottom[2]),
        (max(e[0] + r for e, r in ends), max(e[1] + r for e, r in ends), top[2]),
    )


def rod(start: Vector, end: Vector, radius: float) -> Part:
    """A straight round bar with round ends.

    The distance to the nearest place of the middle line, start + t (end - start) with t cut to
    [0, 1], less the radius.
    """
    along = [b - a for a, b in zip(start, end, strict=True)]
    square = sum(d * d for d in along)

    def distance(x: Array, y: Array, z: Array) -> Array:
        p = (x - start[0], y - start[1], z - start[2])
        at = (p[0] * along[0] + p[1] * along[1] + p[2] * along[2]) / square
        at = np.clip(at, 0, 1)
        dx, dy, dz = (p[k] - at * along[k] for k in range(3))
        return np.sqrt(dx * dx + dy * dy + dz * dz) - radius

    low, high = np.minimum(start, end) - radius, np.maximum(start, end) + radius
    return Part(distance, _vector(low), _vector(high))


def ring(middle: Vector, wide: float, radius: float, upper: bool = False) -> Part:
    """A level ring, or with ``upper`` the arch that stands on it along x: half a ring, upright.

    A torus: the distance to the circle of radius ``wide`` is hypot(hypot(x, y) - wide, z). Below an
    arch the nearest places of its half circle are the two ends.
    """

    def distance(x: Array, y: Array, z: Array) -> Array:
        x, y, z = x - middle[0], y - middle[1], z - middle[2]
        if not upper:
            return np.hypot(np.hypot(x, y) - wide, z) - radius
        arch = np.hypot(np.hypot(x, z) - wide, y)
        ends = np.sqrt((np.abs(x) - wide) ** 2 + y * y + z * z)
        return np.where(z > 0, arch, ends) - radius

    r, w = radius, wide + radius
    deep, bottom, top = (r, r, w) if upper else (w, r, r)
    x, y, z = middle
    return Part(distance, (x - w, y - deep, z - bottom), (x + w, y + deep, z + top))


def standing_panel(
    face: PlanarDistance, wide: float, tall: float, thick: float, bow: float = 0.0
) -> Part:
    """A panel that stands on z = 0 with its middle at y = 0; its sides bow towards -y.

    Args:
        face: 2-D distance in x and z of what is solid, within |x| < wide / 2, 0 < z < tall.
        wide: along x.
        tall: along z.
        thick: of the panel.
        bow: how far the sides come forward, less than wide / 2.
    """
    # Of the circle through both sides and the middle: chord ``wide``, sagitta ``bow``.
    radius = (wide * wide / 4 + bow * bow) / (2 * bow) if bow > 1e-6 else 0.0
    inner = max(radius - thick / 2, wide / 2)
    front = radius - (inner * inner - wide * wide / 4) ** 0.5 if radius else thick / 2

    def distance(x: Array, y: Array, z: Array) -> Array:
        if not radius:
            return np.maximum(np.abs(y) - thick / 2, face(x, z))
        off = np.abs(np.hypot(x, y + radius) - radius) - thick / 2
        # The circle goes on in front of the panel.
        return np.maximum(np.maximum(off, -front - y), face(x, z))

    return Part(distance, (-wide / 2, -front, 0.0), (wide / 2, thick / 2, tall))


def panel_face(
    style: str,
    wide: float,
    tall: float,
    corner: float,
    border: float,
    number: int,
    bar: float,
    lowest: float,
) -> PlanarDistance:
    """The face of a panel around x = 0 that stands on z = 0.

    Args:
        style: slats (upright bars in a frame), ladder (level ones) or frame (none); what else it
            may be is solid.
        wide: along x.
        tall: along z.
        corner: radius of its corners, cut to what fits.
        border: width of the frame.
        number: of bars.
        bar: width of a bar, cut to a little more than half of its room.
        lowest: height above which level bars share the room.
    """
    corner = min(corner, wide / 2, tall / 2)
    low, high = (
        (border - wide / 2, wide / 2 - border) if style == "slats" else (lowest, tall - border)
    )
    step = (high - low) / (number + 1)
    half = min(bar, 0.55 * step) / 2
    middles = [low + step * k for k in range(1, number + 1)] if style != "frame" else []

    def face(x: Array, z: Array) -> Array:
        whole = _rounded_rectangle(np.abs(x) - wide / 2, np.abs(z - tall / 2) - tall / 2, corner)
        if style not in ("slats", "ladder", "frame"):
            return whole
        solid = -(whole + border)
        for middle in middles:
            solid = np.minimum(solid, np.abs((x if style == "slats" else z) - middle) - half)
        return np.maximum(whole, solid)

    return face


def hollow(part: Part, inner: Part) -> Part:
    """The first part without the second."""

    def distance(x: Array, y: Array, z: Array) -> Array:
        return np.maximum(part.distance(x, y, z), -inner.distance(x, y, z))

    return Part(distance, part.low, part.high)


def turned(part: Part, axis: int, degrees: float, pivot: Vector = (0.0, 0.0, 0.0)) -> Part:
    """The part turned about an axis through ``pivot``, counter-clockwise seen against the axis."""
    i, j = ((1, 2), (2, 0), (0, 1))[axis]
    cos, sin = float(np.cos(np.deg2rad(degrees))), float(np.sin(np.deg2rad(degrees)))

    def distance(x: Array, y: Array, z: Array) -> Array:
        p = [x, y, z]  # turned back, the point is asked of the part as it stood
        a, b = p[i] - pivot[i], p[j] - pivot[j]
        p[i], p[j] = cos * a + sin * b + pivot[i], cos * b - sin * a + pivot[j]
        return part.distance(p[0], p[1], p[2])

    corners = np.array(np.meshgrid(*zip(part.low, part.high, strict=True))).reshape(3, -1)
    a, b = corners[i] - pivot[i], corners[j] - pivot[j]
    corners[i], corners[j] = cos * a - sin * b + pivot[i], sin * a + cos * b + pivot[j]
    return Part(distance, _vector(corners.min(1)), _vector(corners.max(1)))


def moved(part: Part, by: Vector) -> Part:
    """The part at another place."""

    def distance(x: Array, y: Array, z: Array) -> Array:
        return part.distance(x - by[0], y - by[1], z - by[2])

    return Part(distance, _vector(np.add(part.low, by)), _vector(np.add(part.high, by)))


def union(parts: Sequence[Part], points: NDArray[np.floating]) -> Array:
    """Signed distances (n,) of points (n, 3): exact outside, at least as near as true inside."""
    x, y, z = points.T
    return np.min([part.distance(x, y, z) for part in parts], axis=0)


def _vector(values: NDArray[np.floating]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])
