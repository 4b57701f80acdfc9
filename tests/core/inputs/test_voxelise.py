"""Solid voxels of analytic shapes, broken meshes, and ModelNet's own grids."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from shapelab.core.errors import InputError
from shapelab.core.inputs.voxelise import solid
from shapelab.core.mesh.tri_mesh import TriMesh

Points = np.ndarray
Distance = Callable[[Points], Points]  # signed, negative inside, in the mesh's own unit

RESOLUTIONS = [32, 64, 128]
# Each solid cell is inside or touched, so that a wrong one lies within half its diagonal.
ONE_LAYER = np.sqrt(3) / 2

QUADS = [  # of a box, corner i = bits x, y, z; outward
    (0, 2, 3, 1),
    (4, 5, 7, 6),
    (0, 1, 5, 4),
    (2, 6, 7, 3),
    (0, 4, 6, 2),
    (1, 3, 7, 5),
]


def box(low: tuple[float, ...], high: tuple[float, ...], skip: tuple[int, ...] = ()) -> TriMesh:
    """A box of 12 triangles; ``skip`` leaves faces out (0 floor, 1 lid, 2 front …)."""
    corners = np.array([[(low, high)[i >> a & 1][a] for a in range(3)] for i in range(8)])
    quads = [q for i, q in enumerate(QUADS) if i not in skip]
    faces = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return TriMesh(corners.astype(np.float32), np.array(faces, np.int32))


def joined(*meshes: TriMesh) -> TriMesh:
    faces, base = [], 0
    for mesh in meshes:
        faces.append(mesh.faces + base)
        base += len(mesh.vertices)
    return TriMesh(np.concatenate([m.vertices for m in meshes]), np.concatenate(faces))


def flipped(mesh: TriMesh, every: int) -> TriMesh:
    faces = mesh.faces.copy()
    faces[::every] = faces[::every, ::-1]
    return TriMesh(mesh.vertices, faces)


def ball(segments: int = 48) -> TriMesh:
    """A closed UV sphere of radius 1."""
    around, down = np.meshgrid(
        np.linspace(0, 2 * np.pi, segments, endpoint=False), np.linspace(0, np.pi, segments // 2)
    )
    points = np.stack(
        [np.sin(down) * np.cos(around), np.sin(down) * np.sin(around), np.cos(down)], -1
    )
    i, j = np.meshgrid(np.arange(segments // 2 - 1), np.arange(segments), indexing="ij")
    right = (j + 1) % segments
    a, b, c, d = (r * segments + s for r, s in ((i, j), (i, right), (i + 1, right), (i + 1, j)))
    faces = np.concatenate([np.stack([a, d, c], -1), np.stack([a, c, b], -1)]).reshape(-1, 3)
    return TriMesh(points.reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


def centres(low: Points, high: Points, resolution: int = 32) -> Points:
    """Middles of the cells in the mesh's own unit, (r, r, r, 3)."""
    index = np.stack(np.meshgrid(*[np.arange(resolution) + 0.5] * 3, indexing="ij"), -1)
    pitch = (high - low).max() / (resolution * 0.75)
    return (index - resolution / 2) * pitch + (low + high) / 2


