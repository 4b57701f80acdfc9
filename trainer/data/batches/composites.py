"""Stored views composed into photos of rooms, with the mask that a cut-out might have found.

Every picture is a function of its row, its view and its own generator alone. The shape stays where
its camera sees it: a room stands in that camera's perspective, the shadow falls along the light in
which the view was drawn, and where a bad mask frames another square, the camera's code knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shapelab.core.inputs.images import FILL, Pixels, resample, to_inputs
from shapelab.core.model.camera import Camera
from shapelab.core.model.spec import ModelSpec

from ..pictures.picture_cameras import draw_camera, key_light
from ..store.prepared_store import Store
from .backgrounds import Backgrounds
from .cameras import Cameras, code_of
from .masks import Fault, Seen, bounds, draw_faults, soft_edge
from .photo_effects import photographed
from .rooms import Layer, Shadow, Sight, on_floor, pick, room, studio

BAD_MASKS = 0.5  # of pictures
_ROOMS, _STUDIOS = 0.52, 0.36  # of pictures; the others stand before what ``Backgrounds`` draws
_PHOTOS = 0.3  # of pictures, where there are any photos, more often than not have one
_CUT_OUT = 0.12  # of pictures lie on plain white under their own mask, as files with alpha do
_CLUTTERED = 0.55  # of rooms
_HIDDEN = 0.15  # of pictures have something in front of the shape
_CROPPED = 0.08  # of pictures end within the shape
_LEAST = 0.15  # of the shape is in any mask
_COARSE = 64  # pixels of the picture that says where a bad mask seems to be
_WIDE = 2  # stored pictures that it shows, along a side
_ZOOMS = (0.45, 1.75)  # of the square that is framed, over the stored one


@dataclass(frozen=True)
class Square:
    """A square of the stored picture's plane: its middle and its side."""

    x: float = 0.0  # to the right and down, in halves of the stored picture from its middle
    y: float = 0.0
    zoom: float = 1.0  # its side over the stored picture's

    def places(self, side: int) -> tuple[Layer, Layer]:
        """Where its pixels' middles lie in the stored picture, 0 to 1 there; (side, side) each."""
        steps = (2 * np.arange(side, dtype=np.float32) + 1) / np.float32(side) - 1
        x = (1 + np.float32(self.x) + np.float32(self.zoom) * steps) / 2
        y = (1 + np.float32(self.y) + np.float32(self.zoom) * steps) / 2
        return np.broadcast_to(x, (side, side)), np.broadcast_to(y[:, None], (side, side))

    def cut(self, picture: Pixels, side: int) -> Pixels:
        """What it shows of a stored picture (S, S, 4), clear beyond its borders."""
        if self == Square():
            return picture if len(picture) == side else resample(picture, side, side)
        step = self.zoom * len(picture) / side
        left, top = ((1 + at - self.zoom) * len(picture) / 2 for at in (self.x, self.y))
        image = Image.fromarray(np.ascontiguousarray(picture))
        moved = image.transform(
            (side, side),
            Image.Transform.AFFINE,
            (step, 0, left, 0, step, top),
            Image.Resampling.BILINEAR,
        )
        return np.asarray(moved)


@dataclass(frozen=True)
class Composite:
    """A made-up photo and what is known of it."""

    scene: Pixels  # (S, S, 3)
    mask: NDArray[np.uint8]  # (S, S), as a cut-out might have it
    truth: NDArray[np.uint8]  # (S, S), what is seen of the shape
    camera: Camera | None  # with this picture's frame; None where nobody knows
    is_bad: bool  # whether the mask has faults


