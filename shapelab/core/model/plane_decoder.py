"""The generator's other body: three planes of features, from which each cell takes its own.

As in the tri-planes of EG3D (Chan et al. 2022): a cell (x, y, z) sums what the planes xy, xz and yz
say of it. A leg, a board or a box is made of few places of each plane, however thin it is, and the
planes have the resolution of the grid, where a body of grids has it in its last layer alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from shapelab.core.model.spec import ModelSpec

SIDE = 4  # cells of the planes that the dense layer gives
PLANES = 3


class PlaneDecoder(nn.Module):
    """First activations [B, 3 * 16 * width] -> features of cells [B, N, N, N, ``features``]."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        widths = spec.plane_widths
        self.width = widths[0]
        self.features = spec.plane_features
        self.planes = nn.ModuleList(_plane(widths, self.features) for _ in range(PLANES))
        self.mix = nn.Linear(self.features, self.features)

    def forward(self, h: Tensor, slabs: Tensor | None = None) -> Tensor:
        """Features of all cells, or of those whose x is in ``slabs`` [S] int64, for S of N."""
        parts = h.view(len(h), PLANES, self.width, SIDE, SIDE)
        xy, xz, yz = (
            plane(parts[:, i].contiguous(memory_format=torch.channels_last)).permute(0, 2, 3, 1)
            for i, plane in enumerate(self.planes)
        )
        if slabs is not None:
            xy, xz = xy[:, slabs], xz[:, slabs]
        cells = xy[:, :, :, None] + xz[:, :, None]
        cells += yz[:, None]
        return torch.relu_(self.mix(torch.relu_(cells)))

    def fold(self) -> None:
        """Makes each batch norm part of its convolution, for good."""
        self.planes = nn.ModuleList(_folded(plane) for plane in self.planes)


def _plane(widths: tuple[int, ...], features: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [
            nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False),
            nn.BatchNorm2d(b),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], features, 3, padding=1))


def _folded(plane: Any) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in plane:
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer, transpose=True)  # type: ignore[type-var]
        else:
            layers.append(layer)
    return nn.Sequential(*layers)
