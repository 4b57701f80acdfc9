"""A chair of boxes in which no axis and no flip can be mistaken, and a concave prism."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from shapelab.core.mesh.tri_mesh import TriMesh

Quads = np.ndarray
SIDES = np.array(
    [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
)
PLAN = np.array([(0, 0), (4, 0), (4, 1), (1, 1), (1, 2.5), (3, 3), (0, 5.0)])  # concave, in a plane


def boxes() -> tuple[np.ndarray, Quads]:
    """A seat, a back and one leg: (24, 3) points and (18, 4) quads, wound outwards."""
    points, quads = [], []
    for low, high in (((0, 0, 4), (4, 5, 5)), ((0, 4, 5), (4, 5, 9)), ((0, 0, 0), (1, 1, 4))):
        corners = np.array(list(itertools.product((0, 1), repeat=3))) * np.subtract(high, low) + low
        quads.append(outwards(corners) + 8 * len(points))
        points.append(corners)
    return np.concatenate(points).astype(float), np.concatenate(quads)


def outwards(corners: np.ndarray) -> Quads:
    quads = SIDES.copy()
    for quad in quads:
        a, b, c, _ = corners[quad]
        if np.cross(b - a, c - a) @ (a - corners.mean(0)) < 0:
            quad[:] = quad[::-1]
    return quads


POINTS, QUADS = boxes()
TRIANGLES = np.concatenate([QUADS[:, [0, 1, 2]], QUADS[:, [0, 2, 3]]])
VOLUME = 4 * 5 * 1 + 4 * 1 * 4 + 1 * 1 * 4


def prism() -> tuple[np.ndarray, list[list[int]]]:
    """A concave outline pulled up: two polygons of seven corners, and quads around."""
    count = len(PLAN)
    points = np.concatenate([np.column_stack([PLAN, np.full(count, z)]) for z in (0.0, 9.0)])
    faces = [list(range(count))[::-1], [count + k for k in range(count)]]
    faces += [[k, (k + 1) % count, count + (k + 1) % count, count + k] for k in range(count)]
    return points, faces


PRISM_POINTS, PRISM_FACES = prism()
x, y = PLAN.T
PRISM_VOLUME = 9 * abs(float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())) / 2


def is_chair(mesh: TriMesh, scale: float = 1.0, y_up: bool = False) -> None:
    """The very triangles, wound outwards, wherever in the file they are."""
    points = POINTS * scale
    if y_up:
        points = np.stack([points[:, 0], points[:, 2], -points[:, 1]], 1)
    middle = (points.max(0) + points.min(0)) / 2
    assert len(mesh.faces) == 36
    assert mesh.volume == pytest.approx(VOLUME * scale**3, rel=1e-4)
    assert surface(mesh.vertices.astype(float), mesh.faces) == surface(points - middle, TRIANGLES)


def surface(points: np.ndarray, faces: np.ndarray) -> list[tuple[float, ...]]:
    """Each side's plane and area: the same however its quads are cut."""
    a, b, c = points[faces].transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    size = np.abs(points).max()
    area = np.linalg.norm(across, axis=1, keepdims=True)
    normal = across / area
    keys = np.round(np.column_stack([normal, (normal * a).sum(1) / size]), 3) + 0.0
    sums: dict[tuple[float, ...], float] = {}
    for key, value in zip(map(tuple, keys), (area[:, 0] / size**2).tolist(), strict=True):
        sums[key] = sums.get(key, 0.0) + value
    return sorted((*key, round(value, 3)) for key, value in sums.items())


def is_prism(mesh: TriMesh) -> None:
    assert mesh.volume == pytest.approx(PRISM_VOLUME, rel=1e-5)
    np.testing.assert_allclose(mesh.extents, (4, 5, 9), rtol=1e-6)
    faces = np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, times = np.unique(faces, axis=0, return_counts=True)
    assert (times == 2).all(), "no corner lies in the middle of a neighbour's side"


TURN = (0.36, 0.48, 0.6, np.sqrt(1 - 0.36**2 - 0.48**2 - 0.6**2))


def rotation(turn: Sequence[float]) -> np.ndarray:
    """The matrix of a quaternion (x, y, z, w)."""
    x, y, z, w = turn
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross
