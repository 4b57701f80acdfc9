"""The latent panel: class, seed, truncation, directions, the surface, all latent values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.model.latent import DIRECTIONS, MAX_TRUNCATION, TRUNCATION
from shapelab.core.session.session import Session
from shapelab.core.session.shape_state import ShapeState
from shapelab.gui.base import theme
from shapelab.gui.base.labels import MARGIN, SPACING, heading, readable, scrolled
from shapelab.gui.base.sliders import SigmaSlider
from shapelab.gui.base.surface_group import SurfaceGroup

RAW_LIMIT = 4.0  # nearly every latent value of a trained model lies within
SEED_MAX = 2**31 - 1
NAME_WIDTH, SURFACE_NAMES = 66, 78  # px, the columns of names
DIRECTION_WIDTH = 96  # px, of a direction's name: "Seat thickness"
NO_SEED = -1  # the spin box shows a dash: the shape came from a picture or a morph


class LatentPanel(QWidget):
    """Shows and moves the session's shape in the latent space; keeps no state of its own.

    Signals:
        model_requested: another model is wanted.
        class_requested: a shape of this class is wanted.
        random_requested: another shape is wanted.
        moved_changed: whether Reset All would change something.
    """

    model_requested = Signal()
    class_requested = Signal(str)
    random_requested = Signal()
    moved_changed = Signal(bool)

    def __init__(self, session: Session | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session: Session | None = None
        self._disconnect: list[Callable[[], None]] = []
        self.raw: list[SigmaSlider] = []  # filled when the fold opens for the first time
        self.directions = [
            SigmaSlider(f"Direction {i + 1}", name_width=DIRECTION_WIDTH) for i in range(DIRECTIONS)
        ]
        self._content = QWidget()
        column = QVBoxLayout(self._content)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(SPACING)
        column.addLayout(self._build_origin())
        column.addSpacing(SPACING)
        column.addLayout(self._build_directions())
        column.addSpacing(SPACING)
        self.surface = SurfaceGroup(SURFACE_NAMES)
        column.addWidget(heading("Surface"))
        column.addWidget(self.surface)
        column.addSpacing(SPACING)
        column.addLayout(self._build_fold())
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(self._content))
        self._connect_widgets()
        self.set_session(session)

    def sizeHint(self) -> QSize:
        return QSize(320, 640)

    def set_session(self, session: Session | None) -> None:
        """Views another session; None greys the panel out."""
        for disconnect in self._disconnect:
            disconnect()
        self._disconnect = []
        self._session = session
        self._content.setEnabled(session is not None)
        if session is None:
            return
        with QSignalBlocker(self.classes):
            self.classes.clear()
            for name in session.model.classes:
                self.classes.addItem(readable(name), name)
        self._disconnect = [
            session.shape_changed.connect(self.show_state),
            session.surface_changed.connect(self.surface.show_options),
            session.locked_changed.connect(self._show_locks),
            session.model_changed.connect(lambda _: self._show_model(session)),
        ]
        self.fold.setText(f"All {session.model.latent_size} latent values")
        if not self._raw_box.isHidden():
            self._build_raw(session.model.latent_size)
        self._show_model(session)
        self.show_state(session.state)
        self._show_locks(session.locked)
        self.surface.show_options(session.surface)

    def _build_origin(self) -> QGridLayout:
        self.model = QPushButton()
        self.model.setToolTip("The model that makes the shapes. Click to choose another one.")
        self.model.clicked.connect(lambda: self.model_requested.emit())
        self.classes = QComboBox()
        self.classes.setToolTip("The kind of furniture that seeds are drawn from.")
        self.classes.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.seed = QSpinBox(minimum=0, maximum=SEED_MAX)
        self.seed.setKeyboardTracking(False)
        self.seed.setSpecialValueText("")
        self.seed.setToolTip("A number that names one shape: the same seed gives the same shape.")
        self.seed.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.seed.setMinimumWidth(58)
        self.randomise = QPushButton(theme.icon("dice"), "Randomise")
        self.randomise.setToolTip("Draw another shape. Locked directions keep their value.")
        self.whole = QCheckBox("Prefer whole shapes")
        self.whole.setToolTip(
            "Randomise draws a few shapes and shows the best one in a single piece.\n"
            "Without it every seed has the same chance."
        )
        self.truncation = SigmaSlider(
            "Truncation",
            0.0,
            MAX_TRUNCATION,
            rest=TRUNCATION,
            unit="",
            decimals=2,
            step=0.05,
            lockable=False,
            name_width=NAME_WIDTH,
        )
        self.truncation.setToolTip(
            "How far shapes may stray from the typical one of their kind:\n"
            f"0 gives the average shape, {TRUNCATION} is a good mix, more gives odder shapes.\n"
            f"Double click for {TRUNCATION}."
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(SPACING)
        grid.setVerticalSpacing(SPACING)
        grid.setColumnStretch(1, 1)
        for row, (text, buddy) in enumerate(
            (("Model", self.model), ("Class", self.classes), ("Seed", self.seed))
        ):
            label = QLabel(text)
            label.setBuddy(buddy)
            label.setFixedWidth(NAME_WIDTH)
            grid.addWidget(label, row, 0)
        grid.addWidget(self.model, 0, 1, 1, 2)
        grid.addWidget(self.classes, 1, 1, 1, 2)
        grid.addWidget(self.seed, 2, 1)
        grid.addWidget(self.randomise, 2, 2)
        grid.addWidget(self.whole, 3, 1, 1, 2)
        grid.addWidget(self.truncation, 4, 0, 1, 3)
        return grid

    def _build_directions(self) -> QVBoxLayout:
        self.reset_all = QPushButton("Reset all")
        self.reset_all.setEnabled(False)
        self.reset_all.setToolTip(
            "Put every direction that is not locked, and every latent value, back to rest."
        )
        header = QHBoxLayout()
        self.directions_title = heading("Principal directions")
        header.addWidget(self.directions_title, 1)
        header.addWidget(self.reset_all)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(header)
        for row in self.directions:
            column.addWidget(row)
        return column

    def _build_fold(self) -> QVBoxLayout:
        self.fold = QToolButton(autoRaise=True)
        self.fold.setText("All latent values")
        font = self.fold.font()
        font.setBold(True)
        self.fold.setFont(font)
        self.fold.setStyleSheet("margin-left: -8px; padding-left: 0; padding-right: 0")
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.setIcon(theme.icon("chevron-right"))
        self.fold.setIconSize(QSize(14, 14))
        self.fold.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.fold.setToolTip("Every single number of the latent vector, for the curious.")
        self._raw_box = QWidget(visible=False)
        self._raw_column = QVBoxLayout(self._raw_box)
        self._raw_column.setContentsMargins(0, 0, 0, 0)
        self._raw_column.setSpacing(0)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.fold)
        column.addWidget(self._raw_box)
        return column

    def _connect_widgets(self) -> None:
        self.classes.activated.connect(
            lambda row: self.class_requested.emit(self.classes.itemData(row))
        )
        self.seed.valueChanged.connect(self._choose_seed)
        self.randomise.clicked.connect(lambda: self.random_requested.emit())
        self.reset_all.clicked.connect(lambda: self._tell(Session.reset_all))
        self.truncation.changed.connect(partial(self._tell, Session.set_truncation))
        self.truncation.reset_requested.connect(
            partial(self._tell, Session.set_truncation, TRUNCATION)
        )
        self.truncation.edit_finished.connect(partial(self._tell, Session.finish_edit))
        self.surface.chosen.connect(self._choose_surface)
        self.surface.edit_finished.connect(partial(self._tell, Session.finish_edit))
        self.fold.clicked.connect(self._toggle_fold)
        for index, row in enumerate(self.directions):
            row.changed.connect(partial(self._tell, Session.set_coefficient, index))
            row.reset_requested.connect(partial(self._tell, Session.reset_direction, index))
            row.lock_toggled.connect(partial(self._tell, Session.set_locked, index))
            row.edit_finished.connect(partial(self._tell, Session.finish_edit))

    # The user's hands -> the session.

    def _tell(self, change: Callable[..., None], *values: object) -> None:
        if self._session is not None:
            change(self._session, *values)

    def _choose_surface(self, options: SurfaceOptions) -> None:
        if self._session is not None:
            self._session.surface = options

    def _choose_seed(self, seed: int) -> None:
        if self._session is None:
            return
        if seed != NO_SEED:
            self._session.set_seed(seed)
            self._session.finish_edit()
        self.show_state(self._session.state)

    def _toggle_fold(self) -> None:
        is_open = self._raw_box.isHidden()
        self.fold.setIcon(theme.icon("chevron-down" if is_open else "chevron-right"))
        if is_open and self._session is not None:
            self._build_raw(self._session.model.latent_size)
            self._show_raw()
        self._raw_box.setVisible(is_open)

    def _build_raw(self, count: int) -> None:
        # Built on the first opening only: 200 rows would cost every start a tenth of a second.
        for index in range(len(self.raw), count):
            row = SigmaSlider(
                f"z {index + 1}",
                -RAW_LIMIT,
                RAW_LIMIT,
                unit="",
                decimals=2,
                lockable=False,
                name_width=40,
            )
            row.setFixedHeight(22)
            row.changed.connect(partial(self._tell, Session.set_raw, index))
            row.reset_requested.connect(partial(self._tell, Session.reset_raw, index))
            row.edit_finished.connect(partial(self._tell, Session.finish_edit))
            self.raw.append(row)
            self._raw_column.addWidget(row)
        for index, row in enumerate(self.raw):
            row.setVisible(index < count)

    # The session -> the widgets, with nothing sent back.

    def show_state(self, state: ShapeState) -> None:
        """Shows a state of the session, with nothing sent back."""
        assert self._session is not None
        row = self.classes.findData(state.class_name)
        if row != self.classes.currentIndex():
            self.classes.setCurrentIndex(row)
            self._show_shares(state.class_name)
        seed = NO_SEED if state.seed is None else state.seed
        if seed != self.seed.value():  # the spin box repaints itself even for its own value
            with QSignalBlocker(self.seed):
                self.seed.setSpecialValueText("–" if state.seed is None else "")
                self.seed.setMinimum(min(seed, 0))
                self.seed.setValue(seed)
        self.truncation.set_value(state.truncation)
        self.truncation.setEnabled(state.seed is not None)
        for slider, sigma in zip(self.directions, state.coefficients, strict=True):
            slider.set_value(float(sigma))
        self._show_reset()
        if not self._raw_box.isHidden():
            self._show_raw()

    def _show_model(self, session: Session) -> None:
        cells = session.model.spec.resolution
        self.model.setText(f"{session.model.name} · {cells}³")
        self._show_shares(session.state.class_name)

    def _show_shares(self, class_name: str) -> None:
        assert self._session is not None
        directions = self._session.model.directions
        self.directions_title.setText("Parameters" if directions.words else "Principal directions")
        shares = directions.explained[directions.classes.index(class_name)]
        for index, (slider, share) in enumerate(zip(self.directions, shares, strict=True)):
            slider.set_name(readable(directions.name(class_name, index)))
            told = directions.meaning(class_name, index)
            slider.setToolTip(
                f"{told[:1].upper()}{told[1:]}{'.' if told else ''}\n"
                f"Explains {100 * float(share):.1f} % of how shapes of this class differ.\n"
                "One σ is one standard deviation. Double click for 0.".lstrip()
            )

    def _show_raw(self) -> None:
        assert self._session is not None
        for slider, value in zip(self.raw, self._session.latent, strict=False):
            slider.set_value(float(value))

    def _show_locks(self, locked: frozenset[int]) -> None:
        for index, slider in enumerate(self.directions):
            slider.set_locked(index in locked)
        self._show_reset()

    def _show_reset(self) -> None:
        assert self._session is not None
        state = self._session.state
        free = np.delete(state.coefficients, sorted(self._session.locked))
        moved = bool(np.any(free) or np.any(state.offsets))
        self.reset_all.setEnabled(moved)
        self.moved_changed.emit(moved)
