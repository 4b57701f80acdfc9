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


def test_figures_are_named_for_the_eye_and_those_of_classes_begin_a_line() -> None:
    card = {"figures": {"best_level": 0.55, "iou_by_class": {"bed": 0.88, "night_stand": 0.9}}}
    page = card_html(SimpleNamespace(name="mine", classes=("a",), digest="f" * 64, card=card))
    assert "best level: 0.55<br>iou by class:<br>bed: 0.88<br>night stand: 0.9<" in page


def test_works_are_listed_below_with_links_that_lead_to_licences_alone() -> None:
    works = [
        {"titles": ["A <chair>"], "author": "Ann", "licence": "CC0", "licence_url": "https://cc0"},
        {"titles": ["Bed"], "author": "Bob", "licence": "odd", "licence_url": "javascript:x"},
    ]
    card = {"settings": {"steps": 7}, "attributions": works}
    page = card_html(SimpleNamespace(name="mine", classes=("a",), digest="f" * 64, card=card))
    table, listed = page.split("Made from")
    assert "Ann" not in table
    assert "A &lt;chair&gt; by Ann (<a href='https://cc0'>CC0</a>" in listed
    assert "Bed by Bob (odd" in listed
    assert "javascript" not in listed
