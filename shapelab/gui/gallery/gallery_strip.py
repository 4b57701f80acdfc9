"""The cards of kept shapes, side by side: to be clicked, chosen, dragged, named and starred."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QApplication, QLineEdit, QToolTip, QWidget

from shapelab.core.session.gallery import MOST_LETTERS, Gallery, KeptShape
from shapelab.gui.base import theme
from shapelab.gui.base.labels import readable

TILE, GAP, EDGE, TOP = 88, 8, 12, 4  # px: side of a picture, between cards, left and above
NAME = 20  # px, height of the name below a picture
STAR = 24  # px, side of the corner that is a card's star
PITCH, ROW = TILE + GAP, TILE + NAME + GAP
GOLD = ("#c98a00", "#f0b93c")  # of a star in the light and in the dark window
EMPTY = "Press K to keep the shape that you see: it waits here, with its surface."
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_LEFT = Qt.MouseButton.LeftButton
_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier

#: Gives the picture of a shape, or a null one as long as there is none.
PictureSource = Callable[[KeptShape], QImage]


class NameEditor(QLineEdit):
    """Types a card's name in its place: Return or leaving takes it, Esc gives up.

    Signals:
        named: id and new name.
    """

    named = Signal(str, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setMaxLength(MOST_LETTERS)
        self.setAccessibleName("Name of the kept shape")
        self.setStyleSheet("padding: 0 2px; border-radius: 3px;")
        self.shape_id = ""
        self._before = ""
        self.hide()
        self.editingFinished.connect(self._take)

    def begin(self, shape: KeptShape, place: QRectF) -> None:
        """Starts with the whole name selected."""
        self.shape_id, self._before = shape.id, shape.name
        self.setGeometry(place.toRect())
        self.setText(shape.name)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def give_up(self) -> None:
        """Ends without a new name."""
        self.shape_id = ""
        if not self.isHidden():
            self.hide()
            strip = self.parentWidget()
            if strip is not None:
                strip.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _take(self) -> None:
        shape_id, name = self.shape_id, self.text().strip()
        self.give_up()
        if shape_id and name and name != self._before:  # an empty one leaves the old
            self.named.emit(shape_id, name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.give_up()
        else:
            super().keyPressEvent(event)


class GalleryStrip(QWidget):
    """Views a gallery and changes nothing itself. Cards are in one row, or in as many as fit.

    Signals:
        show_requested: id of the shape to go to.
        moved: ids, and the place before which they shall lie.
        renamed: id and name.
        starred: ids, and whether they get a star.
        deleted: ids.
        menu_requested: place on the screen.
        chosen_changed: other cards are chosen.
        reached: part of the strip that should come into sight.
    """

    show_requested = Signal(str)
    moved = Signal(list, int)
    renamed = Signal(str, str)
    starred = Signal(list, bool)
    deleted = Signal(list)
    menu_requested = Signal(QPoint)
    chosen_changed = Signal()
    reached = Signal(QRectF)

    def __init__(self, picture_of: PictureSource) -> None:
        super().__init__()
        self.setAccessibleName("Gallery")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._picture_of = picture_of
        self._gallery = Gallery()
        self._room = QSize(640, ROW)
        self._columns = 1
        self._chosen: set[str] = set()
        self._shown = self._cursor = self._anchor = self._hovered = ""  # ids
        self._pressed: tuple[str, QPointF] | None = None
        self._drop: int | None = None  # the place to which cards are being dragged
        self.editor = NameEditor(self)
        self.editor.named.connect(self.renamed)

    # --- what others use -----------------------------------------------------------------------

    @property
    def chosen(self) -> tuple[str, ...]:
        """Ids of the chosen cards, in the order of the gallery."""
        return tuple(shape.id for shape in self._gallery.chosen(self._chosen))

    @property
    def dragging(self) -> bool:
        """Whether cards are on their way to another place."""
        return self._drop is not None

    def show_gallery(self, gallery: Gallery) -> None:
        """Shows these cards; what was chosen stays chosen as far as it is there."""
        before = {shape.id for shape in self._gallery}
        self._gallery, self._pressed, self._drop = gallery, None, None
        there = {shape.id for shape in gallery}
        if self.editor.shape_id not in there:
            self.editor.give_up()
        if self._cursor not in there:
            self._cursor = self._anchor = ""
        self.choose(self._chosen & there)
        self._arrange()
        new = there - before
        if before and len(new) == 1:
            self._reach(self._place_of(new.pop()))

    def show_current(self, shape_id: str) -> None:
        """Marks the card of the shape that the viewport shows; "" marks none."""
        if shape_id != self._shown:
            self._shown = shape_id
            self.update()

    def choose(self, ids: Iterable[str]) -> None:
        """Chooses these cards and no others."""
        chosen = set(ids)
        if chosen != self._chosen:
            self._chosen = chosen
            self.chosen_changed.emit()
            self.update()

    def edit_name(self, shape_id: str) -> None:
        """Lets a card's name be typed in its place."""
        shape, place = self._gallery.find(shape_id), self._place_of(shape_id)
        if shape is not None:
            self._reach(place)
            self.editor.begin(shape, self.name_rect(place))

    def fit(self, room: QSize) -> None:
        """Arranges the cards for the part of the strip that can be seen at once."""
        if room != self._room:
            self._room = room
            self._arrange()

    # --- places --------------------------------------------------------------------------------

    def card_rect(self, place: int) -> QRectF:
        """Where the picture of the card at a place lies."""
        row, column = divmod(place, self._columns)
        return QRectF(EDGE + column * PITCH, TOP + row * ROW, TILE, TILE)

    def name_rect(self, place: int) -> QRectF:
        """Where its name lies."""
        card = self.card_rect(place)
        return QRectF(card.left(), card.bottom() + 1, TILE, NAME)

    def star_rect(self, place: int) -> QRectF:
        """The corner of the picture that gives or takes the star."""
        card = self.card_rect(place)
        return QRectF(card.right() - STAR, card.top(), STAR, STAR)

    def _arrange(self) -> None:
        """One row that is scrolled to the side, or rows as wide as the room, scrolled down."""
        count = max(len(self._gallery), 1)
        one_row = (self._room.height() - TOP) // ROW < 2
        across = max((self._room.width() - 2 * EDGE + GAP) // PITCH, 1)
        self._columns = count if one_row else across
        rows = math.ceil(count / self._columns)
        wide = 2 * EDGE + count * PITCH - GAP if one_row and len(self._gallery) else 0
        self.setMinimumSize(wide, TOP + rows * ROW - GAP)
        self.updateGeometry()
        self.editor.give_up()
        self.update()

    def _place_of(self, shape_id: str) -> int:
        """The place of a card; -1 for none."""
        places = (place for place, shape in enumerate(self._gallery) if shape.id == shape_id)
        return next(places, -1)

    def _place_at(self, point: QPointF) -> int:
        """The place of the card under a point, its name included; -1 for none."""
        for place in range(len(self._gallery)):
            if self.card_rect(place).adjusted(0, 0, 0, NAME).contains(point):
                return place
        return -1

    def _id_at(self, point: QPointF) -> str:
        place = self._place_at(point)
        return self._gallery.shapes[place].id if place >= 0 else ""

    def _gap_at(self, point: QPointF) -> int:
        """The place before which a card would lie that is let go at a point."""
        row = max(int((point.y() - TOP) // ROW), 0)
        column = round((point.x() - EDGE + GAP / 2) / PITCH)
        return min(row * self._columns + min(max(column, 0), self._columns), len(self._gallery))

    def _reach(self, place: int) -> None:
        self.reached.emit(self.card_rect(place).adjusted(-EDGE, 0, EDGE, NAME))

    # --- the mouse -----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point, where = event.position(), self._id_at(event.position())
        if event.button() != _LEFT:
            if where and where not in self._chosen:
                self._set_cursor(where)
                self.choose([where])
            return
        if not where:
            self.choose([])
            return
        shape = self._gallery.find(where)
        if shape is not None and self.star_rect(self._place_of(where)).contains(point):
            self.starred.emit([where], not shape.star)
            return
        if event.modifiers() & _SHIFT:
            self._choose_up_to(where)
        elif event.modifiers() & _CTRL:
            self.choose(self._chosen ^ {where})
            self._set_cursor(where)
        else:
            self._pressed = where, point
            self._set_cursor(where)
            if where not in self._chosen:
                self.choose([where])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        if self._pressed is None:
            self._hover(self._id_at(point))
            return
        away = (point - self._pressed[1]).manhattanLength()
        if self._drop is None and away < QApplication.startDragDistance():
            return
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        self._drop = self._gap_at(point)
        self.reached.emit(QRectF(point.x() - PITCH / 2, point.y(), PITCH, 1))
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != _LEFT or self._pressed is None:
            return
        (where, _), place = self._pressed, self._drop
        self._end_drag()
        if place is not None:
            self.moved.emit(list(self.chosen), place)
        else:
            self.choose([where])
            self.show_requested.emit(where)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On its name a card can be renamed; elsewhere it is two clicks."""
        place = self._place_at(event.position())
        if place >= 0 and self.name_rect(place).contains(event.position()):
            self._pressed = None
            self.edit_name(self._gallery.shapes[place].id)
        else:
            self.mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """At the mouse, if a card is there; the menu key asks for one at the card it reached."""
        place, by_key = event.globalPos(), event.reason() == QContextMenuEvent.Reason.Keyboard
        if by_key and self._cursor:
            if self._cursor not in self._chosen:
                self.choose([self._cursor])
            middle = self.card_rect(self._place_of(self._cursor)).center()
            place = self.mapToGlobal(middle.toPoint())
        elif by_key or not self._id_at(QPointF(event.pos())):
            return
        self.menu_requested.emit(place)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover("")
        super().leaveEvent(event)

    def _hover(self, where: str) -> None:
        if where != self._hovered:
            self._hovered = where
            hand = Qt.CursorShape.PointingHandCursor
            self.setCursor(hand if where else Qt.CursorShape.ArrowCursor)
            self.update()

    def _end_drag(self) -> None:
        self._pressed = self._drop = None
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.update()

    # --- keys ----------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape and self._pressed is not None:
            self._end_drag()
        elif key == Qt.Key.Key_A and event.modifiers() == _CTRL:
            self.choose(shape.id for shape in self._gallery)
        elif key in self._ways():
            self._step_to(self._ways()[key], extend=bool(event.modifiers() & _SHIFT))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._cursor:
            self.show_requested.emit(self._cursor)
        elif key == Qt.Key.Key_F2 and self._cursor:
            self.edit_name(self._cursor)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._chosen:
            self.deleted.emit(list(self.chosen))
        else:
            super().keyPressEvent(event)

    def _ways(self) -> dict[Qt.Key, int]:
        """The place to which each key leads."""
        here, last = self._place_of(self._cursor), len(self._gallery) - 1
        ways = {key: here + step for key, step in _STEPS.items()}
        if self._columns <= last:  # there is more than one row
            ways |= {Qt.Key.Key_Up: here - self._columns, Qt.Key.Key_Down: here + self._columns}
        return ways | {Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}

    def _step_to(self, place: int, extend: bool) -> None:
        if not len(self._gallery):
            return
        place = min(max(place, 0), len(self._gallery) - 1)
        where = self._gallery.shapes[place].id
        if extend:
            self._choose_up_to(where)
        else:
            self._set_cursor(where)
            self.choose([where])
        self._reach(place)

    def _set_cursor(self, where: str) -> None:
        self._cursor = self._anchor = where
        self.update()

    def _choose_up_to(self, where: str) -> None:
        """Chooses all from where the choice began."""
        ends = self._place_of(self._anchor or where), self._place_of(where)
        between = self._gallery.shapes[max(min(ends), 0) : max(ends) + 1]
        self._cursor = where
        self.choose(shape.id for shape in between)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        if not self._cursor and len(self._gallery):
            self._set_cursor(self._gallery.shapes[0].id)
        super().focusInEvent(event)

    # --- painting ------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            shape = self._gallery.find(self._id_at(QPointF(event.pos())))
            QToolTip.showText(event.globalPos(), _told(shape) if shape else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if not len(self._gallery):
            painter.setPen(self.palette().placeholderText().color())
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(EDGE, 0, -EDGE, 0), EMPTY, flags)
            return
        seen = QRectF(event.rect())
        for place, shape in enumerate(self._gallery):
            if self.card_rect(place).adjusted(0, 0, 0, NAME).intersects(seen):
                self._paint_card(painter, place, shape)
        if self._drop is not None:
            self._paint_drop(painter, self._drop)

    def _paint_card(self, painter: QPainter, place: int, shape: KeptShape) -> None:
        palette, card = self.palette(), self.card_rect(place)
        chosen, focused = shape.id in self._chosen, self.hasFocus() and shape.id == self._cursor
        accent = palette.highlight().color()
        quiet = theme.blend(palette.window().color(), palette.windowText().color(), 0.16)
        painter.setOpacity(0.4 if self._drop is not None and chosen else 1.0)
        ground = palette.base().color()
        painter.setBrush(theme.blend(ground, accent, 0.16) if chosen else ground)
        edge = accent if chosen or focused or shape.id == self._hovered else quiet
        width = 2.0 if chosen else 1.0
        painter.setPen(QPen(edge, width))
        inset = width / 2
        frame = card.adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(frame, theme.RADIUS, theme.RADIUS)
        image = self._picture_of(shape)
        if image.isNull():
            painter.setPen(palette.placeholderText().color())
            painter.drawText(card, Qt.AlignmentFlag.AlignCenter, "…")
        else:
            painter.drawImage(card.adjusted(4, 4, -4, -4), image)
        if shape.star or shape.id == self._hovered:
            self._paint_star(painter, self.star_rect(place), shape.star)
        self._paint_name(painter, place, shape)
        painter.setOpacity(1.0)

    def _paint_name(self, painter: QPainter, place: int, shape: KeptShape) -> None:
        shown, font = shape.id == self._shown, self.font()
        font.setPointSizeF(font.pointSizeF() * 0.9)
        font.setBold(shown)
        painter.setFont(font)
        palette = self.palette()
        painter.setPen((palette.highlight() if shown else palette.windowText()).color())
        metrics = painter.fontMetrics()
        words = metrics.elidedText(shape.name, Qt.TextElideMode.ElideMiddle, TILE)  # seeds differ
        painter.drawText(self.name_rect(place), Qt.AlignmentFlag.AlignCenter, words)
        painter.setFont(self.font())

    def _paint_star(self, painter: QPainter, corner: QRectF, filled: bool) -> None:
        gold = QColor(GOLD[theme.is_dark()])
        painter.setPen(QPen(gold if filled else self.palette().placeholderText().color(), 1.25))
        painter.setBrush(gold if filled else Qt.BrushStyle.NoBrush)
        middle, points = corner.center(), []
        for k in range(10):
            angle, far = math.pi * (k / 5 - 0.5), 6.5 if k % 2 == 0 else 2.9
            points.append(middle + QPointF(far * math.cos(angle), far * math.sin(angle)))
        painter.drawPolygon(QPolygonF(points))

    def _paint_drop(self, painter: QPainter, place: int) -> None:
        """A line where dragged cards would go."""
        last_of_row = place and place % self._columns == 0 and place == len(self._gallery)
        card = self.card_rect(place - 1 if last_of_row else place)
        x = card.right() + GAP / 2 if last_of_row else card.left() - GAP / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().highlight())
        painter.drawRoundedRect(QRectF(x - 1.5, card.top(), 3, TILE), 1.5, 1.5)


def _told(shape: KeptShape) -> str:
    """Name, class and origin of a shape, for its tooltip."""
    origin = shape.state.origin
    lines = [shape.name, f"{readable(shape.state.class_name)} of the model {shape.model.name}"]
    if origin.lower() != shape.name.lower():
        lines.insert(1, origin[:1].upper() + origin[1:])
    return "\n".join(lines)
