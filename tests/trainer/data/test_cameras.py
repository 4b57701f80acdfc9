"""The cameras that are told to the encoder are those that the pictures were taken with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from shapelab.core.inputs.images import FILL
from shapelab.core.model.camera import AZIMUTHS, CODE, GUESS, Camera, flipped_codes, guessed_codes
from trainer.data.batches.batches import Batches
from trainer.data.batches.cameras import Cameras, framed
from trainer.data.pictures import render
from trainer.data.pictures.picture_cameras import draw_shots, picture_seed
from trainer.data.pictures.render import render_views, shape_mesh
from trainer.data.store.prepared_store import open_store
from trainer.updates import losses

SIDE = 64


@pytest.fixture
def steps_mesh():
    """A flight of two steps with a post: nothing about it is alike from two sides."""
    grid = np.zeros((32, 32, 32), bool)
    grid[6:26, 8:26, 4:10] = True
    grid[6:14, 8:26, 10:18] = True
    grid[8:12, 9:13, 18:28] = True
    return shape_mesh(grid)


def flipped(camera: Camera) -> Camera:
    """The camera that sees the shape flipped left to right; its frame is yet to be found."""
    return Camera(np.pi - camera.azimuth, camera.elevation, camera.distance, -camera.tilt)


def hits(picture, camera, points) -> float:
    """Share of points whose place in a framed picture is covered, seen by a camera."""
    towards, right, up = camera.axes()
    depths = camera.distance - points @ towards
    seen = points @ np.stack([right, up], 1) / depths[:, None]
    low, high = seen.min(0), seen.max(0)
    seen = (seen - (low + high) / 2) * FILL * SIDE / (high - low).max() + SIDE / 2
    columns, rows = np.floor(seen[:, 0]).astype(int), np.floor(SIDE - seen[:, 1]).astype(int)
    covered = ndimage.maximum_filter(picture[..., 3], 3) > 64  # the outline is drawn softly
    return float(covered[rows, columns].mean())


@pytest.mark.gl
def test_points_of_the_shape_lie_in_the_picture_where_the_camera_says(steps_mesh):
    pictures = render_views(steps_mesh, 6, SIDE, seed=11)
    render.close()
    _, shots = draw_shots(11, 6)
    points = steps_mesh.vertices.astype(float)
    for picture, shot in zip(pictures, shots, strict=True):
        assert hits(picture, shot.camera, points) > 0.99
        assert hits(picture[:, ::-1], flipped(shot.camera), points * (-1, 1, 1)) > 0.99
    others = [hits(p, s.camera, points) for p, s in zip(pictures, shots[1:], strict=False)]
    assert np.mean(others) < 0.95  # the cameras of other pictures do not fit


def test_a_store_knows_the_cameras_of_drawn_pictures_alone(store_folder):
    store = open_store(store_folder)
    rows, views = np.array([3, 5, 3]), np.array([0, 1, 1])
    codes = Cameras(store).codes(rows, views)
    for code, row, view in zip(codes, rows, views, strict=True):
        _, shots = draw_shots(picture_seed(0, store.ids[row]), 2)
        camera = framed(shots[view].camera, store.grids(np.array([row]))[0])
        assert np.array_equal(code, camera.code())
    assert not np.array_equal(codes[0], codes[2])
    store.index["reader"] = "ShapeNet, 3D-R2N2's release"
    assert np.isnan(Cameras(store).codes(rows, views)).all()


def test_a_batch_tells_the_cameras_of_its_pictures_flipped_with_them(config, store_folder, alone):
    batches = Batches(open_store(store_folder), config, alone)
    seen = set()
    for step in range(8):
        batch = batches(step, True)
        for row, flip, code in zip(batch.rows, batch.flipped, batch.cameras, strict=True):
            own = batches.cameras.codes(np.array([row, row]), np.array([0, 1]))
            own = flipped_codes(own) if flip else own
            assert any(np.array_equal(code.numpy(), one) for one in own)
            seen.add(bool(flip))
    assert seen == {False, True}


def test_unknown_cameras_teach_nothing():
    torch.manual_seed(0)
    guess = torch.randn(4, GUESS, requires_grad=True)
    target = torch.randn(4, CODE)
    target[1] = float("nan")
    losses.camera(guess, target).backward()
    assert guess.grad.isfinite().all()
    assert not guess.grad[1].any()
    assert guess.grad[[0, 2, 3]].all()


def test_the_best_guess_names_the_azimuths_beside_the_true_one():
    camera = Camera(2 * np.pi * 5.25 / AZIMUTHS, 0.3, 2.0, 0.02, (0.01, 0.0, 0.5))
    target = torch.from_numpy(camera.code())[None]
    guess = torch.zeros(1, GUESS, requires_grad=True)
    adam = torch.optim.Adam([guess], lr=0.1)
    for _ in range(400):
        adam.zero_grad()
        losses.camera(guess, target).backward()
        adam.step()
    likely = guess[0, :AZIMUTHS].softmax(0)
    assert likely[5].item() == pytest.approx(0.75, abs=0.01)
    assert likely[6].item() == pytest.approx(0.25, abs=0.01)
    found = guessed_codes(guess.detach().numpy())[0, 5]
    assert np.allclose(found[2:], camera.code()[2:], atol=1e-2)
    at_five = Camera(2 * np.pi * 5 / AZIMUTHS, 0.3, 2.0, 0.02)
    assert np.allclose(found[:2], at_five.code()[:2], atol=1e-5)


def test_a_box_seen_from_the_front_fills_its_frame():
    grid = np.zeros((32, 32, 32), bool)
    grid[4:28, 12:20, 8:20] = True  # 24 wide, 12 high, its middle 2 cells below the grid's
    far = framed(Camera(-np.pi / 2, 0.0, 1000.0, 0.0), grid)
    x, y, half = far.frame
    assert x == pytest.approx(0, abs=1e-6)
    assert y == pytest.approx(-2 / 32, rel=1e-3)
    assert half == pytest.approx((24 / 2 + 0.4 - 0.5) / 32 / 0.85, rel=1e-2)
    near = framed(Camera(-np.pi / 2, 0.0, 2.0, 0.0), grid)
    assert near.frame[2] > half  # what is nearer than the grid's middle looks larger


def test_a_flipped_grid_has_a_flipped_frame():
    grid = np.zeros((32, 32, 32), bool)
    grid[4:20, 10:28, 6:12] = grid[4:8, 10:14, 6:28] = True
    camera = framed(Camera(0.3, 0.2, 2.0, 0.01), grid)
    other = framed(flipped(camera), grid[::-1])
    assert np.allclose(other.code(), flipped_codes(camera.code()), atol=1e-4)
