"""The 3-D networks' one convolution, kernel 4, stride 2, padding 1, at full speed on a CPU.

A fine grid [B, C, 2N, 2N, 2N] and a coarse grid [B, C', N, N, N] are joined by a kernel
[C', C, 4, 4, 4]: ``to_coarse`` convolves, ``to_fine`` is its transpose, ``kernel_gradient`` the
gradient of both towards the kernel. oneDNN's kernels fall to a tenth of their usual speed for one
fine channel and to a half where the rows are two cells long, so these two cases are put to it in
another form, which is the same sum in another order.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE, PADDING = 2, 1
GEOMETRY = ([STRIDE] * 3, [PADDING] * 3, [1] * 3)  # and dilation, as convolution_backward asks
SHORT_ROW = 4  # cells of the coarse grid along an axis, and less
JOIN_FROM = 8  # samples; fewer make no row longer than the kernel's own unrolling


def to_coarse(fine: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """``conv3d(fine, kernel, bias, 2, 1)``: [B, C, 2N, 2N, 2N] -> [B, C', N, N, N]."""
    if not _is_better_joined(fine):
        return functional.conv3d(fine, kernel, bias, STRIDE, PADDING)
    row = functional.conv3d(_joined(fine, 1, 2), kernel, bias, STRIDE, (PADDING, PADDING, 0))
    return _parted(row, len(fine), 0, 1)


def to_fine(coarse: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """``conv_transpose3d(coarse, kernel, bias, 2, 1)``: [B, C', N, ...] -> [B, C, 2N, ...]."""
    if kernel.shape[1] == 1 and coarse.device.type == "cpu":
        return _to_one_channel(coarse, kernel, bias)
    if not _is_better_joined(coarse):
        return functional.conv_transpose3d(coarse, kernel, bias, STRIDE, PADDING)
    row = functional.conv_transpose3d(
        _joined(coarse, 0, 1), kernel, bias, STRIDE, (PADDING, PADDING, 0)
    )
    return _parted(row[..., : row.shape[4] - 2], len(coarse), 1, 2)


def kernel_gradient(
    coarse: Tensor, fine: Tensor, kernel: Tensor, *, with_bias: bool
) -> tuple[Tensor, Tensor | None]:
    """The gradient towards the kernel, and to_coarse's towards its bias, where it is asked for.

    Args:
        coarse: to_coarse's outer gradient, or to_fine's input.
        fine: to_coarse's input, or to_fine's outer gradient.
        kernel: only its shape and layout count.
        with_bias: whether ``coarse`` is to be summed up too.
    """
    _, own, own_bias = torch.ops.aten.convolution_backward(
        coarse, fine, kernel, [len(kernel)], *GEOMETRY, False, [0] * 3, 1, [False, True, with_bias]
    )
    return own, own_bias


class Convolution(nn.Conv3d):
    """``to_coarse`` as a layer; its backward is made of the functions above."""

    def __init__(self, fine: int, coarse: int) -> None:
        super().__init__(fine, coarse, 4, STRIDE, PADDING)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":  # no slow case there
            return super().forward(x)
        return _ToCoarse.apply(*_cast(x, self.weight, self.bias))  # type: ignore[no-untyped-call]


class TransposedConvolution(nn.ConvTranspose3d):
    """``to_fine`` as a layer; its backward is made of the functions above."""

    def __init__(self, coarse: int, fine: int, bias: bool) -> None:
        super().__init__(coarse, fine, 4, STRIDE, PADDING, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x, output_size)
        return _ToFine.apply(*_cast(x, self.weight, self.bias))  # type: ignore[no-untyped-call]


class _ToCoarse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, kernel)
        return to_coarse(x, kernel, bias)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():  # to be differentiated again: torch's own can be
            return torch.ops.aten.convolution_backward(
                outer[0], x, kernel, [len(kernel)], *GEOMETRY, False, [0] * 3, 1, wanted
            )
        towards_x = to_fine(outer[0], kernel) if wanted[0] else None
        if not (wanted[1] or wanted[2]):
            return towards_x, None, None
        return towards_x, *kernel_gradient(outer[0], x, kernel, with_bias=wanted[2])


class _ToFine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, kernel)
        return to_fine(x, kernel, bias)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():
            return torch.ops.aten.convolution_backward(
                outer[0], x, kernel, [kernel.shape[1]], *GEOMETRY, True, [0] * 3, 1, wanted
            )
        towards_x = to_coarse(outer[0], kernel, None) if wanted[0] else None
        own = kernel_gradient(x, outer[0], kernel, with_bias=False)[0] if wanted[1] else None
        own_bias = outer[0].sum((0, 2, 3, 4)) if wanted[2] else None
        return towards_x, own, own_bias


