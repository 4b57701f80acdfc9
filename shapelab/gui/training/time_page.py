"""The right side of the training panel: shapes as they were at a step, and the run's timeline."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.runs.previews import Grids, preview_steps
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_models import moments, order
from shapelab.gui.base import theme
from shapelab.gui.base.labels import heading
from shapelab.gui.training.previews_strip import ROWS, PreviewsStrip
from shapelab.gui.training.timeline import Timeline, nearest

NO_RUN = "The shapes of the run that is selected appear here."
NO_PREVIEW = "The first shapes appear here as soon as the run has drawn them."


class TimePage(QWidget):
    """Shows one place in a run's time; the cursor sticks to the newest until it is moved.

    Signals:
        moved: the step that the user went to.
        explore_requested: (folder of the run, step of a checkpoint) to be loaded.
        follow_toggled: whether the viewport shall show each new checkpoint.
        shape_clicked: (grid, words) of a preview's shape.
        home_requested: the model that was there before shall come back.
    """

    moved = Signal(int)
    explore_requested = Signal(Path, int)
    follow_toggled = Signal(bool)
    shape_clicked = Signal(object, str)
    home_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._run: Path | None = None
        self._best: int | None = None
        self._sticks = True  # the cursor goes with the newest step
        self._exploring: tuple[Path, int] | None = None
        self.strip = PreviewsStrip()
        self.timeline = Timeline()
        self.rows = QComboBox()
        self.rows.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.rows.setToolTip("Which of the preview's shapes are shown")
        self.when = QLabel()
        self.when.setProperty("muted", True)
        self.explore = QPushButton("Explore this checkpoint")
        self.explore.setToolTip("Load it into the viewport: the sliders then move its shapes.")
        self.home = QPushButton("Back to my model")
        self.home.setToolTip("Bring back the model that was loaded before.")
        self.home.hide()
        self.follow = QPushButton("Follow")
        self.follow.setCheckable(True)
        self.follow.setToolTip("Load every new checkpoint into the viewport as it comes.")
        self._lay_out()
        self._connect()
        self.show_run(None)

    # --- what others use -------------------------------------------------------------------

    def show_run(self, run: Path | None, reached: int = 0) -> None:
        """Shows another run, at its newest step."""
        self._run, self._sticks = run, True
        self._exploring = self._exploring if self._exploring and run else None
        self.strip.clear(NO_RUN if run is None else NO_PREVIEW)
        self.timeline.set_step(0)
        self.refresh(reached)

    def refresh(self, reached: int, best: int | None = None) -> None:
        """Shows what the shown run has written by now."""
        self._best = best
        folder = None if self._run is None else RunFolder(self._run)
        previews = preview_steps(folder.previews) if folder else []
        checkpoints = [order(path)[1] for path in moments(folder)] if folder else []
        checkpoints = sorted(set(checkpoints))
        self.timeline.set_run(reached, previews, checkpoints, best)
        stops = sorted({*previews, *checkpoints})
        if stops and (self._sticks or self.timeline.step > stops[-1]):
            self._point(stops[-1])
        else:
            self._point(self.timeline.step)

    def show_prepared(self, folder: Path) -> None:
        """Shows the newest shapes of a preparation, by the previews that it writes."""
        done = preview_steps(folder)[-1:]
        if done:
            self.strip.show_step(folder, done[0])
            self.when.setText(f"{formatting.count(done[0])} prepared")

    def advance(self, reached: int) -> None:
        """The run went on; nothing new to see but the line."""
        line = self.timeline
        line.set_run(reached, line.previews, line.checkpoints, self._best)

    def go_to(self, step: int) -> None:
        """Moves the cursor from outside, as the plot's does; ``moved`` is not emitted."""
        self._sticks = False
        self._point(step)
        self._explore_on_the_way()

    def set_exploring(self, run: Path | None, step: int = 0, can_leave: bool = False) -> None:
        """Says which model the viewport shows, if it is one of a run's, and if there is another."""
        self._exploring = None if run is None else (run, step)
        self.home.setVisible(can_leave)
        self._point(self.timeline.step)

    def set_following(self, on: bool) -> None:
        """Shows whether the viewport follows; no signal."""
        blocked = self.follow.blockSignals(True)
        self.follow.setChecked(on)
        self.follow.blockSignals(blocked)

    @property
    def samples(self) -> Grids | None:
        """The run's newest shapes drawn at random, if they are the ones in sight."""
        shown, newest = self.strip.shown, self.timeline.previews[-1:]
        if shown is None or (shown.step,) != newest or len(shown.rows.get("samples", ())) < 2:
            return None
        return shown.rows["samples"]

    def stop(self) -> None:
        """Ends the reading of previews."""
        self.strip.stop()

    # --- inside ----------------------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE)
        top.addWidget(heading("Shapes"))
        top.addWidget(self.rows)
        top.addStretch(1)
        top.addWidget(self.when)
        bottom = QHBoxLayout()
        bottom.setSpacing(theme.SPACE)
        bottom.addWidget(self.explore)
        bottom.addWidget(self.home)
        bottom.addStretch(1)
        bottom.addWidget(self.follow)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SPACE, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addLayout(top)
        column.addWidget(self.strip, 1)
        column.addWidget(self.timeline)
        column.addLayout(bottom)

    def _connect(self) -> None:
        self.timeline.moved.connect(self._moved)
        self.rows.currentIndexChanged.connect(lambda: self.strip.set_row(self.rows.currentData()))
        self.strip.rows_changed.connect(self._list_rows)
        self.strip.clicked.connect(self.shape_clicked)
        self.explore.clicked.connect(self._explore)
        self.home.clicked.connect(self.home_requested)
        self.follow.toggled.connect(self.follow_toggled)

    @Slot(list)
    def _list_rows(self, names: list[str]) -> None:
        blocked = self.rows.blockSignals(True)
        self.rows.clear()
        for name in reversed(names):  # what is drawn at random first: it shows most
            self.rows.addItem(ROWS.get(name, name), name)
        self.rows.setCurrentIndex(max(self.rows.findData(self.strip.row), 0))
        self.rows.blockSignals(blocked)
        self.strip.set_row(self.rows.currentData())

    @Slot(int)
    def _moved(self, step: int) -> None:
        stops = (*self.timeline.previews, *self.timeline.checkpoints)
        self._sticks = step >= max(stops, default=0)
        self._point(step)
        self._explore_on_the_way()
        self.moved.emit(step)

    def _point(self, step: int) -> None:
        """Puts the cursor and everything beside it at a step."""
        self.timeline.set_step(step)
        previews = self.timeline.previews
        place = bisect_right(previews, step) - 1
        if self._run is not None and previews:
            # What the run had drawn by then; before its first preview, that one.
            self.strip.show_step(RunFolder(self._run).previews, previews[max(place, 0)])
        some = self._run is not None and bool(previews or self.timeline.checkpoints)
        self.when.setText(f"step {formatting.count(step)}" if some else "")
        self.rows.setVisible(bool(previews))
        checkpoint = self._checkpoint()
        shown = self._exploring
        here = shown is not None and shown[0] == self._run
        self.timeline.set_shown(shown[1] if here and shown else None)
        self.explore.setEnabled(checkpoint is not None and (self._run, checkpoint) != shown)
        words = "this checkpoint"
        if checkpoint is not None and checkpoint != step:
            words = f"step {formatting.count(checkpoint)}"
        self.explore.setText(f"Explore {words}")
        self.follow.setEnabled(self._run is not None)

    def _checkpoint(self) -> int | None:
        """The checkpoint that is nearest to the cursor."""
        return nearest(self.timeline.checkpoints, self.timeline.step)

    def _explore_on_the_way(self) -> None:
        """While a checkpoint of this run is in the viewport, moving the cursor changes it."""
        if self._exploring is not None and self._exploring[0] == self._run:
            self._explore()

    @Slot()
    def _explore(self) -> None:
        checkpoint = self._checkpoint()
        if self._run is not None and checkpoint is not None:
            wanted = (self._run, checkpoint)
            if wanted != self._exploring:
                self.explore_requested.emit(*wanted)
