"""Distances from points to the triangles of a mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_CANDIDATES = 2  # nearest samples whose triangles are asked for their exact distance


@dataclass(frozen=True)
class Nearest:
    """The nearest places of a surface."""

    distance: Points  # (n,)
    place: Points  # (n, 3)


def nearest(
    points: Points, triangles: Points, samples: Points, owners: NDArray[np.int64], limit: float
) -> Nearest:
    """The nearest place of a surface to each point.

    The nearest samples of the surface say which triangles to ask, and these are asked exactly. So
    a distance is never too small, and it is exact unless the nearest triangle owns none of the
    nearest samples.

    Args:
        points: (n, 3).
        triangles: (m, 3, 3).
        samples: (s, 3) points on the triangles, close together.
        owners: (s,) the triangle of each sample.
        limit: points farther than this from all samples are given an infinite distance.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(samples, balanced_tree=False, compact_nodes=False)
    count = min(_CANDIDATES, len(samples))
    rough, asked = tree.query(points, range(1, count + 1), distance_upper_bound=limit)
    best = np.full(len(points), np.inf)
    place = np.zeros((len(points), 3))
    for column in range(count):
        known = np.flatnonzero(np.isfinite(rough[:, column]))
        here = closest(points[known], triangles[owners[asked[known, column]]])
        squared = ((points[known] - here) ** 2).sum(1)
        better = squared < best[known]
        best[known[better]], place[known[better]] = squared[better], here[better]
    return Nearest(np.sqrt(best), place)


def closest(points: Points, triangles: Points) -> Points:
    """The place of each triangle (n, 3, 3) nearest to its point, (n, 3).

    It is the point's foot on the plane where that lies in the triangle, else the nearest of the
    feet on the three sides.
    """
    best = np.full(len(points), np.inf)
    place = np.zeros_like(points)
    for i in range(3):
        start = triangles[:, i]
        along = triangles[:, (i + 1) % 3] - start
        length = (along * along).sum(1)
        share = ((points - start) * along).sum(1) / np.where(length > 0, length, 1)
        foot = start + np.clip(share, 0, 1)[:, None] * along
        squared = ((points - foot) ** 2).sum(1)
        better = squared < best
        best[better], place[better] = squared[better], foot[better]
    a = triangles[:, 0]
    one, two, to = triangles[:, 1] - a, triangles[:, 2] - a, points - a
    across = np.cross(one, two)
    area = (across * across).sum(1)
    scale = np.where(area > 0, area, 1)
    v = (np.cross(to, two) * across).sum(1) / scale
    w = (np.cross(one, to) * across).sum(1) / scale
    over = (area > 0) & (v >= 0) & (w >= 0) & (v + w <= 1)
    place[over] = (a + v[:, None] * one + w[:, None] * two)[over]
    return place
