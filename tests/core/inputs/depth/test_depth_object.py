"""The object in a depth picture is found, stood up and placed as it stands before the camera."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.inputs.depth.depth_object import Shot, object_in, points_of
from shapelab.core.inputs.depth.depth_picture import DepthPicture, Lens, guessed_lens
from shapelab.core.mesh import meshing
from tests.shapes import chair

SIZE = (160, 120)
LENS = Lens(150.0, 150.0, 79.5, 59.5)
AROUND, UP = 35.0, 25.0
AWAY = 2.0  # from the eye to the middle of the chair, whose longest side is 0.75


def rendered(mesh, room: bool) -> np.ndarray:
    """What VTK's z-buffer says of a mesh about the origin, with floor and walls or alone."""
    pyvista = pytest.importorskip("pyvista")
    plotter = pyvista.Plotter(off_screen=True, window_size=SIZE)
    faces = np.hstack([np.full((len(mesh.faces), 1), 3), mesh.faces])
    plotter.add_mesh(pyvista.PolyData(mesh.vertices.astype(np.float64), faces))
    around, up = np.radians((AROUND, UP))
    ahead = np.array([-np.sin(around), np.cos(around), 0.0])
    if room:
        low = float(mesh.vertices[:, 2].min())
        for middle, normal in (
            ((0, 0, low), (0, 0, 1)),
            (1.4 * ahead, ahead + np.array([0.2, 0.1, 0])),
            ((-1.1 * ahead[1], 1.1 * ahead[0], 0), (ahead[1], -ahead[0], 0)),
        ):
            plane = pyvista.Plane(center=middle, direction=normal, i_size=20, j_size=20)
            plotter.add_mesh(plane)
    eye = AWAY * (np.array([0, 0, np.sin(up)]) - np.cos(up) * ahead)
    plotter.camera.position, plotter.camera.focal_point = eye, (0, 0, 0)
    plotter.camera.up = (0, 0, 1)
    plotter.camera.view_angle = math.degrees(2 * math.atan(SIZE[1] / 2 / LENS.fy))
    plotter.camera.clipping_range = (0.3, 12)
    plotter.show(auto_close=False)
    depth = -plotter.get_image_depth(fill_value=np.nan)
    plotter.close()
    return np.nan_to_num(depth)


@pytest.fixture(scope="module")
def seat():
    return meshing.surface(chair(64))


@pytest.fixture(scope="module")
def pictures(seat):
    return {room: rendered(seat, room) for room in (True, False)}


def off_surface(points, mesh) -> np.ndarray:
    """How far points lie from a mesh's corners, which lie a cell of 64 apart."""
    from scipy.spatial import cKDTree

    return cKDTree(mesh.vertices).query(points)[0]


@pytest.mark.gl
@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_the_object_lies_on_its_mesh_as_the_z_buffer_saw_it(pictures, seat, room, noise):
    clean = pictures[room].astype(np.float64)
    rng = np.random.default_rng(0)
    depth = clean * (1 + noise * rng.standard_normal(clean.shape)) * 1000  # in millimetres
    picture = DepthPicture(np.rint(depth).astype(np.float32), 1, SIZE)
    found = object_in(picture, Shot(LENS))
    own = pictures[False] > 0
    share = (found.mask & own).sum() / (found.mask | own).sum()
    assert share > (0.97 if noise == 0 else 0.9)
    assert found.on_floor is room
    # Where the camera stood, but for which of four sides is the front.
    x, y, z = found.eye
    away = np.linalg.norm(found.eye) / 1000
    assert away == pytest.approx(AWAY, abs=0.1)
    assert math.degrees(math.asin(z / 1000 / away)) == pytest.approx(UP, abs=4 if room else 8)
    turn = (math.degrees(math.atan2(x, -y)) - AROUND + 45) % 90 - 45
    assert abs(turn) < 4
    if noise == 0 and room:
        quarters = round((math.degrees(math.atan2(x, -y)) - AROUND) / 90)
        angle = -math.radians(90 * quarters)
        cos, sin = math.cos(angle), math.sin(angle)
        points = found.points @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) / 1000
        middle = (seat.vertices.min(0) + seat.vertices.max(0)) / 2
        away = off_surface(points + middle, seat)
        assert np.quantile(away, 0.98) < 1 / 32  # within a cell of the model's grid
        assert np.median(away) < 1 / 64


@pytest.mark.gl
def test_what_is_said_of_the_camera_counts(pictures, seat):
    picture = DepthPicture(pictures[False].astype(np.float32), 1, SIZE)
    found = object_in(picture, Shot(LENS, (AROUND, UP)))
    around, up = np.radians((AROUND, UP))
    way = [math.cos(up) * math.sin(around), -math.cos(up) * math.cos(around), math.sin(up)]
    assert found.eye / np.linalg.norm(found.eye) == pytest.approx(way, abs=0.04)
    middle = (seat.vertices.min(0) + seat.vertices.max(0)) / 2
    away = off_surface(found.points + middle, seat)
    assert np.median(away) < 1 / 32
    wide = object_in(picture, Shot(Lens(75.0, 75.0, 79.5, 59.5), (AROUND, UP)))
    assert np.ptp(wide.points, axis=0)[2] > 1.5 * np.ptp(found.points, axis=0)[2]


