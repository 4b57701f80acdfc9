"""Makes the contact sheet of a store: what it holds and what was left out, shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from shapelab.core import formatting
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import DataError, ExportError

from ..batches.backgrounds import Backgrounds
from ..batches.cameras import Cameras
from ..batches.composites import Composer, Composite
from ..pictures.draw import draw, on_paper
from ..sampling.verdict import DUPLICATE, kind_of
from ..store.prepared_store import SPLITS, Store, open_store
from . import sheet_page, sheet_picture
from .sheet_content import BINS, SAMPLES, SIDE, ClassCard, Picture, Sample, Sheet

_FRONT = (0.0, 12.0)  # azimuth and elevation in degrees
_LINE = (255, 64, 160)  # around a mask; no furniture is of it


def write(folder: Path, out: Path | None = None, force: bool = False) -> tuple[Path, Path]:
    """Writes the contact sheet of a store.

    Args:
        folder: of the store.
        out: a folder for ``sheet.html`` and ``sheet.png``, or a file that ends in .html or .png,
            beside which the other one goes; None: the store's own folder, where it replaces an
            older one.
        force: replace files that are there in another place too.

    Returns:
        The page and the picture.

    Raises:
        DataError: there is no store, it is damaged, or the files cannot be written.
    """
    store = open_store(folder)
    place = folder if out is None else out
    page = place if place.suffix in (".html", ".png") else place / "sheet.html"
    page, picture = page.with_suffix(".html"), page.with_suffix(".png")
    new = not (force or out is None)
    for path in (page, picture):
        if new and os.path.lexists(path):
            raise DataError(f"{path} is there already; name another place or say --force.")
    sheet = gather(store)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(page, sheet_page.render(sheet).encode(), new=new)
        atomic_write(picture, sheet_picture.render(sheet), new=new)
    except (OSError, ExportError) as error:
        raise DataError(f"{page} cannot be written; name another place with --out.") from error
    return page, picture


def gather(store: Store) -> Sheet:
    """Draws samples of each class and counts everything.

    Raises:
        DataError: the store is damaged.
    """
    filled = store.shapes["filled"].astype(np.float64)
    fullest = max(float(filled.max(initial=0.0)), 1e-6)
    cards = []
    for label, name in enumerate(store.classes):
        rows = np.flatnonzero(store.labels == label)
        shown = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).round().astype(int)]
        cards.append(
            ClassCard(
                name,
                {split: int((store.split[rows] == k).sum()) for k, split in enumerate(SPLITS)},
                tuple(_samples(store, shown)),
                np.histogram(filled[rows], BINS, (0.0, fullest))[0],
                float(np.median(filled[rows])) if len(rows) else 0.0,
            )
        )
    return Sheet(
        store.folder.resolve().name, tuple(_facts(store)), tuple(cards), fullest, _left_out(store)
    )


def _samples(store: Store, rows: NDArray[np.int64]) -> Iterator[Sample]:
    composer = Composer(store, Cameras(store), Backgrounds())
    for place, row in enumerate(rows.tolist()):
        grid = store.grids(np.array([row]))[0]
        count = int(store.view_counts[row])
        view = photo = None
        if count:  # another one of each shape, so that a row shows them from all around
            rgba = store.pictures(np.array([row]), np.array([place % count]))[0]
            view = on_paper(rgba, SIDE)
            photo = _outlined(composer.compose(row, place % count, _rng(row), store.picture_size))
        solid = grid.astype(np.float32)
        yield Sample(store.ids[row], draw(solid, SIDE), draw(solid, SIDE, _FRONT), view, photo)


def _rng(row: int) -> np.random.Generator:
    """Of the photo that is shown of a shape, always the same."""
    return np.random.default_rng([row, 0])


def _outlined(photo: Composite) -> Picture:
    """A made-up photo with a line around what its mask, right or wrong, says."""
    scene = np.asarray(Image.fromarray(photo.scene).resize((SIDE, SIDE)))
    mask = np.asarray(Image.fromarray(photo.mask).resize((SIDE, SIDE))) > 127
    edge = mask & ~ndimage.binary_erosion(mask, border_value=1)
    return np.where(edge[..., None], np.array(_LINE, np.uint8), scene)


def _facts(store: Store) -> Iterator[tuple[str, str]]:
    index, counts = store.index, store.index["counts"]
    side, pictures = store.picture_size, store.view_counts
    yield "Source", f"{index['source']} ({index['reader']})"
    yield "Terms", str(index["licence"])
    number = {name: formatting.count(value) for name, value in counts.items()}
    yield "Shapes", f"{number['accepted']} of {number['items']} in the source"
    yield "Left out", f"{number['rejected']} rejected, {number['duplicates']} duplicates"
    yield "Split", ", ".join(f"{formatting.count(counts[name])} {name}" for name in SPLITS)
    distances = ", with signed distances" if store.has_distances else ""
    yield "Grid", f"{store.resolution} × {store.resolution} × {store.resolution} cells{distances}"
    low, high = int(pictures.min()), int(pictures.max())
    each = f"{low}" if low == high else f"{low} to {high}"
    yield "Pictures", f"{each} of each shape, {side} × {side} pixels" if high else "none"
    yield "Seed", str(index["seed"])
    yield "Front", _fronts(store)
    for name in ("up", "origin", "classes_from"):
        if index.get(name):
            yield name.replace("_", " ").capitalize(), str(index[name])
    yield "Size", formatting.file_size(sum(shard["bytes"] for shard in index["shards"]))
    yield "Fingerprint", store.fingerprint


def _fronts(store: Store) -> str:
    """Which sides of the source are the fronts, all of which are -y here."""
    if not store.is_canonical:
        return "as the source has it; prepare it again to have all at -y"
    sides: dict[str, list[str]] = {}
    for name, side in store.index["fronts"].items():
        sides.setdefault(side, []).append(name)
    told = ", ".join(
        side if len(sides) == 1 else f"{side} of {', '.join(own)}" for side, own in sides.items()
    )
    return f"-y; in the source {told}" if sides != {"-y": list(store.classes)} else "-y"


def _left_out(store: Store) -> tuple[tuple[str, tuple[str, ...]], ...]:
    groups: dict[str, list[str]] = {}
    for name, reason in store.rejected:
        twin = reason.removeprefix(DUPLICATE)
        told = name if twin == reason else f"{name} = {twin}"
        groups.setdefault(kind_of(reason), []).append(told)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple((reason, tuple(names)) for reason, names in ordered)
