"""The gallery: shapes that were kept, in the order of whoever kept them; an immutable value."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shapelab.core.errors import InputError, clean
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session.shape_file import (
    ModelStamp,
    SavedShape,
    stamp_of,
    state_from_plain,
    state_to_plain,
    surface_from_plain,
    surface_to_plain,
)
from shapelab.core.session.shape_state import ShapeState

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

MOST_KEPT = 1000  # shapes: each is drawn, and written with every save
MOST_LETTERS = 80  # of a name
_ID = re.compile("[0-9a-f]{12}")
_DAMAGED = "The gallery is damaged; please keep its shapes again."


@dataclass(frozen=True)
class KeptShape:
    """A shape as it was shown when it was kept.

    Attributes:
        id: 12 hexadecimal digits, its own in a gallery; stays through all changes.
        name: one line of 1 to ``MOST_LETTERS`` letters.
        state: a point in the latent space of ``model``.
        surface: how it was shown.
        model: the model that decodes it; no other one can.
        star: whether it is marked.
    """

    id: str
    name: str
    state: ShapeState
    surface: SurfaceOptions
    model: ModelStamp
    star: bool = False

    @property
    def saved(self) -> SavedShape:
        """The shape and its surface, as a file would hold them."""
        return SavedShape(self.state, self.surface)

    def same_shape(self, other: KeptShape) -> bool:
        """Whether both show the same, whatever they are called."""
        mine, others = (
            (each.model.digest, each.surface, replace(each.state, origin=""))
            for each in (self, other)
        )
        return mine == others

    def carried(self, old: ShapeModel, new: ShapeModel) -> KeptShape:
        """The same latent with another stage of its model; see ``ShapeState.carried``."""
        if self.model.digest != old.digest:
            return self
        stamp = ModelStamp(new.name, new.digest)
        return replace(self, state=self.state.carried(old, new), model=stamp)


def kept_shape(
    state: ShapeState, surface: SurfaceOptions, model: ShapeModel, name: str = ""
) -> KeptShape:
    """A shape to be kept, called after where it comes from unless it gets a name."""
    kind, origin = state.class_name, state.origin
    if origin.startswith(kind):  # a key of the model: "night_stand, seed 2"
        origin = kind.replace("_", " ") + origin[len(kind) :]
    origin = origin[:1].upper() + origin[1:]
    stamp = ModelStamp(model.name, model.digest)
    return KeptShape(secrets.token_hex(6), tidy_name(name or origin), state, surface, stamp)


def tidy_name(name: str) -> str:
    """A name on one line and not too long. Raises InputError where nothing is left of it."""
    tidy = clean(" ".join(name.split()))[:MOST_LETTERS].rstrip()
    if not tidy:
        raise InputError("A kept shape needs a name.")
    return tidy


@dataclass(frozen=True)
class Gallery:
    """Kept shapes in order. Each change gives another gallery; unknown ids are passed over."""

    shapes: tuple[KeptShape, ...] = ()

    def __iter__(self) -> Iterator[KeptShape]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def find(self, shape_id: str) -> KeptShape | None:
        """The shape with this id, if it is there."""
        return next((shape for shape in self.shapes if shape.id == shape_id), None)

    def chosen(self, ids: Iterable[str]) -> tuple[KeptShape, ...]:
        """The shapes with these ids, in the order of the gallery."""
        wanted = set(ids)
        return tuple(shape for shape in self.shapes if shape.id in wanted)

    def twin(self, shape: KeptShape) -> KeptShape | None:
        """One that shows the same shape already."""
        return next((each for each in self.shapes if each.same_shape(shape)), None)

    def added(self, shapes: Iterable[KeptShape]) -> Gallery:
        """With more shapes at its end. Raises InputError where they would be too many."""
        together = (*self.shapes, *shapes)
        if len(together) > MOST_KEPT:
            raise InputError(
                f"The gallery keeps up to {MOST_KEPT} shapes; delete some of them first."
            )
        return Gallery(together)

    def without(self, ids: Iterable[str]) -> Gallery:
        """With these shapes gone."""
        gone = set(ids)
        return Gallery(tuple(shape for shape in self.shapes if shape.id not in gone))

    def moved(self, ids: Iterable[str], place: int) -> Gallery:
        """With these shapes together, in their order, before what is now at a place.

        Args:
            ids: of the shapes that move.
            place: 0 for the beginning, ``len(self)`` for the end.
        """
        wanted, place = set(ids), max(place, 0)
        before = (shape for shape in self.shapes[:place] if shape.id not in wanted)
        after = (shape for shape in self.shapes[place:] if shape.id not in wanted)
        return Gallery((*before, *self.chosen(wanted), *after))

    def renamed(self, shape_id: str, name: str) -> Gallery:
        """With another name of a shape. Raises InputError for an empty one."""
        tidy = tidy_name(name)
        return Gallery(
            tuple(replace(each, name=tidy) if each.id == shape_id else each for each in self)
        )

    def starred(self, ids: Iterable[str], star: bool) -> Gallery:
        """With these shapes marked, or not."""
        wanted = set(ids)
        return Gallery(
            tuple(replace(each, star=star) if each.id in wanted else each for each in self)
        )

    def carried(self, old: ShapeModel, new: ShapeModel) -> Gallery:
        """With the shapes of one model carried over to another stage of it."""
        return Gallery(tuple(shape.carried(old, new) for shape in self))


@dataclass(frozen=True)
class GalleryChange:
    """What a step did to the gallery, so that it can be taken back whatever was kept since.

    Attributes:
        before: ids in the order before.
        after: ids in the order after.
        gone: shapes as they were, of those that went or changed.
        came: shapes as they are, of those that came or changed.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    gone: tuple[KeptShape, ...]
    came: tuple[KeptShape, ...]

    @classmethod
    def between(cls, before: Gallery, after: Gallery) -> GalleryChange:
        """The change from one gallery to another."""
        old = {shape.id: shape for shape in before}
        new = {shape.id: shape for shape in after}
        gone = tuple(shape for key, shape in old.items() if new.get(key) != shape)
        came = tuple(shape for key, shape in new.items() if old.get(key) != shape)
        return cls(tuple(old), tuple(new), gone, came)

    def inverse(self) -> GalleryChange:
        """The change back."""
        return GalleryChange(self.after, self.before, self.came, self.gone)

    def applied(self, gallery: Gallery) -> Gallery:
        """Another gallery with the same change: exactly ``after`` where it is as it was before.

        What was kept elsewhere stays, behind the rest; what is gone elsewhere stays away.
        """
        gone = {shape.id for shape in self.gone}
        shapes = {shape.id: shape for shape in gallery}
        shapes = {key: shape for key, shape in shapes.items() if key not in gone}
        shapes |= {shape.id: shape for shape in self.came}
        order = dict.fromkeys((*self.after, *(shape.id for shape in gallery)))
        return Gallery(tuple(shapes[key] for key in order if key in shapes))

    def carried(self, old: ShapeModel, new: ShapeModel) -> GalleryChange:
        """The same with the shapes of one model carried over to another stage of it."""
        gone, came = (tuple(s.carried(old, new) for s in each) for each in (self.gone, self.came))
        return replace(self, gone=gone, came=came)


