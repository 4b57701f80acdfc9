"""Corrections of a cut-out as plain values: what a person drew on a picture, and how it is turned.

Places are counted in sides of the picture as it was read, upright and not yet turned: its longer
side is 1, x goes right and y down from its left upper corner. So an edit means the same whatever
the picture's resolution, and however it is turned afterwards.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError

Place = tuple[float, float]  # x, y
Places = NDArray[np.float64]  # (n, 2)

MOST_STEPS, MOST_PLACES = 1000, 10_000  # of an edit, and of one of its lines
MOST_PIXELS = 1024**2  # of a mask that is given
FARTHEST = 16.0  # a line may leave the picture, but no further
_MOST_GROWTH = 0.25  # sides of the picture, of one step
DAMAGED = "The correction of the picture is damaged; please draw it again."


@dataclass(frozen=True)
class Box:
    """The object is in this rectangle; all else is background."""

    kind: ClassVar = "box"
    x: float
    y: float
    width: float
    height: float
    find_edges: bool = True  # else the object is all of it


@dataclass(frozen=True)
class Lasso:
    """The object is inside this closed line; all else is background."""

    kind: ClassVar = "lasso"
    line: tuple[Place, ...]
    find_edges: bool = True  # else the object is all of it


@dataclass(frozen=True)
class Brush:
    """What this line covers is the object, or is not."""

    kind: ClassVar = "brush"
    line: tuple[Place, ...]
    width: float
    is_object: bool
    find_edges: bool = True  # it is of one piece with what looks like it around; else it alone


@dataclass(frozen=True)
class Pick:
    """Of several parts of the cut-out, the object is the one nearest to this place."""

    kind: ClassVar = "pick"
    x: float
    y: float


@dataclass(frozen=True)
class Grow:
    """The cut-out becomes wider on all sides by this much; narrower where it is negative."""

    kind: ClassVar = "grow"
    by: float


@dataclass(frozen=True)
class Invert:
    """Object and background change places."""

    kind: ClassVar = "invert"


@dataclass(frozen=True)
class AsIs:
    """Nothing is removed: the object is what the picture's own transparency leaves, else all."""

    kind: ClassVar = "as is"


@dataclass(frozen=True)
class GivenMask:
    """The object is what this mask, drawn elsewhere, shows opaque."""

    kind: ClassVar = "mask"
    columns: int
    rows: int
    packed: str  # the opacities row by row, one byte each, by zlib and Base64

    @classmethod
    def of(cls, alpha: NDArray[np.uint8]) -> GivenMask:
        """The step for opacities (h, w)."""
        packed = base64.b64encode(zlib.compress(alpha.tobytes(), 9)).decode()
        return cls(alpha.shape[1], alpha.shape[0], packed)

    def alpha(self) -> NDArray[np.uint8]:
        """The opacities (rows, columns). Raises ValueError where they are not that many."""
        size = self.rows * self.columns
        data = zlib.decompressobj().decompress(base64.b64decode(self.packed), size + 1)
        return np.frombuffer(data, np.uint8).reshape(self.rows, self.columns)


Step = Box | Lasso | Brush | Pick | Grow | Invert | AsIs | GivenMask
_KINDS: dict[str, type[Step]] = {
    step.kind: step for step in (Box, Lasso, Brush, Pick, Grow, Invert, AsIs, GivenMask)
}
#: After these it does not matter what was drawn before.
FRESH = (Box, Lasso, AsIs, GivenMask)


