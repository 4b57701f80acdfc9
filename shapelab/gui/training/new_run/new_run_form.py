"""A new run: data, preset, the few settings that matter, what it will need, and its start."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.errors import DataError, ShapelabError
from shapelab.core.runs.advice.estimate import estimate, machine_rate
from shapelab.core.runs.presets import PHASES, preset, preset_names, preset_words
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.store_card import StoreCard
from shapelab.core.runs.store_mix import StoreShare
from shapelab.core.runs.training_plan import PICTURE_SIZE, TrainingPlan, free_name
from shapelab.gui.base import theme
from shapelab.gui.base.labels import LabelledRows, heading, muted, scrolled
from shapelab.gui.base.workers import Task
from shapelab.gui.training.new_run.config_form import EVERYDAY, ConfigForm, setting_names
from shapelab.gui.training.new_run.dataset_chooser import DatasetChoice, DatasetChooser
from shapelab.gui.training.new_run.dataset_mix import DatasetMix

FIRST_PRESET = "small"
LONGEST_NAME = 200  # bytes of a run's name; systems take 255, and longer ones lie beside it
NO_PICTURES = (
    " The data have no pictures, so the steps in which the image encoder learns are left out."
)


class NewRunForm(QWidget):
    """Makes a TrainingPlan of what is chosen.

    Signals:
        changed: the plan may be another one, or not one at all.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._runs = Path()
        self._rate: Task | None = None
        self._flops_per_second = 0.0
        self._aside = 0.0  # image_steps by main_steps, taken out as the data have no pictures
        self._kept: set[str] = set()  # phases that a person set, which do not follow the steps
        self.name = QLineEdit()
        self.name.setToolTip("Name of the run's folder.")
        self.data = DatasetChooser()
        self.mix = DatasetMix()
        self.mix.hide()
        self.preset = QComboBox()
        for each in preset_names():
            self.preset.addItem(each, each)
        self.preset_help = muted()
        self.form = ConfigForm(EVERYDAY, roomy=True)
        self.advanced = QPushButton("Advanced…")
        self.advanced.setToolTip("All other settings of the run")
        self.needs = muted()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.data)
        column.addWidget(self.mix)
        rows = LabelledRows()
        rows.add("Preset", self.preset, self.preset_help)
        rows.add("Name", self.name)
        column.addWidget(rows)
        column.addWidget(self.form)
        column.addWidget(self.advanced, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.needs)
        column.addStretch(1)
        self.preset.currentIndexChanged.connect(self._apply_preset)
        self.data.changed.connect(self._apply_choice)
        self.mix.changed.connect(self._apply_data)
        self.form.changed.connect(self._edited)
        self.form.editors["steps"].valueChanged.connect(self._scale_phases)  # type: ignore[attr-defined]
        self.name.textEdited.connect(self.changed)
        self.advanced.clicked.connect(self.open_advanced)
        self.preset.setCurrentIndex(self.preset.findData(FIRST_PRESET))

    # --- what others use -------------------------------------------------------------------

    def set_places(self, runs: Path, stores: Path) -> None:
        """Says where runs go, and where prepared data are looked for."""
        self._runs = runs
        self.data.list_stores(stores)
        self.propose_name()

    def propose_name(self) -> None:
        """A name that no run has."""
        self.name.setText(free_name(self._runs, self.preset.currentData() or FIRST_PRESET))
        self.changed.emit()

    def fill_from(self, config: RunConfig, shares: tuple[StoreShare, ...]) -> None:
        """The settings and the data of another run, to start a new one like it."""
        self.data.choose(DatasetChoice(shares[0].store))
        self.mix.choose(shares)
        index = self.preset.findData(config.preset)
        blocked = self.preset.blockSignals(True)
        self.preset.setCurrentIndex(max(index, 0))
        self.preset.blockSignals(blocked)
        self.preset_help.setText(preset_words(self.preset.currentData()))
        self._aside = 0.0
        self._show_config(config.model_copy(update={"preset": self.preset.currentData()}))
        self.propose_name()
        self._show_needs()

    def training_plan(self) -> TrainingPlan:
        """What is chosen. Raises ShapelabError with what is missing or wrong."""
        config, choice = self.form.config(), self.data.choice()
        name = self.name.text().strip()
        if not name or Path(name).name != name:
            raise ShapelabError("Please give the run a name without slashes.")
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise ShapelabError("Please give the run a shorter name.")
        run = self._runs / name
        if os.path.exists(run):
            raise ShapelabError(f"There is a run '{name}' already; choose another name.")
        if choice.preparation is not None:
            side = max(PICTURE_SIZE, config.model.image_size)
            made = replace(choice.preparation, picture_size=side)
            return TrainingPlan(run, choice.store, config, made)
        self.mix.card()  # raises where they do not fit
        first, *others = self.mix.shares()
        return TrainingPlan(run, choice.store, config, weight=first.weight, others=tuple(others))

    @Slot()
    def open_advanced(self) -> None:
        """Opens the dialog with all other settings; OK takes them over."""
        dialog = AdvancedDialog(self.form.config_or_last(), self)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self._show_config(dialog.form.config())
            self._edited()

    def measure(self) -> None:
        """Measures how fast the machine is at this moment, for the time that a run takes."""
        if self._rate is None:
            self._rate = Task(lambda _task: machine_rate(), self)
            self._rate.done.connect(self._set_rate)
            self._rate.start()

    def stop(self) -> None:
        """Ends the thread that measures."""
        if self._rate is not None:
            self._rate.stop()
            self._rate = None

    # --- inside ----------------------------------------------------------------------------

    @Slot()
    def _apply_preset(self) -> None:
        name = self.preset.currentData()
        self.preset_help.setText(preset_words(name))
        self._kept, self._aside = set(), 0.0
        self.form.set_config(self._fitting(preset(name, *self._kind())))
        self.propose_name()
        self._show_needs()

    @property
    def _card(self) -> StoreCard | None:
        """Of all data together, of the chosen ones where they do not fit; None before they are."""
        if self.data.card is None:
            return None
        try:
            return self.mix.card()
        except DataError:
            return self.data.card

    @Slot()
    def _apply_choice(self) -> None:
        self.mix.setVisible(self.data.card is not None)
        if self.data.card is not None:
            self.mix.show_stores(self.data.card.folder, self.data.known)
        self._apply_data()

    @Slot()
    def _apply_data(self) -> None:
        try:
            config = self.form.config()
        except ShapelabError:  # what is typed is told in place, and stays
            config = self.form.config_or_last()
        classes, resolution = self._kind()
        model = {**config.model.model_dump(), "classes": classes, "resolution": resolution}
        fields = config.model_dump() | {"model": model}
        self.form.set_config(self._fitting(RunConfig.model_validate(fields)))
        self._edited()

    def _kind(self) -> tuple[tuple[str, ...], int]:
        """Classes and resolution of the data; of those yet to be prepared, as far as known."""
        card = self._card
        if card is not None:
            return card.classes, card.resolution
        return ("shape",), self.data.resolution

    def _fitting(self, config: RunConfig) -> RunConfig:
        """The configuration with what the store's pictures ask for."""
        card = self._card
        if not (self.data.views if card is None else card.views):
            if config.image_steps:  # that phase goes; the others are as long as they were
                self._aside = config.image_steps / config.main_steps
                less = {"image_steps": 0, "steps": config.main_steps}
                config = config.model_copy(update=less)
            return config
        if self._aside:  # it was the data's doing, not a person's
            again = round(self._aside * config.steps)
            more = {"image_steps": again, "steps": config.steps + again}
            config, self._aside = config.model_copy(update=more), 0.0
        if card is not None and card.picture_size and card.picture_size < config.model.image_size:
            model = config.model.model_copy(update={"image_size": card.picture_size})
            return config.model_copy(update={"model": model})
        return config

    @Slot(int)
    def _scale_phases(self, steps: int) -> None:
        """The preset's phases shrink and grow with the steps, as ``fit --steps`` does it."""
        phases = self._preset_phases(steps)
        self.form.set_hidden(**{name: n for name, n in phases.items() if name not in self._kept})
        self._edited()

    def _preset_phases(self, steps: int) -> dict[str, int]:
        own = preset(self.preset.currentData(), ("shape",), 32)
        whole = own.main_steps if self._aside else own.steps
        phases = {phase: round(getattr(own, phase) * steps / whole) for phase in PHASES}
        return phases | ({"image_steps": 0} if self._aside else {})

    def _show_config(self, config: RunConfig) -> None:
        """Shows a configuration in which a person may have set the phases."""
        phases = self._preset_phases(config.steps)
        self._kept = {name for name, n in phases.items() if getattr(config, name) != n}
        self.form.set_config(config)

    @Slot()
    def _edited(self) -> None:
        self._show_needs()
        self.changed.emit()

    def _show_needs(self) -> None:
        try:
            config = self.form.config()
        except ShapelabError:
            self.needs.setText("")
            return
        card = self._card
        needed = estimate(config, pictures=bool(card.views if card else self.data.views))
        text = (
            f"{needed.parameters / 1e6:.1f} million parameters, about "
            f"{formatting.file_size(needed.memory_mb * 1e6)} of memory"
        )
        if self._flops_per_second:
            time = formatting.duration(needed.seconds(self._flops_per_second), rough=True)
            text += f" and roughly {time} on this machine, as busy as it is now"
        self.needs.setText(f"{text}.{NO_PICTURES if self._aside else ''}")

    @Slot(object)
    def _set_rate(self, rate: float) -> None:
        self._rate, self._flops_per_second = None, rate
        self._show_needs()


