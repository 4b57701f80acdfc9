"""A model of 16 numbers, for the tests of sessions and of what hangs on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from shapelab.core.model.latent import (
    DIRECTIONS,
    Array,
    LatentDensity,
    PrincipalDirections,
    seed_noise,
)

LATENT = 16
CLASSES = ("bed", "chair", "sofa")


def _density() -> LatentDensity:
    rng = np.random.default_rng(1)
    means = 4 * rng.standard_normal((3, LATENT)).astype(np.float32)
    return LatentDensity(CLASSES, means, np.stack([np.eye(LATENT, dtype=np.float32)] * 3))


def _directions() -> PrincipalDirections:
    vectors = np.random.default_rng(2).standard_normal((3, DIRECTIONS, LATENT))
    return PrincipalDirections(
        CLASSES, vectors.astype(np.float32), np.ones((3, DIRECTIONS), np.float32)
    )


@dataclass
class Model:
    """What Session needs of a ShapeModel, without torch."""

    name: str = "tiny"
    digest: str = "abc"
    checksum: str = "of the file"
    latent_size: int = LATENT
    classes: tuple[str, ...] = CLASSES
    density: LatentDensity = field(default_factory=_density)
    directions: PrincipalDirections = field(default_factory=_directions)

    def first_seed(self, class_name: str) -> int:
        return 7 if class_name == self.classes[0] else 0

    def whole_seed(self, _class_name: str, seed: int, truncation: float, moved: Array) -> int:
        assert 0 <= truncation <= 2
        assert moved.shape == (LATENT,)
        return seed + 2

    def sample(self, class_name: str | None, seed: int, n: int, truncation: float) -> Array:
        return self.density.place(seed_noise(seed, LATENT, n), class_name or "sofa", truncation)

    @property
    def is_procedural(self) -> bool:
        return False

    def distance(self, _latent: Array) -> None:
        return None

    def decode(self, latents: Array) -> Array:
        """Ellipsoids (..., 32, 32, 32) whose half axes are 9 to 13 cells, by the first numbers."""
        axes = 11 + 2 * np.tanh(np.asarray(latents)[..., :3] / 4)
        places = np.stack(np.meshgrid(*[np.arange(32) - 15.5] * 3, indexing="ij"), -1)
        radius = np.linalg.norm(places / axes[..., None, None, None, :], axis=-1)
        return (1 / (1 + np.exp(np.clip(20 * (radius - 1), -50, 50)))).astype(np.float32)


@dataclass
class Breakable(Model):
    """Shapes whose fourth number is over 4 have a gap across their middle.

    Its encoder knows whole ones alone, of half axes of 11 cells.
    """

    def decode(self, latents: Array) -> Array:
        grids = super().decode(latents)
        grids[np.asarray(latents)[..., 3] > 4, ..., 14:18] = 0.2
        return grids

    def encode_voxels(self, voxels: Array) -> Array:
        return np.zeros((*voxels.shape[:-3], LATENT), np.float32)
