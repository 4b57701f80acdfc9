"""Depth pictures: how far pixels are, from 16-bit PNG, floats in TIFF, NPY or EXR, and the lens."""

from __future__ import annotations

import io
import math
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shapelab.core.errors import InputError
from shapelab.core.files_of_others import npy_array, npy_header
from shapelab.core.inputs.depth.exr_files import EXR_SUFFIX, exr_depth

#: What can hold one, among other things.
DEPTH_SUFFIXES = (".png", ".tif", ".tiff", ".npy", EXR_SUFFIX)
KINDS = "one channel of 16 bits in a PNG, or of floats in a TIFF, NPY or EXR"

_MOST_PIXELS = 64_000_000
WORKING_SIDE = 1024  # longest side that is kept; every second, third … pixel of more
_FEWEST = 200  # pixels that say how far they are
_FULL = 65535  # what many cameras write where they measured nothing
_DEEPEST = 1e9
# Focal lengths, in widths, of what makes pictures of a size: Kinect, Kinect 2, RealSense, phones.
_FOCAL = {(640, 480): 0.90, (512, 424): 0.71, (848, 480): 0.50, (1280, 720): 0.50}
_FOCAL |= {(256, 192): 0.78}
_USUAL_FOCAL = 0.90
NARROWEST, WIDEST = 5.0, 150.0  # degrees that a picture may be wide


@dataclass(frozen=True, eq=False)
class DepthPicture:
    """How far each pixel is along the camera's axis, in a unit that does not matter.

    Attributes:
        depth: (h, w) float32; 0 where nothing was measured.
        step: of how many pixels of the file each way one is kept.
        size: width and height of the file's picture.
    """

    depth: NDArray[np.float32]
    step: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Lens:
    """A pinhole camera's intrinsics in pixels of the file; the first pixel's middle is at 0, 0."""

    fx: float
    fy: float
    cx: float
    cy: float

    def check(self, size: tuple[int, int]) -> None:
        """Raises InputError where they cannot be those of a picture of a width and height."""
        focal, middle, sides = (self.fx, self.fy), (self.cx, self.cy), size
        sound = all(math.isfinite(each) for each in (*focal, *middle)) and all(
            NARROWEST <= _angle(side, length) <= WIDEST and -side <= place <= 2 * side
            for length, place, side in zip(focal, middle, sides, strict=True)
        )
        if not sound:
            told = " ".join(f"{each:g}" for each in (*focal, *middle))
            raise InputError(
                f"Intrinsics {told} (fx, fy, cx, cy, in pixels) cannot be those of a picture of "
                f"{size[0]} × {size[1]} pixels."
            )

    def angle(self, width: int) -> float:
        """How wide the picture is, in degrees."""
        return _angle(width, self.fx)


def _angle(side: int, focal: float) -> float:
    return math.degrees(2 * math.atan2(side / 2, focal)) if focal > 0 else 0.0


def lens_of_angle(size: tuple[int, int], degrees: float) -> Lens:
    """The lens of a picture (width, height) that is so wide, its axis through the middle."""
    width, height = size
    focal = width / 2 / math.tan(math.radians(degrees) / 2)
    return Lens(focal, focal, (width - 1) / 2, (height - 1) / 2)


def guessed_lens(size: tuple[int, int]) -> Lens:
    """The lens of the camera that makes pictures of this size."""
    width, height = size
    focal = _FOCAL.get(size, _USUAL_FOCAL) * width
    return Lens(focal, focal, (width - 1) / 2, (height - 1) / 2)


def read_depth(data: bytes, suffix: str) -> DepthPicture | None:
    """The depth picture in a file's bytes; None where it holds something else.

    Args:
        data: of the file.
        suffix: of its name, lower case; one of ``DEPTH_SUFFIXES``, else there is none in it.

    Raises:
        InputError: it is one, but too large, cut off, or says nothing.
    """
    if suffix not in DEPTH_SUFFIXES:
        return None
    if suffix == EXR_SUFFIX:
        values = exr_depth(data, _MOST_PIXELS)
        if values is None:
            raise _too_large()
    else:
        values = _npy_values(data) if suffix == ".npy" else _image_values(data)
    if values is None:
        return None
    height, width = values.shape
    step = max(1, -(-max(values.shape) // WORKING_SIDE))
    kept = values[::step, ::step].astype(np.float64)
    sound = np.isfinite(kept) & (kept > 0) & (kept < _DEEPEST)
    if values.dtype == np.uint16:
        sound &= kept < _FULL
    if sound.sum() < _FEWEST:
        raise InputError(
            f"The depth picture says of {int(sound.sum())} pixels how far they are, too few for a "
            "shape; please choose another."
        )
    return DepthPicture(np.where(sound, kept, 0).astype(np.float32), step, (width, height))


def _npy_values(data: bytes) -> NDArray[np.generic] | None:
    """Of a .npy file; a damaged one is the voxel reader's to tell."""
    try:
        shape, _, dtype, start = npy_header(data)
    except (InputError, ValueError):
        return None
    if len(shape) != 2 or (dtype.kind != "f" and dtype != np.uint16):
        return None
    if math.prod(shape) > _MOST_PIXELS:
        raise _too_large()
    if len(data) - start < math.prod(shape) * dtype.itemsize:
        raise InputError("The .npy file is cut off; please save it again.")
    return npy_array(data)


def _image_values(data: bytes) -> NDArray[np.generic] | None:
    """Of a PNG or TIFF; a damaged one is the picture reader's to tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow about sizes, which are checked here
        Image.MAX_IMAGE_PIXELS = None
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "TIFF")) as image:
                deep = image.mode == "F" if image.format == "TIFF" else image.mode.startswith("I")
                if not deep:
                    return None
                large = image.width * image.height > _MOST_PIXELS
                values = None if large else np.asarray(image)
        except (OSError, ValueError, SyntaxError, struct.error):  # as Pillow's readers have it
            return None
    if values is None:
        raise _too_large()
    return values if values.dtype.kind == "f" else values.astype(np.uint16)


def _too_large() -> InputError:
    return InputError(
        f"The depth picture has more than {_MOST_PIXELS // 1_000_000} megapixels; please choose a "
        "smaller one."
    )
