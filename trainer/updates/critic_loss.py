"""The critic's losses: WGAN-GP's in two equal forms, and those with zero-centred penalties.

The penalty of WGAN-GP (Gulrajani et al. 2017, eq. 3) is a function of the critic's input gradient,
so learning from it takes the gradient of a gradient. ``double_backward_loss`` leaves that to
autograd and is the oracle of the tests; ``explicit_loss`` is what runs train with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from shapelab.core.model.convolutions import kernel_gradient, to_coarse, to_fine
from shapelab.core.model.networks import LEAK, Critic, parted
from shapelab.core.runs.run_config import RunConfig

from .losses import gradient_norm, interpolate, penalty, relativistic, wasserstein

Metrics = dict[str, Tensor]


def build_critic_loss(critic: Critic, config: RunConfig) -> nn.Module:
    """The critic loss that a configuration asks for: (real, fake, mix) -> (loss, metrics)."""
    if config.penalty in ("sample", "column"):
        return OneCentredLoss(critic, config.penalty_weight, config.penalty_form, config.penalty)
    return ZeroCentredLoss(critic, config.penalty_weight, config.penalty, config.loss == "r3")


class OneCentredLoss(nn.Module):
    """WGAN-GP's critic loss as one module, so that data-parallel wrappers see one forward.

    Splitting it over several forwards or backwards gives silently wrong gradients under DDP.
    """

    def __init__(self, critic: Critic, weight: float, form: str, per: str) -> None:
        super().__init__()
        self.critic = critic
        self.weight = weight
        self.form = form
        self.per = per

    def forward(self, real: Tensor, fake: Tensor, mix: Tensor) -> tuple[Tensor, Metrics]:
        """Loss and metrics of grids [B, 1, R, R, R] and mixes [B, 1, 1, 1, 1]."""
        form = FORMS[self.form]
        loss, distance, norms = form(self.critic, real, fake, mix, self.weight, self.per)
        return loss, {
            "critic": loss.detach(),
            "wasserstein": -distance.detach(),
            "penalty": (loss - distance).detach(),
            "gradient_norm": norms.detach().mean(),
        }


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

    def forward(self, real: Tensor, fake: Tensor, _mix: Tensor) -> tuple[Tensor, Metrics]:
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


def explicit_loss(
    critic: Critic, real: Tensor, fake: Tensor, mix: Tensor, weight: float, per: str
) -> tuple[Tensor, Tensor, Tensor]:
    """The same with all its gradients written by hand: ordinary convolutions, nothing twice.

    Only the loss can be differentiated. Between convolutions there is nothing but LeakyReLU, whose
    slopes s_l (1 or 0.2) are fixed where no activation is exactly zero. So D is affine around each
    grid, its input gradient is a chain of transposed convolutions, and both can be followed by hand
    exactly as double backward does. With h_l the activations of layer l (h_0 = x), W_l and b_l its
    weights, w and b the dense layer's:

        activations   h_l = s_l * (W_l h_{l-1} + b_l)                       D(x) = w . h_L + b
        gradient      g_L = w,  v_l = s_l * g_l,  g_{l-1} = W_l^T v_l       g_0 = grad_x D(x)
        tangent       u_0 = dP / d g_0,  u_l = s_l * (W_l u_{l-1})          P the penalty of g_0

    A score's gradient is the usual one, d D / d W_l = v_l x h_{l-1} with x the convolution's weight
    gradient. The penalty's follows from g_0 being linear in each W_l: moving W_l by dW moves P by
    u_0 . dg_0 = v_l . (dW u_{l-1}), which is the same product with the tangent for the activation:

        d P / d W_l = v_l x u_{l-1}      d P / d w = sum of u_L over the batch      d P / d b_l = 0

    Against autograd through the same chain this saves the gradients towards grids and latents that
    nobody asks for, and every mask.
    """
    parameters = [p for conv in critic.convs for p in (conv.weight, conv.bias)]
    parameters += [critic.dense.weight, critic.dense.bias]
    # A gradient's norm is no number for half precision: under autocast this stays as the weights.
    if critic.sub_cells:  # the same cells in other places: norms per sample stay
        real, fake = parted(real), parted(fake)
    grids = [grid.to(critic.dense.weight.dtype) for grid in (real, fake, mix)]
    with torch.autocast(real.device.type, enabled=False):
        return _ExplicitLoss.apply(  # type: ignore[no-untyped-call]
            *grids, weight, per, *parameters
        )


FORMS: dict[str, Callable[..., tuple[Tensor, Tensor, Tensor]]] = {
    "explicit": explicit_loss,
    "double_backward": double_backward_loss,
}


class _ExplicitLoss(torch.autograd.Function):
    """Finds value and gradients together, since the gradients are part of the value."""

    @staticmethod
    def forward(
        ctx: Any, real: Tensor, fake: Tensor, mix: Tensor, weight: float, per: str, *given: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        critic = _CriticByHand(given)
        count = len(real)
        real_scores = critic.score(real, -1 / count)
        fake_scores = critic.score(fake, 1 / count)
        norms, value = critic.penalise(interpolate(real, fake, mix), weight, per)
        distance = wasserstein(real_scores, fake_scores)
        ctx.gradients = critic.gradients
        ctx.mark_non_differentiable(distance, norms)
        return distance + weight * value, distance, norms

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Any, ...]:
        return (None,) * 5 + tuple(torch._foreach_mul(ctx.gradients, outer[0]))


class _CriticByHand:
    """A critic's weights as plain tensors, and the gradients summed up so far, in one order.

    The letters are those of ``explicit_loss``.
    """

    def __init__(self, parameters: tuple[Tensor, ...]) -> None:
        *convs, self.dense, self.dense_bias = parameters
        # Weight [C', C, 4, 4, 4] and bias [C'] of each convolution.
        self.layers = list(zip(convs[::2], convs[1::2], strict=True))
        self.gradients: list[Tensor | None] = [None] * len(parameters)

    def score(self, x: Tensor, weight: float) -> Tensor:
        """D(x) [B]; adds the gradients of weight * sum D(x)."""
        h = self._activations(x)
        features = h[-1].flatten(1)
        self._add(-1, self.dense_bias.new_full((1,), weight * len(x)))
        self._add(-2, weight * features.sum(0, keepdim=True))
        g = self._top_gradient(h[-1], weight)
        for layer, (kernel, _) in reversed(list(enumerate(self.layers))):
            v = _times_slope(g, h[layer + 1])
            self._add_layer(layer, v, h[layer], with_bias=True)
            if layer:  # nobody asks for the gradient towards the grid
                g = to_fine(v, kernel)
        return functional.linear(features, self.dense, self.dense_bias).squeeze(1)

    def penalise(self, points: Tensor, weight: float, per: str) -> tuple[Tensor, Tensor]:
        """Gradient norms at the points and their penalty P; adds the gradients of weight * P."""
        h = self._activations(points)[1:]
        v: list[Tensor] = []
        g = self._top_gradient(h[-1], 1.0)
        for (kernel, _), activation in zip(reversed(self.layers), reversed(h), strict=True):
            v.insert(0, _times_slope(g, activation))
            g = to_fine(v[0], kernel)
        with torch.enable_grad():
            norms = gradient_norm(g.requires_grad_(True), per)
            value = penalty(norms)
            (u,) = torch.autograd.grad(weight * value, g)
        for layer, (kernel, _) in enumerate(self.layers):
            self._add_layer(layer, v[layer], u, with_bias=False)
            u = _times_slope(to_coarse(u, kernel, None), h[layer])
        self._add(-2, u.flatten(1).sum(0, keepdim=True))
        return norms.detach(), value.detach()

    def _activations(self, x: Tensor) -> list[Tensor]:
        """h_0 … h_L."""
        h = [x]
        for kernel, bias in self.layers:
            a = to_coarse(h[-1], kernel, bias)
            h.append(functional.leaky_relu_(a, LEAK))  # keeps its sign, so the slope stays known
        return h

    def _top_gradient(self, top: Tensor, weight: float) -> Tensor:
        """The gradient g_L of weight * D for each grid, in the shape of h_L."""
        g = (weight * self.dense).view(1, *top.shape[1:])
        return g.expand_as(top).clone(memory_format=torch.channels_last_3d)

    def _add_layer(self, layer: int, v: Tensor, x: Tensor, *, with_bias: bool) -> None:
        """Adds v x x, and the sum of v where the bias counts, to the layer's gradients."""
        own, own_bias = kernel_gradient(v, x, self.layers[layer][0], with_bias=with_bias)
        self._add(2 * layer, own)
        if own_bias is not None:
            self._add(2 * layer + 1, own_bias)

    def _add(self, place: int, gradient: Tensor) -> None:
        sum_so_far = self.gradients[place]
        self.gradients[place] = gradient if sum_so_far is None else sum_so_far.add_(gradient)


def _times_slope(g: Tensor, activation: Tensor) -> Tensor:
    """Turns g into s * g in its own memory; the slope is read off the activation's sign."""
    return torch.ops.aten.leaky_relu_backward.grad_input(g, activation, LEAK, True, grad_input=g)
