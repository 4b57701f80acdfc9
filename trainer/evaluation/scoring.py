"""Scores networks on held-out shapes: reconstructions, pictures, midpoints and samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.model import silhouette_fit
from shapelab.core.model.image_encoding import encode_images
from shapelab.core.model.latent import PATHS, TRUNCATION, Array, seed_noise

from ..data.batches.picture_inputs import model_inputs
from ..data.store.prepared_store import Store
from ..process.control import Check, never_stop
from ..updates.encoding import (
    batches_of,
    decode,
    encode_grids,
    encode_pictures,
    occupancies,
    solid_truth,
)
from ..updates.schedule import learns_pictures
from ..updates.state import TrainState
from . import critic_features
from .metrics import (
    Grids,
    average_precision,
    bootstrap,
    compare_sets,
    iou,
    jensen_shannon,
    nearest_iou,
    one_part,
    surface_points,
    surface_scores,
)
from .subjects import CPU, HeldOut, Subject

Tell = Callable[[str, int, int], None]  # hears what is scored, and how many of how many are done

SOLID = 0.5
LEVELS = tuple(round(0.05 * k, 2) for k in range(2, 15))  # of which the best one is found
THRESHOLDS = (0.01, 0.02, 0.05)  # of F-scores, in sides of the grid
FITTED_VIEWS = 4  # of a dozen views, those whose silhouettes are fitted: it takes minutes
SET_REPEATS = 3  # sample sets averaged: held-out classes are small and one draw is noisy
PAIRS = 64  # of a class, whose midpoints are looked at
SAMPLES = 64  # of a class
PATH = PATHS["slerp"]  # as the app morphs
SHOWN_SAMPLES, SHOWN_PAIRS, SHOWN_STEPS = 8, 2, 8


@dataclass(frozen=True)
class Measure:
    """What a figure says."""

    label: str
    meaning: str
    percent: bool = False


MEASURES = {
    "iou": Measure("Voxel IoU at 0.5", "held-out shapes encoded and decoded"),
    "iou_04": Measure("Voxel IoU at 0.4", "the same at a lower level"),
    "iou_best": Measure("Voxel IoU at the best level", "the level is chosen on these shapes"),
    "average_precision": Measure(
        "Average precision", "of a shape's cells, sorted by occupancy", percent=True
    ),
    "chamfer": Measure(
        "Chamfer-L1, sides of the grid",
        "30 000 points spread by area on each surface at 0.5; mean of both directions",
    ),
    "f_01": Measure("F-score at 1 % of the side", "of the same points", percent=True),
    "f_02": Measure("F-score at 2 % of the side", "of the same points", percent=True),
    "f_05": Measure("F-score at 5 % of the side", "of the same points", percent=True),
    "real_one_piece": Measure("In one piece: real shapes", "joined through faces", percent=True),
    "one_piece": Measure("In one piece: reconstructions", "at 0.5", percent=True),
    "midpoint_one_piece": Measure(
        "In one piece: midpoints", "halfway between two held-out shapes of a class", percent=True
    ),
    "sample_one_piece": Measure("In one piece: samples", "64 of each class", percent=True),
    "picture_iou": Measure("IoU from pictures, by the encoder", "all views at 0.5"),
    "fitted_iou": Measure(
        "IoU from pictures, as the app gives them", "fitted to the silhouette; some of the views"
    ),
    "sample_1nna": Measure(
        "1-NNA of samples", "50 % is ideal, 100 % means always told apart", percent=True
    ),
    "half_1nna": Measure("1-NNA of one half of the data", "against the other", percent=True),
    "sample_mmd": Measure("MMD of samples", "lower is better; CD by distance transform"),
    "half_mmd": Measure("MMD of one half of the data", "against the other"),
    "sample_cov": Measure("COV of samples", "higher is better", percent=True),
    "half_cov": Measure("COV of one half of the data", "against the other", percent=True),
    "sample_jsd": Measure("JSD of samples", "of solid cells, base 2; lower is better"),
    "half_jsd": Measure("JSD of one half of the data", "against the other"),
    "prior_1nna": Measure("1-NNA of N(0, I)", "classes pooled, no density fitted", percent=True),
    "sample_nearest_iou": Measure(
        "IoU of samples with their nearest training shape", "far above the next line: memorised"
    ),
    "real_nearest_iou": Measure(
        "IoU of held-out shapes with their nearest training shape", "flips included"
    ),
    "critic_svm": Measure(
        "Linear SVM on the critic's features", "held-out shapes classified", percent=True
    ),
    "untrained_svm": Measure("Linear SVM on an untrained critic", "its yardstick", percent=True),
}


@dataclass(frozen=True)
class Figure:
    """One measure: its mean over shapes with a 95 % interval, and its means of classes."""

    mean: float
    class_mean: float  # what a balanced set would have
    low: float | None  # None where there are no single shapes to draw again
    high: float | None
    by_class: dict[str, float]


@dataclass(frozen=True)
class Strip:
    """A row of pictures: occupancies (R, R, R), or pictures (S, S, 4) as the model sees them."""

    class_name: str
    title: str
    tiles: tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Evaluation:
    """All figures by the keys of ``MEASURES``; a measure that had nothing to go by is missing."""

    subject: str
    source: str
    shapes: int
    held_out: int  # of which ``shapes`` were scored
    trained: int  # training shapes at hand
    truncation: float
    best_level: float | None
    figures: dict[str, Figure]
    strips: tuple[Strip, ...]


def say_nothing(_what: str, _done: int, _total: int) -> None:
    """Nobody waits for this."""


def validation_scores(
    state: TrainState, store: Store, check: Check = never_stop
) -> dict[str, float]:
    """Mean IoU at 0.5 on held-out shapes, from voxels and (where stored) from one picture each.

    There is none from pictures before the image encoder learns. What ``check`` raises between two
    batches passes through.
    """
    rows, device = store.indices("validation"), state.processes.device
    truth = solid_truth(store, rows, state.config.model)
    generator = state.averages["generator"]
    codes = encode_grids(state.averages["voxel_encoder"], store, rows, check)
    scores = {"iou": float(iou(decode(generator, codes, device, check), truth).mean())}
    if store.has_pictures and learns_pictures(state.config, state.step):
        encoder, spec = state.averages["image_encoder"], state.config.model
        seen = encode_pictures(encoder, store, rows, 0, spec, check)
        scores["picture_iou"] = float(iou(decode(generator, seen, device, check), truth).mean())
    return scores


def evaluate(
    subject: Subject,
    held: HeldOut,
    truncation: float = TRUNCATION,
    tell: Tell = say_nothing,
    check: Check = never_stop,
) -> Evaluation:
    """Scores a subject on held-out shapes, on the CPU, as in the app.

    Args:
        subject: what is scored.
        held: what it is scored on.
        truncation: of the samples.
        tell: hears how far it is; the silhouette fits take minutes.
        check: called between two batches; what it raises ends the work.
    """
    return _Evaluation(subject, held, truncation, tell, check).run()


class _Evaluation:
    """The work of ``evaluate``: each step adds figures and strips."""

    def __init__(
        self, subject: Subject, held: HeldOut, truncation: float, tell: Tell, check: Check
    ) -> None:
        self.subject, self.held, self.truncation = subject, held, truncation
        self.tell, self.check = tell, check
        self.classes = subject.density.classes
        self.generator = subject.networks["generator"]
        self.truth = self.solid(held.rows)
        self.labels = held.labels[held.rows]
        self.figures: dict[str, Figure] = {}
        self.strips: list[Strip] = []
        self.best_level: float | None = None

    def run(self) -> Evaluation:
        if len(self.truth):
            encoder = self.subject.networks["voxel_encoder"]
            codes = encode_grids(encoder, self.held.store, self.held.rows, self.check)
            self.reconstructions(codes)
            self.midpoints(codes)
            if self.held.store.has_pictures:
                self.pictures()
        self.samples()
        self.sets()
        if self.subject.critic is not None and len(self.truth) and len(self.classes) > 1:
            self.critic(self.subject.critic)
        return Evaluation(
            subject=self.subject.name,
            source=self.held.source,
            shapes=len(self.truth),
            held_out=self.held.all_rows,
            trained=len(self.held.trained),
            truncation=self.truncation,
            best_level=self.best_level,
            figures={key: self.figures[key] for key in MEASURES if key in self.figures},
            strips=tuple(self.strips),
        )

    def reconstructions(self, codes: Array) -> None:
        made = occupancies(self.generator, codes, self.check)
        by_level = [iou(made > level, self.truth) for level in LEVELS]
        best = int(np.argmax([scores.mean() for scores in by_level]))
        self.best_level = LEVELS[best]
        ious = by_level[LEVELS.index(SOLID)]
        self.add("iou", ious)
        self.add("iou_04", by_level[LEVELS.index(0.4)])
        self.add("iou_best", by_level[best])
        self.add("average_precision", average_precision(made, self.truth))
        self.add("real_one_piece", one_part(self.truth))
        self.add("one_piece", one_part(made > SOLID))
        distances, scores = [], []
        for k, (grid, real) in enumerate(zip(made, self.truth, strict=True)):
            self.check()
            points = surface_points(grid, 2 * k), surface_points(real.astype(np.float32), 2 * k + 1)
            distance, f_scores = surface_scores(*points, THRESHOLDS)
            distances.append(distance)
            scores.append(f_scores)
            self.tell("surfaces", k + 1, len(made))
        self.add("chamfer", np.array(distances))
        for key, values in zip(("f_01", "f_02", "f_05"), np.array(scores).T, strict=True):
            self.add(key, values)
        for name, chosen in self.extremes(ious):
            pairs = ((self.truth[k].astype(np.float32), made[k]) for k in chosen)
            marks = ", ".join(f"{ious[k]:.2f}" for k in chosen)
            title = f"Best, median and worst, each before and after; IoU {marks}"
            self.strips.append(Strip(name, title, tuple(chain.from_iterable(pairs))))

    def midpoints(self, codes: Array) -> None:
        rng = np.random.default_rng(0)
        whole, labels = [], []
        for label, name, own in self.present():
            own = rng.permutation(own)[:200]  # of a large class pairs of some are enough
            pairs = np.stack(np.triu_indices(len(own), 1), 1)
            pairs = own[rng.permutation(pairs)[:PAIRS]]
            if not len(pairs):
                continue
            halfway = np.stack([PATH(codes[a], codes[b], 0.5) for a, b in pairs])
            whole.append(one_part(decode(self.generator, halfway, CPU, self.check)))
            labels.append(np.full(len(pairs), label))
            for a, b in pairs[:SHOWN_PAIRS]:
                way = [PATH(codes[a], codes[b], t) for t in np.linspace(0, 1, SHOWN_STEPS)]
                tiles = tuple(occupancies(self.generator, np.stack(way), self.check))
                self.strips.append(Strip(name, "From one held-out shape to another", tiles))
        if whole:
            self.add("midpoint_one_piece", np.concatenate(whole), np.concatenate(labels))

    def pictures(self) -> None:
        """IoU from pictures, the mean over the views of each shape."""
        store, rows, networks = self.held.store, self.held.rows, self.subject.networks
        generator = copy.deepcopy(self.generator).requires_grad_(False)
        views = int(store.view_counts[rows].max())
        spread = range(0, views, max(1, views // FITTED_VIEWS))
        seen, fitted = [], []
        first: tuple[Array, Array] | None = None  # latents of the first view, for the sheets
        for view in range(views):
            latents, moved = [], []
            for part in batches_of(rows, self.check):
                rgba = store.pictures(part, view % store.view_counts[part])
                inputs = model_inputs(rgba, self.subject.spec)
                encoding = encode_images(networks["image_encoder"], self.subject.flip, inputs)
                latents.append(encoding.latents)
                if view in spread and encoding.cameras is not None:
                    masks = rgba[..., 3].astype(np.float32) / np.float32(255)
                    fit = silhouette_fit.fit(generator, encoding, masks, self.check)
                    moved.append(fit.latents)
                done = view * len(rows) + sum(map(len, latents))
                self.tell("pictures", done, views * len(rows))
            plain = np.concatenate(latents)
            seen.append(iou(decode(generator, plain, CPU, self.check), self.truth))
            if view in spread:
                better = np.concatenate(moved) if moved else plain
                fitted.append(iou(decode(generator, better, CPU, self.check), self.truth))
                first = first or (plain, better)
        self.add("picture_iou", np.mean(seen, axis=0))
        self.add("fitted_iou", np.mean(fitted, axis=0))
        assert first is not None
        for name, chosen in self.extremes(fitted[0]):
            for word, k in zip(("Best", "Median", "Worst"), chosen, strict=False):
                picture = store.pictures(rows[[k]], np.zeros(1, np.int64))[0]
                both = occupancies(generator, np.stack([codes[k] for codes in first]))
                title = (
                    f"{word} picture: the picture, by the encoder {seen[0][k]:.2f}, fitted "
                    f"{fitted[0][k]:.2f}, the shape"
                )
                tiles = (picture, *both, self.truth[k].astype(np.float32))
                self.strips.append(Strip(name, title, tiles))

    def samples(self) -> None:
        grids, labels = [], []
        for label, name in enumerate(self.classes):
            made = occupancies(self.generator, self.drawn(name, 1000, SAMPLES), self.check)
            grids.append(made > SOLID)
            labels.append(np.full(SAMPLES, label))
            self.strips.append(Strip(name, "Samples", tuple(made[:SHOWN_SAMPLES])))
        solid, label_of = np.concatenate(grids), np.concatenate(labels)
        self.add("sample_one_piece", one_part(solid), label_of)
        if len(self.held.trained):
            self.add("sample_nearest_iou", nearest_iou(solid, self.trained_blocks()), label_of)
            if len(self.truth):
                self.add("real_nearest_iou", nearest_iou(self.truth, self.trained_blocks()))

    def sets(self) -> None:
        """Samples against held-out shapes, class by class, and the data against themselves."""
        samples: dict[str, dict[str, float]] = {}
        halves: dict[str, dict[str, float]] = {}
        rng = np.random.default_rng(0)
        everything = np.concatenate([self.held.trained, self.held.rows])
        for place, (label, name, own) in enumerate(self.present()):
            if len(own) > 1:  # a set of one has no neighbours of its own
                real = self.truth[own]
                drawn = [self.drawn(name, 1000 + k, len(own)) for k in range(SET_REPEATS)]
                made = [decode(self.generator, latents, CPU, self.check) for latents in drawn]
                samples[name] = _set_scores(made, [real] * SET_REPEATS)
            rows = rng.permutation(everything[self.held.labels[everything] == label])
            count = min(len(own), len(rows) // 2)
            if count > 1:
                one = self.solid(rows[:count])
                other = self.solid(rows[count : 2 * count])
                halves[name] = _set_scores([one], [other])
            self.check()
            self.tell("sets of samples", place + 1, len(self.classes))
        for prefix, found in (("sample", samples), ("half", halves)):
            for key in ("1nna", "mmd", "cov", "jsd"):
                if found:
                    by_class = {name: scores[key] for name, scores in found.items()}
                    mean = _mean(by_class)
                    self.figures[f"{prefix}_{key}"] = Figure(mean, mean, None, None, by_class)
        if len(self.truth) > 1:
            noise = seed_noise(0, self.subject.density.latent_size, len(self.truth))
            prior = decode(self.generator, noise, CPU, self.check)
            nna = compare_sets(prior, self.truth).nearest_neighbour
            self.figures["prior_1nna"] = Figure(nna, nna, None, None, {})

    def critic(self, critic: Any) -> None:
        """Accuracy of linear SVMs on features of the critic, and of one that learnt nothing."""
        trained = self.held.trained
        labels = self.held.labels[trained]
        if len(np.unique(labels)) < 2:
            return
        for key, network in (
            ("critic_svm", critic),
            ("untrained_svm", critic_features.untrained(self.subject.spec)),
        ):
            learnt = [
                critic_features.features(network, self.solid(part))
                for part in batches_of(trained, self.check)
            ]
            found = critic_features.features(network, self.truth)
            machine = critic_features.LinearSvm.fit(np.concatenate(learnt), labels, self.check)
            self.add(key, machine.predict(found) == self.labels)

    def present(self) -> Iterator[tuple[int, str, NDArray[np.int64]]]:
        """Classes with held-out shapes: label, name, and which shapes."""
        for label, name in enumerate(self.classes):
            own = np.flatnonzero(self.labels == label)
            if len(own):
                yield label, name, own

    def extremes(self, scores: NDArray[np.float64]) -> Iterator[tuple[str, list[int]]]:
        """Best, median and worst shape of each class, as far as it has as many."""
        for _label, name, own in self.present():
            order = own[np.argsort(-scores[own], kind="stable")]
            chosen = (order[0], order[len(order) // 2], order[-1])
            yield name, list(dict.fromkeys(int(k) for k in chosen))

    def drawn(self, name: str, seed: int, count: int) -> Array:
        noise = seed_noise(seed, self.subject.density.latent_size, count)
        return self.subject.density.place(noise, name, self.truncation)

    def solid(self, rows: NDArray[np.int64]) -> Grids:
        return solid_truth(self.held.store, rows, self.subject.spec)

    def trained_blocks(self) -> Iterator[Grids]:
        for part in batches_of(self.held.trained, self.check):
            yield self.solid(part)

    def add(self, key: str, values: NDArray[Any], labels: NDArray[np.int64] | None = None) -> None:
        """A figure from one value a shape."""
        values = np.asarray(values, np.float64)
        labels = self.labels if labels is None else labels
        by_class = {
            name: float(values[labels == k].mean())
            for k, name in enumerate(self.classes)
            if (labels == k).any()
        }
        self.figures[key] = Figure(
            float(values.mean()), _mean(by_class), *bootstrap(values), by_class
        )


def _set_scores(made: Sequence[Grids], real: Sequence[Grids]) -> dict[str, float]:
    compared = [compare_sets(a, b) for a, b in zip(made, real, strict=True)]
    divergences = [jensen_shannon(a, b) for a, b in zip(made, real, strict=True)]
    return {
        "1nna": float(np.mean([scores.nearest_neighbour for scores in compared])),
        "mmd": float(np.mean([scores.minimum_matching for scores in compared])),
        "cov": float(np.mean([scores.coverage for scores in compared])),
        "jsd": float(np.mean(divergences)),
    }


def _mean(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values())))
