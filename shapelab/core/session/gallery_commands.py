"""What a session does with its gallery: each change is a step of its history, with words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shapelab.core.session.command import Command
from shapelab.core.session.gallery import Gallery, KeptShape, kept_shape
from shapelab.core.session.undoable import Undoable


class GalleryCommands(Undoable):
    """The part of ``Session`` that keeps, deletes, moves, names and stars shapes."""

    def shown_shape(self, name: str = "") -> KeptShape:
        """The shown shape as it would be kept."""
        return kept_shape(self.state, self.surface, self.model, name)

    def keep(self, name: str = "") -> KeptShape:
        """Puts the shown shape at the end of the gallery; one that is there already stays alone.

        Raises:
            InputError: the gallery is full.
        """
        shape = self.shown_shape(name)
        twin = self.gallery.twin(shape)
        if twin is None:
            command = Command(f"keep {shape.name}", "keep", (shape.name,))
            self.change_gallery(self.gallery.added([shape]), command)
        return twin or shape

    def keep_all(self, shapes: Sequence[KeptShape]) -> None:
        """Puts shapes at the end of the gallery. Raises InputError where they are too many."""
        command = Command(f"keep {_named(shapes)}", "keep_all", (len(shapes),))
        self.change_gallery(self.gallery.added(shapes), command)

    def delete_kept(self, ids: Iterable[str]) -> None:
        """Takes shapes out of the gallery; undo brings them back to their places."""
        gone = self.gallery.chosen(ids)
        remaining = self.gallery.without(shape.id for shape in gone)
        command = Command(f"delete {_named(gone)}", "delete_kept", self._places(gone))
        self.change_gallery(remaining, command)

    def move_kept(self, ids: Iterable[str], place: int) -> None:
        """Moves shapes, together, before what is at a place of the gallery now."""
        moving = self.gallery.chosen(ids)
        moved = self.gallery.moved((shape.id for shape in moving), place)
        places = (place, *self._places(moving))
        self.change_gallery(moved, Command(f"move {_named(moving)}", "move_kept", places))

    def rename_kept(self, shape_id: str, name: str) -> None:
        """Gives a kept shape another name. Raises InputError for an empty one."""
        renamed = self.gallery.renamed(shape_id, name)
        places = self._places(self.gallery.chosen([shape_id]))
        command = Command("rename a kept shape", "rename_kept", (name, *places))
        self.change_gallery(renamed, command)

    def star_kept(self, ids: Iterable[str], star: bool) -> None:
        """Marks kept shapes with a star, or takes it away."""
        chosen = self.gallery.chosen(ids)
        starred = self.gallery.starred((shape.id for shape in chosen), star)
        text = f"{'star' if star else 'unstar'} {_named(chosen)}"
        self.change_gallery(starred, Command(text, "star_kept", (star, *self._places(chosen))))

    def take_gallery(self, gallery: Gallery) -> None:
        """Goes on with the gallery of another session: as one step, unless there is none yet."""
        if len(self._history) > 1:
            self.change_gallery(gallery, Command("keep shapes", "take_gallery"))
        else:
            self._set_gallery(gallery)

    def _places(self, shapes: Iterable[KeptShape]) -> tuple[int, ...]:
        """Where shapes lie in the gallery: so a script finds them, as it cannot know their ids."""
        return tuple(self.gallery.shapes.index(shape) for shape in shapes)


def _named(shapes: Sequence[KeptShape]) -> str:
    """Words for a step with these shapes: a name, or how many."""
    return shapes[0].name if len(shapes) == 1 else f"{len(shapes)} shapes"
