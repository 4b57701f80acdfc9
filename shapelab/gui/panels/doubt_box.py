"""How sure the model is of a picture: what it may show, and other shapes that it may be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QGridLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from shapelab.gui.base import theme
from shapelab.gui.base.labels import SPACING, heading, readable
from shapelab.gui.base.workers import LatestOnly
from shapelab.gui.panels.shape_pictures import rgba_image

if TYPE_CHECKING:
    from shapelab.core.inputs.reconstruct import ClassGuess, Reconstruction
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.model.silhouette_fit import Fit

SHOWN_GUESSES, LEAST_SHARE = 3, 0.005
MOST_CARDS, COLUMNS = 8, 4
PIXELS = 96  # along a side of a card's picture
ALIKE = 0.8  # IoU of shapes that need no two cards
_SOLID = 0.5


@dataclass(frozen=True, eq=False)
class CardsRequest:
    """A reconstruction whose hypotheses shall be drawn."""

    model: ShapeModel
    result: Reconstruction
    colour: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Card:
    """A hypothesis as a card shows it."""

    index: int  # in the fit
    picture: NDArray[np.uint8]  # (PIXELS, PIXELS, 4), from its camera
    overlap: float  # IoU of its silhouette with the cut-out


def draw_cards(request: CardsRequest) -> list[Card]:
    """The hypotheses that differ, the likeliest first and the chosen one in any case."""
    from shapelab.core.inputs.photo_view import photo_view
    from shapelab.core.inputs.reconstruct import iou

    fit, chosen = request.result.fit, request.result.chosen
    assert fit is not None
    hypotheses = fit.hypotheses
    grids = request.model.decode(np.stack([each.latent for each in hypotheses]))
    order = [chosen, *(k for k in range(len(hypotheses)) if k != chosen)]
    kept: list[int] = []
    for k in order:
        if all(iou(grids[k] > _SOLID, grids[other] > _SOLID) < ALIKE for other in kept):
            kept.append(k)
    return [
        Card(
            k,
            photo_view(grids[k], hypotheses[k].cameras[0], PIXELS, request.colour),
            hypotheses[k].overlap,
        )
        for k in sorted(kept[:MOST_CARDS])
    ]


class GuessChip(QAbstractButton):
    """A class with its probability as words and as a bar; checked while it is taken for that."""

    def __init__(self, guess: ClassGuess, told: bool) -> None:
        super().__init__()
        self.guess = guess
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        share = "" if guess.share is None else f" {guess.share:.0%}"
        self.setText(readable(guess.name) + share)
        self.setAccessibleName(self.text())
        name = readable(guess.name).lower()
        self.setToolTip(
            f"You said that it is a {name}; click to let the model guess again."
            if told
            else f"Click to say that it is a {name}: the shape is fitted again as one."
        )

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 20, metrics.height() + 12)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, room = theme.colors(), QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        marked = self.isChecked() or self.underMouse() or self.hasFocus()
        painter.setPen(QPen(QColor(colours.accent if marked else colours.border), 1))
        painter.setBrush(QColor(colours.raised))
        painter.drawRoundedRect(room, theme.RADIUS, theme.RADIUS)
        bar = room.adjusted(6, room.height() - 5, -6, -3)
        share = self.guess.share
        if share is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.border))
            painter.drawRoundedRect(bar, 1, 1)
            bar.setWidth(max(bar.width() * share, 2))
            painter.setBrush(QColor(colours.accent if self.isChecked() else colours.muted))
            painter.drawRoundedRect(bar, 1, 1)
        painter.setPen(QColor(colours.accent if self.isChecked() else colours.text))
        text = room.adjusted(6, 0, -6, -3 if share is not None else 0)
        elided = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, int(text.width())
        )
        painter.drawText(text, Qt.AlignmentFlag.AlignCenter, elided)


class HypothesisCard(QAbstractButton):
    """A small picture of a shape with its overlap; checked while it is the shown one."""

    def __init__(self, card: Card) -> None:
        super().__init__()
        self.index = card.index
        self._image: QImage = rgba_image(card.picture)
        self.setText(f"{card.overlap:.0%}")
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Hypothesis with overlap {self.text()}")
        self.setToolTip(
            f"Its silhouette agrees with the cut-out to {self.text()} (IoU). Click to take it."
        )

    def sizeHint(self) -> QSize:
        return QSize(64, 64 + self.fontMetrics().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        colours, room = theme.colors(), QRectF(self.rect()).adjusted(1, 1, -1, -1)
        marked = self.isChecked() or self.underMouse() or self.hasFocus()
        width = 2 if self.isChecked() else 1
        painter.setPen(QPen(QColor(colours.accent if marked else colours.border), width))
        painter.setBrush(QColor(colours.base))
        painter.drawRoundedRect(room, theme.RADIUS, theme.RADIUS)
        line = self.fontMetrics().height()
        side = min(room.width(), room.height() - line) - 4
        square = QRectF(room.center().x() - side / 2, room.top() + 2, side, side)
        painter.drawImage(square, self._image)
        painter.setPen(QColor(colours.text if self.isChecked() else colours.muted))
        foot = QRectF(room.left(), room.bottom() - line - 1, room.width(), line)
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, self.text())


class DoubtBox(QWidget):
    """Chips of classes and cards of hypotheses of one picture.

    Signals:
        class_told: a class, or nothing where the model shall guess again.
        hypothesis_chosen: the index of one in the fit.
    """

    class_told = Signal(str)
    hypothesis_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.chips: list[GuessChip] = []
        self.cards: list[HypothesisCard] = []
        self.others = QPushButton("Other…")
        self.others.setToolTip("Say that it is of another class.")
        self._chip_grid, self._card_grid = QGridLayout(), QGridLayout()
        for grid in (self._chip_grid, self._card_grid):
            grid.setSpacing(theme.SPACE_SMALL)
        for k in range(COLUMNS):
            self._card_grid.setColumnStretch(k, 1)
        self._cards_title = heading("Shapes it may be")
        #: What it does is the window's.
        self.certainty = QCheckBox("Colour by &certainty")
        self.certainty.setToolTip(
            "Darker where other shapes that may be in the picture have their surface elsewhere (Y)."
        )
        self._worker: LatestOnly | None = None
        self._fit: Fit | None = None  # whose hypotheses are shown, and which is chosen
        self._chosen = -1
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        column.addLayout(self._chip_grid)
        column.addWidget(self.certainty)
        column.addSpacing(SPACING)
        column.addWidget(self._cards_title)
        column.addLayout(self._card_grid)

    @property
    def busy(self) -> bool:
        """Whether cards are on their way."""
        return self._worker is not None and self._worker.busy

    def stop(self) -> None:
        """Ends the thread."""
        if self._worker is not None:
            self._worker.stop()

    def show_doubt(self, model: ShapeModel, result: Reconstruction) -> None:
        """Shows guesses at once and hypotheses as soon as they are drawn."""
        self._show_guesses(result)
        before, fit = self._fit, result.fit
        self._fit, self._chosen = fit, result.chosen
        if fit is None or len(fit.hypotheses) < 2 or not fit.hypotheses[0].cameras:
            self._fit = None
            self._show_cards([])
            return
        if fit is before and self.cards:  # another one was chosen
            for card in self.cards:
                card.setChecked(card.index == result.chosen)
            if any(card.isChecked() for card in self.cards):
                return
        colour = QColor(theme.colors().shape)
        shade = colour.red(), colour.green(), colour.blue()
        self._show_cards([])
        if self._worker is None:
            self._worker = LatestOnly(draw_cards, self)
            self._worker.done.connect(self._take)
        self._worker.submit(CardsRequest(model, result, shade))

    def _show_guesses(self, result: Reconstruction) -> None:
        for chip in self.chips:
            chip.deleteLater()
        taken, told = result.class_name, result.told_class
        likely = [
            guess
            for k, guess in enumerate(result.guesses[:SHOWN_GUESSES])
            if k == 0 or guess.share is None or guess.share >= LEAST_SHARE
        ]
        if result.guesses and all(guess.name != taken for guess in likely):
            own = next(guess for guess in result.guesses if guess.name == taken)
            likely = [own, *likely[: SHOWN_GUESSES - 1]]
        self.chips = [GuessChip(guess, guess.name == told) for guess in likely]
        for k, chip in enumerate(self.chips):
            chip.setChecked(chip.guess.name == taken)
            chip.clicked.connect(partial(self._tell, chip.guess.name, told))
            self._chip_grid.addWidget(chip, k // 2, k % 2)
        place = len(self.chips)
        self._chip_grid.addWidget(self.others, place // 2, place % 2)
        self.others.setVisible(len(result.guesses) > len(self.chips))
        menu = QMenu(self.others)
        for guess in sorted(result.guesses, key=lambda each: each.name):
            if guess not in likely:
                action = menu.addAction(readable(guess.name))
                action.triggered.connect(partial(self._tell, guess.name, told))
        before = self.others.menu()
        self.others.setMenu(menu)
        if before is not None:
            before.deleteLater()

    def _tell(self, name: str, told: str | None, _checked: bool = False) -> None:
        for chip in self.chips:  # the answer will check one
            chip.setChecked(chip.guess.name == name)
        self.class_told.emit("" if name == told else name)

    def _take(self, request: CardsRequest, cards: list[Card]) -> None:
        if request.result.fit is self._fit:
            self._show_cards(cards)

    def _show_cards(self, cards: list[Card]) -> None:
        for old in self.cards:
            old.deleteLater()
        self.cards = [HypothesisCard(card) for card in cards] if len(cards) > 1 else []
        for k, card in enumerate(self.cards):
            card.setChecked(card.index == self._chosen)
            card.clicked.connect(partial(self._choose, card))
            self._card_grid.addWidget(card, k // COLUMNS, k % COLUMNS)
        self._cards_title.setVisible(bool(self.cards))

    def _choose(self, chosen: HypothesisCard, _checked: bool = False) -> None:
        for card in self.cards:
            card.setChecked(card is chosen)
        self.hypothesis_chosen.emit(chosen.index)
