"""Slider rows: name, a slider filled from its rest value, a number to type, reset, lock."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QIcon,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QSlider, QStyle, QStyleOptionSlider, QToolButton, QWidget

from shapelab.gui.base import theme
from shapelab.gui.base.labels import RowText
from shapelab.gui.base.readout import Readout

STEPS = 100  # slider steps in one unit: finer than a pixel at any width a panel gets
WHEEL_PAUSE = 400  # ms without a wheel turn after which an edit by wheel is over
TYPING = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2)  # open the field for a number
GROOVE, KNOB = 4.0, 6.0  # thickness of the groove and radius of the knob, px


class FineSlider(QSlider):
    """A horizontal slider that jumps to a click, fills from its rest value and resets on request.

    Signals:
        reset_requested: double click, Delete or Backspace.
        typing_requested: Enter or F2.
        edit_finished: the knob, key or wheel was let go; the edit is one undo step.
    """

    reset_requested = Signal()
    typing_requested = Signal()
    edit_finished = Signal()

    def __init__(self, low: int, high: int, rest: int, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(low, high)
        self.setValue(rest)
        self.setMinimumWidth(60)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel alone must not take focus
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._rest = rest
        self._wheel_pause = QTimer(self, singleShot=True, interval=WHEEL_PAUSE)
        self._wheel_pause.timeout.connect(self.edit_finished)
        self.sliderReleased.connect(self.edit_finished)

    def x_of(self, value: int) -> float:
        """The knob's centre, px from the left edge, at a value."""
        knob = self._knob_width()
        span = max(self.maximum() - self.minimum(), 1)
        return knob / 2 + (value - self.minimum()) / span * (self.width() - knob)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            knob = self._knob_width()
            x = event.position().x()
            if abs(x - self.x_of(self.sliderPosition())) > knob / 2:
                self.setValue(
                    QStyle.sliderValueFromPosition(
                        self.minimum(), self.maximum(), round(x - knob / 2), self.width() - knob
                    )
                )
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()
        self.reset_requested.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_requested.emit()
        elif event.key() in TYPING:
            self.typing_requested.emit()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        super().keyReleaseEvent(event)
        if not event.isAutoRepeat() and event.key() not in TYPING:
            self.edit_finished.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        # A wheel over an unfocused slider scrolls the panel instead of changing the shape.
        if not self.hasFocus():
            event.ignore()
            return
        super().wheelEvent(event)
        self._wheel_pause.start()

    def paintEvent(self, _event: QPaintEvent) -> None:
        palette = self.palette()
        window, text = palette.window().color(), palette.windowText().color()
        lively = self.isEnabled()
        accent = palette.highlight().color() if lively else theme.blend(window, text, 0.3)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        left, right = self.x_of(self.minimum()), self.x_of(self.maximum())
        rest, knob = self.x_of(self._rest), self.x_of(self.sliderPosition())
        painter.setBrush(theme.blend(window, text, 0.2 if lively else 0.12))
        _bar(painter, left - 2, right + 2, middle)
        if self.minimum() < self._rest < self.maximum():
            painter.drawRoundedRect(QRectF(rest - 1, middle - 5, 2, 10), 1, 1)
        painter.setBrush(accent)
        _bar(painter, min(rest, knob), max(rest, knob), middle)
        if self.hasFocus():
            ring = QColor(accent)
            ring.setAlphaF(0.35)
            painter.setBrush(ring)
            painter.drawEllipse(QPointF(knob, middle), KNOB + 2.5, KNOB + 2.5)
        warm = self.isSliderDown() or (self.underMouse() and lively)
        painter.setBrush(accent if warm else theme.blend(palette.base().color(), accent, 0.12))
        painter.setPen(QPen(accent, 1.6))
        painter.drawEllipse(QPointF(knob, middle), KNOB, KNOB)

    def sizeHint(self) -> QSize:
        return QSize(120, 24)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 20)

    def _knob_width(self) -> int:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        return (
            self.style()
            .subControlRect(
                QStyle.ComplexControl.CC_Slider,
                option,
                QStyle.SubControl.SC_SliderHandle,
                self,
            )
            .width()
        )


