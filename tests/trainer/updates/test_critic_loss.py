"""The explicit gradient penalty equals double backward, and both mean what the paper says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from shapelab.core.model.networks import Critic
from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.run_config import RunConfig
from trainer.process.distributed import Processes
from trainer.updates.critic_loss import FORMS, OneCentredLoss, ZeroCentredLoss, input_gradient
from trainer.updates.losses import gradient_norm, interpolate, penalty
from trainer.updates.state import new_state


def make_critic(dtype: torch.dtype, sub_cells: bool = False) -> Critic:
    torch.manual_seed(3)
    critic = Critic(ModelSpec(critic_width=4, sub_cells=sub_cells)).to(dtype)
    for parameter in critic.parameters():  # the initial 0.02 would make every gradient tiny
        nn.init.normal_(parameter, 0, 0.2)
    return critic


def make_grids(dtype: torch.dtype, count: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Real grids, generated grids and mixing shares."""
    source = torch.Generator().manual_seed(0)
    real = (torch.rand(count, 1, 32, 32, 32, dtype=dtype, generator=source) < 0.1).to(dtype)
    fake = torch.rand(count, 1, 32, 32, 32, dtype=dtype, generator=source)
    return real, fake, torch.rand(count, 1, 1, 1, 1, dtype=dtype, generator=source)


def value_and_gradients(
    form: str, weight: float, per: str, dtype: torch.dtype, sub_cells: bool = False
) -> tuple[list[Tensor], dict[str, Tensor]]:
    critic = make_critic(dtype, sub_cells)
    loss, metrics = OneCentredLoss(critic, weight, form, per)(*make_grids(dtype))
    (3 * loss).backward()  # as a scaled micro-batch does
    del metrics["penalty"]  # a difference of the others, without their digits
    return [loss.detach(), *metrics.values()], {
        name: p.grad for name, p in critic.named_parameters()
    }


@pytest.mark.parametrize("per", ["sample", "column"])
@pytest.mark.parametrize("weight", [0.0, 10.0, 1e6])  # at 1e6 all that counts is the penalty
@pytest.mark.parametrize(
    ("dtype", "value", "slope"), [(torch.float64, 1e-12, 1e-9), (torch.float32, 1e-6, 1e-5)]
)
def test_explicit_equals_double_backward(dtype, value, slope, weight, per):
    values, gradients = value_and_gradients("explicit", weight, per, dtype)
    expected_values, expected = value_and_gradients("double_backward", weight, per, dtype)
    assert len(values) == len(expected_values) == 4
    for a, b in zip(values, expected_values, strict=True):
        assert torch.allclose(a, b, rtol=value, atol=0)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        # The last bias moves both scores alike: its gradient is zero but for rounding.
        allowed = slope * expected[name].norm() + slope * (name == "dense.bias")
        assert (gradient - expected[name]).norm() <= allowed, name


def test_explicit_equals_double_backward_where_cells_are_channels():
    dtype = torch.float64
    values, gradients = value_and_gradients("explicit", 10.0, "sample", dtype, sub_cells=True)
    expected_values, expected = value_and_gradients(
        "double_backward", 10.0, "sample", dtype, sub_cells=True
    )
    for a, b in zip(values, expected_values, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=0)
    for name, gradient in gradients.items():
        allowed = 1e-9 * expected[name].norm() + 1e-9 * (name == "dense.bias")
        assert (gradient - expected[name]).norm() <= allowed, name


@pytest.mark.parametrize("form", FORMS)
def test_gradients_agree_with_finite_differences(form):
    critic = make_critic(torch.float64)
    loss = OneCentredLoss(critic, 10.0, form, "sample")
    grids = make_grids(torch.float64, 2)
    loss(*grids)[0].backward()
    for parameter in (critic.convs[0].weight, critic.convs[3].weight, critic.dense.weight):
        direction = parameter.grad / parameter.grad.norm()
        ends = []
        for step in (1e-6, -1e-6):
            parameter.data += step * direction
            ends.append(loss(*grids)[0].item())
            parameter.data -= step * direction
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(parameter.grad.norm().item(), rel=1e-4)


