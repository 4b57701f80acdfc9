"""EXR files: which channel is the depth, what is refused, and how little a lie costs."""

from __future__ import annotations

import struct

import numpy as np
import OpenEXR
import pytest

from shapelab.core.errors import InputError
from shapelab.core.inputs.depth import exr_files
from shapelab.core.inputs.depth.depth_picture import DepthPicture, read_depth
from shapelab.core.inputs.untrusted_reader import read_untrusted_bytes
from tests.exr import exr

FAR = np.linspace(1, 9, 30 * 40, dtype=np.float32).reshape(30, 40)
OTHER = FAR[::-1].copy()
HALF = FAR.astype(np.float16)
DEEP = np.zeros((20, 20), object)
for place in np.ndindex(DEEP.shape):
    DEEP[place] = np.array([1, 2], np.float32)


def depth_in(data: bytes) -> np.ndarray:
    """As the jailed reader gives it."""
    content = read_untrusted_bytes(data, ".exr", name="far.exr").content
    assert isinstance(content, DepthPicture)
    return content.depth


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (exr({"Z": FAR}), FAR),
        (exr({"Z": FAR}, tiled=True), FAR),
        (exr({"whatever": HALF}), HALF),
        (exr({"R": HALF, "G": HALF, "B": HALF}), HALF),
        (exr({"R": OTHER, "G": FAR + 1, "B": OTHER, "Z": FAR}), FAR),
        (exr({"View.Depth.Z": FAR, "View.Combined.R": OTHER, "View.Normal.Z": OTHER}), FAR),
        (exr({"N.X": OTHER, "N.Y": OTHER, "N.Z": OTHER, "depth.V": FAR}), FAR),
        (exr({"N.X": OTHER, "N.Y": OTHER + 1, "N.Z": OTHER, "L.Z": FAR}), FAR),
        (exr({"R": OTHER, "G": FAR + 1}, ("Depth", {"V": FAR})), FAR),
        (exr({"Z": (100 * FAR).astype(np.uint32)}), (100 * FAR).astype(np.uint32)),
    ],
)
def test_the_depth_is_found_among_the_channels(data, wanted):
    assert (depth_in(data) == wanted).all()


def test_what_was_not_measured_is_0_and_a_cropped_file_lies_where_it_was_cut():
    holes = FAR.copy()
    holes[0, :4] = np.nan, np.inf, 1e10, -1
    assert (depth_in(exr({"Z": holes}))[0, :5] == [0, 0, 0, 0, FAR[0, 4]]).all()
    held = np.array([-5, 7], np.int32), np.array([34, 36], np.int32)
    shown = np.array([0, 0], np.int32), np.array([49, 19], np.int32)
    depth = depth_in(exr({"Z": FAR}, dataWindow=held, displayWindow=shown))
    assert depth.shape == (20, 50)
    assert (depth[7:, :35] == FAR[:13, 5:]).all()
    assert not depth[:7].any()
    assert not depth[:, 35:].any()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (exr({"R": FAR, "G": OTHER, "B": FAR}), "holds no depth"),
        (exr({"N.X": OTHER, "N.Y": FAR, "N.Z": FAR}), "holds no depth"),
        (exr({"Z": np.zeros_like(FAR)}), "of 0 pixels how far"),
        (exr({"Z": FAR})[:-9], "damaged or cut off"),
        (exr({"Z": FAR}, ("second", {"R": OTHER}))[:-9], "damaged or cut off"),
        (exr({"Z": FAR})[:200], "damaged or cut off"),
        (bytes(500), "damaged or cut off"),
        (exr({"Z": DEEP}, type=OpenEXR.deepscanline, compression=OpenEXR.ZIPS_COMPRESSION), "deep"),
    ],
)
def test_others_are_refused_in_a_sentence(data, words):
    with pytest.raises(InputError, match=words) as caught:
        read_untrusted_bytes(data, ".exr", name="far.exr")
    assert str(caught.value).startswith("far.exr: ")
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    ("high", "words"), [((9999, 99_999), "megapixels"), ((7999, 7999), "too many layers")]
)
def test_a_header_that_lies_of_its_size_takes_no_memory(high, words, monkeypatch):
    data = exr(dict.fromkeys(("A", "B", "Z"), FAR))
    window, larger = struct.pack("<4i", 0, 0, 39, 29), struct.pack("<4i", 0, 0, *high)
    assert data.count(window) == 2
    monkeypatch.setattr(exr_files, "_depth", None)  # it comes not so far
    with pytest.raises(InputError, match=words):
        read_depth(data.replace(window, larger), ".exr")


def test_without_the_library_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(exr_files, "can_read", lambda: False)
    with pytest.raises(InputError, match=r"pip install 'shapelab\[exr\]'"):
        read_untrusted_bytes(exr({"Z": FAR}), ".exr", name="far.exr")
