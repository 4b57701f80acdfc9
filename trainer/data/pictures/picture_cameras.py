"""How a store's pictures are taken, drawn from a seed; without what it takes to draw them.

People photograph furniture standing or crouching, from the front more often than from behind, with
lenses of 24 to 85 mm on a full frame, and fill half of the picture or more with it.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.model.camera import Camera

LENSES = (24.0, 85.0)  # mm, for a sensor of 24 x 36 mm
_SENSOR = (24.0, 36.0)  # mm, its height when held flat and upright
_UPRIGHT = 0.3  # of pictures
_FILLED = (0.5, 0.95)  # share of the picture's height that the shape takes
_REACH = 0.45  # sides of the grid, half of what a shape takes of a picture
DISTANCES = (1.15, 8.0)  # sides of the grid; nearer, a corner of a cube would be at the lens
_SIZES = (0.45, 2.2)  # metres, longest side of furniture
_OBJECT = 0.75  # sides of the grid, the same side
_EYES = (1.45, 0.25)  # metres above the floor: standing to crouching, mean and deviation
_STEEPEST = math.radians(48)
_FROM_FRONT = 0.6  # of pictures
_TILT = (math.radians(2.5), math.radians(7))  # deviation and most


@dataclass(frozen=True)
class Shot:
    """All that is random about one picture."""

    camera: Camera
    look: int  # seed of materials and lights


@dataclass(frozen=True)
class Shots:
    """All that is random about the pictures of one shape."""

    shots: list[Shot]

    def cameras(self) -> NDArray[np.float64]:
        """Azimuth, elevation, distance and tilt of each (views, 4), as a store keeps them."""
        cameras = [shot.camera for shot in self.shots]
        rows = [(c.azimuth, c.elevation, c.distance, c.tilt) for c in cameras]
        return np.array(rows, np.float64).reshape(-1, 4)


def draw_shots(seed: int, views: int) -> Shots:
    """The shots of a shape; of one seed, fewer views are the first ones of more."""
    rng = np.random.default_rng(seed)
    return Shots([Shot(draw_camera(rng), int(rng.integers(2**62))) for _ in range(views)])


def draw_camera(rng: np.random.Generator) -> Camera:
    """A camera as a person holds one.

    Left and right are alike, so that the flipped picture of a flipped shape is as likely.
    """
    around = rng.normal(0, 0.8) if rng.random() < _FROM_FRONT else rng.uniform(-np.pi, np.pi)
    azimuth = float((around - np.pi / 2) % (2 * np.pi))
    lens = math.exp(rng.uniform(*np.log(LENSES)))
    sensor = _SENSOR[int(rng.random() < _UPRIGHT)]
    seen = rng.uniform(*_FILLED) * sensor / 2 / lens  # tangent of half the angle that it takes
    distance = min(max(_REACH / seen, DISTANCES[0]), DISTANCES[1])
    tilt = min(max(rng.normal(0, _TILT[0]), -_TILT[1]), _TILT[1])
    return Camera(azimuth, _elevation(rng, distance), distance, tilt)


def _elevation(rng: np.random.Generator, distance: float) -> float:
    """What the height of the eye, the size of the shape and the distance make of it."""
    size = math.exp(rng.uniform(*np.log(_SIZES)))
    eye = min(max(rng.normal(*_EYES), 0.4), 1.95)
    above = eye - size * rng.uniform(0.2, 0.5)  # the middle of the shape
    sine = above / (distance * size / _OBJECT)
    if rng.random() < 0.25 or sine > math.sin(_STEEPEST):  # a product shot; or one kneels
        return rng.uniform(0, math.radians(42))
    return math.asin(max(sine, -0.1))


def key_light(azimuth: float, elevation: float, tilt: float) -> NDArray[np.float64]:
    """Unit vector (3,) towards the main light of a picture: where its shadow falls is known.

    It is a function of the camera's numbers alone, which a store keeps; whoever puts a floor under
    the shape later asks for it again.
    """
    digits = np.array([azimuth, elevation, tilt], "<f8").tobytes()
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(digits).digest()[:8], "little"))
    around, up = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.45)  # 34 to 83 degrees up
    across = math.cos(up)
    return np.array([across * math.cos(around), across * math.sin(around), math.sin(up)])


def first_cameras(seed: int, views: int) -> NDArray[np.float64]:
    """Cameras (views, 4) of the pictures of stores of version 2 to 4, drawn as they were.

    Azimuth was uniform over the circle, elevation over 0 to 45 degrees, vertical angle of view over
    15 to 50 and tilt over -5 to 5. What else was drawn is drawn again: the next camera follows it.
    """
    rng = np.random.default_rng(seed)
    rng.random()
    cameras = np.zeros((views, 4))
    for camera in cameras:
        camera[:2] = rng.uniform(0, 2 * np.pi), math.radians(rng.uniform(0, 45))
        camera[2] = 22 / 32 / math.tan(math.radians(rng.uniform(15, 50) / 2))
        camera[3] = math.radians(rng.uniform(-5, 5))
        for _ in range(3):  # lights
            rng.standard_normal(3)
            rng.uniform()
        rng.uniform(size=5)  # colour, ambient and specular light
    return cameras


def picture_seed(seed: int, name: str) -> int:
    """Of an item's pictures: from its name, so that neither order nor neighbours matter."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "little")
