"""Scores of reconstructions and of samples, on grids and on the surfaces in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import MeshError
from shapelab.core.mesh import meshing, occupancy_grid

Grids = NDArray[np.bool_]
Occupancies = NDArray[np.float32]
Points = NDArray[np.float64]  # (n, 3) in sides of the grid

SURFACE_POINTS = 30_000  # of each surface: two samplings of one lie about 0.003 sides apart
EMPTY = 3.0**0.5  # Chamfer distance where there is no surface: the grid's diagonal
RESAMPLED = 1000  # draws of a bootstrap
PLAIN = meshing.SurfaceOptions(smoothing=0, largest_part=False)


def iou(a: Grids, b: Grids) -> NDArray[np.float64]:
    """Intersection over union of grids (n, R, R, R) pairwise along the first axis, (n,)."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    union = (a | b).sum(1)
    return np.where(union == 0, 1.0, (a & b).sum(1) / np.maximum(union, 1))


def shown_whole(occupancy: Occupancies) -> NDArray[np.bool_]:
    """Which shapes (n, R, R, R) the window shows whole, (n,): at the level it finds for each.

    There all but crumbs is one part; what is empty is none.
    """
    levels = [occupancy_grid.whole_level(grid) for grid in occupancy]
    return np.array(
        [
            bool((grid >= level).any())
            and occupancy_grid.loose_cells(grid, level)[1].share < occupancy_grid.CRUMBS
            for grid, level in zip(occupancy, levels, strict=True)
        ],
        bool,
    )


def average_precision(occupancy: Occupancies, truth: Grids) -> NDArray[np.float64]:
    """Area under the steps of precision over recall as the level falls, (n,).

    AP = sum_k (R_k - R_(k-1)) P_k over the distinct occupancies of a shape, as scikit-learn's
    ``average_precision_score``, which the figures of 3D-IWGAN are said to be.
    """
    found = np.zeros(len(truth))
    for k, (values, solid) in enumerate(zip(occupancy, truth, strict=True)):
        order = np.argsort(-values.ravel(), kind="stable")
        hits = np.cumsum(solid.ravel()[order])
        falling = values.ravel()[order]
        ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)  # of equal values
        recall = hits[ends] / max(hits[-1], 1)
        found[k] = (np.diff(recall, prepend=0.0) * hits[ends] / (ends + 1)).sum()
    return found


def surface_points(occupancy: Occupancies, seed: int = 0, count: int = SURFACE_POINTS) -> Points:
    """Points spread evenly by area over the surface at 0.5; none where there is no surface."""
    try:
        mesh = meshing.surface(occupancy, PLAIN)
    except MeshError:
        return np.zeros((0, 3))
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    first, edges = corners[:, 0], corners[:, 1:] - corners[:, :1]
    areas = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    rng = np.random.default_rng(seed)
    faces = rng.choice(len(areas), count, p=areas / areas.sum())
    u, v = rng.random((2, count))
    over = u + v > 1  # the other half of the parallelogram is folded onto the triangle
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    return first[faces] + u[:, None] * edges[faces, 0] + v[:, None] * edges[faces, 1]


def surface_scores(
    points: Points, truth: Points, thresholds: Sequence[float]
) -> tuple[float, tuple[float, ...]]:
    """Chamfer distance and F-scores of points on a surface against points on the true one.

    Chamfer-L1 = (mean distance of a point to the truth's nearest + mean the other way) / 2, in
    sides of the grid (Occupancy Networks, Mescheder et al. 2019, who print tenths of the longest
    side). F = 2 P R / (P + R), with P the share of the points within a threshold of the truth and
    R the share of the truth's points within it of these (Tatarchenko et al. 2019).
    """
    from scipy.spatial import cKDTree

    if not len(points) or not len(truth):
        return EMPTY, (0.0,) * len(thresholds)
    there, back = cKDTree(truth).query(points)[0], cKDTree(points).query(truth)[0]
    scores = []
    for threshold in thresholds:
        precision, recall = (there <= threshold).mean(), (back <= threshold).mean()
        scores.append(float(2 * precision * recall / max(precision + recall, 1e-12)))
    return float(there.mean() + back.mean()) / 2, tuple(scores)


