"""Meshes to solid voxels, also where the mesh is open, flipped, doubled or in many parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs import crossings
from shapelab.core.inputs.crossings import Crossings, Grid, Points, Shape, Whole
from shapelab.core.inputs.voxel_files import OBJECT_SHARE
from shapelab.core.mesh.tri_mesh import TriMesh, shell_of_faces, sorted_rows

# Finer cells a side of a cell, up to each resolution; odd, so that the middles of both coincide.
_FINER = {128: 3, 256: 1}
_STEP = 0.45  # finer cells between samples of an edge
_MAX_SAMPLES = 20_000_000  # of the edges; five million triangles have at least 15
_SHARE = 0.1  # of a cell must be solid, as in ModelNet10's grids
_TIE = 1e-6  # finer cells; rounding must not spread a face on a border over both sides of it
# Finer cells from a flat surface, beyond which the middle of the finer cell that holds a point lies
# on the same side as the point.
_SURE = 3**0.5 / 2


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

        Close to the surface it is asked a little farther along the line from it through the point,
        so that the answer does not depend on how a finer cell is cut.

        Args:
            points: (n, 3) in units of cells.
            nearest: (n, 3) the nearest place of the surface to each.
        """
        away = points - nearest
        length = np.sqrt(np.einsum("ij,ij->i", away, away))
        near = (length > 0) & (length < _SURE / self._finer)
        asked = points.copy()
        asked[near] = nearest[near] + away[near] * (_SURE / self._finer / length[near])[:, None]
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
    lines = [crossings.cross(fine, shape, axis) for axis in range(3)]
    samples = np.concatenate([*(c.points() for c in lines), edges])
    shell = np.zeros(shape, bool)
    shell[tuple((samples + _TIE).astype(np.int64).T)] = True
    enclosed = _enclosed(shell)
    by_lines = _by_lines(lines, fine)
    cells = np.zeros((resolution,) * 3, bool)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    cells[box] = _coarsened(enclosed | by_lines, shell, finer)
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
    for part in crossings.chunks(counts):
        which, index = crossings.expanded(counts[part])
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


def _by_lines(lines: list[Crossings], triangles: Points) -> Grid:
    """Covered cells that parity calls inside along two axes or more."""
    whole = np.zeros(len(triangles), np.int64)
    parts = _parts(triangles)
    votes = np.zeros((2, *lines[0].shape), np.uint8)
    for along in lines:
        votes[0] += crossings.between(along, whole)
        votes[1] += crossings.between(crossings.faces_once(along, parts), parts)
    return (votes >= 2).any(0) & crossings.before_last(lines[2])


def _parts(triangles: Points) -> Whole:
    """The connected part (m,) that each triangle is of; corners in one place are joined."""
    rounded = np.rint(triangles.reshape(-1, 3) * 1024).astype(np.int32)
    order, new = sorted_rows(rounded)
    place = np.zeros(len(rounded), np.int32)
    place[order] = (np.cumsum(new) - 1).astype(np.int32)
    return shell_of_faces(place.reshape(-1, 3)).astype(np.int64)


def _coarsened(inside: Grid, shell: Grid, finer: int) -> Grid:
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
