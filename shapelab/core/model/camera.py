"""From where a picture was taken: a camera that looks at the middle of the grid, and its code.

A code is eight numbers, each of about mean 0 and deviation 1 over the training pictures. An image
encoder that has learnt cameras gives a guess beside the latent: how likely each azimuth is, since
many shapes look alike from two or four sides, and the code's other six numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CODE = 8  # cosine and sine of the azimuth, elevation, logarithm of the distance, tilt; frame
AZIMUTHS = 24  # the first one is 0
GUESS = AZIMUTHS + CODE - 2
# Of the pictures of stores before version 5: azimuth over the circle, elevation from 0 to 45
# degrees, tilt from -5 to 5, vertical field of view from 15 to 50, framed by
# ``core.inputs.images.frame``. Those of later stores stay within 2.6 deviations of distance.
MEAN = np.array([0, 0, 0.39, 0.95, 0, 0, -0.025, 0.48], np.float32)
DEVIATION = np.array([0.71, 0.71, 0.23, 0.34, 0.05, 0.031, 0.033, 0.071], np.float32)


@dataclass(frozen=True)
class Camera:
    """Angles in radians; where it stands, how it is turned, and what its picture shows.

    The frame is the picture's square in the plane through the grid's middle, in sides of the grid:
    its middle, to the right and up, and half its side.
    """

    azimuth: float  # from x (right) towards y (back)
    elevation: float  # above the floor's plane
    distance: float  # from the middle of the grid, in sides of the grid
    tilt: float  # about the line of sight
    frame: tuple[float, float, float] = (0.0, 0.0, 0.5)

    @classmethod
    def of_code(cls, code: NDArray[np.floating]) -> Camera:
        """The camera of eight numbers (8,); the length of cosine and sine does not matter."""
        cosine, sine, elevation, far, tilt, x, y, half = (
            code.astype(np.float64) * DEVIATION + MEAN
        ).tolist()
        azimuth = float(np.arctan2(sine, cosine))
        return cls(azimuth, elevation, float(np.exp(far)), tilt, (x, y, half))

    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Unit vectors (3,) towards the camera, to the picture's right, and up in it."""
        sin_a, cos_a = np.sin(self.azimuth), np.cos(self.azimuth)
        sin_e, cos_e = np.sin(self.elevation), np.cos(self.elevation)
        towards = np.array([cos_e * cos_a, cos_e * sin_a, sin_e])
        across = np.array([-sin_a, cos_a, 0.0])
        above = np.array([-sin_e * cos_a, -sin_e * sin_a, cos_e])
        up = np.cos(self.tilt) * above + np.sin(self.tilt) * across
        right = np.cos(self.tilt) * across - np.sin(self.tilt) * above
        return towards, right, up

    def code(self) -> NDArray[np.float32]:
        """Its eight numbers (8,)."""
        cosine, sine = np.cos(self.azimuth), np.sin(self.azimuth)
        plain = (cosine, sine, self.elevation, np.log(self.distance), self.tilt, *self.frame)
        return (np.array(plain, np.float32) - MEAN) / DEVIATION


def flipped_codes(codes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Codes (..., 8) of the cameras that see the flipped shape in the flipped picture."""
    return codes * np.array([-1, 1, 1, 1, -1, -1, 1, 1], codes.dtype)


def flipped_guesses(guesses: NDArray[np.floating]) -> NDArray[np.floating]:
    """The same for guesses (..., 30)."""
    turned = (AZIMUTHS // 2 - np.arange(AZIMUTHS)) % AZIMUTHS
    others = guesses[..., AZIMUTHS:] * np.array([1, 1, -1, -1, 1, 1], guesses.dtype)
    return np.concatenate([guesses[..., turned], others], -1)


def guessed_codes(guesses: NDArray[np.float32]) -> NDArray[np.float32]:
    """The codes (n, 24, 8) that guesses (n, 30) give at each azimuth."""
    angles = np.arange(AZIMUTHS) * 2 * np.pi / AZIMUTHS
    around = (np.stack([np.cos(angles), np.sin(angles)], 1) - MEAN[:2]) / DEVIATION[:2]
    shape = (len(guesses), AZIMUTHS)
    others = np.broadcast_to(guesses[:, None, AZIMUTHS:], (*shape, CODE - 2))
    return np.concatenate([np.broadcast_to(around, (*shape, 2)), others], 2).astype(np.float32)