class NewRunPage(QWidget):
    """Start is pressed only when there is a plan; until then it says what is missing."""

    started = Signal(object)  # TrainingPlan
    copied = Signal(list)  # lines for a terminal
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.form = NewRunForm()
        self.back = QPushButton("Back")
        self.copy = QPushButton(theme.icon("copy"), "Copy as command")
        self.copy.setToolTip("The line that does the same in a terminal")
        self.start = QPushButton("Start training")
        self.start.setDefault(True)
        foot = QHBoxLayout()
        foot.setSpacing(theme.SPACE)
        foot.addWidget(self.back)
        foot.addStretch(1)
        foot.addWidget(self.copy)
        foot.addWidget(self.start)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addWidget(heading("New run"))
        column.addWidget(scrolled(self.form), 1)
        column.addLayout(foot)
        self.back.clicked.connect(self.left)
        self.start.clicked.connect(lambda: self.started.emit(self.form.training_plan()))
        self.copy.clicked.connect(lambda: self.copied.emit(self.form.training_plan().commands()))
        self.form.changed.connect(self.check)

    @Slot()
    def check(self) -> None:
        """Enables what can be done; the button's tip says why it cannot."""
        reason = ""
        try:
            self.form.training_plan()
        except ShapelabError as error:
            reason = str(error)
        for button in (self.start, self.copy):
            button.setEnabled(not reason)
        self.start.setToolTip(reason)


