"""Surfaces, parts, exports and morphs at 32, 64 and 128 cells, and scikit-image as their judge."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from skimage import measure

from shapelab.core.mesh.meshing import SurfaceOptions, blocks, finish, surface
from shapelab.core.mesh.print_check import check
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.session.session import Session
from tests.core.session.test_session import Model
from tests.shapes import box, chair

RESOLUTIONS = (32, 64, 128)
BARE = SurfaceOptions(smoothing=0, largest_part=False)


def soft(distance, resolution):
    """Occupancy of a signed distance in 32nds of the grid."""
    return np.clip(0.5 - distance * resolution / 32, 0, 1).astype(np.float32)


def ball(resolution, middle, radius):
    places = (np.indices((resolution,) * 3) + 0.5) * 32 / resolution - 16
    away = np.linalg.norm(places - np.reshape(middle, (3, 1, 1, 1)), axis=0)
    return soft(away - radius, resolution)


def by_scikit_image(occupancy):
    """Lewiner's marching cubes (2003), which shares nothing with ours but the definition."""
    cells = len(occupancy)
    vertices, faces, _, _ = measure.marching_cubes(
        np.pad(occupancy, 1), 0.5, gradient_direction="ascent"
    )
    places = (vertices - (cells + 1) / 2) / cells
    return TriMesh(places.astype(np.float32), faces[:, ::-1].astype(np.int32))


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("shape", ["chair", "ball", "solid to the border"])
def test_scikit_image_finds_the_same_surface(shape, resolution):
    occupancy = {
        "chair": chair,
        "ball": lambda r: ball(r, (1.3, -2.1, 0.4), 9.7),
        "solid to the border": lambda r: np.ones((r,) * 3, np.float32),
    }[shape](resolution)
    ours, judge = surface(occupancy, BARE), by_scikit_image(occupancy)
    # Both cut the edges between cells by linear interpolation, so the vertices are the same points.
    for one, other in ((ours, judge), (judge, ours)):
        apart, _ = cKDTree(one.vertices).query(other.vertices)
        assert apart.max() * resolution < 2e-3
    assert abs(ours.volume) == pytest.approx(abs(judge.volume), rel=2e-3)
    assert ours.volume > 0
    assert len(ours.faces) == pytest.approx(len(judge.faces), rel=0.01)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_the_same_shape_has_the_same_size(resolution):
    mesh, coarse = surface(chair(resolution)), surface(chair(32))
    np.testing.assert_allclose(mesh.extents, coarse.extents, atol=0.5 / 32)
    np.testing.assert_allclose(mesh.extents, (16 / 32, 16 / 32, 24 / 32), atol=0.5 / 32)
    assert mesh.volume == pytest.approx(coarse.volume, rel=0.03)
    cubes = blocks(chair(resolution))
    np.testing.assert_allclose(cubes.extents, (16 / 32, 16 / 32, 24 / 32), atol=1e-6)
    assert np.abs(cubes.vertices).max() <= 0.5


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_smoothing_reaches_no_farther_than_it_says(resolution):
    raw = surface(chair(resolution), SurfaceOptions(smoothing=0))
    smooth = surface(chair(resolution), SurfaceOptions(smoothing=50))
    moved = np.linalg.norm(smooth.vertices - raw.vertices, axis=1) * resolution  # in voxels
    assert 0.05 < moved.max() <= 0.6 + 1e-3


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_leg_one_cell_thick_survives_smoothing(resolution):
    leg = np.zeros((resolution,) * 3, np.float32)
    middle, end = resolution // 2, resolution // 8
    leg[middle, middle, end:-end] = 1
    raw = surface(leg, SurfaceOptions(smoothing=0))
    mesh = surface(leg, SurfaceOptions(smoothing=50))
    assert mesh.volume > 0.75 * raw.volume
    assert (mesh.extents > 0.85 * raw.extents).all()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_loose_parts_are_dropped_and_voids_filled(resolution):
    speck, hollow = ball(resolution, (12, 12, 12), 2), ball(resolution, (0, 0, 0), 1)
    seat = np.maximum(chair(resolution) - hollow, 0)
    kept = surface(np.maximum(seat, speck))
    np.testing.assert_array_equal(kept.vertices, surface(chair(resolution)).vertices)
    every = surface(np.maximum(seat, speck), SurfaceOptions(largest_part=False))
    assert check(finish(every, 80)).parts == 2
    assert every.volume == pytest.approx(kept.volume + 4 / 3 * np.pi * (2**3 - 1) / 32**3, rel=0.01)


@pytest.mark.parametrize("keep", [1.0, 0.3])
@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_the_exported_part_is_as_large_as_asked(resolution, keep):
    part = finish(surface(chair(resolution)), 80.0, keep)
    report = check(part)
    assert report.ok, report.problems
    assert report.parts == 1
    np.testing.assert_allclose(part.extents, (80 * 16 / 24, 80 * 16 / 24, 80), atol=2)
    assert part.extents.max() == pytest.approx(80, rel=1e-6)
    assert part.vertices[:, 2].min() == 0
    solid = surface(chair(128)).volume * (80 * 32 / 24) ** 3
    assert part.volume == pytest.approx(solid, rel=0.06)


def test_a_part_is_simplified_alike_in_every_unit():
    mesh = surface(chair(64))
    large = TriMesh(mesh.vertices * np.float32(1024), mesh.faces)
    one, other = (finish(each, 80.0, 0.2) for each in (mesh, large))
    assert len(one.faces) == len(other.faces) < 0.3 * len(mesh.faces)
    np.testing.assert_allclose(one.vertices, other.vertices, atol=1e-3)


class Columns(Model):
    """A model of columns: the first number of a latent is the height, in 32nds of the grid."""

    cells = 32

    def decode(self, latent):
        top = -12 + float(np.clip(latent[0], 2, 24))
        return soft(box(self.cells, (-5, -5, -12), (5, 5, top), 1.5), self.cells)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_morph_travels_from_one_height_to_the_other(resolution):
    model = Columns()
    model.cells = resolution
    session = Session(model, seed=0)
    for height, pin in ((8.0, session.pin_a), (20.0, session.pin_b)):
        latent = np.zeros(model.latent_size, np.float32)
        latent[0] = height
        session.show(latent, f"column of {height:g}")
        pin()
    session.set_morph_mode("lerp")
    for t in (0.0, 0.25, 0.5, 1.0):
        session.set_morph(t)
        mesh = surface(model.decode(session.latent))
        assert mesh.extents[2] * 32 == pytest.approx(8 + 12 * t, abs=0.3)
        assert mesh.extents[0] * 32 == pytest.approx(10, abs=0.3)
        assert mesh.vertices[:, 2].min() * 32 == pytest.approx(-12, abs=0.3)
