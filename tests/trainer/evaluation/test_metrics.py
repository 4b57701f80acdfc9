"""Metrics on shapes whose scores are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from trainer.evaluation.metrics import chamfer_matrix, compare_sets, iou, one_part, surface_voxels


def box(lo, hi, side=16):
    grid = np.zeros((side,) * 3, bool)
    grid[lo:hi, lo:hi, lo:hi] = True
    return grid


def test_iou_of_nested_boxes_is_their_volume_ratio():
    assert iou(box(4, 8)[None], box(4, 12)[None])[0] == pytest.approx(64 / 512)
    empty = np.zeros((1, 16, 16, 16), bool)
    assert iou(empty, empty)[0] == 1
    assert iou(empty, box(4, 8)[None])[0] == 0


def test_chamfer_by_distance_transform_equals_nearest_neighbours():
    a, b = box(3, 9), box(5, 13)
    points = [np.argwhere(surface_voxels(g)) for g in (a, b)]
    expected = (
        cKDTree(points[1]).query(points[0])[0].mean()
        + cKDTree(points[0]).query(points[1])[0].mean()
    ) / 16
    assert chamfer_matrix(a[None], b[None])[0, 0] == pytest.approx(expected, rel=1e-5)


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
