from pathlib import Path

import numpy as np
import pytest

from shapelab.core.errors import MeshError
from shapelab.core.mesh.meshing import (
    AUTOMATIC,
    LooseParts,
    SurfaceOptions,
    blocks,
    finish,
    parted_surface,
    surface,
)
from shapelab.core.mesh.print_check import check
from shapelab.core.mesh.tri_mesh import TriMesh

MODELNET = Path(__file__).parents[4] / "shared/data/modelnet10/modelnet10_train_30.npz"
PLACES = np.indices((32, 32, 32)) - 15.5


def soft(distance):
    """An occupancy that falls from 1 to 0 over one voxel around distance 0 (inside negative)."""
    return np.clip(0.5 - distance, 0, 1).astype(np.float32)


def ball(radius=10.0, middle=(0, 0, 0)):
    offset = PLACES - np.reshape(middle, (3, 1, 1, 1))
    return soft(np.sqrt((offset**2).sum(axis=0)) - radius)


def torus(ring=9.0, tube=4.0):
    x, y, z = PLACES
    return soft(np.hypot(np.hypot(x, y) - ring, z) - tube)


def box(low, high):
    occupancy = np.zeros((32, 32, 32), np.float32)
    occupancy[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1
    return occupancy


def noise(seed, share=0.5):
    return (np.random.default_rng(seed).random((18, 18, 18)) < share).astype(np.float32)


def in_voxels(mesh, cells=32):
    """The same mesh measured in the cells of its grid, as the numbers in these tests are."""
    return TriMesh(mesh.vertices * np.float32(cells), mesh.faces, mesh.normals)


def edge_counts(mesh):
    directed = np.concatenate([mesh.faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    assert len(np.unique(directed, axis=0)) == len(directed), "two faces run the same way"
    return np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)[1]


def euler(mesh):
    return len(mesh.vertices) - len(edge_counts(mesh)) + len(mesh.faces)


def assert_solid(mesh):
    assert (edge_counts(mesh) == 2).all()
    assert mesh.volume > 0
    assert np.isfinite(mesh.vertices).all()
    assert mesh.vertices.dtype == np.float32
    assert mesh.faces.dtype == np.int32
    assert mesh.normals is not None
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("resolution", [1, 2, 3, 4])
@pytest.mark.parametrize("smoothing", [0, 10, 50])
def test_a_ball_keeps_its_topology_volume_place_and_normals(resolution, smoothing):
    mesh = in_voxels(surface(ball(10, (2, -1, 0.5)), SurfaceOptions(resolution, smoothing)))
    assert_solid(mesh)
    assert euler(mesh) == 2
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 1000, rel=0.02)
    np.testing.assert_allclose(mesh.extents, 20, atol=0.3)
    outward = mesh.vertices - np.array([2, -1, 0.5])
    radius = np.linalg.norm(outward, axis=1)
    np.testing.assert_allclose(radius, 10, atol=0.2)
    assert (np.einsum("ij,ij->i", mesh.normals, outward) / radius).min() > 0.9


@pytest.mark.parametrize("resolution", [1, 2])
def test_a_torus_keeps_its_hole(resolution):
    mesh = in_voxels(surface(torus(), SurfaceOptions(resolution)))
    assert_solid(mesh)
    assert euler(mesh) == 0
    assert mesh.volume == pytest.approx(2 * np.pi**2 * 9 * 16, rel=0.02)


@pytest.mark.parametrize("make", [surface, blocks])
def test_an_asymmetric_solid_is_neither_flipped_nor_turned(make):
    # Three arms of different lengths from one corner: each swap or flip of axes moves a bound.
    arms = box((3, 5, 7), (24, 8, 10)) + box((3, 5, 7), (6, 20, 10)) + box((3, 5, 7), (6, 8, 29))
    mesh = in_voxels(make(np.minimum(arms, 1)))
    np.testing.assert_allclose(mesh.vertices.min(axis=0) + 16, (3, 5, 7), atol=0.25)
    np.testing.assert_allclose(mesh.vertices.max(axis=0) + 16, (24, 20, 29), atol=0.25)
    assert mesh.volume == pytest.approx(arms.clip(max=1).sum(), rel=0.05)


def test_a_grid_of_three_different_lengths_is_centred():
    occupancy = np.ones((6, 10, 14), np.float32)
    for mesh in (surface(occupancy, SurfaceOptions(smoothing=0)), blocks(occupancy)):
        np.testing.assert_allclose(mesh.extents, (6 / 14, 10 / 14, 1), atol=1e-6)
        np.testing.assert_allclose(mesh.vertices.min(axis=0), (-3 / 14, -5 / 14, -0.5), atol=1e-6)


AWKWARD = {
    "exactly on the level": np.where(ball() > 0.5, 0.5, 0.0).astype(np.float32),
    "level inside and out": np.where(ball() > 0.5, 1.0, 0.5).astype(np.float32),
    "a hair above": np.where(ball() > 0.5, np.nextafter(np.float32(0.5), 1), 0).astype(np.float32),
    "solid to the border": np.ones((32, 32, 32), np.float32),
    "half space": box((0, 0, 0), (32, 32, 11)),
    "one voxel": box((9, 9, 9), (10, 10, 10)),
    "binary noise": noise(1),
    "sparse noise": noise(2, 0.2),
    "dense noise": noise(3, 0.8),
    "grey noise": np.random.default_rng(4).random((18, 18, 18)).astype(np.float32),
    "chess board": (np.indices((32, 32, 32)).sum(axis=0) % 2).astype(np.float32),
    "tiny grid": np.ones((1, 1, 1), np.float32),
}


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_grids_become_closed_manifold_parts(name, largest):
    mesh = surface(AWKWARD[name], SurfaceOptions(largest_part=largest))
    assert_solid(mesh)
    report = check(finish(mesh, 60.0))
    assert report.ok, report.problems
    assert report.parts == 1 or not largest


@pytest.mark.parametrize("name", ["grey noise", "level inside and out", "half space"])
@pytest.mark.parametrize("level", [0.2, 0.5, 0.8])
def test_awkward_grids_at_other_levels_and_resolutions(name, level):
    occupancy = AWKWARD[name][:12, :12, :12] if "noise" in name else AWKWARD[name]
    mesh = surface(occupancy, SurfaceOptions(resolution=2, level=level))
    assert_solid(mesh)
    assert check(finish(mesh, 60.0)).ok


@pytest.mark.parametrize("smoothing", [1, 10, 50])
def test_a_leg_of_one_voxel_survives_smoothing(smoothing):
    leg = box((10, 10, 4), (11, 11, 24))
    raw = surface(leg, SurfaceOptions(smoothing=0))
    mesh = surface(leg, SurfaceOptions(smoothing=smoothing))
    assert mesh.volume > 0.75 * raw.volume
    assert (mesh.extents > 0.85 * raw.extents).all()
    assert euler(mesh) == 2


def test_a_plate_of_one_voxel_and_its_hole_survive_smoothing():
    plate = box((4, 4, 16), (28, 28, 17))
    plate[10, 12, 16] = 0
    raw = surface(plate, SurfaceOptions(smoothing=0))
    mesh = surface(plate, SurfaceOptions(smoothing=50))
    places = in_voxels(mesh).vertices
    assert euler(mesh) == 0
    assert mesh.volume == pytest.approx(raw.volume, rel=0.05)
    hole = np.linalg.norm(places[:, :2] - (10 - 15.5, 12 - 15.5), axis=1).min()
    assert hole > 0.25


def test_a_staircase_hangs_together_by_its_edges():
    occupancy = np.zeros((32, 32, 32), np.float32)
    for step in range(20):
        occupancy[5 + step, 5 + step, 10:13] = 1
    mesh = in_voxels(surface(occupancy))
    assert_solid(mesh)
    assert mesh.extents[0] == pytest.approx(20, abs=0.5)
    assert check(finish(mesh, 50)).parts == 1


def test_only_the_largest_part_is_kept_unless_asked_otherwise():
    occupancy = np.maximum(ball(6, (-7, 0, 0)), ball(3, (9, 0, 0)))
    alone = surface(ball(6, (-7, 0, 0)))
    kept = surface(occupancy)
    np.testing.assert_array_equal(kept.vertices, alone.vertices)
    both = surface(occupancy, SurfaceOptions(largest_part=False))
    assert check(finish(both, 60)).parts == 2
    assert both.volume == pytest.approx(kept.volume + 4 / 3 * np.pi * (3 / 32) ** 3, rel=0.05)


@pytest.mark.parametrize("resolution", [1, 2])
def test_loose_parts_are_counted_and_marked_where_they_are_shown(resolution):
    occupancy = np.maximum(ball(6, (-7, 0, 0)), ball(3, (9, 0, 0)))
    kept = parted_surface(occupancy, SurfaceOptions(resolution))
    shown = parted_surface(occupancy, SurfaceOptions(resolution, largest_part=False))
    assert kept.loose == shown.loose
    assert kept.loose.count == 1
    assert kept.loose.share == pytest.approx(27 / (27 + 216), abs=0.02)
    assert LooseParts(2, 0.374).words("hidden") == "2 loose parts hidden, 37 % of the shape"
    assert LooseParts(1, 0.001).words() == "1 loose part, under 1 % of the shape"
    assert kept.mesh.loose is None
    for mesh in (shown.mesh, blocks(occupancy, SurfaceOptions(largest_part=False))):
        right = mesh.vertices[mesh.faces].mean(axis=1)[:, 0] > 2 / 32
        np.testing.assert_array_equal(mesh.loose, right)
    alone = blocks(ball(6, (-7, 0, 0)))
    np.testing.assert_array_equal(blocks(occupancy, SurfaceOptions()).vertices, alone.vertices)


def test_a_level_that_is_found_is_the_one_of_the_surface():
    occupancy = np.maximum(ball(6, (-7, 0, 0)), ball(6, (7, 0, 0)))
    occupancy[12:20, 14:18, 14:18] = np.maximum(occupancy[12:20, 14:18, 14:18], 0.385)
    found = parted_surface(occupancy, AUTOMATIC)
    assert 0.3 < found.level < 0.4
    assert found.loose == LooseParts()
    same = surface(occupancy, SurfaceOptions(level=found.level))
    np.testing.assert_array_equal(found.mesh.vertices, same.vertices)
    with pytest.raises(MeshError, match="three axes"):
        parted_surface(occupancy[0], AUTOMATIC)


def test_a_hidden_void_is_filled_with_the_largest_part_and_else_kept_as_one_body():
    occupancy = ball(12) - ball(5)
    filled, hollow = surface(occupancy), surface(occupancy, SurfaceOptions(largest_part=False))
    assert filled.volume == pytest.approx(surface(ball(12)).volume)
    assert hollow.volume == pytest.approx(filled.volume - 4 / 3 * np.pi * (5 / 32) ** 3, rel=0.02)
    report = check(finish(hollow, 60))
    assert report.ok
    assert report.parts == 1


def test_the_grid_is_left_alone_and_may_be_read_only():
    occupancy = AWKWARD["exactly on the level"].copy()
    before = occupancy.copy()
    occupancy.setflags(write=False)
    surface(occupancy)
    surface(occupancy, SurfaceOptions(resolution=2))
    blocks(occupancy)
    np.testing.assert_array_equal(occupancy, before)


def test_bool_and_transposed_grids_are_taken():
    occupancy = box((3, 5, 7), (9, 20, 29))
    mesh = surface(occupancy)
    np.testing.assert_array_equal(surface(occupancy > 0.5).vertices, mesh.vertices)
    turned = np.asfortranarray(occupancy)
    np.testing.assert_array_equal(surface(turned).vertices, mesh.vertices)


@pytest.mark.parametrize("name", ["binary noise", "half space"])
def test_the_same_grid_gives_the_same_mesh(name):
    first, second = surface(AWKWARD[name]), surface(AWKWARD[name])
    np.testing.assert_array_equal(first.vertices, second.vertices)
    np.testing.assert_array_equal(first.faces, second.faces)


@pytest.mark.parametrize("make", [surface, blocks])
def test_an_empty_grid_is_told_with_its_maximum(make):
    with pytest.raises(MeshError, match=r"highest value is 0\.31.*lower the level"):
        make(ball() * 0.31)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_grid_that_is_no_number_is_refused(value):
    occupancy = ball()
    occupancy[3, 3, 3] = value
    with pytest.raises(MeshError, match="no numbers"):
        surface(occupancy)


@pytest.mark.parametrize("shape", [(32, 32), (1, 32, 32, 32), (0, 3, 3)])
def test_a_grid_that_is_no_volume_is_refused(shape):
    with pytest.raises(MeshError, match="three axes"):
        surface(np.ones(shape, np.float32))


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": 0},
        {"resolution": 5},
        {"smoothing": -1},
        {"smoothing": 51},
        {"level": 0.0},
        {"level": 1.0},
    ],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SurfaceOptions(**wrong)


