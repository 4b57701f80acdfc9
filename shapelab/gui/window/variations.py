"""Variations: the shown shape amid eight neighbours, over the viewport; a click goes there."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Slot
from PySide6.QtGui import (
    QColor,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session.session import RANDOM_SEEDS, Session
from shapelab.core.session.shape_state import ShapeState
from shapelab.gui.base import theme
from shapelab.gui.base.overlay import Overlay
from shapelab.gui.base.sliders import SigmaSlider
from shapelab.gui.base.workers import LatestOnly
from shapelab.gui.panels.shape_pictures import draw_shapes, rgba_image

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

SIDE = 3
CENTRE = SIDE * SIDE // 2  # the tile of the shown shape itself
NEAREST, USUAL, FARTHEST = 0.05, 0.35, 1.0  # distances
DRAFT, MOST = 96, 512  # px along a side of a picture: at once; then as many as its tile has
LARGER = 1.2  # of the tile under the mouse
GAP = 10  # px between tiles
ROOMY, NARROW = 600, 300  # px: from where there is room for the hint, and for one row below tiles
SHOWN = ("Shown now", "Shown")  # the words for the middle tile; the first that fit into it
STEPS: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


@dataclass(frozen=True, eq=False)
class PicturesRequest:
    """What the tiles shall show; compared by identity, so that only the newest counts.

    It is given up once ``over`` is set.
    """

    model: ShapeModel
    states: tuple[ShapeState, ...]
    options: SurfaceOptions
    colour: tuple[int, int, int]
    pixels: int = DRAFT
    draft: bool = True
    over: threading.Event = field(default_factory=threading.Event)


def draw_pictures(request: PicturesRequest) -> list[NDArray[np.uint8]]:
    """RGBA pictures of the states, fewer where it was given up; on a worker's thread."""
    look = request.options, request.pixels, request.colour
    return draw_shapes(request.model, request.states, *look, request.over, request.draft)


