"""The explicit gradient penalty equals double backward, and both mean what the paper says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shapelab.core.networks import Critic
from shapelab.core.spec import ModelSpec
from trainer.penalty import (
    INPUT_GRADIENTS,
    CriticLoss,
    gradient_norm,
    input_gradient_double_backward,
    interpolate,
    penalty,
)


def make_critic(dtype: torch.dtype) -> Critic:
    torch.manual_seed(3)
    critic = Critic(ModelSpec(critic_width=4)).to(dtype)
    for parameter in critic.parameters():  # the initial 0.02 would make every gradient tiny
        nn.init.normal_(parameter, 0, 0.2)
    return critic


@pytest.mark.parametrize(
    ("dtype", "value", "slope"), [(torch.float64, 1e-12, 1e-9), (torch.float32, 1e-6, 1e-5)]
)
def test_explicit_equals_double_backward(dtype, value, slope):
    points = torch.rand(3, 1, 32, 32, 32, dtype=dtype, generator=torch.Generator().manual_seed(0))
    results = {}
    for form, gradient in INPUT_GRADIENTS.items():
        critic = make_critic(dtype)
        loss = penalty(gradient_norm(gradient(critic, points), "sample"))
        loss.backward()
        grads = torch.cat([p.grad.flatten() for p in critic.parameters() if p.grad is not None])
        results[form] = loss.detach(), grads
    (a, grads_a), (b, grads_b) = results["explicit"], results["double_backward"]
    assert abs(a - b) / b < value
    # Double backward also gives biases a gradient, which is exactly zero.
    explicit = grads_a.norm()
    assert explicit > 0
    assert abs(explicit - grads_b.norm()) / explicit < slope


def test_gradient_norm_of_a_linear_critic_is_its_weight_norm():
    class Linear(nn.Module):
        def forward(self, x):
            return 3.0 * x.flatten(1)[:, 0] + 4.0 * x.flatten(1)[:, 1]

    gradient = input_gradient_double_backward(Linear(), torch.rand(5, 1, 4, 4, 4))
    norms = gradient_norm(gradient, "sample")
    assert torch.allclose(norms, torch.full((5,), 5.0))
    assert penalty(norms).item() == pytest.approx(16.0)


def test_column_norms_of_one_give_a_sample_norm_of_32():
    gradient = torch.zeros(1, 1, 32, 32, 32)
    gradient[:, :, 0] = 1.0  # every column along the reduced axis has norm 1
    assert penalty(gradient_norm(gradient, "column")).item() == pytest.approx(0.0, abs=1e-9)
    assert gradient_norm(gradient, "sample").item() == pytest.approx(32.0)


def test_points_lie_between_real_and_generated():
    real, fake = torch.zeros(2, 1, 2, 2, 2), torch.ones(2, 1, 2, 2, 2)
    mix = torch.tensor([0.25, 1.0]).view(2, 1, 1, 1, 1)
    points = interpolate(real, fake, mix)
    assert points[0].unique().tolist() == [0.25]
    assert points[1].unique().tolist() == [1.0]


def test_the_critic_reaches_the_closed_form_optimum_between_two_points():
    # Between two single grids at distance d the best critic is linear with slope k, and
    # -k d + lambda (k - 1)^2 is least at k = 1 + d / (2 lambda).
    torch.manual_seed(0)
    loss = CriticLoss(Critic(ModelSpec(critic_width=4)), 10.0, "explicit", "sample")
    optimiser = torch.optim.Adam(loss.parameters(), 2e-3, (0.0, 0.9))
    fake = torch.zeros(2, 1, 32, 32, 32)
    real = fake.clone()
    real[:, :, 12:16, 12:16, 12:16] = 1.0  # 64 voxels: d = 8
    for _ in range(200):
        optimiser.zero_grad()
        value, distance, norms = loss(real, fake, torch.rand(2, 1, 1, 1, 1))
        value.backward()
        optimiser.step()
    assert norms.mean().item() == pytest.approx(1.4, abs=0.2)
    assert distance.item() == pytest.approx(1.4 * 8, rel=0.2)
