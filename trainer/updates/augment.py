"""Moves grids for the critic (DiffAugment, Zhao et al. 2020), differentiably."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def shift(grids: Tensor, by: Tensor) -> Tensor:
    """Moves each grid by whole voxels; what leaves is lost, what enters is empty.

    Args:
        grids: [B, 1, R, R, R].
        by: [B, 3] whole numbers, along x, y and z.
    """
    reach = int(by.abs().max())
    if reach == 0:
        return grids
    side = grids.shape[-1]
    wide = functional.pad(grids, (reach,) * 6)
    starts = (reach - by).tolist()
    moved = [
        one[:, x : x + side, y : y + side, z : z + side]
        for one, (x, y, z) in zip(wide, starts, strict=True)
    ]
    return torch.stack(moved)