def test_points_lie_where_the_pixels_look():
    depth = np.full((3, 5), 2.0, np.float32)
    points = points_of(DepthPicture(depth, 2, (10, 6)), Lens(4.0, 2.0, 4.0, 2.0))
    assert points[0, 0].tolist() == [-2.0, 2.0, 2.0]
    assert points[2, 4].tolist() == [2.0, 2.0, -2.0]
    assert points[1, 2].tolist() == [0.0, 2.0, 0.0]


def boxes(*parts) -> DepthPicture:
    """Upright rectangles (row, column, height, width, depth) with nothing about them."""
    depth = np.zeros((120, 160), np.float32)
    for row, column, height, width, far in parts:
        depth[row : row + height, column : column + width] = far
    return DepthPicture(depth, 1, SIZE)


def test_the_largest_thing_that_the_border_does_not_cut_is_taken():
    near, far, cut = (40, 30, 40, 30, 1.0), (40, 90, 35, 30, 3.0), (0, 130, 120, 30, 3.0)
    both = object_in(boxes(near, far), Shot(LENS))
    assert both.mask[50, 100]
    assert not both.mask[50, 40]  # larger in the picture, but not in the room
    assert object_in(boxes(far, cut), Shot(LENS)).mask[50, 100]
    alone = object_in(boxes((0, 0, 120, 160, 2.0)), Shot(LENS))  # all that there is
    assert alone.mask.all()


def within(row: int, column: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((120, 160), bool)
    mask[row : row + height, column : column + width] = True
    return mask


def test_where_the_object_is_said_to_be_nothing_else_is_taken():
    small, large = (40, 20, 20, 20, 1.0), (30, 80, 60, 60, 1.0)
    both = boxes(small, large)
    assert object_in(both, Shot(LENS)).mask.sum() == 60 * 60
    found = object_in(both, Shot(LENS, within=within(30, 10, 50, 40)))
    assert (found.mask == within(40, 20, 20, 20)).all()
    assert "in the box" in found.words
    part = object_in(both, Shot(LENS, within=within(0, 0, 120, 100)))  # that a box cuts off
    assert (part.mask == within(30, 80, 60, 20)).all()
    empty = Shot(LENS, within=within(0, 0, 20, 160))
    with pytest.raises(InputError, match="too little of what is in the box"):
        object_in(both, empty)


@pytest.mark.gl
def test_a_mask_is_the_object_whatever_stands_out_and_the_floor_still_says_what_is_up(pictures):
    picture = DepthPicture(pictures[True].astype(np.float32), 1, SIZE)
    own = pictures[False] > 0
    own[:60] = False  # the seat alone, say
    found = object_in(picture, Shot(LENS, mask=own))
    assert (found.mask == own).all()
    assert found.on_floor
    assert "said to be the object" in found.words
    with pytest.raises(InputError, match="too little of what is in the mask"):
        object_in(picture, Shot(LENS, mask=np.zeros_like(own)))


@pytest.mark.parametrize(
    "lens",
    [
        Lens(0, 0, 0, 0),
        Lens(math.nan, 150, 80, 60),
        Lens(-150, 150, 80, 60),
        Lens(1e9, 1e9, 80, 60),
        Lens(150, 150, 1e6, 60),
        Lens(0.001, 150, 80, 60),
    ],
)
def test_an_absurd_lens_is_refused_in_a_sentence(lens):
    with pytest.raises(InputError, match="160 × 120 pixels"):
        object_in(boxes((40, 30, 40, 30, 1.0)), Shot(lens))


@pytest.mark.parametrize("depth", [1e-30, 1e8])
def test_depths_of_any_size_are_taken(depth):
    found = object_in(boxes((40, 30, 40, 30, depth)), Shot(LENS))
    assert np.isfinite(found.points).all()


def test_scattered_pixels_are_no_object():
    rng = np.random.default_rng(0)
    depth = np.where(rng.random((120, 160)) < 0.2, rng.uniform(1, 9, (120, 160)), 0)
    with pytest.raises(InputError, match="Nothing stands out"):
        object_in(DepthPicture(depth.astype(np.float32), 1, SIZE), Shot(LENS))


def test_a_usual_camera_is_guessed_by_its_picture():
    assert guessed_lens((640, 480)).angle(640) == pytest.approx(58, abs=1)
    assert guessed_lens((1280, 720)).angle(1280) == pytest.approx(90, abs=1)
