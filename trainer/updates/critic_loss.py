"""The critic's losses besides the paper's: zero-centred penalties, none, and relativistic pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shapelab.core.model.networks import Critic
from shapelab.core.runs.run_config import RunConfig

from .losses import relativistic, wasserstein
from .penalty import CriticLoss, input_gradient


class ZeroCentredLoss(nn.Module):
    """A critic loss with R1, with R1 and R2, or without a penalty, as one module.

    R1 is gamma / 2 E[||grad D(x)||^2] on real grids (Mescheder et al. 2018), R2 the same on
    generated ones; the relativistic loss with both is R3GAN's (Huang et al. 2024). Without a
    penalty the critic needs spectral normalisation.
    """

    def __init__(self, critic: Critic, gamma: float, penalty: str, relative: bool) -> None:
        super().__init__()
        self.critic = critic
        self.gamma = gamma
        self.penalty = penalty
        self.relative = relative

    def forward(self, real: Tensor, fake: Tensor, _mix: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of grids [B, 1, R, R, R]."""
        real_scores, fake_scores = self.critic(real), self.critic(fake)
        distance = wasserstein(real_scores, fake_scores)
        loss = relativistic(real_scores, fake_scores) if self.relative else distance
        metrics = {"wasserstein": -distance.detach()}
        penalised = {"r1": [real], "r1r2": [real, fake], "none": []}[self.penalty]
        if penalised:
            squares = [
                input_gradient(self.critic, grids).flatten(1).square().sum(1) for grids in penalised
            ]
            penalty = 0.5 * self.gamma * torch.stack([s.mean() for s in squares]).sum()
            loss = loss + penalty
            metrics["penalty"] = penalty.detach()
            metrics["gradient_norm"] = torch.cat(squares).detach().sqrt().mean()
        return loss, metrics | {"critic": loss.detach()}


def build_critic_loss(critic: Critic, config: RunConfig) -> nn.Module:
    """The critic loss that a configuration asks for: (real, fake, mix) -> (loss, metrics)."""
    if config.penalty in ("sample", "column"):
        return CriticLoss(critic, config.penalty_weight, config.penalty_form, config.penalty)
    return ZeroCentredLoss(critic, config.penalty_weight, config.penalty, config.loss == "r3")
