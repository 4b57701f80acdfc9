"""Prepares an occupancy field so that its surface is closed and manifold by construction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import MeshError

Field = NDArray[np.float32]

# A crossing closer than this to a voxel's centre would give needle triangles or, on the level
# exactly, triangles without area.
MARGIN = 1e-3
# The cells of empty space laid around a field: one closes the surface, two feed the cubic filter.
PADDING = 2


def checked(field: NDArray[np.floating], level: float) -> Field:
    """The field as (x, y, z) float32.

    Raises:
        MeshError: if it is not a volume, holds no number somewhere, or is empty at this level.
    """
    values = np.asarray(field, dtype=np.float32)
    if values.ndim != 3 or not values.size:
        raise MeshError(f"A surface needs a field of three axes, not one of shape {values.shape}.")
    top = float(values.max())
    if not np.isfinite(top) or not np.isfinite(values.min()):
        raise MeshError("The field holds values that are no numbers; choose another shape.")
    if top < level:
        raise MeshError(
            f"The shape is empty: its highest value is {top:.2f} and the surface lies at "
            f"{level:.2f}, so lower the level, lower the truncation or choose another shape."
        )
    return values


def trimmed(field: Field, level: float) -> tuple[Field, NDArray[np.float64]]:
    """The part of the field that holds the shape, with empty space on every side.

    Most of a grid is empty: trimming it halves the time of all that follows, and the empty space
    lets no surface end at the border.

    Returns:
        The new field, and where its first sample lies as seen from the middle of the old (3,).
    """
    solid = field >= level
    rows = np.logical_or.reduce(solid, axis=2)
    columns = solid.reshape(-1, solid.shape[2])
    low, high = np.zeros(3, np.intp), np.zeros(3, np.intp)
    for axis, filled in enumerate((rows.any(axis=1), rows.any(axis=0), columns.any(axis=0))):
        places = np.flatnonzero(filled)
        low[axis] = max(places[0] - PADDING, 0)
        high[axis] = places[-1] + PADDING + 1
    (x0, y0, z0), (x1, y1, z1) = low, high
    part = np.pad(field[x0:x1, y0:y1, z0:z1], PADDING)
    return part, low - PADDING - (np.array(field.shape) - 1) / 2


def upsampled(field: Field, factor: int) -> Field:
    """The field on a grid `factor` times finer that keeps every old sample (Catmull-Rom)."""
    for axis in range(3):
        weights = _cubic_weights(field.shape[axis], factor)
        field = np.moveaxis(np.tensordot(weights, field, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(field)


def _cubic_weights(samples: int, factor: int) -> NDArray[np.float32]:
    """The matrix (new, old) that interpolates one axis."""
    new = np.arange((samples - 1) * factor + 1)
    cell = np.minimum(new // factor, samples - 2)
    t = new / factor - cell
    kernel = (
        (-t + 2 * t**2 - t**3) / 2,
        (2 - 5 * t**2 + 3 * t**3) / 2,
        (t + 4 * t**2 - 3 * t**3) / 2,
        (-(t**2) + t**3) / 2,
    )
    weights = np.zeros((len(new), samples), np.float32)
    for offset, weight in zip((-1, 0, 1, 2), kernel, strict=True):
        # Beyond the ends lies empty space like the padding itself, so clamping is exact.
        np.add.at(weights, (new, np.clip(cell + offset, 0, samples - 1)), weight)
    return weights


def push_off(field: Field, level: float) -> None:
    """Moves values that touch the level just off it, in place."""
    near = np.abs(field - level) < MARGIN
    if near.any():
        field[near] = np.where(field[near] >= level, level + MARGIN, level - MARGIN)


def join_diagonals(field: Field, level: float) -> None:
    """Fills one cell wherever two solid cells touch only along an edge, in place.

    Such cells would share an edge of four faces, which no slicer takes. Without them every cell of
    the grid holds an unambiguous case of marching cubes and each edge gets exactly two faces.
    Filling, not cutting, since the legs of thin furniture hang together by such edges.
    """
    found = True
    while found:
        found = False
        for first, second in ((0, 1), (0, 2), (1, 2)):
            found |= _join_in_plane(field, level, first, second)


def _join_in_plane(field: Field, level: float, first: int, second: int) -> bool:
    view = np.moveaxis(field, (first, second), (0, 1))
    solid = np.moveaxis(field >= level, (first, second), (0, 1))
    a, b, c, d = solid[:-1, :-1], solid[:-1, 1:], solid[1:, :-1], solid[1:, 1:]
    crossed = (a == d) & (b == c) & (a != b)
    if not crossed.any():
        return False
    i, j, k = np.nonzero(crossed)
    main = a[i, j, k]
    # The two empty cells: (0, 1) and (1, 0) where (0, 0) is solid, else (0, 0) and (1, 1).
    low = (i, np.where(main, j + 1, j), k)
    high = (i + 1, np.where(main, j, j + 1), k)
    bridge = np.minimum(
        view[i, np.where(main, j, j + 1), k], view[i + 1, np.where(main, j + 1, j), k]
    )
    take = view[low] >= view[high]
    target = tuple(np.where(take, p, q) for p, q in zip(low, high, strict=True))
    # Half as strong as the weaker neighbour: a bridge that is thin but survives smoothing.
    np.maximum.at(view, target, np.maximum((bridge + level) / 2, level + MARGIN))
    return True


def keep_largest(field: Field, level: float) -> None:
    """Empties all parts but the largest and fills voids that nobody can see, in place."""
    from scipy import ndimage

    solid = field >= level
    parts, count = ndimage.label(solid)
    if count > 1:
        sizes = np.bincount(parts.ravel())
        field[solid & (parts != 1 + int(np.argmax(sizes[1:])))] = 0.0
        solid = field >= level
    outside, count = ndimage.label(~solid)
    if count > 1:
        field[~solid & (outside != outside[0, 0, 0])] = 1.0


def thin_cells(field: Field, level: float) -> NDArray[np.bool_]:
    """Cells in or beside walls, legs and gaps one cell wide: smoothing would close these."""
    solid = field >= level
    thin = _narrow(solid) | _narrow(~solid)
    for axis in range(3):
        near = thin.copy()
        lower, upper = _halves(axis)
        near[lower] |= thin[upper]
        near[upper] |= thin[lower]
        thin = near
    return thin


def _narrow(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells that lie in no full block of 2 x 2 x 2."""
    blocks = cells
    for axis in range(3):
        lower, upper = _halves(axis)
        blocks = blocks[lower] & blocks[upper]
    for axis in range(3):
        lower, upper = _halves(axis)
        size = list(blocks.shape)
        size[axis] += 1
        wide = np.zeros(size, np.bool_)
        wide[lower] = blocks
        wide[upper] |= blocks
        blocks = wide
    return cells & ~blocks


def _halves(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All but the last and all but the first layer along an axis."""
    lower, upper = [slice(None)] * 3, [slice(None)] * 3
    lower[axis], upper[axis] = slice(None, -1), slice(1, None)
    return tuple(lower), tuple(upper)
