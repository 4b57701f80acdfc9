"""Draws shapes without a screen: an occupancy field as a small picture, pictures as a strip."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from shapelab.core.runs.previews import BORDER, GAP, TILE

Field = NDArray[np.float32]  # (R, R, R) occupancy in [0, 1]: x right, y back, z up
Picture = NDArray[np.uint8]  # (height, width, 3) RGB
Points = NDArray[np.float32]  # (3, n) in voxels of the cropped field

LEVEL = 0.5  # occupancy at which the surface lies, as in the app

# The camera stands in front (-y), to the right (+x) and above, and sees three faces of a box.
_AZIMUTH, _ELEVATION = np.deg2rad(35.0), np.deg2rad(25.0)
_SIN_A, _COS_A = np.sin(_AZIMUTH), np.cos(_AZIMUTH)
_SIN_E, _COS_E = np.sin(_ELEVATION), np.cos(_ELEVATION)
_RIGHT = np.array([_COS_A, _SIN_A, 0.0])
_UP = np.array([-_SIN_A * _SIN_E, _COS_A * _SIN_E, _COS_E])
_TOWARDS = np.array([_SIN_A * _COS_E, -_COS_A * _COS_E, _SIN_E])
# Half of a picture's side in sides of the grid: shapes fill 24/32 of the grid and rarely more.
_VIEW = 0.56

_FINER = 2  # rays along each side of a pixel; their mean smooths the outline
_STRIDE = 0.5  # voxels between two samples of a ray: half of the thinnest part (of 32^3 and 64^3)
_MARGIN = 2  # empty cells around the cropped field, so that every surface in it closes
_ROUND = 0.9  # voxels; blur before normals are taken, since grids of 0 and 1 have steps
_HOLLOW, _HOLLOW_AT = 2.5, 2.0  # voxels; how wide, and how far outside, solid matter dims light

# Where the light stands as seen by the object: the top is brightest, then the front, then the side.
_LIGHT = np.array([-0.42, -0.62, 0.95])
_LIGHT /= np.linalg.norm(_LIGHT)
_SKY = 0.35  # share of the light that comes from above, from everywhere
BACKGROUND = (0xF4, 0xF5, 0xF7)  # the app's window, and below the app's colour of a shape
_TONES = np.array([0.0, 0.5, 0.8, 1.0])
_COLOURS = np.array([[66, 56, 57], [164, 139, 115], [222, 200, 172], [242, 228, 207]], np.float32)
_FAINT = (0x5A, 0x63, 0x73)
_RIM = 0.45  # how much darker a surface is that is seen edge-on: it sets off the outline

_TEXT = 15  # pixels, height of a caption


def draw(field: Field, side: int = TILE) -> Picture:
    """A picture (side, side, 3) of a field's surface, seen from the front, right and above.

    All shapes are drawn at one scale, so that they can be compared; only one that would be cut off
    is drawn smaller. An empty field, or one without numbers, gives the plain background.

    Args:
        field: (R, R, R) occupancy in [0, 1]; x right, y back, z up.
        side: pixels along each side of the picture.
    """
    if field.ndim != 3 or len(set(field.shape)) != 1:
        raise ValueError(f"a field must have the shape (R, R, R), not {field.shape}")
    rays = side * _FINER
    canvas = np.full((rays, rays, 3), BACKGROUND, np.float32)
    solid = np.argwhere(field > LEVEL)
    if len(solid):
        low, high = solid.min(0), solid.max(0) + 1
        part = np.zeros(high - low + 2 * _MARGIN, np.float32)
        # One more layer than is solid: it says where between two cells the surface lies.
        near, far = np.maximum(low - 1, 0), np.minimum(high + 1, field.shape)
        inside = tuple(map(slice, near - low + _MARGIN, far - low + _MARGIN))
        part[inside] = np.nan_to_num(field[tuple(map(slice, near, far))], posinf=1.0)
        centre = (np.array(field.shape) - 1) / 2 - low + _MARGIN
        _draw_part(canvas, part, centre, 2 * _VIEW * len(field) / rays)
    fine = canvas.reshape(side, _FINER, side, _FINER, 3)
    return np.rint(fine.mean((1, 3))).astype(np.uint8)


def _draw_part(
    canvas: NDArray[np.float32], part: Field, centre: NDArray[np.float64], scale: float
) -> None:
    """Draws a cropped field into the canvas (rays, rays, 3).

    Args:
        canvas: changed in place.
        part: with an empty margin on each side.
        centre: of the whole grid, in cells of the part.
        scale: voxels between two rays, if the part fits into the canvas then.
    """
    rays = len(canvas)
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in part.shape]), -1).reshape(-1, 3) - centre
    scale = max(scale, 2 * float(np.abs(corners @ np.stack([_RIGHT, _UP], 1)).max()) / rays)
    rows = _span(-corners @ _UP / scale + (rays - 1) / 2, rays)
    columns = _span(corners @ _RIGHT / scale + (rays - 1) / 2, rays)
    depths = -corners @ _TOWARDS
    stride = max(_STRIDE, 2 * scale)  # finer than pixels would show nothing
    # Sample (row, column, k) lies k strides behind the plane through the nearest corner.
    axes = np.stack([-_UP * scale, _RIGHT * scale, -_TOWARDS * stride], 1)
    first = np.array([rows.start - (rays - 1) / 2, columns.start - (rays - 1) / 2, 0.0])
    origin = centre + axes @ first - _TOWARDS * depths.min()
    shape = (
        (rows.stop - rows.start) // 2 + 1,
        (columns.stop - columns.start) // 2 + 1,
        int(np.ceil(np.ptp(depths) / stride)) + 1,
    )
    # Each second ray is sampled and those between are their means: a cell of 32^3 is 7 rays wide.
    every_second = axes * (2, 2, 1)
    samples = ndimage.affine_transform(part, every_second, origin, shape, np.float32, order=1)
    samples = _doubled(_doubled(samples, 0), 1)
    solid = samples > LEVEL
    hit = solid.any(2)
    v, u = np.nonzero(hit)
    k = solid.argmax(2)[v, u]
    before, after = samples[v, u, np.maximum(k - 1, 0)], samples[v, u, k]
    depth = k - (after - LEVEL) / np.maximum(after - before, 1e-6)
    points = axes @ np.stack([v, u, depth]) + origin[:, None]
    canvas[rows, columns][v, u] = _colours(part, points.astype(np.float32))


def _span(places: NDArray[np.float64], limit: int) -> slice:
    """Rays that reach all places, an odd number of them, the first and the last one even."""
    first, last = int(places.min()) // 2 * 2, int(places.max() / 2 + 1) * 2
    return slice(max(0, first), min(limit - 2, last) + 1)


def _doubled(samples: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """The n slices along an axis and the n - 1 means between neighbours."""
    ahead = np.moveaxis(samples, axis, 0)
    out = np.zeros((2 * len(ahead) - 1, *ahead.shape[1:]), np.float32)
    out[::2] = ahead
    out[1::2] = 0.5 * (ahead[1:] + ahead[:-1])
    return np.moveaxis(out, 0, axis)


def _colours(part: Field, points: Points) -> NDArray[np.float32]:
    """Colours (n, 3) of points on the surface."""
    blurred = ndimage.gaussian_filter(part, _ROUND, mode="constant")
    slopes = [
        ndimage.map_coordinates(slope, points, order=1, mode="nearest")
        for slope in np.gradient(blurred)
    ]
    normals = -np.stack(slopes)
    normals /= np.maximum(np.linalg.norm(normals, axis=0), 1e-6)
    direct = np.maximum(_LIGHT @ normals, 0.0)
    sky = 0.5 + 0.5 * normals[2]
    around = ndimage.gaussian_filter(part, _HOLLOW, mode="constant")
    beside = ndimage.map_coordinates(around, points + _HOLLOW_AT * normals, order=1)
    # A flat face has about a fifth of matter around the point beside it; more is a hollow.
    open_air = 1.0 - 1.3 * np.clip(beside - 0.18, 0.0, 0.5)
    rim = 1.0 - _RIM * (1.0 - np.clip(_TOWARDS @ normals, 0.0, 1.0)) ** 3
    tone = np.clip((0.12 + (1 - _SKY) * direct + _SKY * sky) * open_air * rim, 0.0, 1.0)
    return np.stack([np.interp(tone, _TONES, _COLOURS[:, c]) for c in range(3)], 1)


def strip(rows: Sequence[Sequence[Picture]], labels: Sequence[str]) -> bytes:
    """A PNG of rows of pictures, each row with a caption at its left.

    The same pictures give the same bytes.

    Args:
        rows: pictures (side, side, 3), all of one side; rows may differ in length.
        labels: one caption a row.
    """
    if len(rows) != len(labels):
        raise ValueError(f"{len(rows)} rows need as many labels, not {len(labels)}")
    sides = {picture.shape[0] for row in rows for picture in row} or {TILE}
    if len(sides) != 1:
        raise ValueError(f"pictures of a strip must be of one size, not {sorted(sides)}")
    side = sides.pop()
    font = ImageFont.load_default(_TEXT)  # Pillow's own, so the same on every machine
    column = int(max((font.getlength(label) for label in labels), default=0)) + BORDER
    longest = max((len(row) for row in rows), default=0)
    width = 2 * BORDER + column + longest * (side + GAP) - GAP
    height = 2 * BORDER + len(rows) * (side + GAP) - GAP
    sheet = Image.new("RGB", (width, max(height, 2 * BORDER)), BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    for i, (row, label) in enumerate(zip(rows, labels, strict=True)):
        top = BORDER + i * (side + GAP)
        pen.text((BORDER, top + side / 2), label, fill=_FAINT, font=font, anchor="lm")
        for j, picture in enumerate(row):
            left = BORDER + column + j * (side + GAP)
            sheet.paste(Image.fromarray(picture), (left, top))
    png = io.BytesIO()
    sheet.save(png, "PNG", optimize=False, compress_level=6)
    return png.getvalue()