def _cast(*tensors: Tensor | None) -> tuple[Tensor | None, ...]:
    """The tensors in autocast's type where it is on, as torch's own layers do it."""
    if not torch.is_autocast_enabled("cpu"):
        return tensors
    half = torch.get_autocast_dtype("cpu")
    return tuple(None if t is None else t.to(half) for t in tensors)


def _to_one_channel(coarse: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """to_fine for one channel, as sub-pixel convolution (Shi et al. 2016).

    An output cell 2m + p sees two inputs along each axis. So the eight parities p are eight
    channels of one convolution with kernel 2, which are then interleaved.
    """
    channels, n = kernel.shape[0], coarse.shape[2]
    # Along an axis the flipped kernel's cell 2t + p weighs input m - 1 + p + t.
    split = kernel.flip(2, 3, 4).reshape(channels, 2, 2, 2, 2, 2, 2)
    halves = split.permute(2, 4, 6, 0, 1, 3, 5).reshape(8, channels, 2, 2, 2)
    phases = functional.conv3d(coarse, halves, None if bias is None else bias.expand(8), 1, 1)
    fine = phases.new_zeros(len(coarse), n, 2, n, 2, n, 2)
    for i, (p, q, r) in enumerate(product((0, 1), repeat=3)):
        fine[:, :, p, :, q, :, r] = phases[:, i, p : p + n, q : q + n, r : r + n]
    return fine.view(len(coarse), 1, 2 * n, 2 * n, 2 * n)


def _is_better_joined(grid: Tensor) -> bool:
    """Whether the rows are so short that the batch's samples are better laid in one row."""
    return (
        grid.device.type == "cpu"
        and grid.shape[1] > 1
        and grid.shape[4] <= SHORT_ROW
        and len(grid) >= JOIN_FROM
    )


def _joined(grid: Tensor, before: int, gap: int) -> Tensor:
    """Lays all samples along the last axis, zeros between: [1, C, N, N, B (N + gap) + gap].

    The gaps are the padding of the samples, shared by neighbours, so the one long row needs none of
    its own. Without padding, cell m of a coarse row is made of the cells 2m … 2m + 3 of the fine
    one. So with a gap of 2 cells in the fine row, where sample s has its cell i at
    s (2N + 2) + 1 + i, and of 1 cell in the coarse row, where its cell j is at s (N + 1) + j, cell
    j of sample s is made of its cells 2j - 1 … 2j + 2, as padding 1 asks, and no cell of another.
    """
    b, c, n = grid.shape[:3]
    row = grid.new_zeros(n, n, b * (n + gap) + gap * (gap > 1), c)
    places = row[:, :, : b * (n + gap)].unflatten(2, (b, n + gap))
    places[:, :, :, before : before + n] = grid.permute(2, 3, 0, 4, 1)
    return row.permute(3, 0, 1, 2).unsqueeze(0)


def _parted(row: Tensor, b: int, before: int, gap: int) -> Tensor:
    """The inverse of ``_joined``: [1, C, N, N, B (N + gap)] -> [B, C, N, N, N].

    What lies in the gaps is made of two samples, or of padding, and is left out.
    """
    n = row.shape[2]
    places = row[0].permute(1, 2, 3, 0).unflatten(2, (b, n + gap))
    grid = places[:, :, :, before : before + n].permute(2, 0, 1, 3, 4).contiguous()
    return grid.permute(0, 4, 1, 2, 3)
