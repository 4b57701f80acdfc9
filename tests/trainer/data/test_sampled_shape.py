"""Sampled shapes against analytic distances, padded grids, and real meshes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from trimesh.triangles import closest_point

from shapelab.core.errors import InputError
from shapelab.core.inputs import mesh_reader
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.meshing import SurfaceOptions, surface
from shapelab.core.mesh.print_check import check
from shapelab.core.mesh.tri_mesh import TriMesh
from trainer.data.sampling import sampled_shape
from trainer.data.sampling.sampled_shape import (
    FARTHEST,
    _placed_grid,
    quantised,
    sample,
    to_voxels,
)
from trainer.data.sampling.verdict import judge

STEP = 6 / 255  # voxels, of the quantisation
RESOLUTIONS = [32, 64, 128]


def places(resolution: int) -> np.ndarray:
    """Middles of the cells as seen from the middle of the grid, (R, R, R, 3)."""
    line = np.arange(resolution) + 0.5 - resolution / 2
    return np.stack(np.meshgrid(line, line, line, indexing="ij"), -1)


def from_box(half: tuple[float, ...], resolution: int) -> np.ndarray:
    beyond = np.abs(places(resolution)) - half
    return np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(-1), 0)


def box(*sides: float) -> TriMesh:
    corners = np.array([[(i >> a & 1) * sides[a] for a in range(3)] for i in range(8)], np.float32)
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    return TriMesh(
        corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32)
    )


def ball_grid(side: int, radius: float) -> np.ndarray:
    return np.linalg.norm(places(side), axis=-1) < radius


def ball() -> TriMesh:
    """Very round: a surface at the analytic distance, pushed onto the unit sphere."""
    occupancy = np.clip(0.5 + 20 - np.linalg.norm(places(48), axis=-1), 0, 1)
    mesh = surface(occupancy.astype(np.float32), SurfaceOptions(smoothing=0))
    return TriMesh(mesh.vertices / np.linalg.norm(mesh.vertices, axis=1)[:, None], mesh.faces)


def test_quantised_distances_keep_their_side_and_are_off_by_half_a_step() -> None:
    true = np.linspace(-4, 4, 100_001)
    stored = quantised(true)
    assert stored.dtype == np.uint8
    back = to_voxels(stored)
    assert back.dtype == np.float32
    assert np.abs(back - np.clip(true, -FARTHEST, FARTHEST)).max() <= STEP / 2 + 1e-6
    assert ((back < 0) == (true < 0)).all()
    assert (quantised(to_voxels(np.arange(256).astype(np.uint8))) == np.arange(256)).all()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_distances_of_a_box_are_exact(resolution: int) -> None:
    """Sides that end between the middles of cells, so that nothing can be right by luck."""
    sampled = sample(box(12, 7.3, 4.1), resolution)
    half = tuple(side / 12 * resolution * 0.375 for side in (12, 7.3, 4.1))
    true = from_box(half, resolution)
    clipped = np.clip(true, -FARTHEST, FARTHEST)
    assert np.abs(to_voxels(sampled.distance) - clipped).max() <= STEP / 2 + 1e-3
    assert ((sampled.distance < 128) == (true < 0)).all()
    # A solid cell is inside or touched.
    assert true[sampled.occupancy].max() < np.sqrt(3) / 2
    assert sampled.occupancy[true < 0].all()


@pytest.mark.parametrize("resolution", [32, 64])
def test_distances_of_a_ball_are_exact_and_their_surface_has_no_stairs(resolution: int) -> None:
    sampled = sample(ball(), resolution)
    radius = resolution * 0.375
    true = np.linalg.norm(places(resolution), axis=-1) - radius
    found = to_voxels(sampled.distance)
    facets = 0.002 * radius
    assert np.abs(found - np.clip(true, -3, 3)).max() <= STEP / 2 + facets
    level = surface(np.clip(0.5 - found / 6, 0, 1), SurfaceOptions(smoothing=0))
    assert (
        np.abs(resolution * np.linalg.norm(level.vertices, axis=1) - radius).max() < 0.05 + facets
    )


@pytest.mark.parametrize("resolution", [32, 64])
@pytest.mark.parametrize("thickness", [0.01, 0.4, 0.8, 1.3])
def test_thin_plates_and_legs_are_not_lost_from_the_distances(
    thickness: float, resolution: int
) -> None:
    """A table in units of voxels, at places that no grid line favours."""
    scale = resolution * 0.75
    parts = [(np.array([0, 0, 0.8]), np.array([1, 0.7, 0.8 + thickness / scale]))]
    for x in (0.03, 0.91):
        for y in (0.05, 0.63):
            foot = np.array([x, y, 0])
            parts.append((foot, foot + np.array([thickness / scale, thickness / scale, 0.81])))
    meshes = [box(*(high - low)) for low, high in parts]
    vertices = np.concatenate(
        [mesh.vertices + low for mesh, (low, _) in zip(meshes, parts, strict=True)]
    )
    faces = np.concatenate([mesh.faces + 8 * i for i, mesh in enumerate(meshes)])
    sampled = sample(TriMesh(vertices.astype(np.float32), faces.astype(np.int32)), resolution)
    solid = sampled.distance < 128
    assert ndimage.label(solid, np.ones((3, 3, 3)))[1] == 1
    assert ndimage.label(solid[:, :, resolution // 2])[1] == 4
    # The signed distance bounds no more cells than are touched.
    assert not (solid & ~sampled.occupancy).any()


def test_the_surface_lies_where_the_distance_is_zero() -> None:
    for shape in (box(3, 2, 1), ball(), VoxelGrid(ball_grid(24, 11).astype(np.float32), 1.0)):
        sampled = sample(shape, 32)
        found = to_voxels(sampled.distance)
        corners = sampled.surface.vertices[sampled.surface.faces].astype(np.float64)
        middles = 32 * corners.mean(1) + 16 - 0.5
        there = ndimage.map_coordinates(found, middles.T, order=1)
        # Linear between cells: a corner of a box is rounded by up to half a voxel.
        assert np.quantile(np.abs(there), 0.9) < 0.1
        assert np.abs(there).max() < 0.5


def test_distances_are_never_too_small_and_nearly_exact() -> None:
    rng = np.random.default_rng(0)
    triangles = rng.uniform(4, 28, (40, 1, 3)) + rng.normal(0, 3, (40, 3, 3))
    shares = rng.dirichlet(np.ones(3), (40, 2000))
    samples = np.einsum("tsc,tcx->tsx", shares, triangles).reshape(-1, 3)
    points = rng.uniform(0, 32, (500, 3))
    owners = np.repeat(np.arange(40), 2000)
    found = sampled_shape.nearest(points, triangles, samples, owners, 99.0)
    pairs = [closest_point(np.broadcast_to(t, (500, 3, 3)), points) for t in triangles]
    true = np.min([np.linalg.norm(points - pair, axis=1) for pair in pairs], 0)
    assert (found.distance >= true - 1e-9).all()
    # Where many triangles cross at random, the nearest samples may be those of another one.
    assert np.quantile(found.distance - true, 0.95) < 1e-9
    assert (found.distance - true).max() < 0.25
    assert np.abs(np.linalg.norm(points - found.place, axis=1) - found.distance).max() < 1e-9


def test_the_nearest_place_of_a_triangle_is_found_on_face_edge_and_corner() -> None:
    def place(points: np.ndarray, triangle: np.ndarray) -> np.ndarray:
        samples, owners = triangle.mean(0)[None], np.zeros(1, np.int64)
        return sampled_shape.nearest(points, triangle[None], samples, owners, 99.0).place

    triangle = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]], float)
    points = np.array([[1, 1, 5], [2, -3, 1], [-1, -2, 0], [4, 4, 2], [9, -1, 0]], float)
    expected = [[1, 1, 0], [2, 0, 0], [0, 0, 0], [2, 2, 0], [4, 0, 0]]
    assert np.allclose(place(points, triangle), expected)
    flat = np.array([[0, 0, 0], [4, 0, 0], [2, 0, 0]], float)  # no area: its sides count
    assert np.allclose(place(points, flat)[:, 0], [1, 2, 0, 4, 4])


def test_voxels_come_out_as_they_are_and_their_distances_are_smooth() -> None:
    full = ball_grid(24, 11.7)
    sampled = sample(VoxelGrid(full.astype(np.float32), 1.0), 32)
    assert (sampled.occupancy == np.pad(full, 4)).all()
    assert ((sampled.distance < 128) == sampled.occupancy).all()
    radius = 32 * np.linalg.norm(sampled.surface.vertices, axis=1)
    assert np.ptp(radius) < 0.6  # stairs would be 1.0 or more
    assert check(sampled.surface).closed
    bare = surface(np.pad(full, 4).astype(np.float32), SurfaceOptions(smoothing=0))
    assert np.ptp(32 * np.linalg.norm(bare.vertices, axis=1)) > 0.8


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_thin_voxels_stay_in_distances_and_surface(factor: int) -> None:
    full = np.zeros((24, 24, 24), np.float32)
    full[:, :, 20] = 1
    for x in (0, 23):
        for y in (0, 23):
            full[x, y] = 1
    full[11, 11, :20] = 1
    sampled = sample(VoxelGrid(full, 1.0), 32 * factor)
    solid = sampled.distance < 128
    assert ndimage.label(solid)[1] == 1
    assert ndimage.label(solid[:, :, 16 * factor])[1] == 5
    if factor == 1:
        assert (solid == sampled.occupancy).all()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_every_source_is_centred_and_24_of_32_long(resolution: int) -> None:
    lump = np.zeros((40, 50, 31), np.float32)
    lump[3:17, 8:44, 2:9] = 1
    lump[5, 5, 5] = 0.4  # less than half full
    for shape in (box(1, 9, 4), VoxelGrid(lump, 0.1)):
        solid = sample(shape, resolution).occupancy
        for axis in range(3):
            filled = np.flatnonzero(solid.any(tuple({0, 1, 2} - {axis})))
            # Voxels lie in whole cells of the grid that they were enlarged from.
            assert abs(filled[0] - (resolution - 1 - filled[-1])) <= resolution // 32
            if axis == 1:
                assert filled[-1] - filled[0] + 1 == resolution * 3 // 4


def test_a_huge_mesh_gets_a_simplified_surface(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["trainer.data.sampling.sampled_shape"], "_MAX_FACES", 1000)
    mesh = ball()
    sampled = sample(mesh, 32)
    assert len(mesh.faces) > 1000 >= len(sampled.surface.faces)
    assert np.allclose(np.linalg.norm(sampled.surface.vertices, axis=1), 12 / 32, atol=0.01)


def test_nothing_is_refused_with_one_sentence() -> None:
    for shape in (
        VoxelGrid(np.zeros((4, 4, 4), np.float32), 1.0),
        TriMesh(np.zeros((3, 3), np.float32)),
        TriMesh(np.ones((3, 3), np.float32), np.array([[0, 1, 2]], np.int32)),
    ):
        with pytest.raises(InputError, match=r"^[A-Z].*please .*\.$"):
            sample(shape, 32)


def test_modelnets_grids_keep_their_cells_and_their_place(shared_data: Path) -> None:
    """All that are not empty, by the placing alone; the distances of some."""
    archive = np.load(shared_data / "modelnet10" / "modelnet10_train_30.npz")
    grids = [grid for grid in archive["voxels"] if grid.any()]
    assert len(grids) == 3984
    for number, grid in enumerate(grids):
        stored, padded = VoxelGrid(grid.astype(np.float32), 1.0), np.pad(grid > 0, 1)
        placed, factor = _placed_grid(stored, 32)
        assert factor == 1
        assert (placed == padded).all()
        if number % 400 == 0:
            sampled = sample(stored, 32)
            assert (sampled.occupancy == padded).all()
            # Cells that touch along an edge only are joined in the surface, so some may differ.
            assert ((sampled.distance < 128) != padded).sum() <= 0.01 * padded.sum()


def test_off_files_agree_with_the_grids_made_of_them(shared_data: Path) -> None:
    """The bathtub's grid lacks its outer shell; the chair is thin, where one layer is much."""
    archive = np.load(shared_data / "modelnet10" / "modelnet10_train_30.npz")
    grids, labels = archive["voxels"], archive["labels"]
    classes = [str(name) for name in archive["classes"]]
    folder = shared_data / "modelnet_off_sample" / "ModelNet10"
    floors = {"bathtub_0001": 0.23, "bed_0001": 0.94, "bed_0002": 0.95}
    floors |= {"chair_0001": 0.78, "toilet_0001": 0.95}
    for name, floor in floors.items():
        kind = name[:-5]
        path = folder / kind / "train" / f"{name}.off"
        mesh = mesh_reader.read(path.read_bytes(), ".off")
        own = np.pad(grids[labels == classes.index(kind)][int(name[-4:]) - 1], 1) > 0
        found = sample(mesh, 32).occupancy
        iou = (found & own).sum() / (found | own).sum()
        print(f"{name}: IoU {iou:.3f} ({found.sum()} cells, the grid has {own.sum()})")
        assert iou >= floor, name
        assert (found & own).sum() > 0.85 * own.sum(), name  # what the grid has, ours has
    held_out = folder / "chair" / "test" / "chair_0890.off"
    assert judge(sample(mesh_reader.read(held_out.read_bytes(), ".off"), 32)).reason == ""


