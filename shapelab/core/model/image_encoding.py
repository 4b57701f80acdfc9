"""What an image encoder says of pictures, each seen twice where it is known how latents mirror."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import nn

from shapelab.core.model.camera import mirrored_guess
from shapelab.core.model.latent import Array
from shapelab.core.model.mirror import Mirror
from shapelab.core.model.networks import ImageEncoder

BATCH = 32  # pictures at once


@dataclass(frozen=True)
class Sighting:
    """Of n pictures."""

    latents: Array  # (n, latent) means
    variances: Array  # (n, latent): how unsure the encoder is of each
    cameras: Array | None  # (n, 30) guesses, see ``core.camera``, where it has learnt any


def look(encoder: nn.Module, mirror: Mirror | None, pictures: Array) -> Sighting:
    """Encodes pictures (n, C, S, S) in [0, 1]; with ``mirror`` also their mirror images."""
    plain = _encode(encoder, pictures)
    if mirror is None:
        return plain
    flipped = _encode(encoder, np.ascontiguousarray(pictures[..., ::-1]))
    cameras = None
    if plain.cameras is not None and flipped.cameras is not None:
        both = (plain.cameras + mirrored_guess(flipped.cameras)) / 2
        cameras = both.astype(np.float32)
    return Sighting(mirror.agreed(plain.latents, flipped.latents), plain.variances, cameras)


def _encode(encoder: nn.Module, pictures: Array) -> Sighting:
    network = cast("ImageEncoder", encoder)
    weight = next(encoder.parameters())  # says device and precision
    with torch.inference_mode():
        parts = [
            network.with_camera(part.to(weight)) for part in torch.from_numpy(pictures).split(BATCH)
        ]
        means, log_variances, cameras = zip(*parts, strict=True)
        return Sighting(
            torch.cat(means).cpu().numpy(),
            torch.cat(log_variances).exp().cpu().numpy(),
            None if cameras[0] is None else torch.cat(cameras).cpu().numpy(),
        )
