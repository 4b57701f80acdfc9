"""The frame that shows, while a file hovers over the window, that it may be dropped."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from shapelab.gui.base import theme

INVITATION = "Drop to make a shape of it"
INSET, RADIUS, PILL = 12, 12, 18  # device-independent pixels


class Veil(QWidget):
    """Lies over its parent while shown; lets every event through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._under = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.hide()
        parent.installEventFilter(self)

    def lift(self, hovering: bool) -> None:
        """Shows or hides the invitation."""
        if hovering:
            self.setGeometry(self._under.rect())
            self.raise_()
        self.setVisible(hovering)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._under and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._under.rect())
        return False

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = theme.colors()
        accent = QColor(colors.accent)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET)
        tint = QColor(accent)
        tint.setAlpha(28)
        painter.setPen(QPen(accent, 2))
        painter.setBrush(tint)
        painter.drawRoundedRect(frame, RADIUS, RADIUS)
        width = self.fontMetrics().horizontalAdvance(INVITATION) + 2 * PILL
        pill = QRectF(0, 0, width, 2 * PILL)
        pill.moveCenter(frame.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawRoundedRect(pill, PILL, PILL)
        painter.setPen(QColor(colors.on_accent))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, INVITATION)
