"""Reading, cutting out, framing and normalising pictures."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from shapelab.core.errors import InputError
from shapelab.core.inputs import images
from shapelab.core.inputs.images import FILL, frame, prepare, to_input
from shapelab.core.model.spec import ModelSpec

LA = ModelSpec(image_size=64, image_mode="LA")
RED = (200, 30, 30)


def scene(size: tuple[int, int] = (120, 160), backdrop: Any = (255, 255, 255)) -> np.ndarray:
    """A red table: a top and two legs, (h, w, 3)."""
    picture = np.zeros((*size, 3), np.uint8)
    picture[:] = backdrop
    picture[40:60, 30:130] = RED
    picture[60:100, 36:44] = RED
    picture[60:100, 116:124] = RED
    return picture


def table_mask() -> np.ndarray:
    return (scene() == RED).all(2)


def encoded(picture: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, kind, **options)
    return stream.getvalue()


def rgba(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width, 4), np.uint8)


def test_frame_centres_the_object_at_the_agreed_size() -> None:
    picture = rgba(100, 200)
    picture[10:30, 150:190] = (*RED, 255)
    framed = frame(picture, 200)
    rows, columns = np.nonzero(framed[..., 3] > 127)
    assert framed.shape == (200, 200, 4)
    assert columns.max() - columns.min() + 1 == round(FILL * 200)
    assert rows.max() - rows.min() + 1 == round(FILL * 100)
    assert abs(rows.min() + rows.max() - 199) <= 1
    assert abs(columns.min() + columns.max() - 199) <= 1


def test_frame_does_not_bleed_hidden_colours() -> None:
    picture = rgba(50, 50)
    picture[..., :3] = (0, 255, 0)  # under alpha 0
    picture[10:40, 10:40] = (*RED, 255)
    framed = frame(picture, 33)
    seen = framed[framed[..., 3] > 0]
    assert (np.abs(seen[:, :3].astype(int) - RED) <= 6).all()


def test_frame_ignores_faint_noise_and_refuses_nothing() -> None:
    picture = rgba(50, 50)
    picture[0, 0, 3] = 3
    with pytest.raises(InputError, match="No object found"):
        frame(picture, 32)
    picture[20, 20] = 255
    assert frame(picture, 32)[..., 3].max() == 255


def test_input_la_has_the_agreed_mean_and_deviation() -> None:
    picture = rgba(64, 64)
    picture[8:56, 8:56, 3] = 255
    picture[8:56, 8:56, :3] = np.random.default_rng(0).integers(80, 120, (48, 48, 1))
    light, mask = to_input(picture, LA)
    inside = light[mask == 1]
    assert light.dtype == np.float32
    assert inside.mean() == pytest.approx(0.5, abs=0.01)
    assert inside.std() == pytest.approx(0.18, abs=0.01)
    assert (light[mask == 0] == 0).all()


def test_input_la_does_not_depend_on_exposure() -> None:
    picture = rgba(64, 64)
    picture[..., 3] = 255
    picture[..., :3] = np.linspace(60, 120, 64)[None, :, None]
    brighter = picture.copy()
    brighter[..., :3] = np.linspace(120, 240, 64)[None, :, None]
    assert np.abs(to_input(picture, LA) - to_input(brighter, LA)).max() < 0.03


@pytest.mark.parametrize("pixels", [0, 1, 4096])
def test_input_la_is_finite_for_empty_tiny_and_flat_masks(pixels: int) -> None:
    picture = rgba(64, 64)
    picture.reshape(-1, 4)[:pixels] = (90, 90, 90, 255)
    values = to_input(picture, LA)
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() <= 1
    if pixels:
        assert values[0].ravel()[0] == pytest.approx(0.5, abs=0.01)


def test_input_rgb_is_on_white_and_resized() -> None:
    values = to_input(rgba(100, 100), ModelSpec())
    assert values.shape == (3, 256, 256)
    assert (values == 1).all()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 90}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("GIF", {}),
    ],
)
def test_plain_background_leaves_the_table_and_frees_the_space_between_its_legs(
    kind: str, options: dict[str, Any]
) -> None:
    prepared = prepare(encoded(scene(), kind, **options), 160)
    expected = frame(np.dstack([scene(), table_mask() * np.uint8(255)]), 160)[..., 3] > 127
    found = prepared.rgba[..., 3] > 127
    assert prepared.method == "plain background"
    least = 0.85 if kind == "JPEG" else 0.93  # JPEG smears red over two pixels
    assert (found & expected).sum() / (found | expected).sum() > least
    assert prepared.original.shape == (120, 160, 4)


def test_gradient_backdrop_counts_as_plain() -> None:
    backdrop = np.linspace(180, 240, 120)[:, None, None].repeat(160, 1).astype(np.uint8)
    prepared = prepare(encoded(scene(backdrop=backdrop)), 160)
    assert prepared.method == "plain background"
    assert 0.1 < (prepared.rgba[..., 3] > 127).mean() < 0.4


def test_hole_between_slats_is_background() -> None:
    picture = scene()
    picture[45:55, 60:100] = 255
    mask = prepare(encoded(picture), 160).rgba[..., 3]
    assert mask[:, 80].max() > 250
    assert mask[60:80, 80].min() < 10


def test_soft_edges_lose_the_backdrop_colour() -> None:
    large = np.asarray(Image.fromarray(scene()).resize((480, 360), Image.Resampling.BICUBIC))
    cut = prepare(encoded(large), 256).rgba
    seen = cut[cut[..., 3] > 64][:, :3].astype(int)
    assert (np.abs(seen - RED).max(1) < 60).mean() > 0.99


def test_true_alpha_is_kept() -> None:
    alpha = table_mask() * np.uint8(255)
    prepared = prepare(encoded(np.dstack([scene(backdrop=(9, 9, 9)), alpha])), 160)
    assert prepared.method == "alpha"
    assert (prepared.rgba == frame(np.dstack([scene(backdrop=(9, 9, 9)), alpha]), 160)).all()


def test_busy_background_falls_back_to_grabcut_and_finds_most_of_the_object() -> None:
    noise = np.random.default_rng(1).integers(0, 120, (120, 160, 3)).astype(np.uint8)
    noise[30:100, 40:120] = (230, 220, 60)
    prepared = prepare(encoded(noise), 128)
    again = prepare(encoded(noise), 128)
    assert prepared.method == "grabcut"
    assert (prepared.rgba == again.rgba).all()
    seen = prepared.rgba[prepared.rgba[..., 3] > 127][:, :3]
    assert (seen.mean(0) > (180, 170, 0)).all()


def test_a_picture_of_nothing_is_a_sentence() -> None:
    noise = np.random.default_rng(0).normal(0, 2, (90, 120, 3))
    graded = np.linspace(90, 160, 120)[None, :, None] + noise  # a wall, as a camera sees it
    for nothing in (rgba(30, 30), np.full((60, 60, 3), 255), np.zeros((60, 60, 3)), graded):
        for kind in ("PNG",) if nothing.shape[2] == 4 else ("PNG", "JPEG"):
            with pytest.raises(InputError, match="No object found in the picture: draw a box"):
                prepare(encoded(nothing.astype(np.uint8), kind))


@pytest.mark.parametrize("side", [64, 256])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_gradients_and_noise_show_no_object(side: int, kind: str) -> None:
    """What GrabCut would make an ellipse of, and the model a table."""
    y, x = np.mgrid[:side, :side] / side
    away = np.hypot(x - 0.5, y - 0.5)
    rng = np.random.default_rng(side)
    grain = rng.standard_normal((side, side, 3))
    greys = [x, 1 - away / 0.71, 0.8 - 0.5 * away, 0.3 + 0.6 * np.exp(-8 * away**2)]
    greys += [0.5 + 0.4 * np.sin(6.3 * y)]
    nothing = [255 * grey[..., None].repeat(3, 2) for grey in greys]
    nothing += [nothing[1] + 10 * grain, 128 + 20 * grain, rng.uniform(0, 256, grain.shape)]
    nothing += [rng.uniform(0, 256, (side, side, 1)).repeat(3, 2)]
    nothing += [255 * np.stack([x, y, 1 - x], 2)]
    for picture in nothing:
        with pytest.raises(InputError, match="No object found in the picture: draw a box"):
            prepare(encoded(np.clip(picture, 0, 255).astype(np.uint8), kind))


@pytest.mark.parametrize("contrast", [20, 60])
def test_a_pale_object_before_a_gradient_is_found(contrast: int) -> None:
    y, x = np.mgrid[:120, :160] / 160
    steep = 90 + 60 * (x + y) / 1.75 + contrast * table_mask()
    prepared = prepare(encoded(steep[..., None].repeat(3, 2).astype(np.uint8)), 160)
    assert 0.1 < (prepared.rgba[..., 3] > 127).mean() < 0.4


def test_the_scene_shows_the_same_square_with_its_background() -> None:
    picture = np.full((120, 200, 3), 200, np.uint8)
    picture[30:90, 80:140] = (30, 60, 90)
    prepared = prepare(encoded(picture), 128)
    assert prepared.scene is not None
    assert prepared.scene.shape == (128, 128, 3)
    values = prepared.scene.astype(int)
    solid = prepared.rgba[..., 3] == 255
    edge = np.flatnonzero(solid[64])[[0, -1]]  # exactly where the mask has it, on both sides
    assert np.abs(values[64, edge] - (30, 60, 90)).max() < 75
    assert np.abs(values[64, edge + np.array([-1, 1])] - 200).max() < 75
    assert np.abs(values[edge[0] + 2 : edge[1] - 1, 64] - (30, 60, 90)).max() <= 2
    assert np.abs(values[[0, 5, -6, -1]] - 200).max() <= 2
    seen = to_input(prepared.rgba, ModelSpec(image_size=64, image_mode="RGBA"), prepared.scene)
    assert seen.shape == (4, 64, 64)
    assert np.allclose(seen[:3, 0, 0], 200 / 255, atol=0.01)
    assert (seen[3, 0, 0], seen[3, 32, 32]) == (0, 1)


def test_a_square_that_sticks_out_goes_on_with_the_border() -> None:
    picture = np.full((100, 100, 3), 90, np.uint8)
    picture[2:70, 30:60] = (220, 180, 40)
    scene = prepare(encoded(picture), 64).scene
    assert scene is not None
    assert np.abs(scene[:, [0, -1]].astype(int) - 90).max() <= 1
    clear = np.dstack([picture, np.where(picture[..., 0] > 200, 255, 0)]).astype(np.uint8)
    assert prepare(encoded(clear), 64).scene is None  # nobody knows what was behind it


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show rotated by 90 degrees clockwise
    upright = prepare(encoded(scene(), "JPEG", exif=exif))
    assert upright.original.shape == (160, 120, 4)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "I;16", "F"])
def test_every_mode_is_read(mode: str) -> None:
    source = Image.fromarray(scene())
    if mode == "I;16":
        source = Image.fromarray(np.asarray(source.convert("L"), np.uint16) * 16)
    else:
        source = source.convert(mode)
    stream = io.BytesIO()
    source.save(stream, "TIFF" if mode in ("CMYK", "F") else "PNG")
    prepared = prepare(stream.getvalue(), 160)
    assert 0.15 < (prepared.rgba[..., 3] > 127).mean() < 0.4
    assert prepared.original[0, 0, :3].min() > 240, "deep grey must be scaled, not clipped"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello world, I am a text", "format cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC"),
        (encoded(scene())[:200], "damaged or cut off"),
        (encoded(scene(), "JPEG")[:700], "damaged or cut off"),
    ],
)
def test_unreadable_pictures_give_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        prepare(data)
    assert str(caught.value).count(". ") == 0
    assert str(caught.value).endswith(".")


def test_haze_and_specks_do_not_set_the_frame() -> None:
    alone = rgba(120, 160)
    alone[40:100, 60:110] = (*RED, 255)
    wanted = frame(alone, 160)[..., 3] > 127
    haze, speck = alone.copy(), alone.copy()
    haze[..., 3] = np.maximum(haze[..., 3], 12)
    speck[2:4, 150:152] = 255
    for picture in (haze, speck):
        found = frame(picture, 160)
        assert ((found[..., 3] > 127) == wanted).mean() > 0.99
        assert found[:5, :, 3].max() == 0


def test_a_windows_shadow_does_not_make_its_screenshot_a_cut_out() -> None:
    whole = rgba(200, 260)
    for width in range(30, 0, -1):  # a soft shadow
        whole[40 - width : 160 + width, 50 - width : 210 + width] = (0, 0, 0, 60 - 2 * width)
    whole[40:160, 50:210] = np.dstack([scene(), np.full((120, 160), 255, np.uint8)])
    prepared = prepare(encoded(whole), 160)
    assert prepared.method == "plain background"
    expected = frame(np.dstack([scene(), table_mask() * np.uint8(255)]), 160)[..., 3] > 127
    found = prepared.rgba[..., 3] > 127
    assert (found & expected).sum() / (found | expected).sum() > 0.9


def test_a_pale_object_on_white_does_not_depend_on_the_jpegs_quality() -> None:
    y, x = np.mgrid[0:240, 0:320]
    picture = np.full((240, 320, 3), 255.0)
    inside = ((x - 160) / 90) ** 2 + ((y - 120) / 60) ** 2 < 1
    shade = 226 + 14 * np.cos((y - 60) / 38)  # pale above, a little darker below
    picture[inside] = np.stack([shade, shade - 3, shade - 8], 2)[inside]
    picture[120:200, 100:110] = picture[120:200, 210:220] = (80, 50, 40)
    exact = picture.astype(np.uint8)
    masks = [prepare(encoded(exact), 160).rgba[..., 3] > 127]
    for quality in (75, 80, 85, 90, 95):
        masks.append(prepare(encoded(exact, "JPEG", quality=quality), 160).rgba[..., 3] > 127)
    for mask in masks[1:]:
        assert (mask & masks[0]).sum() / (mask | masks[0]).sum() > 0.9


Polygon = list[tuple[int, int]]
FURNITURE: dict[str, list[tuple[Polygon, int]]] = {  # corners, and how much darker each side is
    "table": [
        ([(60, 90), (220, 80), (270, 110), (90, 125)], 0),
        ([(92, 124), (102, 123), (102, 200), (92, 200)], 1),
        ([(255, 112), (265, 111), (265, 185), (255, 185)], 1),
        ([(65, 95), (72, 95), (72, 160), (65, 160)], 2),
    ],
    "lamp": [
        ([(130, 40), (190, 40), (215, 110), (105, 110)], 0),
        ([(156, 110), (164, 110), (164, 190), (156, 190)], 1),
        ([(125, 190), (195, 190), (205, 205), (115, 205)], 1),
    ],
    "sofa": [
        ([(60, 110), (260, 110), (260, 150), (60, 150)], 0),
        ([(60, 70), (260, 70), (260, 110), (60, 110)], 1),
        ([(40, 90), (60, 90), (60, 175), (40, 175)], 2),
        ([(260, 90), (280, 90), (280, 175), (260, 175)], 2),
    ],
}


def furniture(name: str, colour: Any, shade: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """A piece before white (240, 320, 3), and where it is."""
    picture, mask = Image.new("RGB", (960, 720), "white"), Image.new("L", (960, 720))
    for polygon, darker in FURNITURE[name]:
        corners = [(3 * x, 3 * y) for x, y in polygon]
        ImageDraw.Draw(picture).polygon(corners, tuple(c - shade * darker for c in colour))
        ImageDraw.Draw(mask).polygon(corners, 255)
    small = (picture.resize((320, 240)), mask.resize((320, 240)))
    return np.array(small[0]), np.asarray(small[1]) > 127


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((first & second).sum() / (first | second).sum())


def overlap(data: bytes, wanted: np.ndarray) -> float:
    """That of a picture's mask and the mask that is right, both framed."""
    clear = np.dstack([np.zeros((*wanted.shape, 3)), wanted * 255]).astype(np.uint8)
    return iou(prepare(data, 160).rgba[..., 3] > 127, frame(clear, 160)[..., 3] > 127)


