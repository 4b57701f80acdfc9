"""The line above a run: its name, where it stands, and what can be done with it now."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QIcon, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.runs.run_progress import RunProgress
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.run_watch import Trouble
from shapelab.gui.base import theme
from shapelab.gui.base.labels import ElidedLabel
from shapelab.gui.training.run_list import state_colour

RATE = "samples_per_second"
BAR = 1000  # parts of the progress bar

S = RunState
#: What the main button does in a state: its words and the verb that it asks for.
MAIN = {
    S.TRAINING: ("Pause", "pause"),
    S.STALLED: ("Pause", "pause"),
    S.SAVING: ("Pause", "pause"),
    S.PAUSED: ("Go on", "resume"),
    S.STOPPED: ("Resume", "restart"),
    S.INTERRUPTED: ("Resume", "restart"),
    S.FAILED: ("Resume", "restart"),
    S.NEW: ("Start", "restart"),
    S.COMPLETED: ("Train on…", "extend"),
}
STOPPABLE = (S.STARTING, S.PREPARING, S.TRAINING, S.STALLED, S.SAVING, S.PAUSED, S.WAITING)
UNMADE = (S.STARTING, S.PREPARING)  # there may be no folder yet
LEARNT = tuple(state for state in S if state not in (S.NEW, *UNMADE))
STEERED = (S.TRAINING, S.STALLED, S.PAUSED, S.SAVING)  # takes 'sample' and 'save'
#: Words in the menu, their verb, and the states in which they can be used (None: always).
MENU: tuple[tuple[str, str, tuple[RunState, ...] | None] | None, ...] = (
    ("Adjust…", "adjust", STEERED),
    ("Make a preview now", "sample", STEERED),
    ("Save a checkpoint now", "save", STEERED),
    ("End the process now…", "kill", (S.STARTING, S.STALLED, S.STOPPING, S.SAVING, S.WAITING)),
    None,
    ("Open in the explorer", "explore", LEARNT),
    ("Export as a model…", "export", LEARNT),
    ("Evaluate…", "evaluate", LEARNT),
    None,
    ("Tags and note…", "annotate", tuple(state for state in S if state not in UNMADE)),
    ("New run with these settings", "duplicate", None),
    ("Copy as command", "copy", None),
    ("Open its folder", "folder", None),
    None,
    ("Delete…", "delete", (S.STOPPED, S.INTERRUPTED, S.FAILED, S.NEW, S.COMPLETED)),
)


@dataclass(frozen=True)
class Standing:
    """What the header shows about a run."""

    name: str
    state: RunState
    progress: RunProgress
    trouble: Trouble | None = None


class RunHeader(QWidget):
    """Asks for verbs; knows only how things stand.

    Signals:
        asked: a verb of ``MAIN`` or ``MENU``, or 'stop'.
        left: back to all runs.
    """

    asked = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._state: RunState | None = None  # of the run that is shown
        self.back = QToolButton()
        self.back.setIcon(theme.icon("back"))
        self.back.setToolTip("All runs")
        self.back.setAccessibleName("All runs")
        self.name = ElidedLabel(bold=True)
        self.state = QLabel()
        self.bar = QProgressBar()
        self.bar.setRange(0, BAR)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.progress = ElidedLabel()
        self.progress.setProperty("muted", True)
        self.main = QPushButton()
        self.stop = QPushButton(theme.icon("stop"), "Stop")
        self.stop.setToolTip("Save and end; it can be resumed from there.")
        self.export = QPushButton("Export…")
        self.export.setToolTip("Make a model of it, with a card, that opens like any other.")
        self.more = more_button("More")
        self.menu = self._build_menu()
        self.more.setMenu(self.menu)
        self.trouble = TroubleLine()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(self.back)
        row.addWidget(self.name, 1)
        row.addWidget(self.main)
        row.addWidget(self.stop)
        row.addWidget(self.export)
        row.addWidget(self.more)
        below = QHBoxLayout()
        below.setSpacing(theme.SPACE)
        below.addWidget(self.state)
        below.addWidget(self.progress, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        column.addLayout(row)
        column.addLayout(below)
        column.addWidget(self.bar)
        column.addWidget(self.trouble)
        self.back.clicked.connect(self.left)
        self.main.clicked.connect(self._ask_main)
        self.stop.clicked.connect(lambda: self.asked.emit("stop"))
        self.export.clicked.connect(lambda: self.asked.emit("export"))
        self.show_standing(None)

    def show_standing(self, standing: Standing | None) -> None:
        """Shows everything as a run's state asks for; None where no run is selected."""
        state = standing.state if standing else None
        if state is not self._state or state is None:
            self._state = state
            self._show_verbs(state)
        if standing is None:
            self.name.setText("No run selected")
            self.state.clear()
            self.progress.clear()
            self.bar.setValue(0)
            self.trouble.show_trouble(None)
            return
        self.name.setText(standing.name)
        self._show_progress(standing)
        self.trouble.show_trouble(standing.trouble)

    def changeEvent(self, event: object) -> None:
        super().changeEvent(event)  # type: ignore[arg-type]
        self._colour()

    # --- inside ----------------------------------------------------------------------------

    def _build_menu(self) -> QMenu:
        menu = QMenu(self)
        self.verbs = {}
        for entry in MENU:
            if entry is None:
                menu.addSeparator()
                continue
            words, verb, _ = entry
            self.verbs[verb] = menu.addAction(words)
            self.verbs[verb].triggered.connect(lambda _on, verb=verb: self.asked.emit(verb))
        return menu

    @Slot()
    def _ask_main(self) -> None:
        if self._state in MAIN:
            self.asked.emit(MAIN[self._state][1])

    def _show_verbs(self, state: RunState | None) -> None:
        words, verb = MAIN.get(state, ("Pause", "pause")) if state else ("Pause", "pause")
        self.main.setText(words)
        # On the accent's ground an icon in the text's colour would be lost; the word says it.
        self.main.setIcon(theme.icon("pause") if verb == "pause" else QIcon())
        self.main.setEnabled(state in MAIN)
        self.main.setDefault(verb not in ("pause", "extend"))
        self.export.setVisible(state in (S.COMPLETED, S.STOPPED))
        self.export.setDefault(state is S.COMPLETED)
        self.stop.setText("Stopping…" if state is RunState.STOPPING else "Stop")
        self.stop.setEnabled(state in STOPPABLE)
        self.stop.setVisible(state in (*STOPPABLE, RunState.STOPPING))
        self.more.setEnabled(state is not None)
        for entry in MENU:
            if entry is not None:
                usable = state is not None and (entry[2] is None or state in entry[2])
                self.verbs[entry[1]].setVisible(usable)
        self.bar.setVisible(state is not None)
        self._colour()

    def _colour(self) -> None:
        if self._state is not None:
            palette = self.state.palette()
            palette.setColor(QPalette.ColorRole.WindowText, state_colour(self._state))
            self.state.setPalette(palette)

    def _show_progress(self, standing: Standing) -> None:
        progress = standing.progress
        words = standing.state.label
        self.state.setText(f"{words}…" if standing.state in (S.STARTING, S.SAVING) else words)
        made = progress.prepared
        if made is not None:
            self.bar.setRange(0, BAR)
            self.bar.setValue(round(BAR * made.done / max(made.total, 1)))
            self.progress.setText(f"{made.done} of {made.total} shapes")
            return
        waits = standing.state in (S.STARTING, S.PREPARING) and not progress.step
        self.bar.setRange(0, 0 if waits else BAR)  # 0 to 0: it runs to and fro
        if waits:
            self.progress.setText("")
            return
        self.bar.setValue(round(BAR * progress.step / max(progress.steps, 1)))
        self.progress.setText(" · ".join(self._progress_parts(standing)))

    def _progress_parts(self, standing: Standing) -> list[str]:
        progress = standing.progress
        step, steps = map(formatting.count, (progress.step, progress.steps))
        parts = [f"step {step} of {steps}"]
        if standing.state not in (S.TRAINING, S.SAVING):
            return parts
        rate = progress.metrics.get(RATE)
        if rate is not None and rate == rate:
            parts.append(f"{rate:.0f} shapes/s" if rate >= 10 else f"{rate:.1f} shapes/s")
        left = progress.seconds_left()
        if left is not None:
            parts.append(f"about {formatting.duration(left, rough=True)} left")
        return parts


