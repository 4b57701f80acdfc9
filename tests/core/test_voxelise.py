"""Solid voxels of analytic shapes, broken meshes, and ModelNet's own grids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from shapelab.core.mesh import TriMesh
from shapelab.core.voxelise import solid
from shapelab.errors import InputError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
Points = np.ndarray
Inside = Callable[[Points], Points]

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


def assert_within_one_layer(mesh: TriMesh, inside: Inside, resolution: int = 32) -> None:
    """Cells more than one layer inside are full, more than one layer outside are empty."""
    found = solid(mesh, resolution)
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    true = inside(centres(low, high, resolution))
    around = np.ones((3, 3, 3), bool)
    assert found[ndimage.binary_erosion(true, around)].all(), "a hole in the inside"
    assert not found[~ndimage.binary_dilation(true, around)].any(), "cells outside"
    assert found.sum() >= 0.9 * true.sum()


def within(low: tuple[float, ...], high: tuple[float, ...]) -> Inside:
    return lambda p: ((p > np.array(low)) & (p < np.array(high))).all(-1)


def in_ball(p: Points) -> Points:
    return np.linalg.norm(p, axis=-1) < 1


@pytest.mark.parametrize("resolution", [32, 64])
def test_ball(resolution: int) -> None:
    assert_within_one_layer(ball(), in_ball, resolution)


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
    mesh = joined(box(*a), box(*b))
    assert_within_one_layer(mesh, lambda p: within(*a)(p) | within(*b)(p))


def test_every_face_twice_is_still_solid() -> None:
    mesh = box((0, 0, 0), (2, 1, 1))
    double = joined(mesh, flipped(mesh, 1))
    assert (solid(double) == solid(mesh)).all()


def test_a_hole_through_a_box_stays_open() -> None:
    # A square tube: four plates around a shaft of one third.
    plates = [
        ((0, 0, 0), (1, 3, 3)),
        ((2, 0, 0), (3, 3, 3)),
        ((1, 0, 0), (2, 1, 3)),
        ((1, 2, 0), (2, 3, 3)),
    ]
    mesh = joined(*(box(*plate) for plate in plates))
    shaft = within((1, 1, -9), (2, 2, 9))
    assert_within_one_layer(mesh, lambda p: within((0, 0, 0), (3, 3, 3))(p) & ~shaft(p))
    assert not solid(mesh)[15:17, 15:17].any()


def test_open_cup_with_thick_walls_stays_hollow() -> None:
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
    cavity = within((1, 1, 1), (3, 3, 99))
    cup = joined(outer, flipped(inner, 1), rim)
    assert_within_one_layer(cup, lambda p: within((0, 0, 0), (4, 4, 4))(p) & ~cavity(p))


def test_box_without_a_lid_is_a_box_and_without_a_floor_is_filled() -> None:
    low, high = (0, 0, 0), (3, 3, 2)
    open_top = solid(box(low, high, (1,)))
    assert not open_top[10:22, 10:22, 14:22].any()
    assert open_top[4, 16, 16]
    assert open_top[16, 16, 8]
    assert_within_one_layer(box(low, high, (0,)), within(low, high))
    assert_within_one_layer(box(low, high, (2,)), within(low, high))


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


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
def test_modelnet_meshes_agree_with_the_grids_of_the_training_data() -> None:
    """Sound ones only: the bathtub's grid lacks its outer shell, the chair's is thin (0.81)."""
    from shapelab.core.meshread import read

    archive = np.load(DATA / "modelnet10" / "modelnet10_train_30.npz")
    grids, labels = archive["voxels"], archive["labels"]
    classes = [str(name) for name in archive["classes"]]
    folder = DATA / "modelnet_off_sample" / "ModelNet10"
    least = {"bed_0001": 0.93, "bed_0002": 0.96, "toilet_0001": 0.94, "chair_0001": 0.78}
    for name, wanted in least.items():
        kind = name[:-5]
        mesh = read((folder / kind / "train" / f"{name}.off").read_bytes(), ".off")
        own = np.pad(grids[labels == classes.index(kind)][int(name[-4:]) - 1], 1) > 0
        found = solid(mesh)
        iou = (found & own).sum() / (found | own).sum()
        print(f"{name}: IoU {iou:.3f}")
        assert iou > wanted, name