@pytest.mark.parametrize("colour", [(244, 244, 244), (243, 240, 236), (238, 232, 222)])
@pytest.mark.parametrize("name", FURNITURE)
def test_pale_furniture_before_white_is_found_at_every_quality(name: str, colour: Any) -> None:
    picture, mask = furniture(name, colour)
    assert overlap(encoded(picture), mask) > 0.88
    low, high = (encoded(picture, "JPEG", quality=quality) for quality in (75, 95))
    assert overlap(low, mask) > 0.83
    assert overlap(high, mask) > 0.85
    masks = [prepare(data, 160).rgba[..., 3] > 127 for data in (low, high)]
    assert iou(*masks) > 0.9


@pytest.mark.parametrize("colour", [(120, 80, 60), (240, 236, 230)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("line", "width"), [(0, 2), (0, 6), (0, 14), (8, 3)], ids=["thin", "6", "wide", "inside"]
)
def test_a_frame_around_a_picture_is_no_object(
    colour: Any, kind: str, line: int, width: int
) -> None:
    picture, mask = furniture("sofa", colour)
    inside = np.zeros(mask.shape, bool)
    inside[line + width : -line - width, line + width : -line - width] = True
    framed = np.zeros(mask.shape, bool)
    framed[line : 240 - line, line : 320 - line] = True
    picture[framed & ~inside] = (30, 30, 30)
    assert overlap(encoded(picture, kind), mask) > 0.93


@pytest.mark.parametrize("colour", [(120, 80, 60), (240, 236, 230)])
def test_logos_in_corners_are_no_object(colour: Any) -> None:
    picture, mask = furniture("sofa", colour)
    logos = Image.fromarray(picture)
    ImageDraw.Draw(logos).ellipse([8, 8, 32, 32], fill=(200, 0, 0))
    ImageDraw.Draw(logos).rectangle([280, 215, 312, 232], fill=(20, 60, 160))
    assert overlap(encoded(np.asarray(logos)), mask) > 0.93


@pytest.mark.parametrize("colour", [(120, 80, 60), (240, 236, 230)])
def test_a_soft_shadow_is_no_object(colour: Any) -> None:
    picture, mask = furniture("table", colour)
    shadow = Image.new("L", (320, 240))
    ImageDraw.Draw(shadow).ellipse([100, 180, 250, 205], fill=130)
    dark = np.asarray(shadow.filter(ImageFilter.GaussianBlur(10)), float) / 255
    shaded = picture * (1 - 0.35 * dark * ~mask)[..., None]
    assert overlap(encoded(shaded.astype(np.uint8)), mask) > 0.9


def test_furniture_that_looks_like_a_frame_is_found() -> None:
    picture, mask = np.full((200, 200, 3), 255, np.uint8), np.zeros((200, 200), bool)
    mask[10:190, 10:190] = True
    mask[25:175, 25:175] = False  # a mirror, without anything in it
    picture[mask] = (120, 80, 60)
    assert overlap(encoded(picture), mask) > 0.9
    picture[:], mask[:] = 255, False
    picture[8:192, 8:192] = (120, 80, 60)  # a wardrobe, as large as the picture, with handles
    picture[90:110, 92:95] = picture[90:110, 105:108] = (30, 30, 30)
    mask[8:192, 8:192] = True
    assert overlap(encoded(picture), mask) > 0.9


def test_a_large_jpeg_is_read_through_its_draft() -> None:
    stream = io.BytesIO()
    large = Image.new("L", (12_000, 8_000), 255)
    large.paste(60, (4_000, 2_000, 8_000, 7_000))
    large.save(stream, "JPEG")
    assert prepare(stream.getvalue()).method == "plain background"
    with pytest.raises(InputError, match="more than 200 megapixels"):
        prepare(_claiming(stream.getvalue(), 20_000))


def _claiming(jpeg: bytes, side: int) -> bytes:
    """The JPEG with another size in its frame header (SOF0)."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + side.to_bytes(2, "big") * 2 + jpeg[at + 4 :]


@pytest.mark.parametrize("side", [8100, 12000, 20000])
def test_picture_bombs_are_refused_before_they_are_unpacked(side: int) -> None:
    stream = io.BytesIO()
    Image.new("1", (side, side)).save(stream, "PNG")
    with pytest.raises(InputError, match="megapixels"):
        prepare(stream.getvalue())


def test_the_picture_that_is_kept_is_capped() -> None:
    picture = np.full((300, 2000, 3), 255, np.uint8)
    picture[100:200, 500:1500] = RED
    prepared = images.prepare(encoded(picture))
    assert prepared.original.shape == (116, 768, 4)
    assert prepared.rgba.shape == (256, 256, 4)