def more_button(words: str) -> QToolButton:
    """The three dots that open a menu."""
    button = QToolButton()
    button.setText("⋯")
    button.setToolTip(words)
    button.setAccessibleName(words)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
    return button


class TroubleLine(QWidget):
    """One sentence about what went wrong, with the evidence behind a button."""

    def __init__(self) -> None:
        super().__init__()
        self._trouble: Trouble | None = None
        self.mark = QLabel()
        self.text = QLabel(wordWrap=True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = QPushButton("Details…")
        self.details.clicked.connect(self._open)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(self.mark)
        row.addWidget(self.text, 1)
        row.addWidget(self.details)
        self.hide()

    def show_trouble(self, trouble: Trouble | None) -> None:
        """Shows a trouble, or nothing."""
        if trouble is self._trouble:
            return
        self._trouble = trouble
        if trouble is not None:
            self.mark.setPixmap(theme.icon("warning").pixmap(18, 18))
            palette = self.text.palette()
            palette.setColor(QPalette.ColorRole.WindowText, theme.colors().danger)
            self.text.setPalette(palette)
            self.text.setText(trouble.sentence)
            self.details.setVisible(bool(trouble.details))
        self.setVisible(trouble is not None)

    def _open(self) -> None:
        if self._trouble is None:
            return
        box = QMessageBox(self)
        box.setWindowTitle("What the training said last")
        box.setText(self._trouble.sentence)
        box.setDetailedText(self._trouble.details)
        box.open()
