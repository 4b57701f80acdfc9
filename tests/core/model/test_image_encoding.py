"""The map between the latents of shapes and of the flipped shapes."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.model.image_encoding import ImageEncoding, LatentFlip
from shapelab.core.model.latent import LatentDensity


def reflection(size: int) -> np.ndarray:
    """A random matrix that is its own inverse."""
    axes, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((size, size)))
    return axes @ np.diag(np.where(np.arange(size) % 3, 1.0, -1.0)) @ axes.T


def test_a_reflection_is_found_and_undone():
    turn = reflection(6)
    latents = np.random.default_rng(1).standard_normal((5000, 6)).astype(np.float32)
    flip = LatentFlip.fit(latents, (latents @ turn).astype(np.float32))
    assert flip.matrix.shape == (7, 6)
    assert np.abs(flip.matrix[:6] - turn).max() < 0.01
    assert np.abs(flip.matrix[6]).max() < 0.01
    agreed = flip.agreed(latents, (latents @ turn).astype(np.float32))
    assert agreed.dtype == np.float32
    assert np.abs(agreed - latents).max() < 0.02


def test_two_encodings_err_less_than_one():
    turn, rng = reflection(6), np.random.default_rng(2)
    latents = rng.standard_normal((4000, 6)).astype(np.float32)
    flip = LatentFlip.fit(latents, (latents @ turn).astype(np.float32))
    one, other = (latents + rng.standard_normal(latents.shape).astype(np.float32) for _ in "ab")
    agreed = flip.agreed(one, (other @ turn).astype(np.float32))
    assert np.square(agreed - latents).mean() < 0.55 * np.square(one - latents).mean()


def test_what_is_told_of_the_class_moves_latents_to_its_likeliest():
    """Of a class with variance 1 around 4, a latent 0 with variance 3 is most likely 3."""
    means = np.array([[0, 0], [4, -4]], np.float32)
    density = LatentDensity(("bed", "chair"), means, np.stack([np.eye(2, dtype=np.float32)] * 2))
    shares = np.array([[0.7, 0.2, 0.1]], np.float32)
    said = ImageEncoding(np.zeros((1, 2), np.float32), np.full((1, 2), 3, np.float32), None, shares)
    told = said.told(density, "chair")
    assert np.allclose(told.latents, [[3, -3]])
    assert told.classes.tolist() == [[0, 1, 0]]
    assert said.classes is shares
    assert shares.tolist()[0] == pytest.approx([0.7, 0.2, 0.1])
    with pytest.raises(InputError, match="knows no class 'boat'"):
        said.told(density, "boat")
