"""Cameras and their codes, flipped ones, and axes that stand right."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.model.camera import (
    AZIMUTHS,
    CODE,
    DEVIATION,
    GUESS,
    MEAN,
    Camera,
    flipped_codes,
    flipped_guesses,
    guessed_codes,
)

CAMERAS = [
    Camera(0.3, 0.2, 2.0, 0.01),
    Camera(-2.9, 0.0, 5.0, -0.08, (0.1, -0.2, 0.3)),
    Camera(1.6, 0.78, 1.5, 0.0),
]


def flipped(camera: Camera) -> Camera:
    """What stands left of the plane x = 0 as the given one stands right of it."""
    x, y, half = camera.frame
    return Camera(
        np.pi - camera.azimuth, camera.elevation, camera.distance, -camera.tilt, (-x, y, half)
    )


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_code_is_the_camera_in_deviations_from_the_mean(camera):
    code = camera.code()
    assert code.shape == (CODE,)
    cosine, sine, elevation, distance, *others = (code * DEVIATION + MEAN).tolist()
    assert (cosine, sine) == pytest.approx(
        (np.cos(camera.azimuth), np.sin(camera.azimuth)), abs=1e-6
    )
    assert elevation == pytest.approx(camera.elevation, abs=1e-6)
    assert np.exp(distance) == pytest.approx(camera.distance, rel=1e-5)
    assert others == pytest.approx([camera.tilt, *camera.frame], abs=1e-6)


def test_codes_stay_what_shipped_models_have_learnt():
    golden = [1.345544, 0.416226, -0.826087, -0.755450, 0.2, 0.0, 0.757576, 0.281690]
    assert CAMERAS[0].code() == pytest.approx(golden, abs=1e-5)


@pytest.mark.parametrize("camera", CAMERAS)
def test_axes_are_a_right_handed_frame(camera):
    towards, right, up = camera.axes()
    frame = np.stack([right, up, towards])
    assert np.allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1)


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_flipped_camera_sees_flipped_points_flipped(camera):
    points = np.random.default_rng(0).standard_normal((20, 3))
    other = flipped(camera)
    assert np.allclose(flipped_codes(camera.code()), other.code(), atol=1e-6)
    _, right, up = camera.axes()
    _, other_right, other_up = other.axes()
    flipped_points = points * (-1, 1, 1)
    assert np.allclose(flipped_points @ other_right, -(points @ right), atol=1e-5)
    assert np.allclose(flipped_points @ other_up, points @ up, atol=1e-5)


def test_from_the_front_x_is_right_and_z_is_up():
    towards, right, up = Camera(-np.pi / 2, 0.0, 2.0, 0.0).axes()
    assert np.allclose(towards, (0, -1, 0))
    assert np.allclose(right, (1, 0, 0))
    assert np.allclose(up, (0, 0, 1))


def test_a_flipped_guess_gives_the_flipped_cameras():
    guess = np.random.default_rng(0).standard_normal((2, GUESS)).astype(np.float32)
    other_guess = flipped_guesses(guess)
    ours, theirs = guessed_codes(other_guess), flipped_codes(guessed_codes(guess))
    for k in range(AZIMUTHS):
        other = (AZIMUTHS // 2 - k) % AZIMUTHS
        assert np.array_equal(other_guess[:, other], guess[:, k])
        assert np.allclose(ours[:, other], theirs[:, k], atol=1e-6)
    assert np.array_equal(flipped_guesses(other_guess), guess)
