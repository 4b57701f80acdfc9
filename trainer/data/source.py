"""What every reader gives: items that are listed fast, travel to any process and load there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh

Array = NDArray[np.floating]
Axes = tuple[Array, Array, Array]  # rising x, y, z


class ClosedForm(ABC):
    """A shape known by its signed distance, which no mesh of it could give as exactly."""

    @abstractmethod
    def mesh(self) -> TriMesh:
        """Its closed surface."""

    @abstractmethod
    def turned(self, quarters: int) -> ClosedForm:
        """Turns about z, seen from above counter-clockwise, by quarters of a circle."""

    @abstractmethod
    def distances(self, axes: Axes, reach: float) -> Array:
        """Signed distances (x, y, z) on the lattice of three axes, cut off at ``reach`` outside.

        Where they are 0 is exact; elsewhere they may be nearer to 0 than the true distance.
        """


FileShape = TriMesh | VoxelGrid
Shape = FileShape | ClosedForm  # z up
Split = Literal["", "train", "validation", "test"]
Up = Literal["", "y", "z"]
Front = Literal["-y", "+x", "+y", "-x"]  # a side of a shape whose z is up


@dataclass(frozen=True)
class Attribution:
    """Who made a model, and under which licence: what its ``LICENSES.csv`` says."""

    title: str
    author: str
    licence: str  # name
    licence_url: str
    source: str  # where it comes from
    changes: str  # made to it since
    note: str  # why its likeness may not be free to sell; "" where nothing is known against it

    @property
    def is_free_to_sell(self) -> bool:
        """Whether shapes made from the model may be sold, as far as its row says."""
        return not self.note and "NC" not in self.licence.upper().split("-")


@dataclass(frozen=True)
class Item:
    """One shape of a source, before it is read."""

    id: str  # unique in the source and the same on every machine: a relative path with slashes
    label: str  # name of its class
    path: Path  # the file that holds it
    member: str = ""  # of an archive, or the index in an array
    split: Split = ""  # what the source's makers decided; "" where they did not
    pictures: tuple[Path, ...] = ()  # the source's own views of it
    up: Up = ""  # axis of a free mesh or array that is up; "" means what its format usually means
    front: Front | Literal[""] = ""  # which is turned to -y; "" where the reader does not say
    attribution: Attribution | None = None


@dataclass(frozen=True)
class Reader:
    """How one kind of source is known, listed and loaded; stands in ``source_table.READERS``."""

    name: str
    licence: str  # terms of the data, for the card of a model that learns from it
    sniff: Callable[[Path], bool]  # looks at names and first bytes only
    items: Callable[[Path], list[Item]]  # sorted by id; raises DataError with one sentence
    load: Callable[[Item], Shape]  # raises InputError with one sentence
    has_pictures: bool = False  # whether items come with views of their own
    fronts_vary: bool = False  # whether items may face any way; else those that say nothing face -y
