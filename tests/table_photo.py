"""A photo of a table whose true mask is known, for the tests of cut-outs."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapelab.core.inputs import images
from shapelab.core.inputs.images import PreparedImage

HEIGHT, WIDTH = 240, 320
LEG = (slice(110, 210), slice(88, 104))


def table() -> np.ndarray:
    """The mask of a table with two legs, (h, w) bool."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[80:110, 80:240] = True
    mask[LEG] = True
    mask[110:210, 216:232] = True
    return mask


def photo(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """A brown object before a grained grey-green wall, (h, w, 4)."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    wall, wood = np.array([120, 140, 120]), np.array([130, 70, 40])
    grain = rng.normal(0, 6, (*mask.shape, 1))
    pixels[..., :3] = np.clip(np.where(mask[..., None], wood, wall) + grain, 0, 255)
    pixels[..., 3] = 255
    return pixels


def prepared(rgba: np.ndarray, found: np.ndarray, method: Any = "grabcut") -> PreparedImage:
    """A picture as it was read, with the mask that was found."""
    mask = np.where(found, 255, 0).astype(np.uint8)
    cut = np.dstack([rgba[..., :3], mask])
    framed = images.frame(cut, 64) if found.any() else np.zeros((64, 64, 4), np.uint8)
    return PreparedImage(framed, rgba, method, None, mask, (WIDTH, HEIGHT))