def test_blocks_are_cubes_shaded_flat():
    occupancy = box((4, 5, 6), (7, 9, 11))
    mesh = in_voxels(blocks(occupancy))
    assert mesh.volume == pytest.approx(3 * 4 * 5)
    assert len(mesh.faces) == 2 * 2 * (12 + 15 + 20)
    corners = mesh.vertices[mesh.faces].astype(float)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    np.testing.assert_allclose(across, mesh.normals[mesh.faces[:, 0]], atol=1e-6)
    np.testing.assert_allclose(mesh.vertices.min(axis=0), np.array((4, 5, 6)) - 16)


def test_blocks_at_the_border_and_as_noise_hold_their_volume():
    occupancy = noise(5)
    assert in_voxels(blocks(occupancy), 18).volume == pytest.approx(occupancy.sum())


@pytest.mark.parametrize("size", [0.5, 60.0, 1000.0])
def test_a_finished_part_has_its_size_and_stands_in_the_middle(size):
    part = finish(surface(box((3, 5, 7), (9, 20, 29))), size)
    assert part.extents.max() == pytest.approx(size, rel=1e-6)
    assert part.vertices[:, 2].min() == 0
    middle = (part.vertices.max(axis=0) + part.vertices.min(axis=0)) / 2
    np.testing.assert_allclose(middle[:2], 0, atol=1e-6 * size)
    np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-5)


