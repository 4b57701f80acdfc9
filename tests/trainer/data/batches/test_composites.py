"""Made-up photos: repeatable, true to the camera, with masks of which half are wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shapelab.core.inputs.images import FILL, frame
from shapelab.core.model.camera import DEVIATION, MEAN, Camera, flipped_codes
from tests.trainer.data import steps
from trainer.data.batches import masks
from trainer.data.batches.backgrounds import Backgrounds
from trainer.data.batches.batches import Batches
from trainer.data.batches.cameras import Cameras, framed
from trainer.data.batches.composites import Composer, Square
from trainer.data.batches.photo_effects import photographed
from trainer.data.batches.rooms import Shadow, Sight, on_floor
from trainer.data.pictures.picture_cameras import draw_shots
from trainer.data.source import Item
from trainer.data.store.prepared_store import open_store
from trainer.data.store.shards import encode
from trainer.data.store.store_writer import StoreRecipe, StoreWriter, digest_of

SIDE = 64
VIEWS = 8


@pytest.fixture(scope="module")
def composer(tmp_path_factory):
    """Of a store with a flight of steps in eight views: its pictures are exact silhouettes."""
    folder = tmp_path_factory.mktemp("steps")
    items = [Item(f"{k}", "steps", folder) for k in range(2)]
    recipe = StoreRecipe("steps", "test", "", 64, VIEWS, SIDE, 0, digest_of(items))
    shots = draw_shots(2, VIEWS)
    pictures = np.zeros((VIEWS, SIDE, SIDE, 4), np.uint8)
    for picture, shot in zip(pictures, shots.shots, strict=True):
        wide = steps.silhouette(framed(shot.camera, steps.grid()), 4 * SIDE)
        rgba = np.dstack([np.full((*wide.shape, 3), (200, 40, 30)), 255 * wide]).astype(np.uint8)
        picture[:] = frame(rgba, SIDE)
    with StoreWriter(folder, recipe, items) as writer:
        for k in range(2):
            writer.add(k, encode(steps.grid(), None, pictures, shots.cameras()))
        store = writer.finish(keep_duplicates=True, hold_out=0.0)
    return Composer(store, Cameras(store), Backgrounds())


def composed(composer, count, **settings):
    return [
        composer.compose(0, k % VIEWS, np.random.default_rng([7, k]), SIDE, **settings)
        for k in range(count)
    ]


def test_a_photo_is_a_function_of_its_row_view_and_generator(composer):
    first = composed(composer, 24)
    store = open_store(composer._store.folder)
    other = Composer(store, Cameras(store), Backgrounds())
    for k in reversed(range(24)):
        again = other.compose(0, k % VIEWS, np.random.default_rng([7, k]), SIDE)
        for name in ("scene", "mask", "truth", "camera", "is_bad"):
            assert np.array_equal(getattr(again, name), getattr(first[k], name)), name
    assert len({photo.scene.tobytes() for photo in first}) > 20  # those on white may be alike


def test_the_shape_is_where_the_camera_of_the_photo_says(composer):
    """Whatever square a bad mask frames; of what is hidden or cut off, the rest is."""
    found = []
    for photo in composed(composer, 96):
        truth, outline = photo.truth > 128, steps.silhouette(photo.camera, SIDE)
        assert (truth & ~outline).sum() <= 0.04 * truth.sum() + 4
        found.append(steps.overlap(truth, outline))
    assert np.quantile(found, 0.2) > 0.93
    assert min(found) > 0.5
    squares = {round(photo.camera.frame[2], 4) for photo in composed(composer, 96)}
    assert len(squares) > VIEWS + 10  # many were framed anew


def test_half_of_the_masks_are_wrong_and_all_are_framed(composer):
    photos = composed(composer, 240)
    right, wrong = [], []
    for photo in photos:
        same = steps.overlap(photo.mask > 128, photo.truth > 128)
        (wrong if photo.is_bad else right).append(same)
    assert 0.38 < len(wrong) / len(photos) < 0.6
    assert min(right) > 0.85
    assert np.quantile(wrong, 0.6) < 0.96
    assert np.mean(wrong) < 0.88
    longest = [np.diff(masks.bounds(p.mask / np.float32(255)), axis=0).max() for p in photos]
    assert np.quantile(np.abs(np.array(longest) - FILL), 0.85) < 0.06


def test_photos_without_an_object_are_many_rooms(composer):
    empty = [composer.empty(np.random.default_rng(k), 32) for k in range(12)]
    assert len({photo.tobytes() for photo in empty}) == 12
    assert np.std([photo.mean() for photo in empty]) > 10


def seen(mask: np.ndarray, shadow: np.ndarray | None = None) -> masks.Seen:
    x, y = Square().places(len(mask))
    dark = np.zeros_like(mask) if shadow is None else shadow
    return masks.Seen(mask, x, y, dark, dark)


@pytest.mark.parametrize(
    ("fault", "way"),
    [
        (masks._holes, -1),
        (masks._side_lost, -1),
        (masks._thin_lost, -1),
        (masks._gaps_filled, 1),
        (masks._shadow_taken, 1),
        (masks._patch_taken, 1),
        (masks._others_taken, 1),
        (masks._all_taken, 0),
        (masks._ragged, 0),
        (masks.soft_edge, 0),
    ],
)
def test_a_fault_takes_away_or_adds_and_stays_a_mask(fault, way):
    """A table: a top and four thin legs with gaps between them, and a shadow beside it."""
    mask = np.zeros((128, 128), np.float32)
    mask[30:50, 10:118] = 1
    for left in (14, 34, 88, 108):
        mask[50:115, left : left + 6] = 1
    shadow = np.zeros_like(mask)
    shadow[110:124, 10:110] = 0.65
    changes = []
    for k in range(12):
        made = fault(np.random.default_rng(k))(seen(mask, shadow))
        assert 0 <= made.min() <= made.max() <= 1
        if way:
            assert (way * (made - mask) >= 0).all()
        changes.append(np.abs(made - mask).sum() / mask.sum())
    assert max(changes) > 0.05
    if fault is masks.soft_edge:
        assert max(changes) < 0.25
    if fault is masks._thin_lost:
        lost = [fault(np.random.default_rng(k))(seen(mask))[80].max() == 0 for k in range(12)]
        assert any(lost)  # whole legs
        assert not all(lost)


@pytest.mark.parametrize("elevation", [-0.05, 0.2, 0.7])
def test_a_place_on_the_floor_is_seen_where_its_pixel_is(elevation):
    camera = Camera(0.4, elevation, 2.0, 0.05, (0.03, -0.02, 0.6))
    sight = Sight(camera, -0.375, 32)
    down, x, y = on_floor(sight)
    assert down.any() == (elevation > -0.1)
    for row, column in np.argwhere(down)[::17]:
        across, below, scale = sight.place(np.array([x[row, column], y[row, column], -0.375]))
        if scale > 1:  # not too far away for numbers of 32 bits
            assert (across, below) == pytest.approx((column + 0.5, row + 0.5), abs=0.05)
    part = sight.zoomed(0.5, -0.25, 0.5, 16)  # its pixels are the same size
    inside = on_floor(part)
    assert np.allclose(inside[1], x[4:20, 16:32], atol=1e-3)
    assert np.array_equal(inside[0], down[4:20, 16:32])


def test_a_shadow_lies_below_and_away_from_the_light_and_is_softer_from_above():
    board = np.zeros((64, 64, 64), bool)
    board[28:36, 28:36, 8:12] = True
    low = Shadow(board, np.array([0.0, 0.0, 1.0]), 3)
    here = np.zeros((1, 1), np.float32)
    assert low.at(here, here) > 0.9
    assert low.at(here + 0.3, here) == 0
    board[28:36, 28:36, 8:56] = True
    tall = Shadow(board, np.array([0.6, 0.0, 0.8]), 3)
    assert tall.at(here - 0.3, here) > 0.3
    assert tall.at(here + 0.3, here) == 0
    assert tall.at(here - 0.5, here) < tall.at(here - 0.1, here)


def test_photos_are_darker_brighter_tinted_blurred_noisy_and_compressed():
    """On a grey card with a black square; each share is that of the pictures it is drawn for."""
    card = np.full((64, 64, 3), 140, np.float32)
    card[16:48, 16:48] = 20
    photos = np.stack([photographed(np.random.default_rng(k), card) for k in range(200)])
    assert photos.dtype == np.uint8
    corner = photos[:, 26:38, 2:14].astype(float)
    mean = corner.mean((1, 2))
    assert 12 < mean.mean(1).std() < 40
    assert 3 < (mean[:, 0] - mean[:, 2]).std() < 30
    grain = corner.std((1, 2)).mean(1)
    assert 0.25 < (grain > 1).mean() < 0.7
    edge = np.abs(np.diff(photos[:, 32, 10:22].astype(float).mean(2), axis=1))
    sharp = edge.max(1) / np.maximum(np.abs(edge.sum(1)), 1)
    assert 0.15 < (sharp < 0.8).mean() < 0.7  # blurred or coarse
    assert np.array_equal(photographed(np.random.default_rng(3), card), photos[3])


def test_without_a_known_camera_there_is_a_photo_but_no_code(composer, monkeypatch):
    monkeypatch.setattr(composer._cameras, "camera", lambda row, view: None)
    photo = composed(composer, 1)[0]
    assert photo.camera is None
    assert photo.mask.any()


def test_a_batch_of_mode_rgba_is_made_of_photos_flipped_with_their_shapes(composer, config, alone):
    """Any process, and any order of steps, makes the same batch; codes are those of its masks."""
    spec = config.model.model_copy(
        update={"image_mode": "RGBA", "image_size": SIDE, "resolution": 64, "classes": ("steps",)}
    )
    run = config.model_copy(update={"model": spec, "batch_size": 4})
    batches = Batches(composer._store, run, alone)
    flips = set()
    for step in range(4):
        batch = batches(step, True)
        assert batch.pictures.shape == (4, 4, SIDE, SIDE)
        again = Batches(composer._store, run, alone)(step, True)
        assert torch.equal(again.pictures, batch.pictures)
        assert torch.equal(again.cameras, batch.cameras)
        for photo, code, flip in zip(batch.pictures, batch.cameras, batch.flipped, strict=True):
            numbers = (flipped_codes(code.numpy()) if flip else code.numpy()) * DEVIATION + MEAN
            turn, (elevation, far, tilt, *frame) = np.arctan2(numbers[1], numbers[0]), numbers[2:]
            camera = Camera(turn, elevation, np.exp(far), tilt, tuple(frame))
            outline = steps.silhouette(camera, SIDE)
            mask = photo[3].numpy() > 0.5
            mask = mask[:, ::-1] if flip else mask
            flips.add((bool(flip), steps.overlap(mask, outline) > 0.9))
    assert {(False, True), (True, True)} <= flips
