"""What is known of a model's codes: their densities, how they flip, directions, first seeds."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from shapelab.core.model.image_encoding import LatentFlip
from shapelab.core.model.latent import (
    DIRECTIONS,
    TRUNCATION,
    LatentDensity,
    PrincipalDirections,
    seed_noise,
)
from shapelab.core.model.networks import Generator
from shapelab.core.model.wholeness import best

from ..data.store.prepared_store import Store
from ..process.control import Check, never_stop
from ..updates.encoding import encode_grids, evenly

TRAINING_TRUNCATION = 0.9  # of samples that a training shows, or that its image encoder learns from
PREVIEW_CODES = 1000  # training shapes encoded where a density is only looked at: seconds
FLIPPED = 4000  # training shapes that say how codes flip, by a map of some 200 numbers for each
PRESENTED = 64  # seeds tried for a window to open with


def fit_flip(encoder: nn.Module, store: Store, check: Check = never_stop) -> LatentFlip:
    """How the codes of the training shapes flip."""
    rows = evenly(store.indices("train"), FLIPPED)
    plain = encode_grids(encoder, store, rows, check)
    return LatentFlip.fit(plain, encode_grids(encoder, store, rows, check, flipped=True))


def fit_density(
    encoder: nn.Module,
    store: Store,
    most: int | None = None,
    check: Check = never_stop,
) -> LatentDensity:
    """One Gaussian per class over the codes of the training shapes, or of ``most`` of them."""
    rows = store.indices("train")
    rows = rows if most is None else evenly(rows, most)
    codes = encode_grids(encoder, store, rows, check)
    return LatentDensity.fit(codes, store.labels[rows], store.classes)


def principal_directions(generator: Generator, density: LatentDensity) -> PrincipalDirections:
    """Main axes of the generator's first activations per class (GANSpace, Harkonen et al. 2020).

    GANSpace samples, because its first layers bend. Ours is affine, a(z) = A z + b, so over a
    class with z = m + F n, n ~ N(0, I), the axes are the left singular vectors of A F = U S V^T,
    and z moves by F v when a moves one standard deviation along u.
    """
    latent = density.latent_size
    with torch.inference_mode():
        weight = next(generator.parameters())  # says device and precision
        origin = generator.first_activation(torch.zeros(1, latent).to(weight))
        # Rows are the images of the unit vectors.
        moved = generator.first_activation(torch.eye(latent).to(weight)) - origin
    matrix = moved.cpu().numpy().astype(np.float64).T
    vectors = np.zeros((len(density.classes), DIRECTIONS, latent), np.float32)
    explained = np.zeros((len(density.classes), DIRECTIONS), np.float32)
    for k, factor in enumerate(density.factors.astype(np.float64)):
        _, deviations, axes = np.linalg.svd(matrix @ factor, full_matrices=False)
        found = min(DIRECTIONS, len(deviations))  # a small latent has fewer; the rest stay 0
        displacement = axes[:found] @ factor.T
        largest = np.abs(displacement).argmax(1)
        signs = np.sign(displacement[np.arange(found), largest])
        vectors[k, :found] = displacement * signs[:, None]
        explained[k, :found] = deviations[:found] ** 2 / (deviations**2).sum()
    return PrincipalDirections(density.classes, vectors, explained)


def presentable_seeds(generator: nn.Module, density: LatentDensity) -> dict[str, int]:
    """For each class the seed, of the first ones, that shows it best: what a window opens with."""
    noise = np.concatenate([seed_noise(k, density.latent_size) for k in range(PRESENTED)])
    device = next(generator.parameters()).device
    found = {}
    for name in density.classes:
        latents = torch.from_numpy(density.place(noise, name, TRUNCATION)).to(device)
        with torch.inference_mode():
            found[name] = best(torch.sigmoid(generator(latents).float())[:, 0].cpu().numpy())
    return found