def test_a_part_with_all_triangles_is_the_shape_that_is_shown():
    shown = surface(torus())
    part = finish(shown, 24.0)
    scale = 24.0 / shown.extents.max()
    assert len(part.faces) == len(shown.faces)
    assert part.volume == pytest.approx(shown.volume * scale**3, rel=1e-5)
    # The same triangles in the same order, moved and scaled.
    moved = (part.vertices[part.faces] - part.vertices[part.faces[0, 0]]) / scale
    before = shown.vertices[shown.faces] - shown.vertices[shown.faces[0, 0]]
    np.testing.assert_allclose(moved, before, atol=1e-4)


@pytest.mark.parametrize("keep", [0.5, 0.2, 0.05])
@pytest.mark.parametrize("smoothing", [0, 10])
def test_a_simplified_part_is_smaller_and_still_printable(keep, smoothing):
    arms = np.maximum(box((6, 6, 6), (26, 26, 9)), box((6, 6, 6), (9, 9, 28)))
    shown = surface(np.maximum(arms, ball(5)), SurfaceOptions(smoothing=smoothing))
    part = finish(shown, 80.0, keep)
    assert len(part.faces) <= 1.6 * keep * len(shown.faces)
    assert check(part).ok
    assert part.extents.max() == pytest.approx(80, rel=1e-6)
    scale = 80 / shown.extents.max()
    assert part.volume == pytest.approx(shown.volume * scale**3, rel=0.05)


