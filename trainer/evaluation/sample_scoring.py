"""Scores of samples, alone and as sets beside the data, and of what a critic has learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.model.networks import Critic
from shapelab.core.model.wholeness import SOLID, one_part

from ..updates.encoding import batches_of, evenly
from . import critic_features
from .measures import NEAREST, SAMPLES, SVM_ROWS, WHOLE, Findings
from .metrics import Grids, compare_sets, jensen_shannon, nearest_iou, pooled, shown_whole
from .subjects import HeldOut, Subject

SET_REPEATS = 3  # sample sets averaged: held-out classes are small and one draw is noisy
SETS_FROM = 1000  # first seed of those sets, beyond those that are looked at
SET_SIDE = 32  # cells a side at which sets are compared, so that models of any resolution can be
SHOWN = 8  # samples of a class


def score(subject: Subject, held: HeldOut | None, truncation: float, found: Findings) -> None:
    """Adds what samples say, and with held-out shapes what they say beside the data."""
    work = _SampleScoring(subject, truncation, found)
    work.samples(held)
    if held is None:
        return
    work.sets(held)
    if isinstance(subject.critic, Critic) and len(held.rows):
        critics(subject.critic, held, found)


class _SampleScoring:
    def __init__(self, subject: Subject, truncation: float, found: Findings) -> None:
        self.subject, self.truncation, self.found = subject, truncation, found
        self.classes = subject.model.classes

    def samples(self, held: HeldOut | None) -> None:
        """Wholeness of samples, and whether they are like training shapes; a class at a time."""
        whole, shown, preferred, samples, real = {}, {}, {}, {}, {}
        for place, name in enumerate(self.classes):
            self.found.check()
            made = self.subject.model.decode(self.subject.samples(name, SAMPLES, self.truncation))
            solid = made > SOLID
            whole[name], shown[name] = one_part(solid), shown_whole(made)
            chosen = self.subject.whole_samples(name, WHOLE, self.truncation)
            preferred[name] = one_part(self.subject.model.decode(chosen) > SOLID)
            if self.found.draws:
                self.found.show(name, f"Samples, seeds 0 to {SHOWN - 1}", made[:SHOWN])
            if held is not None and len(known := evenly(held.of_class(place)[0], NEAREST)):
                samples[name] = nearest_iou(solid, self.blocks(held, known))
                own = held.solid(held.of_class(place)[1])
                if len(own):
                    real[name] = nearest_iou(own, self.blocks(held, known))
            self.found.tell("samples", place + 1, len(self.classes))
        self.add("sample_one_piece", whole)
        self.add("sample_shown_whole", shown)
        self.add("whole_sample_one_piece", preferred)
        self.add("sample_nearest_iou", samples)
        self.add("real_nearest_iou", real)

    def blocks(self, held: HeldOut, rows: NDArray[np.int64]) -> Iterator[Grids]:
        return (held.solid(part) for part in batches_of(rows, self.found.check))

    def sets(self, held: HeldOut) -> None:
        """Samples against held-out shapes, class by class, and the data against themselves."""
        samples: dict[str, dict[str, float]] = {}
        halves: dict[str, dict[str, float]] = {}
        rng = np.random.default_rng(0)
        for place, name in enumerate(self.classes):
            self.found.check()
            trained, own = held.of_class(place)
            if len(own) > 1:  # a set of one has no neighbours of its own
                firsts = [SETS_FROM + k * len(own) for k in range(SET_REPEATS)]
                drawn = [self.drawn(name, len(own), first) for first in firsts]
                samples[name] = _mean_scores(drawn, [self.coarse(held, own)] * SET_REPEATS)
            rows = rng.permutation(np.concatenate([trained, own]))
            count = min(len(own), len(rows) // 2)
            if count > 1:
                both = self.coarse(held, rows[: 2 * count])
                halves[name] = _mean_scores([both[:count]], [both[count:]])
            self.found.tell("sets of samples", place + 1, len(self.classes))
        for key in ("1nna", "mmd", "cov", "jsd"):
            for prefix, scores in (("sample", samples), ("half", halves)):
                self.found.add_sets(f"{prefix}_{key}", {n: each[key] for n, each in scores.items()})

    def drawn(self, name: str, count: int, first: int) -> Grids:
        latents = self.subject.samples(name, count, self.truncation, first)
        return pooled(self.subject.model.decode(latents) > SOLID, SET_SIDE)

    def coarse(self, held: HeldOut, rows: NDArray[np.int64]) -> Grids:
        return pooled(held.solid(rows), SET_SIDE)

    def add(self, key: str, by_class: Mapping[str, NDArray[Any]]) -> None:
        """One value a shape, by class."""
        if by_class:
            names = np.repeat(list(by_class), [len(values) for values in by_class.values()])
            self.found.add(key, np.concatenate(list(by_class.values())), names)


def critics(critic: Critic, held: HeldOut, found: Findings) -> None:
    """Accuracy of linear SVMs on features of the critic, and of one that learnt nothing."""
    learnt = evenly(np.random.default_rng(0).permutation(held.trained), SVM_ROWS)
    labels = held.labels[learnt]
    if len(np.unique(labels)) < 2:
        return
    names = held.names(held.rows)
    networks = (("critic_svm", critic), ("untrained_svm", critic_features.untrained(held.spec)))
    for place, (key, network) in enumerate(networks):
        rows, seen = (
            np.concatenate(
                [
                    critic_features.features(network, held.solid(part))
                    for part in batches_of(part_of, found.check)
                ]
            )
            for part_of in (learnt, held.rows)
        )
        machine = critic_features.LinearSvm.fit(rows, labels, found.check)
        right = machine.predict(seen) == held.labels[held.rows]
        found.add(key, right, names, held.sources(held.rows))
        found.tell("critic's features", place + 1, len(networks))


def _mean_scores(made: Sequence[Grids], real: Sequence[Grids]) -> dict[str, float]:
    compared = [compare_sets(a, b) for a, b in zip(made, real, strict=True)]
    divergences = [jensen_shannon(a, b) for a, b in zip(made, real, strict=True)]
    return {
        "1nna": float(np.mean([scores.nearest_neighbour for scores in compared])),
        "mmd": float(np.mean([scores.minimum_matching for scores in compared])),
        "cov": float(np.mean([scores.coverage for scores in compared])),
        "jsd": float(np.mean(divergences)),
    }
