"""What stands behind objects in training pictures: plain, gradients, noise, a folder's pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import DataError, InputError
from shapelab.core.inputs.images import PICTURE_SUFFIXES, Pixels, decode, resample
from shapelab.core.inputs.untrusted_reader import file_bytes

MAX_PHOTOS = 1000  # kept in memory, 0.2 MB each
PHOTO_SIDE = 256  # pixels of a photo's shorter side
PHOTO_SHARE = 0.5  # of backgrounds, where there are photos
OCTAVES = (3, 6, 12, 24)  # cells along a side of the noise's layers


class Backgrounds:
    """Draws backgrounds; each is a function of the generator that it is given."""

    def __init__(self, folder: Path | None = None) -> None:
        """Reads a folder's pictures, sub-folders included, the first ``MAX_PHOTOS`` by name.

        All are read at once, so that a damaged one stops nobody's training half-way.

        Raises:
            DataError: there is no picture in it, or names one that cannot be read.
        """
        self.photos: list[Pixels] = [] if folder is None else _read(folder)  # (h, w, 3)

    def draw(self, rng: np.random.Generator, side: int) -> Pixels:
        """A background (side, side, 3)."""
        if self.photos and rng.random() < PHOTO_SHARE:
            return self._photo(rng, side)
        return (_plain, _gradient, _noise)[rng.integers(3)](rng, side)

    def _photo(self, rng: np.random.Generator, side: int) -> Pixels:
        """A random square of a random photo, flipped or not."""
        photo = self.photos[rng.integers(len(self.photos))]
        height, width = photo.shape[:2]
        part = int(rng.integers(min(height, width) // 2, min(height, width) + 1))
        top, left = rng.integers(height - part + 1), rng.integers(width - part + 1)
        square = photo[top : top + part, left : left + part]
        square = square[:, ::-1] if rng.random() < 0.5 else square
        return resample(square, side, side)


def _plain(rng: np.random.Generator, side: int) -> Pixels:
    return np.tile(rng.integers(256, size=3).astype(np.uint8), (side, side, 1))


def _gradient(rng: np.random.Generator, side: int) -> Pixels:
    """From one colour to another in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, side)
    along = np.cos(angle) * x[None, :] + np.sin(angle) * x[:, None]
    along = (along - along.min()) / np.ptp(along)
    first, last = rng.uniform(0, 255, (2, 3))
    return np.rint(first + (last - first) * along[..., None]).astype(np.uint8)


def _noise(rng: np.random.Generator, side: int) -> Pixels:
    """Coarse to fine blots around one colour, the finer the fainter."""
    import cv2

    picture = np.zeros((side, side, 3), np.float32) + rng.uniform(0, 255, 3)
    strength = rng.uniform(20, 120)
    for cells in OCTAVES:
        layer = rng.standard_normal((cells, cells, 3), dtype=np.float32)
        smooth = cv2.resize(layer, (side, side), interpolation=cv2.INTER_CUBIC)
        picture += smooth * (strength * OCTAVES[0] / cells)
    return np.rint(picture.clip(0, 255)).astype(np.uint8)


def _read(folder: Path) -> list[Pixels]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        raise DataError(
            f"{folder} holds no picture to put behind objects; name a folder of photos, or none."
        )
    return [_photo(path, folder) for path in found[:MAX_PHOTOS]]


def _photo(path: Path, folder: Path) -> Pixels:
    """A photo (h, w, 3) with its shorter side of ``PHOTO_SIDE``; what is clear in it is white."""
    try:
        rgba = decode(file_bytes(path))
    except InputError as error:
        name = path.relative_to(folder).as_posix()
        raise DataError(f"Background {name}: {error}") from error
    height, width = rgba.shape[:2]
    scale = PHOTO_SIDE / min(height, width)
    if scale < 1:
        rgba = resample(rgba, max(1, round(width * scale)), max(1, round(height * scale)))
    alpha: NDArray[np.float32] = rgba[..., 3:].astype(np.float32) / np.float32(255)
    return np.rint(255 + (rgba[..., :3] - np.float32(255)) * alpha).astype(np.uint8)
