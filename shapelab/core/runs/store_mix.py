"""What a run learns from: one prepared store, or several that are mixed by weight."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shapelab.core.errors import DataError
from shapelab.core.runs.store_card import StoreCard


@dataclass(frozen=True)
class StoreShare:
    """A prepared store, and how often its shapes come beside those of the others."""

    store: Path
    weight: float = 1.0

    def __str__(self) -> str:
        """As ``--data`` has it; ``parse_share`` reads it."""
        return str(self.store) if self.weight == 1 else f"{self.store}:{self.weight:g}"


RunData = Path | Sequence[StoreShare]  # of a run; a path is one store


def shares_of(data: RunData) -> tuple[StoreShare, ...]:
    """The stores of a run, with their weights; of one alone it says nothing."""
    if isinstance(data, Path):
        return (StoreShare(data),)
    return (StoreShare(data[0].store),) if len(data) == 1 else tuple(data)


def parse_share(text: str) -> StoreShare:
    """A store as ``--data`` names it: ``FOLDER`` or ``FOLDER:WEIGHT``.

    Raises:
        DataError: the weight is not above 0.
    """
    folder, colon, number = text.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        colon = ""
    if not colon or os.path.exists(text):
        return StoreShare(Path(text))
    if not (math.isfinite(weight) and weight > 0):
        raise DataError(f"The weight of {folder} must be above 0, not {number}.")
    return StoreShare(Path(folder), weight)


def mixed_card(cards: Sequence[StoreCard]) -> StoreCard:
    """What several stores are together; classes are joined by name.

    Raises:
        DataError: they cannot be mixed.
    """
    first = cards[0]
    for other in cards[1:]:
        both = f"{first.folder} and {other.folder} cannot be mixed: "
        if other.resolution != first.resolution:
            raise DataError(
                f"{both}{first.resolution}³ and {other.resolution}³ cells; prepare one again with "
                "the --resolution of the other."
            )
        if other.is_canonical != first.is_canonical:
            old = (first if other.is_canonical else other).folder
            raise DataError(f"{both}the fronts of {old} are not turned to -y; prepare it again.")
        if first.views and other.views and other.picture_size != first.picture_size:
            raise DataError(
                f"{both}pictures of {first.picture_size} and {other.picture_size} pixels a side; "
                "prepare one again with the --size of the other."
            )
        if other.folder.resolve() in (card.folder.resolve() for card in cards if card is not other):
            raise DataError(f"{other.folder} is named twice; give it one weight.")
    return StoreCard(
        first.folder,
        first.resolution,
        tuple(sorted({name for card in cards for name in card.classes})),
        sum(card.shapes for card in cards),
        min(card.views for card in cards),
        first.picture_size,
        first.is_canonical,
    )
