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
from shapelab.core.model.latent import LatentDensity
from shapelab.core.model.silhouette_fit import (
    LEARNING_RATE,
    SIDE,
    STEPS,
    TURNS,
    Adam,
    Fit,
    fit,
    silhouettes,
)

FIELDS = ("latents", "variances", "cameras")
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


def latents_of(fits: list[Fit]) -> np.ndarray:
    return np.stack([found.best.latent for found in fits])


TRUE = np.array([[2, -2, 3, 0], [-1, 1, -2, 0]], np.float32)
LONG = np.array([[5, -3, -1, 0]], np.float32)
START = np.array([[0, 0, 0, 0.5], [0, 0, 0, -0.5]], np.float32)


def test_latents_move_to_the_shape_in_the_picture_and_no_farther():
    found = fit(Boxes(), encoding(START, CAMERA), masks_of(TRUE, CAMERA))
    best = [one.before for one in fit(Boxes(), encoding(TRUE, CAMERA), masks_of(TRUE, CAMERA))]
    for one, limit in zip(found, best, strict=True):
        assert one.before < 0.9 * limit  # soft edges
        assert one.best.overlap > 0.95 * limit
        energies = [other.energy for other in one.hypotheses]
        assert energies == sorted(energies)
        assert len(energies) == TURNS + 1
    off = np.abs(latents_of(found) - TRUE)[:, :3]
    assert (off.mean(1) < 0.7 * np.abs(START - TRUE)[:, :3].mean(1)).all()


def test_what_fits_best_as_it_is_stays_so():
    fields = torch.sigmoid(Boxes()(torch.from_numpy(TRUE)))[:, 0]
    codes = torch.from_numpy(np.tile(CAMERA.code(), (2, 1)))
    found = fit(Boxes(), encoding(TRUE, CAMERA, 1.0), silhouettes(fields, codes).numpy())
    assert np.abs(latents_of(found) - TRUE).max() < 0.1
    for one in found:
        assert one.best.overlap > 0.98
        assert abs(one.best.cameras[0].azimuth - CAMERA.azimuth) < 0.02


def test_what_the_encoder_is_sure_of_stays():
    found = fit(Boxes(), encoding(START, CAMERA, 1e-6), masks_of(TRUE, CAMERA))
    assert np.abs(latents_of(found) - START).max() < 0.05


def test_the_camera_moves_too():
    guess = Camera(-2 * np.pi * 5 / AZIMUTHS, 0.3, 2.5, 0.02, (0.0, 0.0, 0.45))
    found = fit(Boxes(), encoding(LONG, guess, 1e-3), masks_of(LONG, CAMERA))[0]
    assert found.best.overlap > found.before + 0.03
    azimuth = found.best.cameras[0].azimuth
    assert abs(azimuth - CAMERA.azimuth) < 0.6 * abs(guess.azimuth - CAMERA.azimuth)


