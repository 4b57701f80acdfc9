"""How a store's pictures are taken, drawn from a seed; without what it takes to draw them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.model.camera import Camera

_REACH = 22 / 32  # sides of the grid that the camera sees above and below its middle


@dataclass(frozen=True)
class Shot:
    """All that is random about one picture."""

    camera: Camera
    lights: list[tuple[tuple[float, ...], float]]  # position and intensity of each
    color: tuple[float, ...]
    ambient: float
    specular: float


@dataclass(frozen=True)
class Shots:
    """All that is random about the pictures of one shape."""

    smooth: bool  # whether the shape is shaded smoothly
    shots: list[Shot]

    def cameras(self) -> NDArray[np.float64]:
        """Azimuth, elevation, distance and tilt of each (views, 4), as a store keeps them."""
        cameras = [shot.camera for shot in self.shots]
        rows = [(c.azimuth, c.elevation, c.distance, c.tilt) for c in cameras]
        return np.array(rows, np.float64).reshape(-1, 4)


def draw_shots(seed: int, views: int) -> Shots:
    """The shots of a shape; of one seed, fewer views are the first ones of more.

    Azimuth is uniform over the circle, elevation over 0 to 45 degrees, tilt over -5 to 5 (as the
    authors' Blender script, with a narrower tilt); angle of view, lights and colour are random.
    """
    rng = np.random.default_rng(seed)
    return Shots(bool(rng.random() < 0.5), [_shot(rng) for _ in range(views)])


def _shot(rng: np.random.Generator) -> Shot:
    azimuth = rng.uniform(0, 2 * np.pi)
    elevation = math.radians(rng.uniform(0, 45))
    distance = _REACH / math.tan(math.radians(rng.uniform(15, 50) / 2))  # vertical angle of view
    camera = Camera(azimuth, elevation, distance, math.radians(rng.uniform(-5, 5)))
    lights = []
    for strength in (0.9, 0.45, 0.25):
        spread = rng.standard_normal(3)
        spread[2] = abs(spread[2]) + 0.3
        position = tuple(60 * spread / np.linalg.norm(spread))  # of it, only the direction counts
        lights.append((position, strength * rng.uniform(0.7, 1.2)))
    color = tuple(rng.uniform(0.35, 0.95, 3))
    return Shot(camera, lights, color, rng.uniform(0.1, 0.35), rng.uniform(0, 0.3))


def picture_seed(seed: int, name: str) -> int:
    """Of an item's pictures: from its name, so that neither order nor neighbours matter."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "little")
