"""The morph panel: pins two shapes and travels between them by hand or by playing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QElapsedTimer, QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QHideEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session.session import Session
from shapelab.core.session.shape_state import Morph, ShapeState
from shapelab.gui.base import theme
from shapelab.gui.base.labels import MARGIN, SPACING, ElidedLabel, muted, scrolled
from shapelab.gui.base.readout import Readout
from shapelab.gui.base.sliders import FineSlider
from shapelab.gui.base.workers import LatestOnly
from shapelab.gui.panels.shape_pictures import PicturePane, draw_shapes, rgba_image

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

FRAME_MS = 33  # about 30 frames a second; the decoder drops what it cannot keep up with
JOURNEY = 4.0  # seconds from A to B at 1x
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
MODES = (("Curved", "slerp"), ("Straight", "lerp"))
STOPS = 1000  # slider positions between A and B
PICTURE = 160  # pixels along each side of a pin's picture
WAITING = "…"


@dataclass(frozen=True, eq=False)
class PinRequest:
    """A pinned shape whose picture is wanted."""

    model: ShapeModel
    state: ShapeState
    options: SurfaceOptions
    colour: tuple[int, int, int]


def draw_pin(request: PinRequest) -> NDArray[np.uint8]:
    """The picture (PICTURE, PICTURE, 4) of a pinned shape; a tenth of a second, so for a worker."""
    look = request.options, PICTURE, request.colour
    return draw_shapes(request.model, [request.state], *look)[0]


class PinCard(QWidget):
    """One end of the path: picture, origin and the button that pins the shown shape."""

    failed = Signal(object)  # exception: there is no picture of the shape

    def __init__(self, letter: str) -> None:
        super().__init__()
        self.state: ShapeState | None = None
        self._letter = letter
        self._asked: PinRequest | None = None
        self._pictures = LatestOnly(draw_pin, self)
        self._pictures.done.connect(self._show_picture)
        self._pictures.failed.connect(self._show_failure)
        self.pane = PicturePane(letter)
        self.origin = ElidedLabel(align=Qt.AlignmentFlag.AlignHCenter)
        self.pin = QPushButton(theme.icon("pin"), f"Pin {letter}")
        self.pin.setToolTip(f"Make the shown shape end {letter} of the path.")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.pane)
        column.addWidget(self.origin)
        column.addWidget(self.pin)
        self.empty()

    def empty(self) -> None:
        """Shows that nothing is pinned; a picture that is still on its way is not awaited."""
        self.state = self._asked = None
        self.pane.show_word(self._letter)
        self.origin.setText("not pinned")
        self.origin.setEnabled(False)

    def show_state(self, state: ShapeState, session: Session) -> None:
        """Shows a pinned shape by its name at once, by its picture as soon as that is drawn."""
        if state is not self.state:
            self.state = state
            self.pane.show_word(WAITING)
            self.origin.setText(state.origin)
            self.origin.setEnabled(True)
        colour = QColor(theme.colors().shape)
        rgb = (colour.red(), colour.green(), colour.blue())
        self._asked = PinRequest(session.model, state, session.surface, rgb)
        self._pictures.submit(self._asked)

    def stop(self) -> None:
        """Ends the thread that draws."""
        self._pictures.stop()

    @Slot(object, object)
    def _show_picture(self, request: PinRequest, rgba: NDArray[np.uint8]) -> None:
        if request is self._asked:
            self.pane.show_image(rgba_image(rgba))

    @Slot(object, object)
    def _show_failure(self, request: PinRequest, error: Exception) -> None:
        if request is self._asked:
            self.pane.show_word(self._letter)
            self.failed.emit(error)


class MorphPanel(QWidget):
    """Views the session's morph; playing moves it by elapsed time and is one undo step."""

    failed = Signal(object)  # exception: a pin has no picture

    def __init__(self, session: Session | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session: Session | None = None
        self._disconnect: list[Callable[[], None]] = []
        self._heading = 1.0  # towards B; -1 towards A on the way back of a loop
        self._moving = False  # the change that is being told came from here
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock = QElapsedTimer()
        self.cards = (PinCard("A"), PinCard("B"))
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(SPACING)
        ends = QHBoxLayout()
        ends.setSpacing(SPACING)
        for card in self.cards:
            ends.addWidget(card, 1)
        column.addLayout(ends)
        self.reason = muted()
        column.addWidget(self.reason)
        self._travel = self._build_travel()
        column.addWidget(self._travel)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(page))
        self._connect_widgets()
        self._show_playing()
        self.set_session(session)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def sizeHint(self) -> QSize:
        return QSize(320, 360)

    def set_session(self, session: Session | None) -> None:
        """Views another session; None greys the panel out."""
        self.stop()
        for disconnect in self._disconnect:
            disconnect()
        self._disconnect = []
        self._session = session
        self.setEnabled(session is not None)
        self._show_morph(Morph() if session is None else session.morph)
        if session is not None:
            self._disconnect = [
                session.morph_changed.connect(self._show_morph),
                session.shape_changed.connect(self._yield_to_others),
                session.surface_changed.connect(lambda _options: self._redraw()),
            ]

    def play(self) -> None:
        """Starts the journey; from B, where nothing is left to travel, it starts again at A."""
        if self._session is None or not self._travel.isEnabled() or self.playing:
            return
        if self._session.morph.t >= 1 and not self.loop.isChecked():
            self._move(0.0)
        self._session.finish_edit()
        self._heading = -1.0 if self._session.morph.t >= 1 else 1.0
        self._clock.start()
        self._timer.start()
        self._show_playing()

    def shutdown(self) -> None:
        """Pauses, and ends the threads that draw the pins; the window calls it before it closes."""
        self.stop()
        for card in self.cards:
            card.stop()

    def stop(self) -> None:
        """Pauses; what was played is one undo step."""
        if self.playing:
            self._timer.stop()
            if self._session is not None:
                self._session.finish_edit()
            self._show_playing()

    def advance(self, seconds: float) -> None:
        """Travels on by some seconds of playing: there and back in a loop, else up to B."""
        if self._session is None:
            return
        step = seconds * float(self.speed.currentData()) / JOURNEY
        t = self._session.morph.t
        if self.loop.isChecked():
            # A to B and back is a circle of circumference 2, unrolled.
            place = ((t if self._heading > 0 else 2 - t) + step) % 2
            self._heading = 1.0 if place < 1 else -1.0
            self._move(min(place, 2 - place))
        else:
            t = min(max(t + self._heading * step, 0.0), 1.0)
            self._move(t)
            if t in (0.0, 1.0):
                self.stop()

    def hideEvent(self, event: QHideEvent) -> None:
        # A dock may be closed to see more of the shape; only a closed window ends the journey.
        if not self.window().isVisible():
            self.stop()
        super().hideEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._redraw()

    def _redraw(self) -> None:
        """Draws the pins again, in another colour or with another surface."""
        for card in self.cards:
            if card.state is not None and self._session is not None:
                card.show_state(card.state, self._session)

    def _build_travel(self) -> QWidget:
        self.slider = FineSlider(0, STOPS, 0)
        self.slider.setSingleStep(STOPS // 100)
        self.slider.setPageStep(STOPS // 10)
        self.slider.setAccessibleName("Place between A and B")
        self.percent = Readout(self.slider, self.fontMetrics().horizontalAdvance("100 %") + 2)
        self.toggle = QPushButton("Play")
        self.loop = QToolButton()
        self.loop.setCheckable(True)
        self.loop.setIcon(theme.icon("loop"))
        self.loop.setToolTip("Loop: travel there and back until you pause.")
        self.loop.setAccessibleName("Loop")
        self.speed = QComboBox()
        self.speed.setToolTip(f"At 1× the way from A to B takes {JOURNEY:.0f} seconds.")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g}×", speed)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.mode = QComboBox()
        for text, mode in MODES:
            self.mode.addItem(text, mode)
        self.mode.setToolTip(
            "The way from A to B.\n"
            "Curved (slerp): turns A into B at constant speed; shapes stay lively.\n"
            "Straight (lerp): blends the numbers of A and B."
        )
        self.mode.setAccessibleName("Path")
        self.speed.setAccessibleName("Speed")
        self.mode.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        way, controls = QHBoxLayout(), QHBoxLayout()
        for widget in (QLabel("A"), self.slider, QLabel("B"), self.percent):
            way.addWidget(widget, 1 if widget is self.slider else 0)
        controls.setSpacing(theme.SPACE_SMALL)  # or they would make the dock wider than it begins
        for control in (self.toggle, self.loop, self.speed):
            controls.addWidget(control)
        controls.addWidget(self.mode, 1)
        column.addLayout(way)
        column.addLayout(controls)
        return box

    def _connect_widgets(self) -> None:
        for card in self.cards:
            card.failed.connect(self.failed)
        self.cards[0].pin.clicked.connect(lambda: self._pin("pin_a"))
        self.cards[1].pin.clicked.connect(lambda: self._pin("pin_b"))
        self.slider.valueChanged.connect(self._drag)
        self.slider.edit_finished.connect(self._finish)
        self.slider.reset_requested.connect(lambda: self._drag(0))
        self.slider.typing_requested.connect(self.percent.edit)
        self.percent.typed.connect(self._take)
        self.toggle.clicked.connect(lambda: self.stop() if self.playing else self.play())
        self.mode.activated.connect(self._choose_mode)
        self._timer.timeout.connect(lambda: self.advance(self._clock.restart() / 1000))

    def _pin(self, which: str) -> None:
        self.stop()
        if self._session is not None:
            getattr(self._session, which)()

    def _drag(self, stop: int) -> None:
        self.stop()
        self._move(stop / STOPS)

    def _take(self, percent: float) -> None:
        self.stop()
        self._move(percent / 100)
        self._finish()

    def _choose_mode(self, row: int) -> None:
        if self._session is not None:
            with self._own_change():
                self._session.set_morph_mode(self.mode.itemData(row))

    def _move(self, t: float) -> None:
        if self._session is not None:
            with self._own_change():
                self._session.set_morph(t)

    @contextmanager
    def _own_change(self) -> Iterator[None]:
        self._moving = True
        try:
            yield
        finally:
            self._moving = False

    def _finish(self) -> None:
        if self._session is not None:
            self._session.finish_edit()

    def _yield_to_others(self, _state: ShapeState) -> None:
        if not self._moving:
            self.stop()

    def _show_morph(self, morph: Morph) -> None:
        for card, state in zip(self.cards, (morph.a, morph.b), strict=True):
            if state is None or self._session is None:
                card.empty()
            elif card.state is not state:
                card.show_state(state, self._session)
        missing = [letter for letter, end in (("A", morph.a), ("B", morph.b)) if end is None]
        self._travel.setEnabled(not missing)
        self.reason.setText(_reason(missing, len(morph.between)))
        self.reason.setVisible(bool(self.reason.text()))
        if missing:
            self.stop()
        self.slider.blockSignals(True)
        self.slider.setValue(round(morph.t * STOPS))
        self.slider.blockSignals(False)
        self.percent.set_text(f"{100 * morph.t:.0f} %")
        self.mode.setCurrentIndex(self.mode.findData(morph.mode))

    def _show_playing(self) -> None:
        self.toggle.setText("Pause" if self.playing else "Play")
        self.toggle.setIcon(theme.icon("pause" if self.playing else "play"))


def _reason(missing: list[str], between: int) -> str:
    if len(missing) == 2:
        return "Pin A, choose another shape, then pin B: the way between them opens."
    if missing:
        return f"Now show another shape and pin it as {missing[0]}."
    if between:
        return f"The way leads through {formatting.counted(between, 'shape')} between A and B."
    return ""
