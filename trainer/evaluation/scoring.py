"""Scores models on held-out shapes: reconstructions, what lies between them, and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.model.latent import TRUNCATION, Array
from shapelab.core.model.wholeness import SOLID, one_part

from ..data.batches.backgrounds import Backgrounds
from ..data.batches.cameras import Cameras
from ..data.batches.composites import Composer
from ..data.store.prepared_store import Store
from ..process.control import Check, Stopped, Tell, never_stop, say_nothing
from ..updates.encoding import batches_of, decode, encode_grids, encode_pictures, solid_truth
from ..updates.schedule import learns_pictures
from ..updates.state import TrainState
from . import ikea_photos, one_sided_scoring, sample_scoring
from .measures import FITTED, HALF_VIEWS, MEASURES, PAIRS, Evaluation, Findings
from .metrics import (
    Grids,
    Occupancies,
    average_precision,
    best_median_worst,
    iou,
    shown_whole,
    surface_points,
    surface_scores,
)
from .subjects import MOST, SEARCHED, HeldOut, Subject

LEVELS = tuple(round(0.05 * k, 2) for k in range(2, 15))  # of which the best one is found
THRESHOLDS = (0.01, 0.02, 0.05)  # of F-scores, in sides of the grid
VIEWS = 4  # of each shape, spread over those it has
STEPS = 8  # of a morph that is shown
FIT_BATCH = 16  # pictures fitted at once
# What follows the IoU of a reconstruction.
FURTHER = ("average_precision", "real_one_piece", "one_piece", "chamfer", "f_01", "f_02", "f_05")


def validation_scores(
    state: TrainState, store: Store, check: Check = never_stop
) -> dict[str, float]:
    """Mean IoU at 0.5 on held-out shapes, from voxels and (where stored) from one picture each.

    There is none from pictures before the image encoder learns. Each process scores its share, and
    there is nothing at all where ``check`` stopped one of them.
    """
    processes, rows = state.processes, store.indices("validation")
    sums = {"iou": 0.0}
    if learns_pictures(state.config, state.step, store.has_pictures):
        sums["picture_iou"] = 0.0
    share, stopped = rows[processes.rank :: processes.count], False
    if len(share):
        try:
            sums = _summed_ious(state, store, share, check, tuple(sums))
        except Stopped:
            stopped = True
    if processes.any(stopped)[0]:
        return {}
    means = processes.average(sums)
    return {name: mean * processes.count / len(rows) for name, mean in means.items()}


def _summed_ious(
    state: TrainState,
    store: Store,
    rows: NDArray[np.int64],
    check: Check,
    names: tuple[str, ...],
) -> dict[str, float]:
    """IoUs summed over some shapes, of these names."""
    encoders, generator = state.averages, state.averages["generator"]
    truth, sums = solid_truth(store, rows, state.config.model), {}
    for name in names:
        if name == "iou":
            codes = encode_grids(encoders["voxel_encoder"], store, rows, check)
        else:
            pictured, spec = encoders["image_encoder"], state.config.model
            codes = encode_pictures(pictured, store, rows, 0, spec, check)
        made = decode(generator, codes, state.processes.device, check)
        sums[name] = float(iou(made, truth).sum(dtype=np.float64))
    return sums


def evaluate(
    subject: Subject,
    held: HeldOut | None,
    truncation: float = TRUNCATION,
    photos: Path | None = None,
    tell: Tell = say_nothing,
    check: Check = never_stop,
    draws: bool = False,
    shapes: int | None = None,
) -> Evaluation:
    """Scores a subject on held-out shapes, on the CPU, as in the app.

    Args:
        subject: what is scored.
        held: what it is scored on; without it there are samples and photos only.
        truncation: of the samples.
        photos: folder of an IKEA release, whose photos are scored too.
        tell: hears how far it is; it takes minutes.
        check: called between two batches; what it raises ends the work.
        draws: whether to draw strips of shapes.
        shapes: of the held-out ones, how many are reconstructed, completed and seen at most; all
            where it is None, but ``SEARCHED`` where each takes a search of seconds.
    """
    if photos is not None:
        subject.model.require_pictures()
    found = Findings(tell, check, draws)
    level, level_from = None, ""
    searched = SEARCHED if subject.model.is_procedural else MOST
    scored = None if held is None else held.some(searched if shapes is None else shapes)
    if scored is not None and len(scored.rows):
        work = _HeldOutScoring(subject, scored, found)
        level, level_from = work.reconstructions()
        work.midpoints()
        one_sided_scoring.score(subject, scored, work.spread(HALF_VIEWS), found)
        if scored.store.has_pictures and subject.model.sees_pictures:
            work.pictures()
    sample_scoring.score(subject, held, truncation, found)
    if photos is not None:
        ikea_photos.score(subject, photos, found)
    return Evaluation(
        subject=subject.model.name,
        source="" if held is None else held.source,
        photos="" if photos is None else photos.name,
        shapes=0 if scored is None else len(scored.rows),
        held_out=0 if held is None else held.all_rows,
        trained=0 if held is None else len(held.trained),
        truncation=truncation,
        best_level=level,
        level_from=level_from,
        figures={key: found.figures[key] for key in MEASURES if key in found.figures},
        strips=tuple(found.strips),
    )


class _HeldOutScoring:
    """Reconstructions, midpoints and pictures of held-out shapes; a batch at a time in memory."""

    def __init__(self, subject: Subject, held: HeldOut, found: Findings) -> None:
        self.subject, self.held, self.found = subject, held, found
        self.model = subject.model
        self.names = held.names(held.rows)
        self.sources = held.sources(held.rows)
        self.codes = np.zeros((0, self.model.latent_size), np.float32)

    def reconstructions(self) -> tuple[float, str]:
        """Gives the best level, and of which shapes it is the best."""
        held, found = self.held, self.found
        codes, ious, rest = [], [], []
        together = {"size": 1} if self.model.is_procedural else {}  # a search each: it is told
        for part in batches_of(held.rows, found.check, **together):
            latents = self.subject.codes(held.store.grids(part), found.check)
            made, truth = self.model.decode(latents), held.solid(part)
            codes.append(latents)
            ious.append(np.stack([iou(made > level, truth) for level in LEVELS]))
            scores = [average_precision(made, truth), one_part(truth), one_part(made > SOLID)]
            rest.append(np.vstack([*scores, *zip(*self.surfaces(made, truth), strict=True)]))
            found.tell("surfaces", sum(map(len, codes)), len(held.rows))
        self.codes = np.concatenate(codes)
        by_level = dict(zip(LEVELS, np.concatenate(ious, 1), strict=True))
        means = {level: float(scores.mean()) for level, scores in by_level.items()}
        level, level_from = best_level(means, held.is_validation, self.model.card)
        self.add("iou", by_level[SOLID])
        self.add("iou_04", by_level[0.4])
        self.add("iou_best", by_level[level])
        for key, values in zip(FURTHER, np.concatenate(rest, 1), strict=True):
            self.add(key, values)
        for name, own in self.present() if found.draws else ():
            chosen = best_median_worst(own, by_level[SOLID])
            truth = held.solid(held.rows[chosen]).astype(np.float32)
            pairs = zip(truth, self.model.decode(self.codes[chosen]), strict=True)
            marks = ", ".join(f"{by_level[SOLID][k]:.2f}" for k in chosen)
            title = f"Best, median and worst, each before and after; IoU {marks}"
            found.show(name, title, chain.from_iterable(pairs))
        return level, level_from

    def surfaces(
        self, made: Occupancies, truth: Grids
    ) -> Iterator[tuple[float, float, float, float]]:
        """Chamfer distance and F-scores of each shape."""
        for k, (grid, real) in enumerate(zip(made, truth, strict=True)):
            self.found.check()
            points = surface_points(grid, 2 * k), surface_points(real.astype(np.float32), 2 * k + 1)
            distance, (f_01, f_02, f_05) = surface_scores(*points, THRESHOLDS)
            yield distance, f_01, f_02, f_05

    def midpoints(self) -> None:
        """Whether what lies halfway between two shapes of a class is in one piece."""
        rng = np.random.default_rng(0)
        whole, shown, names = [], [], []
        for name, own in self.present():
            self.found.check()
            own = rng.permutation(own)[:200]  # of a large class pairs of some are enough
            pairs = np.stack(np.triu_indices(len(own), 1), 1)
            pairs = own[rng.permutation(pairs)[:PAIRS]]
            if not len(pairs):
                continue
            halfway = np.stack([self.way(pair, 3, name)[1] for pair in pairs])
            made = self.model.decode(halfway)
            whole.append(one_part(made > SOLID))
            shown.append(shown_whole(made))
            names += [name] * len(pairs)
            if self.found.draws:
                steps = self.model.decode(self.way(pairs[0], STEPS, name))
                self.found.show(name, "From one held-out shape to another", steps)
            self.found.tell("midpoints", len(names), PAIRS * len(self.model.classes))
        if whole:
            self.found.add("midpoint_one_piece", np.concatenate(whole), np.array(names))
            self.found.add("midpoint_shown_whole", np.concatenate(shown), np.array(names))

    def way(self, pair: NDArray[np.int64], steps: int, name: str) -> Array:
        one, other = self.codes[pair]
        return self.subject.way(one, other, steps, (name, name))

    def pictures(self) -> None:
        """IoU from pictures: by the encoder of several views, and one of each fitted."""
        store, rows, found = self.held.store, self.held.rows, self.found
        views = int(store.view_counts[rows].max())
        seen = []
        for view in range(0, views, max(1, views // VIEWS)):
            for part in batches_of(rows, found.check):
                made = self.model.decode(self.subject.encoded(self.rgba(part, view)))
                seen.append(iou(made > SOLID, self.held.solid(part)))
                found.tell("pictures", sum(map(len, seen)), len(rows) * VIEWS)
        self.add("picture_iou", np.concatenate(seen).reshape(-1, len(rows)).mean(0))
        if self.model.spec.image_mode == "RGBA":
            self.photos()
        chosen = self.spread(FITTED)
        latents = []
        for part in batches_of(chosen, found.check, FIT_BATCH):
            latents.append(self.subject.seen(self.rgba(rows[part], part), found.check))
            found.tell("fitted pictures", sum(len(plain) for plain, _ in latents), len(chosen))
        plain, fitted = (np.concatenate(each) for each in zip(*latents, strict=True))
        truth = self.held.solid(rows[chosen])
        scores = [iou(self.model.decode(each) > SOLID, truth) for each in (plain, fitted)]
        names, sources = self.names[chosen], self.sources[chosen]
        for key, values in zip(("encoded_iou", "fitted_iou"), scores, strict=True):
            found.add(key, values, names, sources)
        for name in dict.fromkeys(names.tolist()) if found.draws else ():
            picks = best_median_worst(np.flatnonzero(names == name), scores[1])
            marks = ", ".join(f"{scores[0][k]:.2f} to {scores[1][k]:.2f}" for k in picks)
            title = (
                "Best, median and worst picture, each: the picture, by the encoder, as the app "
                f"gives it, the shape; IoU {marks}"
            )
            shown = zip(
                self.rgba(rows[chosen[picks]], chosen[picks]),
                self.model.decode(plain[picks]),
                self.model.decode(fitted[picks]),
                truth[picks].astype(np.float32),
                strict=True,
            )
            found.show(name, title, chain.from_iterable(shown))

    def photos(self) -> None:
        """IoU from pictures as an encoder of mode RGBA learns from them, one of each shape."""
        store, rows, seen = self.held.store, self.held.rows, []
        composer = Composer(store, Cameras(store), Backgrounds())
        for part in batches_of(rows, self.found.check):
            rngs = [np.random.default_rng([row, 0]) for row in part.tolist()]
            views = part % store.view_counts[part]
            inputs, _ = composer.inputs(part, views, rngs, self.model.spec)
            made = self.model.decode(self.model.encode_image(inputs))
            seen.append(iou(made > SOLID, self.held.solid(part)))
            self.found.tell("made-up photos", sum(map(len, seen)), len(rows))
        self.add("photo_iou", np.concatenate(seen))

    def rgba(self, rows: NDArray[np.int64], views: int | NDArray[np.int64]) -> NDArray[np.uint8]:
        return self.held.store.pictures(rows, views % self.held.store.view_counts[rows])

    def spread(self, most: int) -> NDArray[np.int64]:
        """Places of so many shapes, of all classes alike as far as they go, in order."""
        turns = np.zeros(len(self.names), np.int64)
        for _, own in self.present():
            turns[own] = np.random.default_rng(0).permutation(len(own))
        return np.sort(np.argsort(turns, kind="stable")[:most])

    def present(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Classes with held-out shapes, and the places of those."""
        for name in self.model.classes:
            own = np.flatnonzero(self.names == name)
            if len(own):
                yield name, own

    def add(self, key: str, values: NDArray[Any]) -> None:
        self.found.add(key, values, self.names, self.sources)


def best_level(
    means: Mapping[float, float], is_validation: bool, card: Mapping[str, Any]
) -> tuple[float, str]:
    """The level to decode at, and by which shapes: validation shapes as far as any are known.

    Args:
        means: IoU of the scored shapes by level.
        is_validation: whether those are validation shapes, and so may choose.
        card: of the model, which knows the choice of its own validation shapes.
    """
    best = max(means, key=lambda level: means[level])
    noted = card.get("figures", {}).get("best_level")
    if is_validation or noted not in means:
        return best, "these validation shapes" if is_validation else "these shapes"
    return float(noted), "the validation shapes of its card"
