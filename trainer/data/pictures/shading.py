"""Light on a shape: points of its surface become colours, as in a room with a lamp and windows.

Shadows and dark corners come from the shape's own grid, by looking how much solid there is on the
way to a light and around a point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .materials import Colours, Points, Surface, draw_material, linear, noise
from .picture_cameras import Shot, key_light

_STEPS = 14  # on the way to the main light
_FIRST, _GROWTH = 0.025, 1.18  # sides of the grid, of such steps; 0.4 in all
_DENSE = 1.2  # how much a solid step weakens light: exp(-1.2)
_FINEST = 64  # cells along a side; of finer grids every second counts
_AROUND = 0.09  # sides of the grid; twice a box around a point in which solid darkens it
_OUT = 0.055  # sides of the grid that this box lies outside of the surface
_WINDOWS = 3  # at most, that glossy things mirror


@dataclass(frozen=True)
class Lights:
    """All light of one picture, in linear colours (3,)."""

    key: NDArray[np.float32]  # direction towards it
    key_colour: NDArray[np.float32]
    shadow: float  # how much of the main light a full shadow takes
    fills: list[tuple[NDArray[np.float32], NDArray[np.float32]]]  # direction, colour; no shadows
    sky: NDArray[np.float32]  # from above
    ground: NDArray[np.float32]  # from below
    corners: float  # how dark corners are
    windows: NDArray[np.float32]  # (n, 3) directions of what is mirrored
    exposure: float


class Grid:
    """A shape's solid cells, as light meets them."""

    def __init__(self, occupancy: NDArray[np.bool_]) -> None:
        """Takes (R, R, R)."""
        part = max(1, len(occupancy) // _FINEST)
        cells = occupancy[::part, ::part, ::part].astype(np.float32)
        self._side = len(cells)
        self._cells = cells.ravel()
        box = 2 * round(_AROUND * self._side / 2) + 1
        once = ndimage.uniform_filter(cells, box, mode="constant")
        self._around = ndimage.uniform_filter(once, box, mode="constant").ravel()

    def open_share(self, points: Points, normals: Points) -> NDArray[np.float32]:
        """How little solid lies before points (n,), 0 to 1; half a box is solid before none."""
        places = _cells(points + normals * np.float32(_OUT), self._side)
        return 1 - np.minimum(self._around[places] * np.float32(1.6), 1)

    def thickness(self, points: Points, normals: Points) -> NDArray[np.float32]:
        """How much solid lies behind points (n,), 0 to 1: little in legs and boards."""
        return self._around[_cells(points - normals * np.float32(_OUT), self._side)]

    def light(
        self, points: Points, normals: Points, towards: Points, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Share (n,) of a distant light that reaches points; grainy, as one try a point is made."""
        start = points + normals * np.float32(1.3 / self._side)
        jitter = rng.random(len(points), np.float32)
        solid = np.zeros(len(points), np.float32)
        step, far = _FIRST, 0.0
        for _ in range(_STEPS):
            ahead = far + step * jitter
            solid += self._cells[_cells(start + towards * ahead[:, None], self._side)]
            far, step = far + step, step * _GROWTH
        return np.exp(np.float32(-_DENSE) * solid)


def _cells(points: Points, side: int) -> NDArray[np.int32]:
    """Flat places of the cells of points in a grid around the origin; beyond it the nearest."""
    cells = ((points + np.float32(0.5)) * np.float32(side)).astype(np.int32)
    np.clip(cells, 0, side - 1, out=cells)
    return (cells[:, 0] * side + cells[:, 1]) * side + cells[:, 2]


def shaded(
    points: Points, normals: Points, towards_eye: Points, grid: Grid, shot: Shot
) -> NDArray[np.uint8]:
    """Colours (n, 3) sRGB of points of a surface in the materials and light of a picture.

    Args:
        points: (n, 3), sides of the grid.
        normals: (n, 3) unit vectors, to the side that is seen.
        towards_eye: (n, 3) unit vectors.
        grid: of the shape.
        shot: whose look is drawn.
    """
    rng = np.random.default_rng(shot.look)
    lights = _draw_lights(rng, shot)
    region = _regions(points, normals, grid, rng)
    # Blinn and Phong's highlights and Schlick's mirroring (1994); good enough at 128 pixels.
    open_share = grid.open_share(points, normals)
    dim = (1 - np.float32(lights.corners) * (1 - open_share))[:, None]
    lit = 1 - np.float32(lights.shadow) * (1 - grid.light(points, normals, lights.key, rng))
    colours = np.zeros_like(points)
    for number in range(int(region.max()) + 1):
        part = np.flatnonzero(region == number)
        surface = draw_material(rng)(points[part])
        bent = _bent(normals[part], points[part], surface)
        colours[part] = _lit(surface, bent, towards_eye[part], lit[part, None], dim[part], lights)
    exposed = np.clip(colours * np.float32(lights.exposure), 0, 1) ** np.float32(1 / 2.2)
    return np.rint(exposed * 255).astype(np.uint8)


def _lit(
    surface: Surface,
    normals: Points,
    eye: Points,
    lit: NDArray[np.float32],
    dim: NDArray[np.float32],
    lights: Lights,
) -> Colours:
    up = (normals[:, 2:] + 1) / 2
    light = np.asarray((lights.ground + (lights.sky - lights.ground) * up) * dim, np.float32)
    shine = np.zeros_like(light)
    sharp = np.float32(2 / max(surface.roughness, 0.05) ** 4)
    for way, colour, share in [
        (lights.key, lights.key_colour, lit),
        *((way, colour, dim) for way, colour in lights.fills),
    ]:
        facing = np.maximum(normals @ way, 0)[:, None] * share
        light += facing * colour
        half = eye + way
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        glance = np.maximum((normals * half).sum(1), 0)[:, None]
        shine += facing * colour * (glance**sharp * (sharp + 8) / 25)
    if not surface.gloss:
        light *= surface.colours
        return light
    straight = (normals * eye).sum(1)[:, None]
    mirrored = 2 * straight * normals - eye
    slant = (1 - np.clip(straight, 0, 1)) ** 5
    seen = (lights.ground + (lights.sky - lights.ground) * (mirrored[:, 2:] > 0)) * dim
    for window in lights.windows:
        seen += np.float32(2.5) * ((mirrored @ window)[:, None] > 1 - 0.3 * surface.roughness)
    rim = surface.gloss + (1 - surface.gloss) * slant * (1 - surface.roughness)
    tint = 1 + (surface.colours - 1) * surface.metal
    own = surface.colours * light * (1 - surface.metal)
    thrown: Colours = own + tint * (
        rim * seen * np.float32(1 + surface.metal) + surface.gloss * shine
    )
    return thrown


def _bent(normals: Points, points: Points, surface: Surface) -> Points:
    if not surface.bump:
        return normals
    scale = surface.grain / 16
    waves = np.stack([noise(points, scale, 11 + axis) for axis in range(3)], 1)
    bent: Points = normals + np.float32(surface.bump) * waves
    bent /= np.linalg.norm(bent, axis=1, keepdims=True)
    return bent


def _draw_lights(rng: np.random.Generator, shot: Shot) -> Lights:
    """One main light, up to two others, and what walls, sky and floor throw back."""
    camera = shot.camera
    key = key_light(camera.azimuth, camera.elevation, camera.tilt).astype(np.float32)
    warm = np.array([1.0, 1.0, 1.0]) + rng.normal(0, 0.12) * np.array([1.0, 0.2, -1.0])
    fills = []
    for _ in range(rng.integers(3)):
        way = rng.standard_normal(3)
        way[2] = abs(way[2]) * 0.7
        cool = 1 + rng.normal(0, 0.1) * np.array([1.0, 0.2, -1.0])
        strength = rng.uniform(0.05, 0.35)
        fills.append(
            ((way / np.linalg.norm(way)).astype(np.float32), (cool * strength).astype(np.float32))
        )
    strength, ambient = rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.6)
    floor = linear(rng.uniform(0.2, 0.9) * (1 + rng.normal(0, 0.08, 3)).clip(0.6, 1.1))
    windows = rng.standard_normal((int(rng.integers(_WINDOWS + 1)), 3))
    windows[:, 2] = np.abs(windows[:, 2])
    windows /= np.linalg.norm(windows, axis=1, keepdims=True)
    return Lights(
        key,
        (warm * strength).astype(np.float32),
        rng.uniform(0.5, 1.0),
        fills,
        np.full(3, ambient, np.float32),
        (floor * ambient).astype(np.float32),
        rng.uniform(0.4, 0.9),
        windows.astype(np.float32),
        rng.uniform(0.75, 1.15) / (strength + ambient),
    )


def _regions(
    points: Points, normals: Points, grid: Grid, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Which of up to three materials each point (n,) is of.

    Parts are not told apart in a mesh. Legs are lower than a seat and thinner; tops, fronts and
    sides face their ways; so these are parted from the rest, or nothing is.
    """
    kind = rng.choice(5, p=(0.4, 0.2, 0.2, 0.1, 0.1))
    region = np.zeros(len(points), np.int64)
    low, high = float(points[:, 2].min()), float(points[:, 2].max())
    below = points[:, 2] < low + rng.uniform(0.1, 0.6) * (high - low)
    solid = grid.thickness(points, normals)
    if kind == 1:
        region[below] = 1
    elif kind == 2:
        region[solid < rng.uniform(0.2, 0.45)] = 1
    elif kind == 3:
        axis = int(rng.integers(3))
        region[np.abs(normals[:, axis]) > 0.8] = 1
    elif kind == 4:
        region[solid < rng.uniform(0.2, 0.45)] = 1
        region[below & (region == 1)] = 2
    return region
