"""The controls above the plots."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.gui.base import theme
from shapelab.gui.base.sliders import FineSlider
from shapelab.gui.plots.plotted_run import PlotOptions
from shapelab.gui.plots.scalar_groups import ScalarGroup

RANGES = (("All steps", None), ("Last 10 000", 10_000), ("Last 1 000", 1_000))
SMOOTHING = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)  # factors that the slider stops at
USUAL = 2


class PlotToolbar(QWidget):
    """Emits what the user chose; draws nothing itself."""

    options_changed = Signal(PlotOptions)
    groups_changed = Signal()
    fit_requested = Signal()
    export_requested = Signal()
    compare_toggled = Signal(str, bool)  # key of another run, whether it is to be shown too

    def __init__(self) -> None:
        super().__init__()
        self.range = QComboBox()
        for text, last in RANGES:
            self.range.addItem(text, last)
        self.axis = QComboBox()
        self.axis.addItems(["Steps", "Time"])
        self.axis.setToolTip("What runs along the x axis; time is that of training, without pauses")
        self.smoothing = FineSlider(0, len(SMOOTHING) - 1, 0)
        self.smoothing.setFixedWidth(90)
        self.smoothing.setValue(USUAL)
        self.smoothing.setToolTip(
            "Factor of an exponential moving average over the logged points;\n"
            "the raw curve stays visible behind it"
        )
        self.factor = QLabel()
        self.factor.setFixedWidth(self.fontMetrics().horizontalAdvance("0.99 "))
        self.log = QCheckBox("Log")
        self.log.setChecked(True)  # a loss falls by powers of ten
        self.log.setToolTip("Logarithmic y axis where values are positive")
        self.outliers = QCheckBox("Ignore outliers")
        self.outliers.setToolTip(
            "Fits the y axis to where values usually lie; each panel says how many points are "
            "outside"
        )
        self.menu, self.others = QMenu(self), QMenu(self)
        self.compare = self._menu_button("Compare", self.others, "Draw other runs beside this one")
        self.curves = self._menu_button("Curves", self.menu, "Which curves are shown")
        self._offered: Mapping[str, str] = {}
        self.compare.setEnabled(False)
        self.fit = self._button("", "fit", "Follow the newest steps again (double click)")
        self.export = self._button("", "save", "Save the plots as PNG or SVG, the numbers as CSV…")
        self._lay_out()
        self._connect()

    @property
    def options(self) -> PlotOptions:
        return PlotOptions(
            by_time=self.axis.currentIndex() == 1,
            last=self.range.currentData(),
            smoothing=SMOOTHING[self.smoothing.value()],
            log=self.log.isChecked(),
            clip_outliers=self.outliers.isChecked(),
        )

    def offer(self, groups: Sequence[ScalarGroup]) -> None:
        """Lists the groups there are; what the user chose before stays chosen."""
        known = {action.text() for action in self.menu.actions()}
        for group in groups:
            if group.title not in known:
                action = self.menu.addAction(group.title)
                action.setCheckable(True)
                action.setChecked(group.shown)
                action.toggled.connect(self.groups_changed)

    def chosen(self) -> set[str]:
        """Titles of the groups that shall be shown."""
        return {action.text() for action in self.menu.actions() if action.isChecked()}

    def offer_runs(self, names: Mapping[str, str], ticked: Collection[str]) -> None:
        """Lists the other runs that can be shown.

        Args:
            names: by key.
            ticked: keys of those that are shown.
        """
        if names != self._offered:  # else somebody may be looking at the menu
            self._offered = dict(names)
            self.others.clear()
            for key, name in names.items():
                action = self.others.addAction(name)
                action.setData(key)
                action.setCheckable(True)
                action.toggled.connect(lambda on, key=key: self.compare_toggled.emit(key, on))
            self.compare.setEnabled(bool(names))
        for action in self.others.actions():
            blocked = action.blockSignals(True)
            action.setChecked(action.data() in ticked)
            action.blockSignals(blocked)

    def _menu_button(self, text: str, menu: QMenu, tip: str) -> QToolButton:
        button = self._button(text, "chevron-down", tip)
        button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the mark after the word
        button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(menu)
        return button

    def _button(self, text: str, icon: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setIcon(theme.icon(icon))
        if text:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.range)
        first.addWidget(self.axis)
        first.addStretch(1)
        for button in (self.compare, self.curves, self.fit, self.export):
            first.addWidget(button)
        second.addWidget(QLabel("Smoothing"))
        second.addWidget(self.smoothing)
        second.addWidget(self.factor)
        second.addWidget(self.log)
        second.addWidget(self.outliers)
        second.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        for row in (first, second):
            row.setSpacing(theme.SPACE)
            column.addLayout(row)

    def _connect(self) -> None:
        self.range.currentIndexChanged.connect(self._changed)
        self.axis.currentIndexChanged.connect(self._changed)
        self.smoothing.valueChanged.connect(self._changed)
        self.smoothing.reset_requested.connect(self._no_smoothing)
        self.log.toggled.connect(self._changed)
        self.outliers.toggled.connect(self._changed)
        self.fit.clicked.connect(self.fit_requested)
        self.export.clicked.connect(self.export_requested)
        self.factor.setText(f"{self.options.smoothing:.2f}")

    def _no_smoothing(self) -> None:
        self.smoothing.setValue(0)

    def _changed(self) -> None:
        options = self.options
        self.factor.setText(f"{options.smoothing:.2f}" if options.smoothing else "off")
        self.options_changed.emit(options)