def nearest_iou(grids: Grids, others: Iterable[Grids]) -> NDArray[np.float64]:
    """The largest IoU of each grid with any of the others or with one of those flipped, (n,).

    The others come in blocks, since all of a training set may not fit into memory. With sums |A|
    and |B| and all products AB as one matrix, IoU = AB / (|A| + |B| - AB).
    """
    best = np.zeros(len(grids))
    rows = grids.reshape(len(grids), -1).astype(np.float32)
    sizes = rows.sum(1)
    for part in others:
        for seen in (part, part[:, ::-1]):
            columns = seen.reshape(len(seen), -1).astype(np.float32)
            both = rows @ columns.T
            union = sizes[:, None] + columns.sum(1) - both
            best = np.maximum(best, (both / np.maximum(union, 1)).max(1))
    return best


def jensen_shannon(a: Grids, b: Grids) -> float:
    """Divergence of how often each cell is solid in two sets, 0 to 1 (base 2).

    With p and q the sums of the grids scaled to 1, and m = (p + q) / 2, it is
    (KL(p, m) + KL(q, m)) / 2; Achlioptas et al. 2018 count points of surfaces, we solid cells.
    """
    shares = [grids.reshape(len(grids), -1).sum(0).astype(np.float64) for grids in (a, b)]
    p, q = (share / max(share.sum(), 1.0) for share in shares)
    middle = (p + q) / 2
    return float(
        sum((side[side > 0] * np.log2(side[side > 0] / middle[side > 0])).sum() for side in (p, q))
        / 2
    )


def bootstrap(values: NDArray[np.floating], seed: int = 0) -> tuple[float, float]:
    """Where the mean of such values lies in 95 % of draws with replacement (Efron 1979)."""
    draws = np.random.default_rng(seed).integers(len(values), size=(RESAMPLED, len(values)))
    low, high = np.percentile(np.asarray(values, np.float64)[draws].mean(1), (2.5, 97.5))
    return float(low), float(high)


def best_median_worst(places: NDArray[np.int64], scores: NDArray[np.floating]) -> list[int]:
    """Three of the places by their scores, or as many as there are."""
    order = places[np.argsort(-scores[places], kind="stable")]
    return list(dict.fromkeys([int(order[0]), int(order[len(order) // 2]), int(order[-1])]))


def pooled(grids: Grids, side: int) -> Grids:
    """Grids (n, R, R, R) at ``side`` cells a side: solid where any of a cell's own are."""
    factor = grids.shape[1] // side
    if factor == 1:
        return grids
    blocks = grids.reshape(len(grids), side, factor, side, factor, side, factor)
    return np.asarray(blocks.any((2, 4, 6)), bool)


def surface_voxels(grid: Grids) -> Grids:
    """Solid voxels with at least one empty 6-neighbour."""
    from scipy import ndimage

    return grid & ~ndimage.binary_erosion(grid)


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
    return _distances([_surface(g) for g in a], [_surface(g) for g in b], a.shape[1])


def _distances(a: list[_Surface], b: list[_Surface], side: int) -> NDArray[np.float32]:
    out = np.zeros((len(a), len(b)), np.float32)
    for i, one in enumerate(a):
        for j, other in enumerate(b):
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
    made, known = [_surface(g) for g in samples], [_surface(g) for g in real]
    cross, within_samples, within_real = (
        _distances(a, b, real.shape[1]) for a, b in ((made, known), (made, made), (known, known))
    )
    np.fill_diagonal(within_samples, np.inf)
    np.fill_diagonal(within_real, np.inf)
    right = (within_samples.min(1) < cross.min(1)).sum() + (within_real.min(1) < cross.min(0)).sum()
    return SampleScores(
        float(right / (len(samples) + len(real))),
        float(cross.min(0).mean()),
        float(len(np.unique(cross.argmin(1))) / len(real)),
    )
