"""The losses against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from trainer.updates import losses


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


def test_distillation_is_least_at_the_target_and_variances_do_not_move_means():
    torch.manual_seed(1)
    mean, log_variance, target, target_log = (
        torch.randn(16, 5, dtype=torch.float64, requires_grad=True) for _ in range(4)
    )
    assert losses.distillation(target, target_log, target, target_log).item() == 0
    losses.distillation(mean, log_variance, target.detach(), target_log.detach()).backward()
    expected = 2 * (mean - target).detach() / mean.numel()  # squared error's gradient, alone
    assert torch.allclose(mean.grad, expected)
    # The own variance is at rest where it holds the target's and the squared error of the mean.
    rest = (target_log.exp() + (mean - target).square()).log().detach().requires_grad_(True)
    losses.distillation(mean.detach(), rest, target.detach(), target_log.detach()).backward()
    assert rest.grad.abs().max() < 1e-12


def test_released_vae_repeats_its_formulas():
    mean, head = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.0, 2.0]])
    s = torch.tanh(head)
    assert torch.equal(losses.released_sample(mean, head, torch.ones(1, 2)), mean + s)
    expected = (-s + 0.5 * (-1 + torch.exp(2 * s) + mean**2)).mean()
    assert losses.released_kl(mean, head).item() == pytest.approx(expected.item())
    assert losses.released_kl(torch.zeros(1, 2), torch.zeros(1, 2)).item() == 0  # noiseless


def test_free_bits_clamp_the_mean_over_all_processes():
    mean = torch.tensor([[2.0], [0.0]])
    whole = losses.kl_divergence(mean, torch.zeros(2, 1), free_bits=0.5)
    halves = [
        losses.kl_divergence(part, torch.zeros(1, 1), 0.5, lambda _: torch.tensor([1.0]))
        for part in mean.split(1)
    ]
    assert whole.item() == halves[0].item() == halves[1].item() == 1.0


def test_relativistic_pairs_prefer_the_better():
    low, high = torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 3.0])
    assert losses.relativistic(high, low) < losses.relativistic(low, high)
    assert losses.relativistic(low, low).item() == pytest.approx(0.6931, abs=1e-4)


def test_soft_iou_equals_iou_of_hard_grids():
    target = torch.zeros(1, 1, 4, 4, 4)
    target[..., :2] = 1
    shifted = torch.zeros_like(target)
    shifted[..., 1:3] = 1  # one third of the union is shared
    assert losses.soft_iou_loss(shifted, target).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", ["iou", "bce", "squared", "distance"])
def test_closed_gradients_are_those_of_the_values(kind):
    made = torch.Generator().manual_seed(3)
    x = 2 * torch.randn(3, 1, 5, 5, 5, generator=made, dtype=torch.float64)
    target = torch.sigmoid(2 * torch.randn(3, 1, 5, 5, 5, generator=made, dtype=torch.float64))
    measured = torch.tensor([True, False, True])

    def loss(x):
        if kind == "iou":
            return losses.soft_iou_loss(torch.sigmoid(x), target)
        return losses.distance_reconstruction(x, target, measured, kind, 2.0, 3.0)

    assert torch.autograd.gradcheck(loss, (x.requires_grad_(),))


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
