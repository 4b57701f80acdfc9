"""The critic's loss of WGAN-GP (Gulrajani et al. 2017, eq. 3), in two equal forms.

``double_backward`` is the plain form and the oracle of the tests; ``explicit`` (explicit.py) has
every gradient written out, and is what runs train with.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from shapelab.core.model.networks import Critic

from .explicit import explicit_loss
from .losses import gradient_norm, interpolate, penalty, wasserstein


def input_gradient(critic: nn.Module, points: Tensor) -> Tensor:
    """grad_x D(x) [B, 1, R, R, R], itself differentiable through autograd."""
    points = points.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient


def double_backward_loss(
    critic: Critic, real: Tensor, fake: Tensor, mix: Tensor, weight: float, per: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, E[D(x^)] - E[D(x)], and gradient norms, all through autograd."""
    distance = wasserstein(critic(real), critic(fake))
    norms = gradient_norm(input_gradient(critic, interpolate(real, fake, mix)), per)
    return distance + weight * penalty(norms), distance, norms


FORMS: dict[str, Callable[..., tuple[Tensor, Tensor, Tensor]]] = {
    "explicit": explicit_loss,
    "double_backward": double_backward_loss,
}


class CriticLoss(nn.Module):
    """The whole critic loss as one module, so that data-parallel wrappers see one forward.

    Splitting it over several forwards or backwards gives silently wrong gradients under DDP.
    """

    def __init__(self, critic: Critic, weight: float, form: str, per: str) -> None:
        super().__init__()
        self.critic = critic
        self.weight = weight
        self.form = form
        self.per = per

    def forward(self, real: Tensor, fake: Tensor, mix: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of grids [B, 1, R, R, R] and mixes [B, 1, 1, 1, 1]."""
        form = FORMS[self.form]
        loss, distance, norms = form(self.critic, real, fake, mix, self.weight, self.per)
        return loss, {
            "critic": loss.detach(),
            "wasserstein": -distance.detach(),
            "penalty": (loss - distance).detach(),
            "gradient_norm": norms.detach().mean(),
        }