class SigmaSlider(QWidget):
    """A slider row in real numbers, by default standard deviations; L locks and frees it.

    Signals:
        changed: the user moved it, or typed a number; the new value.
        edit_finished: the user let go.
        reset_requested: double click on name, slider or value; Delete or Backspace.
        lock_toggled: the lock was switched; whether it is locked now.
    """

    changed = Signal(float)
    edit_finished = Signal()
    reset_requested = Signal()
    lock_toggled = Signal(bool)

    def __init__(
        self,
        name: str,
        low: float = -3.0,
        high: float = 3.0,
        *,
        rest: float = 0.0,
        unit: str = "σ",
        decimals: int = 1,
        step: float = 0.1,
        lockable: bool = True,
        name_width: int = 78,
    ) -> None:
        """Args: low, high, rest, step: in ``unit``; decimals: digits of the readout."""
        super().__init__()
        self._rest, self._unit, self._decimals = rest, unit, decimals
        self._signed = low < 0
        self.lock: QToolButton | None = None
        self.label = RowText(name, name_width)
        self.slider = FineSlider(round(low * STEPS), round(high * STEPS), round(rest * STEPS))
        self.slider.setSingleStep(round(step * STEPS))
        self.slider.setPageStep(round(5 * step * STEPS))
        self.slider.setAccessibleName(name)
        self.readout = Readout(self.slider, 46 if unit else 40)
        if lockable:
            self._make_lock(name)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (self.label, self.slider, self.readout, self.lock):
            if widget is not None:
                layout.addWidget(widget, 1 if widget is self.slider else 0)
        self.setFocusProxy(self.slider)
        self.slider.valueChanged.connect(self._moved)
        self.slider.edit_finished.connect(self.edit_finished)
        for part in (self.label.double_clicked, self.readout.double_clicked):
            part.connect(self._ask_reset)
        self.slider.reset_requested.connect(self._ask_reset)
        self.slider.typing_requested.connect(self.readout.edit)
        self.readout.typed.connect(self._take)
        self._show(rest)

    def value(self) -> float:
        """The slider's place in real numbers."""
        return self.slider.value() / STEPS

    def set_name(self, name: str) -> None:
        """Shows another name; of one too long for its place, the beginning."""
        self.label.set_text(name)
        self.slider.setAccessibleName(name)
        if self.lock is not None:
            self.lock.setAccessibleName(f"Lock {name}")

    def set_value(self, value: float) -> None:
        """Shows a value without telling anyone; beyond the ends only the readout says so."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(value * STEPS))
        self.slider.blockSignals(False)
        self._show(value)

    def set_locked(self, locked: bool) -> None:
        """Shows the lock open or closed without telling anyone."""
        if self.lock is not None and self.lock.isChecked() != locked:
            self.lock.blockSignals(True)
            self.lock.setChecked(locked)
            self.lock.blockSignals(False)
            self._show_lock(locked)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.lock is not None:
            self._show_lock(self.lock.isChecked())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_L and self.lock is not None:
            self.lock.toggle()
        else:
            super().keyPressEvent(event)

    def _make_lock(self, name: str) -> None:
        lock = QToolButton(autoRaise=True)
        lock.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # with L on the slider: half the stops of Tab
        lock.setCheckable(True)
        lock.setIconSize(QSize(14, 14))
        lock.setFixedSize(24, 24)
        lock.setAccessibleName(f"Lock {name}")
        lock.toggled.connect(self._show_lock)
        lock.toggled.connect(self.lock_toggled)
        self.lock = lock
        self._show_lock(False)

    def _show_lock(self, locked: bool) -> None:
        assert self.lock is not None
        if locked:
            self.lock.setIcon(theme.icon("lock"))
        else:  # twelve open locks must not shout
            faint = theme.icon("unlock").pixmap(
                self.lock.iconSize(), self.devicePixelRatioF(), QIcon.Mode.Disabled
            )
            self.lock.setIcon(QIcon(faint))
        self.lock.setToolTip(
            "Locked: Randomise keeps this value. (L)"
            if locked
            else "Lock: keep this on Randomise. (L)"
        )

    def _moved(self, steps: int) -> None:
        self._show(steps / STEPS)
        self.changed.emit(steps / STEPS)

    def _take(self, number: float) -> None:
        """A typed number; as exact as it was typed, but never beyond the ends."""
        low, high = self.slider.minimum() / STEPS, self.slider.maximum() / STEPS
        value = min(max(number, low), high)
        self.set_value(value)
        self.changed.emit(value)
        self.edit_finished.emit()

    def _ask_reset(self) -> None:
        self.reset_requested.emit()
        self.edit_finished.emit()

    def _show(self, value: float) -> None:
        self.readout.set_text(
            format_value(value, self._decimals, self._unit, self._signed),
            muted=abs(value - self._rest) < 0.5 * 10**-self._decimals,
        )


def format_value(value: float, decimals: int, unit: str, signed: bool) -> str:
    """'+1.2 σ', '0.0 σ' or '0.80': signed where the scale has two sides; a true minus, no '-0'."""
    rounded = round(value, decimals) + 0.0
    text = f"{rounded:{'+' if signed and rounded else ''}.{decimals}f}".replace("-", "−")
    return f"{text} {unit}".rstrip()


def _bar(painter: QPainter, left: float, right: float, middle: float) -> None:
    painter.drawRoundedRect(
        QRectF(left, middle - GROOVE / 2, right - left, GROOVE), GROOVE / 2, GROOVE / 2
    )
