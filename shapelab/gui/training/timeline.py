"""The timeline of a run: its steps on a line, previews as dots, checkpoints as diamonds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from shapelab.gui.base import theme

EDGE = 10  # px at both ends of the line
DOT, DIAMOND, KNOB = 2.0, 5.0, 7.0  # radii, px
HEIGHT = 34
CATCH = 7  # px within which the pointer takes a checkpoint


def nearest(steps: Sequence[int], step: float) -> int | None:
    """The step in an ordered list that is nearest to another, the earlier of two as near."""
    if not steps:
        return None
    at = bisect_left(steps, step)
    beside = steps[max(at - 1, 0) : at + 1]
    return min(beside, key=lambda each: abs(each - step))


class Timeline(QWidget):
    """One place in a run's time, moved by mouse, wheel and keys.

    Signals:
        moved: the step that the user went to, at each move.
    """

    moved = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMouseTracking(True)
        self.setAccessibleName("Time in the run")
        self.setToolTip(
            "Dots are previews, diamonds are checkpoints; a filled one is shown in the viewport.\n"
            "Drag, or use the arrow keys to go from one to the next."
        )
        self._step = 0  # of the cursor
        self._reached = 1  # where the line ends
        self._previews: tuple[int, ...] = ()
        self._checkpoints: tuple[int, ...] = ()
        self._best: int | None = None
        self._shown: int | None = None
        self._pressed = False

    # --- what others use -------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Where the cursor stands."""
        return self._step

    @property
    def checkpoints(self) -> tuple[int, ...]:
        return self._checkpoints

    @property
    def previews(self) -> tuple[int, ...]:
        return self._previews

    def set_run(
        self,
        reached: int,
        previews: Sequence[int],
        checkpoints: Sequence[int],
        best: int | None = None,
    ) -> None:
        """Shows a run from its start to the step that it has reached."""
        self._reached = max(reached, *previews[-1:], *checkpoints[-1:], 1)
        self._previews, self._checkpoints = tuple(previews), tuple(checkpoints)
        self._best = best
        self.setEnabled(bool(self._previews or self._checkpoints))
        self.update()

    def set_step(self, step: int) -> None:
        """Moves the cursor; no signal."""
        if step != self._step:
            self._step = step
            self.update()

    def set_shown(self, step: int | None) -> None:
        """Marks the checkpoint that the viewport shows."""
        if step != self._shown:
            self._shown = step
            self.update()

    def x_of(self, step: float) -> float:
        """Where a step lies, px."""
        return EDGE + step / self._reached * (self.width() - 2 * EDGE)

    # --- moving ----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = True
            self._go(self._at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed:
            self._go(self._at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = False

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._jump(-1 if event.angleDelta().y() > 0 else 1)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._jump(-1 if key == Qt.Key.Key_Left else 1)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End) and self._stops():
            self._go(self._stops()[0 if key == Qt.Key.Key_Home else -1])
        else:
            super().keyPressEvent(event)

    def _stops(self) -> list[int]:
        return sorted({*self._previews, *self._checkpoints})

    def _jump(self, way: int) -> None:
        """To the next preview or checkpoint on one side."""
        stops = self._stops()
        beyond = [stop for stop in stops if (stop - self._step) * way > 0]
        if beyond:
            self._go(min(beyond, key=lambda stop: abs(stop - self._step)))

    def _at(self, x: float) -> int:
        """The step under the pointer: a checkpoint that is near, else the nearest preview."""
        step = (x - EDGE) / max(self.width() - 2 * EDGE, 1) * self._reached
        for steps in (self._checkpoints, self._stops()):
            found = nearest(steps, step)
            if found is not None and (
                steps is not self._checkpoints or abs(self.x_of(found) - x) <= CATCH
            ):
                return found
        return self._step

    def _go(self, step: int) -> None:
        if step != self._step:
            self.set_step(step)
            self.moved.emit(step)

    # --- painting --------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(240, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette, c = self.palette(), theme.colors()
        window = palette.window().color()
        y = self.height() / 2
        accent = QColor(c.accent)
        line = theme.blend(window, accent, 0.45) if self.isEnabled() else QColor(c.border)
        painter.setPen(QPen(line, 3, c=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(EDGE, y), QPointF(self.width() - EDGE, y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(c.muted))
        for step in self._previews:
            painter.drawEllipse(QPointF(self.x_of(step), y), DOT, DOT)
        for step in self._checkpoints:
            best = step == self._best
            tone = QColor(c.success) if best else accent
            painter.setPen(QPen(tone, 1.5))
            painter.setBrush(tone if step == self._shown else window)
            painter.drawPolygon(self._diamond(self.x_of(step), y))
        if self.isEnabled():
            x = self.x_of(self._step)
            painter.setPen(QPen(palette.windowText().color(), 1.5))
            painter.drawLine(QPointF(x, 2), QPointF(x, self.height() - 2))
            painter.setBrush(palette.windowText().color())
            painter.drawEllipse(QRectF(x - 3.5, 0.5, 7, 7))
        if self.hasFocus():
            painter.setPen(QPen(accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            room = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawRoundedRect(room, theme.RADIUS, theme.RADIUS)

    def _diamond(self, x: float, y: float) -> QPolygonF:
        r = DIAMOND
        return QPolygonF(
            [QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r), QPointF(x - r, y)]
        )
