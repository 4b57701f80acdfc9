"""Sheets to judge a model by eye: samples of each class, morphs, and shapes from pictures."""

from __future__ import annotations

import os
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError
from shapelab.core.model.wholeness import SOLID, one_part
from shapelab.core.runs.previews import TILE

from ..data.pictures.draw import Picture, draw, on_paper, strip
from ..evaluation.metrics import iou
from ..evaluation.subjects import HeldOut, Subject
from ..process.control import Check, Tell, never_stop

ROWS = COLUMNS = 8  # samples of a class
PAIRS, STEPS = 20, 8  # morphs
MIXED = 0.3  # share of the morphs that go from one class to another
PICTURED = 2  # held-out shapes of a class, in a row

_LOOSE = (0xB3, 0x26, 0x1E)  # frames what is not in one piece
_EDGE = 3  # pixels of that frame


def write(
    subject: Subject,
    held: HeldOut | None,
    folder: Path,
    truncation: float,
    tell: Tell,
    check: Check = never_stop,
    force: bool = False,
) -> list[Path]:
    """Writes ``samples-CLASS.png``, ``morphs.png`` and, with pictures at hand, ``pictures.png``.

    What is not in one piece has a red frame. Samples are the app's of the seeds from 0 on; morphs
    go from one held-out shape to another, as the app morphs.

    Args:
        subject: whose shapes are drawn.
        held: shapes to begin from; without any there are samples only.
        folder: made if it is not there.
        truncation: of the samples.
        tell: hears how many of how many pictures are drawn.
        check: called between two; what it raises ends the work.
        force: replace sheets that are there.

    Raises:
        ExportError: a sheet is there already, or cannot be written.
    """
    names = subject.model.classes
    makers = {f"samples-{k}": partial(_samples, subject, k, truncation, check) for k in names}
    if held is not None and len(held.rows):
        makers["morphs"] = partial(_morphs, subject, held, check)
        if held.store.has_pictures and subject.model.sees_pictures:
            makers["pictures"] = partial(_pictures, subject, held, check)
    sheets = {folder / f"{name}.png": make for name, make in makers.items()}
    if not force and (there := [path for path in sheets if os.path.lexists(path)]):
        raise ExportError(f"{there[0]} is there already; name another folder or say --force.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder} cannot be made: {error.strerror}.") from error
    for place, (path, make) in enumerate(sheets.items()):
        tell("sheets", place, len(sheets))
        atomic_write(path, make(), new=not force)
    tell("sheets", len(sheets), len(sheets))
    return list(sheets)


def _samples(subject: Subject, name: str, truncation: float, check: Check) -> bytes:
    latents = subject.samples(name, ROWS * COLUMNS, truncation)
    rows = [_drawn(subject, part, check) for part in latents.reshape(ROWS, COLUMNS, -1)]
    return strip(rows, [f"{name}, seed {COLUMNS * k}" for k in range(ROWS)])


def _morphs(subject: Subject, held: HeldOut, check: Check) -> bytes:
    pairs = morph_pairs(held.labels[held.rows], PAIRS)
    rows, names = [], []
    for a, b in pairs:
        ends = held.rows[[a, b]]
        codes = subject.model.encode_voxels(held.store.grids(ends))
        one, other = (subject.model.classes[k] for k in held.labels[ends])
        way = subject.way(codes[0], codes[1], STEPS, (one, other))
        rows.append(_drawn(subject, way, check))
        names.append(one if one == other else f"{one} - {other}")
    return strip(rows, names)


def morph_pairs(labels: NDArray[np.int64], count: int) -> list[tuple[int, int]]:
    """Places of shapes to morph between: most of one class, all classes in turn, some of two."""
    rng = np.random.default_rng(0)
    own = [rng.permutation(np.flatnonzero(labels == k)).tolist() for k in np.unique(labels)]
    across = [(one[0], other[0]) for one, other in combinations(own, 2)]
    mixed = min(round(MIXED * count), len(across))
    within = [tuple(each[k : k + 2]) for k in range(0, 2 * count, 2) for each in own]
    whole = [pair for pair in within if len(pair) == 2][: count - mixed]
    return whole + [across[k] for k in rng.permutation(len(across))[:mixed].tolist()]


def _pictures(subject: Subject, held: HeldOut, check: Check) -> bytes:
    """Of some shapes a picture, what the encoder makes of it, what the app gives, the shape."""
    model, labels = subject.model, held.labels[held.rows]
    rows, names = [], []
    for label, name in enumerate(model.classes):
        own = held.rows[labels == label]
        own = own[np.linspace(0, len(own) - 1, min(PICTURED, len(own))).astype(int)]
        tiles, marks = [], []
        for row in own:
            rgba = held.store.pictures(row[None], np.zeros(1, np.int64))
            truth = held.solid(row[None])
            plain, fitted = subject.seen(rgba, check)
            made = model.decode(np.concatenate([plain, fitted]))
            tiles += [on_paper(rgba[0], TILE), *map(draw, made), draw(truth[0].astype(np.float32))]
            scores = iou(made > SOLID, np.repeat(truth, 2, 0))
            marks.append(" to ".join(f"{score:.2f}" for score in scores))
        if tiles:
            rows.append(tiles)
            names.append(f"{name}: {', '.join(marks)}")
    return strip(rows, names)


def _drawn(subject: Subject, latents: NDArray[np.float32], check: Check) -> list[Picture]:
    """Pictures of decoded latents, those that are not in one piece with a frame."""
    check()
    made = subject.model.decode(latents)
    pictures = [draw(grid) for grid in made]
    for picture, whole in zip(pictures, one_part(made > SOLID), strict=True):
        if not whole:
            for side in (
                picture[:_EDGE],
                picture[-_EDGE:],
                picture[:, :_EDGE],
                picture[:, -_EDGE:],
            ):
                side[:] = _LOOSE
    return pictures
