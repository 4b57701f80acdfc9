"""Pictures as the image encoder sees them: framed on their object and normalised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shapelab.core.spec import ModelSpec
from shapelab.errors import InputError

Pixels = NDArray[np.uint8]

FILL = 0.85  # longest side of the framed object as a share of the picture's side
_SEEN = 8  # alpha below this (of 255) is noise of a cut-out and does not widen the frame
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_MEAN, _STD = 0.5, 0.18  # of the luminance inside the mask, in mode "LA"
_MIN_STD = 0.02  # flatter objects keep their flatness: else JPEG noise would fill the picture


def frame(rgba: Pixels, size: int) -> Pixels:
    """Crops to the visible object and centres it in a transparent square picture.

    Args:
        rgba: (h, w, 4) uint8, straight alpha.
        size: side of the result, pixels.

    Returns:
        (size, size, 4) uint8; the object's longest side is ``FILL * size``.

    Raises:
        InputError: if nothing in the picture is visible.
    """
    alpha = rgba[..., 3] >= _SEEN
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if rows.size == 0:
        raise InputError("The picture shows no object; please give one with something visible.")
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    scale = FILL * size / max(bottom - top, right - left)
    width = max(1, round((right - left) * scale))
    height = max(1, round((bottom - top) * scale))
    resized = _resample(rgba[top:bottom, left:right], width, height)
    framed = np.zeros((size, size, 4), np.uint8)
    y, x = (size - height) // 2, (size - width) // 2
    framed[y : y + height, x : x + width] = resized
    return framed


def to_input(rgba: Pixels, spec: ModelSpec) -> NDArray[np.float32]:
    """Turns a framed picture into what the image encoder takes.

    Mode "LA" gives luminance * alpha and alpha; the luminance is shifted and scaled inside the
    mask to mean 0.5 and standard deviation 0.18, so that colour and exposure do not matter.
    Mode "RGB" gives the picture on white.

    Args:
        rgba: (S, S, 4) uint8 as ``frame`` gives it.
        spec: of the model; its image_size and image_mode count.

    Returns:
        (channels, image_size, image_size) float32 in [0, 1].
    """
    side = spec.image_size
    if rgba.shape[:2] != (side, side):
        rgba = _resample(rgba, side, side)
    values = rgba.astype(np.float32) / 255.0
    colour, alpha = values[..., :3], values[..., 3]
    if spec.image_mode == "RGB":
        on_white = colour * alpha[..., None] + (1.0 - alpha[..., None])
        return np.ascontiguousarray(on_white.transpose(2, 0, 1))
    luminance = np.asarray(colour @ _LUMA, np.float32)
    return np.stack([_normalised(luminance, alpha) * alpha, alpha])


def _normalised(luminance: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Luminance (h, w) with mean 0.5 and deviation 0.18 where alpha weighs; safe for flat masks."""
    weight = float(alpha.sum())
    if weight < 1e-6:
        return np.zeros_like(luminance)
    mean = float((luminance * alpha).sum()) / weight
    variance = float((np.square(luminance - mean) * alpha).sum()) / weight
    gain = _STD / max(variance**0.5, _MIN_STD)
    return np.clip((luminance - mean) * gain + _MEAN, 0.0, 1.0).astype(np.float32)


def _resample(rgba: Pixels, width: int, height: int) -> Pixels:
    """Antialiased resize; Pillow premultiplies RGBA, so hidden colours never bleed in."""
    image = Image.fromarray(np.ascontiguousarray(rgba))
    shrinking = width < rgba.shape[1] or height < rgba.shape[0]
    method = Image.Resampling.HAMMING if shrinking else Image.Resampling.BILINEAR
    return np.asarray(image.resize((width, height), method))
