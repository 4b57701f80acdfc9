"""Which shapes of several stores make up the batch of a step, by the stores' weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_FINEST = 1000  # a weight is taken as a fraction with at most this denominator


class WeightedRows:
    """Rows of several stores, drawn in turns; a pure function of seed and step.

    The places of all batches, one after the other, are dealt to the stores in a cycle in which each
    has as many as its weight says and which is as even as it can be: the next place goes to the
    store that lags most behind its share. Of each store the shapes come in permutations, whole
    ones, one after the other, like the epochs of a single store.
    """

    def __init__(
        self, rows: Sequence[NDArray[np.int64]], weights: Sequence[float], seed: int, size: int
    ) -> None:
        self._rows = rows
        self._seed = seed
        self._size = size
        fractions = [Fraction(weight).limit_denominator(_FINEST) for weight in weights]
        fractions = [max(each, Fraction(1, _FINEST)) for each in fractions]
        scale = math.lcm(*(each.denominator for each in fractions))
        counts = [int(each * scale) for each in fractions]
        shared = math.gcd(*counts)
        self._counts = np.array([count // shared for count in counts], np.int64)
        self._cycle = int(self._counts.sum())
        self._owners = np.zeros(self._cycle, np.int64)
        self._ranks = np.zeros(self._cycle, np.int64)  # which of its owner's places in the cycle
        dealt = np.zeros(len(counts), np.int64)
        for place in range(self._cycle):
            owner = int((self._counts * (place + 1) - self._cycle * dealt).argmax())
            self._owners[place], self._ranks[place] = owner, dealt[owner]
            dealt[owner] += 1

    def rows_of(self, step: int) -> NDArray[np.int64]:
        """The rows of a step, shuffled, since a batch's places have roles of their own."""
        rounds, places = np.divmod(step * self._size + np.arange(self._size), self._cycle)
        owners = self._owners[places]
        numbers = rounds * self._counts[owners] + self._ranks[places]
        drawn = np.zeros(self._size, np.int64)
        for k, rows in enumerate(self._rows):
            own = np.flatnonzero(owners == k)
            epochs, positions = np.divmod(numbers[own], len(rows))
            for epoch in np.unique(epochs).tolist():
                order = np.random.default_rng([self._seed, 4, k, epoch]).permutation(rows)
                drawn[own[epochs == epoch]] = order[positions[epochs == epoch]]
        return np.random.default_rng([self._seed, 5, step]).permutation(drawn)
