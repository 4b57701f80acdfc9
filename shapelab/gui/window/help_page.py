"""The Help page: README's own text as one page in the app, with its contents and a search."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import paths
from shapelab.gui.base import theme

SIZE, CONTENTS = (900, 640), 220  # px: the page, and the width of its contents
LEFT_OUT = ("Install", "Where things are")  # who reads this has it; and for those who work on it
FIRST = "The window"
ANCHOR = Qt.ItemDataRole.UserRole
NOT_FOUND = "Not on this page"


@dataclass(frozen=True)
class Heading:
    """A line of the contents."""

    level: int  # 2 or 3
    text: str
    anchor: str


def help_html(markdown: str) -> tuple[str, list[Heading]]:
    """README as HTML for the app, and its headings.

    Pictures and what the app's user has no use for are left out; a heading's anchor is its place.
    """
    kept: list[Token] = []
    headings: list[Heading] = []
    left_out = False
    text = re.sub(r"^!\[.*\n", "", markdown, flags=re.MULTILINE)  # the window itself is beside it
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            level, title = int(token.tag[1:]), tokens[number + 1].content
            left_out = title in LEFT_OUT if level == 2 else left_out
            if level > 1 and not left_out:
                headings.append(Heading(level, title, f"part-{len(headings)}"))
                place = Token("html_block", "", 0)
                place.content = f'<a name="{headings[-1].anchor}"></a>'
                kept.append(place)
        if not left_out:
            kept.append(token)
    return MarkdownIt("commonmark").renderer.render(kept, MarkdownIt().options, {}), headings


def page_style() -> str:
    """The page's look in the colours in use."""
    c = theme.colors()
    return f"""
    body {{ color: {c.text}; }}
    h1 {{ font-size: x-large; }}
    h2 {{ font-size: large; margin-top: 24px; margin-bottom: 6px; }}
    h3 {{ font-size: medium; margin-top: 16px; margin-bottom: 4px; }}
    p, li {{ margin-bottom: 6px; line-height: 130%; }}
    code, pre {{ font-family: monospace; background-color: {c.raised}; }}
    pre {{ white-space: pre-wrap; margin: 8px 0; }}
    th {{ text-align: left; color: {c.muted}; }}
    th, td {{ padding: 4px 14px 4px 0; border-bottom: 1px solid {c.border}; }}
    table {{ border-collapse: collapse; margin: 8px 0; }}
    a {{ color: {c.accent}; }}
    """


class HelpPage(QDialog):
    """Stays open beside the window; needs no connection."""

    def __init__(self, parent: QWidget) -> None:
        """Raises ShapelabError when the installation lacks its text."""
        super().__init__(parent)
        self.setWindowTitle("ShapeLab Help")
        self._html, self.headings = help_html(paths.manual().read_text("utf-8"))
        self.contents = QListWidget()
        self.contents.setAccessibleName("Contents")
        self.contents.setFixedWidth(CONTENTS)
        for heading in self.headings:
            item = QListWidgetItem("    " * (heading.level - 2) + heading.text)
            item.setData(ANCHOR, heading.anchor)
            self.contents.addItem(item)
        self.page = QTextBrowser()
        self.page.setAccessibleName("Help text")
        self.page.setOpenExternalLinks(True)
        self.page.document().setDocumentMargin(theme.SPACE_LARGE)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find on this page")
        self.field.setAccessibleName("Find on this page")
        self.field.setClearButtonEnabled(True)
        self.found = QLabel()
        self.found.setProperty("muted", True)
        side = QVBoxLayout()
        side.setSpacing(theme.SPACE)
        for widget in (self.field, self.found, self.contents):
            side.addWidget(widget)
        row = QHBoxLayout(self)
        row.setContentsMargins(*(theme.SPACE_LARGE,) * 4)
        row.setSpacing(theme.SPACE_LARGE)
        row.addLayout(side)
        row.addWidget(self.page, 1)
        self.contents.currentItemChanged.connect(self._go_to)
        self.field.textChanged.connect(self._find_from_start)
        self.field.returnPressed.connect(self._find_next)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.field.setFocus)
        self.resize(*SIZE)
        self._render()
        self.show_part(FIRST)

    def show_part(self, name: str) -> None:
        """Goes to a heading; ValueError if there is none of this name."""
        self.contents.setCurrentRow([each.text for each in self.headings].index(name))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            place = self.page.verticalScrollBar().value()
            self._render()
            self.page.verticalScrollBar().setValue(place)

    def _render(self) -> None:
        self.page.document().setDefaultStyleSheet(page_style())
        self.page.setHtml(self._html)

    @Slot(QListWidgetItem)
    def _go_to(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.page.scrollToAnchor(item.data(ANCHOR))

    @Slot(str)
    def _find_from_start(self, _words: str) -> None:
        """The first place, while it is being typed."""
        self.page.moveCursor(QTextCursor.MoveOperation.Start)
        self._find_next()

    @Slot()
    def _find_next(self) -> None:
        words = self.field.text()
        if not words:
            self.page.moveCursor(QTextCursor.MoveOperation.Start)
            self.found.clear()
            return
        forward = QTextDocument.FindFlag(0)
        if not self.page.find(words, forward):
            self.page.moveCursor(QTextCursor.MoveOperation.Start)  # round again
            if not self.page.find(words, forward):
                self.found.setText(NOT_FOUND)
                return
        self.found.setText("Enter finds the next one")
