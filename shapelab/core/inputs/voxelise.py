"""Meshes to solid voxels, also where the mesh is open, flipped, doubled or in many parts.

Lines through the middles of a grid's cells, along each axis, are cut with all triangles; where a
line is between two of its cuts it is inside. What the surface encloses counts too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.voxel_files import OBJECT_SHARE
from shapelab.core.mesh.tri_mesh import TriMesh, shell_of_faces, unique_rows

Grid = NDArray[np.bool_]
Points = NDArray[np.float64]
Whole = NDArray[np.int64]
Shape = tuple[int, int, int]

# Finer cells a side of a cell, up to each resolution; odd, so that the middles of both coincide.
_FINER = {128: 3, 256: 1}
_STEP = 0.45  # finer cells between samples of an edge
_MAX_SAMPLES = 20_000_000  # of the edges; five million triangles have at least 15
_SHARE = 0.1  # of a cell must be solid, as in ModelNet10's grids
_TIE = 1e-6  # finer cells; rounding must not spread a face on a border over both sides of it
_HALF_DIAGONAL = 3**0.5 / 2  # of a cell; no point of it is farther from its middle
_CHUNK = 400_000  # pairs of a line and a triangle at once: bounds the memory
# Lines a hair off the middles do not run along the edges of tidy meshes.
_OFF = (1.234e-4, 2.345e-4)
_SAME = 1e-3  # cells; two crossings of one part that are nearer are one face modelled twice


@dataclass(frozen=True)
class Solid:
    """A mesh placed in a grid, and what it fills.

    Attributes:
        cells: (R, R, R) the solid cells, axes x, y, z.
        triangles: (m, 3, 3) the placed mesh in units of cells, from 0 to R.
        samples: (n, 3) points of its surface, at most half a cell apart, in the same units.
        owners: (n,) the triangle that each sample lies on.
    """

    cells: Grid
    triangles: Points
    samples: Points
    owners: Whole
    _fine: Grid  # finer cells that lie inside with their middles
    _low: Points  # the cell at which they begin
    _finer: int

    def contains(self, points: Points, nearest: Points) -> Grid:
        """Which points lie inside the surface.

        Known is for each finer cell whether its middle is inside, and the middle of a finer cell
        that the surface cuts may lie on the other side than the point. So a point p nearer to its
        surface point q than half a finer cell's diagonal d is moved away to that distance,
        q + d (p - q) / |p - q|: there the middle of the finer cell is on its side, too, as far as
        the surface is flat.

        Args:
            points: (n, 3) in units of cells.
            nearest: (n, 3) the nearest place of the surface to each.
        """
        away = points - nearest
        length = np.sqrt(np.einsum("ij,ij->i", away, away))
        reach = _HALF_DIAGONAL / self._finer
        near = (length > 0) & (length < reach)
        asked = points.copy()
        asked[near] = nearest[near] + away[near] * (reach / length[near])[:, None]
        places = np.floor((asked - self._low) * self._finer).astype(np.int64)
        known = ((places >= 0) & (places < self._fine.shape)).all(1)
        inside = np.zeros(len(points), bool)
        inside[known] = self._fine[tuple(places[known].T)]
        return inside


def solid(mesh: TriMesh, resolution: int = 32) -> Grid:
    """The cells that a mesh fills, (resolution,) * 3 bool, placed by `placed`; see `filled`.

    Raises:
        InputError: the mesh has no surface, or far too many large triangles.
    """
    return filled(placed(mesh, resolution), resolution).cells


def filled(triangles: Points, resolution: int) -> Solid:
    """Fills a mesh's inside and keeps its thin parts.

    The orientation of the faces is never asked (so no winding number, which needs it): cells that
    the surface encloses are inside, and so are those that lines along at least two axes call
    inside by the parity of their crossings (Nooruddin and Turk 2003, section 3), unless nothing
    covers them from above: an open box stays a box, a sofa without a floor is filled. Parity is
    counted for the mesh as a whole, which joins loose walls to a body, and for each connected part
    alone, which bears overlaps and faces modelled twice. Behind a large hole that lies askew to all
    axes two lines may leave by it, and the inside is dented there.

    All this happens on a finer grid, and a cell is solid if a tenth of it is, as in the grids the
    models are trained on. Thinner parts stay as one layer of cells. So each solid cell is inside or
    touched by the surface, and a cell of a closed mesh is wrong only within sqrt(3)/2 cells of the
    surface, half its diagonal.

    Args:
        triangles: (m, 3, 3) in units of cells, within the grid; z up.
        resolution: cells along each side of the grid, 8 to 256.

    Raises:
        InputError: there are far too many large triangles.
    """
    finer = next(count for limit, count in _FINER.items() if resolution <= limit)
    # Only the part of the grid around the object is looked at, with a free cell on every side.
    low = np.floor(triangles.min((0, 1))).astype(np.int64) - 1
    high = np.ceil(triangles.max((0, 1))).astype(np.int64) + 1
    shape: Shape = tuple(int(n) * finer for n in high - low)  # type: ignore[assignment]
    fine = (triangles - low) * finer
    edges, edge_owners = _edge_samples(fine)  # first, as it refuses what would take for ever
    lines = [_crossings(fine, shape, axis) for axis in range(3)]
    samples = np.concatenate([*(c.points() for c in lines), edges])
    shell = np.zeros(shape, bool)
    shell[tuple((samples + _TIE).astype(np.int64).T)] = True
    enclosed = _enclosed(shell)
    by_lines = _by_lines(lines, fine)
    cells = np.zeros((resolution,) * 3, bool)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    cells[box] = coarsened(enclosed | by_lines, shell, finer)
    return Solid(
        cells,
        triangles,
        samples / finer + low,
        np.concatenate([*(c.triangle for c in lines), edge_owners]),
        by_lines | (enclosed & ~shell),
        low.astype(np.float64),
        finer,
    )


def placed(mesh: TriMesh, resolution: int) -> Points:
    """Triangles (m, 3, 3) in units of cells of the grid, centred, 24/32 of it long.

    Raises:
        InputError: the mesh has no surface.
    """
    if mesh.is_empty:
        raise InputError("The mesh has no faces; please choose one with a surface.")
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    low, high = corners.min((0, 1)), corners.max((0, 1))
    extent = float((high - low).max())
    if not (np.isfinite(extent) and extent > 0):
        raise InputError("The mesh has no size; please choose one with a surface.")
    # A hair smaller, so that faces on the very border do not fill the next layer of cells.
    scale = resolution * OBJECT_SHARE / extent * (1 - 1e-6)
    return (corners - (low + high) / 2) * scale + resolution / 2


def _edge_samples(triangles: Points) -> tuple[Points, Whole]:
    """Points along all edges, which hold needles that no line hits, and their triangles."""
    start = triangles.reshape(-1, 3)
    along = np.roll(triangles, -1, 1).reshape(-1, 3) - start
    length = np.sqrt(np.einsum("ij,ij->i", along, along))
    # Without the end, where the triangle's next edge starts.
    counts = np.maximum(np.ceil(length / _STEP), 1).astype(np.int64)
    if int(counts.sum()) > _MAX_SAMPLES:
        raise InputError("The mesh is too tangled to be voxelised; please simplify it first.")
    places, owners = [], []
    for part in _chunks(counts):
        which, index = _expanded(counts[part])
        which += part.start
        places.append(start[which] + (index / counts[which])[:, None] * along[which])
        owners.append(which // 3)
    return np.concatenate(places), np.concatenate(owners)


def _enclosed(shell: Grid) -> Grid:
    """The shell and all that cannot be reached from outside without crossing it.

    A step between the middles of two cells that crosses the surface leaves a crossing in one of
    them, so the crossings alone let no walk through faces of cells slip by.
    """
    from scipy import ndimage

    labels = ndimage.label(~shell)[0]
    return labels != labels[0, 0, 0]  # a free layer lies around the object


def _by_lines(lines: list[_Crossings], triangles: Points) -> Grid:
    """Covered cells that parity calls inside along two axes or more."""
    whole = np.zeros(len(triangles), np.int64)
    parts = _parts(triangles)
    votes = np.zeros((2, *lines[0].shape), np.uint8)
    for along in lines:
        votes[0] += along.inside(whole)
        votes[1] += along.inside(parts, doubles_as_one=True)
    return (votes >= 2).any(0) & lines[2].covered()


def _parts(triangles: Points) -> Whole:
    """The connected part (m,) that each triangle is of; corners in one place are joined."""
    rounded = np.rint(triangles.reshape(-1, 3) * 1024).astype(np.int32)
    place = unique_rows(rounded)[1].astype(np.int32)
    return shell_of_faces(place.reshape(-1, 3)).astype(np.int64)


def coarsened(inside: Grid, shell: Grid, finer: int) -> Grid:
    """Cells of ``finer``^3 finer ones: solid by share, thin where the surface has no solid."""
    from scipy import ndimage

    share = _summed(inside, finer)
    touched = _summed(shell, finer) > 0
    full = share >= _SHARE * finer**3
    around = np.ones((3, 3, 3), bool)
    thin = touched & ~full & ~ndimage.binary_dilation(full)
    joint = ndimage.binary_dilation(thin, around) & touched  # closes the step from thin to solid
    result: Grid = full | thin | joint
    return result


def _summed(grid: Grid, finer: int) -> NDArray[np.uint16]:
    x, y, z = (side // finer for side in grid.shape)
    total = grid.reshape(x, finer, y, finer, z * finer).sum((1, 3), dtype=np.uint16)
    return total.reshape(x, y, z, finer).sum(3, dtype=np.uint16)


@dataclass(frozen=True)
class _Crossings:
    """Where a mesh crosses the lines along one axis through the middles of a grid's cells."""

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

    def inside(self, part: Whole, doubles_as_one: bool = False) -> Grid:
        """Cells whose middles lie inside by the parity of crossings, part by part.

        On each line the crossings of one part pair up in order, and what lies between the two of a
        pair is inside that part; parts crossed an odd number of times are open there and say
        nothing. Parts may overlap, as each pairs up on its own: each pair adds 1 at the first cell
        whose middle is behind its entry and takes it off at the first one behind its exit, and
        where the running sum along the line is positive, some part is inside.

        Args:
            part: (m,) the part that each triangle is of.
            doubles_as_one: two crossings of a part in one place count once: a face modelled twice.
        """
        owner = part[self.triangle]
        order = np.lexsort((self.depth, owner, self.line))
        line, owner, depth = self.line[order], owner[order], self.depth[order]
        new = np.ones(len(line), bool)  # the first crossing of a line with a part
        new[1:] = (line[1:] != line[:-1]) | (owner[1:] != owner[:-1])
        if doubles_as_one:
            kept = new.copy()
            kept[1:] |= np.diff(depth) > _SAME
            line, depth, new = line[kept], depth[kept], new[kept]
        first = np.flatnonzero(new)
        counts = np.diff(np.append(first, len(line)))
        rank = np.arange(len(line)) - np.repeat(first, counts)
        even = np.repeat(counts % 2 == 0, counts)
        length = self.shape[self.axis]
        cell = np.clip(np.ceil(depth[even] - 0.5), 0, length).astype(np.int64)
        lines = self._lines()
        steps = np.zeros((length + 1) * lines, np.int16)
        entry_or_exit = np.where(rank[even] % 2, -1, 1).astype(np.int16)
        np.add.at(steps, cell * lines + line[even], entry_or_exit)
        sums = np.cumsum(steps.reshape(length + 1, lines)[:-1], axis=0, dtype=np.int16)
        return self._as_grid(sums > 0)

    def covered(self) -> Grid:
        """Cells that have a crossing behind their middle: of lines along z, one above them."""
        last = np.full(self._lines(), -np.inf)
        np.maximum.at(last, self.line, self.depth)
        middles = np.arange(self.shape[self.axis]) + 0.5
        return self._as_grid(middles[:, None] < last)

    def _lines(self) -> int:
        return self.shape[(self.axis + 1) % 3] * self.shape[(self.axis + 2) % 3]

    def _as_grid(self, rows: Grid) -> Grid:
        """(cells of the axis, lines) to (x, y, z)."""
        axis = self.axis
        rolled = rows.reshape([self.shape[(axis + k) % 3] for k in range(3)])
        return np.moveaxis(rolled, (0, 1, 2), (axis, (axis + 1) % 3, (axis + 2) % 3))