def test_furniture_is_accepted(shared_data: Path) -> None:
    paths = sorted(shared_data.glob("furniture_meshes/*/*.obj"))
    assert len(paths) == 42
    for path in paths:
        mesh = mesh_reader.read(path.read_bytes(), ".obj")
        sampled = sample(mesh, 32)
        verdict = judge(sampled)
        print(f"{path.stem}: {verdict}")
        assert verdict.reason == "", path.name
        inside = sampled.distance < 128
        print(
            ndimage.label(inside, np.ones((3, 3, 3)))[1],
            verdict.parts,
            inside.sum() / sampled.occupancy.sum(),
        )


def test_odd_meshes_are_sampled_and_judged(shared_data: Path) -> None:
    read = 0
    for path in sorted(shared_data.glob("odd_meshes/*")):
        try:
            mesh = mesh_reader.read(path.read_bytes(), path.suffix)
        except InputError:
            continue
        sampled = sample(mesh, 32)
        verdict = judge(sampled)
        print(f"{path.name}: {verdict}")
        read += 1
        assert sampled.occupancy.any()
        assert np.isfinite(sampled.surface.vertices).all()
        assert np.abs(sampled.surface.vertices).max() <= 12 / 32 + 1e-4
        assert verdict.reason == "", path.name
    assert read == 36
