"""What shapes are made of in pictures: paint, plastic, wood, fabric, leather, stone, metal.

A material gives each point of a surface its colour, in linear light, and says how it shines. It is
solid, a function of the place in the shape, so that no surface needs texture coordinates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]  # (n, 3), sides of the grid
Colours = NDArray[np.float32]  # (n, 3) linear light in [0, 1]

_CELLS = 128  # of the noise along a side
_WOODS = ("d9b98c", "c79b63", "a9743f", "7a4a28", "523020", "e6d3b3", "8f6b4a", "3a2c26")
_METALS = ("c9ccd0", "8f9398", "d3b26a", "b87355", "3c3d40", "e2e2e0")
_LEATHERS = ("5a3320", "2a1c17", "8c5a35", "1d1d1f", "b99a77", "6b1f1a")


@dataclass(frozen=True)
class Surface:
    """A material where it is seen."""

    colours: Colours
    metal: float = 0.0  # 1 where the light that it throws back has its own colour
    gloss: float = 0.0  # share of the surroundings that it mirrors, seen from above
    roughness: float = 0.5  # 0 throws a light back as a point
    bump: float = 0.0  # how far the noise turns its normals
    grain: float = 8.0  # cells of that noise a side of the grid, times 16


Material = Callable[[Points], Surface]


def draw_material(rng: np.random.Generator) -> Material:
    """A random material; how likely each kind is, is about what furniture is made of."""
    kinds = (_paint, _plastic, _wood, _fabric, _leather, _stone, _metal)
    kind = kinds[rng.choice(len(kinds), p=(0.2, 0.13, 0.25, 0.22, 0.07, 0.04, 0.09))]
    return kind(rng)


@lru_cache(1)
def noise_volume() -> NDArray[np.float32]:
    """Smooth periodic noise (128, 128, 128), mean 0 and deviation 1, the same in every process.

    White noise whose waves of k periods a side are weakened by k^1.6: blots of all sizes.
    """
    white = np.random.default_rng(20).standard_normal((_CELLS,) * 3, dtype=np.float32)
    waves = np.fft.rfftn(white)
    k = np.fft.fftfreq(_CELLS, 1 / _CELLS)
    square = k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None, : _CELLS // 2 + 1] ** 2
    square[0, 0, 0] = np.inf
    volume = np.fft.irfftn(waves / square**0.8, (_CELLS,) * 3, axes=(0, 1, 2))
    return (volume / volume.std()).astype(np.float32)


def noise(
    points: Points, scale: float | NDArray[np.floating], shift: int = 0
) -> NDArray[np.float32]:
    """The noise (n,) at points; ``scale`` periods a side of the grid, along each axis or all."""
    cells = (points * np.asarray(scale * np.float32(_CELLS), np.float32)).astype(np.int32)
    x, y, z = ((cells[:, k] + shift * (31 + 17 * k)) & (_CELLS - 1) for k in range(3))
    return noise_volume().ravel()[(x * _CELLS + y) * _CELLS + z]


def linear(colour: str | NDArray[np.floating]) -> NDArray[np.float32]:
    """Linear light of an sRGB colour, "d9b98c" or (..., 3) in [0, 1] (gamma 2.2)."""
    if isinstance(colour, str):
        colour = np.frombuffer(bytes.fromhex(colour), np.uint8) / 255
    return np.asarray(colour, np.float32) ** np.float32(2.2)


def any_colour(rng: np.random.Generator) -> NDArray[np.float32]:
    """A colour (3,) of paint and cloth: often white, grey, black or pale, sometimes strong."""
    if rng.random() < 0.4:
        grey = rng.choice([0.1, 0.35, 0.6, 0.85, 0.95]) + rng.normal(0, 0.03, 3)
        return linear(np.clip(grey, 0.02, 1))
    hue = rng.random() * 6 - np.array([0, 2, 4])
    pure = np.clip(np.abs((hue + 3) % 6 - 3) * -1 + 2, 0, 1)
    saturation, value = rng.beta(1.3, 2.6), rng.uniform(0.15, 0.98)
    return linear(value * (1 - saturation * (1 - pure)))


def _near(rng: np.random.Generator, colours: tuple[str, ...]) -> NDArray[np.float32]:
    """One of the colours, a little lighter, darker, redder or bluer."""
    own = linear(colours[rng.integers(len(colours))])
    changed = own * rng.uniform(0.7, 1.3) * rng.uniform(0.92, 1.08, 3)
    return np.clip(changed, 0.005, 1).astype(np.float32)


def _flat(points: Points, colour: NDArray[np.float32], uneven: float = 0.0) -> Colours:
    if not uneven:
        return np.tile(colour, (len(points), 1))
    return colour * (1 + np.float32(uneven) * noise(points, 1.0, 3))[:, None].clip(0.2, 1.8)


def _paint(rng: np.random.Generator) -> Material:
    colour, uneven = any_colour(rng), rng.uniform(0, 0.06)
    gloss, roughness = rng.uniform(0, 0.03), rng.uniform(0.4, 0.8)
    return lambda points: Surface(_flat(points, colour, uneven), 0, gloss, roughness)


def _plastic(rng: np.random.Generator) -> Material:
    colour, gloss, roughness = any_colour(rng), rng.uniform(0.04, 0.3), rng.uniform(0.08, 0.4)
    return lambda points: Surface(_flat(points, colour), 0, gloss, roughness)


def _wood(rng: np.random.Generator) -> Material:
    """Rings around an axis outside of the shape, bent by noise, and fine streaks along it."""
    dark, along = _near(rng, _WOODS), int(rng.integers(3))
    light = np.minimum(dark * rng.uniform(1.15, 2.2), 1).astype(np.float32)
    across = [axis for axis in range(3) if axis != along]
    middle = rng.uniform(-1.5, 1.5, 2).astype(np.float32)
    rings, bent, streaks = rng.uniform(8, 40), rng.uniform(0.05, 0.35), rng.uniform(0.05, 0.25)
    gloss, roughness, shift = rng.uniform(0, 0.12), rng.uniform(0.2, 0.7), int(rng.integers(9))
    fine, coarse = np.full(3, 4.0), np.full(3, 0.7)
    fine[along], coarse[along] = 0.15, 0.12

    def wood(points: Points) -> Surface:
        wave = noise(points, coarse, shift)
        far = np.hypot(points[:, across[0]] - middle[0], points[:, across[1]] - middle[1])
        ring = (far * np.float32(rings) + np.float32(bent * 3) * wave) % 1
        share = (ring * ring)[:, None]
        streak = 1 + np.float32(streaks) * noise(points, fine, shift + 1)
        colours = (light + (dark - light) * share) * streak.clip(0.4, 1.6)[:, None]
        return Surface(colours.astype(np.float32), 0, gloss, roughness, 0.03, 8)

    return wood


def _fabric(rng: np.random.Generator) -> Material:
    """Woven; of one colour, striped, checked or with blots."""
    first, second = any_colour(rng), any_colour(rng)
    pattern = rng.choice(4, p=(0.6, 0.17, 0.1, 0.13))
    width, axis = rng.uniform(6, 40), int(rng.integers(3))
    weave, blots = rng.uniform(0.05, 0.3), rng.uniform(0.4, 1.6)
    threads, bump = np.float32(rng.uniform(150, 400)), rng.uniform(0.05, 0.35)

    def fabric(points: Points) -> Surface:
        place = points * np.float32(width)
        if pattern == 0:
            share = np.zeros(len(points), np.float32)
        elif pattern == 1:
            share = (place[:, axis] % 1 < 0.45).astype(np.float32)
        elif pattern == 2:
            share = ((place % 1 < 0.5).sum(1) % 2).astype(np.float32)
        else:
            share = (noise(points, blots, 2) > 0.4).astype(np.float32)
        wave = np.sin(points * threads).prod(1)
        light = 1 + np.float32(weave) * (wave + noise(points, 2.5, 5) * np.float32(0.5))
        colours = (first + (second - first) * share[:, None]) * light.clip(0.3, 1.7)[:, None]
        return Surface(colours.astype(np.float32), 0, 0, 0.9, bump, 12)

    return fabric


def _leather(rng: np.random.Generator) -> Material:
    colour, gloss = _near(rng, _LEATHERS), rng.uniform(0.02, 0.12)
    roughness, bump = rng.uniform(0.25, 0.5), rng.uniform(0.1, 0.3)
    return lambda points: Surface(_flat(points, colour, 0.08), 0, gloss, roughness, bump, 5)


def _stone(rng: np.random.Generator) -> Material:
    """Marble: veins where a wave, bent by noise, passes through zero."""
    colour, vein = any_colour(rng), any_colour(rng)
    way = rng.normal(size=3).astype(np.float32) * np.float32(rng.uniform(4, 12))
    bent, gloss = np.float32(rng.uniform(1, 4)), rng.uniform(0, 0.2)

    def stone(points: Points) -> Surface:
        wave = np.abs(np.sin(points @ way + bent * noise(points, 0.8, 1)))
        share = (1 - wave)[:, None] ** 6
        return Surface((colour + (vein - colour) * share).astype(np.float32), 0, gloss, 0.25)

    return stone


def _metal(rng: np.random.Generator) -> Material:
    """Polished to brushed."""
    colour, roughness = _near(rng, _METALS), rng.uniform(0.1, 0.5)
    brushed = rng.uniform(0, 0.15)
    return lambda points: Surface(_flat(points, colour, brushed), 1.0, 0.6, roughness)
