"""The nearest places of a surface to points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs.voxelise import Points

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
    from trimesh.triangles import closest_point

    tree = cKDTree(samples, balanced_tree=False, compact_nodes=False)
    count = min(_CANDIDATES, len(samples))
    rough, asked = tree.query(points, range(1, count + 1), distance_upper_bound=limit)
    best = np.full(len(points), np.inf)
    place = np.zeros((len(points), 3))
    for column in range(count):
        known = np.flatnonzero(np.isfinite(rough[:, column]))
        here = closest_point(triangles[owners[asked[known, column]]], points[known])
        squared = ((points[known] - here) ** 2).sum(1)
        better = squared < best[known]
        best[known[better]], place[known[better]] = squared[better], here[better]
    return Nearest(np.sqrt(best), place)
