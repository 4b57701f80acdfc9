"""The shape of a depth picture once more, after a person said something else of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapelab.core.inputs.depth.depth_object import Shot
from shapelab.core.inputs.reconstruct import Reconstruction, reconstruct
from shapelab.core.inputs.unseen.one_sided import as_taken
from shapelab.core.inputs.untrusted_reader import CancelFlag, ReadFile

if TYPE_CHECKING:
    from shapelab.core.inputs.depth.depth_picture import DepthPicture
    from shapelab.core.model.shape_model import ShapeModel


def seen_again(
    model: ShapeModel,
    picture: DepthPicture,
    name: str,
    shot: Shot,
    cancel: CancelFlag | None = None,
) -> Reconstruction:
    """The completed shape of a depth picture that was read before.

    Args:
        model: makes the shape.
        picture: that is seen again.
        name: of its file.
        shot: all that is said of it.
        cancel: such as a ``threading.Event``.

    Raises:
        InputError: nothing stands out where it is said to be, or the lens cannot be meant.
        Cancelled: ``cancel`` was set.
    """
    file = ReadFile("depth", picture, name, "")
    return as_taken(model, reconstruct(model, file, cancel, shot=shot), cancel)
