"""One run in full: how it stands, what the doctor says, its curves, its shapes in time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from shapelab.core.errors import ShapelabError
from shapelab.core.runs.advice.doctor import diagnose, diversity_of, ready, share_empty
from shapelab.core.runs.events import Adjusted, Event, EventReader, Previewed, Saved
from shapelab.core.runs.run_folder import RunFolder, RunSummary
from shapelab.core.runs.run_progress import RunProgress
from shapelab.core.runs.run_state import RunState
from shapelab.gui.base import theme
from shapelab.gui.base.workers import Task
from shapelab.gui.plots.loss_plot import LossPlot
from shapelab.gui.process.live_run import LiveRun
from shapelab.gui.training.adjust_box import AdjustBox
from shapelab.gui.training.doctor_box import DoctorBox
from shapelab.gui.training.run_comparison import RunComparison
from shapelab.gui.training.run_header import STEERED, RunHeader, Standing
from shapelab.gui.training.time_page import TimePage

ROUNDS_MS = 1000  # between two visits of the training doctor, at least
HEIGHTS = (455, 285)  # of curves and shapes, px


class RunPage(QSplitter):
    """Shows a run that is under way by its news, one of the past by what it has written."""

    failed = Signal(object)  # exception

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.shown: RunSummary | None = None
        self._live: LiveRun | None = None  # of the shown run, if somebody watches it
        self._reader: Task | None = None
        self._past: RunProgress | None = None  # of the shown run, as far as it was read
        self.header = RunHeader()
        self.doctor = DoctorBox()
        self.adjust = AdjustBox()
        self.plot = LossPlot()
        self.page = TimePage()
        self.comparison = RunComparison(self)
        self._runs: list[Path] = []  # that there are
        self._rounds = QTimer(self, singleShot=True, interval=ROUNDS_MS)
        self._rounds.timeout.connect(self._consult)
        self.plot.cursor_moved.connect(self.page.go_to)
        self.page.moved.connect(self.plot.set_cursor)
        self.plot.bar.compare_toggled.connect(self._compare)
        self.comparison.came.connect(lambda run, events: self.plot.append(str(run), events))
        self.comparison.failed.connect(self.failed)
        self.adjust.asked.connect(self._send)
        self.adjust.closed.connect(self.adjust.hide)
        self._lay_out()

    # --- what others use -------------------------------------------------------------------

    def show_run(self, run: RunSummary | None, live: LiveRun | None) -> None:
        """Shows a run, or news of the shown one; ``live`` where somebody watches it."""
        before = self.shown.path if self.shown else None
        self.shown, self._live = run, live
        if before is not None and (run is None or run.path != before):
            self.plot.remove_run(str(before))
            self._past = None
            self.adjust.hide()
            for other in self.comparison.runs:
                self._compare(str(other), False)
        if run is None:
            self.page.show_run(None)
        elif run.path != before:
            self._begin(run)
        self._show_header()
        self._offer_others()

    def offer_runs(self, runs: Sequence[RunSummary]) -> None:
        """Says which runs there are, for the shown one to be compared with."""
        self._runs = [run.path for run in runs]
        self._offer_others()

    def open_adjust(self) -> None:
        """Shows what can be changed in the shown run while it is trained."""
        told = self._live.events if self._live is not None else []
        adjusted = [event for event in told if isinstance(event, Adjusted)]
        if self._show_settings(adjusted[-1] if adjusted else None):
            self.adjust.show()
            QTimer.singleShot(0, self._make_room)

    def restart(self, live: LiveRun) -> None:
        """The shown run goes on, and its whole history comes again."""
        key = str(live.run)
        self._live = live
        self.plot.add_run(key, live.run.name)
        self._show_header()

    def show_news(self, live: LiveRun, events: list[Event]) -> None:
        """Shows events of a run, if it is the shown one."""
        if live is not self._live:
            return
        self.plot.append(str(live.run), events)
        if self._show_prepared(live, events):
            pass
        elif any(isinstance(event, Previewed | Saved) for event in events):
            self._refresh_time(live.progress)
        else:
            self.page.advance(live.progress.step)
        self._show_header()
        adjusted = [event for event in events if isinstance(event, Adjusted)]
        if adjusted and not self.adjust.isHidden():
            self._show_settings(adjusted[-1])
        self._ask_doctor()

    def show_state(self, live: LiveRun) -> None:
        """Shows how a run stands, if it is the shown one."""
        if live is self._live:
            self._show_header()

    def stop(self) -> None:
        """Ends what is being read."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        self.comparison.stop()
        self.page.stop()

    # --- inside ----------------------------------------------------------------------------

    def _begin(self, run: RunSummary) -> None:
        self.plot.set_cursor(None)
        self.doctor.show_findings([], ready=False)
        self.plot.add_run(str(run.path), run.path.name)
        self.page.show_run(run.path, run.step)
        if self._live is not None:
            self.plot.append(str(run.path), self._live.events)
            self._refresh_time(self._live.progress)
            self._show_prepared(self._live, self._live.events)
            self._ask_doctor()
            return
        if self._reader is not None:
            self._reader.cancel()
        events = RunFolder(run.path).events
        self._reader = Task(lambda _task: EventReader(events).read(), self)
        self._reader.done.connect(lambda events: self._show_history(run, events))
        self._reader.failed.connect(self.failed)
        self._reader.start()

    def _show_history(self, run: RunSummary, events: list[Event]) -> None:
        if self.shown is None or self.shown.path != run.path or self._live is not None:
            return
        progress = self._past = RunProgress(run.steps)
        for event in events:
            progress.add(event)
        progress.steps = run.steps
        self.plot.append(str(run.path), events)
        self._refresh_time(progress)
        self._show_header()
        self._ask_doctor()

    def _offer_others(self) -> None:
        names = {str(path): path.name for path in self._runs} if self.shown else {}
        names.pop(str(self.shown.path) if self.shown else "", None)
        for gone in {str(path) for path in self.comparison.runs} - names.keys():
            self._compare(gone, False)
        self.plot.bar.offer_runs(names, {str(path) for path in self.comparison.runs})

    @Slot(str, bool)
    def _compare(self, key: str, on: bool) -> None:
        """Draws another run beside the shown one, or does so no more."""
        if on:
            self.plot.add_run(key, Path(key).name)
            self.comparison.add(Path(key))
        else:
            self.comparison.remove(Path(key))
            self.plot.remove_run(key)

    @Slot()
    def _make_room(self) -> None:
        """A splitter gives what appears in it no room by itself."""
        above, below = self.sizes()
        needed = self.adjust.sizeHint().height() + self.plot.minimumSizeHint().height()
        needed += self.header.height() + self.doctor.height() + 4 * theme.SPACE
        if above < needed:
            self.setSizes([needed, above + below - needed])

    def _show_settings(self, news: Adjusted | None = None) -> bool:
        """Shows the run's settings as they are by now."""
        try:
            assert self.shown is not None
            self.adjust.show_config(RunFolder(self.shown.path).read_config(), news)
        except ShapelabError as error:
            self.failed.emit(error)
            return False
        return True

    @Slot(str)
    def _send(self, command: str) -> None:
        if self._live is not None:
            self._live.send(command)

    def _ask_doctor(self) -> None:
        if not self._rounds.isActive():
            self._rounds.start()

    @Slot()
    def _consult(self) -> None:
        """Shows what the numbers of the shown run say."""
        if self.shown is None:
            return
        curves = self.plot.curves(str(self.shown.path))
        try:
            config = RunFolder(self.shown.path).read_config()
        except ShapelabError:  # its data are still being made
            self.doctor.show_findings([], ready=False)
            return
        samples = self.page.samples
        seen = (None, None) if samples is None else (diversity_of(samples), share_empty(samples))
        self.doctor.show_findings(diagnose(curves, config, *seen), ready(curves))

    def _show_prepared(self, live: LiveRun, events: list[Event]) -> bool:
        """Shows the newest shapes while a run's data are made; False where there are none."""
        drawn = [Path(event.path) for event in events if isinstance(event, Previewed)]
        if live.state is not RunState.PREPARING or not drawn or not drawn[-1].is_absolute():
            return False
        self.page.show_prepared(drawn[-1].parent)
        return True

    def _refresh_time(self, progress: RunProgress) -> None:
        assert self.shown is not None
        best = self.plot.curves(str(self.shown.path)).best
        self.page.refresh(progress.step, None if best is None else best.step)

    def _show_header(self) -> None:
        run, live = self.shown, self._live
        if run is None:
            self.header.show_standing(None)
        elif live is None:
            progress = self._past or RunProgress(run.steps, run.step)
            self.header.show_standing(Standing(run.path.name, run.state, progress))
        else:
            if live.state not in STEERED:
                self.adjust.hide()
            standing = Standing(run.path.name, live.state, live.progress, live.trouble)
            self.header.show_standing(standing)

    def _lay_out(self) -> None:
        self.setChildrenCollapsible(False)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, theme.SPACE)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.header)
        column.addWidget(self.doctor)
        column.addWidget(self.adjust)
        plots = self.plot.layout()
        assert plots is not None
        plots.setContentsMargins(0, 0, 0, 0)  # the panel has its own
        column.addWidget(self.plot, 1)
        self.addWidget(upper)
        self.addWidget(self.page)
        self.setStretchFactor(0, 1)
        self.setSizes(HEIGHTS)
