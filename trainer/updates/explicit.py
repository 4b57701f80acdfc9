"""The critic's loss with all its gradients written by hand: ordinary convolutions, nothing twice.

For convolutions and LeakyReLU without normalisation the critic's input gradient is itself a chain
of transposed convolutions with fixed slopes. With h_l the activations of layer l (h_0 = x), s_l
their slopes (1 or 0.2), W_l the weights and w the dense layer:

    up        h_l = s_l * (W_l h_{l-1} + b_l)                        D(x) = w . h_L + b
    down      v_l = s_l * g_l,  g_{l-1} = W_l^T v_l,  g_L = w        g_0 = grad_x D(x)
    tangent   u_l = s_l * (W_l u_{l-1}),  u_0 = dP / d g_0           P the penalty of g_0

    d D / d W_l = v_l x h_{l-1}       d P / d W_l = v_l x u_{l-1}       d P / d w = sum u_L

where x is the convolution's weight gradient. The slopes are piecewise constant, so this is exact
where no activation is exactly zero, as is double backward. Against autograd through the same chain
it saves the gradients towards grids and latents that nobody asks for, and every mask.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from shapelab.core.model.convolutions import kernel_gradient, to_coarse, to_fine
from shapelab.core.model.networks import LEAK, Critic

from .losses import gradient_norm, interpolate, penalty, wasserstein

Layers = list[tuple[Tensor, Tensor]]  # weight [C', C, 4, 4, 4] and bias [C'] of each convolution


def explicit_loss(
    critic: Critic, real: Tensor, fake: Tensor, mix: Tensor, weight: float, per: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, E[D(x^)] - E[D(x)], and gradient norms; only the loss can be differentiated."""
    parameters = [p for conv in critic.convs for p in (conv.weight, conv.bias)]
    parameters += [critic.dense.weight, critic.dense.bias]
    # A gradient's norm is no number for half precision: under autocast this stays as the weights.
    grids = [grid.to(critic.dense.weight.dtype) for grid in (real, fake, mix)]
    with torch.autocast(real.device.type, enabled=False):
        return _ExplicitLoss.apply(  # type: ignore[no-untyped-call]
            *grids, weight, per, *parameters
        )


class _ExplicitLoss(torch.autograd.Function):
    """Finds value and gradients together, since the gradients are part of the value."""

    @staticmethod
    def forward(
        ctx: Any, real: Tensor, fake: Tensor, mix: Tensor, weight: float, per: str, *given: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        critic = _Critic(given)
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


class _Critic:
    """A critic's weights as plain tensors, and the gradients summed up so far, in one order."""

    def __init__(self, parameters: tuple[Tensor, ...]) -> None:
        *convs, self.dense, self.dense_bias = parameters
        self.layers: Layers = list(zip(convs[::2], convs[1::2], strict=True))
        self.gradients: list[Tensor | None] = [None] * len(parameters)

    def score(self, x: Tensor, weight: float) -> Tensor:
        """D(x) [B]; adds the gradients of weight * sum D(x)."""
        h = self._up(x)
        features = h[-1].flatten(1)
        self._add(-1, self.dense_bias.new_full((1,), weight * len(x)))
        self._add(-2, weight * features.sum(0, keepdim=True))
        g = self._seed(h[-1], weight)
        for layer, (kernel, _) in reversed(list(enumerate(self.layers))):
            v = _slope(g, h[layer + 1])
            self._add_layer(layer, v, h[layer], with_bias=True)
            if layer:  # nobody asks for the gradient towards the grid
                g = to_fine(v, kernel)
        return functional.linear(features, self.dense, self.dense_bias).squeeze(1)

    def penalise(self, points: Tensor, weight: float, per: str) -> tuple[Tensor, Tensor]:
        """Gradient norms at the points and their penalty P; adds the gradients of weight * P."""
        h = self._up(points)[1:]
        v: list[Tensor] = []
        g = self._seed(h[-1], 1.0)
        for (kernel, _), activation in zip(reversed(self.layers), reversed(h), strict=True):
            v.insert(0, _slope(g, activation))
            g = to_fine(v[0], kernel)
        with torch.enable_grad():
            norms = gradient_norm(g.requires_grad_(True), per)
            value = penalty(norms)
            (u,) = torch.autograd.grad(weight * value, g)
        for layer, (kernel, _) in enumerate(self.layers):
            self._add_layer(layer, v[layer], u, with_bias=False)
            u = _slope(to_coarse(u, kernel, None), h[layer])
        self._add(-2, u.flatten(1).sum(0, keepdim=True))
        return norms.detach(), value.detach()

    def _up(self, x: Tensor) -> list[Tensor]:
        h = [x]
        for kernel, bias in self.layers:
            a = to_coarse(h[-1], kernel, bias)
            h.append(functional.leaky_relu_(a, LEAK))  # keeps its sign, so the slope stays known
        return h

    def _seed(self, top: Tensor, weight: float) -> Tensor:
        seed = (weight * self.dense).view(1, *top.shape[1:])
        return seed.expand_as(top).clone(memory_format=torch.channels_last_3d)

    def _add_layer(self, layer: int, v: Tensor, x: Tensor, *, with_bias: bool) -> None:
        """Adds v x x, and the sum of v where the bias counts, to the layer's gradients."""
        own, own_bias = kernel_gradient(v, x, self.layers[layer][0], with_bias=with_bias)
        self._add(2 * layer, own)
        if own_bias is not None:
            self._add(2 * layer + 1, own_bias)

    def _add(self, place: int, gradient: Tensor) -> None:
        sum_so_far = self.gradients[place]
        self.gradients[place] = gradient if sum_so_far is None else sum_so_far.add_(gradient)


def _slope(g: Tensor, activation: Tensor) -> Tensor:
    """Turns g into s * g in its own memory; the slope is read off the activation's sign."""
    return torch.ops.aten.leaky_relu_backward.grad_input(g, activation, LEAK, True, grad_input=g)
