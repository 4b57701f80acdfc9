"""What a person says of a picture beside its file: mask, box, strokes and class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.inputs import cutout, untrusted_reader
from shapelab.core.inputs.corrected_picture import corrected
from shapelab.core.inputs.cutout import Pixels
from shapelab.core.inputs.cutout_edit import Box, Brush, CutoutEdit, GivenMask, Step
from shapelab.core.inputs.depth.depth_object import Shot
from shapelab.core.inputs.depth.depth_picture import DepthPicture
from shapelab.core.inputs.images import NoObject, PreparedImage
from shapelab.core.inputs.rembg_cutout import rembg_mask

_ASKEW = 0.02  # share by which the sides of a mask and its picture may differ in proportion


@dataclass(frozen=True)
class Stroke:
    """A stroke of a brush, in the picture's pixels."""

    line: tuple[tuple[float, float], ...]  # x, y of the places that it goes through
    radius: float


@dataclass(frozen=True)
class PictureHints:
    """All of it may be left out."""

    mask: Path | None = None  # a picture: white or opaque is the object
    box: tuple[float, float, float, float] | None = None  # x, y, width, height: picture's pixels
    class_name: str | None = None
    is_object: tuple[Stroke, ...] = ()
    is_background: tuple[Stroke, ...] = ()  # drawn after those
    by_rembg: bool = False  # the cut-out is rembg's

    @property
    def cuts(self) -> bool:
        """Whether the cut-out is to be another than the one that is found."""
        return self.by_rembg or self.places

    @property
    def places(self) -> bool:
        """Whether they say where the object is in one picture."""
        return self != PictureHints(class_name=self.class_name, by_rembg=self.by_rembg)

    def applied(
        self, picture: PreparedImage, cancel: untrusted_reader.CancelFlag | None = None
    ) -> PreparedImage:
        """The picture cut out as they say.

        Raises:
            InputError: the mask cannot be read or is of another picture, the box or a stroke lies
                beside the picture, rembg fails, or nothing is left of the object.
            Cancelled: ``cancel`` was set.
        """
        steps: list[Step] = []
        if self.mask is not None:
            steps.append(mask_step(self.mask, picture, cancel))
        elif self.by_rembg:
            steps.append(rembg_mask(picture, cancel))
        crop = None
        if self.box is not None:
            longest = max(_full_size(picture))
            x, y, width, height = (each / longest for each in self._box_on(_full_size(picture)))
            box = x, y, width, height
            if not steps:
                steps.append(Box(*box))
            else:
                crop = box  # the mask says what in the box is the object
        steps += self._brushes(picture)
        return corrected(picture, CutoutEdit(tuple(steps), crop=crop))

    def told(
        self,
        picture: DepthPicture,
        shot: Shot,
        cancel: untrusted_reader.CancelFlag | None = None,
    ) -> Shot:
        """A shot with where the object is in the depth picture.

        Raises:
            InputError: more is said than box and mask, or as in ``applied``.
            Cancelled: ``cancel`` was set.
        """
        if self == PictureHints():
            return shot  # as it was said before
        if self != PictureHints(self.mask, self.box):
            raise InputError("Of a depth picture only box and mask can be said.")
        within = mask = None
        if self.box is not None:
            x, y, width, height = self._box_on(picture.size)
            rows, columns = (np.arange(side) * picture.step + 0.5 for side in picture.depth.shape)
            within = ((rows > y) & (rows < y + height))[:, None] & (
                (columns > x) & (columns < x + width)
            )
        if self.mask is not None:
            import cv2

            alpha = _mask(self.mask, picture.size, cancel)
            size = picture.depth.shape[::-1]
            mask = cv2.resize(alpha, size, interpolation=cv2.INTER_LINEAR) >= 128
            mask = mask if within is None else mask & within
        return replace(shot, within=within, mask=mask)

    def _box_on(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """The box, if it is one on a picture (width, height)."""
        assert self.box is not None
        x, y, width, height = self.box
        overlaps = x < size[0] and y < size[1] and x + width > 0 and y + height > 0
        if not (width > 0 and height > 0 and overlaps):
            raise InputError(
                f"The box {x:g} {y:g} {width:g} {height:g} (x, y, width, height) lies beside the "
                f"picture, which has {size[0]} × {size[1]} pixels."
            )
        return self.box

    def _brushes(self, picture: PreparedImage) -> Iterator[Brush]:
        """The strokes as the window's brushes draw them."""
        width, height = _full_size(picture)
        longest = max(width, height)
        for strokes, is_object in ((self.is_object, True), (self.is_background, False)):
            for stroke in strokes:
                inside = all(0 <= x <= width and 0 <= y <= height for x, y in stroke.line)
                if not (inside and 0 < stroke.radius <= longest):
                    raise InputError(
                        f"A stroke lies beside the picture, which has {width} × {height} pixels, "
                        "or its radius is none."
                    )
                line = tuple((x / longest, y / longest) for x, y in stroke.line)
                yield Brush(line, 2 * stroke.radius / longest, is_object)


def _full_size(picture: PreparedImage) -> tuple[int, int]:
    """Width and height of the file's picture."""
    width, height = picture.full_size or picture.original.shape[1::-1]
    return width, height


def mask_step(
    path: Path, picture: PreparedImage, cancel: untrusted_reader.CancelFlag | None = None
) -> GivenMask:
    """The mask in a picture file, for a picture: what is white or, where some is clear, opaque.

    Raises:
        InputError: it cannot be read, or has other proportions than the picture.
        Cancelled: ``cancel`` was set.
    """
    return GivenMask.of(_mask(path, _full_size(picture), cancel))


def _mask(
    path: Path, wanted: tuple[int, int], cancel: untrusted_reader.CancelFlag | None
) -> Pixels:
    """The opacities (h, w) in a picture file that is meant for a picture (width, height)."""
    try:
        content = untrusted_reader.read_untrusted(path, cancel).content
    except NoObject as error:  # of a mask that is one colour, say
        if error.picture is None:
            raise
        content = error.picture
    if not isinstance(content, PreparedImage):
        raise InputError(f"{path.name} is no picture; a mask is one: white where the object is.")
    (width, height), (wanted_width, wanted_height) = _full_size(content), wanted
    if abs(width * wanted_height / (height * wanted_width) - 1) > _ASKEW:
        raise InputError(
            f"The mask {path.name} has {width} × {height} pixels and the picture {wanted_width} × "
            f"{wanted_height}; please give one of the same proportions."
        )
    return _opacity(content.original)


def _opacity(rgba: Pixels) -> Pixels:
    """A mask's transparency if it has any, else its brightness."""
    if cutout.is_clear(rgba):
        return np.ascontiguousarray(rgba[..., 3])
    return np.rint(cutout.on_white(rgba).mean(2)).astype(np.uint8)
