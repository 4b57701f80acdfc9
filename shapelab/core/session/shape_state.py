"""ShapeState and Morph: which shape is meant, as immutable values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.core.formatting import words
from shapelab.core.model.latent import DIRECTIONS, TRUNCATION, Array, PathMode

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel


VARIATION = "variation of "  # begins the origin of a neighbour


def frozen(values: Any) -> Array:
    """A read-only float32 copy; what is one already is given back, so that steps share it."""
    if isinstance(values, np.ndarray) and values.dtype == np.float32 and values.base is None:
        shared: Array = values
        if not shared.flags.writeable:
            return shared
    copy = np.array(values, np.float32)
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True)
class ShapeState:
    """A point in latent space and how it came about; immutable, compared by value."""

    base: Array  # (latent,) float32: the sample, the encoded picture …
    coefficients: Array  # (DIRECTIONS,) float32, in standard deviations of the class's directions
    offsets: Array  # (latent,) float32, added to single numbers by hand
    class_name: str
    seed: int | None
    truncation: float
    origin: str  # "chair, seed 7", "picture chair.png", "morph …"

    def __post_init__(self) -> None:
        for name in ("base", "coefficients", "offsets"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ShapeState):
            return NotImplemented
        return (
            (self.class_name, self.seed, self.truncation, self.origin)
            == (other.class_name, other.seed, other.truncation, other.origin)
            and np.array_equal(self.base, other.base)
            and np.array_equal(self.coefficients, other.coefficients)
            and np.array_equal(self.offsets, other.offsets)
        )

    def latent(self, model: ShapeModel) -> Array:
        """(latent,) float32: base, plus the directions' part, plus the offsets."""
        moved = self.coefficients @ model.directions.of(self.class_name)
        return np.asarray(self.base + moved + self.offsets, np.float32)

    def carried(self, old: ShapeModel, new: ShapeModel) -> ShapeState:
        """The same latent and the same slider positions, in another model's directions."""
        shift = old.directions.of(self.class_name) - new.directions.of(self.class_name)
        return replace(self, base=self.base + self.coefficients @ shift)


@dataclass(frozen=True, eq=False)
class Draw:
    """A random shape that is wanted."""

    model: ShapeModel
    class_name: str
    first: int  # seed
    truncation: float
    moved: Array  # (latent,) float32, by the sliders that stay

    def best(self) -> int:
        """The seed, of a few from the first on, that shows itself best; for any thread."""
        return self.model.whole_seed(self.class_name, self.first, self.truncation, self.moved)


@dataclass(frozen=True)
class Morph:
    """Pinned shapes and a place t in [0, 1] on the path from the first to the last of them."""

    a: ShapeState | None = None
    b: ShapeState | None = None
    t: float = 0.0
    mode: PathMode = "slerp"
    between: tuple[ShapeState, ...] = ()  # keyframes on the way, at equal distances of t

    @property
    def keys(self) -> tuple[ShapeState, ...]:
        """All keyframes, from A to B; none unless both are pinned."""
        return () if self.a is None or self.b is None else (self.a, *self.between, self.b)

    def state(self, model: ShapeModel) -> ShapeState | None:
        """The shape at t: at a keyframe that itself; None unless both ends are pinned."""
        keys = self.keys
        if not keys:
            return None
        place = self.t * (len(keys) - 1)
        leg = min(int(place), len(keys) - 2)
        a, b, t = keys[leg], keys[leg + 1], place - leg
        if t in (0.0, 1.0):
            return b if t else a
        nearer = a if t < 0.5 else b
        ends, classes = (a.latent(model), b.latent(model)), (a.class_name, b.class_name)
        latent = model.density.between(*ends, t, self.mode, classes)
        origin = f"morph {t:.0%} from {short_origin(a.origin)} to {short_origin(b.origin)}"
        return plain_state(latent, nearer.class_name, nearer.truncation, origin)

    def carried(self, old: ShapeModel, new: ShapeModel) -> Morph:
        """The same path for another model; see ``ShapeState.carried``."""
        a, b = (pin and pin.carried(old, new) for pin in (self.a, self.b))
        return replace(self, a=a, b=b, between=tuple(s.carried(old, new) for s in self.between))


def short_origin(origin: str) -> str:
    """Keeps the origin of a morph between morphs, or of variations, from growing without end."""
    return "morph" if origin.startswith("morph") else origin.removeprefix(VARIATION)


@cache
def _zeros(count: int) -> Array:
    """Shared by all states that need them: a long history has many."""
    return frozen(np.zeros(count))


def plain_state(latent: Array, class_name: str, truncation: float, origin: str) -> ShapeState:
    """A state without directions or offsets, whose latent is exactly the one given."""
    zeros, offsets = _zeros(DIRECTIONS), _zeros(len(latent))
    return ShapeState(latent, zeros, offsets, class_name, None, truncation, origin)


def seeded_state(
    model: ShapeModel, class_name: str | None, seed: int, truncation: float = TRUNCATION
) -> ShapeState:
    """The shape of a seed; without a class, the seed draws one.

    Raises:
        InputError: the model does not know the class, or the seed is negative.
    """
    base = model.sample(class_name, seed, 1, truncation)[0]
    name = model.density.nearest_class(base) if class_name is None else class_name
    origin = f"seed {seed}" if class_name is None else f"{words(class_name)}, seed {seed}"
    return replace(plain_state(base, name, truncation, origin), seed=seed)
