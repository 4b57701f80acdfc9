"""A tinted box with a mark and a sentence: is being checked, is good, is not."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from shapelab.gui.base import theme
from shapelab.gui.base.labels import BusyLine

MARK = 18  # px, diameter of the mark


class VerdictBox(QWidget):
    """Shows one sentence; the colour and the mark say at a glance how it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.good: bool | None = None
        self._mark = _Mark()
        self._label = QLabel(wordWrap=True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setMinimumHeight(2 * self._label.fontMetrics().lineSpacing())
        self._label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._line = BusyLine()
        policy = self._line.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the dialog must not jump with every check
        self._line.setSizePolicy(policy)
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(10)
        row.addWidget(self._mark)
        row.addWidget(self._label, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(self._line)
        self.show_checking("")

    def text(self) -> str:
        return self._label.text()

    def show_checking(self, text: str) -> None:
        """Neutral, with a running line."""
        self._show(text, None)

    def show_verdict(self, text: str, good: bool) -> None:
        """Green with a tick, or red with an exclamation mark."""
        self._show(text, good)

    def _show(self, text: str, good: bool | None) -> None:
        self.good = good
        self._mark.good = good
        self._label.setText(text)
        self._line.setVisible(good is None)
        self.update()
        self._mark.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        palette = self.palette()
        window = palette.window().color()
        tone = _tone(self.good) or palette.windowText().color()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.blend(window, tone, 0.35))
        painter.setBrush(theme.blend(window, tone, 0.04 if self.good is None else 0.1))
        room = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(room, theme.RADIUS, theme.RADIUS)


class _Mark(QWidget):
    """A disc with a tick, an exclamation mark or three dots."""

    def __init__(self) -> None:
        super().__init__()
        self.good: bool | None = None
        self.setFixedSize(QSize(MARK, MARK))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        ground = _tone(self.good) or self.palette().placeholderText().color()
        painter.setBrush(ground)
        painter.drawEllipse(self.rect())
        ink = self.palette().base().color()
        painter.setPen(QPen(ink, 2, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
        if self.good is None:
            painter.drawPoints([QPointF(x, 9) for x in (5, 9, 13)])
        elif self.good:
            painter.drawPolyline([QPointF(5, 9.5), QPointF(8, 12.5), QPointF(13, 6)])
        else:
            painter.drawLine(QPointF(9, 4.5), QPointF(9, 9.5))
            painter.drawPoint(QPointF(9, 13.3))


def _tone(good: bool | None) -> QColor | None:
    if good is None:
        return None
    return QColor(theme.colors().success if good else theme.colors().danger)
