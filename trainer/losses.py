"""The losses of Smith & Meger 2017, each a pure function beside its formula.

x is a real grid, x^ a generated one, z the latent; mu and sigma^2 are the encoder's means and
variances.

    L_D = E[D(x^)] - E[D(x)] + lambda * E[(||grad D(x-)||_2 - 1)^2]      (penalty.py)
    L_E = KL(N(mu, sigma^2) || N(0, I)) + delta * recon(x, G(z))
    L_G = -E[D(x^)] + delta * recon(x, G(z))

delta stands in the encoder's loss too: without it a correctly written posterior collapses
(the released code leaves it out, and reads one head both as sigma and as log sigma).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def wasserstein(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """E[D(x^)] - E[D(x)] of scores [B], the critic's loss without its penalty."""
    return fake_scores.mean() - real_scores.mean()


def adversarial(fake_scores: Tensor) -> Tensor:
    """-E[D(x^)] of scores [B]."""
    return -fake_scores.mean()


def sample_posterior(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Draws z = mu + sigma * noise, all [B, L] (Kingma & Welling 2014)."""
    return mean + torch.exp(0.5 * log_variance) * noise


def kl_divergence(mean: Tensor, log_variance: Tensor, free_bits: float = 0.0) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, I)) in nats, mean over dimensions as in the released code.

    Args:
        mean: [B, L].
        log_variance: [B, L].
        free_bits: nats per dimension that cost nothing (Kingma et al. 2016), on the batch mean.
    """
    per_dimension = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0)
    return per_dimension.clamp_min(free_bits).mean() if free_bits else per_dimension.mean()


def kl_between(
    mean: Tensor, log_variance: Tensor, mean_to: Tensor, log_variance_to: Tensor
) -> Tensor:
    """KL of N(mean, .) from N(mean_to, .), diagonal, [B, L]: mean over batch and dimensions."""
    variance_to = log_variance_to.exp()
    return (
        0.5
        * (
            (log_variance.exp() + (mean - mean_to).square()) / variance_to
            - 1
            + log_variance_to
            - log_variance
        ).mean()
    )


def reconstruction(logits: Tensor, target: Tensor, kind: str, positive_weight: float) -> Tensor:
    """recon(x, x^), mean over batch and voxels.

    Args:
        logits: generator's output [B, 1, R, R, R].
        target: [B, 1, R, R, R] in {0, 1}.
        kind: "squared" is (x - x^)^2 / 2 of the released code; "bce" is binary cross entropy.
        positive_weight: weight of solid voxels in "bce", since few voxels are solid.
    """
    if kind == "squared":
        return 0.5 * (torch.sigmoid(logits) - target).square().mean()
    weight = logits.new_tensor(positive_weight)
    return functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight)
