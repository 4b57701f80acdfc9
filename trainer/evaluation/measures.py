"""What an evaluation measures, and the figures and pictures that it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shapelab.core.model.wholeness import CANDIDATES

from ..data.pictures.draw import Picture, draw, on_paper
from ..process.control import Check, Tell
from .metrics import bootstrap

Tile = NDArray[Any]  # (R, R, R) occupancy, or a picture (S, S, 4) uint8 as the model sees it

SAMPLES, PAIRS = 64, 64  # of a class: samples, and pairs whose midpoints are looked at
WHOLE = 32  # of a class: samples that are the best of a few
FITTED = 150  # pictures that are fitted to their silhouettes, which takes half a second each
HALF_VIEWS = 60  # shapes that are completed from one side, which takes some three seconds each
NEAREST = 400  # training shapes of a class, among which the nearest is looked for
SIDE = 104  # pixels of a tile
SVM_ROWS = 2000  # training shapes that a linear machine learns from


@dataclass(frozen=True)
class Measure:
    """What a figure says."""

    label: str
    meaning: str
    percent: bool = False
    better: Literal["high", "low", ""] = "high"  # which values are; "": neither


MEASURES = {
    "iou": Measure("Voxel IoU at 0.5", "held-out shapes encoded and decoded"),
    "iou_04": Measure("Voxel IoU at 0.4", "the same at a lower level"),
    "iou_best": Measure("Voxel IoU at the best level", "the level is named above"),
    "average_precision": Measure(
        "Average precision", "of a shape's cells, sorted by occupancy", percent=True
    ),
    "chamfer": Measure(
        "Chamfer-L1, sides of the grid",
        "30 000 points spread by area on each surface at 0.5; mean of both directions",
        better="low",
    ),
    "f_01": Measure("F-score at 1 % of the side", "of the same points", percent=True),
    "f_02": Measure("F-score at 2 % of the side", "of the same points", percent=True),
    "f_05": Measure("F-score at 5 % of the side", "of the same points", percent=True),
    "real_one_piece": Measure("In one piece: real shapes", "joined through faces", percent=True),
    "one_piece": Measure("In one piece: reconstructions", "at 0.5", percent=True),
    "midpoint_one_piece": Measure(
        "In one piece: midpoints",
        f"halfway, as the app morphs, between two held-out shapes of a class; {PAIRS} pairs",
        percent=True,
    ),
    "midpoint_shown_whole": Measure(
        "Shown whole: midpoints",
        "the same at the level that the app finds, but for crumbs of half a percent",
        percent=True,
    ),
    "sample_one_piece": Measure(
        "In one piece: samples", f"seeds 0 to {SAMPLES - 1} of each class", percent=True
    ),
    "sample_shown_whole": Measure(
        "Shown whole: samples",
        "the same at the level that the app finds, but for crumbs of half a percent",
        percent=True,
    ),
    "whole_sample_one_piece": Measure(
        "In one piece: samples, whole ones preferred",
        f"as Randomise draws them: each of at most {CANDIDATES} seeds; {WHOLE} of each class",
        percent=True,
    ),
    "picture_iou": Measure("IoU from pictures, by the encoder", "at 0.5"),
    "photo_iou": Measure(
        "IoU from made-up photos, by the encoder", "one a shape; half of the masks are wrong"
    ),
    "encoded_iou": Measure(
        "IoU from pictures, by the encoder, of those that are fitted",
        f"one picture each of up to {FITTED} shapes, of all classes alike",
    ),
    "fitted_iou": Measure(
        "IoU from pictures, as the app gives them", "the same, fitted to their silhouettes"
    ),
    "half_view_plain_iou": Measure(
        "IoU from half-views, by the voxel encoder",
        f"what one look of a depth camera has of up to {HALF_VIEWS} shapes, of all classes alike",
    ),
    "half_view_completed_iou": Measure(
        "IoU from half-views, completed", "the same, as the app completes what one side shows"
    ),
    "half_view_plain_ap": Measure(
        "Average precision from half-views, by the voxel encoder",
        "of a shape's cells, sorted by occupancy",
        percent=True,
    ),
    "half_view_completed_ap": Measure(
        "Average precision from half-views, completed", "the same", percent=True
    ),
    "sample_1nna": Measure(
        "1-NNA of samples",
        "50 % is ideal, 100 % means always told apart",
        percent=True,
        better="low",
    ),
    "half_1nna": Measure(
        "1-NNA of one half of the data", "against the other", percent=True, better=""
    ),
    "sample_mmd": Measure(
        "MMD of samples", "CD by distance transform at 32 cells a side", better="low"
    ),
    "half_mmd": Measure("MMD of one half of the data", "against the other", better=""),
    "sample_cov": Measure("COV of samples", "higher is better", percent=True),
    "half_cov": Measure(
        "COV of one half of the data", "against the other", percent=True, better=""
    ),
    "sample_jsd": Measure(
        "JSD of samples", "of solid cells, base 2; lower is better", better="low"
    ),
    "half_jsd": Measure("JSD of one half of the data", "against the other", better=""),
    "sample_nearest_iou": Measure(
        "IoU of samples with their nearest training shape",
        f"of up to {NEAREST} of the class, flips included; far above the next line: memorised",
        better="",
    ),
    "real_nearest_iou": Measure(
        "IoU of held-out shapes with their nearest training shape",
        "among the same, flips included",
        better="",
    ),
    "critic_svm": Measure(
        "Linear SVM on the critic's features",
        f"held-out shapes classified, learnt from up to {SVM_ROWS} others",
        percent=True,
    ),
    "untrained_svm": Measure(
        "Linear SVM on an untrained critic", "its yardstick", percent=True, better=""
    ),
    "ikea_encoded": Measure(
        "IKEA, unaligned AP, by the encoder", "photos cut out by the app, 20³", percent=True
    ),
    "ikea_fitted": Measure("IKEA, unaligned AP, as the app gives it", "20³", percent=True),
    "ikea_encoded_aligned": Measure(
        "IKEA, aligned AP, by the encoder",
        "the best of 48 turns and flips and shifts by up to 2 cells: all 6 000 tried",
        percent=True,
    ),
    "ikea_fitted_aligned": Measure(
        "IKEA, aligned AP, as the app gives it", "the same", percent=True
    ),
    "ikea_encoded_pruned": Measure(
        "IKEA, aligned AP, by the encoder, pruned",
        "of each turn only the shifts that overlap best are tried",
        percent=True,
    ),
    "ikea_fitted_pruned": Measure(
        "IKEA, aligned AP, as the app gives it, pruned", "the same", percent=True
    ),
    "ikea_mean_shape": Measure(
        "IKEA, aligned AP without looking at the picture",
        "the mean shape of the class, which is told",
        percent=True,
        better="",
    ),
}


@dataclass(frozen=True)
class Figure:
    """One measure: its mean over shapes with a 95 % interval, and its means of classes."""

    mean: float
    class_mean: float  # what a balanced set would have
    low: float | None  # None where there are no single shapes to draw again
    high: float | None
    by_class: dict[str, float]
    by_source: dict[str, float] = field(default_factory=dict)  # where there are several
    worst: str = ""  # class


@dataclass(frozen=True)
class Strip:
    """A row of pictures of one height."""

    class_name: str
    title: str
    tiles: tuple[Picture, ...]


@dataclass(frozen=True)
class Evaluation:
    """All figures by the keys of ``MEASURES``; a measure that had nothing to go by is missing."""

    subject: str
    source: str  # of the held-out shapes; "" without any
    photos: str  # folder of an IKEA release; "" without one
    shapes: int
    held_out: int  # of which ``shapes`` were scored
    trained: int  # training shapes at hand
    truncation: float
    best_level: float | None
    level_from: str  # of which shapes it is the best
    figures: dict[str, Figure]
    strips: tuple[Strip, ...]

    @property
    def classes(self) -> list[str]:
        """Classes with any figure, in the subject's order as far as samples have it."""
        names = (name for figure in self.figures.values() for name in figure.by_class)
        first = self.figures.get("sample_one_piece")
        return list(dict.fromkeys([*(first.by_class if first else ()), *names]))


