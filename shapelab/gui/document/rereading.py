"""The picture of a shape read once more: cut out otherwise, told its class, as another shape."""

from __future__ import annotations

from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from shapelab.gui.document.document import Original, ShapeSource

if TYPE_CHECKING:
    from shapelab.core.inputs.images import PreparedImage
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.model.shape_model import ShapeModel


def cut_out(name: str, picture: PreparedImage, told_class: str | None = None) -> ShapeSource:
    """The shape of a picture that was cut out by hand, and of a class if that was said."""
    make = partial(_read, name, picture, told_class)
    return ShapeSource(name, make=make, step=f"cut-out of {name}")


def told(original: Original, class_name: str | None) -> ShapeSource:
    """The shape of a picture as one of a class; without one, the model guesses again."""
    picture = original.result.prepared
    assert picture is not None
    make = partial(_read, original.name, picture, class_name)
    words = f"{original.name} as {class_name}" if class_name else f"class of {original.name}"
    return ShapeSource(original.name, make=make, step=words)


def other_shape(original: Original, hypothesis: int) -> ShapeSource:
    """Another hypothesis of the fit that the shape came from."""
    make = partial(_choose, original.result, hypothesis)
    return ShapeSource(original.name, make=make, step=f"other shape of {original.name}")


def _read(
    name: str, picture: PreparedImage, told_class: str | None, model: ShapeModel, cancel: Event
) -> Reconstruction:
    from shapelab.core.inputs.picture_hints import PictureHints
    from shapelab.core.inputs.reconstruct import reconstruct
    from shapelab.core.inputs.untrusted_reader import ReadFile

    file = ReadFile("picture", picture, name, "")
    return reconstruct(model, file, cancel, PictureHints(class_name=told_class))


def _choose(
    result: Reconstruction, hypothesis: int, model: ShapeModel, _cancel: Event
) -> Reconstruction:
    from shapelab.core.inputs.reconstruct import with_hypothesis

    return with_hypothesis(model, result, hypothesis)
