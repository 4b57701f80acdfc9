"""What is behind furniture in made-up photos: rooms in the perspective of the camera, and studios.

A pixel's ray meets the floor, or one of some walls. All is in sides of the grid, the shape's middle
at the origin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shapelab.core.model.camera import Camera

from ..pictures.materials import noise_volume

Layer = NDArray[np.float32]  # (S, S), or (S, S, 3) sRGB from 0 to 255

_MAP = 96  # cells of 1/32 along a side of the floor, on which shadows fall
_SLABS = 4  # heights at which what shadows are of is told apart
FAR = np.float32(60)  # lengths of a ray; farther away there is no floor


@dataclass(frozen=True)
class Sight:
    """A picture's pixels as rays, and where they meet the floor."""

    camera: Camera
    floor: float  # its height
    side: int  # pixels

    def zoomed(self, x: float, y: float, zoom: float, side: int) -> Sight:
        """Through another square: its middle moved to the right and down, in halves of this one."""
        right, up, half = self.camera.frame
        frame = (right + x * half, up - y * half, half * zoom)
        return Sight(replace(self.camera, frame=frame), self.floor, side)

    @cached_property
    def eye(self) -> tuple[float, float, float]:
        """Where the camera is."""
        x, y, z = (self.camera.axes()[0] * self.camera.distance).tolist()
        return x, y, z

    @cached_property
    def rays(self) -> tuple[Layer, Layer, Layer]:
        """The rays' x, y and z, (S, S) each; once their length they are in the middle's plane."""
        _, right, up = self.camera.axes()
        middle_x, middle_y, half = self.camera.frame
        steps = (2 * np.arange(self.side) + 1) / self.side - 1
        x, y = middle_x + half * steps, (middle_y - half * steps)[:, None]
        across, down = (
            (np.multiply.outer(right, x)).astype(np.float32),
            (up[:, None, None] * y - np.array(self.eye)[:, None, None]).astype(np.float32),
        )
        dx, dy, dz = (across[k] + down[k] for k in range(3))
        return dx, dy, dz

    @cached_property
    def floor_reach(self) -> Layer:
        """How many times its length a ray goes to the floor (S, S); ``FAR`` if it meets none."""
        falls = np.minimum(self.rays[2], np.float32(-1e-4))
        reach = np.float32(self.floor - self.eye[2]) / falls
        reach[(reach <= 0) | (reach > FAR)] = FAR
        return reach

    def beside(self, aside: float, nearer: float) -> NDArray[np.float64]:
        """A place (3,) on the floor, to the right of the shape and towards the camera."""
        x, y = np.cos(self.camera.azimuth), np.sin(self.camera.azimuth)
        return np.array([x * nearer - y * aside, y * nearer + x * aside, self.floor])

    def place(self, point: NDArray[np.floating]) -> tuple[float, float, float]:
        """Where a point (3,) is seen, in pixels to the right and down, and the pixels of a side."""
        towards, right, up = self.camera.axes()
        middle_x, middle_y, half = self.camera.frame
        near = max(1 - float(point @ towards) / self.camera.distance, 0.05)
        x = (float(point @ right) / near - middle_x) / half
        y = (float(point @ up) / near - middle_y) / half
        return (x + 1) * self.side / 2, (1 - y) * self.side / 2, self.side / 2 / half / near


def pick(rng: np.random.Generator, *shares: float) -> int:
    """Which of some cases, each as likely as its share; several times faster than ``choice``."""
    drawn = rng.random()
    for case, share in enumerate(shares):
        drawn -= share
        if drawn < 0:
            return case
    return len(shares) - 1


@lru_cache(2)
def flat_noise(blur: float) -> Layer:
    """Smooth periodic noise (128, 128), mean 0 and deviation 1; blurred by cells it is blots."""
    plane = ndimage.gaussian_filter(noise_volume()[0], blur, mode="wrap")
    return np.asarray((plane - plane.mean()) / plane.std(), np.float32)


def noise_at(x: Layer, y: Layer, scale: float, shift: int, blur: float = 0.0) -> Layer:
    """The noise at places; ``scale`` cells of it a side of the grid."""
    table = flat_noise(blur)
    columns = (x * np.float32(scale)).astype(np.int32) + 41 * shift
    rows = (y * np.float32(scale)).astype(np.int32) + 17 * shift
    return table[rows & 127, columns & 127]


