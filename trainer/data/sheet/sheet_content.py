"""What a contact sheet shows, whether as a page or as a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES = 8  # shapes shown of each class
SIDE = 144  # pixels along a side of what is shown
BINS = 24  # of a histogram

Picture = NDArray[np.uint8]  # (SIDE, SIDE, 3) RGB


@dataclass(frozen=True)
class Sample:
    """One shape that is shown."""

    id: str
    shape: Picture  # the solid grid, drawn
    front: Picture  # from the front, a little from above
    view: Picture | None  # one of its stored pictures
    photo: Picture | None  # that one as an image encoder learns from it, its mask outlined


@dataclass(frozen=True)
class ClassCard:
    """What is shown of a class."""

    name: str
    counts: dict[str, int]  # by split
    samples: tuple[Sample, ...]
    histogram: NDArray[np.int64]  # (BINS,) shapes by filled share, from 0 to ``fullest``
    median: float  # filled share

    @property
    def total(self) -> int:
        """Shapes of the class."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Sheet:
    """All that the page and the picture show."""

    title: str
    facts: tuple[tuple[str, str], ...]  # names and values
    cards: tuple[ClassCard, ...]
    fullest: float  # the largest filled share, where the histograms end
    left_out: tuple[tuple[str, tuple[str, ...]], ...]  # reasons and ids, commonest first
