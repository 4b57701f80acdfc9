"""The cameras that are told to the encoder are those that the pictures were taken with."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from shapelab.core.model.camera import (
    AZIMUTHS,
    CODE,
    DEVIATION,
    GUESS,
    MEAN,
    Camera,
    flipped_codes,
    guessed_codes,
)
from tests.trainer.conftest import make_grids
from tests.trainer.data import steps
from trainer.data.batches.batches import Batches
from trainer.data.batches.cameras import Cameras, framed
from trainer.data.pictures import render
from trainer.data.pictures.picture_cameras import DISTANCES, draw_shots, first_cameras, picture_seed
from trainer.data.pictures.render import render_views
from trainer.data.source import Item
from trainer.data.sources.shapenet import R2N2
from trainer.data.store.prepared_store import open_store
from trainer.data.store.shards import encode
from trainer.data.store.store_writer import StoreRecipe, StoreWriter, digest_of
from trainer.updates import losses

SIDE = 64


def flipped(camera: Camera) -> Camera:
    """The camera that sees the shape flipped left to right; its frame is yet to be found."""
    return Camera(np.pi - camera.azimuth, camera.elevation, camera.distance, -camera.tilt)


def covers(mask: np.ndarray, camera: Camera) -> float:
    return steps.overlap(mask, steps.silhouette(camera, SIDE))


@pytest.mark.gl
def test_a_shape_covers_of_its_picture_what_the_code_of_its_camera_says():
    """Of near and far lenses; the code is all that is left of the camera, and knows the frame."""
    drawn = draw_shots(11, 16)
    masks = render_views(steps.mesh(), steps.grid(), drawn, SIDE)[..., 3] > 128
    render.close()
    cameras = [framed(shot.camera, steps.grid()) for shot in drawn.shots]
    found = [
        steps.overlap(mask, steps.silhouette(c, SIDE))
        for mask, c in zip(masks, cameras, strict=True)
    ]
    assert min(found) > 0.93
    turned = [framed(flipped(c), steps.grid()[::-1]) for c in cameras]
    for camera, other in zip(cameras, turned, strict=True):
        assert np.allclose(other.code(), flipped_codes(camera.code()), atol=1e-3)
    others = [
        steps.overlap(m, steps.silhouette(c, SIDE))
        for m, c in zip(masks, cameras[1:], strict=False)
    ]
    assert np.mean(others) < 0.75  # the cameras of other pictures do not fit


def test_cameras_are_held_as_people_hold_them():
    cameras = draw_shots(3, 4000).cameras()
    azimuth, elevation, distance, tilt = cameras.T
    front = np.cos(azimuth + np.pi / 2)
    assert 0.6 < (front > 0).mean() < 0.85
    assert (front < -0.7).mean() > 0.08  # backs, too
    assert abs(np.cos(azimuth).mean()) < 0.03  # left is as right
    assert np.rad2deg(elevation.min()) > -7
    assert np.rad2deg(elevation.max()) < 49
    assert 10 < np.rad2deg(np.median(elevation)) < 30
    assert DISTANCES[0] == distance.min() < 1.2
    assert 6 < distance.max() <= DISTANCES[1]
    assert 1.8 < np.median(distance) < 3.2
    assert np.rad2deg(np.abs(tilt)).max() < 7.1
    codes = (np.log(distance) - MEAN[3]) / DEVIATION[3]
    assert abs(codes).max() < 4  # what codes are measured by still fits


def test_old_cameras_of_a_seed_are_these_for_ever():
    """Pictures of stores of version 2 hang on them: another order of draws is another camera."""
    assert first_cameras(11, 2) == pytest.approx(
        np.array([
            [3.137055329483761, 0.4724157053639665, 4.890542303197524, -0.06144849034511437],
            [3.47919048009402, 0.3798379487372763, 2.824027351727896, 0.015986396332757735],
        ]), rel=1e-12,
    )  # fmt: skip
    assert picture_seed(0, "chair/train/chair_0001") == 10027426167157817755


def rewritten(folder, out, index=(), shapes=None):
    """A store whose index or table of shapes says something else."""
    shutil.copytree(folder, out)
    about = json.loads((out / "index.json").read_text()) | dict(index)
    if shapes is not None:
        np.save(out / "shapes.npy", shapes)
        digest = hashlib.sha256((out / "shapes.npy").read_bytes()).hexdigest()
        about["files"]["shapes.npy"] = digest
    (out / "index.json").write_text(json.dumps(about))
    return open_store(out)


def test_a_store_knows_the_cameras_of_its_pictures(store_folder):
    store = open_store(store_folder)
    rows, views = np.array([3, 5, 3]), np.array([0, 1, 1])
    codes = Cameras(store).codes(rows, views)
    for code, row, view in zip(codes, rows, views, strict=True):
        numbers = draw_shots(picture_seed(0, store.ids[row]), 2).cameras()[view]
        assert np.array_equal(store.cameras(row)[view], numbers)
        camera = framed(Camera(*numbers), store.grids(np.array([row]))[0])
        assert np.array_equal(code, camera.code())
    assert not np.array_equal(codes[0], codes[2])


def test_stored_cameras_count_and_not_the_draws(store_folder, tmp_path):
    """Neither the seed nor the reader of a store has a say in where its pictures were taken."""
    rows, views = np.array([3, 5]), np.array([0, 1])
    codes = Cameras(open_store(store_folder)).codes(rows, views)
    about = {"seed": 1, "reader": R2N2.name}
    other = rewritten(store_folder, tmp_path / "other", about)
    assert np.array_equal(Cameras(other).codes(rows, views), codes)


def test_cameras_of_a_store_of_version_2_are_drawn_again(store_folder, tmp_path):
    """It has no cameras behind its pictures."""
    grids, _ = make_grids(4)
    items = [Item(f"{k:06d}", "ball", tmp_path) for k in range(4)]
    recipe = StoreRecipe("s", "test", "", 32, 2, 8, 0, digest_of(items))
    pictures = np.full((2, 8, 8, 4), 99, np.uint8)
    with StoreWriter(tmp_path / "new", recipe, items) as writer:
        for k, grid in enumerate(np.pad(grids > 0, ((0, 0), (1, 1), (1, 1), (1, 1)))):
            whole = encode(grid, None, pictures)
            writer.add(k, replace(whole, pieces=whole.pieces[:-1]))
        shapes = writer.finish().shapes
    shapes["views"] += 1  # the writer took the last picture for cameras
    store = rewritten(tmp_path / "new", tmp_path / "old", {"version": 2}, shapes)
    assert not store.has_cameras
    rows, views = np.arange(4), np.array([0, 1, 1, 0])
    assert np.array_equal(store.pictures(rows, views), np.tile(pictures[:1], (4, 1, 1, 1)))
    codes = Cameras(store).codes(rows, views)
    for code, row, view in zip(codes, rows, views, strict=True):
        numbers = first_cameras(picture_seed(0, store.ids[row]), 2)[view]
        camera = framed(Camera(*numbers), store.grids(np.array([row]))[0])
        assert np.array_equal(code, camera.code())
    given = rewritten(store.folder, tmp_path / "given", {"reader": R2N2.name})
    assert np.isnan(Cameras(given).codes(rows, views)).all()


def test_a_picture_without_a_known_camera_has_no_code(tmp_path):
    grids, _ = make_grids(1)
    items = [Item("one", "ball", tmp_path)]
    recipe = StoreRecipe("s", "test", "", 32, 2, 8, 0, digest_of(items))
    cameras = draw_shots(5, 2).cameras()
    cameras[0] = np.nan
    with StoreWriter(tmp_path / "store", recipe, items) as writer:
        writer.add(
            0, encode(np.pad(grids[0] > 0, 1), None, np.zeros((2, 8, 8, 4), np.uint8), cameras)
        )
        store = writer.finish()
    codes = Cameras(store).codes(np.array([0, 0]), np.array([0, 1]))
    assert np.isnan(codes[0]).all()
    assert np.isfinite(codes[1]).all()


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
