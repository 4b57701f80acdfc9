"""One pane of a comparison: what it shows, its view, and what is said of the distances."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QPixmap, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QStackedWidget,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.gui.base import theme
from shapelab.gui.base.labels import ElidedLabel, heading
from shapelab.gui.base.measured_colours import DISTANCES
from shapelab.gui.compare.comparison import Shown
from shapelab.gui.compare.subjects import KEPT, STEP, Subject
from shapelab.gui.panels.photo_overlay import PhotoOverlay, ViewRequest
from shapelab.gui.panels.shape_pictures import rgba_image
from shapelab.gui.viewport.viewport import Viewport

NAMES = "ABCD"
ICON = 20  # px, of a shape in the list
GOES = (KEPT, STEP)  # what the document can go to


class SubjectBox(QComboBox):
    """The list of what can be shown, in groups."""

    picked = Signal(str)  # key

    def __init__(self, name: str, picture: Callable[[Subject], QImage]) -> None:
        super().__init__()
        self._picture = picture
        self._listed: dict[str, Subject] = {}
        self._items = QStandardItemModel(self)
        self.setModel(self._items)
        self.setAccessibleName(f"What {name} shows")
        self.setIconSize(QSize(ICON, ICON))
        self.setMinimumContentsLength(5)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(lambda row: self.picked.emit(self.itemData(row)))

    def list_subjects(self, listed: dict[str, Subject], key: str) -> None:
        """Lists these, the one of a key chosen; a popup of what was listed before is closed."""
        self._listed = listed
        self.hidePopup()
        model = self._items  # always the same: a popup may hold on to it
        model.clear()
        chosen = -1
        for group, members in groupby(listed.values(), lambda subject: subject.group):
            if group:
                title = QStandardItem(group)
                title.setFlags(Qt.ItemFlag.NoItemFlags)
                model.appendRow(title)
            for subject in members:
                item = QStandardItem(subject.name)
                item.setData(subject.key, Qt.ItemDataRole.UserRole)
                item.setToolTip(subject.lacks or subject.name)
                item.setEnabled(not subject.lacks)
                if subject.key == key:
                    chosen = model.rowCount()
                model.appendRow(item)
        self.setCurrentIndex(chosen)
        self.show_pictures(only=key)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """The chosen name ends with an ellipsis where there is no room for it."""
        super().initStyleOption(option)
        kind, field = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(kind, option, field, self).width()
        if not option.currentIcon.isNull():
            room -= ICON + theme.SPACE_SMALL
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room - theme.SPACE_SMALL
        )

    def showPopup(self) -> None:
        self.show_pictures()
        super().showPopup()

    def show_pictures(self, only: str = "") -> None:
        """Brings the pictures that are there; those that are not are drawn meanwhile."""
        for row in range(self.count()):
            subject = self._listed.get(self.itemData(row) or "")
            if subject is None or (only and subject.key != only):
                continue
            image = self._picture(subject)
            if not image.isNull():
                self.setItemIcon(row, QIcon(QPixmap.fromImage(image)))


class ComparePane(QWidget):
    """Shows one subject.

    Signals:
        picked: the key of what it shall show.
        wanted: the key of the shape that the document shall go to.
    """

    picked = Signal(str)
    wanted = Signal(str)

    def __init__(
        self, place: int, picture: Callable[[Subject], QImage], after: Viewport | None
    ) -> None:
        """Args: after: the view of the pane before, which is built first."""
        super().__init__()
        self.name = NAMES[place]
        self.subject: Subject | None = None
        self.shown: Shown | None = None
        self.viewport, self.photo = Viewport(after=after), PhotoOverlay()
        self.viewport.setMinimumSize(120, 100)
        self.viewport.setAccessibleName(f"3-D view {self.name}")
        self.box = SubjectBox(self.name, picture)
        self.box.picked.connect(self.picked)
        self.go = QToolButton()
        self.go.setIcon(theme.icon("pick"))
        self.go.setToolTip("Go on from this shape")
        self.go.setAccessibleName(f"Go on from shape {self.name}")
        self.go.clicked.connect(lambda: self.subject and self.wanted.emit(self.subject.key))
        self.told = ElidedLabel(elide=Qt.TextElideMode.ElideRight)  # the end matters least
        self.told.setProperty("muted", True)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.viewport)
        self._pages.addWidget(_centred(self.photo))
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_SMALL)
        for widget, stretch in ((heading(self.name), 0), (self.box, 1), (self.go, 0)):
            row.addWidget(widget, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        column.addLayout(row)
        column.addWidget(self._pages, 1)
        column.addWidget(self.told)

    def list_subjects(self, listed: dict[str, Subject], key: str) -> None:
        """Offers these and shows the one of a key from the next comparison on."""
        if self.subject is None or self.subject.key != key:
            self.told.setText("")
        self.subject = listed[key]
        self.box.list_subjects(listed, key)
        self.go.setEnabled(key.startswith(GOES))
        is_photo = self.subject.photo is not None
        self._pages.setCurrentIndex(1 if is_photo else 0)

    def show_shape(self, shown: Shown, mm: float, end: float, ghost: Shown | None) -> None:
        """Shows a surface.

        Args:
            shown: the surface and its distances.
            mm: of a side of the grid.
            end: the distance (mm) of the last colour.
            ghost: what it is held against, if that shall be seen.
        """
        self.shown = shown
        if shown.mesh is None:
            self.viewport.clear(shown.problem or (self.subject.lacks if self.subject else ""))
            self.told.setText("")
            return
        paint = None if shown.distances is None else DISTANCES.painted(shown.distances * mm, end)
        self.viewport.show_mesh(shown.mesh, paint, None if ghost is None else ghost.mesh)
        words = ""
        if shown.figures is not None and shown.against is not None:
            mean, most = shown.figures.mean * mm, shown.figures.farthest * mm
            words = f"Most {most:.2g}, mean {mean:.2g} mm from {NAMES[shown.against]}"
        self.told.setText(words)

    def show_photo(self, request: ViewRequest) -> None:
        """Lays the shape of another pane over the photo, as its camera sees it."""
        original = self.subject.photo if self.subject else None
        if original is None or original.result.prepared is None:
            return
        image = rgba_image(original.result.prepared.rgba)
        if self.photo.pane.image().isNull() or self.photo.caption.text() != original.name:
            self.photo.pane.show_image(image, checkered=True)
            self.photo.caption.setText(original.name)
        self.photo.ask(request)
        self.told.setText("Slide from the photo to shape A, seen by the photo's camera")

    def let_go(self) -> None:
        """Forgets what it lists and shows: that holds models, which may be left meanwhile."""
        self.subject = self.shown = None
        self.box.list_subjects({}, "")

    def stop(self) -> None:
        """Frees the view and ends its threads."""
        self.photo.stop()
        self.viewport.shutdown()


def _centred(widget: QWidget) -> QWidget:
    page = QWidget()
    row = QHBoxLayout(page)
    row.addStretch(1)
    row.addWidget(widget, 4)
    row.addStretch(1)
    return page


def shape_colour() -> tuple[int, int, int]:
    """Of shapes, as the theme has it."""
    colour = QColor(theme.colors().shape)
    return colour.red(), colour.green(), colour.blue()