class VariationsGrid(Overlay):
    """Covers the viewport; follows the session's shape while it is open."""

    _asked: PicturesRequest | None = None  # Qt hides a widget before it has been made

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Variations")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._session: Session | None = None
        self._disconnect: list[Callable[[], None]] = []
        self._seed = 0
        self._answered: PicturesRequest | None = None
        self._images: list[QImage] = []
        self._marked = -1  # the tile under the mouse or the arrow keys
        self._worker: LatestOnly | None = None
        self.distance = SigmaSlider(
            "Distance",
            NEAREST,
            FARTHEST,
            rest=USUAL,
            unit="",
            decimals=2,
            step=0.05,
            lockable=False,
            name_width=60,
        )
        self.distance.setToolTip("0 is the shape itself, 1 any other one of its class.")
        self.distance.changed.connect(self._ask)
        self.distance.reset_requested.connect(self._reset_distance)
        self.more, self.close_button = QPushButton("More"), QPushButton("Close")
        self.more.setToolTip("Other neighbours (N)")
        self.close_button.setToolTip("Back to the shape (Esc)")
        self.more.clicked.connect(self.show_more)
        self.close_button.clicked.connect(self.hide)
        self._hint = QLabel("Click a shape to go on from there")
        self._hint.setProperty("muted", True)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE)
        for widget in (self._hint, self.more, self.close_button):
            buttons.addWidget(widget)
        self._foot = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._foot.setContentsMargins(*(theme.SPACE_LARGE, theme.SPACE) * 2)
        self._foot.setSpacing(theme.SPACE)
        self._foot.addWidget(self.distance, 1)
        self._foot.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(1)
        column.addLayout(self._foot)

    @property
    def busy(self) -> bool:
        """Whether pictures of other shapes are on their way."""
        return self._asked is not None and self._asked.states is not self.states

    @property
    def states(self) -> tuple[ShapeState, ...]:
        """What the tiles show, row by row; the shown shape is the middle one."""
        return self._answered.states if self._answered else ()

    def set_session(self, session: Session) -> None:
        """Varies the shapes of another session; closes."""
        self.hide()
        for disconnect in self._disconnect:
            disconnect()
        self._session = session
        self._give_up()
        self._answered = None  # it holds the model of before
        self._disconnect = [
            session.shape_changed.connect(lambda _state: self._ask()),
            session.surface_changed.connect(lambda _options: self._ask()),
            session.model_changed.connect(lambda _model: self._ask()),
            session.locked_changed.connect(lambda _locked: self._ask()),
        ]

    def stop(self) -> None:
        """Ends the thread."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    @Slot()
    def show_more(self) -> None:
        """Opens the grid, or fills it with other neighbours."""
        if self._session is None:
            return
        self._seed = random.randrange(RANDOM_SEEDS)
        if self.isHidden():
            self._images, self._marked = [], -1
            self.show()
            self.setFocus(Qt.FocusReason.PopupFocusReason)
        self._ask()

    def go_to(self, tile: int) -> None:
        """Shows a tile's shape; its neighbours come next. The middle one closes the grid."""
        if self._session is None or self._answered is None or self.busy:
            return
        if tile == CENTRE:
            self.hide()
        else:
            self._seed = random.randrange(RANDOM_SEEDS)
            self._session.go_to(self._answered.states[tile], "variation")

    # --- asking --------------------------------------------------------------------------------

    def _ask(self) -> None:
        session = self._session
        if session is None or self.isHidden():
            return
        if self._worker is None:
            self._worker = LatestOnly(draw_pictures, self)
            self._worker.done.connect(self._show_pictures)
        around = session.variations(self._seed, self.distance.value(), SIDE * SIDE - 1)
        states = (*around[:CENTRE], session.state, *around[CENTRE:])
        colour = QColor(theme.colors().shape)
        rgb = (colour.red(), colour.green(), colour.blue())
        if self._asked is not None and not self._asked.draft:
            self._give_up()  # drafts are shown meanwhile, as the shape moves on
        self._asked = PicturesRequest(session.model, states, session.surface, rgb)
        self._worker.submit(self._asked)

    def _give_up(self) -> None:
        """Draws no more of what was asked for; nobody waits for it."""
        if self._asked is not None:
            self._asked.over.set()
        self._asked = None

    def _reset_distance(self) -> None:
        self.distance.set_value(USUAL)
        self._ask()

    @Slot(object, object)
    def _show_pictures(self, request: PicturesRequest, pictures: list[NDArray[np.uint8]]) -> None:
        if request.over.is_set():
            return
        self._answered = request
        self._images = [rgba_image(picture) for picture in pictures]
        self.update()
        if request is self._asked:
            self._sharpen()

    def _sharpen(self) -> None:
        """Draws what the tiles show as finely as they are large, unless it is."""
        if self.busy or self._asked is None or self._worker is None:
            return
        side = self.tile_rect(0).width() * self.devicePixelRatioF()
        pixels = min(max(DRAFT, round(side)), MOST)
        if self._asked.draft or self._asked.pixels < pixels:
            self._asked = replace(self._asked, pixels=pixels, draft=False)
            self._worker.submit(self._asked)

    # --- the user's hands ----------------------------------------------------------------------

    def tile_rect(self, tile: int) -> QRectF:
        """Where a tile lies while it is not enlarged."""
        high = self._floor()
        side = (min(self.width(), high) - (SIDE + 1) * GAP) / SIDE
        across = SIDE * side + (SIDE - 1) * GAP
        row, column = divmod(tile, SIDE)
        left = (self.width() - across) / 2 + column * (side + GAP)
        return QRectF(left, (high - across) / 2 + row * (side + GAP), side, side)

    def _floor(self) -> int:
        """Where the tiles end, and the row or two below them begin."""
        return self.height() - self._foot.minimumSize().height()

    def tile_at(self, place: QPoint) -> int:
        """The tile under a place, or -1."""
        for tile in range(SIDE * SIDE):
            if self.tile_rect(tile).contains(QPointF(place)):
                return tile
        return -1

    def _mark(self, tile: int) -> None:
        if tile != self._marked:
            self._marked = tile
            self.setCursor(
                Qt.CursorShape.PointingHandCursor if tile >= 0 else Qt.CursorShape.ArrowCursor
            )
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mark(self.tile_at(event.position().toPoint()))

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self.isHidden():  # not with a minimised window
            self._give_up()

    def leaveEvent(self, event: QEvent) -> None:
        self._mark(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the view below must not turn
        tile = self.tile_at(event.position().toPoint())
        if tile >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.go_to(tile)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()  # may be one that Qt has no name for
        if key == Qt.Key.Key_Escape:
            self.hide()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.go_to(self._marked if self._marked >= 0 else CENTRE)
        elif key in STEPS:
            row, column = divmod(self._marked if self._marked >= 0 else CENTRE, SIDE)
            right, down = STEPS[key]
            row, column = (min(max(at, 0), SIDE - 1) for at in (row + down, column + right))
            self._mark(row * SIDE + column)
        else:
            super().keyPressEvent(event)

    # --- painting ------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._hint.setVisible(self.width() > ROOMY)
        self._foot.setDirection(across if self.width() > NARROW else down)
        super().resizeEvent(event)
        self._sharpen()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), self.palette().window())
        for tile in sorted(range(SIDE * SIDE), key=lambda each: each == self._marked):
            self._paint_tile(painter, tile)

    def _paint_tile(self, painter: QPainter, tile: int) -> None:
        palette = self.palette()
        window, text = palette.window().color(), palette.windowText().color()
        place, marked = self.tile_rect(tile), tile == self._marked
        if marked:
            more = (LARGER - 1) * place.width() / 2
            place.adjust(-more, -more, more, more)
            place.moveTop(min(max(place.top(), 2), self._floor() - place.height()))
        painter.setBrush(palette.base())
        accent = palette.highlight().color()
        quiet = theme.blend(window, text, 0.16)
        painter.setPen(QPen(accent if marked or tile == CENTRE else quiet, 2 if marked else 1))
        painter.drawRoundedRect(place, theme.RADIUS, theme.RADIUS)
        if self._images:
            painter.drawImage(place.adjusted(4, 4, -4, -4), self._images[tile])
        if tile == CENTRE:
            self._paint_words(painter, place)

    def _paint_words(self, painter: QPainter, place: QRectF) -> None:
        """What the middle tile is, in its corner, on a ground that keeps the picture off."""
        metrics = painter.fontMetrics()
        corner = place.topLeft() + QPointF(2, 2)
        for words in SHOWN:
            ground = QRectF(corner, metrics.size(0, words)).adjusted(0, 0, theme.SPACE, 2)
            if ground.right() < place.right():
                painter.setPen(Qt.PenStyle.NoPen)
                painter.drawRoundedRect(ground, theme.RADIUS, theme.RADIUS)
                painter.setPen(self.palette().highlight().color())
                painter.drawText(ground, Qt.AlignmentFlag.AlignCenter, words)
                break
