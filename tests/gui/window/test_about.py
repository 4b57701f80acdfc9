"""The About dialog's card: what a person asks for first, numbers in groups, markup as text."""

from __future__ import annotations

from types import SimpleNamespace

from shapelab.gui.window.about import card_html


def test_the_card_says_what_counts_first_and_keeps_markup_as_text() -> None:
    card = {"settings": {"steps": 7}, "licence": "<b>free</b>", "steps": 36000, "iou": 0.829361}
    classes = ("chair", "night_stand")
    page = card_html(SimpleNamespace(name="mine", classes=classes, digest="f" * 64, card=card))
    order = [page.index(word) for word in ("mine", "chair, night stand", "licence", "settings")]
    assert order == sorted(order)
    assert "&lt;b&gt;free" in page
    assert "36\N{NO-BREAK SPACE}000" in page
    assert "0.8294" in page
