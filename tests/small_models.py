"""A small model that works: two classes, eight numbers, narrow networks without training."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from shapelab.core.model import model_file
from shapelab.core.model.latent import DIRECTIONS, LatentDensity, PrincipalDirections
from shapelab.core.model.spec import ModelSpec

SPEC = ModelSpec(
    latent_size=8,
    generator_width=16,
    encoder_width=4,
    critic_width=4,
    image_size=32,
    image_mode="LA",
    image_convs=((4, 5, 4), (8, 3, 2)),
    classes=("bed", "chair"),
)


def small_parts(seed: int = 1) -> model_file.ModelParts:
    """Its networks, density and directions; each seed has others."""
    torch.manual_seed(seed)
    networks = {name: build(SPEC).eval() for name, build in model_file.NETWORKS.items()}
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((2, 8)).astype(np.float32)
    factors = np.tril(np.abs(rng.standard_normal((2, 8, 8)))).astype(np.float32)
    vectors = rng.standard_normal((2, DIRECTIONS, 8)).astype(np.float32)
    explained = rng.random((2, DIRECTIONS)).astype(np.float32)
    return model_file.ModelParts(
        SPEC,
        networks,
        LatentDensity(SPEC.classes, means, factors),
        PrincipalDirections(SPEC.classes, vectors, explained),
        {},
        "",
        "",
    )


@cache
def small_model(seed: int = 1) -> bytes:
    """The bytes of its file."""
    parts = small_parts(seed)
    return model_file.encode(parts.spec, parts.networks, parts.density, parts.directions)
