"""Cameras and their codes: there and back, seen in a mirror, and axes that stand right."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.model.camera import (
    AZIMUTHS,
    CODE,
    GUESS,
    Camera,
    guessed_codes,
    mirrored,
    mirrored_guess,
)

CAMERAS = [
    Camera(0.3, 0.2, 2.0, 0.01),
    Camera(-2.9, 0.0, 5.0, -0.08, (0.1, -0.2, 0.3)),
    Camera(1.6, 0.78, 1.5, 0.0),
]


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_code_gives_its_camera_back(camera):
    code = camera.code()
    assert code.shape == (CODE,)
    back = Camera.of_code(code)
    for name in ("azimuth", "elevation", "distance", "tilt", "frame"):
        assert getattr(back, name) == pytest.approx(getattr(camera, name), abs=1e-5)


@pytest.mark.parametrize("camera", CAMERAS)
def test_axes_are_a_right_handed_frame(camera):
    towards, right, up = camera.axes()
    frame = np.stack([right, up, towards])
    assert np.allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1)


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_mirrored_camera_sees_mirrored_points_mirrored(camera):
    points = np.random.default_rng(0).standard_normal((20, 3))
    other = Camera.of_code(mirrored(camera.code()))
    _, right, up = camera.axes()
    _, other_right, other_up = other.axes()
    flipped = points * (-1, 1, 1)
    assert np.allclose(flipped @ other_right, -(points @ right), atol=1e-5)
    assert np.allclose(flipped @ other_up, points @ up, atol=1e-5)


def test_from_the_front_x_is_right_and_z_is_up():
    towards, right, up = Camera(-np.pi / 2, 0.0, 2.0, 0.0).axes()
    assert np.allclose(towards, (0, -1, 0))
    assert np.allclose(right, (1, 0, 0))
    assert np.allclose(up, (0, 0, 1))


def test_a_mirrored_guess_gives_the_mirrored_cameras():
    guess = np.random.default_rng(0).standard_normal((2, GUESS)).astype(np.float32)
    flipped = mirrored_guess(guess)
    ours, theirs = guessed_codes(flipped), mirrored(guessed_codes(guess))
    for k in range(AZIMUTHS):
        other = (AZIMUTHS // 2 - k) % AZIMUTHS
        assert np.array_equal(flipped[:, other], guess[:, k])
        assert np.allclose(ours[:, other], theirs[:, k], atol=1e-6)
    assert np.array_equal(mirrored_guess(flipped), guess)
