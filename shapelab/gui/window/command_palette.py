"""The command palette: every action of the window by a few letters of its name, by keys alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import shiboken6
from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import (
    QAction,
    QColor,
    QFont,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QShowEvent,
    QTextCharFormat,
    QTextLayout,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from shapelab.gui.base import theme
from shapelab.gui.base.action import Action
from shapelab.gui.base.overlay import Overlay
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.window.fuzzy_match import Match, best_match

WIDTH, ROW, TOP = 560, 34, 64  # px: the card, a row of its list, and how far below the edge it lies
TALL = 50  # px: a row with the reason why it is off
MOST_ROWS, MOST_RECENT = 10, 6
ARROW = " › "  # between a menu and what is in it
NOTHING = "No command has these letters. Esc closes."
ENTRY = Qt.ItemDataRole.UserRole
TO_THE_LIST = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True)
class PaletteEntry:
    """An action as the palette names it."""

    action: QAction  # may go while its name is shown
    name: str  # with the menus that it lies in: 'View › Look From › Front'
    keys: str
    tip: str
    enabled: bool
    reason: str  # why it is off
    checked: bool

    @classmethod
    def of(cls, action: QAction, name: str) -> PaletteEntry:
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        on = action.isCheckable() and action.isChecked()
        reason = action.reason if isinstance(action, Action) else ""
        return cls(action, name, keys, action.toolTip(), action.isEnabled(), reason, on)


def entries_of(window: QMainWindow) -> list[PaletteEntry]:
    """All actions of a window as it is now: its menus' in their order, then those without a menu.

    Nobody lists them: what a menu gets tomorrow is found too.
    """
    found: dict[QAction, str] = {}
    for menu_action in window.menuBar().actions():
        menu = _menu(menu_action)
        if menu is not None:
            found |= dict(_in_menu(menu, _plain(menu_action)))
    loose = (widget for widget in window.findChildren(QWidget) if not isinstance(widget, QMenu))
    for widget in (window, *loose):
        for action in widget.actions():
            if not action.isSeparator() and action.text() and _menu(action) is None:
                found.setdefault(action, _plain(action))
    return [PaletteEntry.of(action, name) for action, name in found.items() if action.isVisible()]


def _in_menu(menu: QMenu, path: str) -> Iterator[tuple[QAction, str]]:
    for action in menu.actions():
        inner, name = _menu(action), f"{path}{ARROW}{_plain(action)}"
        if inner is not None:
            yield from _in_menu(inner, name)
        elif not action.isSeparator() and action.text():
            yield action, name


def _menu(action: QAction) -> QMenu | None:
    menu = action.menu()
    return menu if isinstance(menu, QMenu) else None


def _plain(action: QAction) -> str:
    return action.text().replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")


class CommandPalette(Overlay):
    """A field over the window, and below it the actions that its letters are in, the best first."""

    def __init__(self, window: QMainWindow, settings: WindowSettings) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self._before: QWidget | None = None  # had the focus
        self.card = QFrame(self)
        self.card.setObjectName("palette")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Type a command, or a part of it")
        self.field.setAccessibleName("Command")
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Commands")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setItemDelegate(_Row(self.list))
        self.nothing = QLabel(NOTHING)
        self.nothing.setProperty("muted", True)
        self.nothing.setMargin(theme.SPACE)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(*(theme.SPACE,) * 4)
        column.setSpacing(theme.SPACE_SMALL)
        for widget in (self.field, self.list, self.nothing):
            column.addWidget(widget)
        self.field.textChanged.connect(self._search)
        self.list.itemClicked.connect(self._run)

    def toggle(self) -> None:
        """Opens it, or goes back to where the focus was."""
        if self.isVisible():
            self.leave()
            return
        self._before = QApplication.focusWidget()
        self.field.clear()
        self._search("")
        self.show()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def leave(self) -> None:
        """Closes without doing anything."""
        self.hide()
        before, self._before = self._before, None
        if before is not None and before.isVisible():
            before.setFocus(Qt.FocusReason.PopupFocusReason)

    # --- finding -------------------------------------------------------------------------------

    def _search(self, letters: str) -> None:
        found = self._found(letters.strip())
        self.list.clear()
        for entry, match in found:
            item = QListWidgetItem()
            item.setText(entry.name)
            item.setToolTip(entry.tip)
            item.setData(ENTRY, (entry, match.places))
            item.setSizeHint(QSize(0, TALL if entry.reason else ROW))
            if not entry.enabled:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setVisible(bool(found))
        self.nothing.setVisible(not found)
        self._place()

    def _found(self, letters: str) -> Sequence[tuple[PaletteEntry, Match]]:
        """What the letters are in; what cannot be done now comes last."""
        recent = self._recent()
        ranked = []
        for place, entry in enumerate(entries_of(self._window)):
            match = best_match(letters, entry.name, entry.tip)
            if match is None or entry.action.objectName() == "palette":
                continue
            used = recent.index(entry.name) if entry.name in recent else MOST_RECENT
            rank = (not entry.enabled, -match.score, used, place)
            ranked.append((rank, entry, match))
        ranked.sort(key=lambda each: each[0])
        return [(entry, match) for _, entry, match in ranked]

    def _recent(self) -> list[str]:
        return self._settings.text("palette/recent", "").splitlines()

    # --- doing ---------------------------------------------------------------------------------

    def _run(self, item: QListWidgetItem | None) -> None:
        if item is None or not item.flags() & Qt.ItemFlag.ItemIsEnabled:
            return
        entry, _ = item.data(ENTRY)
        recent = dict.fromkeys([entry.name, *self._recent()])
        self._settings.set_text("palette/recent", "\n".join([*recent][:MOST_RECENT]))
        self.leave()
        if shiboken6.isValid(entry.action):
            entry.action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()  # no shortcut of the window behind it
            elif event.type() == QEvent.Type.KeyPress:
                return self._take_key(event)
        handled = super().eventFilter(watched, event)
        if watched is self._window and event.type() == QEvent.Type.Resize:
            self._place()
        return handled

    def _take_key(self, event: QKeyEvent) -> bool:
        key, control = event.key(), event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if key == Qt.Key.Key_Escape or (key == Qt.Key.Key_K and control):
            self.leave()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run(self.list.currentItem())
        elif key in TO_THE_LIST:
            QApplication.sendEvent(self.list, event)
        elif key not in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):  # there is nowhere to go
            return False
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if not self.card.geometry().contains(event.position().toPoint()):
            self.leave()

    def _place(self) -> None:
        rows = [self.list.item(row).sizeHint().height() for row in range(self.list.count())]
        head = self.field.sizeHint().height() + 3 * theme.SPACE
        low = self.height() - TOP - theme.SPACE_LARGE
        width = min(WIDTH, self.width() - 2 * theme.SPACE_LARGE)
        height = min(head + (sum(rows[:MOST_ROWS]) or ROW) + theme.SPACE, max(low, head + ROW))
        self.card.setGeometry((self.width() - width) // 2, TOP, width, height)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(0, 0, 0, 60))
        palette = self.palette()
        line = theme.blend(palette.window().color(), palette.windowText().color(), 0.25)
        painter.setPen(QPen(line, 1))
        painter.setBrush(palette.window())
        painter.drawRoundedRect(self.card.geometry().adjusted(0, 0, -1, -1), 10, 10)


class _Row(QStyledItemDelegate):
    """Name with the found letters in bold, a mark if it is on, and its keys at the right."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        entry, places = index.data(ENTRY)
        palette = option.palette
        rect: QRect = option.rect
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        group = QPalette.ColorGroup
        here = group.Active if entry.enabled else group.Disabled
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.highlight())
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), theme.RADIUS, theme.RADIUS)
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        painter.setPen(palette.color(here, role))
        inner = rect.adjusted(theme.SPACE, 0, -theme.SPACE, 0)
        if entry.reason:
            below = QRect(inner.left(), inner.bottom() - TALL // 2, inner.width(), TALL // 2)
            painter.drawText(below, Qt.AlignmentFlag.AlignTop, entry.reason)
            inner.setBottom(below.top())
        mark = "✓  " if entry.checked else ""
        keys = entry.keys
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, keys)
        room = inner.width() - painter.fontMetrics().horizontalAdvance(keys) - theme.SPACE_LARGE
        text = painter.fontMetrics().elidedText(
            mark + entry.name, Qt.TextElideMode.ElideRight, room
        )
        layout = QTextLayout(text, painter.font())
        layout.setFormats(_bold([place + len(mark) for place in places], len(text)))
        layout.beginLayout()
        line = layout.createLine()
        line.setLineWidth(inner.width())
        layout.endLayout()
        top = inner.top() + (inner.height() - line.height()) / 2
        layout.draw(painter, QPointF(inner.left(), top))
        painter.restore()


def _bold(places: Sequence[int], length: int) -> list[QTextLayout.FormatRange]:
    """Bold letters at these places of a text, as far as it reaches."""
    ranges = []
    for place in places:
        if place < length:
            letter = QTextLayout.FormatRange()
            letter.start, letter.length = place, 1
            look = QTextCharFormat()
            look.setFontWeight(QFont.Weight.Bold)
            letter.format = look
            ranges.append(letter)
    return ranges
