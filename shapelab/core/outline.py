"""Fits shapes to the outlines of their pictures: latent and camera move until both agree.

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

from shapelab.core.camera import AZIMUTHS, DEVIATION, MEAN, guessed_codes
from shapelab.core.latent import Array
from shapelab.core.sighting import Sighting

SIDE = 32  # pixels along each side of a silhouette
DEPTHS = 28  # samples along a ray
REACH = 17 / 32  # how far before and behind the middle they lie, in sides of the grid
SHARPNESS = 20.0  # of the soft maximum along a ray
TRIALS = 2  # azimuths from which a fit begins; the one that explains the outline best counts
APART = 3  # places between two of them; nearer ones end in the same one
AGREEMENT = 20.0  # nats that a silhouette's overlap (IoU) counts for when they are chosen
STEPS = 40
RATE = 0.1  # of Adam
# How fast the numbers of a camera's code move beside those of a latent, all of about deviation 1.
CODE_PACE = torch.tensor([0.3, 0.3, 0.9, 0.9, 4.0, 1.0, 1.0, 0.4])
# In nats: of the silhouette a pixel; of the latent a dimension and of the code, as Gaussians.
OUTLINE_WEIGHT, LATENT_WEIGHT, CODE_WEIGHT = 100.0, 10.0, 1.0


@dataclass(frozen=True)
class Fit:
    """What a fit found."""

    latents: Array  # (n, latent)
    codes: Array  # (n, 8) of the cameras
    before: NDArray[np.float64]  # (n,) overlap (IoU) of silhouette and outline at its begin
    after: NDArray[np.float64]  # and at its end


def fit(
    generator: nn.Module,
    sighting: Sighting,
    masks: Array,
    check: Callable[[], None] = lambda: None,
) -> Fit:
    """Moves latents and cameras so that the shapes fill the outlines in their pictures.

    Those that did not come closer stay as they were.

    Args:
        generator: latents to logits, on the CPU; its weights stay.
        sighting: of n pictures, by an encoder that has learnt cameras; what it is sure of moves
            less.
        masks: (n, S, S) in [0, 1]: what the object covers in pictures as ``images.frame`` gives.
        check: called before each step; what it raises ends the fit.
    """
    assert sighting.cameras is not None
    count, latents = len(masks), torch.from_numpy(sighting.latents)
    mask = functional.interpolate(torch.from_numpy(masks)[:, None], size=(SIDE, SIDE), mode="area")
    mask = mask[:, 0].clamp(0, 1)
    check()
    with torch.no_grad():
        codes, unlikely = _trials(_fields(generator, latents), sighting.cameras, mask)
    start, code = latents.repeat_interleave(TRIALS, 0), codes.flatten(0, 1)
    weight = LATENT_WEIGHT / torch.from_numpy(sighting.variances).repeat_interleave(TRIALS, 0)
    mask = mask.repeat_interleave(TRIALS, 0)
    moves = [torch.zeros_like(value, requires_grad=True) for value in (start, code)]
    adam = torch.optim.Adam(moves, lr=RATE)
    overlaps = []
    for step in range(STEPS + 1):
        check()
        latent, now = start + moves[0], code + CODE_PACE * moves[1]
        seen = silhouettes(_fields(generator, latent), now)
        overlaps.append(_overlap(seen.detach(), mask))
        miss = functional.binary_cross_entropy(seen, mask, reduction="none").mean((1, 2))
        held = (moves[0].square() * weight).mean(1) + CODE_WEIGHT * (now - code).square().sum(1)
        cost = OUTLINE_WEIGHT * miss + held
        if step < STEPS:
            adam.zero_grad()
            cost.sum().backward()
            adam.step()
    trial = (cost.detach().view(count, TRIALS) + unlikely).argmin(1)
    best = torch.arange(count) * TRIALS + trial
    before, after = overlaps[0][best.numpy()], overlaps[-1][best.numpy()]
    closer = torch.from_numpy(after > before)[:, None]
    found = torch.where(closer, latent[best], start[best]).detach().numpy()
    turned = torch.where(closer, now[best], code[best]).detach().numpy()
    return Fit(found, turned, before, np.maximum(before, after))


def _fields(generator: nn.Module, latents: Tensor) -> Tensor:
    """Occupancy [n, R, R, R] in [0, 1]."""
    return torch.sigmoid(generator(latents))[:, 0]


def _trials(fields: Tensor, guesses: Array, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The azimuths worth a trial: codes [n, TRIALS, 8], and how unlikely each is, in nats."""
    codes = torch.from_numpy(guessed_codes(guesses))
    likely = torch.log_softmax(torch.from_numpy(guesses[:, :AZIMUTHS]), 1)
    chosen = torch.zeros(len(fields), TRIALS, dtype=torch.long)
    places = torch.arange(AZIMUTHS)
    for k, (field, around) in enumerate(zip(fields, codes, strict=True)):
        seen = silhouettes(field.expand(AZIMUTHS, *field.shape), around)
        score = likely[k] + AGREEMENT * torch.from_numpy(_overlap(seen, mask[k]))
        for trial in range(TRIALS):
            best = score.argmax()
            chosen[k, trial] = best
            away = (places - best).abs()
            score[torch.minimum(away, AZIMUTHS - away) < APART] = -torch.inf
    rows = torch.arange(len(fields))[:, None]
    return codes[rows, chosen], -likely[rows, chosen]


def silhouettes(fields: Tensor, codes: Tensor) -> Tensor:
    """How much of each pixel a shape covers, [n, SIDE, SIDE] in (0, 1).

    Args:
        fields: [n, R, R, R] occupancy in [0, 1]; x right, y back, z up.
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
    grid = fields.permute(0, 3, 2, 1)[:, None]
    flat = points.view(len(fields), 1, 1, -1, 3)
    met = functional.grid_sample(grid, flat, align_corners=False)
    met = met.view(len(fields), SIDE, SIDE, DEPTHS)
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
