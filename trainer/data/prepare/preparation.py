"""Turns a source of shapes into a prepared store: read, sampled, judged and pictured, in parallel.

Every item ends as a shape or as a rejection with its reason; none of them can stop the others. What
is done is kept, so the same command goes on where an earlier one was stopped or killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core import formatting
from shapelab.core.errors import DataError, InputError, ShapelabError
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.runs.events import Prepared

from ..sampling.sampled_shape import Sampled, sample
from ..sampling.verdict import DUPLICATE, judge, kind_of
from ..source import Item, Shape, Up
from ..sources import catalogue
from ..sources.fronts import turns, with_fronts
from ..sources.guarded_loading import turned
from ..sources.source_table import find_reader
from ..store.prepared_store import Store, open_store
from ..store.shards import Encoded, Rejected, Result, encode
from ..store.store_writer import StoreRecipe, StoreWriter, digest_of
from .worker_pool import Lost, run

RESOLUTIONS = (32, 64, 128)  # of ModelSpec
_TOLD = 8  # reasons of rejections in a summary


@dataclass(frozen=True)
class ItemTask:
    """What a worker does with each item."""

    source: Path | None  # to tell a bad file from a disk that was taken away
    load: Callable[[Item], Shape]
    resolution: int
    views: int
    size: int  # of a picture, pixels
    seed: int


def prepare(
    source: Path,
    out: Path,
    resolution: int = 32,
    views: int = 12,
    size: int = 64,
    workers: int = 0,
    backend: str = "",
    seed: int = 0,
    up: Up = "",
    front: str = "",
    classes: Path | None = None,
    only_sellable: bool = False,
    seen: Callable[[Encoded], None] = lambda _shape: None,
) -> Iterator[Prepared]:
    """Makes the store, or goes on with it; yields its progress, several times a second.

    To stop, close the iterator. The finished store is the same, bit for bit, with any number of
    workers and however often it was stopped; one that is complete is left alone.

    Args:
        source: what a reader knows.
        out: folder of the store; empty, or with an unfinished or finished one of the same recipe.
        resolution: cells along a side.
        views: pictures drawn of each shape without its own; 0 for none at all.
        size: side of a stored picture, pixels.
        workers: processes; 0 for one a core.
        backend: "" for this machine, or "dask" or "ray".
        seed: of the split and of the pictures' look.
        up: axis that is up in free meshes and arrays, where not what their format says.
        front: side that is the front, where not what the source says: one for all classes, or
            ``chair=+x,sofa=-y``.
        classes: a table of path and class; what it does not name is left out.
        only_sellable: whether to leave out what has a note in the source's LICENSES.csv, or no
            licence there that lets its likeness be sold.
        seen: hears of each shape that is accepted.

    Raises:
        DataError: the source holds nothing usable or went away, the folder holds something else,
            or the disk refuses; what is done is kept.
    """
    if resolution not in RESOLUTIONS:
        raise DataError(f"A resolution of {resolution} has no networks; use 32, 64 or 128.")
    reader = find_reader(source)
    items = [replace(item, up=up) if up else item for item in reader.items(source)]
    if classes is not None:
        items = catalogue.relabelled(items, classes)
    if only_sellable:
        items = _sellable(items, source)
    items, facing = with_fronts(items, reader, front)
    recipe = StoreRecipe(
        source.name,
        reader.name,
        _terms(items, reader.licence),
        resolution,
        views,
        size,
        seed,
        digest_of(items),
        up=up,
        classes_from="" if classes is None else classes.name,
        only_sellable=only_sellable,
    )
    _check_free(out)
    task = ItemTask(source if source.exists() else None, reader.load, resolution, views, size, seed)
    with StoreWriter(out, recipe, items) as writer:
        if writer.complete:
            store = open_store(out)
            said = f"{out} is already complete.\n{summary(store)}"
            yield Prepared(0, len(items), len(items), len(store.rejected), said)
            return
        missing = [(k, items[k]) for k in writer.missing()]
        done, rejected = len(items) - len(missing), writer.rejected()
        said = f"{formatting.count(len(items))} shapes of {reader.name}; {_facing(facing)}"
        yield Prepared(0, done, len(items), rejected, said)
        drawn = False
        for found in run(partial(make, task), missing, workers, backend):
            if found is not None:
                number, result = found
                kept = Rejected(result.reason) if isinstance(result, Lost) else result
                doubtful = isinstance(result, Lost) or (isinstance(kept, Rejected) and not drawn)
                if views and doubtful:  # is it the shape, or is there no screen any more?
                    _check_drawing(size)
                drawn = True
                writer.add(number, kept)
                if isinstance(kept, Encoded):
                    seen(kept)
                done, rejected = done + 1, rejected + isinstance(kept, Rejected)
            yield Prepared(0, done, len(items), rejected)
        store = writer.finish()
    yield Prepared(0, done, len(items), len(store.rejected), summary(store))


def _sellable(items: list[Item], source: Path) -> list[Item]:
    found = [item for item in items if item.attribution and item.attribution.is_free_to_sell]
    if not found:
        raise DataError(
            f"{source} has no {catalogue.LICENCES} that lets the likeness of any shape be sold."
        )
    return found


def _terms(items: list[Item], otherwise: str) -> str:
    """The licences of the source's own table; what it does not name has the reader's terms."""
    licences = {i.attribution.licence if i.attribution else otherwise for i in items}
    return ", ".join(sorted(licences))


def _facing(reasons: dict[str, str]) -> str:
    """Which side of each class is its front, classes alike together; for people."""
    classes: dict[str, list[str]] = {}
    for label, reason in reasons.items():
        classes.setdefault(reason, []).append(label)
    if len(classes) == 1:
        return f"front {next(iter(classes))}"
    return "fronts: " + "; ".join(f"{', '.join(own)} {why}" for why, own in classes.items())


def make(task: ItemTask, item: Item) -> Result:
    """What becomes of an item, whatever it is.

    Raises:
        DataError: the whole source is no longer there.
    """
    try:
        return _made(task, item)
    except MemoryError:
        return Rejected("it needs too much memory")
    except Exception as error:
        if task.source is not None and not task.source.exists():
            raise DataError(f"{task.source} went away; run the same command again.") from error
        if isinstance(error, ShapelabError):
            return Rejected(str(error))
        return Rejected(f"it broke its reader ({type(error).__name__}: {error})")


def _made(task: ItemTask, item: Item) -> Result:
    shape = turned(task.load(item), turns(item.front or "-y"))
    sampled = sample(shape, task.resolution)
    verdict = judge(sampled)
    if verdict.reason:
        return Rejected(verdict.reason)
    pictures, cameras = _pictured(task, item, sampled) if task.views else (None, None)
    return encode(
        sampled.occupancy,
        sampled.distance,
        pictures,
        cameras,
        verdict.filled,
        verdict.parts,
        verdict.hull_share,
        measured=not isinstance(shape, VoxelGrid),
    )


def _pictured(
    task: ItemTask, item: Item, sampled: Sampled
) -> tuple[NDArray[np.uint8], NDArray[np.float64] | None]:
    """The source's own pictures; where there are none, or a bad one, drawn ones with cameras."""
    from ..pictures.picture_cameras import draw_shots, picture_seed
    from ..pictures.render import own_views, render_views

    if item.pictures:
        try:
            return own_views(item.pictures, task.size), None
        except InputError:
            pass
    shots = draw_shots(picture_seed(task.seed, item.id), task.views)
    return render_views(sampled.surface, sampled.occupancy, shots, task.size), shots.cameras()


