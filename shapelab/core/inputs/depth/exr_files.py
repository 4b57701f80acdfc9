"""The depth in an EXR file, by the library OpenEXR where it is installed: the extra ``exr``."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError

EXR_SUFFIX = ".exr"
MISSING = (
    "EXR files need a library that is not installed; please install it with "
    "pip install 'shapelab[exr]', or save the depth as TIFF of floats."
)
_DAMAGED = "The EXR file is damaged or cut off; please save it again."
_NO_DEPTH = (
    "The EXR file holds no depth: none of its channels is called Z or depth, and it has several; "
    "please save the depth alone."
)
_MOST_BYTES = 2**29  # of all channels, unpacked
_MOST_PARTS = 64
_FLAT = ("scanlineimage", "tiledimage")  # one number a pixel, not several at several depths


def can_read() -> bool:
    """Whether the library is there."""
    return find_spec("OpenEXR") is not None


def exr_depth(data: bytes, most_pixels: int) -> NDArray[Any] | None:
    """How far each pixel is, (h, w) of a file's bytes, of half or single floats or whole numbers.

    Pixels that the file shows but does not hold are 0.

    Args:
        data: of the file.
        most_pixels: that are read.

    Returns:
        The depth; None of a file with more pixels.

    Raises:
        InputError: it is damaged, or there is no depth in it.
    """
    parts = _parts(data, header_only=True)
    if not 0 < len(parts) <= _MOST_PARTS:
        raise InputError(_DAMAGED)
    if any(part.header["type"].name not in _FLAT for part in parts):
        raise InputError("The EXR file is a deep one, of many samples a pixel; please flatten it.")
    sizes = [
        _size(part.header[which]) for part in parts for which in ("dataWindow", "displayWindow")
    ]
    if max(map(math.prod, sizes)) > most_pixels:
        return None
    counts = [len(part.header["channels"]) for part in parts]
    held = map(math.prod, sizes[::2])
    if sum(4 * count * pixels for count, pixels in zip(counts, held, strict=True)) > _MOST_BYTES:
        raise InputError("The EXR file has too many layers; please save the depth alone.")
    read = _parts(data)
    if len(read) < len(parts):  # the library leaves out what is damaged, and only prints so
        raise InputError(_DAMAGED)
    return _depth(read)


def _parts(data: bytes, header_only: bool = False) -> Sequence[Any]:
    import OpenEXR

    try:
        file = OpenEXR.File(
            io.BytesIO(data), separate_channels=True, header_only=header_only, num_threads=0
        )
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(_DAMAGED) from error
    parts: Sequence[Any] = file.parts
    return parts


def _size(window: Any) -> tuple[int, int]:
    """Width and height; InputError where a window has none."""
    low, high = (np.asarray(each, np.int64).tolist() for each in window)
    width, height = high[0] - low[0] + 1, high[1] - low[1] + 1
    if width < 1 or height < 1:
        raise InputError(_DAMAGED)
    return width, height


def _depth(parts: Sequence[Any]) -> NDArray[Any]:
    """The channel that says how far things are, as its name has it, over the whole picture."""
    named = [(words, part, pixels) for part in parts for words, pixels in _channels(part)]
    every = {words for words, _, _ in named}

    def is_depth(words: tuple[str, ...]) -> bool:
        *layer, last = words
        if "depth" in words:
            return last != "a"
        return last == "z" and (*layer, "x") not in every  # else a direction or a place

    meant = [(part, pixels) for words, part, pixels in named if is_depth(words)]
    if not meant and named:
        first = named[0][2]
        if all(np.array_equal(first, each, equal_nan=True) for _, _, each in named):
            meant = [named[0][1:]]  # a lone channel, or greys
    if not meant:
        raise InputError(_NO_DEPTH)
    part, pixels = meant[0]
    return _in_view(pixels, part.header["dataWindow"], part.header["displayWindow"])


def _channels(part: Any) -> Iterator[tuple[tuple[str, ...], NDArray[Any]]]:
    """The words of each channel's name, with those of its part, and its pixels."""
    width, height = _size(part.header["dataWindow"])
    layer = part.header.get("name") or ""
    for name, channel in part.channels.items():
        pixels = np.asarray(channel.pixels)
        if pixels.shape == (height, width) and pixels.dtype.kind in "fu":  # no coarser one
            words = f"{layer}.{name}" if layer else str(name)
            yield tuple(words.lower().split(".")), pixels


def _in_view(pixels: NDArray[Any], held: Any, shown: Any) -> NDArray[Any]:
    """Pixels of a window as those of another, 0 beyond."""
    (own_left, own_top), (left, top) = (np.asarray(each[0]).tolist() for each in (held, shown))
    width, height = _size(shown)
    view = np.zeros((height, width), pixels.dtype)
    above, before = max(top, own_top), max(left, own_left)
    below = max(above, min(top + height, own_top + pixels.shape[0]))
    after = max(before, min(left + width, own_left + pixels.shape[1]))
    part = pixels[above - own_top : below - own_top, before - own_left : after - own_left]
    view[above - top : below - top, before - left : after - left] = part
    return view
