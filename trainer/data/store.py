"""The prepared store: bit-packed grids and framed pictures, memory-mapped, with an index."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.atomic import atomic_write
from shapelab.errors import DataError

FORMAT = "shapelab-store"
VERSION = 1


@dataclass(frozen=True)
class Store:
    """An opened store. Arrays are memory maps; nothing is read before it is used."""

    folder: Path
    resolution: int
    classes: tuple[str, ...]
    labels: NDArray[np.int64]  # (n,)
    split: NDArray[np.int8]  # (n,) 0 = train, 1 = validation
    packed: NDArray[np.uint8]  # (n, R^3 / 8)
    views: NDArray[np.uint8] | None  # (n, V, 2, S, S) as images.to_input gives, x 255
    fingerprint: str  # sha256 over the index: which data a run was trained on
    index: dict[str, Any]

    def __len__(self) -> int:
        return len(self.labels)

    def indices(self, split: str) -> NDArray[np.int64]:
        """Positions of the 'train' or 'validation' shapes."""
        return np.flatnonzero(self.split == {"train": 0, "validation": 1}[split])

    def grids(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Solid grids (len(rows), R, R, R)."""
        bits = np.unpackbits(self.packed[rows], axis=1).astype(bool)
        return bits.reshape(-1, self.resolution, self.resolution, self.resolution)


def choose_split(labels: NDArray[np.int64], share: float = 0.1, seed: int = 0) -> NDArray[np.int8]:
    """Holds out ``share`` of each class, by shape; 0 = train, 1 = validation."""
    rng = np.random.default_rng(seed)
    split = np.zeros(len(labels), np.int8)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        split[own[: round(share * len(own))]] = 1
    return split


def write_index(folder: Path, index: dict[str, Any]) -> None:
    """Writes index.json last and atomically: a store without it is not complete."""
    body = json.dumps({"format": FORMAT, "version": VERSION, **index})
    atomic_write(folder / "index.json", body.encode())


def open_store(folder: Path) -> Store:
    """Opens a prepared store.

    Raises:
        DataError: there is none, it is unfinished, of a newer format, or its files do not fit.
    """
    try:
        text = (folder / "index.json").read_text("utf-8")
        index = json.loads(text)
    except (OSError, ValueError):
        text, index = "", None
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise DataError(
            f"{folder} is no prepared store; make one with `python -m trainer prepare`."
        )
    if int(index["version"]) > VERSION:
        raise DataError(f"{folder} was prepared by a newer ShapeLab; please update ShapeLab.")
    packed = np.load(folder / "occupancy.npy", mmap_mode="r", allow_pickle=False)
    views_path = folder / "views.npy"
    views = np.load(views_path, mmap_mode="r", allow_pickle=False) if index["views"] else None
    labels = np.asarray(index["labels"], np.int64)
    if len(packed) != len(labels) or (views is not None and len(views) != len(labels)):
        raise DataError(f"{folder} is damaged; please prepare it again.")
    return Store(
        folder,
        int(index["resolution"]),
        tuple(index["classes"]),
        labels,
        np.asarray(index["split"], np.int8),
        packed,
        views,
        hashlib.sha256(text.encode()).hexdigest(),
        index,
    )
