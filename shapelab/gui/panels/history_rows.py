"""The rows of the history panel: the tree as lines and dots, a picture, words and a star."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from shapelab.gui.base import theme
from shapelab.gui.panels.history_lanes import Lanes
from shapelab.gui.panels.history_model import LANES, ROW, HistoryRow

Index = QModelIndex | QPersistentModelIndex

PICTURE = 44  # side of the picture, px
PITCH = 12  # between two lanes, px
MARGIN = 10  # left of the first lane, px
STAR = 9.0  # radius, px
STAR_ROOM = 28  # px at the right end of a row


def star_rect(row: QRect) -> QRect:
    """Where a click in a row means its star."""
    return QRect(row.right() - STAR_ROOM, row.top(), STAR_ROOM, row.height())


class HistoryRows(QStyledItemDelegate):
    """Paints a row as it was at its step; the current line is darker than other branches."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(160, PICTURE + theme.SPACE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: HistoryRow = index.data(ROW)
        lanes: Lanes = index.data(LANES)
        palette: QPalette = option.palette
        place: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_card(painter, place.adjusted(2, 1, -2, -1), row, palette, state)
        if row.filtered:
            self._dot(painter, QPointF(MARGIN, place.center().y() + 0.5), row, palette)
        else:
            self._paint_tree(painter, place, row, index.row(), lanes, palette)
        left = place.left() + 2 * MARGIN + PITCH * (0 if row.filtered else lanes.count - 1)
        picture = QRect(left, place.top() + theme.SPACE // 2, PICTURE, PICTURE)
        self._paint_picture(painter, picture, row, palette)
        star = star_rect(place)
        words = QRect(
            picture.right() + theme.SPACE + 2,
            place.top(),
            star.left() - picture.right() - theme.SPACE - 2,
            place.height(),
        )
        self._write(painter, words, row, palette, option.font)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if row.starred or hovered:
            self._paint_star(painter, QPointF(star.center()), row.starred, palette)
        painter.restore()

    def _paint_card(
        self,
        painter: QPainter,
        card: QRect,
        row: HistoryRow,
        palette: QPalette,
        state: QStyle.StateFlag,
    ) -> None:
        base, accent = palette.base().color(), palette.highlight().color()
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        painter.setPen(QPen(accent, 1) if focused else QPen(Qt.PenStyle.NoPen))
        if row.current:
            painter.setBrush(theme.blend(base, accent, 0.16))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.blend(base, palette.windowText().color(), 0.05))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(card, theme.RADIUS, theme.RADIUS)

    # --- the tree ------------------------------------------------------------------------------

    def _paint_tree(
        self,
        painter: QPainter,
        place: QRect,
        row: HistoryRow,
        at: int,
        lanes: Lanes,
        palette: QPalette,
    ) -> None:
        base, text = palette.base().color(), palette.windowText().color()
        quiet = QPen(theme.blend(base, text, 0.35), 1.5)
        accent = QPen(palette.highlight().color(), 2)
        ahead = QPen(palette.highlight().color(), 2, Qt.PenStyle.DotLine)
        top, middle, bottom = place.top(), place.center().y() + 0.5, place.bottom() + 1
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for strand in lanes.passing(at):
            painter.setPen(quiet)
            x = self._x(strand.lane)
            if at == strand.fork:
                self._curve(painter, self._x(lanes.lane(lanes.numbers[at])), x, middle, bottom)
            else:
                end = middle if at == strand.last else bottom
                painter.drawLine(QPointF(x, top), QPointF(x, end))
        x = self._x(0)
        if 0 < at <= lanes.last_of_line:
            painter.setPen(accent if at <= row.current_row else ahead)
            painter.drawLine(QPointF(x, top), QPointF(x, middle))
        if at < lanes.last_of_line:
            painter.setPen(accent if at < row.current_row else ahead)
            painter.drawLine(QPointF(x, middle), QPointF(x, bottom))
        self._dot(painter, QPointF(self._x(row.lane), middle), row, palette)

    @staticmethod
    def _x(lane: int) -> float:
        return MARGIN + lane * PITCH

    @staticmethod
    def _curve(painter: QPainter, start: float, end: float, top: float, bottom: float) -> None:
        path = QPainterPath(QPointF(start, top))
        path.cubicTo(QPointF(start, bottom), QPointF(end, top), QPointF(end, bottom))
        painter.drawPath(path)

    def _dot(self, painter: QPainter, centre: QPointF, row: HistoryRow, palette: QPalette) -> None:
        base, text = palette.base().color(), palette.windowText().color()
        accent = palette.highlight().color()
        quiet = theme.blend(base, text, 0.5)
        if row.current:
            painter.setPen(QPen(base, 2))
            painter.setBrush(accent)
            painter.drawEllipse(centre, 6, 6)
            return
        painter.setPen(QPen(accent if row.on_line else quiet, 1.75))
        painter.setBrush(accent if row.on_line and not row.ahead else base)
        painter.drawEllipse(centre, 3.5, 3.5)

    # --- picture, words, star ------------------------------------------------------------------

    def _paint_picture(
        self, painter: QPainter, place: QRect, row: HistoryRow, palette: QPalette
    ) -> None:
        base, text = palette.base().color(), palette.windowText().color()
        painter.setPen(QPen(theme.blend(base, text, 0.16), 1))
        painter.setBrush(palette.window())
        painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if not row.picture.isNull():
            painter.setOpacity(1.0 if row.on_line and not row.ahead else 0.6)
            painter.drawImage(place.adjusted(2, 2, -2, -2), row.picture)
            painter.setOpacity(1.0)

    def _write(
        self, painter: QPainter, place: QRect, row: HistoryRow, palette: QPalette, font: QFont
    ) -> None:
        height = painter.fontMetrics().lineSpacing()
        top = QRect(place.left(), place.center().y() - height + 1, place.width(), height)
        bold = QFont(font)
        bold.setWeight(QFont.Weight.DemiBold if row.named or row.current else QFont.Weight.Normal)
        painter.setFont(bold)
        strong = row.on_line and not row.ahead
        painter.setPen((palette.text() if strong else palette.placeholderText()).color())
        self._line(painter, top, row.title)
        painter.setFont(font)
        painter.setPen(palette.placeholderText().color())
        self._line(painter, top.translated(0, height), row.words)

    @staticmethod
    def _line(painter: QPainter, place: QRect, text: str) -> None:
        shown = painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, max(place.width(), 0)
        )
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

    @staticmethod
    def _paint_star(painter: QPainter, centre: QPointF, full: bool, palette: QPalette) -> None:
        points = [
            centre
            + QPointF(
                (STAR if i % 2 == 0 else 0.45 * STAR) * math.sin(math.pi * i / 5),
                -(STAR if i % 2 == 0 else 0.45 * STAR) * math.cos(math.pi * i / 5),
            )
            for i in range(10)
        ]
        colour: QColor = palette.highlight().color() if full else palette.placeholderText().color()
        painter.setPen(QPen(colour, 1.25))
        painter.setBrush(colour if full else QColor(0, 0, 0, 0))
        painter.drawPolygon(QPolygonF(points))

    # --- naming --------------------------------------------------------------------------------

    def createEditor(
        self, parent: QWidget, _option: QStyleOptionViewItem, _index: Index
    ) -> QWidget:
        editor = QLineEdit(parent)
        editor.setProperty("inline", True)
        editor.setPlaceholderText("Name of this step")
        return editor

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        place: QRect = option.rect
        row: HistoryRow = index.data(ROW)
        lanes: Lanes = index.data(LANES)
        left = 2 * MARGIN + PITCH * (0 if row.filtered else lanes.count - 1)
        left += PICTURE + theme.SPACE_SMALL
        size = QSize(place.right() - left - STAR_ROOM, PICTURE - theme.SPACE)
        editor.setGeometry(QRect(QPoint(left, place.center().y() - size.height() // 2), size))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text(), Qt.ItemDataRole.EditRole)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        text: Any = index.data(Qt.ItemDataRole.EditRole)
        if isinstance(editor, QLineEdit) and not editor.isModified():  # pictures come meanwhile
            editor.setText(text)
            editor.selectAll()
