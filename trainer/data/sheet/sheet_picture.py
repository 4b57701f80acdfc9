"""The contact sheet as one picture, for those who look without a browser."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from shapelab.core import formatting

from ..store.prepared_store import SPLITS
from .sheet_content import BINS, SAMPLES, SIDE, ClassCard, Sheet

MOST_CLASSES = 40  # drawn; of more the page shows all
MOST_REASONS = 12

_PAPER, _INK, _FAINT, _LINE = (255, 255, 255), (0x1F, 0x24, 0x30), (0x5A, 0x63, 0x73), (0xDF,) * 3
_SPLITS = {
    "train": (0x5B, 0x7F, 0xB5),
    "validation": (0xD0, 0xA0, 0x60),
    "test": (0x8F, 0x6F, 0xB0),
}
_EDGE, _GAP, _COLUMN = 32, 8, 208  # pixels: around all, between tiles, of a class's text
_TITLE, _TEXT, _SMALL = 26, 16, 14  # pixels, heights of fonts
_ROW = 22  # pixels from one line to the next
_BAR = 7  # pixels from one bar of a histogram to the next
_WIDTH = 2 * _EDGE + _COLUMN + SAMPLES * (SIDE + _GAP) - _GAP


def render(sheet: Sheet) -> bytes:
    """A PNG of the sheet."""
    cards = sheet.cards[:MOST_CLASSES]
    height = _Pen(None).sheet(sheet, cards)
    image = Image.new("RGB", (_WIDTH, height), _PAPER)
    _Pen(image).sheet(sheet, cards)
    data = io.BytesIO()
    image.save(data, "PNG", compress_level=6)
    return data.getvalue()


class _Pen:
    """Draws from top to bottom; without an image it only finds out how long the sheet gets."""

    def __init__(self, image: Image.Image | None) -> None:
        self._image = image
        self._draw = None if image is None else ImageDraw.Draw(image)
        self._y = _EDGE

    def sheet(self, sheet: Sheet, cards: Sequence[ClassCard]) -> int:
        """All of it; gives the height in pixels."""
        self._text(_EDGE, sheet.title, _TITLE, _INK)
        self._y += _TITLE + 16
        for name, value in sheet.facts:
            self._text(_EDGE, name, _TEXT, _FAINT)
            self._text(_EDGE + 110, value, _TEXT, _INK)
            self._y += _ROW
        self._y += 14
        most = max((card.total for card in cards), default=0) or 1
        for card in cards:
            self._rule()
            self._card(card, most, sheet.fullest)
        if len(sheet.cards) > len(cards):
            self._text(_EDGE, f"and {len(sheet.cards) - len(cards)} classes more", _TEXT, _FAINT)
            self._y += _ROW
        self._rule()
        self._left_out(sheet)
        return self._y + _EDGE - 8

    def _card(self, card: ClassCard, most: int, fullest: float) -> None:
        top = self._y
        pictured = any(sample.view is not None for sample in card.samples)
        for k, sample in enumerate(card.samples):
            left = _EDGE + _COLUMN + k * (SIDE + _GAP)
            for j, picture in enumerate((sample.shape, sample.front, sample.view, sample.photo)):
                if self._image is not None and picture is not None:
                    self._image.paste(Image.fromarray(picture), (left, top + j * (SIDE + _GAP)))
        width = _COLUMN - 24
        self._text(_EDGE, card.name, _TEXT + 2, _INK, width)
        self._y += _ROW + 2
        self._text(
            _EDGE,
            f"{formatting.count(card.total)} shape{'' if card.total == 1 else 's'}",
            _SMALL,
            _FAINT,
        )
        for name in filter(card.counts.get, SPLITS):
            self._y += _ROW - 3
            if self._draw is not None:
                box = (_EDGE, self._y + 3, _EDGE + 8, self._y + 11)
                self._draw.rectangle(box, _SPLITS[name])
            self._text(_EDGE + 16, f"{formatting.count(card.counts[name])} {name}", _SMALL, _FAINT)
        self._y += _ROW - 3
        self._y += 6
        self._bar(card, most)
        self._y += 18
        self._histogram(card, fullest)
        rows = 4 if pictured else 2
        self._y = max(self._y, top + rows * (SIDE + _GAP) - _GAP) + 18

    def _bar(self, card: ClassCard, most: int) -> None:
        """As long as the class is large beside the largest, in the colours of the splits."""
        left = float(_EDGE)
        for name in SPLITS:
            right = left + BINS * _BAR * card.counts[name] / most
            if self._draw is not None and card.counts[name]:
                box = (left, self._y, max(right - 1, left), self._y + 5)
                self._draw.rectangle(box, _SPLITS[name])
            left = right

    def _histogram(self, card: ClassCard, fullest: float) -> None:
        tall, most = 44, max(int(card.histogram.max(initial=0)), 1)
        base = self._y + tall
        for k, count in enumerate(card.histogram.tolist()):
            left = _EDGE + k * _BAR
            if self._draw is not None and count:
                box = (left, base - max(1, tall * count / most), left + _BAR - 2, base - 1)
                self._draw.rectangle(box, _SPLITS["train"])
        if self._draw is not None:
            self._draw.line((_EDGE, base, _EDGE + BINS * _BAR - 2, base), _LINE)
        self._y = base + 5
        self._text(_EDGE, "0", _SMALL - 2, _FAINT)
        self._text(_EDGE + BINS * _BAR - 2, f"{fullest:.0%}", _SMALL - 2, _FAINT, anchor="ra")
        self._text(_EDGE + BINS * _BAR / 2, "filled", _SMALL - 2, _FAINT, anchor="ma")
        self._y += 16

    def _left_out(self, sheet: Sheet) -> None:
        self._text(_EDGE, "Left out", _TEXT + 2, _INK)
        self._y += _ROW + 6
        if not sheet.left_out:
            self._text(_EDGE, "Nothing: every shape of the source is in the store.", _TEXT, _FAINT)
            self._y += _ROW
        for reason, names in sheet.left_out[:MOST_REASONS]:
            self._text(_EDGE + 48, f"{formatting.count(len(names))}", _TEXT, _INK, anchor="ra")
            self._text(_EDGE + 64, reason, _TEXT, _INK)
            self._y += _ROW
            self._text(_EDGE + 64, ", ".join(names[:40]), _SMALL, _FAINT)
            self._y += _ROW + 4
        if len(sheet.left_out) > MOST_REASONS:
            others = sum(len(names) for _, names in sheet.left_out[MOST_REASONS:])
            self._text(_EDGE, f"and {formatting.count(others)} for other reasons", _TEXT, _FAINT)
            self._y += _ROW

    def _rule(self) -> None:
        if self._draw is not None:
            self._draw.line((_EDGE, self._y, _WIDTH - _EDGE - 1, self._y), _LINE)
        self._y += 18

    def _text(
        self,
        x: float,
        text: str,
        height: int,
        colour: tuple[int, ...],
        width: float | None = None,
        anchor: str = "la",
    ) -> None:
        """One line, shortened to a width: by default what there is up to the right edge."""
        if self._draw is None:
            return
        font = ImageFont.load_default(height)  # Pillow's own, so the same on every machine
        text = text.replace("×", "x")  # which it lacks
        room = _WIDTH - _EDGE - x if width is None else width
        if anchor == "la" and font.getlength(text) > room:
            while text and font.getlength(text + "…") > room:
                text = text[:-1]
            text += "…"
        self._draw.text((x, self._y), text, colour, font, anchor)
