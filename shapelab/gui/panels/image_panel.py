"""The image panel: invites a picture, shows how it was read and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.gui.base import theme
from shapelab.gui.base.labels import (
    MARGIN,
    SPACING,
    BusyLine,
    ElidedLabel,
    heading,
    muted,
    readable,
    scrolled,
)
from shapelab.gui.panels.doubt_box import DoubtBox
from shapelab.gui.panels.photo_overlay import PhotoOverlay
from shapelab.gui.panels.shape_pictures import PicturePane, depth_images, rgba_image, silhouettes

if TYPE_CHECKING:
    from shapelab.core.inputs.images import PreparedImage
    from shapelab.core.inputs.reconstruct import Reconstruction

#: Only what a reconstruction's own note does not say.
METHODS = {"grabcut": "Background removed with GrabCut."}
CORRECT = "Cut Out…"
KINDS = {"picture": "Picture", "mesh": "Mesh", "voxels": "Voxel grid", "points": "Point cloud"}
KINDS |= {"depth": "Depth picture"}
PICTURE_CAPTIONS = ("Your picture", "What the model sees")
PICTURES_WANTED = (
    "Drop a picture here",
    "or a mesh, voxel file or scan – ShapeLab rebuilds its shape",
)
NO_PICTURES = ("Drop a mesh, voxel file or scan here", "this model was trained without pictures")
#: Quarter turns (0 tips it over), icon, name, what it does.
POSES = (
    (1, "rotate-left", "Turn left", "Turn it to the left, as seen from above."),
    (-1, "rotate-right", "Turn right", "Turn it to the right, as seen from above."),
    (0, "tip", "Tip over", "Tip it forward: its back is up then."),
)
GRID_CAPTIONS = ("From the front", "From the right")
DEPTH_CAPTIONS = ("Near is bright", "What was taken")


class DropHint(QFrame):
    """A dashed frame that says what can be dropped; the window itself takes the drop."""

    def __init__(self) -> None:
        super().__init__()
        self._symbol = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.title = heading(PICTURES_WANTED[0])
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._more = muted(PICTURES_WANTED[1])
        self._more.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open = QPushButton(theme.icon("open"), "Open…")
        self.paste = QPushButton(theme.icon("paste"), "Paste")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.open)
        buttons.addWidget(self.paste)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * MARGIN, 2 * MARGIN, 2 * MARGIN, 2 * MARGIN)
        column.setSpacing(SPACING)
        column.addStretch(1)
        for widget in (self._symbol, self.title, self._more):
            column.addWidget(widget)
        column.addSpacing(SPACING)
        column.addLayout(buttons)
        column.addStretch(1)
        self._draw_symbol()

    def ask_for(self, pictures: bool) -> None:
        """Invites what the model takes; of pictures, another model makes a shape otherwise."""
        title, more = PICTURES_WANTED if pictures else NO_PICTURES
        self.title.setText(title)
        self._more.setText(more)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_symbol()

    def paintEvent(self, _event: QPaintEvent) -> None:
        palette = self.palette()
        window, text = palette.window().color(), palette.windowText().color()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.blend(window, text, 0.35), 1.5, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([4, 4])
        painter.setPen(pen)
        painter.setBrush(theme.blend(window, palette.base().color(), 0.5))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)

    def _draw_symbol(self) -> None:
        self._symbol.setPixmap(theme.icon("picture").pixmap(QSize(40, 40)))


class ImagePanel(QWidget):
    """Shows what the shape was made from, or invites a picture.

    Signals:
        picture_requested: Open… was pressed.
        paste_requested: Paste was pressed.
        cancel_requested: Cancel was pressed while busy.
        correct_requested: the cut-out of the picture that is shown shall be corrected.
        dismissed: what is shown of a picture without an object may go.
        pose_requested: what is no picture shall be turned by so many quarters, counter-clockwise
            from above, or tipped forward (0).
        completion_requested: what is no picture was taken from one side, from where the view looks.
        angle_requested: the depth picture that is shown is so many degrees wide.
    """

    picture_requested = Signal()
    paste_requested = Signal()
    cancel_requested = Signal()
    correct_requested = Signal()
    dismissed = Signal()
    pose_requested = Signal(int)
    completion_requested = Signal()
    angle_requested = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages = QStackedWidget()
        self._pages.setEnabled(False)  # until there is a shape
        self.hint = DropHint()
        self._pages.addWidget(_framed(self.hint))
        self._pages.addWidget(self._build_result())
        self._pages.addWidget(self._build_missing())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._build_busy())
        column.addWidget(self._pages, 1)
        for source in (self.hint.open, self.open):
            source.clicked.connect(self.picture_requested)
        for source in (self.hint.paste, self.paste):
            source.clicked.connect(self.paste_requested)

    def sizeHint(self) -> QSize:
        return QSize(320, 380)

    def busy(self, is_busy: bool, text: str = "Reading…") -> None:
        """Shows or hides the thin progress line with its Cancel button."""
        self.working.setText(text)
        self.cancel.setEnabled(is_busy)
        self.cancel.setText("Cancel")
        self._busy_box.setVisible(is_busy)
        own = (self.open, self.paste, self.correct, self.draw_box, self.doubt, self.pose)
        for button in (self.hint.open, self.hint.paste, *own):
            button.setEnabled(not is_busy)

    def show_nothing(self) -> None:
        """Shows that the shape was made from no picture or file."""
        self._pages.setEnabled(True)
        self._pages.setCurrentIndex(0)

    def show_agreement(self, share: float | None) -> None:
        """Says how well the shape that is shown agrees with its mesh or voxels (IoU)."""
        text = ""
        if share is not None:
            from shapelab.core.inputs.reconstruct import POOR  # and the readers of all files

            text = f"The shape shown agrees with it to {share:.0%} (IoU)."
            if share < POOR:
                text += " The model does not know shapes like this well."
        if text != self.agreement.text():
            self.agreement.setText(text)
            self.agreement.setVisible(bool(text))

    def show_reconstruction(self, result: Reconstruction, name: str = "") -> None:
        """Shows how an input was read.

        Args:
            result: what ``core.reconstruct`` gave.
            name: of the file; without one, the kind of input is named.
        """
        kind = KINDS.get(result.source_kind, "Input")
        self.title.setText(name or kind)
        self.taken_for.setText(f"Taken for: <b>{readable(result.class_name)}</b>")
        if result.prepared is not None:
            first = rgba_image(result.prepared.original)
            second = rgba_image(result.prepared.rgba)
            method, captions = METHODS.get(result.prepared.method, ""), PICTURE_CAPTIONS
        elif result.scan is not None and result.scan.deep is not None:
            first, second = depth_images(result.scan.deep, QColor(theme.colors().shape))
            method, captions = f"{kind}, seen as {result.scan.words}.", DEPTH_CAPTIONS
        else:
            first, second = self._views(result)
            held = "" if result.scan is None else f" of {result.scan.words},"
            method, captions = f"{kind}{held} read as a solid grid.", GRID_CAPTIONS
        is_picture = result.prepared is not None
        self.doubt.setVisible(is_picture)
        self.pose.setVisible(result.voxels is not None)
        deep = None if result.scan is None else result.scan.deep
        self.correct.setVisible(is_picture or deep is not None)
        self.complete.setVisible(result.scan is not None and deep is None)
        self._angle_row.setVisible(deep is not None)
        if deep is not None:
            self._used_angle = round(deep.lens.angle(deep.picture.size[0]), 1)
            self.angle.setValue(self._used_angle)
        self.overlay.take_away()
        self.first.show_image(first, checkered=is_picture, smooth=is_picture)
        self.second.show_image(second, checkered=is_picture, smooth=is_picture)
        for label, caption in zip(self._captions, captions, strict=True):
            label.setText(caption)
        self.method.setText(method)
        self.method.setVisible(bool(method))
        self.note.setText(result.note)
        self.note.setVisible(bool(result.note))
        self.show_agreement(None)
        self._pages.setEnabled(True)
        self._pages.setCurrentIndex(1)

    def show_missing(self, name: str, picture: PreparedImage) -> None:
        """Shows a picture in which no object was found, to be cut out by hand."""
        self.missing.setText(f"No object found in {name}")
        self._missing_pane.show_image(rgba_image(picture.original))
        self._pages.setEnabled(True)
        self._pages.setCurrentIndex(2)

    def stop(self) -> None:
        """Ends the threads."""
        self.overlay.stop()
        self.doubt.stop()

    def _build_missing(self) -> QWidget:
        """The page of a picture in which no object was found."""
        self._missing_pane, self.missing = PicturePane(), ElidedLabel(bold=True)
        self.draw_box, self.dismiss = QPushButton("Draw a Box…"), QPushButton("Close")
        self.draw_box.setToolTip("Say what in the picture is the object.")
        self.draw_box.clicked.connect(self.correct_requested)
        self.dismiss.clicked.connect(self.dismissed)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING)
        buttons.addStretch(1)
        buttons.addWidget(self.dismiss)
        buttons.addWidget(self.draw_box)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(SPACING)
        column.addWidget(self.missing)
        column.addWidget(muted("Draw a box round it, and its shape is made."))
        column.addLayout(buttons)  # in sight however low the panel is
        column.addWidget(self._missing_pane)
        column.addStretch(1)
        return scrolled(page)

    def _build_busy(self) -> QWidget:
        self._busy_box = QWidget(visible=False)
        self.progress = BusyLine()
        self.working = ElidedLabel()
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self._cancel)
        row = QHBoxLayout()
        row.setContentsMargins(MARGIN, SPACING, MARGIN, 0)
        row.addWidget(self.working, 1)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self._busy_box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.progress)
        column.addLayout(row)
        return self._busy_box

    def _build_result(self) -> QWidget:
        self.first, self.overlay = PicturePane(), PhotoOverlay()
        self.second = self.overlay.pane
        self._captions = (muted(), self.overlay.caption)
        self._captions[0].setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.correct = QPushButton(theme.icon("scissors"), CORRECT)
        self.correct.setToolTip("Say what in the picture is the object (Ctrl+U).")
        self.correct.clicked.connect(self.correct_requested)
        left = QVBoxLayout()
        left.setSpacing(theme.SPACE_SMALL)
        for widget in (self.first, self._captions[0], self.correct):
            left.addWidget(widget)
        left.addStretch(1)
        panes = QHBoxLayout()
        panes.setSpacing(SPACING)
        panes.addLayout(left, 1)
        panes.addWidget(self.overlay, 1)
        self.doubt = DoubtBox()
        self.title = ElidedLabel(bold=True)
        self.taken_for, self.method, self.note = QLabel(), muted(), muted()
        self.agreement = muted()
        self.agreement.hide()
        self.open, self.paste = QPushButton("Open…"), QPushButton("Paste")
        self.open.setToolTip("Choose another picture, mesh, voxel file or scan.")
        self.paste.setToolTip("Take the picture on the clipboard.")
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING)
        buttons.addStretch(1)
        buttons.addWidget(self.open)
        buttons.addWidget(self.paste)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(4)
        column.addLayout(panes)
        column.addSpacing(SPACING)
        for part in (self.title, self.taken_for, self.doubt, self._build_pose()):
            column.addWidget(part)
        column.addSpacing(SPACING)
        for label in (self.method, self.note, self.agreement):
            column.addWidget(label)
        column.addSpacing(SPACING)
        column.addLayout(buttons)
        column.addStretch(1)
        return scrolled(page)

    def _build_pose(self) -> QWidget:
        """Which way up, and which side is the front, where that was guessed wrongly."""
        self.pose = QWidget()
        column = QVBoxLayout(self.pose)
        column.setContentsMargins(0, SPACING, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_SMALL)
        column.addLayout(row)
        row.addWidget(muted("Stand it up:"))
        for turns, icon, name, tip in POSES:
            button = QToolButton()
            button.setIcon(theme.icon(icon))
            button.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
            button.setAccessibleName(name)
            button.setToolTip(tip)
            button.clicked.connect(lambda _on, turns=turns: self.pose_requested.emit(turns))
            row.addWidget(button)
        row.addStretch(1)
        self.complete = QPushButton("Seen from Here")
        self.complete.setToolTip(
            "A scan of one side: turn the view to where it was taken from, then click. The shape "
            "is fitted to what was seen from there, and the rest is completed."
        )
        self.complete.clicked.connect(self.completion_requested)
        column.addWidget(self.complete, alignment=Qt.AlignmentFlag.AlignLeft)
        self._angle_row = QWidget()
        angle = QHBoxLayout(self._angle_row)
        angle.setContentsMargins(0, 0, 0, 0)
        angle.setSpacing(theme.SPACE_SMALL)
        self.angle = QDoubleSpinBox(decimals=1, minimum=10, maximum=140, suffix="°")
        self._used_angle = self.angle.value()
        self.angle.setAccessibleName("Field of view")
        self.angle.setToolTip(
            "How wide the depth picture is. Guessed by its size: 58° is a Kinect's, 90° a "
            "RealSense's. With a wrong one the object comes out too deep or too flat."
        )
        self.angle.editingFinished.connect(self._ask_for_angle)
        angle.addWidget(muted("Field of view:"))
        angle.addWidget(self.angle)
        angle.addStretch(1)
        column.addWidget(self._angle_row)
        return self.pose

    def _ask_for_angle(self) -> None:
        """Once a number is typed or stepped to that is another than the one that was used."""
        if self.angle.value() != self._used_angle:
            self.angle_requested.emit(self.angle.value())

    def _views(self, result: Reconstruction) -> tuple[QImage, QImage]:
        colour = QColor(theme.colors().shape)
        grid = result.occupancy if result.voxels is None else result.voxels
        return silhouettes(np.asarray(grid), colour)

    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.cancel.setText("Stopping…")
        self.cancel_requested.emit()


def _framed(inner: QWidget) -> QWidget:
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
    layout.addWidget(inner)
    return box
