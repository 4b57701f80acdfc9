"""Shapes that are known exactly, so that they can be had at any resolution."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh.ray_picture import view_axes
from shapelab.core.mesh.tri_mesh import TriMesh

# A chair of boxes with round edges: lower and upper corners in 32nds of the grid, from its middle.
SEAT, BACK = ((-8, -8, -2), (8, 8, 2)), ((-8, 4, -2), (8, 8, 12))
LEGS = tuple(((x, y, -12), (x + 4, y + 4, 2)) for x in (-8, 4) for y in (-8, 4))
ROUND = 1.5  # 32nds


@cache
def chair(resolution: int) -> NDArray[np.float32]:
    """The occupancy (R, R, R) of the chair; 24/32 of the grid high and 16/32 wide and deep.

    It falls from 1 to 0 over one cell around the surface, as the decoder's does.
    """
    distance = np.min([box(resolution, *part, ROUND) for part in (SEAT, BACK, *LEGS)], axis=0)
    occupancy = np.clip(0.5 - distance * resolution / 32, 0, 1).astype(np.float32)
    occupancy.flags.writeable = False
    return occupancy


def box(resolution: int, low, high, rounding: float = 0.0) -> NDArray[np.float64]:
    """Signed distance (R, R, R) in 32nds of the grid from a box with round edges."""
    places = (np.indices((resolution,) * 3) + 0.5) * 32 / resolution - 16
    middle, half = np.add(low, high) / 2, np.subtract(high, low) / 2
    beyond = np.abs(places - middle[:, None, None, None]) - (half - rounding)[:, None, None, None]
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=0)
    return outside + np.minimum(beyond.max(axis=0), 0) - rounding


def depth_of(solid: NDArray[np.bool_], around, up, away, lens, size) -> NDArray[np.float32]:
    """What a camera of a lens sees of a grid (R, R, R), by its rays alone: (h, w), 0 beside it.

    It stands so many sides of the grid away from the middle, by degrees around and up.
    """
    right, above, towards = view_axes(around, up)
    rows, columns = np.indices(size[::-1])
    rays = (
        ((columns - lens.cx) / lens.fx)[..., None] * right
        + ((lens.cy - rows) / lens.fy)[..., None] * above
        - towards
    )
    depth = np.zeros(size[::-1], np.float32)
    for ahead in np.arange(away - 0.9, away + 0.9, 0.2 / len(solid)):
        places = away * towards + ahead * rays
        cells = np.floor((places + 0.5) * len(solid)).astype(int)
        within = ((cells >= 0) & (cells < len(solid))).all(-1)
        met = within & solid[tuple(np.moveaxis(np.clip(cells, 0, len(solid) - 1), -1, 0))]
        depth[met & (depth == 0)] = ahead
    return depth


def cloud_of(mesh: TriMesh, count: int) -> NDArray[np.float64]:
    """Points (count, 3) strewn evenly over a mesh."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    rng = np.random.default_rng(0)
    which = rng.choice(len(areas), count, p=areas / areas.sum())
    u, v = rng.random((2, count, 1))
    beyond = u + v > 1
    u, v = np.where(beyond, 1 - u, u), np.where(beyond, 1 - v, v)
    return a[which] + u * (b - a)[which] + v * (c - a)[which]