class Findings:
    """Figures and strips as they are found, and whoever waits for them.

    Args:
        tell: hears what is scored, and how many of how many are done.
        check: called between two batches; what it raises ends the work.
        draws: whether anybody will look at strips; they take time and are not made otherwise.
    """

    def __init__(self, tell: Tell, check: Check, draws: bool) -> None:
        self.tell, self.check, self.draws = tell, check, draws
        self.figures: dict[str, Figure] = {}
        self.strips: list[Strip] = []

    def add(
        self,
        key: str,
        values: NDArray[Any],
        classes: NDArray[np.str_],
        sources: NDArray[np.str_] | None = None,
    ) -> None:
        """A figure from one value a shape, (n,), with the class and the source of each, (n,)."""
        values = np.asarray(values, np.float64)
        by_class = _means(values, classes)
        by_source = {} if sources is None else _means(values, sources)
        self.figures[key] = Figure(
            float(values.mean()),
            float(np.mean(list(by_class.values()))),
            *bootstrap(values),
            by_class,
            by_source if len(by_source) > 1 else {},
            _worst_of(key, by_class),
        )

    def add_sets(self, key: str, by_class: Mapping[str, float]) -> None:
        """A figure of whole sets, one value a class; none where there is no class."""
        if by_class:
            mean = float(np.mean(list(by_class.values())))
            worst = _worst_of(key, by_class)
            self.figures[key] = Figure(mean, mean, None, None, dict(by_class), worst=worst)

    def show(self, class_name: str, title: str, tiles: Iterable[Tile]) -> None:
        """A strip of shapes and pictures, where ``draws`` says that somebody looks."""
        pictures = tuple(
            on_paper(tile, SIDE) if tile.dtype == np.uint8 else draw(tile, SIDE) for tile in tiles
        )
        self.strips.append(Strip(class_name, title, pictures))


def _worst_of(key: str, by_class: Mapping[str, float]) -> str:
    better = MEASURES[key].better
    if not better or len(by_class) < 2:
        return ""
    return (min if better == "high" else max)(by_class, key=lambda name: by_class[name])


def _means(values: NDArray[np.float64], groups: NDArray[np.str_]) -> dict[str, float]:
    """By group, in the order in which they come."""
    return {name: float(values[groups == name].mean()) for name in dict.fromkeys(groups.tolist())}
