"""A 2-D convolution as one matrix product: faster on a CPU for few pixels of many channels.

Deep layers of an image encoder see 2 to 8 pixels a side. oneDNN's convolutions, most of all their
backward passes, take several times as long there as a product of the same size. So each output
pixel's k x k patch becomes a row of a matrix, and the kernel's matrix does the rest (im2col,
Chellapilla et al. 2006): Y = P W^T + b, whose gradients are dP = dY W, dW = dY^T P, db = sum dY.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MOST_PIXELS = 64  # of a layer's output; above, the copies of patches cost what the product gains


class PatchConv2d(nn.Conv2d):
    """``nn.Conv2d`` with a square kernel, stride and zero padding; same weights, same result."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        weight, bias = self.weight, self.bias
        assert bias is not None
        if torch.is_autocast_enabled("cpu"):
            half = torch.get_autocast_dtype("cpu")
            x, weight, bias = x.to(half), weight.to(half), bias.to(half)
        stride, padding = self.stride[0], int(self.padding[0])
        flat = _Product.apply(x, weight, bias, stride, padding)  # type: ignore[no-untyped-call]
        # A view made in here may be changed in place by the next layer, one from in there may not.
        rows, columns = (
            (n + 2 * padding - k) // stride + 1
            for n, k in zip(x.shape[2:], self.kernel_size, strict=True)
        )
        return flat.view(len(x), rows, columns, -1).permute(0, 3, 1, 2)


class _Product(torch.autograd.Function):
    """Patches [pixels, k k C] times the kernel's matrix [k k C, C']: [pixels, C']."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int
    ) -> Tensor:
        side = weight.shape[2]
        wide = functional.pad(x, (padding,) * 4).permute(0, 2, 3, 1).contiguous()
        b, height, width, channels = wide.shape
        rows, columns = (height - side) // stride + 1, (width - side) // stride + 1
        down, right = wide.stride(1), wide.stride(2)
        windows = wide.as_strided(
            (b, rows, columns, side, side, channels),
            (wide.stride(0), stride * down, stride * right, down, right, 1),
        )
        patches = windows.reshape(b * rows * columns, -1)
        matrix = weight.permute(0, 2, 3, 1).reshape(len(weight), -1)
        ctx.save_for_backward(patches, matrix)
        ctx.shapes = (wide.shape, (rows, columns, side), stride, padding)
        return torch.addmm(bias, patches, matrix.T)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        patches, matrix = ctx.saved_tensors
        shape, (rows, columns, side), stride, padding = ctx.shapes
        flat = outer.contiguous()
        towards_x = own = own_bias = None
        if ctx.needs_input_grad[0]:
            wide = flat.new_zeros(shape)
            # A pixel lies in up to k x k patches: what each of them asks of it is summed up.
            parts = (flat @ matrix).view(len(wide), rows, columns, side, side, -1)
            for i in range(side):
                for j in range(side):
                    down, right = i + stride * rows, j + stride * columns
                    wide[:, i:down:stride, j:right:stride] += parts[:, :, :, i, j]
            inner = wide[:, padding : shape[1] - padding, padding : shape[2] - padding]
            towards_x = inner.permute(0, 3, 1, 2)
        if ctx.needs_input_grad[1]:
            product = flat.T @ patches
            own = product.view(len(matrix), side, side, -1).permute(0, 3, 1, 2)
        if ctx.needs_input_grad[2]:
            own_bias = flat.sum(0)
        return towards_x, own, own_bias, None, None
