"""The few kinds of label that the panels share, and the spacing between things in them."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPlainTextEdit, QScrollArea, QWidget

from shapelab.core import formatting
from shapelab.gui.base import theme

SPACING = theme.SPACE  # px, between groups
MARGIN = theme.SPACE + theme.SPACE_SMALL  # px, around a panel


def readable(class_name: str) -> str:
    """'night_stand' as people write it: 'Night stand'."""
    return formatting.words(class_name).capitalize()


def heading(text: str) -> QLabel:
    """The bold title of a section."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def muted(text: str = "") -> QLabel:
    """A quieter, wrapping line for what explains."""
    label = QLabel(text, wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("muted", True)
    return label


class ElidedLabel(QLabel):
    """One line that is cut with an ellipsis, by default in the middle; the tooltip has it whole."""

    def __init__(
        self,
        bold: bool = False,
        align: Qt.AlignmentFlag | None = None,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
    ) -> None:
        super().__init__()
        self._elide = elide
        font = self.font()
        font.setBold(bold)
        self.setFont(font)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if align is not None:
            self.setAlignment(align | Qt.AlignmentFlag.AlignVCenter)

    def setText(self, text: str) -> None:
        self.setToolTip(text)
        super().setText(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(40, super().sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        elided = self.fontMetrics().elidedText(self.text(), self._elide, self.width())
        painter.drawText(self.rect(), self.alignment(), elided)


class RowText(QWidget):
    """One line of text that repaints without a new layout: 200 of them may change each frame."""

    double_clicked = Signal()

    def __init__(self, text: str, width: int, right: bool = False) -> None:
        super().__init__()
        self.setFixedWidth(width)
        self._text, self._muted = text, False
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        self._alignment = side | Qt.AlignmentFlag.AlignVCenter

    def text(self) -> str:
        return self._text

    def set_text(self, text: str, muted: bool = False) -> None:
        if (text, muted) != (self._text, self._muted):
            self._text, self._muted = text, muted
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.width(), self.fontMetrics().height() + 2)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()
        self.double_clicked.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        role = QPalette.ColorRole.PlaceholderText if self._muted else QPalette.ColorRole.WindowText
        painter.setPen(self.palette().color(role))
        elided = self.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideRight, self.width()
        )
        painter.drawText(self.rect(), self._alignment, elided)


class BusyLine(QWidget):
    """A thin line on which a bar runs while something works; still when nobody sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(3)
        self._place = 0.0
        self._timer = QTimer(self, interval=40)
        self._timer.timeout.connect(self._run)

    def showEvent(self, event: QShowEvent) -> None:
        self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        palette = self.palette()
        painter = QPainter(self)
        painter.fillRect(self.rect(), palette.mid())
        bar = 0.3 * self.width()
        left = self._place * (self.width() + bar) - bar
        painter.fillRect(QRectF(left, 0, bar, self.height()), palette.highlight())

    def _run(self) -> None:
        self._place = (self._place + 0.03) % 1.0
        self.update()


class LabelledRows(QWidget):
    """Rows of a label and an editor; the labels are as wide in all of them."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.SPACE)
        self._grid.setVerticalSpacing(theme.SPACE_SMALL)
        self._grid.setColumnMinimumWidth(0, label_width(self))
        self._grid.setColumnStretch(1, 1)

    def add(self, words: str, editor: QWidget, help_line: QLabel | None = None) -> None:
        """A row, with a line of help below the editor."""
        row = self._grid.rowCount()
        label = QLabel(words)
        label.setBuddy(editor)
        if isinstance(editor, QPlainTextEdit):  # of several lines: beside the first one
            label.setContentsMargins(0, theme.SPACE_SMALL, 0, 0)
            self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        else:
            self._grid.addWidget(label, row, 0)
        self._grid.addWidget(editor, row, 1)
        if help_line is not None:
            self._grid.addWidget(help_line, row + 1, 1)


def label_width(widget: QWidget) -> int:
    """Width of the column of labels in a form, px: that of the longest usual one."""
    return widget.fontMetrics().horizontalAdvance("Preview every") + 2


class _PageArea(QScrollArea):
    """Scrolls a page up and down, and is never narrower than it: nothing is cut at its side."""

    def __init__(self, page: QWidget) -> None:
        super().__init__(widgetResizable=True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab stops at what is in it
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(page)
        self._page = page

    def minimumSizeHint(self) -> QSize:
        width = self._page.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(width, super().minimumSizeHint().height())


def scrolled(page: QWidget) -> QScrollArea:
    """A frameless area that scrolls a panel's page up and down only."""
    return _PageArea(page)
