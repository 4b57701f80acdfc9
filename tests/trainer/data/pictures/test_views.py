"""Batches of model inputs: those of ``to_input``, and backgrounds where the model sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapelab.core.errors import DataError
from shapelab.core.inputs.images import frame, to_input
from shapelab.core.model.spec import ModelSpec
from trainer.data.batches.backgrounds import MAX_PHOTOS, PHOTO_SIDE, Backgrounds
from trainer.data.batches.batches import Batches
from trainer.data.batches.picture_inputs import BLOCK, model_inputs
from trainer.data.store.prepared_store import open_store


def framed(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Ellipses with soft edges, stripes and noise, framed; some faint, one almost flat."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:160j, -1:1:160j]
    pictures = []
    for i in range(count):
        a, b, turn = rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.9), rng.uniform(0, 3)
        u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        alpha = np.clip((1 - np.hypot(u / a, v / b)) * 8, 0, 1) * rng.uniform(0.3, 1)
        grain = 2 if i == 0 else 60
        colour = rng.uniform(60, 200, 3) + grain * np.sin(9 * u)[..., None]
        colour += rng.normal(0, grain / 6, (160, 160, 3))
        rgba = np.dstack([colour.clip(0, 255), 255 * alpha]).astype(np.uint8)
        pictures.append(frame(rgba, size))
    return np.stack(pictures)


def spec(size: int, mode: str) -> ModelSpec:
    return ModelSpec(image_size=size, image_mode=mode)


@pytest.mark.parametrize("mode", ["LA", "RGB"])
@pytest.mark.parametrize(
    ("stored", "size"), [(64, 64), (128, 64), (64, 32), (128, 48), (48, 64), (130, 65)]
)
def test_a_batch_is_exactly_what_to_input_gives_one_by_one(stored, size, mode):
    rgba = framed(BLOCK + 3, stored)
    inputs = model_inputs(rgba, spec(size, mode))
    assert inputs.dtype == np.float32
    assert np.array_equal(inputs, np.stack([to_input(p, spec(size, mode)) for p in rgba]))


@pytest.mark.gl
def test_real_renders_too():
    from trainer.data.pictures.picture_cameras import draw_shots
    from trainer.data.pictures.render import close, render_views, shape_mesh

    grid = np.zeros((32,) * 3, bool)
    grid[6:26, 8:24, 14:17] = True
    grid[7:10, 9:12, 4:14] = grid[22:25, 20:23, 4:14] = True
    rgba = render_views(shape_mesh(grid), grid, draw_shots(0, 24), 128)
    close()
    for mode in ("LA", "RGB"):
        expected = np.stack([to_input(picture, spec(64, mode)) for picture in rgba])
        assert np.abs(model_inputs(rgba, spec(64, mode)) - expected).max() <= 1e-6


def test_the_views_of_r2n2_too(shared_data):
    from trainer.data.pictures.render import own_views

    paths = sorted(shared_data.glob("shapenet_r2n2_sample/ShapeNetRendering/*/*/rendering/0*.png"))
    rgba = own_views(paths[:20], 128)
    expected = np.stack([to_input(picture, spec(64, "LA")) for picture in rgba])
    assert np.abs(model_inputs(rgba, spec(64, "LA")) - expected).max() <= 1e-6


def test_the_pictures_given_are_left_as_they_are():
    rgba = framed(3, 64)
    before = rgba.copy()
    model_inputs(rgba, spec(32, "RGB"), generators(3), Backgrounds())
    assert np.array_equal(rgba, before)
    rgba.flags.writeable = False  # as a memory map is
    model_inputs(rgba, spec(32, "LA"))


def test_no_pictures_are_no_inputs():
    assert model_inputs(framed(1, 64)[:0], spec(32, "LA")).shape == (0, 2, 32, 32)


def generators(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, i]) for i in range(count)]


def test_backgrounds_change_only_what_is_clear():
    rgba = framed(20, 128)
    rgba[..., 3][rgba[..., 3] > 100] = 255
    white = model_inputs(rgba, spec(64, "RGB"))
    inputs = model_inputs(rgba, spec(64, "RGB"), generators(20), Backgrounds())
    alpha = model_inputs(rgba, spec(64, "LA"))[:, 1]
    inside = np.broadcast_to((alpha == 1)[:, None], white.shape)
    assert inside.mean() > 0.1
    assert np.array_equal(inputs[inside], white[inside])
    outside = inputs.transpose(0, 2, 3, 1)[alpha == 0]
    assert outside.std(0).min() > 0.15
    assert 0 <= inputs.min() < inputs.max() <= 1


def test_a_half_clear_pixel_is_half_of_each():
    rgba = np.zeros((1, 32, 32, 4), np.uint8)
    rgba[0, 8:24, 8:24] = (200, 100, 0, 128)

    class Black(Backgrounds):
        def draw(self, rng, side):
            return np.zeros((side, side, 3), np.uint8)

    inputs = model_inputs(rgba, spec(32, "RGB"), generators(1), Black())
    assert np.allclose(inputs[0, :, 16, 16] * 255, np.array([200, 100, 0]) * 128 / 255, atol=0.51)
    assert not inputs[0, :, 2, 2].any()


def test_a_background_depends_on_its_own_generator_alone():
    rgba = framed(6, 64)
    whole = model_inputs(rgba, spec(64, "RGB"), generators(6), Backgrounds())
    part = model_inputs(rgba[4:], spec(64, "RGB"), generators(6)[4:], Backgrounds())
    assert np.array_equal(whole[4:], part)
    assert not np.array_equal(
        whole, model_inputs(rgba, spec(64, "RGB"), generators(6, seed=1), Backgrounds())
    )


def test_a_mode_with_a_mask_never_sees_a_background():
    rngs = generators(2)
    rgba = framed(2, 64)
    inputs = model_inputs(rgba, spec(64, "LA"), rngs, Backgrounds())
    assert np.array_equal(inputs, model_inputs(rgba, spec(64, "LA")))
    assert rngs[0].random() == generators(2)[0].random()


def test_made_up_backgrounds_are_plain_graded_and_noisy():
    drawn = [Backgrounds().draw(rng, 48) for rng in generators(60)]
    assert all(b.shape == (48, 48, 3) and b.dtype == np.uint8 for b in drawn)
    steps = [np.abs(np.diff(b.astype(int), axis=0)).max() for b in drawn]
    plain = sum(
        step == 0 and np.ptp(b.reshape(-1, 3), axis=0).max() == 0
        for step, b in zip(steps, drawn, strict=True)
    )
    noisy = sum(step > 12 for step in steps)
    assert plain >= 10
    assert noisy >= 10
    assert 60 - plain - noisy >= 10


def photos(folder, count: int = 3):
    """Photos in one of the colours that nothing made up has over its whole area."""
    (folder / "sub").mkdir(parents=True)
    for i in range(count):
        rgb = np.zeros((300, 420, 3), np.uint8)
        rgb[..., i % 3] = np.linspace(100, 255, 420).astype(np.uint8)
        Image.fromarray(rgb).save(folder / ("sub" if i % 2 else "") / f"{i}.png")
    (folder / "notes.txt").write_text("not a picture")


def test_photos_of_a_folder_are_cropped_at_random(tmp_path):
    photos(tmp_path / "photos")
    backgrounds = Backgrounds(tmp_path / "photos")
    assert [min(p.shape[:2]) for p in backgrounds.photos] == [PHOTO_SIDE] * 3
    drawn = [backgrounds.draw(rng, 32) for rng in generators(80)]
    of_photos = [b for b in drawn if np.count_nonzero(b.max((0, 1)) > 0) == 1]
    assert 25 <= len(of_photos) <= 55
    assert {int(b.max((0, 1)).argmax()) for b in of_photos} == {0, 1, 2}
    rising = [int(b[0, -1].max()) > int(b[0, 0].max()) for b in of_photos]
    assert 0 < sum(rising) < len(rising)  # flipped or not
    assert len({np.ptp(b.max(2)) for b in of_photos}) > 10  # of many sizes


def test_a_small_photo_and_one_with_alpha_will_do(tmp_path):
    rgba = np.zeros((20, 30, 4), np.uint8)
    rgba[:, :15] = (10, 20, 30, 255)
    Image.fromarray(rgba).save(tmp_path / "small.png")
    (photo,) = Backgrounds(tmp_path).photos
    assert photo.shape == (20, 30, 3)
    assert photo[0, 0].tolist() == [10, 20, 30]
    assert photo[0, -1].tolist() == [255, 255, 255]
    assert Backgrounds(tmp_path).draw(np.random.default_rng(0), 64).shape == (64, 64, 3)


def test_no_more_photos_than_fit_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.data.batches.backgrounds.MAX_PHOTOS", 2)
    assert MAX_PHOTOS > 2
    photos(tmp_path / "photos")
    assert len(Backgrounds(tmp_path / "photos").photos) == 2


def test_a_folder_without_pictures_is_one_sentence(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DataError, match="holds no picture to put behind"):
            Backgrounds(folder)


def test_a_damaged_photo_is_named_at_once(tmp_path):
    photos(tmp_path / "photos")
    (tmp_path / "photos" / "sub" / "1.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(DataError, match=r"Background sub/1\.png: The picture|Pictures in this"):
        Backgrounds(tmp_path / "photos")


def test_a_run_draws_its_backgrounds_from_the_folder_it_names(
    store_folder, config, alone, tmp_path
) -> None:
    model = config.model.model_copy(update={"image_mode": "RGB"})
    store = open_store(store_folder)

    def made(folder: Path) -> Batches:
        update = {"model": model, "backgrounds": str(folder)}
        return Batches(store, config.model_copy(update=update), alone)

    with pytest.raises(DataError, match=r"\.$"):
        made(tmp_path)
    Image.new("RGB", (64, 64), (255, 0, 255)).save(tmp_path / "magenta.png")
    batches = made(tmp_path)
    assert len(batches.backgrounds.photos) == 1
    pictures = batches(0, True).pictures
    assert pictures is not None
    corners = pictures[:, :, 0, 0].numpy()
    assert any(np.allclose(corner, (1, 0, 1), atol=0.02) for corner in corners)
