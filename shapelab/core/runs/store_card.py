"""What a prepared store says about itself, without opening its arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapelab.core import files_of_others, formatting
from shapelab.core.errors import DataError

# Before 4 fronts were as the source had them; before 5 pictures were drawn in plain colours.
FORMAT, VERSION = "shapelab-store", 5
OLDEST = 2  # that is read; it does not keep the cameras of its pictures
INDEX = "index.json"
MAX_INDEX = 4 * 2**20  # bytes of it


@dataclass(frozen=True)
class StoreCard:
    """What a person chooses a store by."""

    folder: Path
    resolution: int  # cells along a side
    classes: tuple[str, ...]
    shapes: int
    views: int  # pictures of each shape; 0 where there are none
    picture_size: int  # pixels along a side
    is_canonical: bool = True  # whether the front of all shapes is -y

    def describe(self) -> str:
        """One line: '10 classes, 4 899 shapes at 32³, 12 pictures of each'."""
        kinds = f"{len(self.classes)} classes" if len(self.classes) != 1 else self.classes[0]
        pictures = f"{self.views} pictures of each" if self.views else "no pictures"
        shapes = formatting.count(self.shapes)
        return f"{kinds}, {shapes} shapes at {self.resolution}³, {pictures}"


def is_store(folder: Path) -> bool:
    """Whether a folder looks like a prepared store: it has the index that is written last."""
    return files_of_others.is_plain(folder / INDEX)


def read_card(folder: Path) -> StoreCard:
    """The card of a prepared store.

    Raises:
        DataError: there is no finished store in the folder, or one of another version.
    """
    try:
        index: Any = files_of_others.json_of(files_of_others.read_bytes(folder / INDEX, MAX_INDEX))
        known = index["format"] == FORMAT
        if known:
            check_version(folder, int(index["version"]))
        card = StoreCard(
            folder,
            int(index["resolution"]),
            tuple(str(name) for name in index["classes"]),
            int(index["counts"]["accepted"]),
            int(index["views"]),
            int(index["picture_size"]),
            is_canonical(int(index["version"])),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        known = False
    if not known:
        raise DataError(f"{folder} is no prepared dataset; choose shapes to prepare instead.")
    return card


def is_canonical(version: int) -> bool:
    """Whether the front of all shapes is -y; before version 4 it was as in the source."""
    return version > 3


def check_version(folder: Path, version: int) -> None:
    """Raises DataError if this ShapeLab cannot read a store of this version."""
    if version > VERSION:
        raise DataError(f"{folder} was prepared by a newer ShapeLab; please update ShapeLab.")
    if version < OLDEST:
        raise DataError(
            f"{folder} was prepared by an older ShapeLab; please prepare it again, into an empty "
            "folder."
        )
