"""Pictures of shapes without a screen: one on the app's background, many as a strip."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from shapelab.core.mesh.ray_picture import CORNER, Grid, shape_picture
from shapelab.core.runs.previews import BORDER, GAP, TILE

Picture = NDArray[np.uint8]  # (height, width, 3) RGB

BACKGROUND = (0xF4, 0xF5, 0xF7)  # the app's window, and below the app's colour of a shape
_CLAY = (222, 200, 172)
_FAINT = (0x5A, 0x63, 0x73)
_TEXT = 15  # pixels, height of a caption


def draw(occupancy: Grid, side: int = TILE, view: tuple[float, float] = CORNER) -> Picture:
    """A picture (side, side, 3) of a grid (R, R, R) as `shape_picture` draws it, on `BACKGROUND`.

    Raises:
        ValueError: the grid is no cube.
    """
    rgba = shape_picture(occupancy, side, _CLAY, view).astype(np.float32)
    cover = rgba[..., 3:] / 255
    return np.rint(cover * rgba[..., :3] + (1 - cover) * BACKGROUND).astype(np.uint8)


def on_paper(rgba: NDArray[np.uint8], side: int) -> Picture:
    """A picture (S, S, 4) with alpha on `BACKGROUND`, scaled to (side, side, 3)."""
    picture = Image.fromarray(rgba)
    if picture.size != (side, side):
        picture = picture.resize((side, side), Image.Resampling.BICUBIC)
    paper = Image.new("RGBA", (side, side), (*BACKGROUND, 255))
    return np.array(Image.alpha_composite(paper, picture).convert("RGB"))


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
