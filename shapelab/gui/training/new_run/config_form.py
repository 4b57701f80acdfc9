"""A form made of RunConfig's own fields: editors by type, help by description, faults in place."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from typing import Any, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.run_config import RunConfig, problems, validated
from shapelab.gui.base import theme
from shapelab.gui.base.labels import heading, label_width, muted

#: The settings that matter most, with the words that they have in the panel.
EVERYDAY = {
    "steps": "Steps",
    "batch_size": "Batch size",
    "learning_rate": "Learning rate",
    "validate_every": "Score every",
    "preview_every": "Preview every",
    "save_every": "Save every",
    "threads": "CPU threads",
}
SHORT = {"Vae": "VAE", "Kl warm up": "KL warm-up", "Ema": "Averaging (EMA)"}
#: Their help in plain words, where the description is for those who know.
HELP = {
    "steps": "How long it learns; each step looks at one batch of shapes.",
    "batch_size": "Shapes looked at together; more is steadier and takes more memory.",
    "learning_rate": "How boldly it learns; too high never settles, too low takes for ever.",
    "validate_every": "Steps between two scores on shapes that it has never seen.",
    "preview_every": "Steps between two rows of preview shapes.",
    "save_every": "Steps between two checkpoints, from which a run can go on.",
    "threads": "Processor cores that it uses; the window still comes first.",
}
#: The first setting of each group, in the order of declaration.
GROUPS = {
    "seed": "Schedule",
    "loss": "Losses",
    "penalty": "Critic",
    "learning_rate": "Optimisers",
    "flip": "Data and pictures",
    "validate_every": "Bookkeeping",
    "model.latent_size": "Networks",
}
#: Settings that follow from the data or the preset and that nobody types.
FIXED = {
    "preset",
    "model",
    "model.resolution",
    "model.image_size",
    "model.image_mode",
    "model.image_backbone",
    "model.image_convs",
    "model.field",
    "model.sub_cells",
    "model.decoder",
    "model.residual_sides",
    "model.classes",
}
MOST = 2**31 - 1  # of a QSpinBox


def setting_names() -> list[str]:
    """Every setting that can be edited, in the order of declaration, the networks' last."""
    names = [*RunConfig.model_fields, *(f"model.{name}" for name in ModelSpec.model_fields)]
    return [name for name in names if name not in FIXED]


def group(name: str) -> str:
    """The title of the group that a setting belongs to."""
    names = setting_names()
    return next(GROUPS[n] for n in reversed(names[: names.index(name) + 1]) if n in GROUPS)


def words(name: str) -> str:
    """The label of a setting: 'model.critic_width' is 'Critic width'."""
    text = EVERYDAY.get(name) or name.removeprefix("model.").replace("_", " ").capitalize()
    return SHORT.get(text, text)


def _field(name: str) -> Any:
    own = name.removeprefix("model.")
    return (ModelSpec if own != name else RunConfig).model_fields[own]


