"""The source ``procedural``: furniture made from parameters, listed and made like any other."""

from __future__ import annotations

import re
from pathlib import Path

from shapelab.core.errors import DataError, InputError
from shapelab.core.furniture.families.family_table import EDITION, FAMILIES
from shapelab.core.furniture.furniture import random_piece

from ...source import Item, Reader
from .union_mesh import Union

PER_FAMILY = 100  # shapes where no COUNT is given
_LARGEST = 900_000  # shapes; an id counts to 99999 in each family


def sniff(source: Path) -> bool:
    """Whether the text says ``procedural`` and no file or folder is called so."""
    return source.name.split(":")[0] == "procedural" == source.parts[0].split(":")[0] and not (
        source.exists()
    )


def items(source: Path) -> list[Item]:
    """The shapes of ``procedural``, ``procedural:COUNT`` or ``procedural:COUNT:SEED``.

    COUNT is the number of shapes in all, spread evenly over the families (the first ones get one
    more where it does not divide); without it each has ``PER_FAMILY``. The shapes of a smaller
    COUNT are among those of a larger one with the same SEED, which is 0 where it is not given.

    Raises:
        DataError: COUNT or SEED is no whole number, or COUNT is 0 or far too large.
    """
    match = re.fullmatch(r"procedural(?::(\d{1,9}))?(?::(\d{1,9}))?", source.name)
    count = int(match[1] or PER_FAMILY * len(FAMILIES)) if match else 0
    if match is None or not 0 < count <= _LARGEST:
        raise DataError(
            f"{source} names no procedural furniture; write procedural, procedural:COUNT or "
            f"procedural:COUNT:SEED with a COUNT from 1 to {_LARGEST}, such as procedural:1800:7."
        )
    seed = int(match[2] or 0)
    share, rest = divmod(count, len(FAMILIES))
    return [
        Item(f"{label}/{number:05}", label, source, member=f"{label}:{number}:{seed}:{EDITION}")
        for place, label in enumerate(FAMILIES)
        for number in range(share + (place < rest))
    ]


def load(item: Item) -> Union:
    """The shape in metres, z up, facing -y.

    Raises:
        InputError: the item is not one of ``items``.
    """
    label, _, numbers = item.member.partition(":")
    match = re.fullmatch(rf"(\d{{1,9}}):(\d{{1,9}}):{EDITION}", numbers)
    if label not in FAMILIES or match is None:
        raise InputError(
            f"{item.id} is no procedural shape; list the source procedural again to get its items."
        )
    return Union(random_piece(FAMILIES[label], int(match[1]), int(match[2])).parts())


PROCEDURAL = Reader("procedural", "none needed: made by ShapeLab itself", sniff, items, load)
