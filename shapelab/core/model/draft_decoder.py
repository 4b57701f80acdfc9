"""The generator as matrix products: half the time for one latent, to be seen for a moment.

oneDNN's transposed convolutions are made for batches and long rows. For one grid, the product of
all its cells with all of a kernel at once is faster, though each output cell is then put together
from the parts that fall on it (as in a transposed im2col, Chellapilla et al. 2006). The sums run in
another order, so the occupancy differs in its last bits: what is kept or written is decoded anew.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from shapelab.core.model.convolutions import TransposedConvolution
from shapelab.core.model.networks import Generator, joined

TAPS = 4  # cells of a kernel along an axis; two of them lie outside what its cell doubles to


class DraftDecoder:
    """Decodes one latent at a time by a folded generator that is made of grids."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        layers = [*generator.body.children(), generator.head]
        self._layers: list[tuple[Any, Tensor | None]] = [(each, _matrix(each)) for each in layers]

    def __call__(self, latent: Tensor) -> Tensor:
        """Logits [1, 1, R, R, R] of a latent [1, L]."""
        width = self._generator.width
        first = torch.relu(self._generator.first_activation(latent))
        cells = first.view(width, 2, 2, 2).permute(1, 2, 3, 0)  # [N, N, N, C] from here on
        for layer, matrix in self._layers:
            if matrix is None:
                cells = layer(cells.permute(3, 0, 1, 2)[None])[0].permute(1, 2, 3, 0)
            else:
                cells = _doubled(cells, matrix)
                if layer.bias is not None:
                    cells += layer.bias
        logits = cells.permute(3, 0, 1, 2)[None]
        return joined(logits) if self._generator.sub_cells else logits


def _matrix(layer: nn.Module) -> Tensor | None:
    """A kernel [C, C', 4, 4, 4] as [C, 4 * 4 * 4 * C']; None for any other layer."""
    if not isinstance(layer, TransposedConvolution):
        return None
    return layer.weight.permute(0, 2, 3, 4, 1).reshape(layer.in_channels, -1).contiguous()


def _doubled(cells: Tensor, matrix: Tensor) -> Tensor:
    """``conv_transpose3d(…, stride 2, padding 1)`` of cells [N, N, N, C]: [2N, 2N, 2N, C']."""
    n, channels = len(cells), cells.shape[3]
    rows = cells.reshape(n**3, channels)
    if matrix.shape[1] == TAPS**3:  # one channel: long rows are rows of cells
        parts = (matrix.T @ rows.T).view(TAPS, TAPS, TAPS, n, n, n)
        for _ in range(3):
            parts = _overlapped(parts, 0, 2)
        return parts[..., None]
    parts = (rows @ matrix).view(n, n, n, TAPS, TAPS, TAPS, -1)
    for axis in range(3):
        parts = _overlapped(parts, 3, axis)
    return parts


def _overlapped(parts: Tensor, kernel: int, axis: int) -> Tensor:
    """Sums what falls on each cell along an axis, counted without the dimension of its kernel.

    Cell i of the coarse row is spread over cells 2i - 1 … 2i + 2 of the fine one. Each of those
    gets two parts, but the first and the last.
    """
    left, even, odd, right = parts.unbind(kernel)
    n = even.shape[axis]
    wide = parts.new_empty([*even.shape[:axis], n, 2, *even.shape[axis + 1 :]])
    fine_even, fine_odd = wide.unbind(axis + 1)
    inner, before = (axis, 1, n - 1), (axis, 0, n - 1)
    torch.add(even.narrow(*inner), right.narrow(*before), out=fine_even.narrow(*inner))
    torch.add(odd.narrow(*before), left.narrow(*inner), out=fine_odd.narrow(*before))
    fine_even.select(axis, 0).copy_(even.select(axis, 0))
    fine_odd.select(axis, -1).copy_(odd.select(axis, -1))
    return wide.flatten(axis, axis + 1)
