"""Stored views as the image encoder takes them: whole batches, with a background if it sees one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs.images import Pixels, resample, to_inputs
from shapelab.core.model.spec import ModelSpec

from .backgrounds import Backgrounds

BLOCK = 8  # pictures at a time: what is made of them on the way fits into the cache

# Pillow's Hamming filter for halving: sinc(x) * (0.54 + 0.46 cos(pi x)), x in new pixels.
_X = np.array([-0.75, -0.25, 0.25, 0.75])
_HALVING = (np.sinc(_X) * (0.54 + 0.46 * np.cos(np.pi * _X))).astype(np.float32)
_HALVING /= _HALVING.sum()
_UP = 1e-4  # of a grey level: Pillow rounds halves up, and they are common; OpenCV to even numbers


def model_inputs(
    rgba: Pixels,
    spec: ModelSpec,
    rngs: Sequence[np.random.Generator] | None = None,
    backgrounds: Backgrounds | None = None,
) -> NDArray[np.float32]:
    """What ``images.to_input`` makes of each framed picture, for a whole batch in half the time.

    A background is put behind the object where the model's image mode shows it; in mode "LA" none
    is drawn, and ``rngs`` stay untouched.

    Args:
        rgba: (n, S, S, 4) uint8 as ``images.frame`` gives them: transparent along the borders.
        spec: of the model; its image_size and image_mode count.
        rngs: one a picture, for its background, which then depends on nothing but its own seed.
        backgrounds: to draw from; without them, or without ``rngs``, it is white as in to_input.

    Returns:
        (n, channels, image_size, image_size) float32 in [0, 1].
    """
    side = spec.image_size
    inputs = np.zeros((len(rgba), spec.image_channels, side, side), np.float32)
    for start in range(0, len(rgba), BLOCK):
        block = slice(start, start + BLOCK)
        pictures = _resized(rgba[block], side)
        scenes = None
        if spec.image_mode != "LA" and backgrounds is not None and rngs is not None:
            behind = [backgrounds.draw(rng, side) for rng in rngs[block]]
            scenes = _composed(pictures, np.stack(behind))
            if spec.image_mode == "RGB":  # there is no mask
                pictures = np.concatenate([scenes, np.full_like(scenes[..., :1], 255)], -1)
        inputs[block] = to_inputs(pictures, spec, scenes)
    return inputs


def _composed(rgba: Pixels, behind: Pixels) -> Pixels:
    """Pictures (n, S, S, 4) before their backgrounds (n, S, S, 3), as (n, S, S, 3)."""
    alpha = rgba[..., 3:].astype(np.float32) / np.float32(255)
    seen = np.rint(behind + (rgba[..., :3].astype(np.float32) - behind) * alpha)
    return seen.astype(np.uint8)


def _resized(rgba: Pixels, side: int) -> Pixels:
    """The pictures at (n, side, side, 4), exactly as ``images.resample`` makes them.

    Resizing by Pillow is three quarters of ``to_input``'s time; OpenCV halves a picture, which is
    the usual case, with the same weights in half of it.
    """
    if rgba.shape[1] == side:
        return rgba
    if rgba.shape[1] != 2 * side:
        return np.stack([resample(picture, side, side) for picture in rgba])
    import cv2

    small = np.zeros((len(rgba), side, side, 4), np.uint8)
    for picture, target in zip(_premultiplied(rgba), small, strict=True):
        across = cv2.filter2D(picture, -1, _HALVING[None, :], anchor=(1, 0), delta=_UP)
        across = np.ascontiguousarray(across.view(np.uint32)[:, ::2]).view(np.uint8)
        target[:] = cv2.filter2D(across, -1, _HALVING[:, None], anchor=(0, 1), delta=_UP)[::2]
    return _straight(small)


def _soft(rgba: Pixels) -> NDArray[np.int64]:
    """Which pixels of all are neither opaque nor nothing at all, flat; few, along the silhouette.

    As one number a pixel has its alpha in the highest byte: it is 0 where all is 0, and from
    0xFF000000 on where it is opaque. Less one, 0 becomes the largest number there is.
    """
    whole = rgba.view("<u4")
    return np.flatnonzero((whole - np.uint32(1)) < np.uint32(0xFF000000 - 1))


def _premultiplied(rgba: Pixels) -> Pixels:
    """Colours times alpha, rounded as Pillow does.

    ``x / 255`` to the nearest is ``(y + (y >> 8)) >> 8`` with y = x + 128, exactly for all products
    of two bytes (MULDIV255 in Pillow's ImagingUtils.h).
    """
    rgba = np.ascontiguousarray(rgba)
    soft, made = _soft(rgba), rgba.copy()
    pixels = made.reshape(-1, 4)
    some = pixels[soft].astype(np.uint16)
    product = some[:, :3] * some[:, 3:] + np.uint16(128)
    pixels[soft, :3] = (product + (product >> 8)) >> 8
    return made


def _straight(premultiplied: Pixels) -> Pixels:
    """The opposite, in place, rounded down as Pillow does; without alpha there is no opposite."""
    pixels = premultiplied.reshape(-1, 4)
    soft = _soft(premultiplied)
    some = pixels[soft[pixels[soft, 3] > 0]].astype(np.uint32)
    pixels[soft[pixels[soft, 3] > 0], :3] = np.minimum(255 * some[:, :3] // some[:, 3:], 255)
    return premultiplied
