"""Metrics on shapes whose scores are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree, distance

from shapelab.core.mesh import meshing
from shapelab.core.model.wholeness import one_part
from trainer.evaluation.metrics import (
    PLAIN,
    average_precision,
    bootstrap,
    chamfer_matrix,
    compare_sets,
    iou,
    jensen_shannon,
    nearest_iou,
    pooled,
    shown_whole,
    surface_points,
    surface_scores,
    surface_voxels,
)


def box(lo, hi, side=16):
    grid = np.zeros((side,) * 3, bool)
    grid[lo:hi, lo:hi, lo:hi] = True
    return grid


def test_iou_of_nested_boxes_is_their_volume_ratio():
    assert iou(box(4, 8)[None], box(4, 12)[None])[0] == pytest.approx(64 / 512)
    empty = np.zeros((1, 16, 16, 16), bool)
    assert iou(empty, empty)[0] == 1
    assert iou(empty, box(4, 8)[None])[0] == 0


def test_a_shape_is_shown_whole_where_a_lower_level_joins_all_but_crumbs():
    pieces = box(2, 8).astype(np.float32)
    pieces[10:14, 2:8, 2:8] = 1
    joined, crumb, weak = pieces.copy(), box(2, 12).astype(np.float32), pieces.copy()
    joined[8:10, 2:8, 2:8] = 0.4
    crumb[15, 15, 15] = 1  # one cell of a thousand and one
    weak[8:10, 2:8, 2:8] = 0.2  # below the lowest level
    grids = np.stack([pieces, joined, crumb, weak, np.zeros_like(pieces)])
    assert shown_whole(grids).tolist() == [False, True, True, False, False]
    assert one_part(grids > 0.5).tolist() == [False] * 5


def test_chamfer_by_distance_transform_equals_nearest_neighbours():
    a, b = box(3, 9), box(5, 13)
    points = [np.argwhere(surface_voxels(g)) for g in (a, b)]
    expected = (
        cKDTree(points[1]).query(points[0])[0].mean()
        + cKDTree(points[0]).query(points[1])[0].mean()
    ) / 16
    assert chamfer_matrix(a[None], b[None])[0, 0] == pytest.approx(expected, rel=1e-5)


def test_a_coarser_grid_is_solid_where_any_of_its_cells_are():
    grids = np.random.default_rng(0).random((2, 8, 8, 8)) < 0.1
    x, y, z = np.nonzero(grids[1])
    expected = np.zeros((4, 4, 4), bool)
    expected[x // 2, y // 2, z // 2] = True
    assert (pooled(grids, 4)[1] == expected).all()
    assert (pooled(grids, 8) == grids).all()


def test_identical_shapes_are_at_no_distance_and_empty_ones_far():
    assert chamfer_matrix(box(2, 9)[None], box(2, 9)[None])[0, 0] == 0
    assert chamfer_matrix(np.zeros((1, 16, 16, 16), bool), box(2, 9)[None])[0, 0] > 1


def test_loose_bits_are_counted_as_parts():
    loose = box(4, 8)
    loose[12, 12, 12] = True
    by_an_edge = box(4, 8)
    by_an_edge[8, 8, 4:8] = True  # touches along an edge only
    assert one_part(np.stack([box(4, 8), loose, by_an_edge])).tolist() == [True, False, False]


def test_sets_told_apart_score_one_and_halves_of_one_set_about_a_half():
    rng = np.random.default_rng(0)

    def draw(n, low, high):
        return np.stack([box(2, int(e)) for e in rng.integers(low, high, n)])

    apart = compare_sets(draw(20, 4, 6), draw(20, 12, 14))
    assert apart.nearest_neighbour == 1
    assert apart.minimum_matching > 0.1
    # Noise makes every shape distinct, so that ties do not decide.
    noisy = draw(80, 6, 12) | (rng.random((80, 16, 16, 16)) < 0.02)
    mixed = compare_sets(noisy[:40], noisy[40:])
    assert 0.3 < mixed.nearest_neighbour < 0.7
    assert mixed.coverage > 0.3


def test_scores_of_sets_equal_a_search_of_all_neighbours():
    rng = np.random.default_rng(0)
    sets = rng.random((2, 7, 9, 9, 9)) < 0.15
    points = [np.argwhere(surface_voxels(grid)) for grid in sets.reshape(14, 9, 9, 9)]
    apart = np.zeros((14, 14))
    for i, a in enumerate(points):
        for j, b in enumerate(points):
            pairs = distance.cdist(a, b)
            apart[i, j] = (pairs.min(1).mean() + pairs.min(0).mean()) / 9
    assert chamfer_matrix(*sets) == pytest.approx(apart[:7, 7:], rel=1e-5)
    found = compare_sets(*sets)
    assert found.minimum_matching == pytest.approx(apart[:7, 7:].min(0).mean())
    assert found.coverage == len(set(apart[:7, 7:].argmin(1))) / 7
    others = apart + np.where(np.eye(14), np.inf, 0)
    same = (others.argmin(1) >= 7) == (np.arange(14) >= 7)
    assert found.nearest_neighbour == same.mean()


def test_average_precision_is_the_area_under_the_steps():
    rng = np.random.default_rng(0)
    truth = rng.random((3, 4, 4, 4)) < 0.3
    levels = np.round(rng.random((3, 4, 4, 4)), 1).astype(np.float32)  # with many ties
    for values, solid, found in zip(levels, truth, average_precision(levels, truth), strict=True):
        area, recall = 0.0, 0.0
        for level in sorted(np.unique(values), reverse=True):
            chosen = values >= level
            new = (solid & chosen).sum() / solid.sum()
            area += (new - recall) * (solid & chosen).sum() / chosen.sum()
            recall = new
        assert found == pytest.approx(area)
    assert average_precision(truth.astype(np.float32), truth) == pytest.approx(np.ones(3))


def test_points_lie_on_the_surface_as_trimesh_sees_it_and_spread_by_area():
    grid = box(4, 12)
    grid[4:12, 4:12, 8:] = False  # twice as wide as high
    points = surface_points(grid.astype(np.float32), count=4000)
    mesh = meshing.surface(grid.astype(np.float32), PLAIN)
    known = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    _, off, _ = trimesh.proximity.closest_point_naive(known, points[:200])
    assert off.max() < 1e-5
    judge, _ = trimesh.sample.sample_surface(known, 4000, seed=1)
    assert points.mean(0) == pytest.approx(judge.mean(0), abs=0.01)
    assert points.std(0) == pytest.approx(judge.std(0), abs=0.01)
    assert len(surface_points(np.zeros((16, 16, 16), np.float32))) == 0


def test_chamfer_and_f_scores_equal_a_search_of_all_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.random((60, 3)), rng.random((50, 3))
    apart = np.linalg.norm(a[:, None] - b, axis=2)
    precision, recall = (apart.min(1) <= 0.1).mean(), (apart.min(0) <= 0.1).mean()
    apart_by, (score,) = surface_scores(a, b, (0.1,))
    assert apart_by == pytest.approx((apart.min(1).mean() + apart.min(0).mean()) / 2)
    assert score == pytest.approx(2 * precision * recall / (precision + recall))
    assert surface_scores(a[:0], b, (0.1, 0.2)) == (pytest.approx(3**0.5), (0, 0))
    apart_by, (score,) = surface_scores(a, a + np.array([0.3, 0, 0]), (0.0,))
    assert 0 < apart_by <= 0.3
    assert score == 0


def test_two_samplings_of_one_surface_are_as_near_as_the_definition_says():
    grid = box(4, 12).astype(np.float32)
    apart_by, scores = surface_scores(
        surface_points(grid, 0), surface_points(grid, 1), (0.01, 0.02)
    )
    assert apart_by < 0.004
    assert scores == (pytest.approx(1, abs=0.01), pytest.approx(1, abs=0.001))


def test_the_nearest_training_shape_is_found_also_flipped():
    rng = np.random.default_rng(0)
    others = rng.random((7, 8, 8, 8)) < 0.3
    grids = np.concatenate([others[2:3, ::-1], rng.random((3, 8, 8, 8)) < 0.3])
    expected = [
        max(iou(g[None], o[None])[0] for other in others for o in (other, other[::-1]))
        for g in grids
    ]
    assert nearest_iou(grids, [others[:3], others[3:]]) == pytest.approx(expected)
    assert expected[0] == 1


def test_jensen_shannon_is_scipys_distance_squared():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 9, 6, 6, 6)) < [[[[[0.2]]]], [[[[0.6]]]]]
    known = distance.jensenshannon(a.sum(0).ravel(), b.sum(0).ravel(), base=2) ** 2
    assert jensen_shannon(a, b) == pytest.approx(known)
    assert jensen_shannon(a, a) == 0
    assert jensen_shannon(box(2, 5)[None], box(8, 12)[None]) == pytest.approx(1)


def test_bootstrap_intervals_hold_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, 400)
    low, high = bootstrap(values)
    normal = 1.96 * 2 / 400**0.5  # the standard error's interval
    assert (high - low) / 2 == pytest.approx(normal, rel=0.1)
    held = [low <= 0.5 <= high for low, high in (bootstrap(rng.random(30), k) for k in range(200))]
    assert 0.88 < np.mean(held) < 0.99
