"""The plain port does the same mathematics as ours: same losses and gradients from one start."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from trainer.bench import baseline
from trainer.data.batches.batches import Batch
from trainer.updates import steps
from trainer.updates.state import new_state

NETWORKS = ("generator", "critic", "voxel_encoder")


def make_batch(size: int, latent: int, dtype: torch.dtype) -> Batch:
    torch.manual_seed(5)
    grids = (torch.rand(size, 1, 32, 32, 32) < 0.1).to(dtype)
    return Batch(
        np.arange(size),
        np.zeros(size, bool),
        grids,
        None,
        None,
        torch.randn(size, latent).to(dtype),
        torch.randn(size, latent).to(dtype),
        torch.randn(size, latent).to(dtype),
        torch.rand(size, 1, 1, 1, 1).to(dtype),
        torch.zeros(size, 2, 3, dtype=torch.int64),
        grids,
        torch.zeros(size, dtype=torch.bool),
        None,
        torch.rand(size, 1).to(dtype),
    )


@pytest.fixture(params=[(torch.float64, 1e-8), (torch.float32, 1e-4)], ids=["double", "single"])
def pair(request, config, alone):
    dtype, tolerance = request.param
    settings = {"reconstruct_every_batch": False, "reconstruction": "squared", "warm_start": 0}
    config = config.model_copy(update=settings)
    state = new_state(config, alone)
    torch.manual_seed(2)
    for name in NETWORKS:
        network = state.networks[name].to(dtype)
        for parameter in network.parameters():  # the initial 0.02 makes every gradient tiny
            nn.init.normal_(parameter, 0.0, 0.1)
    weights = {name: state.networks[name].state_dict() for name in NETWORKS}
    port = baseline.new_baseline(config, weights, dtype)
    return state, port, make_batch(6, config.model.latent_size, dtype), tolerance


def assert_same(ours: nn.Module, theirs: nn.Module, tolerance: float) -> None:
    total = torch.stack([p.grad.norm() for p in theirs.parameters()]).norm()
    for (name, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        # A bias in front of a batch norm has no gradient but rounding.
        largest = max(b.grad.norm(), total / 1000)
        assert (a.grad - b.grad).norm() <= tolerance * largest, name


def test_critic_step(pair):
    state, port, batch, tolerance = pair
    ours, theirs = steps.critic_step(state, batch)["critic"], baseline.critic_step(port, batch)
    assert ours.item() == pytest.approx(theirs.item(), rel=tolerance)
    assert_same(state.critic, port.critic, tolerance)


def test_encoder_step(pair):
    state, port, batch, tolerance = pair
    metrics = steps.encoder_step(state, batch)
    kl = metrics["kl"] / state.config.model.latent_size
    ours = kl + state.config.delta * metrics["reconstruction"]
    assert ours.item() == pytest.approx(baseline.encoder_step(port, batch).item(), rel=tolerance)
    assert_same(state.voxel_encoder, port.encoder, tolerance)


def test_generator_step(pair):
    state, port, batch, tolerance = pair
    steps.generator_step(state, batch)
    baseline.generator_step(port, batch)
    assert_same(state.generator, port.generator, tolerance)
    ours, theirs = (g.body[1].running_mean for g in (state.generator, port.generator))
    assert torch.allclose(ours, theirs, rtol=1e-4)


def test_an_update_moves_only_its_own_network(pair):
    _, port, batch, _ = pair
    before = {name: p.clone() for name, p in port.critic.named_parameters()}
    baseline.generator_step(port, batch)
    baseline.encoder_step(port, batch)
    assert all(torch.equal(before[name], p) for name, p in port.critic.named_parameters())
    baseline.critic_step(port, batch)
    assert not torch.equal(before["dense.weight"], port.critic.dense.weight)