class Shadow:
    """How dark a shape makes the floor: softly where it is far above."""

    def __init__(self, grid: NDArray[np.bool_], light: NDArray[np.float64], soft: float) -> None:
        """Throws a grid (R, R, R) of 32 cells a side or a multiple along a light.

        Args:
            grid: the shape.
            light: unit vector (3,) towards it.
            soft: cells of 1/32 on each side by which the shadow of its upper half is blurred.
        """
        while len(grid) > 32:
            grid = grid[::2] | grid[1::2]
            grid = grid[:, ::2] | grid[:, 1::2]
            grid = grid[:, :, ::2] | grid[:, :, 1::2]
        levels = np.flatnonzero(grid.any((0, 1)))
        low, high = int(levels[0]), int(levels[-1]) + 1
        thick = -(-(high - low) // _SLABS)
        across = light[:2] / max(light[2], 0.2)
        sharp, blurred = np.zeros((2, _MAP, _MAP), np.float32)
        for bottom in range(low, high, thick):
            slab = grid[:, :, bottom : bottom + thick].any(2)
            x, y = (
                min(max(round(32 - a * (bottom + thick / 2 - low)), 0), _MAP - 32)
                for a in across.tolist()
            )
            dark = sharp if bottom < low + 2 * thick else blurred
            part = dark[x : x + 32, y : y + 32]
            np.maximum(part, slab, out=part)
        sharp = ndimage.uniform_filter(sharp, 3, mode="constant")
        wide = 2 * round(soft) + 3
        self._dark = np.maximum(sharp, ndimage.uniform_filter(blurred, wide, mode="constant"))

    def at(self, x: Layer, y: Layer) -> Layer:
        """How much of the light is missing at places of the floor, 0 to 1."""
        rows = ((x + np.float32(1.5)) * 32).astype(np.int32)
        columns = ((y + np.float32(1.5)) * 32).astype(np.int32)
        np.clip(rows, 0, _MAP - 1, out=rows)
        np.clip(columns, 0, _MAP - 1, out=columns)
        return self._dark[rows, columns]


def on_floor(sight: Sight) -> tuple[NDArray[np.bool_], Layer, Layer]:
    """Which pixels see the plane of the floor, and where, (S, S) each; far away elsewhere."""
    reach, (dx, dy, _) = sight.floor_reach, sight.rays
    return reach < FAR, sight.eye[0] + reach * dx, sight.eye[1] + reach * dy


def studio(rng: np.random.Generator, sight: Sight) -> Layer:
    """A sheet of paper, white more often than not, a little darker to one side."""
    value = rng.uniform(235, 262) if rng.random() < 0.65 else rng.uniform(50, 240)
    colour = (
        value * (1 + rng.normal(0, 0.015, 3)) if rng.random() < 0.9 else rng.uniform(60, 240, 3)
    )
    x = np.linspace(-1, 1, sight.side, dtype=np.float32)
    way = rng.normal(0, 0.06, 2).astype(np.float32)
    light = (
        1 + way[0] * x + way[1] * x[:, None] - np.float32(rng.uniform(0, 0.08)) * x[:, None] ** 2
    )
    return np.asarray(light[..., None] * np.float32(colour), np.float32)


def room(rng: np.random.Generator, sight: Sight) -> tuple[Layer, NDArray[np.bool_]]:
    """A room (S, S, 3), and which of its pixels (S, S) show the floor."""
    eye, rays = sight.eye, sight.rays
    nearest = sight.floor_reach
    which = np.zeros(nearest.shape, np.int8)  # the floor
    walls = _walls(rng, sight)
    for number, (way, far) in enumerate(walls, 1):
        towards = np.maximum(rays[0] * way[0] + rays[1] * way[1], np.float32(1e-4))
        reach = np.float32(far - eye[0] * way[0] - eye[1] * way[1]) / towards
        which[reach < nearest] = number
        nearest = np.minimum(reach, nearest)
    places = [eye[k] + nearest * rays[k] for k in range(3)]
    picture = np.zeros((*which.shape, 3), np.float32)
    floor = which == 0
    picture[floor] = _floor(rng, places[0][floor], places[1][floor])
    paper = _colour(rng)
    for number, (way, _) in enumerate(walls, 1):
        here = which == number
        if here.any():
            along = places[1][here] * way[0] - places[0][here] * way[1]
            light = np.float32(rng.uniform(0.75, 1.1))
            picture[here] = light * _wall(rng, along, places[2][here] - sight.floor, paper)
    haze = np.float32(rng.uniform(0, 0.06)) * np.minimum(nearest, 5)
    return picture * (1 - haze)[..., None], floor


def _walls(rng: np.random.Generator, sight: Sight) -> list[tuple[NDArray[np.float32], float]]:
    """Directions (2,) and distances of walls: one far behind, and those of the shape's own room.

    Furniture mostly stands along walls, its back to one.
    """
    camera = sight.camera
    eye = camera.distance * np.cos(camera.elevation)
    eye = eye * np.array([np.cos(camera.azimuth), np.sin(camera.azimuth)])
    behind = -eye / max(float(np.linalg.norm(eye)), 1e-6)
    found = [(behind.astype(np.float32), rng.uniform(1.5, 6.0))]
    yaw = 0.0 if rng.random() < 0.6 else rng.uniform(-0.8, 0.8)
    for k in range(4):
        turn = yaw + (k + 1) * np.pi / 2  # the first one is behind the shape's back
        way = np.array([np.cos(turn), np.sin(turn)])
        beside = 0.45 + (
            rng.exponential(0.06) if k == 0 and rng.random() < 0.5 else rng.exponential(0.9)
        )
        if eye @ way < beside - 0.05 and rng.random() < 0.8:
            found.append((way.astype(np.float32), beside))
    return found


def _colour(rng: np.random.Generator) -> NDArray[np.float32]:
    """A colour (3,) of walls and floors: pale and grey more often than strong."""
    value = rng.uniform(80, 255)
    strength = (0.02, 0.08, 0.25)[pick(rng, 0.45, 0.4, 0.15)]
    return (value * (1 + rng.normal(0, strength, 3))).clip(5, 255).astype(np.float32)


def _floor(rng: np.random.Generator, x: Layer, y: Layer) -> Layer:
    """Colours (n, 3) of the floor at places (n,): boards, tiles, carpet, concrete, with a rug."""
    colour, kind = _colour(rng), pick(rng, 0.4, 0.2, 0.25, 0.15)
    turn = (0, np.pi / 2, rng.uniform(0, np.pi))[pick(rng, 1 / 3, 1 / 3, 1 / 3)]
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    a, b = x * cosine + y * sine, y * cosine - x * sine
    light = np.ones_like(x)
    if kind == 0:  # boards: each of its own shade, with grain along and dark joints
        wood = np.array([1, rng.uniform(0.6, 0.9), rng.uniform(0.3, 0.75)])
        colour = (rng.uniform(90, 240) * wood).astype(np.float32)
        width, length = rng.uniform(0.06, 0.25), rng.uniform(0.6, 2.5)
        row = np.floor(a / np.float32(width))
        ends = b / np.float32(length) + row * np.float32(0.37)
        shade = np.sin(row * np.float32(12.9) + np.floor(ends) * np.float32(78.2))
        light += np.float32(rng.uniform(0.02, 0.15)) * shade
        light += np.float32(rng.uniform(0.02, 0.1)) * noise_at(a * 8, b, 40, 1)
        light -= np.float32(rng.uniform(0, 0.4)) * (a / np.float32(width) - row < 0.06)
    elif kind == 1:  # tiles
        width = np.float32(rng.uniform(0.12, 0.5))
        u, v = a / width, b / width
        joint = np.minimum(u - np.floor(u), v - np.floor(v)) < 0.05
        chess = (np.floor(u) + np.floor(v)) % 2
        light -= np.float32((0.0, 0.5)[pick(rng, 0.7, 0.3)]) * chess
        light += np.float32(rng.uniform(-0.4, 0.25)) * joint
        light += np.float32(0.03) * noise_at(a, b, 60, 2)
    else:  # carpet, concrete
        light += np.float32(rng.uniform(0.01, 0.1)) * noise_at(a, b, 200 if kind == 2 else 30, 3)
    colours = light[:, None] * colour
    if rng.random() < 0.25:  # a rug
        half_x, half_y = rng.uniform(0.4, 1.4, 2)
        round_one = rng.random() < 0.3
        inside = (
            (x / half_x) ** 2 + (y / half_y) ** 2 < 1
            if round_one
            else (np.abs(x) < half_x) & (np.abs(y) < half_y)
        )
        rug = _colour(rng) * (1 + np.float32(0.12) * noise_at(x, y, 150, 4))[:, None]
        if rng.random() < 0.4:
            rug = rug * (1 - np.float32(0.5) * (noise_at(x, y, 40, 5) > 0.5))[:, None]
        colours = np.where(inside[:, None], rug, colours)
    if rng.random() < 0.3:  # the sun through a window
        u = a * np.float32(rng.uniform(0.6, 1)) + b * np.float32(rng.uniform(-0.5, 0.5))
        lit = (np.abs(u - rng.uniform(-1, 1)) < rng.uniform(0.1, 0.4)) & (np.abs(b) < 1.2)
        colours = colours * (1 + np.float32(rng.uniform(0.15, 0.5)) * lit)[:, None]
    return np.asarray(colours, np.float32)


def _wall(rng: np.random.Generator, along: Layer, height: Layer, paper: Layer) -> Layer:
    """Colours (n, 3) of a wall: plaster, stripes, bricks; skirting, and things that hang there."""
    light = 1 + np.float32(0.02) * noise_at(along, height, 25, 6)
    light -= np.float32(rng.uniform(0, 0.25)) * np.exp(height * np.float32(-4))
    kind = pick(rng, 0.66, 0.14, 0.08, 0.12)
    if kind == 1:  # stripes, or a curtain's folds
        light += np.float32(rng.uniform(0.03, 0.25)) * np.sin(
            along * np.float32(rng.uniform(12, 90))
        )
    elif kind == 2:  # bricks
        row = np.floor(height / np.float32(0.09))
        place = along / np.float32(0.27) + row * np.float32(0.5)
        light += np.float32(0.1) * np.sin(np.floor(place) * 7 + row * 3)
        light += np.float32(0.25) * (
            (place - np.floor(place) < 0.05) | (height / np.float32(0.09) - row < 0.12)
        )
    elif kind == 3:  # wallpaper
        light += np.float32(rng.uniform(0.05, 0.2)) * (noise_at(along, height, 70, 7) > 0.3)
    colours = light[:, None] * paper
    for _ in range(pick(rng, 0.45, 0.25, 0.2, 0.1)):
        colours = _hung(rng, colours, along, height)
    if rng.random() < 0.6:
        skirting = height < rng.uniform(0.03, 0.12)
        own = np.float32(rng.uniform(190, 250) if rng.random() < 0.7 else rng.uniform(40, 160))
        colours = np.where(skirting[:, None], own, colours)
    return np.asarray(colours, np.float32)


def _hung(rng: np.random.Generator, colours: Layer, along: Layer, height: Layer) -> Layer:
    """With a picture, a window, a door or a shelf of books on the wall."""
    at, width = rng.uniform(-2, 2), rng.uniform(0.15, 0.7)
    low = (0.0, rng.uniform(0.3, 1.2))[pick(rng, 0.35, 0.65)]
    high = low + rng.uniform(0.3, 1.6)
    inside = (np.abs(along - at) < width) & (height > low) & (height < high)
    if not inside.any():
        return colours
    rim = 0.04 if rng.random() < 0.7 else 0.0
    inner = (np.abs(along - at) < width - rim) & (height > low + rim) & (height < high - rim)
    filling: Layer = np.tile(_colour(rng), (len(along), 1))
    kind = pick(rng, 0.4, 0.2, 0.15, 0.25)
    if kind == 0:  # a picture
        blots = noise_at(along, height, rng.uniform(40, 160), int(rng.integers(50)))
        filling = filling + np.float32(60) * blots[:, None] * rng.normal(0, 1, 3).astype(np.float32)
    elif kind == 1:  # a window
        filling = np.full_like(filling, rng.uniform(200, 255))
    elif kind == 3:  # books
        shelf = np.floor(height / np.float32(0.18))
        book = np.floor(along / np.float32(0.04)) + 91 * shelf
        filling = 128 + 100 * np.sin(book[:, None] * np.array([1.7, 2.9, 4.3], np.float32))
        filling = np.where((height / np.float32(0.18) - shelf < 0.12)[:, None], 60, filling)
    framed = np.where(inner[:, None], filling, _colour(rng))
    return np.where(inside[:, None], framed, colours)
