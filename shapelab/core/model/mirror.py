"""Pictures seen twice, as they are and mirrored: what the two sightings say of one latent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapelab.core.model.latent import Array

RIDGE = 20.0  # against latents that hardly vary; far below the count of training shapes


@dataclass(frozen=True)
class Mirror:
    """The affine map from a shape's latent to that of the shape mirrored left to right.

    A mirrored shape is what a mirrored picture shows. So a picture gives two latents of one shape,
    and their mean errs less than either (test-time augmentation by a flip).
    """

    matrix: Array  # (latent + 1, latent) float32; the last row is the offset

    @classmethod
    def fit(cls, latents: Array, mirrored: Array) -> Mirror:
        """Least squares with a small ridge, both ways at once, since twice mirrored is unchanged.

        Args:
            latents: (n, latent) of some shapes.
            mirrored: (n, latent) of the same shapes mirrored.
        """
        given = _extended(np.concatenate([latents, mirrored]).astype(np.float64))
        wanted = np.concatenate([mirrored, latents]).astype(np.float64)
        square = given.T @ given + RIDGE * np.eye(given.shape[1])
        return cls(np.linalg.solve(square, given.T @ wanted).astype(np.float32))

    def agreed(self, latents: Array, of_mirrored: Array) -> Array:
        """The mean of what pictures say and of what their mirror images say, (n, latent)."""
        back = _extended(of_mirrored) @ self.matrix
        return ((latents + back) / 2).astype(np.float32)


def _extended(latents: Array) -> Array:
    return np.concatenate([latents, np.ones((len(latents), 1), latents.dtype)], 1)