class ConfigForm(QWidget):
    """Edits some settings of a configuration and keeps the others.

    Args:
        names: the settings to show.
        roomy: with each setting's help beside it, not in a tooltip alone.
        titles: with the groups' titles.
    """

    changed = Signal()

    def __init__(self, names: Iterable[str], roomy: bool = False, titles: bool = False) -> None:
        super().__init__()
        self._config = RunConfig()
        self._roomy, self._titles = roomy, titles
        self.editors: dict[str, QWidget] = {}
        self.faults: dict[str, QLabel] = {}
        self._readers: dict[str, Callable[[], Any]] = {}
        self._writers: dict[str, Callable[[Any], None]] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.SPACE)
        grid.setVerticalSpacing(theme.SPACE_SMALL)
        grid.setColumnMinimumWidth(0, label_width(self))
        grid.setColumnStretch(2 if roomy else 1, 1)
        column.addLayout(grid)
        for name in names:
            self._add(grid, name)
        self.faults[""] = self._fault_label()
        column.addWidget(self.faults[""])
        self.set_config(self._config)

    # --- what others use -------------------------------------------------------------------

    def set_config(self, config: RunConfig) -> None:
        """Shows a configuration; ``changed`` is not emitted."""
        self._config = config
        fields = _flat(config)
        for name, write in self._writers.items():
            editor = self.editors[name]
            blocked = editor.blockSignals(True)
            write(fields[name])
            editor.blockSignals(blocked)
        self._show_faults({})

    def fields(self) -> dict[str, Any]:
        """What is typed, with the settings that are not shown, as plain fields."""
        fields = self._config.model_dump()
        for name, read in self._readers.items():
            own = name.removeprefix("model.")
            place = fields if own == name else fields["model"]
            place[own] = read()
        return fields

    def config(self) -> RunConfig:
        """The configuration as it is typed. Raises RunError naming the first setting at fault."""
        return validated(self.fields())

    def config_or_last(self) -> RunConfig:
        """The configuration as it is typed, or as it was set where that is at fault."""
        return self._config if problems(self.fields()) else self.config()

    def set_hidden(self, **values: Any) -> None:
        """Changes settings that this form does not show."""
        self._config = self._config.model_copy(update=values)
        self._show_faults(problems(self.fields()))

    # --- building --------------------------------------------------------------------------

    def _add(self, grid: QGridLayout, name: str) -> None:
        row = grid.rowCount()
        before = next(reversed(self.editors), None)
        if self._titles and (before is None or group(name) != group(before)):
            title = heading(group(name))
            title.setContentsMargins(0, theme.SPACE if row > 1 else 0, 0, 0)
            grid.addWidget(title, row, 0, 1, 3)
            row += 1
        description = HELP.get(name) or _field(name).description or ""
        label = QLabel(words(name))
        editor = self._editor(name, _field(name).annotation)
        editor.setAccessibleName(words(name))
        label.setBuddy(editor)
        label.setToolTip(description)
        editor.setToolTip(description)
        grid.addWidget(label, row, 0)
        grid.addWidget(editor, row, 1)
        if self._roomy:
            grid.addWidget(muted(description), row, 2)
        self.editors[name] = editor
        self.faults[name] = self._fault_label()
        grid.addWidget(self.faults[name], row + 1, 1, 1, 2 if self._roomy else 1)

    def _editor(self, name: str, kind: Any) -> QWidget:
        if typing.get_origin(kind) is Literal:
            box = QComboBox()
            for choice in typing.get_args(kind):
                box.addItem(str(choice).replace("_", " "), choice)
            box.currentIndexChanged.connect(self._edited)
            self._readers[name] = box.currentData
            self._writers[name] = lambda value: box.setCurrentIndex(box.findData(value))
            return box
        if kind is bool:
            check = QCheckBox()
            check.toggled.connect(self._edited)
            self._readers[name], self._writers[name] = check.isChecked, check.setChecked
            return check
        if kind is int:
            return self._spin(name)
        line = QLineEdit()
        line.textEdited.connect(self._edited)
        if kind is str:
            self._readers[name], self._writers[name] = line.text, line.setText
            return line
        line.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._readers[name] = lambda: _typed(line.text(), kind)
        self._writers[name] = lambda value: line.setText(_shown(value))
        return line

    def _spin(self, name: str) -> QSpinBox:
        """Wider than the bounds: a sentence says what is wrong, where a clip would be silent."""
        spin = _Spin()
        spin.setRange(0, MOST)
        spin.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        if name == "threads":
            spin.setSpecialValueText("all cores")
        spin.valueChanged.connect(self._edited)
        self._readers[name], self._writers[name] = spin.value, spin.setValue
        return spin

    def _fault_label(self) -> QLabel:
        label = QLabel(wordWrap=True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        palette = label.palette()
        palette.setColor(QPalette.ColorRole.WindowText, theme.colors().danger)
        label.setPalette(palette)
        label.hide()
        return label

    # --- checking --------------------------------------------------------------------------

    def _edited(self) -> None:
        self._show_faults(problems(self.fields()))
        self.changed.emit()

    def _show_faults(self, found: dict[str, str]) -> None:
        texts = dict.fromkeys(self.faults, "")
        for where, reason in found.items():
            # 'betas.1' is told beside betas; what has no editor here, at the end.
            shown = where if where in texts else where.rpartition(".")[0]
            text = reason if shown in texts and shown else f"{words(where)}: {reason}"
            text = text.removeprefix(": ")
            texts[shown if shown in texts else ""] = f"{text[:1].upper()}{text[1:]}."
        for name, text in texts.items():
            self.faults[name].setText(text)
            self.faults[name].setVisible(bool(text))


class _Spin(QSpinBox):
    """Leaves the wheel to the page that it lies on, unless it is being edited."""

    def wheelEvent(self, event: Any) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def _flat(config: RunConfig) -> dict[str, Any]:
    fields = config.model_dump()
    return fields | {f"model.{name}": value for name, value in fields["model"].items()}


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(f"{part:g}" for part in value)
    return f"{value:g}"


def _typed(text: str, kind: Any) -> Any:
    """The number or numbers of a text; the text itself where it is none, for the check to name."""
    parts = [part.strip().replace("−", "-") for part in text.split(",")]
    return tuple(parts) if typing.get_origin(kind) is tuple else text.strip()
