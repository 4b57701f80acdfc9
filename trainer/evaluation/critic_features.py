"""Classes told apart by a linear SVM on what a critic's layers respond to (3D-GAN, sec. 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from shapelab.core.model.networks import LEAK, Critic, parted
from shapelab.core.model.spec import ModelSpec

from ..process.control import Check, never_stop
from ..updates.encoding import batches_of

POOLED = 2  # cells a side that each layer's response is pooled to
COSTS = (1e-4, 1e-3, 1e-2, 1e-1)  # of a violated margin; the best by cross-validation
FOLDS = 5


def untrained(spec: ModelSpec) -> Critic:
    """A critic as it is before training: what the architecture alone tells apart."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Critic(spec)


def features(critic: Critic, grids: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Responses of all layers but the first, each max-pooled to 2 x 2 x 2 cells, (n, size)."""
    weight = next(critic.parameters())
    found = []
    with torch.inference_mode():
        for part in batches_of(grids, never_stop):
            x = torch.from_numpy(part[:, None].astype(np.float32)).to(weight)
            x = parted(x) if critic.sub_cells else x
            pooled = []
            for k, conv in enumerate(critic.convs):
                x = functional.leaky_relu(conv(x), LEAK)
                if k:
                    pooled.append(functional.adaptive_max_pool3d(x, POOLED).flatten(1))
            found.append(torch.cat(pooled, 1).cpu())
    return torch.cat(found).numpy()


@dataclass(frozen=True)
class LinearSvm:
    """One linear machine a class against all others, on features of mean 0 and deviation 1."""

    middle: NDArray[np.float64]  # (size,)
    scale: NDArray[np.float64]  # (size,)
    weights: NDArray[np.float64]  # (size + 1, classes); the last row is the offset
    labels: NDArray[np.int64]  # (classes,)

    @classmethod
    def fit(
        cls, rows: NDArray[np.floating], labels: NDArray[np.int64], check: Check = never_stop
    ) -> LinearSvm:
        """Learns from rows (n, size) and their labels; the cost is chosen by cross-validation."""
        fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
        right = []
        for cost in COSTS:
            hits = 0
            for k in range(FOLDS):
                check()
                learnt, kept = fold != k, fold == k
                if len(np.unique(labels[learnt])) > 1:
                    machine = cls.at(rows[learnt], labels[learnt], cost)
                    hits += int((machine.predict(rows[kept]) == labels[kept]).sum())
            right.append(hits)
        return cls.at(rows, labels, COSTS[int(np.argmax(right))])

    @classmethod
    def at(cls, rows: NDArray[np.floating], labels: NDArray[np.int64], cost: float) -> LinearSvm:
        """Minimises |w|^2 / 2 + cost sum max(0, 1 - y (w x + b))^2 for each class, y = +-1.

        The squared hinge of liblinear's L2-loss machine; the offset counts as a weight there too.
        """
        from scipy.optimize import minimize

        rows = np.asarray(rows, np.float64)
        middle, scale = rows.mean(0), rows.std(0)
        scale[scale < 1e-9] = 1.0
        x = _extended((rows - middle) / scale)
        present = np.unique(labels)
        y = np.where(labels[:, None] == present, 1.0, -1.0)

        def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            w = flat.reshape(x.shape[1], len(present))
            short = np.maximum(0.0, 1 - y * (x @ w))
            value = 0.5 * (w**2).sum() + cost * (short**2).sum()
            return float(value), (w - 2 * cost * (x.T @ (y * short))).ravel()

        start = np.zeros(x.shape[1] * len(present))
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
        return cls(middle, scale, found.x.reshape(x.shape[1], len(present)), present)

    def predict(self, rows: NDArray[np.floating]) -> NDArray[np.int64]:
        """Labels (n,) of rows (n, size)."""
        scores = _extended((rows - self.middle) / self.scale) @ self.weights
        return self.labels[scores.argmax(1)]


def _extended(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.concatenate([rows, np.ones((len(rows), 1))], 1)
