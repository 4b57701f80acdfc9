"""Point clouds to solid voxels: strays dropped, gaps between points closed, the inside filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.voxel_files import OBJECT_SHARE
from shapelab.core.inputs.voxelise import coarsened

Grid = NDArray[np.bool_]
Points = NDArray[np.float64]

_SOME = 100_000  # points whose neighbours are looked at; more say no more
_NEIGHBOURS = 8
_STRAY = 6.0  # a point is a stray whose neighbours are so many times as far away as is usual
_MOST_STRAYS = 0.05  # of the points; where more are far apart, the cloud is uneven, not dirty
_FINER = 3  # finer cells along a side of a cell, as of meshes
_SPARSE = 0.95  # the share of points whose eighth neighbour is no farther away than a gap
_MOST_CLOSED = 6  # finer cells: wider gaps are left, lest holes that are meant be closed


@dataclass(frozen=True)
class Spread:
    """How the points of a cloud lie."""

    kept: Points  # (n, 3) without strays
    gap: float  # radius of the largest holes that lie between points by chance


def spread(points: NDArray[np.floating]) -> Spread:
    """Drops strays from points (n, 3) and measures their gaps.

    Raises:
        InputError: nothing is left of a size.
    """
    from scipy.spatial import cKDTree

    every = np.asarray(points, np.float64)
    some = every[:: max(1, len(every) // _SOME)]
    tree = cKDTree(some)
    usual = tree.query(some, _NEIGHBOURS + 1)[0][:, -1]
    limit = _STRAY * float(np.median(usual))
    strays = usual > limit
    kept = every
    if 0 < strays.mean() <= _MOST_STRAYS:
        away = tree.query(every, _NEIGHBOURS + 1)[0][:, -1] if len(some) < len(every) else usual
        kept = every[away <= limit]
    size = float(np.ptp(kept, axis=0).max()) if len(kept) else 0.0
    if not size > 0:
        raise InputError("The cloud has no size; please choose one of a surface.")
    # Of n points strewn over a surface, d apart, the widest hole has a radius of about
    # d sqrt(ln n / pi), 1.9 d for 100,000; the eighth neighbour is 1.6 d away, of a few 2 d.
    far = float(np.quantile(usual[~strays], _SPARSE))
    return Spread(kept, far * float(np.sqrt(len(some) / len(every))))


def placed(points: Points, resolution: int) -> tuple[Points, float]:
    """Points in units of cells of the grid, centred, 24/32 of it long, and the factor for that."""
    low, high = points.min(0), points.max(0)
    scale = resolution * OBJECT_SHARE / float((high - low).max()) * (1 - 1e-6)
    return (points - (low + high) / 2) * scale + resolution / 2, scale


def solid(cloud: Spread, resolution: int) -> Grid:
    """The cells (resolution,) * 3 that a cloud fills; z up.

    Points become a shell on a finer grid. Gaps between neighbours are closed, a floor is laid under
    the object, since nobody scans it from below, and what cannot be reached from outside is
    inside. A shell that is open elsewhere stays a shell.
    """
    from scipy import ndimage

    points, scale = placed(cloud.kept, resolution)
    side = resolution * _FINER
    cells = np.clip((points * _FINER).astype(np.intp), 0, side - 1)
    shell = np.zeros((side,) * 3, bool)
    shell[tuple(cells.T)] = True
    inside = np.zeros_like(shell)
    reach = int(np.clip(np.ceil(cloud.gap * scale * _FINER), 1, _MOST_CLOSED))
    margin = reach + 1
    low = np.maximum(cells.min(0) - margin, 0)
    high = np.minimum(cells.max(0) + margin + 1, side)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    part = np.pad(shell[box], margin)
    ball = _ball(reach)
    wide = ndimage.binary_dilation(part, ball)
    floor = wide.copy()
    bottom = int(np.flatnonzero(part.any((0, 1)))[0])
    floor[:, :, bottom] |= ndimage.binary_fill_holes(wide.any(2))
    outside = ndimage.label(~floor)[0]
    filled = (outside != outside[0, 0, 0]) & ~(floor & ~wide)
    closed = ndimage.binary_erosion(filled | wide, ball) | part
    inside[box] = closed[(slice(margin, -margin),) * 3]
    return coarsened(inside, shell, _FINER)


def _ball(radius: int) -> Grid:
    axis = np.arange(-radius, radius + 1)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    inside: Grid = x * x + y * y + z * z <= (radius + 0.5) ** 2
    return inside
