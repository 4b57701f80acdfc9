"""Thin parts that lean hang together through faces, and what is apart stays apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from shapelab.core.furniture.solids import block, rod
from shapelab.core.mesh.tri_mesh import TriMesh
from trainer.data.sampling.bridges import crossings, joining_cells
from trainer.data.sampling.sampled_shape import sample
from trainer.data.sources.procedural import Union

LEANING = [(0.31, 0.23, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, 1.0)]


def pieces(inside: np.ndarray) -> int:
    return int(ndimage.label(inside)[1])


@pytest.mark.parametrize("radius", [0.0095, 0.012])  # half a cell, and less
@pytest.mark.parametrize("way", LEANING)
def test_a_thin_rod_that_leans_is_one_piece_and_no_thicker(
    way: tuple[float, float, float], radius: float
) -> None:
    """Against the distance from its middle line; a cell of 64 is 0.02 of its longest side."""
    shape = Union((rod((0.0, 0.0, 0.0), way, radius),))
    cell = (max(way) + 2 * radius) / 48
    places = (np.stack(np.indices((64,) * 3), -1) + 0.5 - 32) * cell + np.array(way) / 2
    along = np.clip(places @ way / np.dot(way, way), 0, 1)
    from_line = np.linalg.norm(places - along[..., None] * way, axis=-1)
    for given in (shape, shape.mesh()):
        sampled = sample(given, 64)
        inside = sampled.distance < 128
        assert pieces(inside) == 1
        assert inside[from_line < radius - 0.1 * cell].all()  # facets take off a little
        assert from_line[inside].max() < radius + 0.9 * cell  # half a cell's diagonal
        assert not (inside & ~sampled.occupancy).any()
        assert not crossings(np.where(inside, -1.0, 1.0), np.ones_like(inside)).any()


def test_thick_parts_are_joined_through_a_narrow_gap_only_if_they_are_one() -> None:
    """Two boards with a cell and a half between them, without a pin and with one."""
    gap = 1.5 / 48
    boards = [block((0.0, 0.0, z), (1.0, 0.6, z + 0.1)) for z in (0.0, 0.1 + gap)]
    pin = rod((0.5, 0.3, 0.05), (0.5, 0.3, 0.15), 0.0125)  # where four cells meet
    low, high = (Union((board,)).mesh() for board in boards)
    faces = np.concatenate([low.faces, high.faces + len(low.vertices)])
    apart = sample(TriMesh(np.concatenate([low.vertices, high.vertices]), faces), 64)
    assert pieces(apart.distance < 128) == 2
    joined = Union((*boards, pin))
    for given in (joined, joined.mesh()):
        sampled = sample(given, 64)
        assert pieces(sampled.distance < 128) == 1
        assert ((sampled.distance < 128) != (apart.distance < 128)).sum() <= 0.01 * (
            apart.distance < 128
        ).sum()


def test_crossed_squares_get_the_cell_nearer_to_the_surface_if_it_is_solid() -> None:
    for axes in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        for flip in (False, True):
            distance = np.full((4, 4, 4), 3.0)
            distance[1, 1, 2] = distance[2, 2, 2] = -0.3
            distance[1, 2, 2], distance[2, 1, 2] = 0.6, 0.4
            if flip:
                distance = distance[::-1]
            distance = distance.transpose(axes)
            nearer = distance == 0.4
            assert (crossings(distance, distance < 1) == nearer).all()
            assert not crossings(distance, distance < 0.1).any()


def test_parts_are_joined_by_the_shortest_ways_through_solid_cells() -> None:
    inside = np.zeros((12, 12, 12), bool)
    inside[1:4, 1:4, 1:4] = inside[6:9, 1:4, 1:4] = inside[1:4, 5:8, 5:8] = True
    inside[10, 10, 10] = True  # that nothing leads to
    solid = inside.copy()
    solid[4:6, 2, 1:4] = True  # two cells from the first to the second, on three ways
    solid[3, 3:6, 4] = solid[3, 4, 3:6] = True  # round a corner from the first to the third
    solid[1:9, 0, 0] = True  # a long way
    distance = np.where(inside, -1.0, 0.5)
    distance[4:6, 2, 2] = 0.2
    found = joining_cells(inside, distance, solid)
    assert pieces(inside) == 4
    assert pieces(inside | found) == 2
    assert not (found & ~solid).any()
    assert found[4:6, 2, 2].all()  # the way nearest to the surface
    assert found.sum() == 2 + 3
    assert not joining_cells(inside, distance, inside).any()
    assert not joining_cells(found & False, distance, solid).any()
