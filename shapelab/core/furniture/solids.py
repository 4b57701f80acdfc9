"""Solid parts as signed distances: negative inside, 1-Lipschitz, so that unions and cuts hold.

1-Lipschitz means that between two points the distance changes by no more than they are apart: it
never says that a surface is farther away than it is. The union of parts is the least of their
distances and a cut is max(a, -b), as in constructive solid geometry. The formulas of blocks, rods
and rings are Inigo Quilez's (iquilezles.org/articles/distfunctions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Distance = Callable[[Array, Array, Array], Array]  # x, y, z that broadcast -> distance, metres
PlanarDistance = Callable[[Array, Array], Array]  # the same in a plane
Vector = tuple[float, float, float]
Pair = tuple[float, float]


def length(a: Array, b: Array) -> Array:
    """sqrt(a^2 + b^2), in a seventh of the time of np.hypot, which no number in metres needs."""
    return np.sqrt(a * a + b * b)


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
        return _extruded(rounded_rectangle(u, v, inner), w) - edge

    return Part(distance, low, high)


def rounded_rectangle(u: Array, v: Array, corner: float) -> Array:
    """The distance of a rectangle with round corners, from the offsets beyond its sides.

    A smaller rectangle is grown by the corners' radius: with q = (u, v) + radius the distance is
    |max(q, 0)| + min(max(q_u, q_v), 0) - radius, the first term outside and the second one inside.
    """
    u, v = u + corner, v + corner
    return length(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0) - corner


def _extruded(flat: Array, beyond: Array) -> Array:
    """The distance of a plane shape extruded to a slab, from its own and that beyond the slab.

    The same formula as for a rectangle, since both are at right angles to each other.
    """
    inside = np.minimum(np.maximum(flat, beyond), 0)
    return length(np.maximum(flat, 0), np.maximum(beyond, 0)) + inside


def post(bottom: Vector, top: Vector, low: float, high: float, square: bool = False) -> Part:
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
    middle, half = (bottom[2] + top[2]) / 2, tall / 2
    stretch = float(np.hypot(1.0, np.hypot(*lean)))

    def distance(x: Array, y: Array, z: Array) -> Array:
        above = z - bottom[2]
        off_x, off_y = x - (bottom[0] + lean[0] * above), y - (bottom[1] + lean[1] * above)
        wide = low + growth * above
        beyond = np.abs(z - middle) - half
        if square:  # each side is a plane with a slope of its own
            sides = [
                (sign * off - wide) / float(np.hypot(1.0, sign * tilt + growth))
                for off, tilt in ((off_x, lean[0]), (off_y, lean[1]))
                for sign in (-1, 1)
            ]
            across = np.maximum(np.maximum(sides[0], sides[1]), np.maximum(sides[2], sides[3]))
            return np.maximum(across, beyond)
        # Of a round one the section is a circle across its axis.
        along = off_x * lean[0] + off_y * lean[1]
        radius = np.sqrt(np.maximum(off_x**2 + off_y**2 - along * along / stretch**2, 0))
        share = (above + along / stretch**2) * growth
        return np.maximum((radius - low - share) / float(np.hypot(1.0, growth)), beyond)

    ends = ((bottom, low * stretch), (top, high * stretch))
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
            return length(length(x, y) - wide, z) - radius
        arch = length(length(x, z) - wide, y)
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
            return _extruded(face(x, z), np.abs(y) - thick / 2)
        off = np.abs(length(x, y + radius) - radius) - thick / 2
        # The circle goes on in front of the panel.
        return np.maximum(np.maximum(off, -front - y), face(x, z))

    return Part(distance, (-wide / 2, -front, 0.0), (wide / 2, thick / 2, tall))


def lathed(profile: Sequence[Pair], at: Pair = (0.0, 0.0)) -> Part:
    """What a lathe makes: a solid of revolution about an upright axis.

    Args:
        profile: height and radius from the bottom up, heights rising; straight in between.
        at: place of the axis.
    """
    zs, rs = ([float(value) for value in values] for values in zip(*profile, strict=True))
    wide = max(rs)

    def distance(x: Array, y: Array, z: Array) -> Array:
        r = length(x - at[0], y - at[1])
        near = length(np.maximum(r - rs[0], 0), z - zs[0])
        near = np.minimum(near, length(np.maximum(r - rs[-1], 0), z - zs[-1]))
        for k in range(len(zs) - 1):
            dz, dr = zs[k + 1] - zs[k], rs[k + 1] - rs[k]
            share = ((z - zs[k]) * dz + (r - rs[k]) * dr) / (dz * dz + dr * dr)
            share = np.clip(share, 0, 1)
            off = length(z - (zs[k] + share * dz), r - (rs[k] + share * dr))
            near = np.minimum(near, off)
        inside = (r < np.interp(z, zs, rs)) & (z > zs[0]) & (z < zs[-1])
        return np.where(inside, -near, near)

    x, y = at
    return Part(distance, (x - wide, y - wide, zs[0]), (x + wide, y + wide, zs[-1]))


def prism(
    polygon: Sequence[Pair], low: float, high: float, axis: int = 2, edge: float = 0.0
) -> Part:
    """A polygon drawn out along an axis.

    Args:
        polygon: corners in the plane across ``axis``, in the order of the other two axes; it may
            not cross itself.
        low: where it begins along the axis.
        high: where it ends.
        axis: 0, 1 or 2.
        edge: radius of its edges; the polygon grows round by it and the ends do not.
    """
    i, j = (k for k in range(3) if k != axis)
    corners = np.array(polygon, float)
    middle, half = (low + high) / 2, (high - low) / 2
    edge = min(edge, half)

    def distance(x: Array, y: Array, z: Array) -> Array:
        p = (x, y, z)
        flat = _polygon(corners, p[i], p[j])
        return _extruded(flat, np.abs(p[axis] - middle) - (half - edge)) - edge

    least, most = np.zeros(3), np.zeros(3)
    for k, values in ((i, corners[:, 0]), (j, corners[:, 1])):
        least[k], most[k] = values.min() - edge, values.max() + edge
    least[axis], most[axis] = low, high
    return Part(distance, _vector(least), _vector(most))


def _polygon(corners: NDArray[np.floating], u: Array, v: Array) -> Array:
    """The distance of a polygon: to its nearest side, negative where a ray crosses it oddly.

    Of one that is round, convex with small angles, the farthest of its sides' lines says the same
    to half a hundredth, and is found in a quarter of the time.
    """
    corners = corners[((np.roll(corners, -1, 0) - corners) ** 2).sum(1) > 1e-12]
    ends = np.roll(corners, -1, 0)
    sides = ends - corners
    after = np.roll(sides, -1, 0)
    angles = np.arctan2(
        sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0], (sides * after).sum(1)
    )
    if (angles * np.sign(angles.sum()) > -1e-9).all() and np.abs(angles).max() < 0.3:
        normals = sides[:, ::-1] * (np.sign(angles.sum()), -np.sign(angles.sum()))
        normals /= np.linalg.norm(normals, axis=1)[:, None]
        (a, b), *others = normals.tolist()
        first, *rest = (corners * normals).sum(1).tolist()
        far = a * u + b * v - first
        for (a, b), at in zip(others, rest, strict=True):
            far = np.maximum(far, a * u + (b * v - at))
        return far
    squared = np.full(np.broadcast_shapes(u.shape, v.shape), np.inf, u.dtype)
    odd = np.zeros(squared.shape, bool)
    lines = zip(corners.tolist(), sides.tolist(), ends[:, 1].tolist(), strict=True)
    for (au, av), (du, dv), end in lines:
        pu, pv = u - au, v - av
        share = np.clip((pu * du + pv * dv) / (du * du + dv * dv), 0, 1)
        squared = np.minimum(squared, (pu - share * du) ** 2 + (pv - share * dv) ** 2)
        odd ^= ((v >= av) != (v >= end)) & ((pu * dv < pv * du) == (dv > 0))
    near = np.sqrt(squared)
    return np.where(odd, -near, near)


def beam(start: Vector, end: Vector, wide: float, thick: float, edge: float = 0.0) -> Part:
    """A straight bar of rectangular section with square ends, in any direction.

    Args:
        start: middle of one end.
        end: middle of the other.
        wide: across, level.
        thick: across, in the upright plane of the bar (along y where it is upright itself).
        edge: radius of its edges.
    """
    a, b = np.array(start, float), np.array(end, float)
    along = (b - a) / np.linalg.norm(b - a)
    level = np.array([along[1], -along[0], 0.0])
    size = float(np.linalg.norm(level))
    level = level / size if size > 1e-6 else np.array([1.0, 0.0, 0.0])
    up = np.cross(along, level)
    middle, half = (a + b) / 2, (float(np.linalg.norm(b - a)) / 2, wide / 2, thick / 2)
    edge = min(edge, *half)
    frame = [axis.tolist() for axis in (along, level, up)]

    def distance(x: Array, y: Array, z: Array) -> Array:
        p = (x - middle[0], y - middle[1], z - middle[2])
        u, v, w = (
            np.abs(p[0] * e[0] + p[1] * e[1] + p[2] * e[2]) - (h - edge)
            for e, h in zip(frame, half, strict=True)
        )
        return _extruded(rounded_rectangle(u, v, 0.0), w) - edge

    reach = sum(np.abs(e) * h for e, h in zip((along, level, up), half, strict=True))
    return Part(distance, _vector(middle - reach), _vector(middle + reach))


def path(points: Sequence[Vector], thick: float, end: float | None = None) -> list[Part]:
    """A bent round bar through points, from its thickness to that at its end."""
    sides = np.linspace(thick, thick if end is None else end, len(points) - 1)
    return [rod(a, b, float(t) / 2) for t, (a, b) in zip(sides, pairwise(points), strict=True)]


def curve(start: Vector, towards: Vector, end: Vector, count: int = 6) -> list[Vector]:
    """Points on a parabola from ``start``, first towards a point, to ``end``."""
    t = np.linspace(0, 1, count + 1)[:, None]
    a, b, c = (np.array(p, float) for p in (start, towards, end))
    return [_vector(p) for p in (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t * t * c]


def cushion(low: Vector, high: Vector, edge: float, crown: float = 0.0, axis: int = 2) -> Part:
    """A box with soft edges whose two faces across ``axis`` bulge.

    Args:
        low: its least x, y, z.
        high: its greatest x, y, z, bulges included.
        edge: radius of its edges.
        crown: how much thinner it is at its rim than in the middle, on each face.
        axis: 0, 1 or 2, across which it bulges.
    """
    half = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    i, j = (k for k in range(3) if k != axis)
    crown = min(crown, 0.5 * half[axis])
    core = block(low, high, corner=2 * edge, edge=edge, axis=axis)
    # The faces slope at most so much, at the rim.
    slope = 2 * crown / min(half[i], half[j])
    steep = (slope + (slope * slope + 4) ** 0.5) / 2

    def distance(x: Array, y: Array, z: Array) -> Array:
        p = [x, y, z]
        u, v = (np.clip((p[k] - middle[k]) / half[k], -1, 1) for k in (i, j))
        off = p[axis] - middle[axis]
        p[axis] = p[axis] + np.sign(off) * crown * (1 - (1 - u * u) * (1 - v * v))
        return core.distance(p[0], p[1], p[2]) / steep

    return Part(distance, low, high)


def bent(part: Part, by: float, low: float, high: float, end: float | None = None) -> Part:
    """The part with what lies between two heights bent backwards, along y.

    Args:
        part: the solid.
        by: how far it has gone back halfway up if ``end`` is given, else at the upper height.
        low: height at which it begins to bend, straight below.
        high: height at which it ends, and goes on with the last slope.
        end: how far back the upper height ends; None for a bend that only grows.
    """
    # A parabola through the given places, level at the lower height if it only grows.
    second = by if end is None else 2 * (end - 2 * by)
    first = 0.0 if end is None else 4 * by - end
    tall = high - low
    steepest = max(abs(first), abs(first + 2 * second)) / tall
    steep = (steepest + (steepest**2 + 4) ** 0.5) / 2

    def back(z: Array) -> Array:
        t = np.clip((z - low) / tall, 0, None)
        rest = np.maximum(t - 1, 0)
        t = np.minimum(t, 1)
        shift: Array = first * t + second * t * t + (first + 2 * second) * rest
        return shift

    def distance(x: Array, y: Array, z: Array) -> Array:
        return part.distance(x, y - back(z), z) / steep

    shifts = back(np.linspace(part.low[2], part.high[2], 33))
    return Part(
        distance,
        (part.low[0], part.low[1] + float(shifts.min()), part.low[2]),
        (part.high[0], part.high[1] + float(shifts.max()), part.high[2]),
    )


def leaning(part: Part, lean: Pair, upright: float) -> Part:
    """The part sheared, each height moved by the lean times its way from where it stays."""
    slope = float(np.hypot(*lean))
    steep = (slope + (slope * slope + 4) ** 0.5) / 2

    def distance(x: Array, y: Array, z: Array) -> Array:
        up = z - upright
        return part.distance(x - lean[0] * up, y - lean[1] * up, z) / steep

    ends = (part.low[2] - upright, part.high[2] - upright)
    (a, b), (c, d) = (sorted(k * e for e in ends) for k in lean)
    return Part(
        distance,
        (part.low[0] + a, part.low[1] + c, part.low[2]),
        (part.high[0] + b, part.high[1] + d, part.high[2]),
    )


def narrowed(part: Part, share: float, low: float, high: float) -> Part:
    """The part made narrower about the upright axis, by a share at one height, not at another.

    Args:
        part: around the axis.
        share: of its width that is left at ``low``, up to 1.
        low: height at which it is narrowest.
        high: height at which it keeps its width.

    1-Lipschitz near its surface only: what is far beside it would be asked ever farther away.
    """
    ends = np.abs([part.low[:2], part.high[:2]]).max()
    tall = high - low
    # Of the map from a point to where it is asked, the greatest stretch.
    slope = 2 * (1 - share) * float(ends) / (tall * share)
    steep = float(np.hypot(1 / share, slope))

    def distance(x: Array, y: Array, z: Array) -> Array:
        t = np.clip((z - low) / tall, 0, 1)
        wide = share + (1 - share) * t * (2 - t)  # a belly that is steep above
        return part.distance(x / wide, y / wide, z) / steep

    return Part(distance, part.low, part.high)


def stretched(part: Part, by: Vector, about: Vector = (0.0, 0.0, 0.0)) -> Part:
    """The part made longer or shorter along the axes; distances are those of its least factor."""
    least = min(by)

    def distance(x: Array, y: Array, z: Array) -> Array:
        p = [(q - a) / b + a for q, a, b in zip((x, y, z), about, by, strict=True)]
        return part.distance(p[0], p[1], p[2]) * least

    low, high = (_vector((np.array(end) - about) * by + about) for end in (part.low, part.high))
    return Part(distance, low, high)


def cut(part: Part, *holes: Part) -> Part:
    """The part without what lies in the holes."""

    def distance(x: Array, y: Array, z: Array) -> Array:
        rest = part.distance(x, y, z)
        for hole in holes:
            rest = np.maximum(rest, -hole.distance(x, y, z))
        return rest

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
