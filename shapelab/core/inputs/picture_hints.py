"""What a person says of a picture beside its file: mask, box and class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs import cutout, untrusted_reader
from shapelab.core.inputs.corrected_picture import corrected
from shapelab.core.inputs.cutout import Pixels
from shapelab.core.inputs.cutout_edit import Box, CutoutEdit, GivenMask, Step
from shapelab.core.inputs.images import NoObject, PreparedImage

_ASKEW = 0.02  # share by which the sides of a mask and its picture may differ in proportion


@dataclass(frozen=True)
class PictureHints:
    """All of it may be left out."""

    mask: Path | None = None  # a picture: white or opaque is the object
    box: tuple[float, float, float, float] | None = None  # x, y, width, height: picture's pixels
    class_name: str | None = None

    @property
    def cuts(self) -> bool:
        """Whether they say where the object is."""
        return self.mask is not None or self.box is not None

    def applied(
        self, picture: PreparedImage, cancel: untrusted_reader.CancelFlag | None = None
    ) -> PreparedImage:
        """The picture cut out as they say.

        Raises:
            InputError: the mask cannot be read or is of another picture, the box lies beside the
                picture, or nothing is left of the object.
            Cancelled: ``cancel`` was set.
        """
        steps: list[Step] = []
        if self.mask is not None:
            steps.append(mask_step(self.mask, picture, cancel))
        crop = None
        if self.box is not None:
            box = self._scaled(picture)
            if self.mask is None:
                steps.append(Box(*box))
            else:
                crop = box  # the mask says what in the box is the object
        return corrected(picture, CutoutEdit(tuple(steps), crop=crop))

    def _scaled(self, picture: PreparedImage) -> tuple[float, float, float, float]:
        """The box in sides of the picture."""
        assert self.box is not None
        x, y, width, height = self.box
        full_width, full_height = picture.full_size or picture.original.shape[1::-1]
        overlaps = x < full_width and y < full_height and x + width > 0 and y + height > 0
        if not (width > 0 and height > 0 and overlaps):
            raise InputError(
                f"The box {x:g} {y:g} {width:g} {height:g} (x, y, width, height) lies beside the "
                f"picture, which has {full_width} × {full_height} pixels."
            )
        longest = max(full_width, full_height)
        return x / longest, y / longest, width / longest, height / longest


def mask_step(
    path: Path, picture: PreparedImage, cancel: untrusted_reader.CancelFlag | None = None
) -> GivenMask:
    """The mask in a picture file, for a picture: what is white or, where some is clear, opaque.

    Raises:
        InputError: it cannot be read, or has other proportions than the picture.
        Cancelled: ``cancel`` was set.
    """
    try:
        content = untrusted_reader.read_untrusted(path, cancel).content
    except NoObject as error:  # of a mask that is one colour, say
        if error.picture is None:
            raise
        content = error.picture
    if not isinstance(content, PreparedImage):
        raise InputError(f"{path.name} is no picture; a mask is one: white where the object is.")
    width, height = content.full_size or content.original.shape[1::-1]
    wanted_width, wanted_height = picture.full_size or picture.original.shape[1::-1]
    if abs(width * wanted_height / (height * wanted_width) - 1) > _ASKEW:
        raise InputError(
            f"The mask {path.name} has {width} × {height} pixels and the picture {wanted_width} × "
            f"{wanted_height}; please give one of the same proportions."
        )
    return GivenMask.of(_opacity(content.original))


def _opacity(rgba: Pixels) -> Pixels:
    """A mask's transparency if it has any, else its brightness."""
    if cutout.is_clear(rgba):
        return np.ascontiguousarray(rgba[..., 3])
    return np.rint(cutout.on_white(rgba).mean(2)).astype(np.uint8)
