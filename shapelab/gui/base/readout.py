"""The number beside a slider, which a click or Enter turns into a field to type another one."""

from __future__ import annotations

import math
import re

from PySide6.QtCore import QElapsedTimer, QRect, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QGuiApplication, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QLineEdit, QToolTip, QWidget

from shapelab.gui.base.labels import RowText

WIDTH = 60  # px, the least of the field
NOT_A_NUMBER = "Type a number, such as 1.5."


def number_in(text: str) -> float:
    """The number in what a person wrote, with either decimal mark and any unit; nan if none is."""
    plain = text.replace("−", "-").replace(",", ".").strip()
    found = re.fullmatch(r"([+-]?(?:\d+\.?\d*|\.\d+))\s*[^\d\s.+-]?", plain)
    return float(found[1]) if found else math.nan


class Readout(RowText):
    """Shows what a slider is at, and takes what is typed in its place.

    Signals:
        typed: a number was typed, in the unit of the readout.
    """

    typed = Signal(float)

    def __init__(self, slider: QWidget, width: int) -> None:
        """Args: slider: gets the focus back; width: px."""
        super().__init__("", width, right=True)
        self._slider = slider
        self._open_for = QElapsedTimer()
        self.field: QLineEdit | None = None  # where a number is being typed
        self.setCursor(Qt.CursorShape.IBeamCursor)

    @Slot()
    def edit(self) -> None:
        """Opens the field, the shown number selected in it."""
        row = self.parentWidget()
        if row is None or self.field is not None or not self.isEnabled():
            return
        self.field = field = _Field(row)
        field.setAccessibleName(f"{self._slider.accessibleName()}: number")
        field.setText(re.sub(r"[^\d.−]", "", self.text()).replace("−", "-"))
        place = QRect(0, 0, max(WIDTH, self.width()), field.fontMetrics().height() + 6)
        place.moveCenter(self.geometry().center())
        place.moveRight(self.geometry().right())
        field.setGeometry(place)
        field.given_up.connect(self._close)
        field.double_clicked.connect(self._double_click)
        field.entered.connect(self._take)
        field.show()
        field.selectAll()
        field.setFocus(Qt.FocusReason.MouseFocusReason)
        self._open_for.start()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(
            event.position().toPoint()
        ):
            self.edit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._close()
        super().mouseDoubleClickEvent(event)

    @Slot()
    def _double_click(self) -> None:
        """The first click of a double click has opened the field, the second is in it."""
        if self._open_for.elapsed() <= QGuiApplication.styleHints().mouseDoubleClickInterval():
            self._close()
            self.double_clicked.emit()

    @Slot(bool)
    def _take(self, stays: bool) -> None:
        """Args: stays: the person is still here to mend what is no number."""
        if self.field is None:
            return
        number = number_in(self.field.text())
        if math.isnan(number) and stays:
            place = self.field.mapToGlobal(self.field.rect().bottomLeft())
            QToolTip.showText(place, NOT_A_NUMBER, self.field)
            self.field.selectAll()
            return
        self._close()
        if not math.isnan(number):
            self.typed.emit(number)

    @Slot()
    def _close(self) -> None:
        field, self.field = self.field, None
        if field is not None:
            had_focus = field.hasFocus()
            field.hide()
            field.deleteLater()
            if had_focus:
                self._slider.setFocus(Qt.FocusReason.OtherFocusReason)


class _Field(QLineEdit):
    """Keeps Enter and Escape from the dialog that it may lie in."""

    entered = Signal(bool)  # by Enter; else by going elsewhere
    given_up = Signal()
    double_clicked = Signal()

    def __init__(self, row: QWidget) -> None:
        super().__init__(row)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setProperty("inline", True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit(True)
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        self.double_clicked.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:  # its own menu
            self.entered.emit(False)
