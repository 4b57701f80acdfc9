"""Masks as a cut-out by colours gives them: half of them wrong, so that an encoder may overrule it.

A fault is drawn once, in the coordinates of the stored picture, and then made in any square of it,
coarse or fine: the coarse one says where the framed object seems to be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from .rooms import Layer, noise_at, pick

_BLOTS = 3.0  # cells of the noise; its finest ones would be salt and pepper

Fault = Callable[["Seen"], Layer]


@dataclass(frozen=True)
class Seen:
    """A square of a picture in which a mask is to be made."""

    mask: Layer  # (S, S) from 0 to 1, so far
    x: Layer  # (S, S) places in the stored picture, 0 at its left and 1 at its right
    y: Layer  # 0 at its top
    shadow: Layer  # (S, S), from 0 to 1
    others: Layer  # (S, S), where other things of the room are, from 0 to 1

    def pixels(self, share: float) -> int:
        """The odd number of pixels that is about a share of the stored picture's side."""
        step = abs(float(self.x[0, 1] - self.x[0, 0]))
        return 2 * round(share / step / 2) + 1


def draw_faults(rng: np.random.Generator) -> list[Fault]:
    """One to three faults, in the order in which they are made."""
    kinds = (
        (_gaps_filled, 0.1),
        (_shadow_taken, 0.17),
        (_others_taken, 0.12),
        (_patch_taken, 0.15),
        (_all_taken, 0.04),
        (_thin_lost, 0.16),
        (_side_lost, 0.12),
        (_holes, 0.14),
    )
    shares = [share for _, share in kinds]
    chosen = {pick(rng, *shares) for _ in range(1 + pick(rng, 0.65, 0.35))}
    faults = [kinds[k][0](rng) for k in sorted(chosen)]
    return [*faults, _ragged(rng)] if rng.random() < 0.6 else faults


def soft_edge(rng: np.random.Generator) -> Fault:
    """What a good cut-out does: an edge a little wider or narrower, and soft."""
    level, wide = np.float32(rng.uniform(0.3, 0.7)), rng.uniform(0.008, 0.02)

    def softened(seen: Seen) -> Layer:
        smooth = _smooth(seen.mask, seen.pixels(wide))
        return np.clip((smooth - level) * 3 + np.float32(0.5), 0, 1)

    return softened


def _holes(rng: np.random.Generator) -> Fault:
    scale, level, shift = rng.uniform(60, 250), rng.uniform(0.4, 1.2), int(rng.integers(99))
    return lambda seen: seen.mask * (noise_at(seen.x, seen.y, scale, shift, _BLOTS) < level)


def _side_lost(rng: np.random.Generator) -> Fault:
    """All beyond a line: legs most often, an arm, a top."""
    angle = (np.pi / 2, rng.uniform(0, 2 * np.pi))[pick(rng, 0.6, 0.4)]
    way = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    kept = np.float32(rng.uniform(0.1, 0.36))  # of half a picture; the shape ends at 0.42
    return lambda seen: seen.mask * ((seen.x - 0.5) * way[0] + (seen.y - 0.5) * way[1] < kept)


def _thin_lost(rng: np.random.Generator) -> Fault:
    width = rng.uniform(0.025, 0.09)

    def opened(seen: Seen) -> Layer:
        size = seen.pixels(width)
        small = ndimage.minimum_filter(seen.mask, size, mode="constant")
        return np.minimum(seen.mask, ndimage.maximum_filter(small, size, mode="constant"))

    return opened


def _gaps_filled(rng: np.random.Generator) -> Fault:
    width = rng.uniform(0.05, 0.25)

    def closed(seen: Seen) -> Layer:
        size = seen.pixels(width)
        wide = ndimage.maximum_filter(seen.mask, size, mode="constant")
        return np.maximum(seen.mask, ndimage.minimum_filter(wide, size, mode="constant"))

    return closed


def _shadow_taken(rng: np.random.Generator) -> Fault:
    level = rng.uniform(0.15, 0.6)
    return lambda seen: np.maximum(seen.mask, seen.shadow > level)


def _patch_taken(rng: np.random.Generator) -> Fault:
    """A blot or a slanted piece of what is around, that touches the object."""
    x, y = rng.uniform(0.15, 0.85, 2)
    wide, high = rng.uniform(0.06, 0.32, 2)
    scale, shift = rng.uniform(60, 200), int(rng.integers(99))
    turn, is_piece = rng.uniform(0, np.pi), rng.random() < 0.4
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))

    def taken(seen: Seen) -> Layer:
        u, v = seen.x - np.float32(x), seen.y - np.float32(y)
        a, b = (
            (u * cosine + v * sine) / np.float32(wide),
            (v * cosine - u * sine) / np.float32(high),
        )
        if is_piece:
            return np.maximum(seen.mask, (np.abs(a) < 1) & (np.abs(b) < 1))
        rough = np.float32(0.4) * noise_at(seen.x, seen.y, scale, shift, _BLOTS)
        return np.maximum(seen.mask, a * a + b * b + rough < 1)

    return taken


def _others_taken(rng: np.random.Generator) -> Fault:
    level = rng.uniform(0.3, 0.6)
    return lambda seen: np.maximum(seen.mask, seen.others > level)


def _all_taken(rng: np.random.Generator) -> Fault:
    """A box or an ellipse: what is left when a search found nothing."""
    wide, high = rng.uniform(0.36, 0.5, 2)
    power = rng.choice([2, 8])
    return lambda seen: (
        (np.abs(seen.x - 0.5) / wide) ** power + (np.abs(seen.y - 0.5) / high) ** power < 1
    ).astype(np.float32)


def _ragged(rng: np.random.Generator) -> Fault:
    wide, rough, shift = rng.uniform(0.02, 0.05), rng.uniform(0.1, 0.35), int(rng.integers(99))
    scale = rng.uniform(80, 300)

    def ragged(seen: Seen) -> Layer:
        smooth = _smooth(seen.mask, seen.pixels(wide))
        edge = smooth + np.float32(rough) * noise_at(seen.x, seen.y, scale, shift, _BLOTS)
        return (np.where((smooth > 0.02) & (smooth < 0.98), edge, smooth) > 0.5).astype(np.float32)

    return ragged


def _smooth(mask: Layer, size: int) -> Layer:
    image = Image.fromarray((mask * np.float32(255)).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.BoxBlur(size // 2))) * np.float32(1 / 255)


def bounds(mask: Layer) -> NDArray[np.float64] | None:
    """First and last place (2, 2), down and right from 0 to 1, of what is seen; None for nothing.

    As ``images.frame`` finds it, but for dust.
    """
    seen = mask > 0.1
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return None
    ends = [[rows[0], columns[0]], [rows[-1] + 1, columns[-1] + 1]]
    return np.array(ends, np.float64) / len(mask)
