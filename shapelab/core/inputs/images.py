"""Pictures: read safely, turned upright, cut out, framed on their object and normalised."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from shapelab.core.errors import InputError
from shapelab.core.inputs.cutout import NO_OBJECT, Method, cut_out, visible, window
from shapelab.core.inputs.cutout_edit import UNCHANGED, CutoutEdit

if TYPE_CHECKING:  # pydantic is not worth its start-up time in the process that reads files
    from shapelab.core.model.spec import ModelSpec

Pixels = NDArray[np.uint8]

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".jpe")
PICTURE_SUFFIXES = (".png", *_JPEG_SUFFIXES, ".webp", ".bmp", ".tif", ".tiff", ".gif")

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
_MAX_PIXELS = 64_000_000
_MAX_JPEG_PIXELS = 200_000_000  # of which draft mode decodes an eighth a side
_WORKING_SIDE = 1024  # longest side that is cut out; more adds nothing to a 256-pixel picture
_KEPT_SIDE = 768  # of the picture that is kept, to be shown and cut out by hand
FILL = 0.85  # longest side of the framed object as a share of the picture's side
_LUMA = np.array([0.299, 0.587, 0.114, 0.0], np.float32)  # of RGBA
_MEAN, _STD = 0.5, 0.18  # of the luminance inside the mask, in mode "LA"
_MIN_STD = 0.02  # flatter objects keep their flatness: else JPEG noise would fill the picture


@dataclass(frozen=True)
class PreparedImage:
    """A picture ready for the image encoder, and what it was made from."""

    rgba: Pixels  # (S, S, 4) uint8, framed; alpha is the cut-out mask
    original: Pixels  # (h, w, 4) uint8, upright, longest side <= 768
    method: Method  # how the object was told from its background
    # (S, S, 3): what the picture shows in the very square of ``rgba``, its background too; beyond
    # its borders their pixels go on. None where there was no more than the cut-out.
    scene: Pixels | None = None
    mask: Pixels | None = None  # (h, w) uint8: what was found to be the object in ``original``
    full_size: tuple[int, int] | None = None  # width and height of the file's picture, upright
    edit: CutoutEdit = UNCHANGED  # what a person changed of the cut-out that was found
    found: PreparedImage | None = None  # where they did: the picture with that cut-out


class NoObject(InputError):
    """A picture can be read but shows nothing that could be told from its background.

    Attributes:
        picture: to be cut out by hand; its method is "nothing" where no mask was found.
    """

    def __init__(self, sentence: str, picture: PreparedImage | None = None) -> None:
        super().__init__(sentence)
        self.picture = picture


def prepare(data: bytes, size: int = 256) -> PreparedImage:
    """Reads a picture, removes its background and frames the object.

    Args:
        data: the bytes of a PNG, JPEG, WebP, BMP, TIFF or GIF (its first frame).
        size: side of the framed picture, pixels.

    Raises:
        InputError: the picture cannot be read or is too large; ``NoObject`` where it shows nothing.
    """
    upright, full_size = _decoded(data)
    original = _shrunk(upright, _KEPT_SIDE)
    shape = original.shape[:2]
    inside = window(upright) or (slice(None), slice(None))
    try:
        cut, method = cut_out(upright[inside])
        framed = frame(cut, size)
    except InputError as error:
        none, nothing = np.zeros((size, size, 4), np.uint8), np.zeros(shape, np.uint8)
        unseen = PreparedImage(none, original, "nothing", None, nothing, full_size)
        raise NoObject(str(error), unseen) from None
    scene = None if method == "alpha" else scene_of(cut, size)  # what is clear hides no background
    mask = np.zeros(upright.shape[:2], np.uint8)
    mask[inside] = cut[..., 3]
    mask = np.asarray(Image.fromarray(mask).resize(shape[::-1], Image.Resampling.BOX))
    return PreparedImage(framed, original, method, scene, mask, full_size)


def frame(rgba: Pixels, size: int) -> Pixels:
    """Crops to the visible object and centres it in a transparent square picture.

    Args:
        rgba: (h, w, 4) uint8, straight alpha.
        size: side of the result, pixels.

    Returns:
        (size, size, 4) uint8; the object's longest side is ``FILL * size``.

    Raises:
        InputError: if nothing in the picture is visible.
    """
    (top, bottom, left, right), around = _extent(rgba)
    width, height = _framed_size((top, bottom, left, right), size)
    object_alone = rgba[top:bottom, left:right].copy()
    object_alone[~around[top:bottom, left:right], 3] = 0
    resized = resample(object_alone, width, height)
    framed = np.zeros((size, size, 4), np.uint8)
    y, x = (size - height) // 2, (size - width) // 2
    framed[y : y + height, x : x + width] = resized
    return framed


def _extent(rgba: Pixels) -> tuple[tuple[int, int, int, int], NDArray[np.bool_]]:
    """First and last row and column of the visible object (the last are beyond it), and where."""
    seen, around = visible(rgba[..., 3])
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if rows.size == 0:
        raise InputError(NO_OBJECT.format("the picture"))
    return (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1), around


def _framed_size(extent: tuple[int, int, int, int], size: int) -> tuple[int, int]:
    """Width and height of an object in a framed picture."""
    top, bottom, left, right = extent
    scale = FILL * size / max(bottom - top, right - left)
    return max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))


def scene_of(cut: Pixels, size: int) -> Pixels:
    """The square (size, size, 3) that ``frame`` shows of a cut-out, with what it made clear."""
    top, bottom, left, right = extent = _extent(cut)[0]
    width, height = _framed_size(extent, size)
    across, down = (right - left) / width, (bottom - top) / height  # pixels in one of the square
    x, y = left - (size - width) // 2 * across, top - (size - height) // 2 * down
    reach = int(max(across, down) * size) + 1  # no square sticks out further
    wide = Image.fromarray(np.pad(cut[..., :3], ((reach, reach), (reach, reach), (0, 0)), "edge"))
    box = (x + reach, y + reach, x + reach + across * size, y + reach + down * size)
    shrinking = max(across, down) > 1
    method = Image.Resampling.HAMMING if shrinking else Image.Resampling.BILINEAR
    return np.asarray(wide.resize((size, size), method, box))


def to_input(rgba: Pixels, spec: ModelSpec, scene: Pixels | None = None) -> NDArray[np.float32]:
    """Turns a framed picture into what the image encoder takes.

    Mode "LA" gives luminance * alpha and alpha; the luminance is shifted and scaled inside the
    mask to mean 0.5 and standard deviation 0.18, so that colour and exposure do not matter.
    Mode "RGB" gives the picture on white, mode "RGBA" the scene and the alpha: so the encoder sees
    what is around the object, and may overrule a bad mask.

    Args:
        rgba: (S, S, 4) uint8 as ``frame`` gives it.
        spec: of the model; its image_size and image_mode count.
        scene: (S, S, 3) uint8 as ``prepare`` gives it; without one the background is white.

    Returns:
        (channels, image_size, image_size) float32 in [0, 1].
    """
    side = spec.image_size
    if rgba.shape[:2] != (side, side):
        rgba = resample(rgba, side, side)
    if scene is None:
        return to_inputs(rgba[None], spec)[0]
    if scene.shape[:2] != (side, side):
        scene = resample(scene, side, side)
    return to_inputs(rgba[None], spec, scene[None])[0]


def to_inputs(rgba: Pixels, spec: ModelSpec, scenes: Pixels | None = None) -> NDArray[np.float32]:
    """``to_input`` of many pictures (n, S, S, 4) and scenes that have the model's size already."""
    values = rgba.astype(np.float32) / np.float32(255.0)
    alpha = values[..., 3]
    if spec.image_mode != "LA":
        colours = values[..., :3] * alpha[..., None] + (1.0 - alpha[..., None])
        if spec.image_mode == "RGB":
            return np.ascontiguousarray(colours.transpose(0, 3, 1, 2))
        if scenes is not None:
            colours = scenes.astype(np.float32) / np.float32(255.0)
        both = np.concatenate([colours, alpha[..., None]], -1)
        return np.ascontiguousarray(both.transpose(0, 3, 1, 2))
    inputs = np.zeros((len(rgba), 2, *rgba.shape[1:3]), np.float32)
    np.multiply(_normalised(values @ _LUMA, alpha), alpha, out=inputs[:, 0])
    inputs[:, 1] = alpha
    return inputs


