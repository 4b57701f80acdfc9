"""What sees pictures for a generator of parameters: of every class, the parameters it would have.

A number of the latent means another thing in each class, so each class has its own guesses; which
class it is, and from where the picture was taken, is guessed beside them.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from shapelab.core.model.camera import GUESS
from shapelab.core.model.image_encoding import ImageEncoding, OfClasses
from shapelab.core.model.latent import Array
from shapelab.core.model.lite0 import Lite0
from shapelab.core.model.procedural.parameter_bins import parameter_bins
from shapelab.core.model.procedural.procedural_generator import CLASS
from shapelab.core.model.spec import ModelSpec

WIDTH = 256  # of the layer that all parameters are read from
UNTOLD = 1e-4  # variance of the numbers that only say the class
_BATCH = 32  # pictures at once


class ParameterGuesses(NamedTuple):
    """What it says of B pictures."""

    choices: Tensor  # logits [B, choices of all ``ParameterBins``]
    camera: Tensor  # [B, 30], see ``core.model.camera``
    classes: Tensor  # logits [B, K + 1], the last for no object


class ParameterEncoder(nn.Module):
    """Pictures [B, 4, S, S] in [0, 1], RGB and mask, to ``ParameterGuesses``."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.body = Lite0(spec.image_channels)
        features = Lite0.features(spec.image_size)
        self.camera = nn.Linear(features, GUESS)
        self.classes = nn.Linear(features, len(spec.classes) + 1)
        self.choices = nn.Sequential(
            nn.Linear(features, WIDTH), nn.ReLU(), nn.Linear(WIDTH, parameter_bins().count)
        )

    def forward(self, image: Tensor) -> ParameterGuesses:
        features = self.body(image).flatten(1)
        return ParameterGuesses(
            self.choices(features), self.camera(features), self.classes(features)
        )

    def folded(self) -> ParameterEncoder:
        """A copy that only looks, faster."""
        fast = copy.deepcopy(self).eval().requires_grad_(False)
        fast.body = self.body.folded()
        return fast


def encode_parameters(encoder: ParameterEncoder, pictures: Array) -> ImageEncoding:
    """Encodes pictures (n, 4, S, S) in [0, 1]; their latents are those of the likeliest class.

    A number's latent is its mean, a style's that of the likeliest one.
    """
    weight = encoder.camera.weight
    with torch.inference_mode():
        parts = [encoder(part.to(weight)) for part in torch.from_numpy(pictures).split(_BATCH)]
        choices, cameras, logits = (torch.cat(all_).float() for all_ in zip(*parts, strict=True))
    bins = parameter_bins()
    told = np.where(bins.exist, choices.numpy()[:, bins.number], -np.inf)
    most = np.where(bins.exist[..., 0], told.max(-1), 0)
    chances = np.exp(told - most[..., None])
    chances /= np.maximum(chances.sum(-1, keepdims=True), 1e-9)
    means = (chances * bins.places).sum(-1)
    variances = (chances * (bins.places - means[..., None]) ** 2).sum(-1)
    likeliest = np.take_along_axis(bins.places[None], chances.argmax(-1)[..., None], -1)[..., 0]
    numbers = np.where(bins.widths.any(-1), means, likeliest)
    kinds = len(bins.places)
    own = np.broadcast_to(CLASS * np.eye(kinds, dtype=np.float32), (len(means), kinds, kinds))
    latents = np.concatenate([numbers, own], 2)
    spread = np.concatenate([np.maximum(variances, UNTOLD), np.full_like(own, UNTOLD)], 2)
    classes = logits.softmax(1).numpy()
    rows, best = np.arange(len(means)), classes[:, :-1].argmax(1)
    return ImageEncoding(
        latents[rows, best],
        spread[rows, best],
        cameras.numpy(),
        classes,
        OfClasses(latents, spread, chances),
    )
