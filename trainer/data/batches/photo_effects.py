"""What cameras and files do to pictures: exposure, colour casts, blur, noise, JPEG."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from shapelab.core.inputs.images import Pixels

from .rooms import Layer

_FLAWLESS = 0.25  # of pictures
_GRAIN = 1 << 18  # numbers of the noise that is drawn from


def photographed(rng: np.random.Generator, picture: Layer) -> Pixels:
    """A picture (S, S, 3) of 0 to 255 as a photo: each fault in a share of them, mostly mild.

    A quarter have none but their exposure, as in catalogues.
    """
    light = picture * _exposure(rng)
    if rng.random() < _FLAWLESS:
        return np.rint(light.clip(0, 255)).astype(np.uint8)
    if rng.random() < 0.7:  # contrast about the middle, and gamma
        gamma, contrast = rng.uniform(0.75, 1.3), rng.uniform(0.75, 1.25)
        curve = ((np.arange(256) / 255) ** gamma - 0.5) * contrast + 0.5
        table = (255 * curve.clip(0, 1)).astype(np.float32)
        light = table[light.clip(0, 255).astype(np.uint8)]
    if rng.random() < 0.3:  # more or less colour
        grey = light.mean(2, keepdims=True)
        light = grey + (light - grey) * np.float32(rng.uniform(0.0, 1.4))
    if rng.random() < 0.2:  # a lens darkens corners
        axis = np.linspace(-1, 1, len(light), dtype=np.float32) ** 2
        dark = np.float32(rng.uniform(0.05, 0.3)) * (axis + axis[:, None])
        light = light * (1 - dark / 2)[..., None]
    if rng.random() < 0.5:
        strength = np.float32(rng.uniform(0.5, 6) if rng.random() < 0.8 else rng.uniform(6, 18))
        start = int(rng.integers(_GRAIN))
        grain = np.resize(_grain()[start : start + light.size], light.shape)
        light = light + strength * grain
    made = np.rint(light.clip(0, 255)).astype(np.uint8)
    return _filed(rng, made)


def _exposure(rng: np.random.Generator) -> NDArray[np.float32]:
    """Factors (3,): too dark, too bright, and lamps that are yellow or blue."""
    warm = rng.normal(0.02, 0.08) * np.array([1.0, 0.1, -1.0])
    tint = rng.normal(0, 0.02, 3)
    return (rng.lognormal(0.06, 0.13) * np.exp(warm + tint)).astype(np.float32)


def _filed(rng: np.random.Generator, picture: Pixels) -> Pixels:
    """Blurred, taken at a lower resolution, compressed."""
    blur, coarse, jpeg = rng.random(3) < (0.35, 0.12, 0.4)
    if not (blur or coarse or jpeg):
        return picture
    image = Image.fromarray(picture)
    if blur:
        image = image.filter(ImageFilter.BoxBlur(rng.uniform(0.2, 1.3)))
    if coarse:
        less = round(image.width * rng.uniform(0.4, 0.8))
        small = image.resize((less, less), Image.Resampling.BILINEAR)
        image = small.resize(image.size, Image.Resampling.BILINEAR)
    if jpeg:
        data = io.BytesIO()
        image.save(data, "JPEG", quality=int(rng.integers(25, 95)))
        with Image.open(data) as opened:
            return np.asarray(opened)
    return np.asarray(image)


@lru_cache(1)
def _grain() -> NDArray[np.float32]:
    numbers = np.random.default_rng(21).standard_normal(_GRAIN, dtype=np.float32)
    return np.resize(numbers, 2 * _GRAIN)
