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
MOST_TILT = 45.0  # degrees; more is another quarter
_SHORTEST = 0.02  # sides of the picture, of a line that says what is straight
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
    tilt: float = 0.0  # degrees, counter-clockwise about the middle, before the quarters

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
        """An array (h, w, ...) over the picture or its crop, turned and flipped; not cropped.

        Beyond the picture's corners nothing is opaque, and colours go on.
        """
        straight = picture if self.tilt == 0 else _tilted(picture, self.tilt)
        turned = np.rot90(straight, self.turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.flipped else turned)

    def to_shown(self, places: Places, size: tuple[float, float]) -> Places:
        """Where places (n, 2) are seen, in sides of the picture; size is its width and height."""
        x, y = places.T
        width, height = size
        if self.tilt:
            across, down = x - width / 2, y - height / 2
            cosine, sine = _direction(self.tilt)
            width, height = _tilted_size(size, self.tilt)
            x = width / 2 + cosine * across + sine * down
            y = height / 2 - sine * across + cosine * down
        for _ in range(self.turns):
            x, y, width, height = y, width - x, height, width
        return np.stack([width - x if self.flipped else x, y], 1)

    def to_picture(self, places: Places, size: tuple[float, float]) -> Places:
        """The inverse of ``to_shown``; size is that of the picture, too."""
        x, y = places.T
        straight = _tilted_size(size, self.tilt) if self.tilt else size
        width, height = straight[::-1] if self.turns % 2 else straight
        x = width - x if self.flipped else x
        for _ in range(self.turns):
            x, y, width, height = height - y, x, height, width
        if self.tilt:
            across, down = x - width / 2, y - height / 2
            cosine, sine = _direction(self.tilt)
            x = size[0] / 2 + cosine * across - sine * down
            y = size[1] / 2 + sine * across + cosine * down
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
        shown = {"turns": self.turns, "flipped": self.flipped, "crop": crop, "tilt": self.tilt}
        return {"steps": steps, **shown}

    @classmethod
    def from_dict(cls, data: Any) -> CutoutEdit:
        """The edit that ``to_dict`` told. Raises InputError when anything is missing or odd."""
        try:
            return cls(
                tuple(map(_step, _listed(data["steps"], MOST_STEPS))),
                range(4).index(data["turns"]),
                _truth(data["flipped"]),
                _crop(data["crop"]),
                _number(data.get("tilt", 0.0), MOST_TILT),  # which edits had not at first
            )
        except (KeyError, TypeError, ValueError, OverflowError, zlib.error, binascii.Error):
            raise InputError(DAMAGED) from None


def straightening(line: Places) -> float | None:
    """The tilt that makes a line (n, 2), from its first place to its last, level or upright.

    Whichever of both it is nearer to. None of a line too short to say it.
    """
    across, down = line[-1] - line[0]
    if math.hypot(across, down) < _SHORTEST:
        return None
    degrees = math.degrees(math.atan2(down, across))
    return degrees - 90 * round(degrees / 90)


def _direction(tilt: float) -> tuple[float, float]:
    return math.cos(math.radians(tilt)), math.sin(math.radians(tilt))


def _tilted_size(size: tuple[float, float], tilt: float) -> tuple[float, float]:
    """Width and height around a tilted picture."""
    (width, height), (cosine, sine) = size, map(abs, _direction(tilt))
    return width * cosine + height * sine, width * sine + height * cosine


def _tilted(picture: NDArray[Any], tilt: float) -> NDArray[Any]:
    """A picture (h, w) or (h, w, 4), turned counter-clockwise into a frame that holds it."""
    import cv2

    height, width = picture.shape[:2]
    size = tuple(max(1, round(side)) for side in _tilted_size((width, height), tilt))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), tilt, 1.0)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2

    def turned(layer: NDArray[Any], border: int) -> NDArray[Any]:
        return np.asarray(
            cv2.warpAffine(layer, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
        )

    if picture.ndim == 2:
        return turned(picture, cv2.BORDER_CONSTANT)
    colours = turned(np.ascontiguousarray(picture[..., :3]), cv2.BORDER_REPLICATE)
    alpha = turned(np.ascontiguousarray(picture[..., 3]), cv2.BORDER_CONSTANT)
    return np.dstack([colours, alpha])


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


def _number(value: Any, most: float = FARTHEST) -> float:
    number = float(value)
    if isinstance(value, (str, bool)) or not math.isfinite(number) or abs(number) > most:
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
