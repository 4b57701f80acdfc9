"""The gradient penalty of WGAN-GP (Gulrajani et al. 2017, eq. 3), in two equal forms.

``double_backward`` is the plain form and the oracle of the tests. ``explicit`` writes the critic's
input gradient as a forward pass: for convolutions and LeakyReLU without normalisation it is a chain
of transposed convolutions with fixed masks, so one ordinary backward differentiates it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from shapelab.core.networks import LEAK, Critic
from trainer.losses import wasserstein


def interpolate(real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """x- = x + a (x^ - x), a in [0, 1] of shape [B, 1, 1, 1, 1], one per sample."""
    return real + mix * (fake - real)


def input_gradient_double_backward(critic: nn.Module, points: Tensor) -> Tensor:
    """grad_x D(x) [B, 1, R, R, R], itself differentiable through autograd."""
    points = points.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient


def input_gradient_explicit(critic: Critic, points: Tensor) -> Tensor:
    """The same gradient without double backward; exact where no activation is exactly zero."""
    slopes: list[Tensor] = []
    h = points.detach()
    with torch.no_grad():  # the masks are piecewise constant in the weights
        for conv in critic.convs:
            a = conv(h)
            slopes.append(torch.where(a > 0, a.new_ones(()), a.new_tensor(LEAK)))
            h = a * slopes[-1]
    gradient = critic.dense.weight.view(1, *h.shape[1:]).expand_as(h)
    for conv, slope in zip(reversed(critic.convs), reversed(slopes), strict=True):
        assert isinstance(conv, nn.Conv3d)
        gradient = functional.conv_transpose3d(gradient * slope, conv.weight, None, 2, 1)
    return gradient


INPUT_GRADIENTS: dict[str, Callable[..., Tensor]] = {
    "explicit": input_gradient_explicit,
    "double_backward": input_gradient_double_backward,
}


def gradient_norm(gradient: Tensor, per: str) -> Tensor:
    """L2 norms: [B] per sample (the paper's text), or per column as the released code does.

    The release reduces over one axis of [B, 32, 32, 32] only, which drives each of 1024 columns
    to norm 1 and the sample's norm to about 32.
    """
    if per == "column":
        return torch.sqrt(gradient.square().sum(2) + 1e-12)
    return torch.sqrt(gradient.flatten(1).square().sum(1) + 1e-12)


def penalty(norms: Tensor) -> Tensor:
    """E[(||grad D|| - 1)^2]."""
    return (norms - 1).square().mean()


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

    def forward(self, real: Tensor, fake: Tensor, mix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, Wasserstein estimate E[D(x)] - E[D(x^)], and gradient norms."""
        scores = self.critic(torch.cat([real, fake]))
        real_scores, fake_scores = scores.chunk(2)
        distance = wasserstein(real_scores, fake_scores)
        points = interpolate(real, fake, mix)
        norms = gradient_norm(INPUT_GRADIENTS[self.form](self.critic, points), self.per)
        loss = distance + self.weight * penalty(norms)
        return loss, -distance.detach(), norms.detach()