def _check_free(out: Path) -> None:
    try:
        names = {path.name for path in out.iterdir() if not path.name.endswith(".tmp")}
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{out} cannot be used ({error.strerror}); name another folder.") from error
    if names - {"lock"} and not names & {"index.json", "plan.json"}:
        raise DataError(f"{out} is not empty; name an empty folder with --out.")


def _check_drawing(size: int) -> None:
    """Draws once, in a process of its own: without a screen every shape would be rejected."""
    found = [result for result in run(_drawn, [(0, size)], workers=1) if result is not None]
    ((_, result),) = found
    if isinstance(result, Lost):
        raise DataError(
            f"Pictures cannot be drawn on this machine ({result.reason}); it needs OpenGL, and on "
            "Linux an X server such as Xvfb, or use --views 0."
        )


def _drawn(size: int) -> tuple[int, ...]:
    from ..pictures.picture_cameras import draw_shots
    from ..pictures.render import render_views

    corners = np.array([[0, 0, 0], [0.3, 0, 0], [0, 0.3, 0], [0, 0, 0.3]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    nothing = np.zeros((32,) * 3, bool)
    return render_views(TriMesh(corners, faces), nothing, draw_shots(0, 1), size).shape


def summary(store: Store) -> str:
    """What a finished store holds and what was left out, for people; several lines."""
    counts: dict[str, Any] = store.index["counts"]
    size = sum(path.stat().st_size for path in store.folder.iterdir() if path.is_file())
    said = {name: formatting.count(value) for name, value in counts.items()}
    lines = [
        f"{said['accepted']} shapes of {formatting.count(len(store.classes))} classes in "
        f"{store.folder}: {said['train']} to train, {said['validation']} to validate, "
        f"{said['test']} to test; {formatting.file_size(size)}.",
        f"{said['rejected']} rejected, {said['duplicates']} duplicates left out.",
    ]
    kinds = Counter(kind_of(why) for _, why in store.rejected if not why.startswith(DUPLICATE))
    lines += [
        f"  {formatting.count(count):>7} × {kind}" for kind, count in kinds.most_common(_TOLD)
    ]
    others = sum(kinds.values()) - sum(count for _, count in kinds.most_common(_TOLD))
    lines += [f"  {formatting.count(others):>7} × for other reasons"] if others else []
    return "\n".join(lines)
