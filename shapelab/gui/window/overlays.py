"""What lies over the window for a moment: the sheet of shortcuts, the invitation to drop a file."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QWidget

from shapelab.gui.base import theme
from shapelab.gui.base.overlay import Overlay

ROW, PADDING, GAP = 30, 28, 40  # px: height of a row, space inside the card, between columns
CAP = 20  # height of a key cap, px
HEAD, FOOT = 44, 28  # px for the title and the closing line
TITLE = "Keyboard shortcuts"
CLOSING = "Press H or Esc to close"


INVITATION = "Drop to make a shape of it"
INSET, ROUNDING, PILL = 12, 12, 18  # of the frame, of its corners, half the height of its words, px


class DropInvitation(Overlay):
    """A frame that says, while a file hovers over the window, that it may be dropped."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = theme.colors()
        accent, tint = QColor(colors.accent), QColor(colors.accent)
        tint.setAlpha(28)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET)
        painter.setPen(QPen(accent, 2))
        painter.setBrush(tint)
        painter.drawRoundedRect(frame, ROUNDING, ROUNDING)
        width = self.fontMetrics().horizontalAdvance(INVITATION) + 2 * PILL
        pill = QRectF(0, 0, width, 2 * PILL)
        pill.moveCenter(frame.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawRoundedRect(pill, PILL, PILL)
        painter.setPen(QColor(colors.on_accent))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, INVITATION)


class ShortcutSheet(Overlay):
    """A translucent sheet of keyboard shortcuts; any click, H or Esc takes it away again."""

    def __init__(self, parent: QWidget, keys: Sequence[tuple[str, str]]) -> None:
        """Args: keys: what it does and the key, both as shown, such as ('Undo', 'Ctrl+Z')."""
        super().__init__(parent)
        self._keys = tuple(keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(TITLE)

    def toggle(self) -> None:
        """Lays the sheet over the window, or takes it away."""
        self.setVisible(not self.isVisible())
        if self.isVisible():
            self.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_H):
            self.hide()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        self.hide()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 110))
        rows = (len(self._keys) + 1) // 2
        width = min(self.width() - 2 * PADDING, 720)
        height = min(rows * ROW + 2 * PADDING + HEAD + FOOT, self.height() - 2 * PADDING)
        card = QRectF(0, 0, width, height)
        card.moveCenter(QRectF(self.rect()).center())
        palette = self.palette()
        ground = palette.window().color()
        ground.setAlpha(244)
        painter.setPen(theme.blend(palette.window().color(), palette.windowText().color(), 0.2))
        painter.setBrush(ground)
        painter.drawRoundedRect(card, 12, 12)
        painter.setClipRect(card)
        inner = card.adjusted(PADDING, PADDING - 6, -PADDING, -PADDING + 6)
        self._paint_titles(painter, inner)
        column = (inner.width() - GAP) / 2
        tall = min(ROW, (inner.height() - HEAD - FOOT) / max(rows, 1))  # a low window: tighter
        for index, (text, key) in enumerate(self._keys):
            left = inner.left() + (index // rows) * (column + GAP)
            top = inner.top() + HEAD + (index % rows) * tall
            self._paint_row(painter, QRectF(left, top, column, tall), text, key)

    def _paint_titles(self, painter: QPainter, inner: QRectF) -> None:
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.3)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self.palette().windowText().color())
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, TITLE)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, CLOSING)

    def _paint_row(self, painter: QPainter, place: QRectF, text: str, key: str) -> None:
        palette = self.palette()
        metrics = self.fontMetrics()
        window, ink = palette.window().color(), palette.windowText().color()
        right = place.right()
        caps = [part for part in key.split("+") if part] or [key]
        if key.endswith("+"):
            caps.append("+")
        for cap in reversed(caps):
            wide = max(metrics.horizontalAdvance(cap) + 12, CAP)
            high = min(CAP, place.height() - 2)
            box = QRectF(right - wide, place.center().y() - high / 2, wide, high)
            painter.setPen(theme.blend(window, ink, 0.3))
            painter.setBrush(theme.blend(window, palette.base().color(), 0.7))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(ink)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, cap)
            right -= wide + 4
        room = QRectF(place.topLeft(), QPoint(round(right - 8), round(place.bottom())))
        elided = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)
