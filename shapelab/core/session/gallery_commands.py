"""What a session does with its gallery: each change is a step of its history, with words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from shapelab.core.session.gallery import Gallery, KeptShape


class GalleryCommands(ABC):
    """The part of ``Session`` that keeps, deletes, moves, names and stars shapes."""

    @property
    @abstractmethod
    def gallery(self) -> Gallery:
        """The shapes that were kept, of this model and of others."""

    @abstractmethod
    def shown_shape(self, name: str = "") -> KeptShape:
        """The shown shape as it would be kept."""

    @abstractmethod
    def change_gallery(self, gallery: Gallery, text: str) -> None:
        """Goes on with another gallery, as one step."""

    def keep(self, name: str = "") -> KeptShape:
        """Puts the shown shape at the end of the gallery; one that is there already stays alone.

        Raises:
            InputError: the gallery is full.
        """
        shape = self.shown_shape(name)
        twin = self.gallery.twin(shape)
        if twin is None:
            self.keep_all([shape])
        return twin or shape

    def keep_all(self, shapes: Sequence[KeptShape]) -> None:
        """Puts shapes at the end of the gallery. Raises InputError where they are too many."""
        self.change_gallery(self.gallery.added(shapes), f"keep {_named(shapes)}")

    def delete_kept(self, ids: Iterable[str]) -> None:
        """Takes shapes out of the gallery; undo brings them back to their places."""
        gone = self.gallery.chosen(ids)
        remaining = self.gallery.without(shape.id for shape in gone)
        self.change_gallery(remaining, f"delete {_named(gone)}")

    def move_kept(self, ids: Iterable[str], place: int) -> None:
        """Moves shapes, together, before what is at a place of the gallery now."""
        moving = self.gallery.chosen(ids)
        moved = self.gallery.moved((shape.id for shape in moving), place)
        self.change_gallery(moved, f"move {_named(moving)}")

    def rename_kept(self, shape_id: str, name: str) -> None:
        """Gives a kept shape another name. Raises InputError for an empty one."""
        self.change_gallery(self.gallery.renamed(shape_id, name), "rename a kept shape")

    def star_kept(self, ids: Iterable[str], star: bool) -> None:
        """Marks kept shapes with a star, or takes it away."""
        chosen = self.gallery.chosen(ids)
        starred = self.gallery.starred((shape.id for shape in chosen), star)
        self.change_gallery(starred, f"{'star' if star else 'unstar'} {_named(chosen)}")


def _named(shapes: Sequence[KeptShape]) -> str:
    """Words for a step with these shapes: a name, or how many."""
    return shapes[0].name if len(shapes) == 1 else f"{len(shapes)} shapes"
