"""The object of a depth picture, corrected by hand: a picture to draw on, and its masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs import images
from shapelab.core.inputs.corrected_picture import CutoutCorrection
from shapelab.core.inputs.cutout_edit import Box, CutoutEdit, GivenMask, Step
from shapelab.core.inputs.depth.depth_object import DepthObject, Shot, measured, object_in
from shapelab.core.inputs.depth.depth_picture import DepthPicture
from shapelab.core.inputs.images import PreparedImage

Pixels = NDArray[np.uint8]
_DARK, _RANGE = 40, 215  # brightness of what is far, and how much brighter what is near


def brightness(picture: DepthPicture) -> NDArray[np.float32]:
    """The nearer the brighter, (h, w) from 0 to 1; 0 where nothing was measured."""
    there = picture.depth > 0
    near, far = np.percentile(picture.depth[there], (1, 99))
    bright = np.clip((far - picture.depth) / max(far - near, 1e-9), 0, 1)
    return np.where(there, bright, 0).astype(np.float32)


def grey(picture: DepthPicture) -> Pixels:
    """The nearer the brighter, (h, w, 4); clear where nothing was measured."""
    pixels = np.zeros((*picture.depth.shape, 4), np.uint8)
    pixels[..., :3] = (_DARK + _RANGE * brightness(picture))[..., None]
    pixels[..., 3] = 255 * (picture.depth > 0)
    return pixels


def as_picture(deep: DepthObject, size: int = 256) -> PreparedImage:
    """A depth picture in grey, cut out as its object was found; framed in size² pixels."""
    pixels = grey(deep.picture)
    mask = 255 * deep.mask.astype(np.uint8)
    framed = images.frame(np.dstack([pixels[..., :3], mask]), size)
    pixels[..., 3] = 255  # a hole is shown, dark, and can be drawn over
    return PreparedImage(framed, pixels, "corrected", None, mask, deep.picture.size)


class DepthCorrection:
    """What edits make the object of one depth picture; use it from one thread.

    A box is where the object is looked for; all else counts as it is drawn.
    """

    def __init__(self, deep: DepthObject) -> None:
        self._deep = deep
        self._correction = CutoutCorrection(as_picture(deep))
        self._sought: dict[Box, GivenMask] = {}

    def mask(self, edit: CutoutEdit) -> Pixels:
        """What is the object after an edit, (h, w) uint8 of the picture's pixels.

        Raises:
            InputError: nothing stands out in a box.
        """
        steps = tuple(map(self._step, edit.steps))
        return self._correction.mask(CutoutEdit(steps))

    def shot(self, mask: Pixels) -> Shot:
        """What is said of the picture by a mask.

        Raises:
            InputError: too little was measured in it.
        """
        seen = measured(self._deep.picture, mask >= 128)
        return replace(self._deep.shot, within=None, mask=seen)

    def _step(self, step: Step) -> Step:
        if not isinstance(step, Box):
            return step
        if step not in self._sought:
            rows, columns = (np.arange(side) + 0.5 for side in self._deep.mask.shape)
            x, y, width, height = (
                each * max(self._deep.mask.shape)
                for each in (step.x, step.y, step.width, step.height)
            )
            within = ((rows > y) & (rows < y + height))[:, None] & (
                (columns > x) & (columns < x + width)
            )
            found = object_in(
                self._deep.picture, replace(self._deep.shot, within=within, mask=None)
            )
            self._sought[step] = GivenMask.of(255 * found.mask.astype(np.uint8))
        return self._sought[step]
