"""Prepared datasets that are mixed into the chosen one, each with a weight."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.errors import DataError
from shapelab.core.runs.store_card import StoreCard, read_card
from shapelab.core.runs.store_mix import StoreShare, mixed_card
from shapelab.gui.base import theme
from shapelab.gui.base.labels import muted

MIX_IN = "Mix in another dataset…"
ASK = "Open a prepared dataset…"


class DatasetMix(QWidget):
    """A row with a weight for each dataset, once there is more than one; and a box that adds one.

    Signals:
        changed: the datasets or their weights.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[QDoubleSpinBox] = []  # of the first dataset and of those mixed in
        self._first = Path()
        self._others: list[Path] = []
        self._stores: list[Path] = []
        self._rows = QGridLayout()
        self._rows.setColumnStretch(0, 1)
        self.box = QComboBox()
        self.box.setAccessibleName(MIX_IN)
        self.box.setPlaceholderText(MIX_IN)
        self.box.setToolTip("Trains on several datasets; classes of the same name become one.")
        self.about = muted()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        column.addLayout(self._rows)
        column.addWidget(self.box)
        column.addWidget(self.about)
        self.box.activated.connect(self._activated)

    # --- what others use -------------------------------------------------------------------

    def show_stores(self, first: Path, known: list[Path]) -> None:
        """Says which dataset is chosen, and which others are known."""
        self._stores = known
        if first != self._first:
            self._first = first
            self._others = [path for path in self._others if path != first]
        self._fill([weight.value() for weight in self.weights])

    def choose(self, shares: tuple[StoreShare, ...]) -> None:
        """Takes the datasets of another run, the chosen one first."""
        self._first, *self._others = [share.store for share in shares]
        self._fill([share.weight for share in shares])
        self.changed.emit()

    def shares(self) -> tuple[StoreShare, ...]:
        """The chosen dataset and those mixed in."""
        if not self._others:
            return (StoreShare(self._first),)
        stores = (self._first, *self._others)
        weights = (round(weight.value(), 2) for weight in self.weights)
        return tuple(StoreShare(*pair) for pair in zip(stores, weights, strict=True))

    def card(self) -> StoreCard:
        """What they are together. Raises DataError where one is gone or they do not fit."""
        return mixed_card([read_card(share.store) for share in self.shares()])

    def add(self, store: Path) -> None:
        """Mixes another dataset in."""
        if store not in (self._first, *self._others):
            self._others.append(store)
            self._fill([weight.value() for weight in self.weights])
            self.changed.emit()

    # --- inside ----------------------------------------------------------------------------

    def _fill(self, weights: list[float]) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.weights = []
        stores = [self._first, *self._others] if self._others else []
        for row, store in enumerate(stores):
            weight = QDoubleSpinBox()
            weight.setRange(0.01, 100)
            weight.setDecimals(2)
            weight.setPrefix("weight ")
            weight.setAccessibleName(f"Weight of {store.name}")
            weight.setToolTip("How often its shapes come beside those of the other datasets.")
            weight.setValue(weights[row] if row < len(weights) else 1)
            weight.valueChanged.connect(self.changed)
            self.weights.append(weight)
            self._rows.addWidget(QLabel(store.name), row, 0)
            self._rows.addWidget(weight, row, 1)
            if row:
                remove = QToolButton()
                remove.setText("×")
                remove.setToolTip(f"Trains without {store.name}")
                remove.clicked.connect(lambda _checked=False, row=row: self._remove(row))
                self._rows.addWidget(remove, row, 2)
        self.box.clear()
        for store in self._stores:
            if store not in (self._first, *self._others):
                self.box.addItem(store.name, store)
        self.box.addItem(ASK, None)
        self.box.setCurrentIndex(-1)
        self._describe()

    def _describe(self) -> None:
        self.about.setVisible(bool(self._others))
        if self._others:
            try:
                self.about.setText(f"Together: {self.card().describe()}.")
            except DataError as error:
                self.about.setText(str(error))

    def _remove(self, row: int) -> None:
        kept = [weight.value() for k, weight in enumerate(self.weights) if k != row]
        del self._others[row - 1]
        self._fill(kept)
        self.changed.emit()

    @Slot(int)
    def _activated(self, index: int) -> None:
        store = self.box.itemData(index)
        self.box.setCurrentIndex(-1)
        if store is None:
            name = QFileDialog.getExistingDirectory(self, "Prepared dataset")
            store = Path(name) if name else None
        if store is not None:
            self.add(store)
