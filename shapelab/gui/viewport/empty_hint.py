"""The text in the middle of an empty viewport."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QWidget

from shapelab.gui.base import theme

WIDEST = 420  # device-independent pixels


class Hint(QLabel):
    """A quiet card over the picture; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._area = parent
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setContentsMargins(*(theme.SPACE_LARGE, theme.SPACE) * 2)
        self._colour()
        self.hide()

    def say(self, text: str) -> None:
        """Show this text, or nothing if it is empty."""
        if text == self.text():
            return  # as with every frame of a moving shape
        self.setText(text)
        self.setVisible(bool(text))
        self.place()
        self.raise_()

    def place(self) -> None:
        """Sit in the middle of the parent."""
        area = self._area.rect()
        margins = self.contentsMargins()
        wanted = self.fontMetrics().horizontalAdvance(self.text()) + margins.left() * 2 + 2
        width = min(WIDEST, area.width() - 2 * theme.SPACE_LARGE, wanted)
        self.resize(width, self.heightForWidth(width))
        self.move((area.width() - self.width()) // 2, (area.height() - self.height()) // 2)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        c = theme.colors()
        back = QColor(c.window)
        sheet = (
            f"color: {c.muted}; border-radius: {theme.RADIUS}px;"
            f" background: rgba({back.red()}, {back.green()}, {back.blue()}, 225);"
        )
        if sheet != self.styleSheet():  # setting it sends another PaletteChange
            self.setStyleSheet(sheet)
