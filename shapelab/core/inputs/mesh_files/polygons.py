"""Polygons to triangles: a fan where a polygon is convex, ear clipping where it is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Faces = NDArray[np.int64]

_FLAT = 1e-10  # twice an area, of a polygon's extent squared, below which a turn is none


def triangulated(vertices: Points, counts: Faces, corners: Faces) -> Faces:
    """The triangles (m, 3) of polygons; those with fewer than three corners have none.

    Args:
        vertices: (n, 3).
        counts: (p,) how many corners each polygon has.
        corners: (sum of counts,) indices into the vertices, polygon after polygon.
    """
    starts = np.cumsum(counts) - counts
    found: list[Faces] = []
    for count in np.unique(counts[counts >= 3]).tolist():
        rings = corners[starts[counts == count][:, None] + np.arange(count)]
        if count == 3:
            found.append(rings)
            continue
        flat, turns = _flattened(vertices, rings)
        convex = (turns >= -_FLAT).all(1)
        ring = rings[convex]
        fan = [ring[:, [0, k, k + 1]] for k in range(1, count - 1)] if len(ring) else []
        found += fan
        if count == 4:
            found += _split_quads(rings[~convex], turns[~convex])
        else:
            concave = np.flatnonzero(~convex)
            found += [rings[k][_clipped(flat[k])] for k in concave.tolist()]
    return np.concatenate(found) if found else np.zeros((0, 3), np.int64)


def strip(corners: Faces) -> Faces:
    """The triangles of a strip (n,): every second one is wound the other way."""
    faces = np.stack([corners[:-2], corners[1:-1], corners[2:]], 1)
    faces[1::2] = faces[1::2][:, [1, 0, 2]]
    return faces


def _flattened(vertices: Points, rings: Faces) -> tuple[Points, Points]:
    """Rings (p, c) in their planes, (p, c, 2) of extent 1, and how each corner turns, (p, c).

    The plane's normal is Newell's: the sum of the cross products of neighbouring corners, which
    is right for polygons of any form, also when they are not quite flat.
    """
    points = vertices[rings]
    points = points - points.mean(1, keepdims=True)
    points /= np.maximum(np.abs(points).max((1, 2), keepdims=True), 1e-300)
    normal = np.cross(points, np.roll(points, -1, 1)).sum(1)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.where(length > _FLAT, normal / np.maximum(length, 1e-300), [0.0, 0.0, 1.0])
    # An axis that is far from the normal gives the first direction in the plane.
    axis = np.eye(3)[np.abs(normal).argmin(1)]
    across = np.cross(axis, normal)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(normal, across)
    flat = np.stack([np.einsum("pck,pk->pc", points, side) for side in (across, up)], 2)
    before, after = flat - np.roll(flat, 1, 1), np.roll(flat, -1, 1) - flat
    return flat, before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]


def _split_quads(rings: Faces, turns: Points) -> list[Faces]:
    """Concave quads, cut from the corner that turns inwards."""
    if not len(rings):
        return []
    first = turns.argmin(1)[:, None]
    a, b, c, d = (np.take_along_axis(rings, (first + k) % 4, 1)[:, 0] for k in range(4))
    return [np.stack([a, b, c], 1), np.stack([a, c, d], 1)]


def _clipped(flat: Points) -> Faces:
    """Triangles (c - 2, 3) of a simple polygon (c, 2), counter-clockwise, by ear clipping.

    Meisters 1975: a corner is an ear if it turns outwards and no other corner lies in its
    triangle or on its rim; cutting ears leaves a simple polygon. Corners in the middle of a
    straight side are kept, since the neighbouring faces have them too.
    """
    left = list(range(len(flat)))
    x, y = flat[:, 0], flat[:, 1]
    out: list[tuple[int, int, int]] = []
    at, tried = 0, 0
    while len(left) > 3:
        at %= len(left)
        a, b, c = left[at - 1], left[at], left[(at + 1) % len(left)]
        if _is_ear(x, y, a, b, c, left) or tried >= len(left):  # else it crosses itself: cut on
            out.append((a, b, c))
            del left[at]
            tried = 0
        else:
            at, tried = at + 1, tried + 1
    out.append((left[0], left[1], left[2]))
    return np.array(out, np.int64)


def _is_ear(x: Points, y: Points, a: int, b: int, c: int, left: list[int]) -> bool:
    def side(i: int, j: int, px: Points, py: Points) -> Points:
        return (x[j] - x[i]) * (py - y[i]) - (y[j] - y[i]) * (px - x[i])

    if float(side(a, b, x[c], y[c])) <= _FLAT:
        return False
    px, py = x[left], y[left]
    inside = (side(a, b, px, py) >= 0) & (side(b, c, px, py) >= 0) & (side(c, a, px, py) >= 0)
    for corner in (a, b, c):  # and corners in the same place, where a hole is bridged
        inside &= (px != x[corner]) | (py != y[corner])
    return not inside.any()
