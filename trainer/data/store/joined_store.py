"""Several stores as one: their rows one after the other, their classes joined by name."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.runs.store_card import read_card
from shapelab.core.runs.store_mix import RunData, mixed_card, shares_of

from .prepared_store import Store, open_store

_FINEST = 1000  # a weight is taken as a fraction with at most this denominator

_UNUSED = -1  # split of a training shape that another store holds out


class JoinedStore(Store):
    """The shapes of several stores; ``open_data`` makes it.

    A training shape of one store that another one holds out, cell by cell, belongs to no split: it
    would be known before it is asked for.
    """

    def __init__(self, parts: list[tuple[Store, float]]) -> None:
        stores = [store for store, _ in parts]
        card = mixed_card([read_card(store.folder) for store in stores])
        weights = ", ".join(f"{weight:g}" for _, weight in parts)
        index: dict[str, Any] = {
            "version": min(int(store.index["version"]) for store in stores),
            "source": " and ".join(str(store.index["source"]) for store in stores),
            "reader": "",
            "licence": "; ".join(
                dict.fromkeys(
                    str(store.index["licence"]) for store in stores if store.index["licence"]
                )
            ),
            "resolution": card.resolution,
            "classes": list(card.classes),
            "picture_size": card.picture_size,
            "fields": all(store.has_distances for store in stores),
            "weights": weights,
        }
        marks = [[store.fingerprint, float(weight)] for store, weight in parts]
        fingerprint = hashlib.sha256(json.dumps(marks).encode()).hexdigest()
        shapes = np.concatenate([store.shapes for store in stores])
        super().__init__(stores[0].folder, index, fingerprint, shapes)
        self.name = " and ".join(store.name for store in stores)
        self.parts = tuple(parts)
        self._starts_at = np.cumsum([0, *map(len, stores)])
        places = {name: k for k, name in enumerate(self.classes)}
        self.labels = np.concatenate(
            [np.array([places[n] for n in store.classes])[store.labels] for store in stores]
        ).astype(np.int64)
        self.split = self._split_apart()

    def part_of(self, row: int) -> tuple[Store, int]:
        """The store that holds a row, and the row in it."""
        part = int(np.searchsorted(self._starts_at, row, "right")) - 1
        return self.parts[part][0], row - int(self._starts_at[part])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Names of the shapes in their sources."""
        return tuple(name for store, _ in self.parts for name in store.ids)

    @cached_property
    def rejected(self) -> tuple[tuple[str, str], ...]:
        """Names of what was left out of the sources, and why."""
        return tuple(each for store, _ in self.parts for each in store.rejected)

    @cached_property
    def attributions(self) -> list[dict[str, Any]]:
        """Who made the shapes of any of the stores."""
        return [each for store, _ in self.parts for each in store.attributions]

    def train_rows(self) -> list[tuple[Store, NDArray[np.int64]]]:
        """The stores that are joined in it, each with its training rows here."""
        train = self.indices("train")
        rows = np.split(train, np.searchsorted(train, self._starts_at[1:-1]))
        return [(store, own) for (store, _), own in zip(self.parts, rows, strict=True)]

    def has_measured(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which shapes' distances were measured, (len(rows),), not guessed from voxels."""
        own = [bool(store.has_measured(np.zeros(1, np.int64))[0]) for store, _ in self.parts]
        return np.array(own)[np.searchsorted(self._starts_at, rows, "right") - 1]

    def _split_apart(self) -> NDArray[np.int8]:
        digests = self.shapes["digest"].tobytes()
        names = [digests[k : k + 32] for k in range(0, len(digests), 32)]
        held_out = {name for name, split in zip(names, self.split.tolist(), strict=True) if split}
        known = np.array([name in held_out for name in names])
        return np.where((self.split == 0) & known, _UNUSED, self.split).astype(np.int8)

    def _pieces(
        self, rows: NDArray[np.int64], places: NDArray[np.int64], size: int
    ) -> NDArray[np.uint8]:
        found = np.zeros((len(rows), size), np.uint8)
        owners = np.searchsorted(self._starts_at, rows, "right") - 1
        for k, (store, _) in enumerate(self.parts):
            own = np.flatnonzero(owners == k)
            if len(own):
                found[own] = store._pieces(rows[own] - self._starts_at[k], places[own], size)
        return found


def open_data(data: RunData) -> Store:
    """Opens what a run learns from: a store, or several as one.

    Raises:
        DataError: one cannot be opened, or they cannot be mixed.
    """
    shares = shares_of(data)
    if len(shares) == 1:
        return open_store(shares[0].store)
    return JoinedStore([(open_store(Path(share.store)), share.weight) for share in shares])


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
