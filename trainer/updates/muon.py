"""Muon: momentum whose update of a weight matrix is made orthogonal (Jordan et al. 2024).

All directions of a layer then learn alike, where Adam's updates follow a few. For matrices inside a
network; what reads and writes numbers of meaning, and all vectors, stay with Adam.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

MOMENTUM = 0.95
ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # the authors' quintic: singular values end near 1
SIZE = 0.2  # root mean square of an update, about that of Adam's (Liu et al. 2025)


def orthogonal(matrix: Tensor) -> Tensor:
    """U V^T of a matrix [m, n] = U S V^T, about, in bfloat16: by Newton-Schulz iterations.

    Singular values above a hundredth of the matrix's norm come to 0.7 to 1.2.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class Muon(Optimizer):
    """Moves weights [m, ...] of two axes or more; all but the first are one side of the matrix."""

    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update with Nesterov's momentum."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group["lr"])

    def _move(self, parameter: Tensor, rate: float) -> None:
        slots = self.state[parameter]
        if not slots:
            slots["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = slots["momentum"]
        momentum.lerp_(parameter.grad, 1 - MOMENTUM)  # type: ignore[arg-type]
        ahead = parameter.grad.lerp(momentum, MOMENTUM)  # type: ignore[union-attr]
        matrix = ahead.reshape(len(ahead), -1)
        update = orthogonal(matrix).to(parameter.dtype).view(ahead.shape)
        parameter.add_(update, alpha=-rate * SIZE * max(matrix.shape) ** 0.5)
