"""Writes a store so that a kill at any moment loses nothing that was done.

Results may come in any order. Every thousand items share a journal, which becomes a shard once it
holds them all; the index is made of the shards' tables, in the order of the items, and comes last.
So the finished store is the same, bit for bit, however the work went.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from shapelab.core import formatting
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import DataError, ExportError
from shapelab.core.runs.store_card import FORMAT, VERSION

from ..sampling.verdict import DUPLICATE
from ..source import Attribution, Item
from .prepared_store import (
    SHAPE,
    SPLITS,
    Store,
    choose_split,
    open_store,
    shard_path,
)
from .shards import Journal, Result, read_table

SHARD = 1024  # items; a shard of 64^3 with 12 pictures of 128^2 has about 100 MB
_DRAFTS = (".shard-*.tmp", f".{'[0-9a-f]' * 16}.tmp")  # of shards, and of atomic_write
HELD_OUT = 0.1  # of each class, for validation, where the source's makers held out nothing


@dataclass(frozen=True)
class StoreRecipe:
    """What a store is made of; the same recipe makes the same store."""

    source: str  # name, not place: a store is the same wherever its source lies
    reader: str
    licence: str
    resolution: int
    views: int
    picture_size: int
    seed: int
    items: str  # sha256 over the items
    up: str = ""  # axis that is up, where the reader was told
    origin: str = ""  # of synthetic shapes: what made them
    classes_from: str = ""  # name of the table that says the classes
    only_sellable: bool = False  # whether what has a note or no licence was left out

    def difference(self, other: dict[str, Any]) -> str:
        """The first setting in which what was written down differs, in words; '' for none."""
        for name, value in asdict(self).items():
            if other.get(name) != value:
                if name == "items":
                    return "of other shapes, classes or fronts, or their files have changed"
                return f"{name.replace('_', ' ')} {other.get(name)}, not {value}"
        return ""


def digest_of(items: Sequence[Item]) -> str:
    """Sha256 over what items are called, where they belong and face, and how large files are.

    The size tells most changes of a source; times would differ between two copies of it.
    """
    rows: list[list[Any]] = [
        [item.id, item.label, item.split, len(item.pictures), item.front]
        + ([asdict(item.attribution)] if item.attribution else [])
        for item in items
    ]
    paths = dict.fromkeys(item.path for item in items)  # one file may hold many
    sizes = [size for path in paths if (size := _size(path)) is not None]
    return hashlib.sha256(json.dumps([*rows, *sizes]).encode()).hexdigest()


def _size(path: Path) -> int | None:
    """Bytes of a file; None of what is none, such as synthetic shapes."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


