"""The product is the convolution, in value and in every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shapelab.core.model.patch_convolution import PatchConv2d

CASES = [  # kernel, stride, padding, side
    (3, 1, 1, 4),
    (3, 2, 0, 5),
    (3, 2, 1, 8),
    (5, 2, 1, 9),
    (8, 1, 0, 8),
    (1, 1, 0, 2),
]


def pair(kernel, stride, padding):
    torch.manual_seed(0)
    ours = PatchConv2d(3, 6, kernel, stride, padding)
    theirs = nn.Conv2d(3, 6, kernel, stride, padding)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("kernel", "stride", "padding", "side"), CASES)
def test_equals_torch(kernel, stride, padding, side, layout):
    results = []
    for layer in pair(kernel, stride, padding):
        layer.double()
        torch.manual_seed(1)
        x = torch.randn(2, 3, side, side, dtype=torch.float64, requires_grad=True)
        y = layer(x.contiguous(memory_format=layout))
        outer = torch.randn(y.shape, dtype=torch.float64)
        results.append([y, *torch.autograd.grad(y, [x, layer.weight, layer.bias], outer)])
    for a, b in zip(*results, strict=True):
        assert a.shape == b.shape
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-10)


def test_mixed_precision_is_ours_in_half_the_digits():
    ours, theirs = pair(3, 2, 1)
    x = torch.randn(4, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        y = ours(x)
    assert y.dtype == torch.bfloat16
    assert (y - theirs(x)).norm() < 0.01 * y.float().norm()
    y.float().square().sum().backward()
    theirs(x).square().sum().backward()
    assert (ours.weight.grad - theirs.weight.grad).norm() < 0.02 * theirs.weight.grad.norm()


def test_a_frozen_layer_gets_no_gradient():
    ours, _ = pair(3, 1, 1)
    ours.requires_grad_(False)
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    ours(x).sum().backward()
    assert x.grad is not None
    assert ours.weight.grad is None


def test_the_next_layer_may_change_the_result_in_place():
    results = []
    for layer in pair(3, 2, 1):
        x = torch.ones(2, 3, 8, 8, requires_grad=True)
        y = nn.functional.leaky_relu(layer(x), 0.2, inplace=True)
        results.append([y, *torch.autograd.grad(y.square().sum(), [x, layer.weight])])
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5)
