"""The picture that is cut out: shows the mask, is drawn on with the mouse or the arrow keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from shapelab.core.inputs.cutout_edit import FARTHEST, MOST_PLACES, UNCHANGED, CutoutEdit, Places
from shapelab.gui.base import theme
from shapelab.gui.cutout.cutout_tools import (
    BACKGROUND,
    BOX,
    BRUSHES,
    ERASER,
    HAND,
    LASSO,
    PICK,
    RECTANGLES,
    STRAIGHTEN,
    STRETCHED,
)
from shapelab.gui.panels.shape_pictures import rgba_image

Pixels = NDArray[np.uint8]
EDGE = 16  # px of ground around the picture that fits
MOST_ZOOM, ZOOM_STEP = 16.0, 1.25
CLOSEST = 2.0  # px between two places of a line
OUTSIDE = FARTHEST / 2 - 1  # sides that a line may leave the picture: a box is wider than that
ADDED, TAKEN = "#2e9e5b", "#d1453b"  # of brushes: read on any photo
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
FAR, NEAR = 1 / 40, 1 / 250  # steps of the arrow keys, with Shift the second; sides of the picture


class CutoutCanvas(QWidget):
    """Shows one picture; what is drawn comes out in its own places, however it is turned.

    Signals:
        drawn: places (n, 2) of a line that is finished, in sides of the picture as it was read.
        view_changed: zoom or place of the view.
    """

    drawn = Signal(object)
    view_changed = Signal()

    def __init__(self, picture: Pixels, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Picture")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        self.tool = BOX
        self.brush = 0.04  # width, in sides of the picture
        self._picture = picture
        self._height, self._width = picture.shape[:2]
        self._edit = UNCHANGED
        self._image = rgba_image(picture)
        self._veil = QImage()  # dims what is not the object
        self._outline = QPainterPath()
        self._zoom = 1.0
        self._middle: QPointF | None = None  # of the view, in pixels of the shown picture
        self._line: list[QPointF] = []  # being drawn, in pixels of the shown picture
        self._ghost: tuple[str, list[QPointF]] | None = None  # drawn, its mask on the way
        self._dragged: QPointF | None = None  # where the view is held
        self._mouse: QPointF | None = None
        self._cursor: QPointF | None = None  # of the arrow keys
        self.choose(BOX)

    # --- what it shows ---------------------------------------------------------------------------

    def show_edit(self, edit: CutoutEdit) -> None:
        """Turns the picture as an edit says; its mask comes later."""
        before = self._edit
        turned = (edit.turns, edit.flipped, edit.tilt) != (
            before.turns,
            before.flipped,
            before.tilt,
        )
        self._edit = edit
        if turned:
            self._image = rgba_image(edit.shown(self._picture))
            self._veil, self._outline = QImage(), QPainterPath()
            self._cursor = None
            self.fit()
        self._line = []
        self.update()

    def show_mask(self, veil: Pixels, lines: list[NDArray[np.float32]]) -> None:
        """Shows the mask of the edit that is shown.

        Args:
            veil: (h, w, 4) laid over the picture as it is shown.
            lines: (n, 2) around the object, in pixels of the same.
        """
        self._veil = rgba_image(veil)
        self._outline = QPainterPath()
        for line in lines:
            self._outline.addPolygon(QPolygonF([QPointF(x, y) for x, y in line.tolist()]))
            self._outline.closeSubpath()
        self._ghost = None
        self.update()

    def forget_ghost(self) -> None:
        """What was drawn last will not be answered."""
        self._ghost = None
        self.update()

    def choose(self, tool: str) -> None:
        """Takes another tool; a line that was begun is given up."""
        self.tool = tool
        self._line = []
        shapes = {HAND: Qt.CursorShape.OpenHandCursor, PICK: Qt.CursorShape.PointingHandCursor}
        blank = Qt.CursorShape.BlankCursor  # a circle as wide as the brush stands for it
        usual = blank if tool in BRUSHES else Qt.CursorShape.CrossCursor
        self.setCursor(shapes.get(tool, usual))
        self.update()

    def set_brush(self, width: float) -> None:
        self.brush = width
        self.update()

    @property
    def drawing(self) -> bool:
        """Whether a line was begun."""
        return bool(self._line)

    def give_up(self) -> None:
        """Forgets the line that was begun."""
        self._line = []
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(640, 520)

    # --- zoom and place --------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        """How much larger than when it fits."""
        return self._zoom

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Zooms about a place of the widget, or its middle."""
        about = QPointF(self.rect().center()) if about is None else about
        held = self.to_shown(about)
        self._zoom = min(max(self._zoom * factor, 1.0), MOST_ZOOM)
        away = (about - QPointF(self.rect().center())) / self._scale()
        self._place(held - away)

    def fit(self) -> None:
        """Shows the whole picture."""
        self._zoom, self._middle = 1.0, None
        self.update()
        self.view_changed.emit()

    def to_widget(self, place: QPointF) -> QPointF:
        """Where a place of the shown picture, in its pixels, is in the widget."""
        return (place - self._centre()) * self._scale() + QPointF(self.rect().center())

    def to_shown(self, place: QPointF) -> QPointF:
        """The inverse of ``to_widget``."""
        return (place - QPointF(self.rect().center())) / self._scale() + self._centre()

    def _centre(self) -> QPointF:
        middle = QPointF(self._image.width() / 2, self._image.height() / 2)
        return middle if self._middle is None else self._middle

    def _scale(self) -> float:
        """Pixels of the widget in one of the picture."""
        room_x = max(self.width() - 2 * EDGE, 1) / self._image.width()
        room_y = max(self.height() - 2 * EDGE, 1) / self._image.height()
        return min(room_x, room_y) * self._zoom

    def _place(self, middle: QPointF) -> None:
        """Moves the view, no farther than the picture goes."""
        if self._zoom == 1.0:
            self._middle = None
        else:
            width, height = self._image.width(), self._image.height()
            x, y = min(max(middle.x(), 0.0), width), min(max(middle.y(), 0.0), height)
            self._middle = QPointF(x, y)
        self.update()
        self.view_changed.emit()

    # --- mouse -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and self.tool == HAND):
            self._dragged = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif left:
            self._cursor = None
            self._begin(self.to_shown(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if self._dragged is not None:
            moved = (event.position() - self._dragged) / self._scale()
            self._dragged = event.position()
            self._place(self._centre() - moved)
        elif self._line and event.buttons() & Qt.MouseButton.LeftButton:
            self._extend(self.to_shown(event.position()))
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged is not None:
            self._dragged = None
            self.choose(self.tool)
        elif self._line and event.button() == Qt.MouseButton.LeftButton:
            self._extend(self.to_shown(event.position()))
            self._finish()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._mouse = event.position()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._mouse = None
        self.update()
        super().leaveEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.view_changed.emit()

    # --- keys ------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move a cursor, Enter begins a line there and ends it."""
        key = Qt.Key(event.key())
        if key in ARROWS:
            side = NEAR if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else FAR
            self._step_cursor(QPointF(*ARROWS[key]) * side * max(self._width, self._height))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            place = self._cursor or self._centre()
            if self._line:
                self._extend(place)
                self._finish()
            elif self.tool != HAND:
                self._cursor = place
                self._begin(place)
                if self.tool == PICK:
                    self._finish()
        elif key == Qt.Key.Key_Escape and self._line:
            self.give_up()
        else:
            super().keyPressEvent(event)

    def _step_cursor(self, by: QPointF) -> None:
        if self.tool == HAND:
            self._place(self._centre() + by)
            return
        place = (self._cursor or self._centre()) + by
        width, height = self._image.width(), self._image.height()
        x, y = min(max(place.x(), 0.0), width), min(max(place.y(), 0.0), height)
        self._cursor = QPointF(x, y)
        if self._line:
            self._extend(self._cursor)
        self.update()

    # --- lines -----------------------------------------------------------------------------------

    def _begin(self, place: QPointF) -> None:
        self._line = [place]
        self.update()

    def _extend(self, place: QPointF) -> None:
        if self.tool in STRETCHED:
            self._line = [self._line[0], place]
        else:
            moved = (place - self._line[-1]) * self._scale()
            if moved.manhattanLength() >= CLOSEST and len(self._line) < MOST_PLACES:
                self._line.append(place)
        self.update()

    def _finish(self) -> None:
        line, self._line = self._line, []
        self._ghost = self.tool, line
        places = np.array([(place.x(), place.y()) for place in line])
        if self.tool in RECTANGLES:
            (x0, y0), (x1, y1) = places[0], places[-1]
            places = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        self.update()
        self.drawn.emit(self._read_places(places))

    def _read_places(self, shown: Places) -> Places:
        """Pixels of the shown picture as sides of the picture as it was read."""
        longest = max(self._width, self._height)
        near = np.clip(shown / longest, -OUTSIDE, 1 + OUTSIDE)
        return self._edit.to_picture(near, self._size())

    def _size(self) -> tuple[float, float]:
        longest = max(self._width, self._height)
        return self._width / longest, self._height / longest

    # --- painting --------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._zoom < 4)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.base())
        corner, scale = self.to_widget(QPointF(0, 0)), self._scale()
        room = QRectF(corner, QSizeF(self._image.size()) * scale)
        painter.drawImage(room, self._image)
        painter.drawImage(room, self._veil)
        painter.save()
        painter.translate(corner)
        painter.scale(scale, scale)
        self._paint_line(painter, self._outline, QColor(theme.colors().accent), 1.5)
        self._paint_crop(painter)
        for tool, line in filter(None, (self._ghost, (self.tool, self._line))):
            if line:
                self._paint_drawn(painter, tool, line)
        painter.restore()
        self._paint_pointer(painter)
        if self.hasFocus():
            painter.setPen(QPen(palette.highlight().color(), 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_line(
        self, painter: QPainter, path: QPainterPath, colour: QColor, width: float
    ) -> None:
        """On a white rim, so that it is seen on light and on dark."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for shade, breadth in ((QColor(255, 255, 255, 150), width + 1.5), (colour, width)):
            pen = QPen(shade, breadth)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(path)

    def _paint_crop(self, painter: QPainter) -> None:
        if self._edit.crop is None:
            return
        x, y, width, height = self._edit.crop
        right, bottom = x + width, y + height
        corners = np.array([(x, y), (right, y), (right, bottom), (x, bottom)])
        shown = self._edit.to_shown(corners, self._size()) * max(self._width, self._height)
        path = QPainterPath()
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in shown.tolist()]))
        path.closeSubpath()
        self._paint_line(painter, path, QColor(theme.colors().text), 1.0)

    def _paint_drawn(self, painter: QPainter, tool: str, line: list[QPointF]) -> None:
        path = QPainterPath(line[0])
        if tool in BRUSHES:
            for place in line[1:] or [line[0] + QPointF(0.01, 0)]:
                path.lineTo(place)
            colour = QColor(TAKEN if tool in (BACKGROUND, ERASER) else ADDED)
            colour.setAlphaF(0.55)
            pen = QPen(colour, self.brush * max(self._width, self._height))
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)
            return
        if tool in RECTANGLES and len(line) == 2:
            path = QPainterPath()
            path.addRect(QRectF(line[0], line[1]).normalized())
        elif tool == STRAIGHTEN:
            path.lineTo(line[-1])
        elif tool == LASSO:
            path.addPolygon(QPolygonF(line))
        self._paint_line(painter, path, QColor(ADDED), 1.5)

    def _paint_pointer(self, painter: QPainter) -> None:
        """The brush's circle, and the cross of the arrow keys."""
        place = self._mouse if self._cursor is None else self.to_widget(self._cursor)
        if place is None:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius = self.brush * max(self._width, self._height) * self._scale() / 2
        for shade, width in ((QColor(255, 255, 255, 200), 3.0), (QColor(0, 0, 0, 200), 1.2)):
            painter.setPen(QPen(shade, width))
            if self.tool in BRUSHES:
                painter.drawEllipse(place, radius, radius)
            if self._cursor is not None:
                painter.drawLine(place - QPointF(8, 0), place + QPointF(8, 0))
                painter.drawLine(place - QPointF(0, 8), place + QPointF(0, 8))
