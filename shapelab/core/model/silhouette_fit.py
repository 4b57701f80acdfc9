"""Fits shapes to the silhouettes in their pictures: latent and camera move until both agree.

Analysis by synthesis: a ray through each pixel takes the largest occupancy it meets, which gives a
soft silhouette that can be differentiated (after Yan et al. 2016, Perspective Transformer Nets).
The image encoder says where to begin, and how sure it is of each number of the latent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from shapelab.core.model.camera import AZIMUTHS, DEVIATION, MEAN, guessed_codes
from shapelab.core.model.image_encoding import ImageEncoding
from shapelab.core.model.latent import Array

SIDE = 32  # pixels along each side of a silhouette
DEPTHS = 28  # samples along a ray
REACH = 17 / 32  # how far before and behind the middle they lie, in sides of the grid
SHARPNESS = 20.0  # of the soft maximum along a ray
AGREEMENT = 20.0  # nats that a silhouette's overlap (IoU) counts for when the azimuth is chosen
STEPS = 25
LEARNING_RATE = 0.1  # of Adam
# How fast the numbers of a camera's code move beside those of a latent, all of about deviation 1.
CODE_PACE = torch.tensor([0.3, 0.3, 0.9, 0.9, 4.0, 1.0, 1.0, 0.4])
# In nats: of the silhouette a pixel; of the latent a dimension and of the code, as Gaussians.
SILHOUETTE_WEIGHT, LATENT_WEIGHT, CODE_WEIGHT = 100.0, 15.0, 0.5


@dataclass(frozen=True)
class Fit:
    """What a fit found."""

    latents: Array  # (n, latent)
    codes: Array  # (n, 8) of the cameras
    before: NDArray[np.float64]  # (n,) overlap (IoU) of silhouette and mask at its begin
    after: NDArray[np.float64]  # and at its end


def fit(
    generator: nn.Module,
    encoding: ImageEncoding,
    masks: Array,
    check: Callable[[], None] = lambda: None,
) -> Fit:
    """Moves latents and cameras so that the shapes fill the silhouettes in their pictures.

    Adam lowers a CE(s(z, c), mask) + b mean((z - z0)^2 / variance) + d |c - c0|^2 for each picture
    by itself: CE is the mean cross-entropy of the silhouette s, z0 and c0 are the encoder's latent
    and code, and a, b, d the three weights above. What comes no closer stays as it was.

    Args:
        generator: latents to logits, on the CPU; its weights stay.
        encoding: of n pictures, by an encoder that has learnt cameras; what it is sure of moves
            less.
        masks: (n, S, S) in [0, 1]: what the object covers in pictures as ``images.frame`` gives.
        check: called before each step; what it raises ends the fit.
    """
    assert encoding.cameras is not None
    start = torch.from_numpy(encoding.latents)
    weight = LATENT_WEIGHT / torch.from_numpy(encoding.variances)
    mask = functional.interpolate(torch.from_numpy(masks)[:, None], size=(SIDE, SIDE), mode="area")
    mask = mask[:, 0].clamp(0, 1)
    with torch.no_grad():
        code = _likeliest(torch.sigmoid(generator(start))[:, 0], encoding.cameras, mask)
    moves = [torch.zeros_like(value, requires_grad=True) for value in (start, code)]
    adam = torch.optim.Adam(moves, lr=LEARNING_RATE)
    overlaps = []
    for step in range(STEPS + 1):
        check()
        latent, now = start + moves[0], code + CODE_PACE * moves[1]
        seen = silhouettes(torch.sigmoid(generator(latent))[:, 0], now)
        overlaps.append(_overlap(seen.detach(), mask))
        if step < STEPS:
            miss = functional.binary_cross_entropy(seen, mask, reduction="none").mean((1, 2))
            held = (moves[0].square() * weight).mean(1)
            held = held + CODE_WEIGHT * (now - code).square().sum(1)
            adam.zero_grad()
            (SILHOUETTE_WEIGHT * miss + held).sum().backward()
            adam.step()
    before, after = overlaps[0], overlaps[-1]
    closer = torch.from_numpy(after > before)[:, None]
    found = torch.where(closer, latent, start).detach().numpy()
    turned = torch.where(closer, now, code).detach().numpy()
    return Fit(found, turned, before, np.maximum(before, after))


def _likeliest(occupancy: Tensor, guesses: Array, mask: Tensor) -> Tensor:
    """The codes [n, 8] at the azimuths that are likely and whose silhouettes agree with the masks.

    One of them serves: to begin from two and keep the better fit costs twice as much, and chose
    shapes that were no better.
    """
    codes = torch.from_numpy(guessed_codes(guesses))
    likely = torch.log_softmax(torch.from_numpy(guesses[:, :AZIMUTHS]), 1)
    chosen = torch.zeros(len(occupancy), dtype=torch.long)
    for k, (grid, around) in enumerate(zip(occupancy, codes, strict=True)):
        seen = silhouettes(grid.expand(AZIMUTHS, *grid.shape), around)
        overlap = torch.from_numpy(_overlap(seen, mask[k]))
        chosen[k] = (likely[k] + AGREEMENT * overlap).argmax()
    return codes[torch.arange(len(occupancy)), chosen]


def silhouettes(occupancy: Tensor, codes: Tensor) -> Tensor:
    """How much of each pixel a shape covers, [n, SIDE, SIDE] in (0, 1).

    A pixel at (u, v) of the frame looks along u right + v up - towards, from the camera's eye. Of
    the occupancies o that its ray meets it shows sum(o e^(k o)) / sum(e^(k o)), k = SHARPNESS:
    nearly their maximum, but with a gradient towards all of them.

    Args:
        occupancy: [n, R, R, R] in [0, 1]; x right, y back, z up.
        codes: [n, 8] of the cameras.
    """
    plain = codes * torch.from_numpy(DEVIATION) + torch.from_numpy(MEAN)
    towards, right, up = _axes(plain)
    distance = plain[:, 3, None].exp()
    places = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    across = (plain[:, 5, None] + plain[:, 7, None] * places) / distance
    above = (plain[:, 6, None] - plain[:, 7, None] * places) / distance
    rays = (
        across[:, None, :, None] * right[:, None, None]
        + above[:, :, None, None] * up[:, None, None]
        - towards[:, None, None]
    )
    depths = distance + torch.linspace(-REACH, REACH, DEPTHS)
    eye = (towards * distance)[:, None, None, None]
    points = 2 * (eye + depths[:, None, None, :, None] * rays[:, :, :, None])
    # grid_sample takes the last axis first: its x is ours when z comes first in the grid.
    grid = occupancy.permute(0, 3, 2, 1)[:, None]
    flat = points.view(len(occupancy), 1, 1, -1, 3)
    met = functional.grid_sample(grid, flat, align_corners=False)
    met = met.view(len(occupancy), SIDE, SIDE, DEPTHS)
    soft = (torch.softmax(SHARPNESS * met, -1) * met).sum(-1)
    return soft.clamp(1e-4, 1 - 1e-4)


def _axes(plain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``Camera.axes``, each [n, 3], of codes [n, 8] in plain units."""
    cos_a, sin_a = functional.normalize(plain[:, :2], dim=1).T
    cos_e, sin_e = plain[:, 2].cos(), plain[:, 2].sin()
    cos_t, sin_t = plain[:, 4, None].cos(), plain[:, 4, None].sin()
    towards = torch.stack([cos_e * cos_a, cos_e * sin_a, sin_e], 1)
    across = torch.stack([-sin_a, cos_a, torch.zeros_like(cos_a)], 1)
    above = torch.stack([-sin_e * cos_a, -sin_e * sin_a, cos_e], 1)
    return towards, cos_t * across - sin_t * above, cos_t * above + sin_t * across


def _overlap(seen: Tensor, mask: Tensor) -> NDArray[np.float64]:
    """IoU (n,) of soft sets [n, SIDE, SIDE]; one mask serves for all."""
    both = torch.minimum(seen, mask).sum((1, 2))
    return (both / torch.maximum(seen, mask).sum((1, 2))).double().numpy()
