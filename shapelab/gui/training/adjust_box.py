"""Changes some settings of a run while it is trained: rates, weights, the previews' latents."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.errors import ShapelabError
from shapelab.core.runs.events import Adjusted
from shapelab.core.runs.live_settings import LIVE, adjusted, changes, command
from shapelab.core.runs.presets import differences
from shapelab.core.runs.run_config import RunConfig
from shapelab.gui.base import theme
from shapelab.gui.base.labels import heading, muted
from shapelab.gui.training.new_run.config_form import ConfigForm

RATES = tuple(name for name in LIVE if name.endswith("rate"))
OTHERS = tuple(name for name in LIVE if name not in RATES)
WHAT = "From the next step on. It is noted in the run and stays after a resume."


class AdjustBox(QFrame):
    """Shows the settings as the run has them; what is typed counts when it is applied.

    Signals:
        asked: a command for the run.
        closed: it is not needed any more.
    """

    asked = Signal(str)
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._config: RunConfig | None = None
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.rates, self.others = ConfigForm(RATES), ConfigForm(OTHERS)
        self.told = muted(WHAT)
        self.apply = QPushButton("Apply")
        self.apply.setToolTip("Ask the run to go on with these settings.")
        self.close_button = QToolButton()
        self.close_button.setText("×")
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Close")
        self.close_button.setAccessibleName("Close")
        top, middle, bottom = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        top.addWidget(heading("Adjust"), 1)
        top.addWidget(self.close_button)
        for form in (self.rates, self.others):
            middle.addWidget(form, 1, Qt.AlignmentFlag.AlignTop)
        bottom.addWidget(self.told, 1)
        bottom.addWidget(self.apply, 0, Qt.AlignmentFlag.AlignBottom)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE] * 4)
        for row in (top, middle, bottom):
            row.setSpacing(2 * theme.SPACE)
            column.addLayout(row)
        for form in (self.rates, self.others):
            form.changed.connect(self._check)
        self.apply.clicked.connect(self._apply)
        self.close_button.clicked.connect(self.closed)
        for widget in self.findChildren(QWidget):
            widget.ensurePolished()  # before, it knows nothing of its padding, and asks no room
        self.hide()

    def show_config(self, config: RunConfig, news: Adjusted | None = None) -> None:
        """Shows a run's settings, and what has just been changed in them."""
        self._config = config
        self.rates.set_config(config)
        self.others.set_config(config)
        self.told.setText(WHAT if news is None else f"Step {news.step}: {news.changes}")
        self.apply.setEnabled(False)

    def settings(self) -> list[str]:
        """What was changed, as ``key=value`` texts.

        Raises:
            ShapelabError: a value cannot be, or not while the run is trained.
        """
        assert self._config is not None
        typed = self.rates.config()
        others = self.others.config()
        typed = typed.model_copy(update={name: getattr(others, name) for name in OTHERS})
        changed = changes(self._config, typed)
        texts = [
            text for text in differences(typed, self._config) if text.partition("=")[0] in changed
        ]
        adjusted(self._config, texts)
        return texts

    @Slot()
    def _check(self) -> None:
        try:
            self.apply.setEnabled(bool(self.settings()))
            self.told.setText(WHAT)
        except ShapelabError as error:
            self.apply.setEnabled(False)
            self.told.setText(str(error))

    @Slot()
    def _apply(self) -> None:
        self.told.setText("Asked; the run takes it at its next step.")
        self.apply.setEnabled(False)
        self.asked.emit(command(self.settings()))
