"""What an edit of a cut-out gives: mask, outline and what the model gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs import cutout, images
from shapelab.core.inputs.corrected_picture import CutoutCorrection
from shapelab.core.inputs.cutout_edit import CutoutEdit
from shapelab.core.inputs.depth.depth_cutout import DepthCorrection, grey
from shapelab.core.inputs.depth.depth_object import DepthObject, Shot
from shapelab.core.inputs.images import PreparedImage

if TYPE_CHECKING:
    from shapelab.core.model.spec import ModelSpec

Pixels = NDArray[np.uint8]
_DIM = 0.7  # how much of what is not the object is veiled


@dataclass(frozen=True, eq=False)
class PreviewRequest:
    """An edit that shall be shown, with the colour of what is not the object, RGB."""

    edit: CutoutEdit
    veil: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class CutoutPreview:
    """The answer."""

    veil: Pixels  # (h, w, 4), laid over the picture as it is shown
    lines: list[NDArray[np.float32]]  # around the object, (n, 2) in pixels of the same
    found: PreparedImage | Shot | None  # the picture cut out; None where nothing is left
    inputs: tuple[Pixels, ...]  # (S, S, 4): the encoder's colours, then its mask
    problem: str  # why nothing is found


class PreviewMaker:
    """Carries edits of one picture out; all on one worker's thread."""

    def __init__(self, picture: PreparedImage, spec: ModelSpec) -> None:
        self._picture, self._spec = picture, spec
        self._correction: CutoutCorrection | None = None

    def __call__(self, request: PreviewRequest) -> CutoutPreview:
        if self._correction is None:
            self._correction = CutoutCorrection(self._picture)
        edit = request.edit
        mask = edit.shown(self._correction.mask(edit))
        picture: PreparedImage | None = None
        inputs: tuple[Pixels, ...] = ()
        problem = ""
        try:
            picture = self._correction.picture(edit)
        except InputError as error:
            problem = str(error)
        else:
            seen = images.to_input(picture.rgba, self._spec, picture.scene)
            inputs = _pictures(seen, self._spec.image_mode)
        return CutoutPreview(
            _veil(mask, request.veil), cutout.outlines(mask), picture, inputs, problem
        )


class DepthPreviewMaker:
    """The same of one depth picture."""

    def __init__(self, deep: DepthObject) -> None:
        self._deep = deep
        self._correction: DepthCorrection | None = None

    def __call__(self, request: PreviewRequest) -> CutoutPreview:
        if self._correction is None:
            self._correction = DepthCorrection(self._deep)
        mask = np.zeros(self._deep.mask.shape, np.uint8)
        shot: Shot | None = None
        problem = ""
        try:
            mask = self._correction.mask(request.edit)
            shot = self._correction.shot(mask)
        except InputError as error:
            problem = str(error)
        pixels = grey(self._deep.picture)
        taken = pixels.copy()
        taken[..., 3] = np.minimum(taken[..., 3], mask)
        lines = cutout.outlines(mask)
        return CutoutPreview(_veil(mask, request.veil), lines, shot, (pixels, taken), problem)


def _veil(mask: Pixels, colour: tuple[int, int, int]) -> Pixels:
    veil = np.zeros((*mask.shape, 4), np.uint8)
    veil[..., :3] = colour
    veil[..., 3] = np.rint(_DIM * (255 - mask.astype(np.float32)))
    return veil


def _pictures(seen: NDArray[np.float32], mode: str) -> tuple[Pixels, ...]:
    """An input (C, S, S) as pictures: its colours, and its mask where it has one."""
    layers = [seen] if mode == "RGB" else [seen[:-1], seen[-1:]]
    pictures = []
    for layer in layers:
        picture = np.full((*layer.shape[1:], 4), 255, np.uint8)
        picture[..., :3] = np.rint(255 * layer.transpose(1, 2, 0))
        pictures.append(picture)
    return tuple(pictures)
