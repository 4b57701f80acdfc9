"""The gallery's title: its count and its buttons, in as few words as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from shapelab.gui.base import theme
from shapelab.gui.base.labels import heading
from shapelab.gui.gallery.gallery_strip import EDGE

ROOMY, COUNTED, LEAST = 430, 300, 226  # px: with words, with the count, and with neither


class GalleryTitle(QWidget):
    """A row that must not keep the window wide: beside a wide dock there is room for icons only."""

    def __init__(self, count: QLabel, buttons: Sequence[QToolButton]) -> None:
        super().__init__()
        self._count, self._buttons = count, buttons
        row = QHBoxLayout(self)
        row.setContentsMargins(EDGE, theme.SPACE_SMALL, theme.SPACE, theme.SPACE_SMALL)
        row.setSpacing(theme.SPACE_SMALL)
        row.addWidget(heading("Gallery"))
        row.addSpacing(theme.SPACE_SMALL)
        row.addWidget(count, 1)
        row.addStretch()
        for button in buttons:
            row.addWidget(button)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self._count.setVisible(self.width() >= COUNTED)
        words, icons = (
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon,
            Qt.ToolButtonStyle.ToolButtonIconOnly,
        )
        for button in self._buttons:
            spelt = self.width() >= ROOMY and bool(button.text())
            button.setToolButtonStyle(words if spelt else icons)
