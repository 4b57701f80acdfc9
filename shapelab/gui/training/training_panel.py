"""The training workspace: the list of runs, the form of a new one, and one run in full.

Imports pyqtgraph by way of the plots, which takes a while: import it when it is first shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.paths import user_folder
from shapelab.core.runs.events import Event
from shapelab.core.runs.presets import preset
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder, RunSummary
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.store_mix import StoreShare
from shapelab.core.runs.training_plan import FIRST_SHAPES, Preparation, TrainingPlan, free_name
from shapelab.gui.base import theme
from shapelab.gui.base.labels import MARGIN, heading, muted
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.process.closing import remember, remembered
from shapelab.gui.process.live_run import LiveRun
from shapelab.gui.process.trainer_process import attach_job, fit_job, prepare_job, resume_job
from shapelab.gui.process.training_thread import TrainingThread
from shapelab.gui.training.compare_page import ComparePage
from shapelab.gui.training.new_run.new_run_form import FIRST_PRESET, NewRunPage
from shapelab.gui.training.run_actions import RunActions
from shapelab.gui.training.run_header import more_button
from shapelab.gui.training.run_list import RunList
from shapelab.gui.training.run_page import RunPage
from shapelab.gui.training.training_welcome import TrainingWelcome

FIRST_STEPS = 6000  # of the first run: an evening's look rather than a night
FIRST_VIEWS = 2  # pictures of each shape then: the wait before the first curve is short
FIRST_CHANGES = {"validate_every": 200, "preview_every": 100, "save_every": 200, "log_every": 5}


class TrainingPanel(QWidget):
    """Starts, shows and steers runs; those that go on when it closes are found again.

    Signals:
        explore_requested: (run, step) of a checkpoint for the viewport.
        follow_requested: run whose newest checkpoint the viewport shall follow, or None.
        home_requested: the viewport shall go back to the model that was there before.
        evaluation_requested: folder of a run that shall be scored.
        export_requested: folder of a run of which a model shall be made.
        shape_requested: (grid, words) of a preview's shape for the viewport.
        failed: exception to be told.
        noted: short news to be told.
        news: (run, events) of every run that is under way.
    """

    explore_requested = Signal(Path, int)
    follow_requested = Signal(object)
    home_requested = Signal()
    evaluation_requested = Signal(Path)
    export_requested = Signal(Path)
    shape_requested = Signal(object, str)
    failed = Signal(object)
    noted = Signal(str)
    news = Signal(Path, list)

    def __init__(self, settings: WindowSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._live: dict[Path, LiveRun] = {}
        self._waiting: dict[Path, TrainingPlan] = {}  # of runs whose folder is not there yet
        self.welcome = TrainingWelcome()
        self.list = RunList()
        self.form_page = NewRunPage()
        self.form = self.form_page.form
        self.run_page = RunPage()
        self.compare_page = ComparePage()
        self._actions = RunActions(self)
        self._lay_out()
        self._connect()
        for left_behind in remembered(settings):  # by the window before this one
            live = self._watch(LiveRun(left_behind, 0, self))
            self.list.choose(live.run)

    # --- what others use -------------------------------------------------------------------

    @property
    def runs_folder(self) -> Path:
        """Where new runs go, and where runs are looked for."""
        return Path(self._settings.text("folders/runs", str(user_folder() / "runs")))

    @property
    def stores_folder(self) -> Path:
        """Where the data that the app prepares go."""
        return user_folder() / "data"

    @property
    def training(self) -> list[LiveRun]:
        """The runs that are under way."""
        return [live for live in self._live.values() if not live.state.ended]

    def refresh(self) -> None:
        """Looks for runs and data again."""
        self.form.set_places(self.runs_folder, self.stores_folder)
        self.list.read_folder(self.runs_folder)

    def make_small_and_train(self) -> None:
        """Makes a small dataset of procedural shapes and trains on it: the first run."""
        preparation = Preparation(f"procedural:{FIRST_SHAPES}", 32, FIRST_VIEWS)
        store = self.stores_folder / free_name(self.stores_folder, "procedural")
        run = self.runs_folder / free_name(self.runs_folder, FIRST_PRESET)
        config = preset(FIRST_PRESET, ("shape",), 32, FIRST_STEPS).model_copy(update=FIRST_CHANGES)
        self.start(TrainingPlan(run, store, config, preparation))

    def start(self, plan: TrainingPlan) -> LiveRun:
        """Starts a new run, its data first where they are not there yet."""
        jobs = []
        if plan.preparation is not None:
            made = plan.preparation
            jobs.append(prepare_job(Path(made.source), plan.store, made.options()))
        config = plan.config
        jobs.append(fit_job(plan.run, plan.data, config.preset, plan.settings, plan.steps))
        live = self._watch(LiveRun(TrainingThread(jobs), config.steps, self))
        self._waiting[plan.run] = plan
        self.list.add_pending(live.run, config.preset, config.steps)
        self._show_run()
        self.form.propose_name()
        return live

    def stop(self) -> None:
        """Lets go of everything; what trains goes on. Call it before the window closes."""
        for live in self._live.values():
            live.join()
        self._live.clear()
        self._actions.stop()
        self.list.stop()
        self.form.stop()
        self.run_page.stop()
        self.compare_page.stop()

    # --- runs ------------------------------------------------------------------------------

    def _watch(self, live: LiveRun) -> LiveRun:
        self._live[live.run] = live
        remember(live.watcher, self._settings)
        live.news.connect(lambda events: self._show_news(live, events))
        live.changed.connect(lambda: self._show_state(live))
        live.start()
        return live

    def _show_news(self, live: LiveRun, events: list[Event]) -> None:
        self.news.emit(live.run, events)
        self.list.update_run(live.run, step=live.progress.step, best=live.progress.best)
        self.run_page.show_news(live, events)

    def _show_state(self, live: LiveRun) -> None:
        self.list.update_run(live.run, state=live.state)
        self.run_page.show_state(live)
        if live.state.ended:
            self.list.read_folder(self.runs_folder)

    @Slot()
    def _update_list(self) -> None:
        """What is read from the disk knows less than who watches."""
        for live in self.training:
            self.list.update_run(live.run, state=live.state, step=live.progress.step)
        self.run_page.offer_runs(self.list.runs)
        self._show_matches()
        if self.pages.currentWidget() is self.welcome and self.list.runs:
            shown = self.run_page.shown
            running = shown is not None and shown.path in self._live
            self.pages.setCurrentWidget(self.run_page if running else self.list_page)
        elif self.pages.currentWidget() is self.list_page and not self.list.runs:
            self._show_list()

    @Slot(object)
    def _choose(self, run: RunSummary | None) -> None:
        """Another run was selected, or the selected one was read again."""
        live = None if run is None else self._live.get(run.path)
        watched = live is not None and not live.state.ended
        if run is not None and run.state is RunState.TRAINING and not watched:
            thread = TrainingThread([attach_job(run.path)])
            live = self._watch(LiveRun(thread, run.steps, self))
        if run is None and self.pages.currentWidget() is self.run_page:
            self._show_list()
        self.run_page.show_run(run, live)

    # --- what is asked ---------------------------------------------------------------------

    def live(self, run: Path) -> LiveRun | None:
        """A run that is watched, also if it has just ended."""
        return self._live.get(run)

    def resume(self, run: RunSummary, settings: Sequence[str] = ()) -> None:
        """Goes on with a run, with settings changed; one that never began begins."""
        plan = self._waiting.get(run.path)
        if plan is not None and not RunFolder(run.path).config.is_file():
            self.start(plan)  # its data were not finished
            return
        thread = TrainingThread([resume_job(run.path, settings=settings)])
        self.run_page.restart(self._watch(LiveRun(thread, run.steps, self)))

    def forget(self, run: Path) -> None:
        """Shows a run no more if its folder is gone."""
        self._live.pop(run, None)
        self.list.forget(run)
        self.list.read_folder(self.runs_folder)

    @Slot(Path)
    def _show_deletion(self, run: Path) -> None:
        self.list.keep_in_deletion(run)
        self._show_list()

    def learn_from(self, data: Path) -> None:
        """Opens the form of a new run with a store, or with shapes to prepare, as its data."""
        self.form.set_places(self.runs_folder, self.stores_folder)
        self.form.data.choose_path(data)
        self.show_form()

    @Slot()
    def show_form(self) -> None:
        """Opens the form of a new run."""
        self.pages.setCurrentWidget(self.form_page)
        self.form.measure()
        self.form_page.check()

    def copy(self, lines: Sequence[str]) -> None:
        """Puts lines for a terminal on the clipboard."""
        QGuiApplication.clipboard().setText("\n".join(lines))
        self.noted.emit("The command is on the clipboard.")

    @Slot(str)
    def _do(self, verb: str) -> None:
        run = self.run_page.shown
        if verb == "adjust":
            self.run_page.open_adjust()
        elif run is not None:
            self._actions.do(verb, run, self.live(run.path))

    @Slot(object, object)
    def _duplicate(self, config: RunConfig, shares: tuple[StoreShare, ...]) -> None:
        self.form.fill_from(config, shares)
        self.show_form()

    # --- the pages -------------------------------------------------------------------------

    @Slot()
    def _show_list(self) -> None:
        self.pages.setCurrentWidget(self.list_page if self.list.runs else self.welcome)

    @Slot()
    def _show_run(self) -> None:
        self.pages.setCurrentWidget(self.run_page)

    @Slot()
    def _show_matches(self) -> None:
        """Says so where no run matches."""
        shown = len(self.list.shown)
        self.no_match.setVisible(bool(self.list.runs) and not shown)
        self.list.setVisible(not self.no_match.isVisibleTo(self.list_page))
        self.compare_button.setEnabled(shown > 1)

    @Slot()
    def _compare(self) -> None:
        self.pages.setCurrentWidget(self.compare_page)
        self.compare_page.show_runs([run.path for run in self.list.shown])

    @Slot(Path)
    def _open_run(self, run: Path) -> None:
        self.list.choose(run)
        self._show_run()

    @Slot()
    def _change_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Where runs are kept", str(self.runs_folder)
        )
        if folder:
            self._settings.set_text("folders/runs", folder)
            self.refresh()

    # --- building --------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.list_page = self._build_list()
        self.pages = QStackedWidget()
        own = (self.welcome, self.list_page, self.form_page, self.run_page, self.compare_page)
        for page in own:
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, 0, MARGIN, MARGIN)
        column.addWidget(self.pages)

    def _build_list(self) -> QWidget:
        page = QWidget()
        self.new_button = QPushButton("New run…")
        self.new_button.setDefault(True)
        self.compare_button = QPushButton("Compare")
        self.compare_button.setToolTip("The runs in the list: settings that differ, and scores.")
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText("Search names, states, notes, #tags")
        self.search.setAccessibleName("Search")
        self.no_match = muted("No run matches.")
        self.no_match.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.no_match.hide()
        more = more_button("Where runs are kept")
        menu = QMenu(more)
        menu.addAction("Look again", self.refresh)
        menu.addAction("Keep runs in another folder…", self._change_folder)
        more.setMenu(menu)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE)
        top.addWidget(heading("Runs"))
        top.addStretch(1)
        top.addWidget(self.compare_button)
        top.addWidget(self.new_button)
        top.addWidget(more)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addLayout(top)
        column.addWidget(self.search)
        column.addWidget(self.no_match, 1)
        column.addWidget(self.list, 1)
        return page

    def _connect(self) -> None:
        self.list.chosen.connect(self._choose)
        self.list.opened.connect(self._show_run)
        self.list.failed.connect(self.failed)
        self.list.listed.connect(self._update_list)
        self.list.searched.connect(self._show_matches)
        self.search.textChanged.connect(self.list.search)
        self.compare_button.clicked.connect(self._compare)
        self.compare_page.left.connect(self._show_list)
        self.compare_page.failed.connect(self.failed)
        self.compare_page.run_opened.connect(self._open_run)
        self.new_button.clicked.connect(self.show_form)
        self.welcome.small_requested.connect(self.make_small_and_train)
        self.welcome.own_requested.connect(self.show_form)
        self.form_page.started.connect(self.start)
        self.form_page.copied.connect(self.copy)
        self.form_page.left.connect(self._show_list)
        self.run_page.failed.connect(self.failed)
        self.run_page.header.asked.connect(self._do)
        self._actions.resume_requested.connect(self.resume)
        self._actions.duplicate_requested.connect(self._duplicate)
        self._actions.evaluation_requested.connect(self.evaluation_requested)
        self._actions.export_requested.connect(self.export_requested)
        self._actions.explore_requested.connect(self.explore_requested)
        self._actions.copied.connect(self.copy)
        self._actions.deleting.connect(self._show_deletion)
        self._actions.deletion_ended.connect(self.forget)
        self._actions.failed.connect(self.failed)
        self._actions.noted.connect(self.noted)
        self._actions.annotated.connect(self.refresh)
        self.run_page.header.left.connect(self._show_list)
        page = self.run_page.page
        page.explore_requested.connect(self.explore_requested)
        page.home_requested.connect(self.home_requested)
        page.follow_toggled.connect(self._toggle_follow)
        page.shape_clicked.connect(self.shape_requested)

    @Slot(bool)
    def _toggle_follow(self, on: bool) -> None:
        shown = self.run_page.shown
        self.follow_requested.emit(shown.path if on and shown else None)

    # --- Qt --------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(580, 740)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self.refresh)
