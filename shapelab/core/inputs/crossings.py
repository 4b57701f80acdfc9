"""Where a mesh crosses the lines through the middles of a grid's cells, and what that encloses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.bool_]
Points = NDArray[np.float64]
Whole = NDArray[np.int64]
Shape = tuple[int, int, int]

_CHUNK = 400_000  # pairs of a line and a triangle at once: bounds the memory
# Lines a hair off the middles do not run along the edges of tidy meshes.
_OFF = (1.234e-4, 2.345e-4)
_SAME = 1e-3  # cells; two crossings of one part that are nearer are one face modelled twice


@dataclass(frozen=True)
class Crossings:
    """All crossings of the lines along one axis."""

    axis: int
    shape: Shape  # of the grid
    line: Whole  # (n,) flat index over the two other axes, in the order axis + 1, axis + 2
    depth: Points  # (n,) along the axis, in cells
    triangle: Whole  # (n,) which triangle is crossed

    def points(self) -> Points:
        """The crossings' places in the grid, (n, 3) in cells."""
        first, second = (self.axis + 1) % 3, (self.axis + 2) % 3
        places = np.zeros((len(self.line), 3))
        places[:, self.axis] = self.depth
        places[:, first] = self.line // self.shape[second] + 0.5 + _OFF[0]
        places[:, second] = self.line % self.shape[second] + 0.5 + _OFF[1]
        return places


def cross(triangles: Points, shape: Shape, axis: int) -> Crossings:
    """Crossings of the lines along ``axis``.

    Args:
        triangles: (m, 3, 3) in cells.
        shape: cells along each axis.
        axis: 0, 1 or 2.
    """
    first, second = (axis + 1) % 3, (axis + 2) % 3
    flat = triangles[..., [first, second]] - (0.5 + np.array(_OFF))
    depth = triangles[..., axis]
    low = np.maximum(np.ceil(flat.min(1)), 0).astype(np.int64)
    high = np.floor(flat.max(1)).astype(np.int64)
    high = np.minimum(high, np.array([shape[first], shape[second]]) - 1)
    spans = np.maximum(high - low + 1, 0)
    used = np.flatnonzero(spans.prod(1))
    flat, depth, low, spans = flat[used], depth[used], low[used], spans[used]
    found: list[tuple[Whole, Points, Whole]] = []
    for part in chunks(spans.prod(1)):
        which, index = expanded(spans[part].prod(1))
        which += part.start
        wide = spans[which, 1]
        row = index // wide
        one, two = low[which, 0] + row, low[which, 1] + index - row * wide
        inside, at = _pierced(flat[which], depth[which], one, two)
        found.append((one[inside] * shape[second] + two[inside], at, used[which[inside]]))
    if not found:
        return Crossings(axis, shape, *(np.zeros(0, kind) for kind in (np.int64, float, np.int64)))
    return Crossings(axis, shape, *(np.concatenate(column) for column in zip(*found, strict=True)))


def _pierced(flat: Points, depth: Points, one: Whole, two: Whole) -> tuple[Grid, Points]:
    """Which of the points lie in their triangles (n, 3, 2), and the depth at those that do."""
    x, y = flat[..., 0] - one[:, None], flat[..., 1] - two[:, None]
    weights = np.stack([x[:, i] * y[:, j] - x[:, j] * y[:, i] for i, j in ((1, 2), (2, 0), (0, 1))])
    total = weights.sum(0)
    inside = ((weights >= 0).all(0) | (weights <= 0).all(0)) & (total != 0)
    return inside, (weights[:, inside] * depth[inside].T).sum(0) / total[inside]


def between(crossings: Crossings, part: Whole) -> Grid:
    """Cells whose middles lie inside by the count of crossings, part by part.

    On each line the crossings of one part pair up in order, and what lies between the two of a
    pair is inside that part; parts crossed an odd number of times are open there and say nothing.
    Parts may overlap, as each pairs up on its own.

    Args:
        crossings: along one axis.
        part: (m,) the part that each triangle is of.
    """
    owner = part[crossings.triangle]
    order = np.lexsort((crossings.depth, owner, crossings.line))
    line, owner, depth = crossings.line[order], owner[order], crossings.depth[order]
    new = np.ones(len(line), bool)
    new[1:] = (line[1:] != line[:-1]) | (owner[1:] != owner[:-1])
    first = np.flatnonzero(new)
    counts = np.diff(np.append(first, len(line)))
    rank = np.arange(len(line)) - np.repeat(first, counts)
    even = np.repeat(counts % 2 == 0, counts)
    length = crossings.shape[crossings.axis]
    cell = np.clip(np.ceil(depth[even] - 0.5), 0, length).astype(np.int64)
    lines = crossings.shape[(crossings.axis + 1) % 3] * crossings.shape[(crossings.axis + 2) % 3]
    steps = np.zeros((length + 1) * lines, np.int16)
    np.add.at(steps, cell * lines + line[even], np.where(rank[even] % 2, -1, 1).astype(np.int16))
    depths = np.cumsum(steps.reshape(length + 1, lines)[:-1], axis=0, dtype=np.int16)
    return _unrolled(depths > 0, crossings)


def faces_once(crossings: Crossings, part: Whole) -> Crossings:
    """Without the second of two crossings of a part in one place: a face modelled twice."""
    owner = part[crossings.triangle]
    order = np.lexsort((crossings.depth, owner, crossings.line))
    line, owner, depth = crossings.line[order], owner[order], crossings.depth[order]
    keep = np.ones(len(order), bool)
    keep[1:] = (line[1:] != line[:-1]) | (owner[1:] != owner[:-1]) | (np.diff(depth) > _SAME)
    kept = order[keep]
    return Crossings(
        crossings.axis,
        crossings.shape,
        crossings.line[kept],
        crossings.depth[kept],
        crossings.triangle[kept],
    )


def before_last(crossings: Crossings) -> Grid:
    """Cells that have a crossing behind their middle: of lines along z, those that are covered."""
    lines = crossings.shape[(crossings.axis + 1) % 3] * crossings.shape[(crossings.axis + 2) % 3]
    last = np.full(lines, -np.inf)
    np.maximum.at(last, crossings.line, crossings.depth)
    middles = np.arange(crossings.shape[crossings.axis]) + 0.5
    return _unrolled(middles[:, None] < last, crossings)


def _unrolled(rows: Grid, crossings: Crossings) -> Grid:
    """(cells of the axis, lines) to (x, y, z)."""
    axis, shape = crossings.axis, crossings.shape
    rolled = rows.reshape([shape[(axis + k) % 3] for k in range(3)])
    return np.moveaxis(rolled, (0, 1, 2), (axis, (axis + 1) % 3, (axis + 2) % 3))


def chunks(counts: Whole) -> list[slice]:
    """Runs of triangles that together have about ``_CHUNK`` pairs or samples."""
    if not len(counts):
        return []
    ends = np.cumsum(counts)
    marks = np.searchsorted(ends, np.arange(_CHUNK, int(ends[-1]) + _CHUNK, _CHUNK)) + 1
    stops = np.unique(np.clip(marks, 0, len(counts)))
    return [slice(int(a), int(b)) for a, b in zip([0, *stops[:-1]], stops, strict=True)]


def expanded(counts: Whole) -> tuple[Whole, Whole]:
    """For counts (2, 3): the owners (0, 0, 1, 1, 1) and the running numbers (0, 1, 0, 1, 2)."""
    which = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return which, np.arange(len(which)) - first[which]