def test_of_two_likely_azimuths_the_one_that_agrees_with_the_silhouette_counts():
    start = encoding(LONG, CAMERA)
    wrong = (-4 + AZIMUTHS // 3) % AZIMUTHS  # a third of the way round
    start.cameras[:, wrong] = 1  # a little likelier
    found = fit(Boxes(), start, masks_of(LONG, CAMERA))[0]
    assert abs(found.best.cameras[0].azimuth - CAMERA.azimuth) < 0.2


def test_each_class_has_a_hypothesis_of_its_own():
    """What the encoder is unsure of is what the likely class says; the silhouette chooses."""
    means = np.concatenate([START[:1], LONG, -LONG]).astype(np.float32)
    tight = np.tile(0.2 * np.eye(4, dtype=np.float32), (3, 1, 1))
    density = LatentDensity(("cube", "plank", "post"), means, tight)
    near = START[:1] + LONG / 4
    found = fit(Boxes(), encoding(near, CAMERA), masks_of(LONG, CAMERA), density=density)[0]
    assert len(found.hypotheses) == TURNS + 1 + 2
    assert np.abs(found.best.latent - LONG)[0, :3].mean() < 0.6


def test_several_pictures_of_an_object_say_what_one_cannot():
    """From the front no picture tells the depth; one from the side does."""
    front, side = (Camera(-np.pi / 2 * k, 0.0, 4.0, 0.0, (0.0, 0.0, 0.45)) for k in (1, 0))
    deep = np.array([[0, 2, 0, 0]], np.float32)
    guesses = [encoding(START[:1], camera) for camera in (front, side)]
    both = ImageEncoding(
        *(np.concatenate([getattr(one, name) for one in guesses]) for name in FIELDS)
    )
    masks = np.concatenate([masks_of(deep, camera) for camera in (front, side)])
    one = fit(Boxes(), guesses[0], masks[:1])[0].best
    joint = fit(Boxes(), both, masks, views=2)
    assert len(joint) == 1
    assert joint[0].best.latent[1] > 0.8
    assert one.latent[1] < 0.4
    turned = [camera.azimuth for camera in joint[0].best.cameras]
    assert np.allclose(turned, [front.azimuth, side.azimuth], atol=0.3)


def test_each_picture_is_fitted_as_if_it_were_alone():
    masks = masks_of(TRUE, CAMERA)
    together = fit(Boxes(), encoding(START, CAMERA), masks)
    alone = fit(Boxes(), encoding(START[:1], CAMERA), masks[:1])
    assert np.allclose(alone[0].best.latent, together[0].best.latent, atol=1e-4)


def test_a_finer_grid_and_a_finer_mask_give_the_same():
    class Finer(Boxes):
        def forward(self, z: Tensor) -> Tensor:
            return (
                super()
                .forward(z)
                .repeat_interleave(2, 2)
                .repeat_interleave(2, 3)[..., torch.arange(32).repeat_interleave(2)]
            )

    masks = masks_of(TRUE[:1], CAMERA)
    plain = fit(Boxes(), encoding(START[:1], CAMERA), masks)
    large = masks.repeat(4, axis=1).repeat(4, axis=2)
    fine = fit(Finer(), encoding(START[:1], CAMERA), large)
    assert np.allclose(latents_of(plain), latents_of(fine), atol=1e-3)


def test_a_mask_that_leaks_pulls_no_farther_than_one_that_does_not():
    masks = masks_of(TRUE[:1], CAMERA)
    dirty = masks.copy()
    dirty[:, :4, :4] = 1  # nothing that a box could be
    start = encoding(START[:1], CAMERA)
    clean, leaked = (latents_of(fit(Boxes(), start, mask)) for mask in (masks, dirty))
    assert np.abs(clean - leaked).max() < 0.5


def test_nothing_in_the_picture_and_nothing_in_the_grid_do_no_harm():
    none = np.zeros((1, SIDE, SIDE), np.float32)
    empty = np.full((1, 4), -9, np.float32)  # no cell of such a box is solid
    for latents in (START[:1], empty):
        for one in fit(Boxes(), encoding(latents, CAMERA), none)[0].hypotheses:
            assert np.isfinite(one.latent).all()
            assert np.isfinite(one.cameras[0].code()).all()


def test_a_fit_can_be_stopped():
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 5:
            raise Cancelled("The reconstruction was cancelled.")

    with pytest.raises(Cancelled):
        fit(Boxes(), encoding(START, CAMERA), masks_of(TRUE, CAMERA), check)
    assert len(calls) == 5


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


def test_moves_are_those_of_torchs_adam():
    torch.manual_seed(0)
    ours = [torch.randn(3, 4), torch.randn(2, 2)]
    theirs = [move.clone().requires_grad_() for move in ours]
    adam, reference = Adam(ours), torch.optim.Adam(theirs, lr=LEARNING_RATE)
    for step in range(STEPS):
        gradients = [torch.sin(step + move) for move in ours]
        for move, gradient in zip(theirs, gradients, strict=True):
            move.grad = gradient.clone()
        adam.step(gradients)
        reference.step()
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
