"""The Help page: README's own words, all of them that a user needs, found and shown."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from shapelab.core import paths
from shapelab.gui.base import theme
from shapelab.gui.window.help_page import LEFT_OUT, NOT_FOUND, help_html

README = Path(__file__).resolve().parents[3] / "README.md"


class Words(HTMLParser):
    """The text between tags, as another reader sees it."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_data(self, data):
        self.found += data.split()


def test_it_is_readme_itself_without_what_is_for_developers():
    assert paths.manual().read_text("utf-8") == README.read_text("utf-8")
    html, headings = help_html(README.read_text("utf-8"))
    words = " ".join(Words(html).found)
    sections = re.split(r"^## ", README.read_text("utf-8"), flags=re.MULTILINE)[1:]
    for section in sections:
        title, _, text = section.partition("\n")
        flat = " ".join(text.split())
        longest = max(re.findall(r"[A-Za-z ,]{20,}", flat), key=len).strip()
        assert (longest in words) is (title not in LEFT_OUT), title
        assert (title in [each.text for each in headings]) is (title not in LEFT_OUT)
    assert "<img" not in html
    assert "screenshot" not in html
    assert html.count("<table>") > 2


def test_markup_of_a_text_is_shown_and_not_obeyed():
    html, headings = help_html("## A *b*\n\n<script>alert(1)</script>\n\n`<i>`\n\n### C\n")
    assert "<script" not in html
    assert "&lt;i&gt;" in html
    assert [(each.level, each.anchor) for each in headings] == [(2, "part-0"), (3, "part-1")]


@pytest.mark.gl
class TestInTheWindow:
    @pytest.fixture
    def page(self, qtbot, window):
        QTest.keyClick(window, Qt.Key.Key_F1)
        page = window.commands.help_page
        qtbot.waitExposed(page)
        yield page
        page.close()

    def test_f1_opens_it_at_the_window_and_keeps_its_place(self, qtbot, window, page):
        assert page.contents.currentItem().text() == "The window"
        top = page.page.verticalScrollBar().value()
        page.show_part("Troubleshooting")
        assert page.page.verticalScrollBar().value() > top
        page.close()
        window.actions_["help"].trigger()
        assert window.commands.help_page is page
        assert page.contents.currentItem().text() == "Troubleshooting"

    def test_words_are_found_round_and_round(self, page):
        page.field.setFocus()
        QTest.keyClicks(page.field, "silhouette")
        first = page.page.textCursor().position()
        assert page.page.textCursor().selectedText().lower() == "silhouette"
        QTest.keyClick(page.field, Qt.Key.Key_Return)
        assert page.page.textCursor().position() > first
        for _ in range(40):
            QTest.keyClick(page.field, Qt.Key.Key_Return)
            if page.page.textCursor().position() == first:
                break
        assert page.page.textCursor().position() == first
        page.field.setText("zyzzyva")
        assert page.found.text() == NOT_FOUND

    def test_its_colours_follow_the_theme(self, qapp, window, page):
        for name in ("dark", "light"):
            window.actions_[f"theme_{name}"].trigger()
            link = theme.colors().accent
            assert link in page.page.document().defaultStyleSheet()
        window.actions_["theme_system"].trigger()

    def test_the_keys_of_readme_are_those_of_the_window(self, window):
        text = README.read_text("utf-8").partition("## The window")[2].partition("### ")[0]
        rows = re.findall(r"^\| ((?:[A-Z0-9][\w+]*)(?:, [\w+]+)*) \|", text, re.M)
        named = {key for row in rows for key in row.split(", ")}
        real = {
            sequence.toString(QKeySequence.SequenceFormat.PortableText)
            for action in window.actions_.all()
            for sequence in action.shortcuts()
        }
        assert len(named) > 20
        assert named <= real
