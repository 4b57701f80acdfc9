"""The history panel and its dock: every step of the document as a tree; a click goes there."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QMainWindow,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.session.session import Session
from shapelab.gui.base import theme
from shapelab.gui.panels.history_model import HistoryModel
from shapelab.gui.panels.history_rows import HistoryRows, star_rect
from shapelab.gui.panels.thumbnails import Thumbnails

NOTHING_MARKED = "No step has a name or a star yet."


class HistoryList(QListView):
    """The steps; click or Enter goes to one, F2 names it, Space or a click on its star stars it.

    Signals:
        compare_wanted: the number of a step that shall be seen beside the shown shape.
    """

    compare_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setItemDelegate(HistoryRows(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Steps of the history")
        self.clicked.connect(self.go)
        self.activated.connect(self.go)
        self.customContextMenuRequested.connect(self._show_menu)

    @property
    def steps(self) -> HistoryModel | None:
        """What is listed; None while there is no document."""
        model = self.model()
        return model if isinstance(model, HistoryModel) else None

    @Slot(QModelIndex)
    def go(self, index: QModelIndex) -> None:
        """Shows the step of a row."""
        if self.steps is not None and index.isValid():
            self.steps.session.go_to_step(self.steps.step(index).number)

    def star(self, index: QModelIndex) -> None:
        """Gives the step of a row a star, or takes it away."""
        if self.steps is not None and index.isValid():
            step = self.steps.step(index)
            self.steps.session.star_step(step.number, not step.starred)

    def name(self, index: QModelIndex) -> None:
        """Opens the field for a name; one that is open stays, about which Qt would complain."""
        if index.isValid() and self.state() != QListView.State.EditingState:
            self.edit(index)

    def compare(self, index: QModelIndex) -> None:
        """Asks to see the step of a row beside the shown shape."""
        if self.steps is not None and index.isValid():
            self.compare_wanted.emit(self.steps.step(index).number)

    def menu(self, index: QModelIndex) -> QMenu:
        """What can be done with a row."""
        starred = self.steps is not None and self.steps.step(index).starred
        menu = QMenu(self)
        menu.addAction("Go There", lambda: self.go(index))
        menu.addAction("Compare with the Shown Shape", lambda: self.compare(index))
        menu.addAction("Name…", lambda: self.name(index))
        menu.addAction("Take the Star Away" if starred else "Star", lambda: self.star(index))
        return menu

    @Slot(QPoint)
    def _show_menu(self, place: QPoint) -> None:
        index = self.indexAt(place)
        if index.isValid():
            menu = self.menu(index)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.viewport().mapToGlobal(place))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        index = self.indexAt(place)
        left = event.button() == Qt.MouseButton.LeftButton
        if left and index.isValid() and star_rect(self.visualRect(index)).contains(place):
            event.accept()
            self.star(index)
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.star(self.currentIndex())
            return
        super().keyPressEvent(event)

    def dataChanged(
        self,
        _first: QModelIndex | QPersistentModelIndex,
        _last: QModelIndex | QPersistentModelIndex,
        _roles: object = (),
    ) -> None:
        """Paints again, without Qt's new layout of all rows: their heights stay."""
        self.viewport().update()

    def keyboardSearch(self, _letters: str) -> None:
        """None: letters are shortcuts of the window."""