def _crossings(triangles: Points, shape: Shape, axis: int) -> _Crossings:
    """Crossings of the lines along ``axis`` with triangles (m, 3, 3) in cells.

    Each triangle is tried with the lines through its bounding box alone.
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
    for part in _chunks(spans.prod(1)):
        which, index = _expanded(spans[part].prod(1))
        which += part.start
        wide = spans[which, 1]
        row = index // wide
        one, two = low[which, 0] + row, low[which, 1] + index - row * wide
        inside, at = _pierced(flat[which], depth[which], one, two)
        found.append((one[inside] * shape[second] + two[inside], at, used[which[inside]]))
    if not found:
        return _Crossings(axis, shape, *(np.zeros(0, kind) for kind in (np.int64, float, np.int64)))
    return _Crossings(axis, shape, *(np.concatenate(column) for column in zip(*found, strict=True)))


def _pierced(flat: Points, depth: Points, one: Whole, two: Whole) -> tuple[Grid, Points]:
    """Which of the points lie in their triangles (n, 3, 2), and the depth at those that do.

    By barycentric coordinates: the weight of corner i is twice the signed area of the triangle of
    the point and the other two corners; inside, all weights have one sign, whichever way the
    triangle is wound, and the depth is the weighted mean of the corners' depths.
    """
    x, y = flat[..., 0] - one[:, None], flat[..., 1] - two[:, None]
    weights = np.stack([x[:, i] * y[:, j] - x[:, j] * y[:, i] for i, j in ((1, 2), (2, 0), (0, 1))])
    total = weights.sum(0)
    inside = ((weights >= 0).all(0) | (weights <= 0).all(0)) & (total != 0)
    return inside, (weights[:, inside] * depth[inside].T).sum(0) / total[inside]


def _chunks(counts: Whole) -> list[slice]:
    """Runs of triangles that together have about ``_CHUNK`` pairs or samples."""
    if not len(counts):
        return []
    ends = np.cumsum(counts)
    marks = np.searchsorted(ends, np.arange(_CHUNK, int(ends[-1]) + _CHUNK, _CHUNK)) + 1
    stops = np.unique(np.clip(marks, 0, len(counts)))
    return [slice(int(a), int(b)) for a, b in zip([0, *stops[:-1]], stops, strict=True)]


def _expanded(counts: Whole) -> tuple[Whole, Whole]:
    """For counts (2, 3): the owners (0, 0, 1, 1, 1) and the running numbers (0, 1, 0, 1, 2)."""
    which = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return which, np.arange(len(which)) - first[which]
