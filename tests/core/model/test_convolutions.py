"""Our forms of the one convolution equal torch's own, in value and in every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from shapelab.core.model.convolutions import Convolution, TransposedConvolution, to_coarse, to_fine

CASES = [  # samples, fine channels, coarse channels, coarse side
    (9, 6, 8, 2),  # samples joined both ways
    (9, 6, 8, 4),  # joined towards fine
    (2, 6, 8, 2),  # too few samples to join
    (3, 1, 8, 8),  # one channel
    (9, 1, 8, 2),
    (2, 6, 8, 8),  # torch's own
]


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(("count", "fine", "coarse", "side"), CASES)
def test_equals_torch(count, fine, coarse, side, layout):
    torch.manual_seed(0)
    for layer, channels, n, stock in (
        (Convolution(fine, coarse), fine, 2 * side, functional.conv3d),
        (TransposedConvolution(coarse, fine, bias=True), coarse, side, functional.conv_transpose3d),
    ):
        layer.double()
        x = draw(count, channels, n, n, n)
        inputs = [x, layer.weight, layer.bias]
        ours = layer(x.contiguous(memory_format=layout))
        theirs = stock(x, layer.weight, layer.bias, 2, 1)
        assert ours.shape == theirs.shape
        assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)
        outer = torch.randn_like(theirs).contiguous(memory_format=layout)
        for a, b in zip(
            torch.autograd.grad(ours, inputs, outer),
            torch.autograd.grad(theirs, inputs, outer),
            strict=True,
        ):
            assert torch.allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("count", "fine", "coarse", "side"), CASES)
def test_the_two_are_transposes(count, fine, coarse, side):
    torch.manual_seed(1)
    x, y = draw(count, fine, *[2 * side] * 3), draw(count, coarse, *[side] * 3)
    kernel = draw(coarse, fine, 4, 4, 4)
    ahead, back = (to_coarse(x, kernel, None) * y).sum(), (x * to_fine(y, kernel)).sum()
    assert ahead.item() == pytest.approx(back.item(), rel=1e-10)


def test_layers_can_be_differentiated_twice():
    torch.manual_seed(2)
    for layer, n in ((Convolution(1, 2), 4), (TransposedConvolution(2, 1, bias=True), 2)):
        layer.double()
        channels = layer.in_channels
        assert torch.autograd.gradgradcheck(layer, draw(1, channels, n, n, n), atol=1e-6)


def test_a_frozen_layer_gets_no_gradient():
    layer = Convolution(2, 3).requires_grad_(False)
    x = torch.randn(9, 2, 4, 4, 4, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    assert layer.weight.grad is None
    assert layer.bias.grad is None


@pytest.mark.parametrize(("count", "fine", "coarse", "side"), CASES)
def test_mixed_precision_is_ours_in_half_the_digits(count, fine, coarse, side):
    torch.manual_seed(3)
    for layer, n in (
        (Convolution(fine, coarse), 2 * side),
        (TransposedConvolution(coarse, fine, bias=True), side),
    ):
        x = torch.randn(count, layer.in_channels, n, n, n, requires_grad=True)
        inputs = [x, layer.weight, layer.bias]
        exact = layer(x)
        with torch.autocast("cpu", torch.bfloat16):
            half = layer(x)
        assert half.dtype == torch.bfloat16
        outer = torch.randn_like(exact)
        rough = [half, *torch.autograd.grad(half, inputs, outer.bfloat16())]
        true = [exact, *torch.autograd.grad(exact, inputs, outer)]
        for a, b in zip(rough, true, strict=True):
            assert (a - b).norm() < 0.01 * b.norm()  # bfloat16 has 8 bits
