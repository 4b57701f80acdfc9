"""In the view's lower right corner: what the colours of the shape say of how sure the model is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from shapelab.gui.base import theme
from shapelab.gui.base.labels import muted
from shapelab.gui.base.measured_colours import DOUBT, Legend

WIDE = 300  # px, where the view has room


class DoubtCard(QFrame):
    """A legend over a sentence; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._area = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.legend, self.words = Legend(DOUBT), muted()
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.SPACE,) * 4)
        column.setSpacing(theme.SPACE_SMALL)
        column.addWidget(self.legend)
        column.addWidget(self.words)
        self._colour()
        self.say("")

    def say(self, words: str, end: float = 0.0) -> None:
        """A sentence below the legend, whose last colour stands for so many mm; 0 for no legend.

        Without a sentence there is no card.
        """
        self.legend.show_end(end)
        self.legend.setVisible(end > 0)
        self.words.setText(words)
        self.setVisible(bool(words))
        self.place()

    def place(self) -> None:
        """Sit in the lower right corner of the parent."""
        width = min(WIDE, self._area.width() - 2 * theme.SPACE)
        self._column.activate()
        self.resize(width, self.heightForWidth(width))
        self.move(
            self._area.width() - self.width() - theme.SPACE,
            self._area.height() - self.height() - theme.SPACE,
        )

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        c = theme.colors()
        sheet = (
            f"DoubtCard {{ background: {c.raised}; border: 1px solid {c.border};"
            f" border-radius: {theme.RADIUS}px; }}"
        )
        if sheet != self.styleSheet():  # setting it sends another PaletteChange
            self.setStyleSheet(sheet)
