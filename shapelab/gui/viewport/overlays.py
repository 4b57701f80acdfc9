"""What Qt paints over the 3-D view: axes, loose parts, and the text of an empty one."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from shapelab.gui.base import theme
from shapelab.gui.viewport.orbit import Orbit

SIZE = 92  # device-independent pixels
BALL, STUB = 9.0, 5.5  # radius of the labelled and of the opposite ends
WIDEST_HINT = 420  # device-independent pixels
# label, axis, sign -> the view that looks along it
ENDS = {
    ("X", 0, 1): "right",
    ("", 0, -1): "left",
    ("Y", 1, 1): "back",
    ("", 1, -1): "front",
    ("Z", 2, 1): "top",
    ("", 2, -1): "bottom",
}


class Gizmo(QWidget):
    """Shows where x, y and z point; clicks on the ends choose views.

    Drawn by Qt, not by OpenGL: sharp labels, and a frame of the shape costs nothing more.
    """

    view_chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(QSize(SIZE, SIZE))
        self.setMouseTracking(True)
        self.setAccessibleName("Axes; click an end to look along it")
        self._orbit = Orbit()
        self._hover = ""
        self._picture: QPixmap | None = None  # every frame of the shape below repaints the axes

    def show_orbit(self, orbit: Orbit) -> None:
        self._orbit = orbit
        self._redraw()

    def ends(self) -> list[tuple[float, QPointF, str, int, int, str]]:
        """(depth, place, label, axis, sign, view) of the six ends, the farthest first."""
        axes = self._orbit.axes
        reach = SIZE / 2 - BALL - 2
        found = []
        for (label, axis, sign), view in ENDS.items():
            right, up, near = (float(row[axis]) * sign for row in axes)
            place = QPointF(SIZE / 2 + reach * right, SIZE / 2 - reach * up)
            found.append((near, place, label, axis, sign, view))
        return sorted(found, key=lambda end: end[0])

    def view_at(self, place: QPointF) -> str:
        """The view of the nearest end under this place, or an empty text."""
        for _, middle, _, _, _, view in reversed(self.ends()):
            away = place - middle
            if away.x() ** 2 + away.y() ** 2 <= (BALL + 2) ** 2:
                return view
        return ""

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = QPixmap(self.size() * ratio)
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(Qt.GlobalColor.transparent)
            self._draw(QPainter(self._picture))
        QPainter(self).drawPixmap(0, 0, self._picture)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._redraw()
        super().changeEvent(event)

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def _draw(self, painter: QPainter) -> None:
        c = theme.colors()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(11)
        font.setBold(True)
        painter.setFont(font)
        middle = QPointF(SIZE / 2, SIZE / 2)
        for near, place, label, axis, sign, view in self.ends():
            color = QColor((c.axis_x, c.axis_y, c.axis_z)[axis])
            color.setAlphaF(0.62 + 0.38 * (near + 1) / 2)
            hovered = view == self._hover
            radius = BALL if sign > 0 else STUB + 2 * hovered
            painter.setPen(QPen(color, 2.0))
            if sign > 0:
                painter.drawLine(middle, place)
                painter.setBrush(QColor(c.text) if hovered else color)
                painter.setPen(Qt.PenStyle.NoPen)
            else:
                fill = QColor(color)
                fill.setAlphaF(0.9 if hovered else 0.25)
                painter.setBrush(fill)
                painter.setPen(QPen(color, 1.25))
            box = QRectF(place.x() - radius, place.y() - radius, 2 * radius, 2 * radius)
            painter.drawEllipse(box)
            if label:
                painter.setPen(QColor(c.window))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, label)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hover(self.view_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover("")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        view = self.view_at(event.position())
        if view and event.button() == Qt.MouseButton.LeftButton:
            self.view_chosen.emit(view)
        else:
            event.ignore()

    def _set_hover(self, view: str) -> None:
        if view != self._hover:
            self._hover = view
            self.setToolTip(
                f"Look from {view}"
                if view in ("top", "bottom")
                else view and f"Look from the {view}"
            )
            self._redraw()


class FocusFrame(QWidget):
    """Says that the keys are the view's; shown where keys have brought the focus there."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.hide()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(QColor(theme.colors().accent), 2))
        painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))


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

    def place(self) -> None:
        """Sit in the middle of the parent."""
        area = self._area.rect()
        margins = self.contentsMargins()
        wanted = self.fontMetrics().horizontalAdvance(self.text()) + margins.left() * 2 + 2
        width = min(WIDEST_HINT, area.width() - 2 * theme.SPACE_LARGE, wanted)
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


class PartsChip(QPushButton):
    """Says in the view's corner what is hidden or tinted, or what to do about it, by a click.

    Args:
        parent: the view.
        after: the one at whose right it sits.
    """

    def __init__(self, parent: QWidget, after: PartsChip | None = None) -> None:
        super().__init__(parent)
        self._area = parent
        self._after = after
        self._next: PartsChip | None = None
        if after is not None:
            after._next = self
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._colour()
        self.hide()

    def say(self, text: str, tip: str) -> None:
        """Show this text, or nothing if it is empty."""
        if text != self.text():  # else a moving shape would lay it out with every frame
            self.setText(text)
            self.setAccessibleName(text)
            self.setVisible(bool(text))
            self.place()
        self.setToolTip(tip)

    def place(self) -> None:
        """Sit in the lower left corner of the parent, and those at its right beside it."""
        self.adjustSize()
        before = self._after
        while before is not None and before.isHidden():
            before = before._after
        left = 0 if before is None else before.geometry().right()
        self.move(left + theme.SPACE, self._area.height() - self.height() - theme.SPACE)
        if self._next is not None:
            self._next.place()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        c = theme.colors()
        sheet = (
            f"QPushButton {{ color: {c.text}; background: {c.raised}; padding: 4px 12px;"
            f" border: 1px solid {c.border}; border-left: 4px solid {c.loose};"
            f" border-radius: {theme.RADIUS}px; }}"
            f" QPushButton:hover, QPushButton:focus {{ border-color: {c.accent}; }}"
        )
        if sheet != self.styleSheet():  # setting it sends another PaletteChange
            self.setStyleSheet(sheet)
