"""A shape is fitted to its silhouette, from where the encoder thinks the picture was taken."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shapelab.core.errors import Cancelled
from shapelab.core.model import silhouette_fit
from shapelab.core.model.camera import AZIMUTHS, DEVIATION, GUESS, MEAN, Camera, flipped_codes
from shapelab.core.model.image_encoding import ImageEncoding
from shapelab.core.model.silhouette_fit import SIDE, fit, silhouettes

CAMERA = Camera(-2 * np.pi * 4 / AZIMUTHS, 0.4, 2.5, 0.02, (0.0, 0.0, 0.45))


class Boxes(nn.Module):
    """Three numbers of a latent are the half sides of a box, 6 + z cells; the others do nothing."""

    def forward(self, z: Tensor) -> Tensor:
        places = torch.arange(32) - 15.5
        halves = 6 + z[:, :3]
        room = halves[:, :, None] - places.abs()  # [n, 3, 32]
        x, y, w = (2 * room[:, k] for k in range(3))
        inside = torch.minimum(
            torch.minimum(x[:, :, None, None], y[:, None, :, None]), w[:, None, None, :]
        )
        return inside[:, None]


def masks_of(latents: np.ndarray, camera: Camera) -> np.ndarray:
    """What is covered (n, SIDE, SIDE) in pictures of the boxes."""
    fields = torch.sigmoid(Boxes()(torch.from_numpy(latents)))[:, 0]
    codes = torch.from_numpy(np.tile(camera.code(), (len(latents), 1)))
    return (silhouettes(fields, codes) > 0.5).float().numpy()


def encoding(latents: np.ndarray, camera: Camera, variance: float = 100.0) -> ImageEncoding:
    guess = np.full((len(latents), GUESS), -50, np.float32)
    guess[:, round(camera.azimuth * AZIMUTHS / (2 * np.pi)) % AZIMUTHS] = 0
    guess[:, AZIMUTHS:] = camera.code()[2:]
    return ImageEncoding(latents, np.full_like(latents, variance), guess)


def azimuth_of(code: np.ndarray) -> float:
    cosine, sine = (code * DEVIATION + MEAN)[:2]
    return float(np.arctan2(sine, cosine))


TRUE = np.array([[2, -2, 3, 0], [-1, 1, -2, 0]], np.float32)
LONG = np.array([[5, -3, -1, 0]], np.float32)
START = np.array([[0, 0, 0, 0.5], [0, 0, 0, -0.5]], np.float32)


def test_latents_move_to_the_shape_in_the_picture_and_no_farther():
    found = fit(Boxes(), encoding(START, CAMERA), masks_of(TRUE, CAMERA))
    best = fit(Boxes(), encoding(TRUE, CAMERA), masks_of(TRUE, CAMERA)).before  # soft edges
    assert (found.before < 0.9 * best).all()
    assert (found.after > 0.95 * best).all()
    off = np.abs(found.latents - TRUE)[:, :3]
    assert (off.mean(1) < 0.7 * np.abs(START - TRUE)[:, :3].mean(1)).all()
    assert np.array_equal(found.latents[:, 3], START[:, 3])  # shows nowhere


def test_what_fits_best_as_it_is_stays_so():
    fields = torch.sigmoid(Boxes()(torch.from_numpy(TRUE)))[:, 0]
    codes = torch.from_numpy(np.tile(CAMERA.code(), (2, 1)))
    found = fit(Boxes(), encoding(TRUE, CAMERA), silhouettes(fields, codes).numpy())
    assert np.array_equal(found.latents, TRUE)
    assert np.allclose(found.codes, codes, atol=1e-5)
    assert (found.after == found.before).all()


def test_what_the_encoder_is_sure_of_stays():
    found = fit(Boxes(), encoding(START, CAMERA, 1e-6), masks_of(TRUE, CAMERA))
    assert np.abs(found.latents - START).max() < 0.05


def test_the_camera_moves_too():
    guess = Camera(-2 * np.pi * 5 / AZIMUTHS, 0.3, 2.5, 0.02, (0.0, 0.0, 0.45))
    found = fit(Boxes(), encoding(LONG, guess, 1e-3), masks_of(LONG, CAMERA))
    assert found.after[0] > found.before[0] + 0.03
    azimuth = azimuth_of(found.codes[0])
    assert abs(azimuth - CAMERA.azimuth) < 0.6 * abs(guess.azimuth - CAMERA.azimuth)


def test_of_two_likely_azimuths_the_one_that_agrees_with_the_silhouette_counts():
    start = encoding(LONG, CAMERA)
    wrong = (-4 + AZIMUTHS // 3) % AZIMUTHS  # a third of the way round
    start.cameras[:, wrong] = 1  # a little likelier
    found = fit(Boxes(), start, masks_of(LONG, CAMERA))
    assert abs(azimuth_of(found.codes[0]) - CAMERA.azimuth) < 0.2


def test_each_picture_is_fitted_as_if_it_were_alone():
    masks = masks_of(TRUE, CAMERA)
    together = fit(Boxes(), encoding(START, CAMERA), masks)
    alone = fit(Boxes(), encoding(START[:1], CAMERA), masks[:1])
    assert np.allclose(alone.latents, together.latents[:1], atol=1e-4)


def test_masks_of_any_size_serve():
    small = masks_of(TRUE, CAMERA)
    large = small.repeat(4, axis=1).repeat(4, axis=2)
    one, other = (fit(Boxes(), encoding(START, CAMERA), masks) for masks in (small, large))
    assert np.allclose(one.latents, other.latents, atol=1e-3)


def test_nothing_in_the_picture_and_nothing_in_the_grid_do_no_harm():
    none = np.zeros((1, SIDE, SIDE), np.float32)
    empty = np.full((1, 4), -9, np.float32)  # no cell of such a box is solid
    for latents in (START[:1], empty):
        found = fit(Boxes(), encoding(latents, CAMERA), none)
        assert np.isfinite(found.latents).all()
        assert np.isfinite(found.codes).all()


def test_a_fit_can_be_stopped():
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled("The reconstruction was cancelled.")

    with pytest.raises(Cancelled):
        fit(Boxes(), encoding(START, CAMERA), masks_of(TRUE, CAMERA), check)
    assert len(calls) == 3 < silhouette_fit.STEPS


def test_a_silhouette_is_the_shape_as_the_camera_sees_it():
    """Cells of an L, projected by hand, against the rays."""
    grid = np.zeros((32, 32, 32), np.float32)
    grid[6:26, 12:20, 4:9] = grid[6:12, 12:20, 4:27] = 1
    camera = Camera(-0.7, 0.5, 2.0, 0.05, (0.01, -0.02, 0.5))
    seen = silhouettes(torch.from_numpy(grid)[None], torch.from_numpy(camera.code())[None])[0]
    towards, right, up = camera.axes()
    spread = np.stack(np.meshgrid(*[np.linspace(-0.45, 0.45, 5)] * 3), -1).reshape(-1, 3)
    points = (np.argwhere(grid)[:, None] + 0.5 + spread).reshape(-1, 3) / 32 - 0.5
    near = 1 - points @ towards / camera.distance
    x, y, half = camera.frame
    columns = ((points @ right / near - x) / half + 1) * 2 * SIDE
    rows = (1 - (points @ up / near - y) / half) * 2 * SIDE
    fine = np.zeros((4 * SIDE, 4 * SIDE))
    fine[rows.astype(int), columns.astype(int)] = 1
    expected = fine.reshape(SIDE, 4, SIDE, 4).mean((1, 3)) > 0.5
    mine = seen.numpy() > 0.5
    assert (mine & expected).sum() / (mine | expected).sum() > 0.88  # rays miss half a rim


def test_a_flipped_shape_and_camera_give_a_flipped_silhouette():
    grid = torch.rand(1, 32, 32, 32, generator=torch.Generator().manual_seed(0)) ** 8
    code = CAMERA.code()
    flipped = silhouettes(grid.flip(1), torch.from_numpy(flipped_codes(code))[None])
    plain = silhouettes(grid, torch.from_numpy(code)[None])
    assert torch.allclose(flipped.flip(2), plain, atol=1e-4)


def test_the_axes_are_those_of_the_camera():
    code = torch.from_numpy(CAMERA.code())[None]
    plain = code * torch.from_numpy(DEVIATION) + torch.from_numpy(MEAN)
    for ours, theirs in zip(silhouette_fit._axes(plain), CAMERA.axes(), strict=True):
        assert np.allclose(ours[0].numpy(), theirs, atol=1e-6)
