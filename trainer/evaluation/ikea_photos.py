"""The IKEA test of the papers: average precision of shapes from photos, aligned with the truth.

The protocol of 3D-GAN (Wu et al. 2016, sec. 4.3, after Girdhar et al. 2016): grids of 20^3, and of
all permutations and flips of the axes and shifts of up to 10 % the alignment that scores best.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import permutations, product
from pathlib import Path

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs import images
from shapelab.core.inputs.reconstruct import reconstruct
from shapelab.core.inputs.voxel_files import VoxelGrid

from ..data.source import Item, Reader
from ..data.sources import guarded_loading
from ..data.sources.ikea import release_in
from .measures import Findings, Tile
from .metrics import Grids, Occupancies, average_precision
from .subjects import Subject

AXES = (0, 1, 2)
SIDE = 20  # cells of the release's grids, whose longest side they fill
SHIFT = 2  # cells, 10 % of the side
SHIFTS = 2 * SHIFT + 1
FILLED = 0.75  # share of a model's grid that the longest side of its shapes fills
TRIED = 2  # shifts of each turn that the pruned search looks at
EXACT_MOST = 200  # photos of which all alignments are tried: half a second each, twice

# What models call what the release calls so, the likelier first.
_ALIKE = {"bookcase": ("bookcase", "shelf", "wardrobe", "dresser")}


def score(subject: Subject, folder: Path, found: Findings) -> None:
    """Adds average precisions, by class, of all photos of a release.

    A photo in which the app finds no object gives an empty shape.

    Raises:
        DataError: there is no release, or it is damaged.
        InputError: one of its grids is.
    """
    reader = release_in(folder)
    assert reader is not None  # who calls has asked
    pairs = [(item, photo) for item in reader.items(folder) for photo in item.pictures]
    exact = len(pairs) <= EXACT_MOST
    names: list[str] = []
    scores: list[tuple[float, ...]] = []
    shown: dict[str, list[tuple[float, list[Tile]]]] = {}
    mean_shapes: list[tuple[str, float]] = []
    truth: dict[str, Grids] = {}
    for place, (item, photo) in enumerate(pairs):
        found.check()
        if item.id not in truth:
            truth[item.id] = _solid(reader, item)
            mean_shape = _mean_shape(subject, item.label)
            if mean_shape is not None:
                best = aligned_precision(mean_shape, truth[item.id])
                mean_shapes += [(item.label, best)] * len(item.pictures)
        real = truth[item.id]
        made, tiles = _from_photo(subject, photo)
        plain = average_precision(made, np.stack([real, real]))
        pruned = [aligned_precision(each, real, TRIED) for each in made]
        whole = [aligned_precision(each, real) for each in made] if exact else []
        names.append(item.label)
        scores.append((*plain, *pruned, *whole))
        shown.setdefault(item.label, []).append(((whole or pruned)[1], [*tiles, _padded(real)]))
        found.tell("IKEA photos", place + 1, len(pairs))
    keys = ["ikea_encoded", "ikea_fitted", "ikea_encoded_pruned", "ikea_fitted_pruned"]
    keys += ["ikea_encoded_aligned", "ikea_fitted_aligned"] if exact else []
    for key, values in zip(keys, np.array(scores).T, strict=True):
        found.add(key, values, np.array(names))
    if mean_shapes:
        labels, values = zip(*mean_shapes, strict=True)
        found.add("ikea_mean_shape", np.array(values), np.array(labels))
    for name, own in shown.items() if found.draws else ():
        own.sort(key=lambda each: -each[0])
        best_first = [own[k] for k in dict.fromkeys((0, len(own) // 2, len(own) - 1))]
        marks = ", ".join(f"{100 * value:.0f} %" for value, _ in best_first)
        title = (
            "IKEA, best, median and worst photo, each: as cut out, by the encoder, as the app "
            f"gives it, the shape; aligned AP {marks}"
        )
        found.show(name, title, [tile for _, tiles in best_first for tile in tiles])


def aligned_precision(prediction: Occupancies, truth: Grids, tried: int = SHIFTS**3) -> float:
    """The best average precision (``metrics.average_precision``) over all alignments.

    Turning and flipping a prediction leaves the order of its cells: the truth is turned instead,
    and the cells are sorted once. Cells that a shift leaves without a prediction come last.

    Args:
        prediction: (S, S, S) occupancy.
        truth: (S, S, S).
        tried: of each of 48 turns so many shifts, those where the two overlap most.
    """
    side, padded = prediction.shape[0], tuple(n + 2 * SHIFT for n in prediction.shape)
    order = np.argsort(-prediction.ravel(), kind="stable")
    falling = prediction.ravel()[order]
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)  # of equal values
    # Where in a truth with a margin each cell lies, in order, for each shift.
    flat = np.arange(np.prod(padded)).reshape(padded)
    windows = np.lib.stride_tricks.sliding_window_view(flat, prediction.shape)
    places = windows.reshape(SHIFTS**3, -1)[:, order]
    within = np.pad(np.ones(prediction.shape, bool), SHIFT).ravel()[places]
    each = 1 / np.maximum(np.cumsum(within, axis=1)[:, ends], 1)  # by how many cells are taken
    wave = np.conj(np.fft.rfftn(prediction, padded, AXES))
    solid = int(truth.sum())
    chosen, best = np.arange(SHIFTS**3), 0.0
    for turned in _turns(truth):
        around = np.pad(turned, SHIFT)
        if tried < SHIFTS**3:
            overlap = np.fft.irfftn(np.fft.rfftn(around, padded, AXES) * wave, padded, AXES)
            chosen = np.argsort(-overlap[:SHIFTS, :SHIFTS, :SHIFTS].ravel())[:tried]
        labels = around.ravel()[places[chosen]]
        hits = np.cumsum(labels, axis=1, dtype=np.int32)[:, ends]
        new = labels if len(ends) == side**3 else np.diff(hits, axis=1, prepend=np.int32(0))
        found = np.einsum("nk,nk,nk->n", new, hits, each[chosen])
        rest = (solid - hits[:, -1]) * (solid / side**3)  # all cells are taken at last
        best = max(best, float((found + rest).max()) / max(solid, 1))
    return best


def _turns(grid: Grids) -> Iterator[Grids]:
    """All 48 permutations and flips of the axes."""
    for axes in permutations(range(3)):
        for steps in product((1, -1), repeat=3):
            yield grid.transpose(axes)[tuple(slice(None, None, step) for step in steps)]


def at_release_side(occupancy: Occupancies) -> Occupancies:
    """The middle of a model's grid (R, R, R), where its shapes lie, as means of 20^3 cells."""
    side = occupancy.shape[0]
    edges = side * (0.5 + FILLED * (np.arange(SIDE + 1) / SIDE - 0.5))
    # How much of each old cell lies in each new one.
    low = np.maximum(edges[:-1, None], np.arange(side))
    high = np.minimum(edges[1:, None], np.arange(side) + 1)
    share = np.maximum(high - low, 0.0)
    share /= share.sum(1, keepdims=True)
    pooled = np.einsum("xyz,ax,by,cz->abc", occupancy, share, share, share, optimize=True)
    return np.asarray(pooled, np.float32)


