"""Muon: updates are orthogonal, and only the matrices inside of networks get them."""

import pytest
import torch

from trainer.updates.muon import Muon, orthogonal
from trainer.updates.schedule import MATRICES, learning_rates
from trainer.updates.state import new_state


@pytest.mark.parametrize("shape", [(24, 96), (96, 24), (40, 40)])
def test_its_matrices_are_near_those_of_a_singular_value_decomposition(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    found = orthogonal(matrix).double()
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.6
    assert values.max() < 1.3
    u, _, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    exact = u @ v
    assert (found - exact).norm() < 0.3 * exact.norm()


def test_it_learns_all_directions_of_a_skewed_problem_alike():
    """Of y = W x with inputs of very unlike size, plain descent learns the largest alone."""
    torch.manual_seed(1)
    wanted = torch.randn(16, 32)
    sizes = torch.logspace(0, -2, 32)

    def rest(optimiser_of):
        weight = torch.zeros(16, 32, requires_grad=True)
        optimiser = optimiser_of([weight])
        for step in range(300):
            for group in optimiser.param_groups:
                group["lr"] = 0.3 * (1 - step / 300)
            optimiser.zero_grad()
            (((weight - wanted) * sizes).square().sum() / 2).backward()
            optimiser.step()
        return ((weight.detach() - wanted).norm() / wanted.norm()).item()

    assert rest(lambda p: Muon(p, 0.3)) < 0.1
    assert rest(lambda p: torch.optim.SGD(p, 0.3)) > 0.5


def test_every_parameter_has_one_optimiser_and_heads_keep_adam(config, alone):
    state = new_state(config.model_copy(update={"muon_learning_rate": 0.006}), alone)
    for name in ("generator", "voxel_encoder"):
        adam, muon = state.movers(name)
        assert isinstance(muon, Muon)
        inside, rest = ([p for g in o.param_groups for p in g["params"]] for o in (muon, adam))
        whole = list(state.networks[name].parameters())
        assert sorted(map(id, [*inside, *rest])) == sorted(map(id, whole))
        assert all(p.ndim >= 2 for p in inside)
        head = getattr(state.networks[name], "head" if name == "generator" else "heads")
        assert {id(p) for p in head.parameters()} <= set(map(id, rest))


def test_its_rate_follows_the_cosine_of_the_others(config, alone):
    config = config.model_copy(update={"muon_learning_rate": 0.006, "final_learning_rate": 0.1})
    for step in (0, config.main_steps // 2, config.main_steps):
        rates = learning_rates(config, step)
        share = rates["generator"] / config.learning_rate
        assert rates["generator" + MATRICES] == pytest.approx(0.006 * share)


def test_without_it_adam_moves_all(config, alone):
    state = new_state(config, alone)
    (only,) = state.movers("generator")
    moved = [p for group in only.param_groups for p in group["params"]]
    assert len(moved) == len(list(state.generator.parameters()))