def decode(data: bytes) -> Pixels:
    """A picture file's bytes as upright RGBA (h, w, 4) uint8 with the longest side <= 1024.

    Raises:
        InputError: the picture cannot be read or is too large.
    """
    return _decoded(data)[0]


def _decoded(data: bytes) -> tuple[Pixels, tuple[int, int]]:
    """The same, and width and height of the whole picture, upright."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size check below speaks for Pillow's own
            Image.MAX_IMAGE_PIXELS = None
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _check_size(image)
                size = image.size
                image.draft(None, (_WORKING_SIDE, _WORKING_SIDE))  # JPEG: decodes only what counts
                image.load()
                quarter = image.getexif().get(ExifTags.Base.Orientation) in range(5, 9)
                turned = ImageOps.exif_transpose(image)
                pixels = _shrunk(np.asarray(_to_rgba(turned)), _WORKING_SIDE)
                return pixels, size[::-1] if quarter else size
    except InputError:
        raise
    except MemoryError as error:
        raise InputError("The picture needs too much memory; please scale it down.") from error
    except UnidentifiedImageError as error:
        raise InputError(_unknown_format(data)) from error
    except Exception as error:  # Pillow's readers raise a dozen kinds on damaged files
        raise InputError(
            "The picture is damaged or cut off; please open and save it again as PNG or JPEG."
        ) from error


def _check_size(image: Image.Image) -> None:
    most = _MAX_JPEG_PIXELS if image.format in ("JPEG", "MPO") else _MAX_PIXELS
    if image.width * image.height > most:
        raise InputError(
            f"The picture has more than {most // 1_000_000} megapixels; please scale it down first."
        )


def _unknown_format(data: bytes) -> str:
    if not data:
        return "The picture file is empty; please choose another."
    known = {b"ftyp": "HEIC or AVIF", b"<svg": "SVG", b"%PDF": "PDF"}
    found = [name for mark, name in known.items() if mark in data[:512]]
    what = f"Pictures in {found[0]} format" if found else "Pictures in this format"
    return f"{what} cannot be read; please save it as PNG or JPEG."


def _to_rgba(image: Image.Image) -> Image.Image:
    """Any mode of Pillow as RGBA; deep grey is scaled, where ``convert`` would clip it."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.nan_to_num(np.asarray(image, np.float64), posinf=0.0, neginf=0.0)
        top = values.max(initial=0.0)
        grey = np.clip(values * (255.0 / top if top > 0 else 0.0), 0, 255)
        return Image.fromarray(np.rint(grey).astype(np.uint8)).convert("RGBA")
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        image = image.convert("RGB")
    return image.convert("RGBA")


