"""What a file holds itself: how much, how large, and where voxels stand."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.inputs.point_files import PointCloud
from shapelab.core.inputs.scan import MOST_CELLS, Scan, scan_of
from shapelab.core.inputs.voxel_files import VoxelGrid


@pytest.mark.parametrize(
    ("faces", "size", "unit", "words"),
    [
        (np.zeros((1200, 3), np.int32), (800.0, 412.34, 52.0), "millimeter", "1\xa0200 triangles"),
        (None, (0.8, 0.41234, 0.05), "meter", "3 points, 0.8 × 0.4123 × 0.05 m"),
        (None, (8.0, 4.0, 5.0), "", "3 points, 8 × 4 × 5 (unit unknown)"),
    ],
)
def test_a_scan_says_how_much_it_holds(
    faces: np.ndarray | None, size: tuple[float, float, float], unit: str, words: str
) -> None:
    assert Scan(np.zeros((3, 3), np.float32), faces, size, unit).words.startswith(words)


def test_cells_are_shown_in_the_unit_of_the_file_where_they_can_be_seen() -> None:
    values = np.zeros((9, 9, 9), np.float32)
    values[2:6, 3:5, 1:3] = 1
    scan = scan_of(VoxelGrid(values, 0.5), "z", 1)
    assert scan is not None
    assert scan.size == pytest.approx((1.0, 2.0, 1.0))  # a quarter turn: width is depth
    assert scan.faces is not None
    assert len(scan.faces) == 2 * 2 * (8 + 8 + 4)
    assert np.abs(scan.vertices).max() == pytest.approx(0.375)
    fine = np.ones((MOST_CELLS + 1, 2, 2), np.float32)
    assert scan_of(VoxelGrid(fine, 1.0), "z", 0) is None
    assert scan_of(VoxelGrid(np.zeros((3, 3, 3), np.float32), 1.0), "z", 0) is None


def test_a_cloud_stays_where_it_stands() -> None:
    points = np.array([(0, 0, 0), (4, 0, 0), (0, 2, 0), (0, 0, 1)], np.float32)
    scan = scan_of(PointCloud(points), "y", 0, "inch")
    assert scan is not None
    assert scan.words == "4 points, 4 × 1 × 2 in"
    width, depth, height = np.ptp(scan.vertices, axis=0)
    assert (width, depth, height) == pytest.approx((0.75, 0.1875, 0.375))
    assert scan.vertices[2, 2] == scan.vertices[:, 2].max()  # y is up