def assert_true(mesh: TriMesh, distance: Distance, resolution: int, slack: float = 0.01) -> None:
    """Wrong cells lie within one layer of the true surface; ``slack`` is for its facets, cells."""
    found = solid(mesh, resolution)
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    pitch = (high - low).max() / (resolution * 0.75)
    object_box = (slice(resolution // 8 - 1, resolution * 7 // 8 + 1),) * 3
    assert found[object_box].sum() == found.sum(), "cells beyond the object's 24/32 of the grid"
    found = found[object_box]
    true = distance(centres(low, high, resolution)[object_box]) / pitch
    wrong = found != (true < 0)
    assert (found & (true < -ONE_LAYER)).any(), "the shape must have an inside that can be judged"
    assert np.abs(true[wrong]).max(initial=0) < ONE_LAYER + slack
    assert not (~found & (true < -slack)).any(), "a hole in the inside"


def in_box(low: tuple[float, ...], high: tuple[float, ...]) -> Distance:
    def distance(p: Points) -> Points:
        beyond = np.abs(p - (np.array(low) + high) / 2) - (np.array(high) - low) / 2
        return np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(-1), 0)

    return distance


def without(outer: Distance, inner: Distance) -> Distance:
    return lambda p: np.maximum(outer(p), -inner(p))


def either(*parts: Distance) -> Distance:
    return lambda p: np.min([part(p) for part in parts], 0)


def in_ball(p: Points) -> Points:
    return np.linalg.norm(p, axis=-1) - 1


def torus(segments: int = 128, tube: float = 0.35) -> TriMesh:
    """Around z, radius 1, closed."""
    around, across = np.meshgrid(*[np.linspace(0, 2 * np.pi, segments, endpoint=False)] * 2)
    ring = 1 + tube * np.cos(across)
    points = np.stack([ring * np.cos(around), ring * np.sin(around), tube * np.sin(across)], -1)
    i, j = np.meshgrid(np.arange(segments), np.arange(segments), indexing="ij")
    a, b, c, d = (
        (i + u) % segments * segments + (j + v) % segments
        for u, v in ((0, 0), (0, 1), (1, 1), (1, 0))
    )
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return TriMesh(points.reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


def in_torus(p: Points) -> Points:
    return np.hypot(np.linalg.norm(p[..., :2], axis=-1) - 1, p[..., 2]) - 0.35


def turned(mesh: TriMesh, distance: Distance) -> tuple[TriMesh, Distance]:
    """Both turned about an axis that is none of the grid's."""
    turn = Rotation.from_rotvec([0.3, 0.5, -0.4]).as_matrix()
    return TriMesh((mesh.vertices @ turn.T).astype(np.float32), mesh.faces), lambda p: distance(
        p @ turn
    )


def holed(low: tuple[float, ...], high: tuple[float, ...]) -> TriMesh:
    """A box with a square window through its right side: the surface is open there."""
    (y0, z0), (y1, z1), x = low[1:], high[1:], high[0]
    frame = np.array([[y0, z0], [y1, z0], [y1, z1], [y0, z1]])
    pane = frame.mean(0) + (frame - frame.mean(0)) * 0.4
    points = np.concatenate([frame, pane])
    side = TriMesh(
        np.column_stack([np.full(8, x), points]).astype(np.float32),
        np.array(
            [
                t
                for i in range(4)
                for t in ((i, (i + 1) % 4, 4 + i), ((i + 1) % 4, 4 + (i + 1) % 4, 4 + i))
            ],
            np.int32,
        ),
    )
    return joined(box(low, high, (5,)), side)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_ball_and_torus(resolution: int) -> None:
    assert_true(ball(128), in_ball, resolution, slack=0.1)
    assert_true(*turned(torus(), in_torus), resolution, slack=0.1)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_box_with_a_hole_through_a_side_is_filled(resolution: int) -> None:
    low, high = (0, 0, 0), (5, 4, 3)
    assert_true(holed(low, high), in_box(low, high), resolution)
    assert_true(flipped(holed(low, high), 3), in_box(low, high), resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_no_axis_is_swapped_or_flipped(resolution: int) -> None:
    """Three boxes whose joint shape equals none of its turns and flips."""
    boxes = [((0, 0, 0), (10, 9, 5)), ((0, 7, 4), (10, 9, 12)), ((0, 0, 4), (2, 7, 8))]
    mesh = joined(*(box(*b) for b in boxes))
    assert_true(mesh, either(*(in_box(*b) for b in boxes)), resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_overlapping_solids_have_no_hole_even_where_the_mesh_is_open(resolution: int) -> None:
    """In the overlap a line crosses an even number of faces; each part alone tells the truth."""
    a, b = ((0, 0, 0), (5, 4, 3)), ((3, 1, 1), (9, 3, 2.5))
    mesh = joined(holed(*a), box(*b))
    assert_true(mesh, either(in_box(*a), in_box(*b)), resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_faces_modelled_twice_are_solid_even_where_the_mesh_is_open(resolution: int) -> None:
    low, high = (0, 0, 0), (5, 4, 3)
    mesh = joined(holed(low, high), flipped(holed(low, high), 1))
    assert_true(mesh, in_box(low, high), resolution)


def test_a_square_of_any_two_triangles_is_modelled_twice() -> None:
    """The second time with the other diagonal, so that no triangle is there twice."""
    mesh = holed((0, 0, 0), (5, 4, 3))
    quads = [(a, b, c, d) for a, b, c, d in QUADS[:5]]
    other = np.array([t for a, b, c, d in quads for t in ((b, d, a), (b, c, d))], np.int32)
    twice = TriMesh(mesh.vertices, np.concatenate([mesh.faces, other, mesh.faces[10:, ::-1]]))
    assert (solid(twice) == solid(mesh)).all()


@pytest.mark.parametrize("every", [1, 2, 3])
def test_flipped_faces_change_nothing(every: int) -> None:
    assert (solid(flipped(ball(), every)) == solid(ball())).all()


def test_box_spans_exactly_24_cells() -> None:
    found = solid(box((5, 5, 5), (7, 6, 5.5)))
    filled = [np.flatnonzero(found.any(tuple({0, 1, 2} - {a}))) for a in range(3)]
    assert [(f[0], f[-1]) for f in filled] == [(4, 27), (10, 21), (13, 18)]
    assert found.sum() == 24 * 12 * 6


def test_two_overlapping_boxes_have_no_hole_where_they_overlap() -> None:
    a, b = ((0, 0, 0), (2, 1, 1)), ((1, 0.25, 0.25), (3, 1.25, 1.25))
    assert_true(joined(box(*a), box(*b)), either(in_box(*a), in_box(*b)), 32)


def test_every_face_twice_is_still_solid() -> None:
    mesh = box((0, 0, 0), (2, 1, 1))
    double = joined(mesh, flipped(mesh, 1))
    assert (solid(double) == solid(mesh)).all()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_hole_through_a_box_stays_open(resolution: int) -> None:
    # A square tube: four plates around a shaft of one third.
    plates = [
        ((0, 0, 0), (1, 3, 3)),
        ((2, 0, 0), (3, 3, 3)),
        ((1, 0, 0), (2, 1, 3)),
        ((1, 2, 0), (2, 3, 3)),
    ]
    mesh = joined(*(box(*plate) for plate in plates))
    shaft = in_box((1, 1, -9), (2, 2, 9))
    assert_true(mesh, without(in_box((0, 0, 0), (3, 3, 3)), shaft), resolution)
    assert not solid(mesh)[15:17, 15:17].any()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_open_cup_with_thick_walls_stays_hollow(resolution: int) -> None:
    outer, inner = box((0, 0, 0), (4, 4, 4), (1,)), box((1, 1, 1), (3, 3, 4), (1,))
    rim = TriMesh(
        np.array(
            [
                [0, 0, 4],
                [4, 0, 4],
                [4, 4, 4],
                [0, 4, 4],
                [1, 1, 4],
                [3, 1, 4],
                [3, 3, 4],
                [1, 3, 4],
            ],
            np.float32,
        ),
        np.array(
            [
                t
                for i in range(4)
                for t in ((i, (i + 1) % 4, 4 + i), ((i + 1) % 4, 4 + (i + 1) % 4, 4 + i))
            ],
            np.int32,
        ),
    )
    cavity = in_box((1, 1, 1), (3, 3, 99))
    cup = joined(outer, flipped(inner, 1), rim)
    assert_true(cup, without(in_box((0, 0, 0), (4, 4, 4)), cavity), resolution)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_open_cup_of_one_sheet_is_a_shell(resolution: int) -> None:
    """A bowl: the lower half of a ball. Cells are filled where the sheet is, and only there."""
    whole = ball(128)
    corners = whole.vertices[whole.faces]
    bowl = TriMesh(whole.vertices, whole.faces[(corners[..., 2] < 1e-6).all(1)])
    used = bowl.vertices[np.unique(bowl.faces)]
    found = solid(bowl, resolution)
    low, high = used.min(0), used.max(0)
    pitch = (high - low).max() / (resolution * 0.75)
    places = centres(low, high, resolution)
    off = np.abs(in_ball(places)) / pitch
    assert off[found].max() < ONE_LAYER + 0.1
    assert found[(off < 0.1) & (places[..., 2] < -pitch)].all()
    around = found.any(2)  # from above the bowl is a full disc, but each column a thin sheet
    assert around.sum() > 0.95 * np.pi * (resolution * 0.375) ** 2
    assert not found[resolution // 2, resolution // 2, resolution // 2 + 1 :].any()


def test_box_without_a_lid_is_a_box_and_without_a_floor_is_filled() -> None:
    low, high = (0, 0, 0), (3, 3, 2)
    open_top = solid(box(low, high, (1,)))
    assert not open_top[10:22, 10:22, 14:22].any()
    assert open_top[4, 16, 16]
    assert open_top[16, 16, 8]
    assert_true(box(low, high, (0,)), in_box(low, high), 32)
    assert_true(box(low, high, (2,)), in_box(low, high), 32)


@pytest.mark.parametrize("thickness", [0.02, 0.3, 0.5, 1.0, 1.7])
def test_thin_legs_stay_and_stay_joined(thickness: float) -> None:
    """Legs from a fiftieth of a cell to nearly two, in units where 24 cells are 24 long."""
    top = box((0, 0, 20), (24, 24, 24))
    legs = [
        box((x, y, 0), (x + thickness, y + thickness, 20.5))
        for x in (0.6, 21.2)
        for y in (0.9, 20.7)
    ]
    found = solid(joined(top, *legs))
    assert found[:, :, 4:28].any((0, 1)).all()
    assert ndimage.label(found, np.ones((3, 3, 3)))[1] == 1
    assert ndimage.label(found[:, :, 12])[1] == 4
    assert found[:, :, 12].sum() <= 4 * (np.ceil(thickness) + 1) ** 2


def test_a_single_sheet_is_one_layer() -> None:
    sheet = box((0, 0, 0), (4, 2, 1), (1, 2, 3, 4, 5))
    found = solid(sheet)
    assert found.any((0, 1)).sum() == 1
    assert found.sum() == 24 * 12


def test_slivers_and_huge_coordinates_are_no_trouble() -> None:
    spike = TriMesh(
        np.array([[0, 0, 0], [1e6, 1e-3, 0], [1e6, 0, 1e-3], [5e5, 1e-3, 1e-3]], np.float32),
        np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]], np.int32),
    )
    assert solid(spike).any((1, 2)).sum() == 24


def test_nothing_and_a_point_are_refused() -> None:
    with pytest.raises(InputError, match="no faces"):
        solid(TriMesh(np.zeros((3, 3), np.float32)))
    with pytest.raises(InputError, match="no size"):
        solid(TriMesh(np.ones((3, 3), np.float32), np.array([[0, 1, 2]], np.int32)))


def test_a_mesh_with_endless_edges_is_refused() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((300, 3)).astype(np.float32)
    faces = rng.integers(0, 300, (200_000, 3)).astype(np.int32)
    with pytest.raises(InputError, match="too tangled"):
        solid(TriMesh(points, faces), 128)
