"""The pictures of an object on a sheet: what was given, what was made, one laid on the other."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shapelab.core.batch.object_record import Tile
from shapelab.core.inputs.cutout import on_white, outlines
from shapelab.core.inputs.images import resample
from shapelab.core.inputs.photo_view import photo_view
from shapelab.core.mesh.ray_picture import CORNER, shape_picture

if TYPE_CHECKING:
    from shapelab.core.inputs.images import PreparedImage
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.model.camera import Camera

SIDE = 256  # pixels along a picture's longest side
SHAPE_SIDE = 192  # of a drawn shape: the time grows with its square
SHAPE, GIVEN = (220, 197, 170), (150, 172, 200)  # RGB of what was made, and of what was given
_OUTLINE, _BRIGHT = (36, 104, 168, 255), (255, 255, 255, 200)
_FINER = 2  # pixels that a line is drawn with along each one of the picture
_QUALITY = 84  # of WebP
BEHIND = (CORNER[0] + 180.0, CORNER[1])

Pixels = NDArray[np.uint8]


def tiles_of(shown: NDArray[np.floating], found: Reconstruction | None) -> tuple[Tile, ...]:
    """The pictures of an object.

    Args:
        shown: (R, R, R), the shape as its file has it: the surface at 0.5.
        found: how it was made, if from pictures, a mesh or voxels.
    """
    tiles: list[Tile] = []
    if found is not None and found.prepared is not None:
        hypothesis = found.hypothesis
        pictures = (found.prepared, *found.others)
        cameras: tuple[Any, ...] = () if hypothesis is None else hypothesis.cameras
        for place, picture in enumerate(pictures):
            number = f" {place + 1}" if len(pictures) > 1 else ""
            camera = cameras[place] if place < len(cameras) else None
            tiles += _of_picture(picture, shown, camera, number)
    elif found is not None and found.voxels is not None:
        given = found.voxels.astype(np.float32)
        tiles.append(Tile("As it was read", _webp(shape_picture(given, SHAPE_SIDE, GIVEN))))
    views = {"Front, from the right": CORNER, "Back, from the left": BEHIND}
    tiles += [Tile(k, _webp(shape_picture(shown, SHAPE_SIDE, SHAPE, v))) for k, v in views.items()]
    return tuple(tiles)


def tile_of_picture(picture: PreparedImage) -> Tile:
    """The picture itself, of which nothing was made."""
    return Tile("Picture", _webp(_fitted(picture.original)))


def _of_picture(
    picture: PreparedImage, shown: NDArray[np.floating], camera: Camera | None, number: str
) -> Iterator[Tile]:
    yield Tile(f"Picture{number}", _webp(_fitted(picture.original)))
    yield Tile(f"Cut-out{number}", _webp(_square(picture.rgba)))
    if camera is None:
        return
    view = photo_view(shown, camera, SHAPE_SIDE, SHAPE)
    ground = on_white(picture.rgba) if picture.scene is None else picture.scene
    yield Tile(f"Outline on picture{number}", _webp(_outlined(_square(ground), view[..., 3])))
    yield Tile(f"Same view{number}", _webp(view))


def _outlined(ground: Pixels, cover: Pixels) -> Pixels:
    """A picture (n, n, 3) with the outline of what covers a square of any size."""
    side = len(ground) * _FINER
    drawn = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(drawn)
    for colour, width in ((_BRIGHT, 4 * _FINER), (_OUTLINE, 2 * _FINER)):
        for line in outlines(cover):
            closed = np.concatenate([line, line[:1]]) * (side / len(cover))
            pen.line([tuple(place) for place in closed.tolist()], colour, width, "curve")
    small = np.asarray(drawn.resize(ground.shape[1::-1], Image.Resampling.BOX), np.float32)
    share = small[..., 3:] / 255
    return np.rint(ground * (1 - share) + small[..., :3] * share).astype(np.uint8)


def _fitted(picture: Pixels) -> Pixels:
    """A picture with its longest side at most ``SIDE`` pixels."""
    height, width = picture.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    return resample(picture, max(1, round(width * scale)), max(1, round(height * scale)))


def _square(picture: Pixels) -> Pixels:
    return picture if len(picture) == SIDE else resample(picture, SIDE, SIDE)


def _webp(picture: Pixels) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(data, "WEBP", quality=_QUALITY, method=4)
    return data.getvalue()
