"""What every family of furniture is: named, bounded parameters and the parts they make."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from shapelab.core.furniture.solids import Part, union

Value = float | int | str
Axes = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]  # rising x, y, z
Kind = TypeVar("Kind", bound="Furniture")

THINNEST = 1 / 48  # of the longest side: a cell of a 64^3 grid, in which nothing gets lost


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family: a number between two bounds, or one of several styles."""

    name: str
    meaning: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    options: tuple[str, ...] = ()

    def at(self, share: float) -> Value:
        """The value at a share of its range, from 0 up to but without 1."""
        if self.options:
            return self.options[int(share * len(self.options))]
        if self.whole:
            return int(self.low + share * (self.high - self.low + 1))
        return self.low + share * (self.high - self.low)

    @property
    def steps(self) -> int:
        """How many values it can have; 0 where it is any number between its bounds."""
        return len(self.options) or (int(self.high - self.low + 1) if self.whole else 0)


def between(low: float, high: float, unit: str, meaning: str) -> Any:
    """Declares a field that is a real number."""
    return _field(meaning=meaning, unit=unit, low=low, high=high)


def count(low: int, high: int, meaning: str) -> Any:
    """Declares a field that is a whole number, bounds included."""
    return _field(meaning=meaning, low=low, high=high, whole=True)


def one_of(*options: str, meaning: str) -> Any:
    """Declares a field that is a style; one named twice is drawn twice as often."""
    return _field(meaning=meaning, options=options)


def _field(**about: Any) -> Any:
    return dataclasses.field(metadata=about)


class Furniture(ABC):
    """A piece of furniture in metres, on the floor z = 0, with z up.

    A family is a frozen dataclass whose fields are declared by ``between``, ``count`` and
    ``one_of``; its parts are built to face -y, with x to the right of who looks at its front.
    """

    label: ClassVar[str]  # as ModelNet40 spells it

    @property
    @abstractmethod
    def longest(self) -> float:
        """About its longest side in metres, and not less than nine tenths of it."""

    def stout(self, thick: float) -> float:
        """A thickness, or the least one that a grid still holds."""
        return max(thick, THINNEST * self.longest)

    @abstractmethod
    def parts(self) -> list[Part]:
        """The solids whose union it is; each overlaps another one."""


def parameters(family: type[Furniture]) -> list[Parameter]:
    """The declared parameters of a family, in order."""
    fields = dataclasses.fields(family)  # type: ignore[arg-type]
    return [Parameter(name=field.name, **field.metadata) for field in fields]


def random_piece(family: type[Kind], number: int, seed: int) -> Kind:
    """Piece ``number`` of a family: every parameter drawn by itself, evenly over its range.

    The same on every machine, and independent of how many pieces are drawn.
    """
    shares = zip(parameters(family), random_shares(family, number, seed).tolist(), strict=True)
    return family(**{parameter.name: parameter.at(share) for parameter, share in shares})


def random_shares(family: type[Furniture], number: int, seed: int) -> NDArray[np.float64]:
    """The shares (parameters,) of their ranges that the parameters of a random piece have."""
    rng = np.random.default_rng([seed, number, *family.label.encode()])
    return rng.random(len(parameters(family)))


def signed_distance(shape: Furniture, points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Signed distances (n,) in metres of points (n, 3): negative inside, 1-Lipschitz."""
    return union(shape.parts(), points)


def union_distances(parts: Sequence[Part], axes: Axes, reach: float) -> NDArray[np.floating]:
    """Signed distances (x, y, z) of a union on the lattice of three rising axes, as exact as these.

    Each part is asked near its own box only.

    Args:
        parts: in metres.
        axes: places along x, y and z, metres.
        reach: what is farther outside counts as this far.
    """
    found = np.full([len(axis) for axis in axes], reach, axes[0].dtype)
    for part in parts:
        near = tuple(
            slice(*np.searchsorted(axis, (a - reach, b + reach)))
            for axis, a, b in zip(axes, part.low, part.high, strict=True)
        )
        x, y, z = np.ix_(*(axis[cut] for axis, cut in zip(axes, near, strict=True)))
        if x.size and y.size and z.size:
            np.minimum(found[near], part.distance(x, y, z), out=found[near])
    return found


def near_union(
    parts: Sequence[Part], points: NDArray[np.float32], reach: float
) -> NDArray[np.float32]:
    """``union_distances`` of points (n, 3) anywhere."""
    found = np.full(len(points), reach, np.float32)
    places = np.ascontiguousarray(points.T)
    for part in parts:
        near = np.ones(len(points), bool)
        for place, low, high in zip(places, part.low, part.high, strict=True):
            near &= (place > low - reach) & (place < high + reach)
        chosen = np.flatnonzero(near)
        if len(chosen):
            x, y, z = places[:, chosen]
            found[chosen] = np.minimum(found[chosen], part.distance(x, y, z))
    return found
