"""The prepared store: shapes, signed distances and pictures in memory-mapped shards, read by row.

    index.json     what it is: settings, classes, counts, a digest of every file; written last
    shapes.npy     one row of ``SHAPE`` a shape
    pieces.npy     where in its shard each piece of a shape begins, and where the last one ends
    ids.json       names of the shapes in their source
    attributions.json  who made them, where the source says so
    rejected.json  names of what was left out, and why
    shard-*.bin    the pieces, see ``shards``

Opening reads index.json and shapes.npy (0.1 kB a shape); all else is mapped when it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core import files_of_others
from shapelab.core.errors import DataError, InputError
from shapelab.core.runs.store_card import FORMAT, INDEX, MAX_INDEX, check_version, is_canonical

SPLITS = ("train", "validation", "test")
SHAPE = np.dtype(
    [
        ("label", "<i4"),  # index into classes
        ("split", "<i4"),  # index into SPLITS
        ("shard", "<i4"),
        ("views", "<i4"),
        ("first", "<i8"),  # of its entries in pieces.npy; there are 4 + views
        ("digest", "u1", 32),  # sha256 of the bit-packed occupancy
        ("filled", "<f4"),  # the verdict's figures
        ("parts", "<i4"),
        ("hull_share", "<f4"),
    ]
)
_MAX_TABLE = 2**28  # bytes of a store's table; 50,000 shapes have 5 MB
MIDDLE = 128  # the least quantised signed distance that is positive
OCCUPANCY, DISTANCE, PICTURES = (
    0,
    1,
    2,
)  # places of a shape's pieces; cameras come after all pictures


class Store:
    """An opened store; ``open_store`` makes it.

    Attributes:
        folder: where it is.
        name: of it, for sentences.
        parts: itself, or the stores that are joined in it, with their weights.
        index: index.json.
        fingerprint: sha256 of index.json, and so of everything.
        shapes: (n,) rows of ``SHAPE``.
        labels: (n,) index into ``classes``.
        split: (n,) index into ``SPLITS``.
        view_counts: (n,) pictures of each shape.
    """

    def __init__(
        self, folder: Path, index: dict[str, Any], fingerprint: str, shapes: NDArray[np.void]
    ) -> None:
        self.folder = folder
        self.name = str(folder)
        self.parts: tuple[tuple[Store, float], ...] = ((self, 1.0),)
        self.index = index
        self.fingerprint = fingerprint
        self.shapes = shapes
        self.resolution = int(index["resolution"])
        self.classes = tuple(str(name) for name in index["classes"])
        self.picture_size = int(index["picture_size"])
        self.labels: NDArray[np.int64] = shapes["label"].astype(np.int64)
        self.split: NDArray[np.int8] = shapes["split"].astype(np.int8)
        self.view_counts: NDArray[np.int64] = shapes["views"].astype(np.int64)
        self._maps: dict[int, memoryview] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def part_of(self, row: int) -> tuple[Store, int]:
        """The store that holds a row, and the row in it."""
        return self, row

    @property
    def has_pictures(self) -> bool:
        """Whether every shape has at least one."""
        return bool(self.view_counts.all())

    @property
    def has_distances(self) -> bool:
        """Whether every shape has its signed distances."""
        return bool(self.index["fields"])  # the stored name from before occupancy was told apart

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Names of the shapes in their source."""
        return tuple(json.loads(self._content("ids.json")))

    @cached_property
    def rejected(self) -> tuple[tuple[str, str], ...]:
        """Names of what was left out of the source, and why."""
        return tuple((name, reason) for name, reason in json.loads(self._content("rejected.json")))

    @property
    def is_canonical(self) -> bool:
        """Whether the front of all shapes is -y."""
        return is_canonical(int(self.index["version"]))

    @cached_property
    def attributions(self) -> list[dict[str, Any]]:
        """Who made the shapes, as a model's card has it; empty where the source says nothing."""
        return list(json.loads(self._content("attributions.json"))) if self.is_canonical else []

    def train_rows(self) -> list[tuple[Store, NDArray[np.int64]]]:
        """The stores that are joined in it, each with its training rows here."""
        return [(self, self.indices("train"))]

    def indices(self, split: str) -> NDArray[np.int64]:
        """Rows of the 'train', 'validation' or 'test' shapes."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def grids(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Solid grids (len(rows), R, R, R). Raises DataError when they are damaged."""
        side = self.resolution
        packed = self._pieces(rows, np.full(len(rows), OCCUPANCY), side**3 // 8)
        return np.unpackbits(packed, axis=1).view(np.bool_).reshape(-1, side, side, side)

    def quantised_distances(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Quantised signed distances (len(rows), R, R, R). Raises DataError when damaged."""
        if not self.has_distances:
            raise DataError(f"{self.folder} has no signed distances; please prepare it again.")
        side = self.resolution
        flat = self._pieces(rows, np.full(len(rows), DISTANCE), side**3)
        return flat.reshape(-1, side, side, side)

    def signed_distances(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Signed distances in voxels (len(rows), R, R, R), up to ``FARTHEST``; negative inside."""
        from ..sampling.sampled_shape import to_voxels

        return to_voxels(self.quantised_distances(rows))

    def inside(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Cells whose middles lie inside (len(rows), R, R, R), by their signed distances.

        Those are fewer than the solid cells, which are so from a tenth.
        """
        return self.quantised_distances(rows) < MIDDLE

    def has_measured(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which shapes' distances were measured, (len(rows),), not guessed from voxels."""
        return np.full(len(rows), bool(self.index.get("measured", True)))

    def pictures(self, rows: NDArray[np.int64], views: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures (len(rows), S, S, 4), RGBA: of each row one view.

        Raises:
            DataError: a shape has no such view, or it is damaged.
        """
        rows, views = np.broadcast_arrays(rows, views)
        if ((views < 0) | (views >= self.view_counts[rows])).any():
            raise DataError(f"{self.folder} has fewer pictures than that; prepare it with --views.")
        side = self.picture_size
        return self._pieces(rows, PICTURES + views, 4 * side**2).reshape(-1, side, side, 4)

    @property
    def has_cameras(self) -> bool:
        """Whether it keeps its pictures' cameras; those of version 2 do not."""
        return int(self.index["version"]) > 2

    def cameras(self, row: int) -> NDArray[np.float64]:
        """Azimuth, elevation, distance and tilt (views, 4) of a shape's pictures.

        Units are those of ``core.model.camera``; not numbers where nobody knows.

        Raises:
            DataError: they are damaged.
        """
        views = self.view_counts[row]
        numbers = self._pieces(np.array([row]), PICTURES + np.array([views]), 32 * int(views))
        return numbers.view("<f8").reshape(-1, 4)

    def _pieces(
        self, rows: NDArray[np.int64], places: NDArray[np.int64], size: int
    ) -> NDArray[np.uint8]:
        """One piece of each row, (len(rows), size) bytes."""
        found = np.zeros((len(rows), size), np.uint8)
        shards = self.shapes["shard"][rows].tolist()
        firsts = (self.shapes["first"][rows] + places).tolist()
        try:
            for target, shard, first in zip(found, shards, firsts, strict=True):
                start, end = self._starts[first : first + 2].tolist()
                data = zlib.decompress(self._map(shard)[start:end], bufsize=size)
                target[:] = np.frombuffer(data, np.uint8)  # raises when its length is another
        except (zlib.error, ValueError) as error:
            raise _damaged(self.folder) from error
        return found

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        try:
            return np.load(self.folder / "pieces.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder) from error

    def _map(self, shard: int) -> memoryview:
        held = self._maps.get(shard)
        if held is None:
            try:
                with shard_path(self.folder, shard).open("rb") as file:
                    held = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except (OSError, ValueError) as error:
                raise _damaged(self.folder) from error
            self._maps[shard] = held
        return held

    def _content(self, name: str) -> bytes:
        try:
            data = files_of_others.read_bytes(self.folder / name, _MAX_TABLE)
        except OSError:
            data = b""
        if hashlib.sha256(data).hexdigest() != self.index["files"][name]:
            raise _damaged(self.folder)
        return data


def shard_path(folder: Path, number: int) -> Path:
    """The file of a shard."""
    return folder / f"shard-{number:05d}.bin"


def open_store(folder: Path) -> Store:
    """Opens a prepared store.

    Raises:
        DataError: there is none, it is unfinished, of another format, or its files do not fit.
    """
    try:
        text = files_of_others.read_bytes(folder / INDEX, MAX_INDEX)
        index = files_of_others.json_of(text)
    except (OSError, ValueError):
        text, index = b"", None
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        unfinished = (folder / "plan.json").exists()
        raise DataError(
            f"{folder} is not prepared to its end; run its `shapelab train prepare` again."
            if unfinished
            else f"{folder} is no prepared store; make one with `shapelab train prepare`."
        )
    try:
        check_version(folder, int(index["version"]))
        data = files_of_others.read_bytes(folder / "shapes.npy", _MAX_TABLE)
        if hashlib.sha256(data).hexdigest() != index["files"]["shapes.npy"]:
            raise _damaged(folder)
        shapes = files_of_others.npy_array(data)
        for number, shard in enumerate(index["shards"]):
            if shard_path(folder, number).stat().st_size != shard["bytes"]:
                raise _damaged(folder)
        return Store(folder, index, hashlib.sha256(text).hexdigest(), shapes)
    except (OSError, ValueError, LookupError, TypeError, OverflowError, InputError) as error:
        raise _damaged(folder) from error


def _damaged(folder: Path) -> DataError:
    return DataError(f"{folder} is damaged; please prepare it again, into an empty folder.")


def choose_split(labels: NDArray[np.int64], share: float = 0.1, seed: int = 0) -> NDArray[np.int8]:
    """Holds out ``share`` of each class, by shape; 0 = train, 1 = validation.

    Where all classes are too small for that, one shape of the largest is held out.
    """
    rng = np.random.default_rng(seed)
    split = np.zeros(len(labels), np.int8)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        split[own[: round(share * len(own))]] = 1
    if share and len(labels) > 1 and not split.any():
        split[np.flatnonzero(labels == np.bincount(labels).argmax())[-1]] = 1
    return split
