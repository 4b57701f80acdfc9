"""The density of a model's codes, learnt once its networks are: what seeds and paths run through.

First each class gets a Gaussian, then a flow learns what no Gaussian follows, by the likelihood of
draws from the posteriors of the training shapes: each step draws others, and the shapes are few.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shapelab.core.model.code_flow import CodeFlow
from shapelab.core.model.latent import LatentDensity

from ..data.store.prepared_store import Store
from ..process.control import Check, Tell, never_stop, say_nothing
from ..updates.encoding import posteriors

LEAST = 400  # training shapes; fewer say little that a Gaussian does not
LAYERS, WIDTH = 6, 192
STEPS, BATCH = 1500, 256
RATE, DECAY, MOST_GRADIENT = 1e-3, 1e-2, 1.0
WARM_UP = 100  # steps
AVERAGED = 0.99  # share that the moving average of the weights keeps at a step
LOOK_EVERY = 100  # steps, at the likelihood of held-out shapes
#: Of the posteriors' deviations, as they are drawn. With all of them, most of the noise would be
#: theirs, and the noise of an encoded shape, which has none, would be unlike any that is drawn.
SPREAD = 0.4
BORROWED = 20  # shapes' worth of the spread of all classes, for the spread of one
TINY = 1e-6
TOLD = "density of the codes"


@dataclass(frozen=True)
class Posteriors:
    """What the voxel encoder says of shapes."""

    means: NDArray[np.float32]  # (n, latent)
    deviations: NDArray[np.float32]  # (n, latent), as drawn
    labels: NDArray[np.int64]  # (n,)

    @classmethod
    def of(
        cls, encoder: nn.Module, store: Store, split: str, flips: bool, check: Check
    ) -> Posteriors:
        """Those of a split's shapes, and of the same flipped left to right."""
        rows = store.indices(split)
        found = [
            posteriors(encoder, store, rows, check, flipped)
            for flipped in ((False, True) if flips else (False,))
        ]
        means, log_variances = (np.concatenate(part) for part in zip(*found, strict=True))
        labels = np.tile(store.labels[rows], len(found))
        return cls(means, SPREAD * np.exp(0.5 * log_variances), labels)

    def drawn(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """A code [n, latent] from the posterior of each row."""
        means, deviations = (torch.from_numpy(part)[rows] for part in (self.means, self.deviations))
        return means + deviations * torch.randn(means.shape, generator=generator)


def gaussians(known: Posteriors, classes: tuple[str, ...]) -> LatentDensity:
    """One Gaussian a class of the aggregate posterior: covariance of its means, mean variances.

    A class with few shapes borrows from the spread that all classes have about their means: with
    weight B / (B + n). Shrinking towards a diagonal instead costs 40 nats on held-out shapes, as
    the codes of a class fill few dimensions, which are none of the axes.
    """
    latent = known.means.shape[1]
    counts = np.bincount(known.labels, minlength=len(classes))
    wide = known.means.astype(np.float64)
    everywhere = wide.mean(0)
    means = np.stack(
        [wide[known.labels == k].mean(0) if count else everywhere for k, count in enumerate(counts)]
    )
    apart = wide - means[known.labels]
    pooled = apart.T @ apart / len(apart)
    factors = []
    for k, count in enumerate(counts):
        own, noise = apart[known.labels == k], known.deviations[known.labels == k] ** 2
        mixed = (own.T @ own + BORROWED * pooled) / (count + BORROWED)
        variances = noise.mean(0) if count else (known.deviations**2).mean(0)
        factors.append(np.linalg.cholesky(mixed + np.diag(variances) + TINY * np.eye(latent)))
    return LatentDensity(classes, means.astype(np.float32), np.stack(factors).astype(np.float32))


def fit_prior(
    encoder: nn.Module,
    store: Store,
    flips: bool,
    tell: Tell = say_nothing,
    check: Check = never_stop,
    seed: int = 0,
) -> LatentDensity:
    """The density of the codes of a store's training shapes; the same again for the same seed.

    Held-out shapes say when to stop.

    Args:
        encoder: the voxel encoder.
        store: the run's data.
        flips: whether a shape flipped left to right is another one of its class.
        tell: hears how far it is.
        check: called between two steps; what it raises ends the work.
        seed: of the flow's orders, first weights and draws.
    """
    tell(TOLD, 0, STEPS)
    known = Posteriors.of(encoder, store, "train", flips, check)
    density = gaussians(known, store.classes)
    if len(store.indices("train")) < LEAST:
        return density
    held = Posteriors.of(encoder, store, "validation", flips, check)
    return replace(density, flow=fit_flow(density, known, held, tell, check, seed))


def fit_flow(
    density: LatentDensity,
    known: Posteriors,
    held: Posteriors,
    tell: Tell = say_nothing,
    check: Check = never_stop,
    seed: int = 0,
) -> CodeFlow:
    """Learns the flow over the Gaussians of a density, in float32."""
    latent, classes = density.latent_size, len(density.classes)
    rng = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        flow = CodeFlow(latent, classes, LAYERS, WIDTH, seed)
    average = copy.deepcopy(flow).requires_grad_(False)
    best = copy.deepcopy(average)
    whiten = _Whitening(density)
    judged = held if len(held.labels) else known
    test = whiten(judged, torch.arange(len(judged.labels)), rng)
    weights = _by_class(known.labels, classes)
    optimiser = torch.optim.AdamW(flow.parameters(), RATE, (0.9, 0.99), weight_decay=DECAY)
    least = _cost(average, *test).item()
    for step in range(STEPS):
        check()
        falling = 0.02 + 0.98 * (1 + math.cos(math.pi * step / STEPS)) / 2
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARM_UP) * falling
        rows = torch.multinomial(weights, BATCH, True, generator=rng)
        optimiser.zero_grad()
        _cost(flow, *whiten(known, rows, rng)).backward()
        nn.utils.clip_grad_norm_(flow.parameters(), MOST_GRADIENT)
        optimiser.step()
        kept = min(AVERAGED, (step + 1) / (step + 10))
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), flow.parameters(), strict=True):
                slow.lerp_(fast, 1 - kept)
        if (step + 1) % LOOK_EVERY == 0 or step + 1 == STEPS:
            cost = _cost(average, *test).item()
            if cost < least:
                least, best = cost, copy.deepcopy(average)
            tell(TOLD, step + 1, STEPS)
    return best.half().float().eval()  # as the file has it


class _Whitening:
    """Codes of posteriors, as the flow of a density takes them."""

    def __init__(self, density: LatentDensity) -> None:
        inverses = np.linalg.inv(density.factors.astype(np.float64))
        self._means = torch.from_numpy(density.means)
        self._inverses = torch.from_numpy(inverses.astype(np.float32))

    def __call__(
        self, known: Posteriors, rows: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Whitened draws [n, latent], and their classes [n, classes] in one-hot form."""
        labels = torch.from_numpy(known.labels)[rows]
        apart = known.drawn(rows, rng) - self._means[labels]
        white = torch.bmm(self._inverses[labels], apart[..., None])[..., 0]
        return white, torch.eye(len(self._means))[labels]


def _cost(flow: nn.Module, white: Tensor, kinds: Tensor) -> Tensor:
    """Mean negative log-likelihood a dimension, but for a constant."""
    noise, log_det = flow(white, kinds)
    return (0.5 * noise.square().sum(1) - log_det).mean() / white.shape[1]


def _by_class(labels: NDArray[np.int64], classes: int) -> Tensor:
    """How often each shape is drawn: classes by the square roots of their sizes."""
    return torch.from_numpy(1 / np.sqrt(np.bincount(labels, minlength=classes)[labels]))