def _from_photo(subject: Subject, path: Path) -> tuple[Occupancies, list[Tile]]:
    """Occupancies (2, 20, 20, 20) by the encoder and as the app gives it, and what is shown."""
    model = subject.model
    made = np.zeros((2, *model.spec.grid), np.float32)
    rgba = np.zeros((SIDE, SIDE, 4), np.uint8)
    with suppress(InputError):  # there is no object
        file, picture = guarded_loading.photo(path)
        rgba = picture.rgba
        seen = images.to_input(rgba, model.spec, picture.scene)
        made[0] = model.decode(model.encode_image(seen))
        made[1] = reconstruct(model, file).occupancy
    return np.stack([at_release_side(grid) for grid in made]), [rgba, *made]


def _mean_shape(subject: Subject, label: str) -> Occupancies | None:
    """What one would say of a class without a picture; None where the model knows none like it."""
    known = [name for name in _ALIKE.get(label, (label,)) if name in subject.model.classes]
    if not known:
        return None
    return at_release_side(subject.model.decode(subject.samples(known[0], 1, 0.0))[0])


def _solid(reader: Reader, item: Item) -> Grids:
    grid = reader.load(item)
    assert isinstance(grid, VoxelGrid)  # of a .mat
    return np.asarray(grid.values > 0, bool)


def _padded(truth: Grids) -> Occupancies:
    """Drawn at the size of a model's shapes, which leave room around them."""
    around = round(SIDE * (1 / FILLED - 1) / 2)
    return np.pad(truth, around).astype(np.float32)
