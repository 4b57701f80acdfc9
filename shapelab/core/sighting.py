"""What an image encoder says of pictures, each seen twice where it is known how latents mirror."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import nn

from shapelab.core.camera import mirrored
from shapelab.core.latent import Array
from shapelab.core.mirror import Mirror
from shapelab.core.networks import ImageEncoder

BATCH = 32  # pictures at once


@dataclass(frozen=True)
class Sighting:
    """Of n pictures."""

    latents: Array  # (n, latent) means
    variances: Array  # (n, latent): how unsure the encoder is of each
    codes: Array | None  # (n, 8) of the cameras, see ``core.camera``, where it has learnt them


def look(encoder: nn.Module, mirror: Mirror | None, pictures: Array) -> Sighting:
    """Encodes pictures (n, C, S, S) in [0, 1]; with ``mirror`` also their mirror images."""
    plain = _encode(encoder, pictures)
    if mirror is None:
        return plain
    flipped = _encode(encoder, np.ascontiguousarray(pictures[..., ::-1]))
    codes = None
    if plain.codes is not None and flipped.codes is not None:
        codes = ((plain.codes + mirrored(flipped.codes)) / 2).astype(np.float32)
    return Sighting(mirror.agreed(plain.latents, flipped.latents), plain.variances, codes)


def _encode(encoder: nn.Module, pictures: Array) -> Sighting:
    network = cast("ImageEncoder", encoder)
    weight = next(encoder.parameters())  # says device and precision
    with torch.inference_mode():
        parts = [
            network.with_camera(part.to(weight)) for part in torch.from_numpy(pictures).split(BATCH)
        ]
        means, log_variances, codes = zip(*parts, strict=True)
        return Sighting(
            torch.cat(means).cpu().numpy(),
            torch.cat(log_variances).exp().cpu().numpy(),
            None if codes[0] is None else torch.cat(codes).cpu().numpy(),
        )