@pytest.mark.parametrize("size", [0.0, -3.0, np.nan, np.inf])
def test_a_senseless_size_is_refused(size):
    with pytest.raises(MeshError, match="size must be more than 0"):
        finish(surface(ball()), size)


@pytest.mark.parametrize("keep", [0.0, -0.5, 1.5, np.nan])
def test_a_senseless_share_of_triangles_is_refused(keep):
    with pytest.raises(MeshError, match="share of triangles"):
        finish(surface(ball()), 50.0, keep)


def test_a_part_too_small_to_print_is_refused_with_its_size():
    with pytest.raises(MeshError, match=r"0\.01.* mm, too thin"):
        finish(surface(ball()), 0.01)


def test_an_open_an_inverted_and_an_empty_mesh_are_refused():
    mesh = surface(ball())
    with pytest.raises(MeshError, match="holes"):
        finish(TriMesh(mesh.vertices, mesh.faces[25:]), 50.0)
    with pytest.raises(MeshError, match="inside out"):
        finish(TriMesh(mesh.vertices, mesh.faces[:, ::-1].copy()), 50.0)
    with pytest.raises(MeshError, match="no shape"):
        finish(TriMesh(mesh.vertices), 50.0)
    with pytest.raises(MeshError, match="no size"):
        finish(TriMesh(np.zeros((3, 3), np.float32), mesh.faces[:1] * 0), 50.0)