def _shrunk(rgba: Pixels, side: int) -> Pixels:
    """The picture with its longest side at most ``side`` pixels."""
    height, width = rgba.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return rgba
    return resample(rgba, max(1, round(width * scale)), max(1, round(height * scale)))


def _normalised(luminance: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Luminance (n, h, w) with mean 0.5 and deviation 0.18 where alpha weighs; safe if it is flat.

    Where nothing weighs, it does not matter what comes out.
    """
    weight = np.maximum(alpha.sum((1, 2), keepdims=True), 1e-6)
    centred = luminance - (luminance * alpha).sum((1, 2), keepdims=True) / weight
    variance = (np.square(centred) * alpha).sum((1, 2), keepdims=True) / weight
    centred *= _STD / np.maximum(np.sqrt(variance), _MIN_STD)
    centred += _MEAN
    return np.clip(centred, 0.0, 1.0, out=centred)


def resample(rgba: Pixels, width: int, height: int) -> Pixels:
    """Antialiased resize of RGBA or RGB; Pillow premultiplies, so hidden colours never bleed in."""
    image = Image.fromarray(np.ascontiguousarray(rgba))
    shrinking = width < rgba.shape[1] or height < rgba.shape[0]
    method = Image.Resampling.HAMMING if shrinking else Image.Resampling.BILINEAR
    return np.asarray(image.resize((width, height), method))
