"""What the frozen voxel encoder says of every training shape, computed once for the image phase."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..data.batches.batches import Batch
from ..data.store.prepared_store import Store
from ..process.control import Check, never_stop
from .state import TrainState

CHUNK = 64


class CodeTargets:
    """Means and log-variances of all shapes, as they are and flipped; made at the first use."""

    def __init__(self, *stores: Store) -> None:
        self._stores = stores  # their rows are counted through
        self._known: Tensor | None = None  # [2, n, 2 L]

    def learn(self, state: TrainState, check: Check = never_stop) -> None:
        """Asks the voxel encoder about all shapes; what ``check`` raises puts it off."""
        self._known = torch.stack(
            [
                torch.cat([self._encode(state, store, flip, check) for store in self._stores])
                for flip in (False, True)
            ]
        )

    def posterior(self, state: TrainState, batch: Batch) -> tuple[Tensor, Tensor]:
        """Means and log-variances [B, L] of a batch's shapes."""
        if self._known is None:
            self.learn(state)
        assert self._known is not None
        rows = torch.from_numpy(batch.rows).to(self._known.device)
        flips = torch.from_numpy(batch.flipped.astype(np.int64)).to(self._known.device)
        mean, log_variance = self._known[flips, rows].chunk(2, dim=1)
        return mean, log_variance

    @torch.no_grad()
    def _encode(
        self, state: TrainState, store: Store, flipped: bool, check: Check = never_stop
    ) -> Tensor:
        encoder = state.averages["voxel_encoder"]
        weight = next(encoder.parameters())
        parts = []
        for start in range(0, len(store), CHUNK):
            check()
            stop = min(start + CHUNK, len(store))
            grids = store.grids(np.arange(start, stop))
            grids = grids[:, ::-1] if flipped else grids
            batch = torch.from_numpy(np.ascontiguousarray(grids[:, None]))
            parts.append(torch.cat(encoder(batch.to(weight)), dim=1))
        return torch.cat(parts)
