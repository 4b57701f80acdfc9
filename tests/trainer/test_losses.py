"""The losses against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from trainer import losses


def test_kl_equals_the_closed_form_of_torch():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(64, 8, dtype=torch.float64), torch.randn(64, 8).double()
    own = losses.kl_divergence(mean, log_variance)
    oracle = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).mean()
    assert own.item() == pytest.approx(oracle.item(), rel=1e-12)


def test_kl_of_the_prior_is_zero_and_free_bits_are_a_floor():
    zero = torch.zeros(4, 3)
    assert losses.kl_divergence(zero, zero).item() == 0
    assert losses.kl_divergence(zero, zero, free_bits=0.05).item() == pytest.approx(0.05)


def test_kl_between_equals_torch():
    torch.manual_seed(1)
    a, s, b, t = (torch.randn(16, 5, dtype=torch.float64) for _ in range(4))
    oracle = kl_divergence(Normal(a, (0.5 * s).exp()), Normal(b, (0.5 * t).exp())).mean()
    assert losses.kl_between(a, s, b, t).item() == pytest.approx(oracle.item(), rel=1e-12)


def test_posterior_samples_have_the_asked_moments():
    noise = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0))
    mean, log_variance = torch.full((1, 1), 2.0), torch.full((1, 1), -1.0)
    z = losses.sample_posterior(mean, log_variance, noise)
    assert z.mean().item() == pytest.approx(2.0, abs=0.01)
    assert z.var().item() == pytest.approx(0.3679, abs=0.01)


def test_squared_reconstruction_is_half_the_mean_square():
    target = torch.zeros(2, 1, 4, 4, 4)
    logits = torch.zeros_like(target)  # probability 0.5 everywhere
    assert losses.reconstruction(logits, target, "squared", 1.0).item() == pytest.approx(0.125)


def test_positive_weight_counts_solid_voxels_more():
    target = torch.ones(1, 1, 2, 2, 2)
    logits = torch.zeros_like(target)
    plain = losses.reconstruction(logits, target, "bce", 1.0)
    assert losses.reconstruction(logits, target, "bce", 3.0).item() == pytest.approx(3 * plain)


def test_wasserstein_and_adversarial_signs():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 0.0])
    assert losses.wasserstein(real, fake).item() == -2.5
    assert losses.adversarial(fake).item() == 0.5