@dataclass(frozen=True)
class CutoutEdit:
    """Everything a person changed of a picture's cut-out; immutable, compared by value."""

    steps: tuple[Step, ...] = ()
    turns: int = 0  # quarters, counter-clockwise, 0 to 3
    flipped: bool = False  # left to right, after it was turned
    crop: tuple[float, float, float, float] | None = None  # x, y, width and height of what counts

    def with_step(self, step: Step) -> CutoutEdit:
        return replace(self, steps=(*self.steps, step))

    def turned(self, quarters: int) -> CutoutEdit:
        """Turned as it is shown, counter-clockwise."""
        return replace(self, turns=(self.turns + (-quarters if self.flipped else quarters)) % 4)

    def mirrored(self) -> CutoutEdit:
        """Flipped left to right as it is shown."""
        return replace(self, flipped=not self.flipped)

    # --- how it is shown -------------------------------------------------------------------------

    def shown(self, picture: NDArray[Any]) -> NDArray[Any]:
        """An array (h, w, ...) over the picture, turned and flipped; not cropped."""
        turned = np.rot90(picture, self.turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.flipped else turned)

    def to_shown(self, places: Places, size: tuple[float, float]) -> Places:
        """Where places (n, 2) are seen, in sides of the picture; size is its width and height."""
        x, y = places.T
        width, height = size
        for _ in range(self.turns):
            x, y, width, height = y, width - x, height, width
        return np.stack([width - x if self.flipped else x, y], 1)

    def to_picture(self, places: Places, size: tuple[float, float]) -> Places:
        """The inverse of ``to_shown``; size is that of the picture, too."""
        x, y = places.T
        width, height = size[::-1] if self.turns % 2 else size
        x = width - x if self.flipped else x
        for _ in range(self.turns):
            x, y, width, height = height - y, x, height, width
        return np.stack([x, y], 1)

    # --- as plain data ---------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Numbers, texts and lists, as JSON has them; ``from_dict`` gives the same edit."""
        steps = []
        for step in self.steps:
            values = {field.name: getattr(step, field.name) for field in fields(step)}
            if "line" in values:
                values["line"] = [list(place) for place in values["line"]]
            steps.append({"kind": step.kind, **values})
        crop = None if self.crop is None else list(self.crop)
        return {"steps": steps, "turns": self.turns, "flipped": self.flipped, "crop": crop}

    @classmethod
    def from_dict(cls, data: Any) -> CutoutEdit:
        """The edit that ``to_dict`` told. Raises InputError when anything is missing or odd."""
        try:
            return cls(
                tuple(map(_step, _listed(data["steps"], MOST_STEPS))),
                range(4).index(data["turns"]),
                _truth(data["flipped"]),
                _crop(data["crop"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError, zlib.error, binascii.Error):
            raise InputError(DAMAGED) from None


def _step(data: Mapping[str, Any]) -> Step:
    """A step of plain data; whatever is odd raises one of the errors that ``from_dict`` catches."""
    kind = _KINDS[data["kind"]]
    if kind is GivenMask:
        return _mask(data)
    values: dict[str, Any] = {}
    for field in fields(kind):
        value = data[field.name]
        if field.name == "line":
            values["line"] = _line(value)
        elif field.name in ("find_edges", "is_object"):
            values[field.name] = _truth(value)
        else:
            number = _number(value)
            values[field.name] = _positive(number) if field.name in ("width", "height") else number
    step = kind(**values)
    if isinstance(step, Grow) and abs(step.by) > _MOST_GROWTH:  # its time grows with the square
        raise ValueError
    return step


def _mask(data: Mapping[str, Any]) -> GivenMask:
    columns, rows, packed = data["columns"], data["rows"], data["packed"]
    mask = GivenMask(int(columns), int(rows), str(packed))
    if not 0 < mask.columns * mask.rows <= MOST_PIXELS or mask.columns < 0:
        raise ValueError
    mask.alpha()
    return mask


def _listed(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError
    return value


def _line(value: Any) -> tuple[Place, ...]:
    line = tuple((_number(x), _number(y)) for x, y in _listed(value, MOST_PLACES))
    if not line:
        raise ValueError
    return line


def _crop(value: Any) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    x, y, width, height = map(_number, value)
    return x, y, _positive(width), _positive(height)


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, (str, bool)) or not math.isfinite(number) or abs(number) > FARTHEST:
        raise ValueError
    return number


def _positive(number: float) -> float:
    if number <= 0:
        raise ValueError
    return number


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


UNCHANGED = CutoutEdit()