def test_mixed_precision_leaves_the_explicit_form_exact():
    expected, gradients = value_and_gradients("explicit", 10.0, "sample", torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        values, mixed = value_and_gradients("explicit", 10.0, "sample", torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(values, expected, strict=True))
    assert all(torch.equal(mixed[name], gradient) for name, gradient in gradients.items())


def test_the_explicit_form_differentiates_no_grid():
    real, fake, mix = make_grids(torch.float32)
    fake.requires_grad_(True)
    OneCentredLoss(make_critic(torch.float32), 10.0, "explicit", "sample")(real, fake, mix)[
        0
    ].backward()
    assert fake.grad is None


def test_gradient_norm_of_a_linear_critic_is_its_weight_norm():
    class Linear(nn.Module):
        def forward(self, x):
            return 3.0 * x.flatten(1)[:, 0] + 4.0 * x.flatten(1)[:, 1]

    gradient = input_gradient(Linear(), torch.rand(5, 1, 4, 4, 4))
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
    loss = OneCentredLoss(Critic(ModelSpec(critic_width=4)), 10.0, "explicit", "sample")
    optimiser = torch.optim.Adam(loss.parameters(), 2e-3, (0.0, 0.9))
    fake = torch.zeros(2, 1, 32, 32, 32)
    real = fake.clone()
    real[:, :, 12:16, 12:16, 12:16] = 1.0  # 64 voxels: d = 8
    for _ in range(200):
        optimiser.zero_grad()
        value, metrics = loss(real, fake, torch.rand(2, 1, 1, 1, 1))
        value.backward()
        optimiser.step()
    assert metrics["gradient_norm"].item() == pytest.approx(1.4, abs=0.2)
    assert metrics["wasserstein"].item() == pytest.approx(1.4 * 8, rel=0.2)


@pytest.mark.parametrize(("per", "norm"), [("sample", 1.0), ("column", 32.0)])
def test_what_each_penalty_drives_the_gradient_of_a_sample_to(per, norm):
    # The release's columns: 1024 norms of 1 are a norm of sqrt(1024) for the whole sample.
    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(0.01 * torch.randn(32**3, generator=torch.Generator()))

        def forward(self, x):
            return x.flatten(1) @ self.weight

    critic = Linear()
    grids = torch.zeros(2, 1, 32, 32, 32)  # real = fake, so that only the penalty is left
    loss = OneCentredLoss(critic, 10.0, "double_backward", per)
    optimiser = torch.optim.Adam(critic.parameters(), 0.01)
    for _ in range(150):
        optimiser.zero_grad()
        loss(grids, grids, torch.rand(2, 1, 1, 1, 1))[0].backward()
        optimiser.step()
    assert critic.weight.norm().item() == pytest.approx(norm, rel=0.02)


@pytest.mark.parametrize("kind", ["r1", "r1r2", "none"])
@pytest.mark.parametrize("relative", [False, True])
def test_zero_centred_penalties_equal_their_formulas(kind, relative):
    critic, (real, fake, mix) = make_critic(torch.float64), make_grids(torch.float64)
    loss, metrics = ZeroCentredLoss(critic, 6.0, kind, relative)(real, fake, mix)
    d_real, d_fake = critic(real), critic(fake)
    expected = (
        torch.log1p(torch.exp(d_fake - d_real)).mean() if relative else (d_fake - d_real).mean()
    )
    for grids in {"r1": [real], "r1r2": [real, fake], "none": []}[kind]:
        expected = expected + 3.0 * input_gradient(critic, grids).square().sum() / len(grids)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-10)
    assert ("gradient_norm" in metrics) == (kind != "none")


def test_a_spectrally_normalised_critic_keeps_its_singular_values_at_one():
    config = RunConfig(
        model=ModelSpec(critic_width=4, generator_width=16, encoder_width=4), spectral_norm=True
    )
    critic = new_state(config, Processes()).critic
    for _ in range(30):  # power iterations
        critic(torch.rand(1, 1, 32, 32, 32))
    critic.eval()
    for layer in (*critic.convs, critic.dense):
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        assert largest.item() == pytest.approx(1.0, abs=0.05)
