"""The density of a model's codes, learnt after its networks: what seeds and paths run through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from shapelab.core.model.latent import LatentDensity
from shapelab.core.model.wholeness import one_part

from ..data.store.prepared_store import Store
from ..process.control import Check, Tell, never_stop, say_nothing
from ..updates.encoding import decode, posteriors
from .flow_fit import GUIDED_STEPS, STEPS, TOLD, FlowFit, Posteriors

LEAST = 400  # training shapes; fewer say little that a Gaussian does not
BORROWED = 20  # shapes' worth of the spread of all classes, for the spread of one
TINY = 1e-6
#: Of the posteriors' deviations, as they are drawn. With all of them, most of the noise would be
#: theirs, and the noise of an encoded shape, which has none, would be unlike any that is drawn.
SPREAD = 0.4


def fit_prior(
    generator: nn.Module,
    encoder: nn.Module,
    store: Store,
    flips: bool,
    tell: Tell = say_nothing,
    check: Check = never_stop,
    seed: int = 0,
) -> LatentDensity:
    """The density of the codes of a store's training shapes; the same again for the same seed.

    Takes a few minutes, most of them for decoding; of a small store the Gaussians are enough.

    Args:
        generator: says which codes give one piece.
        encoder: the voxel encoder.
        store: the run's data; its held-out shapes say when likelihood is best.
        flips: whether a shape flipped left to right is another one of its class.
        tell: hears how far it is.
        check: called between two steps; what it raises ends the work.
        seed: of all that is drawn.
    """
    tell(TOLD, 0, STEPS + GUIDED_STEPS)
    known = _encoded(encoder, store, "train", flips, check)
    density = gaussians(known, store.classes)
    if len(store.indices("train")) < LEAST:
        return density
    fit = FlowFit(density, known, _encoded(encoder, store, "validation", flips, check), seed)
    fit.by_likelihood(tell, check)
    device = next(generator.parameters()).device
    fit.by_wholeness(lambda codes: one_part(decode(generator, codes, device)), tell, check)
    return replace(density, flow=fit.result())


def _encoded(encoder: nn.Module, store: Store, split: str, flips: bool, check: Check) -> Posteriors:
    """What the encoder says of a split's shapes, and of the same flipped left to right."""
    rows = store.indices(split)
    both = (False, True) if flips else (False,)
    found = [posteriors(encoder, store, rows, check, flipped) for flipped in both]
    means, log_variances = (np.concatenate(part) for part in zip(*found, strict=True))
    deviations = SPREAD * np.exp(0.5 * log_variances)
    labels = np.tile(store.labels[rows], len(both)).astype(np.int64)
    return Posteriors(*map(torch.from_numpy, (means, deviations, labels)))


def gaussians(known: Posteriors, classes: tuple[str, ...]) -> LatentDensity:
    """One Gaussian a class of the aggregate posterior: covariance of its means, mean variances.

    A class with few shapes borrows from the spread that all classes have about their means: with
    weight B / (B + n). Shrinking towards a diagonal instead costs 40 nats on held-out shapes, as
    the codes of a class fill few dimensions, which are none of the axes.
    """
    latent, labels = known.means.shape[1], known.labels.numpy()
    counts = np.bincount(labels, minlength=len(classes))
    wide = known.means.double().numpy()
    spread = known.deviations.double().square().numpy()
    everywhere = wide.mean(0)
    means = np.stack(
        [wide[labels == k].mean(0) if count else everywhere for k, count in enumerate(counts)]
    )
    apart = wide - means[labels]
    pooled = apart.T @ apart / len(apart)
    factors = []
    for k, count in enumerate(counts):
        own, noise = apart[labels == k], spread[labels == k]
        mixed = (own.T @ own + BORROWED * pooled) / (count + BORROWED)
        variances = noise.mean(0) if count else spread.mean(0)
        factors.append(np.linalg.cholesky(mixed + np.diag(variances) + TINY * np.eye(latent)))
    return LatentDensity(classes, means.astype(np.float32), np.stack(factors).astype(np.float32))
