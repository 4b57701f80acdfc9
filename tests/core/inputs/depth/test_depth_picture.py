"""Depth pictures are told from other files, read as they are, and completed from their camera."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

from shapelab import cli, shape_commands
from shapelab.core.errors import InputError
from shapelab.core.inputs.depth.depth_object import Shot
from shapelab.core.inputs.depth.depth_picture import DepthPicture, Lens, lens_of_angle, read_depth
from shapelab.core.inputs.images import PreparedImage
from shapelab.core.inputs.reconstruct import iou
from shapelab.core.inputs.unseen import one_sided
from shapelab.core.inputs.untrusted_reader import read_untrusted, read_untrusted_bytes
from shapelab.core.project.originals import Original, read_original
from shapelab.core.session.shape_sources import shape_of_file
from shapelab.describe import describe
from tests.shapes import depth_of

LENS = Lens(150.0, 150.0, 79.5, 59.5)


def packed(values, kind="PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind)
    return stream.getvalue()


def npy(values) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def steps() -> np.ndarray:
    return np.arange(120 * 160, dtype=np.uint16).reshape(120, 160)


def test_a_png_of_16_bits_is_read_to_the_bit():
    values = steps()
    values[5, 5] = 65535
    found = read_depth(packed(values), ".png")
    assert found.size == (160, 120)
    assert found.depth[5, 5] == found.depth[0, 0] == 0  # nothing was measured
    found.depth[5, 5] = 65535
    assert (found.depth == values).all()


def test_floats_are_read_from_tiff_and_npy():
    values = steps().astype(np.float32) / 1000
    values[0, :4] = np.nan, np.inf, -1, 0
    wanted = np.where(np.isfinite(values) & (values > 0), values, 0)
    assert (read_depth(packed(values, "TIFF"), ".tiff").depth == wanted).all()
    for stored in (values, values.astype(np.float64), np.asfortranarray(values)):
        assert (read_depth(npy(stored), ".npy").depth == wanted).all()
    assert (read_depth(npy(steps()), ".npy").depth == steps()).all()


def test_of_a_large_one_every_second_or_third_pixel_is_kept():
    values = np.full((1000, 2500), 7, np.uint16)
    values[::3, ::3] = 9
    found = read_depth(packed(values), ".png")
    assert (found.step, found.size, found.depth.shape) == (3, (2500, 1000), (334, 834))
    assert (found.depth == 9).all()


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (packed(steps().astype(np.uint8)), ".png"),
        (packed(np.zeros((40, 40, 3), np.uint8)), ".png"),
        (packed(steps(), "TIFF"), ".tif"),  # scanned photos have 16 bits, too
        (packed(steps())[:300], ".png"),
        (b"", ".png"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), ".png"),
        (npy(np.ones((4, 4, 4))), ".npy"),
        (npy(np.ones((40, 40), bool)), ".npy"),
        (npy(np.ones(40))[:60], ".npy"),
        (packed(steps()), ".jpg"),
    ],
)
def test_other_files_are_none(data, suffix):
    assert read_depth(data, suffix) is None


@pytest.mark.parametrize(
    ("data", "suffix", "words"),
    [
        (packed(np.zeros((120, 160), np.uint16)), ".png", "of 0 pixels how far"),
        (packed(np.full((120, 160), 65535, np.uint16)), ".png", "of 0 pixels how far"),
        (npy(np.full((120, 160), np.nan)), ".npy", "of 0 pixels how far"),
        (npy(np.full((120, 160), -1e300)), ".npy", "of 0 pixels how far"),
        (packed(np.ones((10, 10), np.uint16)), ".png", "of 100 pixels how far"),
        (npy(np.ones((90, 90)))[:-9], ".npy", "cut off"),
    ],
)
def test_one_that_says_nothing_gives_a_sentence(data, suffix, words):
    with pytest.raises(InputError, match=words) as caught:
        read_untrusted_bytes(data, suffix, name="depth" + suffix)
    assert str(caught.value).count(". ") == 0


def test_a_header_that_lies_of_its_size_takes_no_memory():
    data = npy(np.ones((90, 90)))
    large = data.replace(b"'shape': (90, 90), }     ", b"'shape': (9999, 99999), }")
    assert len(large) == len(data)
    with pytest.raises(InputError, match="megapixels"):
        read_depth(large, ".npy")


@cache
def sofa_picture(model) -> tuple[DepthPicture, np.ndarray]:
    solid = model.decode(model.sample("sofa", 2)[0]) > 0.5
    return DepthPicture(depth_of(solid, 30, 25, 2.5, LENS, (160, 120)), 1, (160, 120)), solid


@pytest.fixture
def sofa_file(model, tmp_path):
    picture, solid = sofa_picture(model)
    (tmp_path / "sofa.png").write_bytes(packed(np.rint(1000 * picture.depth).astype(np.uint16)))
    return tmp_path / "sofa.png", solid


def test_a_depth_picture_is_completed_from_where_its_camera_stood(model, sofa_file):
    path, solid = sofa_file
    assert isinstance(read_untrusted(path).content, DepthPicture)
    said = shape_of_file(model, path, seen_from=(30, 25), lens=LENS).found
    assert said.source_kind == "depth"
    assert said.class_name == "sofa"
    assert iou(said.occupancy > 0.5, solid) > 0.6
    assert "one side" in said.note
    assert said.scan.eye[0] > 0 > said.scan.eye[1]
    assert 0.1 < said.unknown.mean() < 0.9
    guessed = shape_of_file(model, path, lens=LENS).found
    assert guessed.class_name == "sofa"
    assert iou(guessed.occupancy > 0.5, solid) > 0.5  # its pose, too, is found
    again = read_original(Original(guessed, "sofa.png").data, model.latent_size, 32)
    assert again.result.source_kind == "depth"
    assert (again.result.unknown == guessed.unknown).all()
    assert "160 × 120 pixels" in describe(str(path))[0]


def test_a_mask_or_a_box_on_the_command_line_says_which_thing_is_the_object(
    model, tmp_path, monkeypatch, capsys
):
    picture, _ = sofa_picture(model)
    depth = np.rint(1000 * picture.depth).astype(np.uint16)
    own = depth > 0
    rows, columns = np.flatnonzero(own.any(1)), np.flatnonzero(own.any(0))
    wide = np.zeros((120, 320), np.uint16)  # the sofa at the left, and a larger wall beside it
    wide[:, :160], wide[8:112, 170:310] = depth, 3000
    (tmp_path / "room.png").write_bytes(packed(wide))
    mask = np.zeros((240, 640), np.uint8)  # drawn at twice the size
    mask[:, :320] = 255 * own.repeat(2, 0).repeat(2, 1)
    (tmp_path / "mask.png").write_bytes(packed(mask))
    lens = ["--intrinsics", "150", "150", "79.5", "59.5", "--turn", "0"]
    box = [str(each) for each in (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)]
    taken = []
    for said in (["--mask", f"{tmp_path}/mask.png"], ["--box", *box], []):
        monkeypatch.setattr(shape_commands, "_load", lambda name: model)
        monkeypatch.setattr(
            one_sided, "as_taken", lambda _model, found, *_: taken.append(found) or found
        )
        out = f"{tmp_path}/{len(taken)}.shape.json"
        assert cli.main(["reconstruct", f"{tmp_path}/room.png", "-o", out, *lens, *said]) == 0
    by_mask, by_box, guessed = (each.scan.deep.mask for each in taken)
    assert (by_mask[:, :160] == own).mean() > 0.99
    assert (by_box[:, :160] == own).mean() > 0.97
    assert not by_mask[:, 160:].any()
    assert not by_box[:, 160:].any()
    assert not guessed[:, :160].any()


def test_a_box_counts_pixels_of_the_file_though_few_are_kept():
    from shapelab.core.inputs.picture_hints import PictureHints

    picture = DepthPicture(np.ones((334, 834), np.float32), 3, (2500, 1000))
    shot = PictureHints(box=(300, 600, 9, 6)).told(picture, Shot(LENS))
    assert np.argwhere(shot.within).tolist() == [
        [r, c] for r in (200, 201) for c in (100, 101, 102)
    ]
    assert shot.lens is LENS


def test_what_does_not_fit_a_depth_picture_says_so(model, sofa_file, tmp_path):
    from shapelab.core.inputs.picture_hints import PictureHints
    from shapelab.core.inputs.scan import Stance

    path, _ = sofa_file
    with pytest.raises(InputError, match="160 × 120 pixels"):
        shape_of_file(model, path, lens=Lens(0, 0, 0, 0))
    with pytest.raises(InputError, match="from its camera"):
        shape_of_file(model, path, stance=Stance("x"))
    with pytest.raises(InputError, match=r"sofa\.png: Of a depth picture only box and mask"):
        shape_of_file(model, path, hints=PictureHints(class_name="sofa"))
    with pytest.raises(InputError, match="lies beside the picture"):
        shape_of_file(model, path, hints=PictureHints(box=(200, 0, 9, 9)))
    flat = tmp_path / "flat.png"
    flat.write_bytes(packed(steps().astype(np.uint8)))
    with pytest.raises(InputError, match="no depth picture; one has one channel of 16 bits"):
        shape_of_file(model, flat, lens=LENS)


def test_lenses_say_how_wide_a_picture_is():
    lens = lens_of_angle((640, 480), 90)
    assert (lens.fx, lens.cx, lens.cy) == (pytest.approx(320), 319.5, 239.5)
    assert lens.angle(640) == pytest.approx(90)


def test_pictures_of_8_bits_are_read_as_before(tmp_path):
    from tests.core.inputs.test_images import scene

    (tmp_path / "photo.png").write_bytes(packed(scene()))
    assert isinstance(read_untrusted(tmp_path / "photo.png").content, PreparedImage)
