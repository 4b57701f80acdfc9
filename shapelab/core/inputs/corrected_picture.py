"""Corrections of a cut-out carried out: from a picture and what was drawn on it to a mask.

Each step takes the mask that the one before left. Brushes that look for edges change it only where
GrabCut joins on to what was painted, and only the way they say, so that a stroke never spoils what
was right elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from shapelab.core.inputs import cutout, images
from shapelab.core.inputs.cutout import Mask, Pixels
from shapelab.core.inputs.cutout_edit import (
    FRESH,
    UNCHANGED,
    AsIs,
    Box,
    Brush,
    CutoutEdit,
    GivenMask,
    Grow,
    Invert,
    Lasso,
    Pick,
    Places,
    Step,
)
from shapelab.core.inputs.images import PreparedImage

SIDE = 256  # longest side of the picture that GrabCut cuts: a stroke takes a twentieth of a second
_ROUNDS, _FIRST_ROUNDS = 1, 2  # of GrabCut, from a mask and from a box
_REACH = 56  # small pixels around what was drawn that GrabCut looks at
_LEAST, _MOST = 0.02, 0.98  # shares of a box that an object covers
_KEPT = 24  # masks that are remembered, so that undo does not compute
_SHIFT = 4  # binary places of a pixel that lines are drawn to


class CutoutCorrection:
    """The masks of one picture; use it from one thread."""

    def __init__(self, picture: PreparedImage) -> None:
        import cv2

        self._found = picture if picture.found is None else picture.found
        self._original = self._found.original
        self._white = cutout.on_white(self._original)
        self._height, self._width = self._original.shape[:2]
        self._longest = max(self._height, self._width)
        scale = min(1.0, SIDE / self._longest)
        self._small_size = (
            max(8, round(self._width * scale)),
            max(8, round(self._height * scale)),
        )
        self._small = np.asarray(
            cv2.resize(self._white, self._small_size, interpolation=cv2.INTER_AREA), np.uint8
        )
        whole = np.full((self._height, self._width), 255, np.uint8)
        found = whole if self._found.mask is None else self._found.mask
        self._masks: OrderedDict[tuple[Step, ...], Pixels] = OrderedDict({(): found})

    def mask(self, edit: CutoutEdit) -> Pixels:
        """What is the object after an edit, (h, w) uint8 over the picture as it was read."""
        alpha = self._after(edit.steps)
        if edit.crop is None:
            return alpha
        kept = np.zeros_like(alpha)
        kept[self._cropped(edit)] = alpha[self._cropped(edit)]
        return kept

    def picture(self, edit: CutoutEdit) -> PreparedImage:
        """The picture cut out and framed anew; without a change, as it was read.

        Raises:
            InputError: nothing is left of the object.
        """
        if edit == UNCHANGED and self._found.method != "nothing":
            return self._found
        inside = self._cropped(edit)
        cut = edit.shown(np.dstack([self._white, self.mask(edit)])[inside])
        size = len(self._found.rgba)
        framed = images.frame(cut, size)
        # What is clear hides no background.
        scene = None if cutout.is_clear(self._original) else images.scene_of(cut, size)
        found = self._found
        return PreparedImage(
            framed,
            found.original,
            "corrected",
            scene,
            found.mask,
            found.full_size,
            edit,
            found,
        )

    def _cropped(self, edit: CutoutEdit) -> tuple[slice, slice]:
        """Rows and columns that count; at least one of each."""
        if edit.crop is None:
            return slice(None), slice(None)
        x, y, width, height = (value * self._longest for value in edit.crop)
        left = min(max(round(x), 0), self._width - 1)
        top = min(max(round(y), 0), self._height - 1)
        right, bottom = max(round(x + width), left + 1), max(round(y + height), top + 1)
        return slice(top, bottom), slice(left, right)

    def _after(self, steps: tuple[Step, ...]) -> Pixels:
        """The mask after these steps, from the longest beginning of them that is known."""
        known = len(steps)
        while steps[:known] not in self._masks:
            known -= 1
        alpha = self._masks[steps[:known]]
        for count in range(known + 1, len(steps) + 1):
            alpha = self._step(alpha, steps[:count])
            alpha.setflags(write=False)
            self._masks[steps[:count]] = alpha
            while len(self._masks) > _KEPT:
                second = next(key for key in self._masks if key)  # the found one always stays
                del self._masks[second]
        return alpha

    def _step(self, alpha: Pixels, steps: tuple[Step, ...]) -> Pixels:
        """The mask after the last of these steps, where ``alpha`` was before it."""
        import cv2

        step = steps[-1]
        if isinstance(step, Brush):
            return self._brushed(alpha, step, steps)
        if isinstance(step, Box | Lasso):
            return self._surrounded(step)
        if isinstance(step, Pick):
            return self._picked(alpha, step)
        if isinstance(step, Grow):
            reach = max(1, round(abs(step.by) * self._longest))
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
            grown = (cv2.dilate if step.by > 0 else cv2.erode)(
                alpha, disc, borderType=cv2.BORDER_REPLICATE
            )
            return np.asarray(grown, np.uint8)
        if isinstance(step, Invert):
            return 255 - alpha
        if isinstance(step, GivenMask):
            size = (self._width, self._height)
            fitted = cv2.resize(step.alpha(), size, interpolation=cv2.INTER_LINEAR)
            return np.asarray(fitted, np.uint8)
        assert isinstance(step, AsIs)
        return self._original[..., 3].copy()

    # --- brushes ---------------------------------------------------------------------------------

    def _brushed(self, alpha: Pixels, step: Brush, steps: tuple[Step, ...]) -> Pixels:
        painted = self._line(step, (self._width, self._height))
        if step.find_edges:
            painted = np.maximum(painted, self._reached(alpha, step, steps))
        if step.is_object:
            return np.maximum(alpha, painted)
        return np.minimum(alpha, 255 - painted)

    def _reached(self, alpha: Pixels, step: Brush, steps: tuple[Step, ...]) -> Pixels:
        """What looks like a part of what was painted, and joins on to it; (h, w) uint8."""
        import cv2

        small = self._shrunk(alpha)
        marks = np.where(small, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        # What was said before the cut-out began anew, or turned round, counts no more.
        anew = (*FRESH, Invert)
        first = max((k for k, each in enumerate(steps) if isinstance(each, anew)), default=0)
        start = steps[first]
        if isinstance(start, Box | Lasso):
            marks[self._area(start, self._small_size) < 128] = cv2.GC_BGD
        for each in steps[first:]:
            if isinstance(each, Brush):
                sure = cv2.GC_FGD if each.is_object else cv2.GC_BGD
                marks[self._line(each, self._small_size) >= 128] = sure
        painted = self._line(step, self._small_size) >= 128
        solid = self._cut(marks, _ROUNDS, painted)
        changed = (solid & ~small if step.is_object else small & ~solid) | painted
        labels = cv2.connectedComponents(changed.astype(np.uint8), connectivity=8)[1]
        joined = np.unique(labels[painted])
        region = np.isin(labels, joined[joined > 0])
        # A little beyond its rim, but not where it would change what stays: no seam is left.
        wider = cv2.dilate(region.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        return self._enlarged(wider & (region | (small if step.is_object else ~small | ~solid)))

    def _cut(self, marks: Pixels, rounds: int, drawn: Mask) -> Mask:
        """GrabCut around what was drawn; farther away, and without two sides, marks stay so."""
        import cv2

        solid = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
        rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
        if not rows.size:
            return solid
        top, left = max(0, rows[0] - _REACH), max(0, columns[0] - _REACH)
        near = slice(top, rows[-1] + _REACH), slice(left, columns[-1] + _REACH)
        if solid[near].all():  # a box round everything: what touches the border is none of it
            marks[cutout.ring(marks.shape)] = cv2.GC_BGD
        elif not solid[near].any():
            return solid
        solid[near] = cutout.grabcut(self._small[near], marks[near], rounds)
        return solid

    def _shrunk(self, alpha: Pixels) -> Mask:
        import cv2

        return np.asarray(
            cv2.resize(alpha, self._small_size, interpolation=cv2.INTER_AREA) >= 128, bool
        )

    def _enlarged(self, solid: Mask) -> Pixels:
        """A small mask in the picture's size, with soft edges."""
        import cv2

        size = (self._width, self._height)
        soft = cv2.resize(solid.astype(np.float32) * 255, size, interpolation=cv2.INTER_LINEAR)
        return np.rint(cv2.GaussianBlur(soft, (3, 3), 0)).astype(np.uint8)

    def _line(self, step: Brush, size: tuple[int, int]) -> Pixels:
        """Where a brush went, (h, w) uint8 with soft edges."""
        import cv2

        canvas = np.full(size[::-1], 255, np.uint8)
        line = (*step.line, step.line[-1])  # a single place is a line, too
        points = self._pixels(np.array(line, np.float64), size)
        cv2.polylines(canvas, [points], False, 0, 1, cv2.LINE_8, _SHIFT)
        away = cv2.distanceTransform(canvas, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        radius = max(0.5, step.width * max(size) / 2)
        return np.rint(255 * np.clip(radius - away + 0.5, 0, 1)).astype(np.uint8)

    def _pixels(self, places: Places, size: tuple[int, int]) -> Any:
        """Places (n, 2) as cv2 draws them: whole numbers with ``_SHIFT`` binary places."""
        return np.rint((places * max(size) - 0.5) * 2**_SHIFT).astype(np.int32)

    # --- what is around the object ---------------------------------------------------------------

    def _surrounded(self, step: Box | Lasso) -> Pixels:
        area = self._area(step, (self._width, self._height))
        if not step.find_edges:
            return area
        import cv2

        inside = self._area(step, self._small_size) >= 128
        marks = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
        if self._found.method in ("alpha", "plain background"):  # finer than a first guess
            found = self._shrunk(self._masks[()])
            if _LEAST < found[inside].mean() < _MOST:
                marks[inside & ~found] = cv2.GC_PR_BGD
        solid = cutout.without_dust(self._cut(marks, _FIRST_ROUNDS, inside) & inside)
        if solid.sum() <= _LEAST * inside.sum():
            return area  # GrabCut does not see it, but a person does
        return np.minimum(area, self._enlarged(solid))

    def _area(self, step: Box | Lasso, size: tuple[int, int]) -> Pixels:
        """The inside of a box or a lasso, (h, w) uint8."""
        import cv2

        if isinstance(step, Box):
            right, bottom = step.x + step.width, step.y + step.height
            line: Any = [(step.x, step.y), (right, step.y), (right, bottom), (step.x, bottom)]
        else:
            line = step.line
        canvas = np.zeros(size[::-1], np.uint8)
        points = self._pixels(np.array(line, np.float64), size)
        cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, _SHIFT)
        return canvas

    def _picked(self, alpha: Pixels, step: Pick) -> Pixels:
        """The part nearest to a place, with its soft edges."""
        import cv2

        count, labels = cv2.connectedComponents((alpha >= 128).astype(np.uint8), connectivity=8)
        if count < 3:  # the background counts as one
            return alpha.copy()
        rows, columns = np.nonzero(labels)
        away = np.hypot(columns - step.x * self._longest, rows - step.y * self._longest)
        nearest = int(away.argmin())
        own = (labels == labels[rows[nearest], columns[nearest]]).astype(np.uint8)
        around = cv2.dilate(own, np.ones((7, 7), np.uint8)) > 0
        others = (labels > 0) & (own == 0)
        return np.where(around & ~others, alpha, 0).astype(np.uint8)


def corrected(picture: PreparedImage, edit: CutoutEdit) -> PreparedImage:
    """A picture cut out anew. Raises InputError where nothing is left."""
    return CutoutCorrection(picture).picture(edit)