class StoreWriter:
    """A store in the making; use it in a ``with`` block, which locks the folder."""

    def __init__(self, folder: Path, recipe: StoreRecipe, items: Sequence[Item]) -> None:
        """Opens the folder, and finds what an earlier try has done.

        Raises:
            DataError: it holds another store, or another process writes it, or the disk refuses.
        """
        self.folder = folder
        self._recipe = recipe
        self._items = items
        self._journals: dict[int, Journal] = {}
        with self._writing():
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "lock")
        with self._writing():
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise DataError(f"{folder} is being prepared by another process.") from None
        try:
            self._resume()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the folder; what was added stays."""
        for journal in self._journals.values():
            journal.close()
        self._journals.clear()
        self._lock.release()

    @property
    def complete(self) -> bool:
        """Whether the store is finished."""
        return (self.folder / "index.json").exists()

    def missing(self) -> list[int]:
        """Positions of the items without a result, in order."""
        found = []
        for number, positions in enumerate(self._ranges()):
            if not shard_path(self.folder, number).exists():
                done = self._journals[number].positions if number in self._journals else set()
                found += [p for p in positions if p not in done]
        return found

    def rejected(self) -> int:
        """How many items were rejected so far."""
        tables = [
            len(read_table(shard_path(self.folder, number))["rejected"])
            for number in range(len(self._ranges()))
            if shard_path(self.folder, number).exists()
        ]
        return sum(tables) + sum(journal.rejected for journal in self._journals.values())

    def add(self, position: int, result: Result) -> None:
        """Stores the result of an item; with the last one of its thousand, seals the shard.

        Raises:
            DataError: the disk refuses. All that was added before is kept.
        """
        number = position // SHARD
        with self._writing():
            journal = self._journal(number)
            journal.add(position, result)
            self._seal_if_whole(number)

    def finish(self, keep_duplicates: bool = False, hold_out: float = HELD_OUT) -> Store:
        """Leaves duplicates out, splits, writes the index and opens the finished store.

        Args:
            keep_duplicates: else of equal grids the first one stays.
            hold_out: share of each class to validate on, if the makers held out nothing.

        Raises:
            DataError: no shape is usable, a shard is damaged, or the disk refuses.
        """
        tables = [
            read_table(shard_path(self.folder, number)) for number in range(len(self._ranges()))
        ]
        kept, rejected, duplicates = self._sorted_out(tables, keep_duplicates)
        if not kept:
            why = f" ({rejected[0][1]})" if rejected else ""
            raise DataError(
                f"{self._recipe.source} holds no usable shape{why}; all of its "
                f"{formatting.count(len(self._items))} were rejected."
            )
        shapes, starts, classes = self._columns(kept)
        shapes["split"] = self._split(shapes["label"], kept, hold_out)
        files = {
            "shapes.npy": _as_npy(shapes),
            "pieces.npy": _as_npy(starts),
            "attributions.json": json.dumps(
                _grouped(self._items[head["position"]].attribution for _, head in kept)
            ).encode(),
            "ids.json": json.dumps([self._items[head["position"]].id for _, head in kept]).encode(),
            "rejected.json": json.dumps(rejected).encode(),
        }
        counts = Counter(SPLITS[k] for k in shapes["split"].tolist())
        index = {
            "format": FORMAT,
            "version": VERSION,
            **asdict(self._recipe),
            "classes": classes,
            "counts": {
                "items": len(self._items),
                "accepted": len(kept),
                "rejected": len(rejected) - duplicates,
                "duplicates": duplicates,
                **{name: counts[name] for name in SPLITS},
            },
            "fronts": self._fronts(classes),
            "fields": all(head["sizes"][1] for _, head in kept),
            "measured": all(head.get("measured", True) for _, head in kept),
            "shards": [_described(shard_path(self.folder, k)) for k in range(len(tables))],
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        with self._writing():
            for name, data in files.items():
                atomic_write(self.folder / name, data)
            atomic_write(self.folder / "index.json", json.dumps(index, indent=1).encode())
            (self.folder / "plan.json").unlink(missing_ok=True)
        return open_store(self.folder)

    def _resume(self) -> None:
        """Compares the recipe with the one that the folder was begun with; opens the journals."""
        if self.complete:
            self._compare(open_store(self.folder).index)
            self._sweep(*_DRAFTS, "plan.json")
            return
        with suppress(OSError, ValueError):
            begun = json.loads((self.folder / "plan.json").read_bytes())
            if begun.get("version") != VERSION:
                raise DataError(
                    f"{self.folder} was begun by another version of ShapeLab; name an empty folder."
                )
            self._compare(begun)
        self._sweep(*_DRAFTS)
        with self._writing():
            begun = {"version": VERSION, **asdict(self._recipe)}
            atomic_write(self.folder / "plan.json", json.dumps(begun).encode())
            for number in range(len(self._ranges())):
                if self._journal_path(number).exists():
                    self._journal(number)
                    self._seal_if_whole(number)

    def _sweep(self, *patterns: str) -> None:
        """Clears away what a kill has left; a disk that refuses it by now does no harm."""
        with suppress(OSError):
            for pattern in patterns:
                for left in self.folder.glob(pattern):
                    left.unlink()

    def _compare(self, other: dict[str, Any]) -> None:
        difference = self._recipe.difference(other)
        if difference:
            raise DataError(
                f"{self.folder} holds another store ({difference}); name an empty folder."
            )

    def _ranges(self) -> list[range]:
        count = len(self._items)
        return [range(k, min(k + SHARD, count)) for k in range(0, count, SHARD)]

    def _journal_path(self, number: int) -> Path:
        return self.folder / f"shard-{number:05d}.journal"

    def _journal(self, number: int) -> Journal:
        if number not in self._journals:
            self._journals[number] = Journal(self._journal_path(number))
        return self._journals[number]

    def _seal_if_whole(self, number: int) -> None:
        if len(self._journals[number].positions) == len(self._ranges()[number]):
            self._journals[number].seal(shard_path(self.folder, number))
            del self._journals[number]

    def _sorted_out(
        self, tables: list[dict[str, Any]], keep_duplicates: bool
    ) -> tuple[list[tuple[int, dict[str, Any]]], list[list[str]], int]:
        """Kept shapes with their shard, what was left out and why, and how many duplicates."""
        kept = []
        out = [(position, reason) for table in tables for position, reason in table["rejected"]]
        duplicates = 0
        first: dict[str, int] = {}
        for number, table in enumerate(tables):
            for head in table["shapes"]:
                position = head["position"]
                before = first.setdefault(head["digest"], position)
                if before == position or keep_duplicates:
                    kept.append((number, head))
                else:
                    out.append((position, f"{DUPLICATE}{self._items[before].id}"))
                    duplicates += 1
        return kept, [[self._items[p].id, reason] for p, reason in sorted(out)], duplicates

    def _columns(
        self, kept: list[tuple[int, dict[str, Any]]]
    ) -> tuple[NDArray[np.void], NDArray[np.int64], list[str]]:
        labels = [self._items[head["position"]].label for _, head in kept]
        classes = sorted(set(labels))
        places = {name: k for k, name in enumerate(classes)}
        shapes = np.zeros(len(kept), SHAPE)
        starts: list[NDArray[np.int64]] = []
        first = 0
        for row, label, (number, head) in zip(shapes, labels, kept, strict=True):
            starts.append(head["start"] + np.cumsum([0, *head["sizes"]], dtype=np.int64))
            row["label"], row["shard"], row["first"] = places[label], number, first
            row["views"] = len(head["sizes"]) - 3
            row["digest"] = np.frombuffer(bytes.fromhex(head["digest"]), np.uint8)
            for name in ("filled", "parts", "hull_share"):
                row[name] = head[name]
            first += len(starts[-1])
        return shapes, np.concatenate(starts), classes

    def _fronts(self, classes: list[str]) -> dict[str, str]:
        """By class the sides of the source that face -y here."""
        found: dict[str, set[str]] = {name: set() for name in classes}
        for item in self._items:
            found.get(item.label, set()).add(item.front or "-y")
        return {name: " ".join(sorted(sides)) for name, sides in found.items()}

    def _split(
        self, labels: NDArray[np.int32], kept: list[tuple[int, dict[str, Any]]], hold_out: float
    ) -> NDArray[np.int8]:
        """The makers' split; where they chose no validation shapes, a share of each class."""
        theirs = np.array([self._items[head["position"]].split for _, head in kept])
        split = np.select([theirs == "validation", theirs == "test"], [1, 2], 0).astype(np.int8)
        rest = np.flatnonzero(split != 2)
        if not (split == 1).any():
            split[rest] = choose_split(labels[rest].astype(np.int64), hold_out, self._recipe.seed)
        return split

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ExportError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            reason = getattr(cause, "strerror", None) or str(error).rstrip(".")
            full = getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
            advice = "free some space" if full else "check the disk and your rights on it"
            raise DataError(
                f"{self.folder} cannot be written ({reason}); {advice} and run the same command "
                "again, all that is done is kept."
            ) from error


def _grouped(rows: Iterable[Attribution | None]) -> list[dict[str, Any]]:
    """Attributions as a store and a model's card keep them: works alike in all else as one."""
    titles: dict[Attribution, set[str]] = {}
    for row in rows:
        if row is not None:
            titles.setdefault(replace(row, title="", note=""), set()).add(row.title)
    return [
        {name: value for name, value in asdict(row).items() if value} | {"titles": sorted(own)}
        for row, own in sorted(titles.items(), key=lambda pair: astuple(pair[0]))
    ]


def _as_npy(array: NDArray[Any]) -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def _described(path: Path) -> dict[str, Any]:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return {"bytes": path.stat().st_size, "sha256": sha.hexdigest()}