class HistoryPanel(QWidget):
    """Follows the session that it is given.

    Signals:
        failed: the exception of a name that cannot be given.
    """

    failed = Signal(object)

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._thumbnails = thumbnails
        self.list = HistoryList()
        self._count = QLabel()
        self._count.setProperty("muted", True)
        self._nothing = QLabel(NOTHING_MARKED)
        self._nothing.setProperty("muted", True)
        self._nothing.setWordWrap(True)
        self._nothing.setContentsMargins(*(theme.SPACE,) * 4)
        self._nothing.hide()
        self.marked_only = QToolButton()
        self.marked_only.setIcon(theme.icon("star"))
        self.marked_only.setCheckable(True)
        self.marked_only.setToolTip("List only steps with a name or a star")
        self.marked_only.setAccessibleName("Only named and starred steps")
        self.star_button, self.name_button = QPushButton("Star"), QPushButton("Name…")
        self.star_button.setToolTip("Star the shown step, to find it again")
        self.name_button.setToolTip("Give the shown step a name")
        self.star_button.clicked.connect(self._star_current)
        self.name_button.clicked.connect(self._name_current)
        self.marked_only.toggled.connect(self._filter)
        head = QHBoxLayout()
        head.setContentsMargins(theme.SPACE + theme.SPACE_SMALL, 0, theme.SPACE, 0)
        head.addWidget(self._count, 1)
        for widget in (self.star_button, self.name_button, self.marked_only):
            head.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SPACE_SMALL, 0, theme.SPACE_SMALL)
        column.setSpacing(theme.SPACE_SMALL)
        column.addLayout(head)
        column.addWidget(self._nothing)
        column.addWidget(self.list, 1)
        self.setEnabled(False)

    def set_session(self, session: Session) -> None:
        """Shows the history of another session."""
        self.stop()
        model = HistoryModel(session, self._thumbnails, self.failed.emit, self)
        self.list.setModel(model)
        for change in (model.rowsInserted, model.modelReset, model.dataChanged):
            change.connect(self._follow)
        self.setEnabled(True)
        if self.marked_only.isChecked():
            model.show_marked_only(True)
        self._follow()

    def stop(self) -> None:
        """Follows no session any more."""
        model = self.list.steps
        if model is not None:
            model.stop()
            self.list.setModel(None)
            model.deleteLater()

    @Slot()
    def _follow(self, *_what: object) -> None:
        model = self.list.steps
        if model is None:
            return
        steps, branches = len(model.lanes.numbers), model.lanes.ends
        words = "1 step" if steps == 1 else f"{steps} steps"
        self._count.setText(words if branches < 2 else f"{words} · {branches} branches")
        empty = model.rowCount() == 0
        self._nothing.setVisible(empty)
        starred = model.session.history.step.starred
        self.star_button.setText("Unstar" if starred else "Star")
        index = model.current_index
        if index.isValid() and index != self.list.currentIndex():
            self.list.setCurrentIndex(index)

    @Slot(bool)
    def _filter(self, only: bool) -> None:
        if self.list.steps is not None:
            self.list.steps.show_marked_only(only)

    @Slot()
    def _star_current(self) -> None:
        model = self.list.steps
        if model is not None:
            step = model.session.history.step
            model.session.star_step(step.number, not step.starred)

    @Slot()
    def _name_current(self) -> None:
        model = self.list.steps
        if model is None:
            return
        self.marked_only.setChecked(False)
        self.list.scrollTo(model.current_index)
        self.list.name(model.current_index)


class HistoryDock(QDockWidget):
    """Hidden until it is asked for, then a tab beside another dock.

    Its action shows it, brings it before the tabs that cover it, and hides it again.
    """

    def __init__(self, window: QMainWindow, beside: QDockWidget, thumbnails: Thumbnails) -> None:
        super().__init__("History", window)
        self.setObjectName("history")
        self.panel = HistoryPanel(thumbnails)
        self.setWidget(self.panel)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self)
        window.tabifyDockWidget(beside, self)
        self.hide()
        self._action: QAction | None = None

    def connect_action(self, action: QAction) -> None:
        """Takes the checkable action that stands in menus and the toolbar."""
        self._action = action
        action.triggered.connect(self._toggle)
        self.toggleViewAction().toggled.connect(action.setChecked)
        action.setChecked(self.toggleViewAction().isChecked())

    @Slot()
    def _toggle(self) -> None:
        covered = self.isVisible() and self.visibleRegion().isEmpty()
        self.setVisible(covered or self.isHidden())
        if not self.isHidden():
            self.raise_()
            self.panel.list.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if self._action is not None:
            self._action.setChecked(not self.isHidden())
