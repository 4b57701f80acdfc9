"""What an image encoder says of pictures, each seen twice where it is known how latents flip.

A shape flipped left to right is what a flipped picture shows. So a picture gives two latents of one
shape, and their mean errs less than either (test-time augmentation by a flip).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import nn

from shapelab.core.model.camera import flipped_guesses
from shapelab.core.model.latent import Array, LatentDensity
from shapelab.core.model.networks import ImageEncoder

BATCH = 32  # pictures at once
RIDGE = 20.0  # against latents that hardly vary; far below the count of training shapes


@dataclass(frozen=True)
class LatentFlip:
    """The affine map from a shape's latent to that of the shape flipped left to right."""

    matrix: Array  # (latent + 1, latent) float32; the last row is the offset

    @classmethod
    def fit(cls, latents: Array, flipped: Array) -> LatentFlip:
        """Least squares with a small ridge, both ways at once, since twice flipped is unchanged.

        With X the rows (z, 1) and Y their flipped latents, the matrix is (X^T X + r I)^-1 X^T Y.

        Args:
            latents: (n, latent) of some shapes.
            flipped: (n, latent) of the same shapes flipped.
        """
        given = _extended(np.concatenate([latents, flipped]).astype(np.float64))
        wanted = np.concatenate([flipped, latents]).astype(np.float64)
        square = given.T @ given + RIDGE * np.eye(given.shape[1])
        return cls(np.linalg.solve(square, given.T @ wanted).astype(np.float32))

    def agreed(self, latents: Array, of_flipped: Array) -> Array:
        """The mean of what pictures say and of what the flipped pictures say, (n, latent)."""
        back = _extended(of_flipped) @ self.matrix
        return ((latents + back) / 2).astype(np.float32)


def _extended(latents: Array) -> Array:
    return np.concatenate([latents, np.ones((len(latents), 1), latents.dtype)], 1)


@dataclass(frozen=True)
class OfClasses:
    """What pictures would show if they showed a class, for each of K classes."""

    latents: Array  # (n, K, latent)
    variances: Array  # (n, K, latent)
    chances: Array  # (n, K, P, C) of the choices of each parameter, see ``parameter_bins``

    def of(self, rows: slice) -> OfClasses:
        """What it is of some of the pictures."""
        return OfClasses(self.latents[rows], self.variances[rows], self.chances[rows])


@dataclass(frozen=True)
class ImageEncoding:
    """What an image encoder says of n pictures."""

    latents: Array  # (n, latent) means
    variances: Array  # (n, latent): how unsure the encoder is of each
    cameras: Array | None  # (n, 30) guesses, see ``core.model.camera``, where it has learnt any
    # (n, classes + 1): how likely each class is, and last that there is no object; of backbones.
    classes: Array | None = None
    by_class: OfClasses | None = None  # where the latent's numbers mean other things in each class

    def of(self, rows: slice) -> ImageEncoding:
        """What it says of some of the pictures."""
        cameras = None if self.cameras is None else self.cameras[rows]
        classes = None if self.classes is None else self.classes[rows]
        by_class = None if self.by_class is None else self.by_class.of(rows)
        return ImageEncoding(self.latents[rows], self.variances[rows], cameras, classes, by_class)

    def told(self, density: LatentDensity, class_name: str) -> ImageEncoding:
        """What it would say if it knew the class: each latent is the likeliest one in it."""
        k = density.index(class_name)
        classes = None
        if self.classes is not None:
            classes = np.zeros_like(self.classes)
            classes[:, k] = 1
        if self.by_class is not None:
            own = self.by_class
            latents, variances = own.latents[:, k], own.variances[:, k]
            return ImageEncoding(latents, variances, self.cameras, classes, own)
        each = zip(self.latents, self.variances, strict=True)
        latents = np.stack([density.within_class(latent, near, k) for latent, near in each])
        return ImageEncoding(latents, self.variances, self.cameras, classes)


def encode_images(encoder: nn.Module, flip: LatentFlip | None, pictures: Array) -> ImageEncoding:
    """Encodes pictures (n, C, S, S) in [0, 1]; with ``flip`` also the flipped ones."""
    plain = _encoded_once(encoder, pictures)
    if flip is None:
        return plain
    flipped = _encoded_once(encoder, np.ascontiguousarray(pictures[..., ::-1]))
    cameras = None
    if plain.cameras is not None and flipped.cameras is not None:
        both = (plain.cameras + flipped_guesses(flipped.cameras)) / 2
        cameras = both.astype(np.float32)
    classes = None
    if plain.classes is not None and flipped.classes is not None:
        classes = ((plain.classes + flipped.classes) / 2).astype(np.float32)
    latents = flip.agreed(plain.latents, flipped.latents)
    return ImageEncoding(latents, plain.variances, cameras, classes)


def _encoded_once(encoder: nn.Module, pictures: Array) -> ImageEncoding:
    network = cast("ImageEncoder", encoder)
    weight = next(encoder.parameters())  # says device and precision
    with torch.inference_mode():
        parts = [
            network.guesses(part.to(weight)) for part in torch.from_numpy(pictures).split(BATCH)
        ]
        means, log_variances, cameras, classes = zip(*parts, strict=True)
        return ImageEncoding(
            torch.cat(means).cpu().numpy(),
            torch.cat(log_variances).exp().cpu().numpy(),
            None if cameras[0] is None else torch.cat(cameras).cpu().numpy(),
            None if classes[0] is None else torch.cat(classes).softmax(1).cpu().numpy(),
        )
