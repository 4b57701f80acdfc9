"""The history of a session as the rows of a list, which change as it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QImage

from shapelab.core import formatting
from shapelab.core.errors import ShapelabError
from shapelab.core.session.history import Step
from shapelab.core.session.session import Session
from shapelab.core.session.snapshot import Snapshot
from shapelab.gui.panels.history_lanes import Lanes
from shapelab.gui.panels.thumbnails import Portrait, Thumbnails

Index = QModelIndex | QPersistentModelIndex

ROW = Qt.ItemDataRole.UserRole  # a HistoryRow
LANES = Qt.ItemDataRole.UserRole + 1  # the Lanes of all rows
MOST_PORTRAITS = 1000  # as many as there are thumbnails
BEGINNING = "Beginning"


@dataclass(frozen=True)
class HistoryRow:
    """What a row shows."""

    title: str
    words: str
    named: bool
    starred: bool
    current: bool
    on_line: bool  # of the current line
    ahead: bool  # where redo would lead
    lane: int
    current_row: int
    picture: QImage
    filtered: bool  # the tree is not shown


class HistoryModel(QAbstractListModel):
    """One row a step, in the order of making."""

    def __init__(
        self,
        session: Session,
        thumbnails: Thumbnails,
        failed: Callable[[Exception], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.session = session
        self._thumbnails, self._failed = thumbnails, failed
        self._history = session.history
        self._marked_only = False
        self._portraits: dict[int, tuple[Snapshot, Portrait]] = {}
        self.lanes = Lanes.of(self._history)
        self._shown = self.lanes.numbers
        self._current = self._history.step.number
        self._disconnect = (
            session.step_changed.connect(self._follow_step),
            session.history_changed.connect(self._follow),
            session.model_changed.connect(lambda _model: self._update_all()),
        )
        thumbnails.drawn.connect(self._update_all)

    def stop(self) -> None:
        """Follows the session no more."""
        for disconnect in self._disconnect:
            disconnect()
        self._thumbnails.drawn.disconnect(self._update_all)

    # --- what the view asks ----------------------------------------------------------------------

    def rowCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        step = self.step(index)
        if role == ROW:
            return self._row(step)
        if role == LANES:
            return self.lanes
        if role == Qt.ItemDataRole.EditRole:
            return step.name
        if role == Qt.ItemDataRole.AccessibleTextRole:  # no DisplayRole: letters are for shortcuts
            current = step.number == self._history.step.number
            marks = [word for word, is_so in (("starred", step.starred), ("now", current)) if is_so]
            return ", ".join([_title(step), _words(step), *marks])
        if role == Qt.ItemDataRole.ToolTipRole:
            return "Click to go there, F2 to name it, Space to star it"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        try:
            self.session.name_step(self.step(index).number, str(value))
        except ShapelabError as error:
            self._failed(error)
            return False
        return True

    def step(self, index: Index) -> Step[Snapshot]:
        """The step of a row."""
        return self._history[self._shown[index.row()]]

    @property
    def current_index(self) -> QModelIndex:
        """The row of what is shown now; none where only marked ones are listed."""
        number = self._history.step.number
        if not self._marked_only:
            return self.index(self.lanes.row(number))
        return self.index(self._shown.index(number)) if number in self._shown else QModelIndex()

    def _row(self, step: Step[Snapshot]) -> HistoryRow:
        number, current = step.number, self._history.step.number
        on_line = number in self.lanes.line
        return HistoryRow(
            _title(step),
            _words(step),
            bool(step.name),
            step.starred,
            number == current,
            on_line,
            on_line and number > current,
            self.lanes.lane(number),
            self.lanes.row(current),
            self._thumbnails.picture(self._portrait(step)),
            self._marked_only,
        )

    def _portrait(self, step: Step[Snapshot]) -> Portrait:
        value = step.value
        known = self._portraits.get(step.number)
        if known is None or known[0] is not value:
            if len(self._portraits) >= MOST_PORTRAITS:
                self._portraits.clear()
            known = value, Portrait(value.state, value.surface, self.session.model.digest)
            self._portraits[step.number] = known
        return known[1]

    # --- what changes ----------------------------------------------------------------------------

    def show_marked_only(self, only: bool) -> None:
        """Lists all steps, or those with a name or a star."""
        self._marked_only = only
        self._lay_out()

    def _follow_step(self, number: int) -> None:
        """A step came, changed or went."""
        history, numbers = self.session.history, self.lanes.numbers
        if history is not self._history or self._marked_only or number not in history:
            self._lay_out()
        elif number > numbers[-1]:
            extends = history[number].parent == self._current and self._ends_line()
            if not extends:
                self._lay_out()
                return
            self.beginInsertRows(QModelIndex(), len(numbers), len(numbers))
            self.lanes.append(number)  # the list that is shown
            self.endInsertRows()
        else:
            index = self.index(self.lanes.row(number))
            self.dataChanged.emit(index, index)

    def _follow(self) -> None:
        """The current step is another one, or the line ends elsewhere."""
        history = self.session.history
        number = history.step.number
        following = history.redo_from(number)
        on_line = number == self.lanes.end if following is None else following in self.lanes.line
        if history is not self._history or number not in self.lanes.line or not on_line:
            self._lay_out()
        elif number != self._current:
            self._update_all()
        self._current = number

    def _ends_line(self) -> bool:
        """Whether the step that was current ends the current line."""
        return self._current == self.lanes.end

    def _lay_out(self) -> None:
        self.beginResetModel()
        self._history = self.session.history
        self.lanes = Lanes.of(self._history)
        self._shown = self.lanes.numbers
        if self._marked_only:
            self._shown = [s.number for s in self._history if s.name or s.starred]
        self.endResetModel()

    def _update_all(self, *_news: object) -> None:
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))


def _title(step: Step[Snapshot]) -> str:
    text = step.name or step.text or BEGINNING
    return text[:1].upper() + text[1:]


def _words(step: Step[Snapshot]) -> str:
    """What was done if the title does not say it, the shape's origin, and when."""
    done = step.text if step.name else step.value.state.origin
    return " · ".join(part for part in (done, formatting.date(step.made)) if part)