@pytest.mark.skipif(not MODELNET.is_file(), reason=f"the real shapes {MODELNET} are not here")
def test_real_furniture_of_every_class_becomes_printable():
    with np.load(MODELNET) as data:
        voxels, labels, classes = data["voxels"], data["labels"], data["classes"]
    filled = voxels.reshape(len(voxels), -1).sum(axis=1) >= 60
    for label in range(len(classes)):
        for index in np.flatnonzero(filled & (labels == label))[::60][:2]:
            occupancy = np.pad(voxels[index], 1).astype(np.float32)
            mesh = surface(occupancy)
            assert_solid(mesh)
            assert check(finish(mesh, 80.0)).ok, index
            assert check(finish(mesh, 80.0, 0.3)).ok, index


def test_specks_that_smoothing_would_shrink_to_a_point_are_left_alone():
    occupancy = ball(6)
    occupancy[2, 2, 2] = occupancy[29, 2, 29] = 0.501
    mesh = surface(occupancy, SurfaceOptions(smoothing=50, largest_part=False))
    assert_solid(mesh)
    assert len(np.unique(mesh.vertices, axis=0)) == len(mesh.vertices)
    assert check(finish(mesh, 60)).parts == 3


@pytest.mark.parametrize("resolution", [1, 3])
def test_a_draft_is_the_unsmoothed_surface_shaded_by_the_slope_of_the_occupancy(resolution):
    grid = ball(9, (2, -1, 0.5))
    grid += ball(2, (-12, 12, 12))  # a loose part
    options = SurfaceOptions(resolution)
    draft = parted_surface(grid, options, draft=True)
    plain, whole = (
        parted_surface(grid, SurfaceOptions(resolution, 0)),
        parted_surface(grid, options),
    )
    assert_solid(draft.mesh)
    assert np.array_equal(draft.mesh.vertices, plain.mesh.vertices)
    assert np.array_equal(draft.mesh.faces, whole.mesh.faces)
    assert (draft.level, draft.loose) == (whole.level, whole.loose)
    assert draft.loose.count == 1
    outward = in_voxels(draft.mesh).vertices - np.array([2, -1, 0.5])
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert (np.einsum("ij,ij->i", outward, draft.mesh.normals) > 0.95).all()


def test_a_draft_tints_loose_parts_as_the_surface_does():
    grid = ball(7, (4, 4, 4)) + ball(3, (-10, -10, -10))
    options = SurfaceOptions(largest_part=False)
    draft, whole = (parted_surface(grid, options, draft) for draft in (True, False))
    assert draft.mesh.loose is not None
    assert np.array_equal(draft.mesh.loose, whole.mesh.loose)


def test_an_empty_draft_is_refused_as_a_surface_is():
    with pytest.raises(MeshError, match="empty"):
        parted_surface(np.zeros((8, 8, 8), np.float32), SurfaceOptions(), draft=True)