class Composer:
    """Composes pictures of a store."""

    def __init__(self, store: Store, cameras: Cameras, backgrounds: Backgrounds) -> None:
        self._store = store
        self._cameras = cameras
        self._backgrounds = backgrounds
        train = store.indices("train")
        self._rows = train if len(train) else np.arange(len(store))

    def inputs(
        self,
        rows: NDArray[np.int64],
        views: NDArray[np.int64],
        rngs: Sequence[np.random.Generator],
        spec: ModelSpec,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Inputs (n, 4, S, S) of a model of mode RGBA, and the codes (n, 8) of their cameras.

        Of each row one view; a generator each, which says all else.
        """
        photos = [
            self.compose(row, view, rng, spec.image_size)
            for row, view, rng in zip(rows.tolist(), views.tolist(), rngs, strict=True)
        ]
        scenes = np.stack([photo.scene for photo in photos])
        masked = np.stack([np.dstack([photo.scene, photo.mask]) for photo in photos])
        codes = np.stack([code_of(photo.camera) for photo in photos])
        return to_inputs(masked, spec, scenes), codes

    def compose(self, row: int, view: int, rng: np.random.Generator, side: int) -> Composite:
        """A photo (side, side) of a shape's view."""
        where = np.array([row])
        rgba = self._store.pictures(where, np.array([view]))[0]
        grid = self._store.grids(where)[0]
        known = self._cameras.camera(row, view)
        camera = known or replace(draw_camera(rng), frame=(0.0, -0.02, 0.5))
        floor = float(np.flatnonzero(grid.any((0, 1)))[0]) / len(grid) - 0.5
        sight = Sight(camera, floor, side)
        if rng.random() < _CUT_OUT:
            return _on_white(rgba, known, side)
        shadow = None
        if known is not None:
            light = key_light(camera.azimuth, camera.elevation, camera.tilt)
            shadow = Shadow(grid, light, rng.uniform(1, 6))
        is_bad = bool(rng.random() < BAD_MASKS)
        faults = draw_faults(rng) if is_bad else [soft_edge(rng)]
        border = _border(rng) if rng.random() < _CROPPED else None
        square = Square()
        if is_bad or border is not None:
            square = _framed(rgba, sight, shadow, faults, border)
        sight = sight.zoomed(square.x, square.y, square.zoom, side)
        scene, others, dark = self._behind(rng, sight, shadow)
        front = square.cut(rgba, side)
        truth = front[..., 3].astype(np.float32) / np.float32(255)
        scene += (front[..., :3] - scene) * truth[..., None]
        if rng.random() < _HIDDEN:
            truth = truth * (1 - self._hide(rng, scene, truth, sight, grid))
        x, y = square.places(side)
        mask = truth
        for fault in faults:
            mask = fault(Seen(mask, x, y, dark, others))
        if float(mask.sum()) < _LEAST * float(truth.sum()):
            mask = truth  # a cut-out that finds nothing is no cut-out
        if border is not None:
            inside = border.inside(x, y)
            mask, truth = mask * inside, truth * inside
            scene = border.continued(scene, inside)
        return Composite(
            photographed(rng, scene),
            _bytes(mask),
            _bytes(truth),
            None if known is None else sight.camera,
            is_bad,
        )

    def empty(self, rng: np.random.Generator, side: int) -> Pixels:
        """A photo (side, side, 3) without an object: a room, a studio, a background."""
        camera = replace(draw_camera(rng), frame=(0.0, -0.02, rng.uniform(0.4, 0.9)))
        scene, _, _ = self._behind(rng, Sight(camera, -0.375, side), None)
        return photographed(rng, scene)

    def _behind(
        self, rng: np.random.Generator, sight: Sight, shadow: Shadow | None
    ) -> tuple[Layer, Layer, Layer]:
        """Background (S, S, 3); how much of it is other things (S, S); shadow on it (S, S)."""
        side = sight.side
        others = np.zeros((side, side), np.float32)
        photos = _PHOTOS if self._backgrounds.photos else 0.0
        kind = pick(rng, photos, _ROOMS, _STUDIOS, 1 - _ROOMS - _STUDIOS)
        floor = None
        if kind == 1:
            scene, floor = room(rng, sight)
        elif kind == 2:
            scene = studio(rng, sight)
        else:
            scene = self._backgrounds.draw(rng, side).astype(np.float32)
        dark = np.zeros((side, side), np.float32)
        strength = np.float32(rng.uniform(0.15, 0.75))
        if shadow is not None:
            seen, x, y = on_floor(sight)
            dark = shadow.at(x, y) * (seen if floor is None else floor)
            if floor is None and rng.random() < 0.35:  # cut out and put there
                strength = np.float32(0)
            scene = scene * (1 - strength * dark)[..., None]
        if kind == 1 and rng.random() < _CLUTTERED:
            for _ in range(int(rng.integers(1, 4))):
                place = sight.beside(rng.uniform(-1.2, 1.2), -rng.uniform(0.3, 1.8))
                self._put(rng, scene, others, sight, place, rng.uniform(0.6, 1.3))
        return scene, others, dark * strength

    def _put(
        self,
        rng: np.random.Generator,
        scene: Layer,
        others: Layer,
        sight: Sight,
        place: NDArray[np.floating],
        size: float,
    ) -> None:
        """Puts another shape of the store, so large, on a place (3,) of a scene, in place."""
        x, y, scale = sight.place(place)
        own = int(self._rows[rng.integers(len(self._rows))])
        view = int(rng.integers(self._store.view_counts[own]))
        picture = self._store.pictures(np.array([own]), np.array([view]))[0]
        wide = round(scale * size)
        if not 6 < wide < 3 * sight.side:
            return
        low = np.flatnonzero((picture[..., 3] > 128).any(1))
        bottom = (int(low[-1]) + 1) / len(picture) if len(low) else 1.0
        left, top = round(x - wide / 2), round(y - bottom * wide)
        across, down = _overlap(left, wide, sight.side), _overlap(top, wide, sight.side)
        if across is None or down is None:
            return
        thing = resample(picture, wide, wide)
        part = thing[down[1], across[1]].astype(np.float32)
        alpha = part[..., 3] / np.float32(255)
        light = np.float32(rng.uniform(0.6, 1.1))
        there = scene[down[0], across[0]]
        there += (part[..., :3] * light - there) * alpha[..., None]
        over = others[down[0], across[0]]
        np.maximum(over, alpha, out=over)

    def _hide(
        self,
        rng: np.random.Generator,
        scene: Layer,
        truth: Layer,
        sight: Sight,
        grid: NDArray[np.bool_],
    ) -> Layer:
        """Puts something on or before the shape, in place; returns where (S, S).

        At most two fifths of the shape are hidden, or nothing is.
        """
        side, before = sight.side, scene.copy()
        cover = np.zeros((side, side), np.float32)
        kind = pick(rng, 0.4, 0.35, 0.25)
        if kind == 0:  # on it
            columns = np.argwhere(grid.any(2))
            x, y = columns[rng.integers(len(columns))]
            top = int(np.flatnonzero(grid[x, y])[-1]) + 1
            place = np.array([x + 0.5, y + 0.5, top]) / len(grid) - 0.5
            self._put(rng, scene, cover, sight, place, rng.uniform(0.2, 0.5))
        elif kind == 1:
            reach = min(0.6, sight.camera.distance - 0.8)
            aside = rng.choice([-1, 1]) * rng.uniform(0.2, 0.7)
            place = sight.beside(aside, rng.uniform(0.2, max(reach, 0.25)))
            self._put(rng, scene, cover, sight, place, rng.uniform(0.6, 1.3))
        else:  # something flat at a border
            angle, far = rng.uniform(0, 2 * np.pi), np.float32(rng.uniform(0.5, 0.85))
            axis = np.linspace(-1, 1, side, dtype=np.float32)
            along = axis * np.float32(np.cos(angle)) + axis[:, None] * np.float32(np.sin(angle))
            cover = np.clip((along - far) * side / 3, 0, 1)
            colour = rng.uniform(0, 255, 3).astype(np.float32)
            scene += (colour - scene) * cover[..., None]
        if float((truth * cover).sum()) > 0.4 * float(truth.sum()):
            scene[:] = before
            return np.zeros_like(cover)
        return cover


@dataclass(frozen=True)
class _Border:
    """The picture's end along one side, in the coordinates of the stored picture."""

    axis: int  # 0 across, 1 down
    at: float  # 0 to 1
    is_end: bool  # whether what lies beyond is cut off, or what lies before

    def inside(self, x: Layer, y: Layer) -> Layer:
        """Which places are in the picture, 1 or 0."""
        place = y if self.axis else x
        return ((place < self.at) if self.is_end else (place >= self.at)).astype(np.float32)

    def continued(self, scene: Layer, inside: Layer) -> Layer:
        """The scene with its last row or column going on beyond the border."""
        line = inside[0] if self.axis == 0 else inside[:, 0]
        within = np.flatnonzero(line > 0)
        if not len(within):
            return scene
        order = np.clip(np.arange(len(line)), within[0], within[-1])
        return scene[:, order] if self.axis == 0 else scene[order]


def _border(rng: np.random.Generator) -> _Border:
    """Through the shape, up to a quarter of it, where it spans the framed share of the picture."""
    share = (1 - FILL) / 2 + FILL * rng.uniform(0.03, 0.25)
    is_end = bool(rng.random() < 0.5)
    return _Border(int(rng.integers(2)), 1 - share if is_end else share, is_end)


def _framed(
    rgba: Pixels,
    sight: Sight,
    shadow: Shadow | None,
    faults: list[Fault],
    border: _Border | None,
) -> Square:
    """The square that ``images.frame`` would show of a faulty mask, found at low resolution."""
    wide = Square(zoom=_WIDE)
    inner = Image.fromarray(np.ascontiguousarray(rgba[..., 3])).resize((_COARSE // 2,) * 2)
    part = slice(_COARSE // 4, 3 * _COARSE // 4)
    mask = np.zeros((_COARSE, _COARSE), np.float32)
    mask[part, part] = np.asarray(inner, np.float32) / np.float32(255)
    x, y = wide.places(_COARSE)
    dark = np.zeros_like(mask)
    if shadow is not None:
        seen, floor_x, floor_y = on_floor(sight.zoomed(0, 0, _WIDE, _COARSE))
        dark = shadow.at(floor_x, floor_y) * seen * np.float32(0.5)
    for fault in faults:
        mask = fault(Seen(mask, x, y, dark, np.zeros_like(mask)))
    if border is not None:
        mask = mask * border.inside(x, y)
    box = bounds(mask)
    if box is None:
        return Square()
    middle, zoom = box.mean(0) * 2 - 1, float(np.diff(box, axis=0).max()) * _WIDE / FILL
    if not _ZOOMS[0] < zoom < _ZOOMS[1]:
        return Square()
    return Square(float(middle[1]) * _WIDE, float(middle[0]) * _WIDE, zoom)


def _on_white(rgba: Pixels, camera: Camera | None, side: int) -> Composite:
    """As a picture with true alpha comes: on white, with its own mask."""
    front = Square().cut(rgba, side)
    alpha = front[..., 3:].astype(np.float32) / np.float32(255)
    scene = np.rint(255 + (front[..., :3] - np.float32(255)) * alpha).astype(np.uint8)
    return Composite(scene, front[..., 3], front[..., 3], camera, False)


def _overlap(start: int, length: int, side: int) -> tuple[slice, slice] | None:
    """Of ``length`` pixels from ``start`` on, those in a picture: there, and in their own count."""
    first, last = max(start, 0), min(start + length, side)
    return (slice(first, last), slice(first - start, last - start)) if first < last else None


def _bytes(values: Layer) -> NDArray[np.uint8]:
    return cast("NDArray[np.uint8]", np.rint(values * 255).astype(np.uint8))