def change_to_plain(change: GalleryChange) -> dict[str, Any]:
    """Lists, dicts, numbers and texts; see ``gallery_to_plain``."""
    return {
        "before": list(change.before),
        "after": list(change.after),
        "gone": gallery_to_plain(Gallery(change.gone)),
        "came": gallery_to_plain(Gallery(change.came)),
    }


def change_from_plain(data: Any) -> GalleryChange:
    """The inverse of ``change_to_plain``. Raises InputError when anything is missing or odd."""
    if not isinstance(data, dict):
        raise InputError(_DAMAGED)
    before, after = (_ids_from_plain(data.get(name)) for name in ("before", "after"))
    gone, came = (gallery_from_plain(data.get(name)).shapes for name in ("gone", "came"))
    return GalleryChange(before, after, gone, came)


def _ids_from_plain(data: Any) -> tuple[str, ...]:
    if not isinstance(data, list) or len(data) > MOST_KEPT:
        raise InputError(_DAMAGED)
    if not all(isinstance(each, str) and _ID.fullmatch(each) for each in data):
        raise InputError(_DAMAGED)
    return tuple(data)


def gallery_to_plain(gallery: Gallery) -> list[dict[str, Any]]:
    """Lists, dicts, numbers and texts; JSON keeps every bit of them."""
    return [
        {
            "id": shape.id,
            "name": shape.name,
            "star": shape.star,
            "model": {"name": shape.model.name, "digest": shape.model.digest},
            "shape": state_to_plain(shape.state),
            "surface": surface_to_plain(shape.surface),
        }
        for shape in gallery
    ]


def gallery_from_plain(data: Any) -> Gallery:
    """The inverse of ``gallery_to_plain``, believing nothing.

    That a state fits its model is checked when it is shown, for the model need not be there.

    Raises:
        InputError: something is missing or odd.
    """
    if not isinstance(data, list) or len(data) > MOST_KEPT:
        raise InputError(_DAMAGED)
    shapes = tuple(_from_plain(each) for each in data)
    if len({shape.id for shape in shapes}) != len(shapes):
        raise InputError(_DAMAGED)
    return Gallery(shapes)


def _from_plain(data: Any) -> KeptShape:
    try:
        number, name, star = data["id"], data["name"], data["star"]
        state, surface = state_from_plain(data["shape"]), surface_from_plain(data["surface"])
    except (KeyError, TypeError):
        raise InputError(_DAMAGED) from None
    sound = isinstance(number, str) and isinstance(name, str) and isinstance(star, bool)
    if not sound or not _ID.fullmatch(number):
        raise InputError(_DAMAGED)
    return KeptShape(number, tidy_name(name), state, surface, stamp_of(data), star)
