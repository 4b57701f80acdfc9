"""Scores of reconstructions and of samples, on voxel grids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grids = NDArray[np.bool_]


def iou(a: Grids, b: Grids) -> NDArray[np.float64]:
    """Intersection over union of grids (n, R, R, R) pairwise along the first axis, (n,)."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    union = (a | b).sum(1)
    return np.where(union == 0, 1.0, (a & b).sum(1) / np.maximum(union, 1))


def surface_voxels(grid: Grids) -> Grids:
    """Solid voxels with at least one empty 6-neighbour."""
    from scipy import ndimage

    return grid & ~ndimage.binary_erosion(grid)


def one_part(grids: Grids) -> NDArray[np.bool_]:
    """Which grids (n, R, R, R) are one piece through faces; loose bits cannot be printed, (n,)."""
    from skimage.measure import label

    return np.array([label(grid, connectivity=1, return_num=True)[1] == 1 for grid in grids])


@dataclass(frozen=True)
class _Surface:
    cells: NDArray[np.int64]  # flat indices of surface voxels
    distance: NDArray[np.float32]  # (R^3,) voxels to the nearest surface voxel


def _surface(grid: Grids) -> _Surface:
    from scipy import ndimage

    shell = surface_voxels(grid)
    if not shell.any():  # an empty shape is as far from everything as the grid is wide
        far = np.full(grid.size, float(grid.shape[0]), np.float32)
        return _Surface(np.zeros(1, np.int64), far)
    distance = ndimage.distance_transform_edt(~shell).astype(np.float32)
    return _Surface(np.flatnonzero(shell), distance.ravel())


def chamfer_matrix(a: Grids, b: Grids) -> NDArray[np.float32]:
    """CD-EDT of every pair (len(a), len(b)), in units of the grid's side.

    Chamfer distance (sum of both directions' mean nearest distance) between surface voxels, by
    look-up in Euclidean distance transforms; not comparable to point-sampled Chamfer figures.
    """
    side = a.shape[1]
    surfaces_a, surfaces_b = [_surface(g) for g in a], [_surface(g) for g in b]
    out = np.zeros((len(a), len(b)), np.float32)
    for i, one in enumerate(surfaces_a):
        for j, other in enumerate(surfaces_b):
            there = other.distance[one.cells].mean()
            back = one.distance[other.cells].mean()
            out[i, j] = (there + back) / side
    return out


@dataclass(frozen=True)
class SampleScores:
    """How a set of samples compares with a set of real shapes of the same size."""

    nearest_neighbour: float  # 1-NNA: 0.5 is ideal, 1 means told apart without error
    minimum_matching: float  # MMD: mean distance of each real shape to its nearest sample
    coverage: float  # COV: share of real shapes that are some sample's nearest


def compare_sets(samples: Grids, real: Grids) -> SampleScores:
    """1-NNA, MMD and COV with CD-EDT (Lopez-Paz & Oquab 2017; Achlioptas 2018)."""
    cross = chamfer_matrix(samples, real)
    within_samples = chamfer_matrix(samples, samples)
    within_real = chamfer_matrix(real, real)
    np.fill_diagonal(within_samples, np.inf)
    np.fill_diagonal(within_real, np.inf)
    right = (within_samples.min(1) < cross.min(1)).sum() + (within_real.min(1) < cross.min(0)).sum()
    return SampleScores(
        float(right / (len(samples) + len(real))),
        float(cross.min(0).mean()),
        float(len(np.unique(cross.argmin(1))) / len(real)),
    )
