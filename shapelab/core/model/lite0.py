"""EfficientNet-Lite0 (Tan and Le 2019; Lite variants: Google 2020), cut before its last stage.

Inverted residual blocks (Sandler et al. 2018) without squeeze and excitation: a pointwise layer
that widens, a depthwise one, and a pointwise one that narrows and has no activation; ReLU6
elsewhere.
"""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from shapelab.core.model.spec import LITE0_LAST, LITE0_STAGES, LITE0_STEM

EPSILON = 1e-3  # of the batch normalisations, as they were trained
MOMENTUM = 0.02  # of their running statistics: a mean over some fifty batches


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """TensorFlow's SAME: cells of an output axis, ceil(side / stride), and padding at its ends."""
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    return out, total // 2, total - total // 2


class Layer(nn.Module):
    """A convolution with SAME padding, batch normalisation, and ReLU6 unless it is ``linear``."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, EPSILON, MOMENTUM)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        made = self.convolution
        kernel, stride = made.kernel_size[0], made.stride[0]
        _, top, bottom = same_padding(x.shape[2], kernel, stride)
        _, left, right = same_padding(x.shape[3], kernel, stride)
        padding = (top, left)
        if top != bottom or left != right:
            x, padding = functional.pad(x, (left, right, top, bottom)), (0, 0)
        if made.groups > 1 and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            half = torch.get_autocast_dtype("cpu")
            x = _Depthwise.apply(x.to(half), made.weight, stride, padding)  # type: ignore[no-untyped-call]
        else:
            x = functional.conv2d(x, made.weight, made.bias, stride, padding, 1, made.groups)
        x = self.norm(x)
        return x if self.linear else functional.hardtanh_(x, 0.0, 6.0)

    def fold(self) -> None:
        """Makes the batch normalisation part of the convolution, for good."""
        norm = cast("nn.BatchNorm2d", self.norm)
        self.convolution, self.norm = fuse_conv_bn_eval(self.convolution, norm), nn.Identity()


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution in half precision whose gradients are made in float32.

    oneDNN has no fast form of their kernels' gradient in half precision: it took six times as long.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.form = stride, padding
        return functional.conv2d(x, weight.to(x.dtype), None, stride, padding, 1, len(weight))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, padding = ctx.form
        wanted = [*ctx.needs_input_grad[:2], False]
        towards_x, own, _ = torch.ops.aten.convolution_backward(
            outer.float(), x.float(), weight, None, [stride] * 2, padding, [1, 1], False, [0, 0],
            len(weight), wanted,
        )  # fmt: skip
        return None if towards_x is None else towards_x.to(x.dtype), own, None, None


class InvertedResidual(nn.Module):
    """One block; where neither side nor width changes, it adds to its input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        width = inputs * expand
        self.expand = Layer(inputs, width) if expand > 1 else None
        self.depthwise = Layer(width, width, kernel, stride, groups=width)
        self.project = Layer(width, outputs, linear=True)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        h = x if self.expand is None else self.expand(x)
        h = self.project(self.depthwise(h))
        return x + h if self.adds else h


class Lite0(nn.Module):
    """Picture [B, C, S, S] in [0, 1] -> features [B, 256, S / 32, S / 32], sides rounded up.

    The first three channels are RGB. ``last`` is our own layer, in place of the stage that serves
    the thousand classes of ImageNet.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = Layer(channels, LITE0_STEM, 3, 2)
        blocks, width = [], LITE0_STEM
        for count, kernel, stride, expand, outputs in LITE0_STAGES:
            for i in range(count):
                own = 1 if i else stride
                blocks.append(InvertedResidual(width, outputs, kernel, own, expand))
                width = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = Layer(width, LITE0_LAST)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @staticmethod
    def features(side: int) -> int:
        """How many numbers come of a picture of a side."""
        return LITE0_LAST * (-(-side // 32)) ** 2

    def forward(self, image: Tensor) -> Tensor:
        # To [-1, 1], as the Lite variants take pictures (theirs: 127 less, over 128).
        x = (2 * image - 1).contiguous(memory_format=torch.channels_last)
        return self.last(self.blocks(self.stem(x)))

    def folded(self) -> Lite0:
        """A copy that only looks, faster: each batch normalisation is part of its convolution."""
        fast = copy.deepcopy(self).eval().requires_grad_(False)
        for layer in list(fast.modules()):
            if isinstance(layer, Layer):
                layer.fold()
        return fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
