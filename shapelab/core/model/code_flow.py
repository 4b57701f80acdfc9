"""A bijective map between normal noise and a model's codes, as a network of affine couplings.

A coupling (Real NVP, Dinh et al. 2017) leaves one half of the numbers as they are, and moves and
scales the other half by what a small network says of the first. So its inverse is as cheap as
itself and exact, whatever the network says, and its Jacobian is triangular.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.float32]

BOUND = 1.5  # a coupling scales by e^-1.5 to e^1.5 at most: no code is far from its noise
MAX_LAYERS, MAX_WIDTH = 32, 1024  # of what a file may ask for


class _Coupling(nn.Module):
    """What the first half says of the second: logarithms of scales, and shifts."""

    def __init__(self, seen: int, moved: int, classes: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(seen + classes, width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 2 * moved)
        nn.init.zeros_(self.last.weight)  # a new flow is the identity
        nn.init.zeros_(self.last.bias)

    def forward(self, seen: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        h = nn.functional.silu(self.first(torch.cat([seen, kinds], 1)))
        h = h + nn.functional.silu(self.second(h))
        scale, shift = self.last(h).chunk(2, dim=1)
        return BOUND * torch.tanh(scale / BOUND), shift


class CodeFlow(nn.Module):
    """Noise <-> whitened codes (n, latent), for classes given as rows that add up to 1.

    Args:
        latent: numbers of a code, two or more.
        classes: how many; a row [n, classes] of ``kinds`` may blend several.
        layers: couplings; each parts the numbers otherwise into halves.
        width: of the couplings' networks.
        seed: of the orders.
    """

    orders: Tensor  # [layers, latent] int64, a permutation a layer

    def __init__(self, latent: int, classes: int, layers: int, width: int, seed: int = 0) -> None:
        super().__init__()
        self.seen = latent // 2
        rng = np.random.default_rng(seed)
        orders = np.stack([rng.permutation(latent) for _ in range(layers)])
        self.register_buffer("orders", torch.from_numpy(orders))
        self.couplings = nn.ModuleList(
            _Coupling(self.seen, latent - self.seen, classes, width) for _ in range(layers)
        )

    @property
    def layers(self) -> int:
        return len(self.couplings)

    @property
    def width(self) -> int:
        return cast("_Coupling", self.couplings[0]).second.out_features

    def forward(self, white: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Noise [n, latent] of whitened codes, and log |det d noise / d white| [n]."""
        log_det = torch.zeros(len(white)).to(white)
        for order, coupling in zip(self.orders, self.couplings, strict=True):
            seen, moved = white[:, order].tensor_split((self.seen,), dim=1)
            scale, shift = coupling(seen, kinds)
            white = torch.cat([seen, (moved + shift) * scale.exp()], 1)[:, order.argsort()]
            log_det = log_det + scale.sum(1)
        return white, log_det

    def inverse(self, noise: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Whitened codes [n, latent] of noise, and log |det d white / d noise| [n]."""
        log_det = torch.zeros(len(noise)).to(noise)
        steps = list(zip(self.orders, self.couplings, strict=True))
        for order, coupling in reversed(steps):
            seen, moved = noise[:, order].tensor_split((self.seen,), dim=1)
            scale, shift = coupling(seen, kinds)
            noise = torch.cat([seen, moved * (-scale).exp() - shift], 1)[:, order.argsort()]
            log_det = log_det - scale.sum(1)
        return noise, log_det

    @torch.inference_mode()
    def noise_of(self, white: Array, kinds: Array) -> tuple[Array, Array]:
        """``forward`` of arrays."""
        noise, log_det = self(torch.from_numpy(white), torch.from_numpy(kinds))
        return noise.numpy(), log_det.numpy()

    @torch.inference_mode()
    def white_of(self, noise: Array, kinds: Array) -> Array:
        """``inverse`` of arrays."""
        white: Array = self.inverse(torch.from_numpy(noise), torch.from_numpy(kinds))[0].numpy()
        return white
