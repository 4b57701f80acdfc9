"""The generator as matrix products: half the time for one latent, to be seen for a moment.

oneDNN's transposed convolutions are made for batches and long rows. For one grid, the product of
all its cells with all of a kernel at once is faster, though each output cell is then put together
from the parts that fall on it (as in a transposed im2col, Chellapilla et al. 2006). The sums run in
another order, so the occupancy differs in its last bits: what is kept or written is decoded anew.

All layers take turns in two blocks of memory of the decoder's own. Blocks as large as these would
come from the system and go back to it at every call, and clearing them took as long as the sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from shapelab.core.model.convolutions import TransposedConvolution
from shapelab.core.model.networks import Generator, joined

TAPS = 4  # cells of a kernel along an axis; two of them lie outside what its cell doubles to
FIRST_SIDE = 2  # cells along a side of what the dense layer makes


class DraftDecoder:
    """Decodes one latent at a time by a folded generator that is made of grids."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        layers = [*generator.body.children(), generator.head]
        doubling = [each for each in layers if isinstance(each, TransposedConvolution)]
        sides = [FIRST_SIDE << number for number in range(len(doubling))]
        sizes = zip(sides, doubling, strict=True)
        most = max(n**3 * TAPS**3 * layer.out_channels for n, layer in sizes)
        memory = torch.empty(most), torch.empty(most // 2)
        self._layers: list[Callable[[Tensor], Tensor]] = [
            _Doubling(each, sides.pop(0), memory)
            if isinstance(each, TransposedConvolution)
            else _channels_last(each)
            for each in layers
        ]

    def __call__(self, latent: Tensor) -> Tensor:
        """Logits [1, 1, R, R, R] of a latent [1, L], in memory that the next call writes over."""
        first = torch.relu(self._generator.first_activation(latent))
        side = FIRST_SIDE
        cells = first.view(self._generator.width, side, side, side).permute(1, 2, 3, 0)
        for layer in self._layers:
            cells = layer(cells)  # [N, N, N, C]
        logits = cells.permute(3, 0, 1, 2)[None]
        return joined(logits) if self._generator.sub_cells else logits


def _channels_last(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    """Any other layer for cells [N, N, N, C]."""
    return lambda cells: layer(cells.permute(3, 0, 1, 2)[None])[0].permute(1, 2, 3, 0)


class _Doubling:
    """``conv_transpose3d(…, stride 2, padding 1)`` of cells [N, N, N, C]: [2N, 2N, 2N, C']."""

    def __init__(self, layer: TransposedConvolution, n: int, memory: tuple[Tensor, Tensor]) -> None:
        """Args: n: the N above. memory: for what a kernel makes of all cells, and half as much."""
        # A kernel [C, C', 4, 4, 4] as [C, 4 * 4 * 4 * C'].
        matrix = layer.weight.permute(0, 2, 3, 4, 1).reshape(layer.in_channels, -1)
        self._matrix, self._bias = matrix.contiguous(), layer.bias
        self._one_channel = layer.out_channels == 1  # long rows are rows of cells then
        self._sums: list[tuple[Tensor, Tensor | None, Tensor]] = []
        rows, taps, cells = [n**3, matrix.shape[1]], [TAPS] * 3, [n] * 3
        self._parts = _beginning(memory[0], rows[::-1] if self._one_channel else rows)
        parts = self._parts.view([*taps, *cells] if self._one_channel else [*cells, *taps, -1])
        for axis, other in enumerate((memory[1], memory[0], memory[1])):
            kernel, along = (0, 2) if self._one_channel else (3, axis)
            parts = self._overlapped(parts, kernel, along, other)
        self._fine = parts[..., None] if self._one_channel else parts

    def __call__(self, cells: Tensor) -> Tensor:
        rows, matrix = cells.reshape(-1, cells.shape[3]), self._matrix
        both = (matrix.T, rows.T) if self._one_channel else (rows, matrix)
        torch.mm(*both, out=self._parts)
        for a, b, into in self._sums:
            into.copy_(a) if b is None else torch.add(a, b, out=into)
        return self._fine if self._bias is None else self._fine.add_(self._bias)

    def _overlapped(self, parts: Tensor, kernel: int, axis: int, memory: Tensor) -> Tensor:
        """Where the sums of what falls on each cell along an axis will lie.

        Cell i of the coarse row is spread over cells 2i - 1 … 2i + 2 of the fine one. Each of those
        gets two parts, but the first and the last. The axis is counted without the kernel's.
        """
        left, even, odd, right = parts.unbind(kernel)
        n = even.shape[axis]
        wide = _beginning(memory, [*even.shape[:axis], n, 2, *even.shape[axis + 1 :]])
        fine_even, fine_odd = wide.unbind(axis + 1)
        inner, before = (axis, 1, n - 1), (axis, 0, n - 1)
        self._sums += [
            (even.narrow(*inner), right.narrow(*before), fine_even.narrow(*inner)),
            (odd.narrow(*before), left.narrow(*inner), fine_odd.narrow(*before)),
            (even.select(axis, 0), None, fine_even.select(axis, 0)),
            (odd.select(axis, -1), None, fine_odd.select(axis, -1)),
        ]
        return wide.flatten(axis, axis + 1)


def _beginning(memory: Tensor, shape: list[int]) -> Tensor:
    return memory[: math.prod(shape)].view(shape)