class AdvancedDialog(QDialog):
    """Every other setting, with its help beside it."""

    def __init__(self, config: RunConfig, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Advanced settings")
        self.resize(720, 640)
        self.form = ConfigForm(
            [n for n in setting_names() if n not in EVERYDAY], roomy=True, titles=True
        )
        self.form.set_config(config)
        page = QWidget()
        inner = QVBoxLayout(page)
        inner.setContentsMargins(*4 * (theme.SPACE_LARGE,))
        inner.addWidget(self.form)
        inner.addStretch(1)
        kinds = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel | kinds.RestoreDefaults)
        reset = self.buttons.button(kinds.RestoreDefaults)
        reset.setText("As in the preset")
        reset.clicked.connect(lambda: self._reset(config))
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.form.changed.connect(self._check)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.SPACE)
        column.addWidget(scrolled(page), 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(theme.SPACE_LARGE, 0, theme.SPACE_LARGE, 0)
        foot.addWidget(self.buttons)
        column.addLayout(foot)

    def _reset(self, config: RunConfig) -> None:
        model, kept = config.model, {name: getattr(config, name) for name in EVERYDAY}
        own = preset(config.preset, model.classes, model.resolution, config.steps)
        self.form.set_config(own.model_copy(update=kept))
        self._check()

    def _check(self) -> None:
        try:
            self.form.config()
        except ShapelabError:
            good = False
        else:
            good = True
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(good)
