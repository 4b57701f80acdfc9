"""What the training panel and the rest of the window have to do with each other."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from shapelab.core.runs.events import Event
from shapelab.core.runs.run_folder import RunFolder
from shapelab.gui.base.notify import Toasts
from shapelab.gui.document.current_document import LOADING, CurrentDocument
from shapelab.gui.document.document import Document
from shapelab.gui.document.shape_maker import Guest
from shapelab.gui.process.closing import ClosingChoice, ask_on_closing, may_close
from shapelab.gui.training.follow import Follow
from shapelab.gui.training.jobs.job_dialog import JobDialogs
from shapelab.gui.training.training_dock import TrainingDock

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.gui.training.jobs.evaluation_dialog import EvaluationDialog
    from shapelab.gui.training.jobs.model_export_dialog import ModelExportDialog
    from shapelab.gui.training.training_panel import TrainingPanel

FIRST_SAVE = "The model appears here as soon as the run has saved it for the first time."


class TrainingLink(QObject):
    """Connects the dock with its action, and the panel, once it is made, with the document.

    A run's model is shown as a document of its own; the one before it waits, and comes back.

    Signals:
        model_made: folder of a model that was exported and shall be opened.
        exploring: which moment of which run is shown, in words; empty when none is any more.
    """

    model_made = Signal(Path)
    exploring = Signal(str)

    def __init__(
        self,
        window: QWidget,
        dock: TrainingDock,
        action: QAction,
        current: CurrentDocument,
        toasts: Toasts,
    ) -> None:
        super().__init__(window)
        self._window, self._dock, self._action = window, dock, action
        self._current, self._toasts = current, toasts
        self._panel: TrainingPanel | None = None
        self._follow: Follow | None = None
        self._home: Document | None = None  # what was shown before a run's model
        self._away: Document | None = None  # of the run's model
        self._evaluations: JobDialogs[EvaluationDialog] = JobDialogs()
        self._exports: JobDialogs[ModelExportDialog] = JobDialogs()
        self._data: Path | None = None  # a dropped folder that waits for the panel
        self._stops = False  # the window waits for its runs to be saved, and closes then
        action.setChecked(not dock.isHidden())
        action.toggled.connect(dock.set_open)
        # Later: the docks cannot be moved while one of them is being hidden.
        queued = Qt.ConnectionType.QueuedConnection
        dock.toggleViewAction().toggled.connect(self._follow_dock, queued)
        dock.made.connect(self._link)
        dock.failed.connect(toasts.exception)
        current.folder_opened.connect(self._learn_from)
        current.model_opening.connect(self._end_run)

    def may_close(self) -> bool:
        """Whether the window may close; asks what becomes of a training that goes on."""
        panel = self._dock.panel
        threads = [live.watcher for live in panel.training] if panel is not None else []

        @cache
        def ask() -> ClosingChoice:
            if not self._stops and panel is not None:
                answer = ask_on_closing(self._window, [thread for thread in threads if thread.busy])
                self._stops = answer is ClosingChoice.STOP
                return answer
            return ClosingChoice.STOP

        may = [may_close(thread, ask, self._window.close) for thread in threads]
        return all(may)  # each was told to stop or let go

    def stop(self) -> None:
        """Ends the thread that loads models, evaluations and exports."""
        self._evaluations.shutdown()
        self._exports.shutdown()
        if self._follow is not None:
            self._follow.stop()

    @Slot()
    def evaluate_model(self) -> None:
        """Opens the evaluation of the shown model."""
        document = self._current.document
        model = None if document is None else document.session.model
        if model is None or model.folder is None:
            self._toasts.info(LOADING)
        else:
            from shapelab.gui.training.new_run.dataset_chooser import RESOLUTIONS

            cells = RESOLUTIONS if model.is_procedural else (model.spec.resolution,)
            self._evaluate(model.folder, model.name, cells)

    # --- inside ----------------------------------------------------------------------------

    @Slot()
    def _follow_dock(self) -> None:
        """Checks the action as the dock is now: what a queued signal carries may be long ago."""
        self._action.setChecked(not self._dock.isHidden())

    @Slot(Path)
    def _evaluate_run(self, run: Path) -> None:
        self._evaluate(run, run.name, None)

    @Slot(Path)
    def _export_run(self, run: Path) -> None:
        from shapelab.gui.training.jobs.model_export_dialog import ModelExportDialog

        def make() -> ModelExportDialog:
            dialog = ModelExportDialog(run, self._window)
            dialog.opened.connect(self.model_made)
            return dialog

        self._exports.open(run, make)

    def _evaluate(self, subject: Path, name: str, resolutions: Collection[int] | None) -> None:
        from shapelab.gui.training.jobs.evaluation_dialog import EvaluationDialog

        self._evaluations.open(
            subject, lambda: EvaluationDialog(subject, name, resolutions, self._window)
        )

    @Slot(Path)
    def _learn_from(self, folder: Path) -> None:
        """Opens the form of a new run with a prepared dataset, or a folder to prepare."""
        self._data = folder
        self._action.setChecked(True)
        if self._panel is not None:
            self._fill_form()

    @Slot(object)
    def _link(self, panel: TrainingPanel) -> None:
        self._panel = panel
        panel.failed.connect(self._toasts.exception)
        panel.noted.connect(self._toasts.info)
        panel.shape_requested.connect(self._show_shape)
        panel.explore_requested.connect(self._explore)
        panel.evaluation_requested.connect(self._evaluate_run)
        panel.export_requested.connect(self._export_run)
        panel.follow_requested.connect(self._follow_run)
        panel.home_requested.connect(self._go_home)
        panel.news.connect(self._pass_events)
        if self._data is not None:
            self._fill_form()

    def _fill_form(self) -> None:
        if self._panel is not None and self._data is not None:
            self._panel.learn_from(self._data)
            self._data = None

    @Slot(object, str)
    def _show_shape(self, grid: NDArray[np.bool_], words: str) -> None:
        document = self._current.document
        if document is None:
            self._toasts.info(LOADING)
            return
        document.show_guest(Guest(grid.astype(np.float32), words))

    @Slot(Path, int)
    def _explore(self, run: Path, step: int) -> None:
        self._follower(run).show_at(step)
        self._tell_panel(following=False)

    @Slot(object)
    def _follow_run(self, run: Path | None) -> None:
        if run is None:
            if self._follow is not None:
                self._follow.live = False
            return
        follow = self._follower(run)
        if follow.steps():
            follow.show_newest()
        else:
            follow.live = True
            self._toasts.info(FIRST_SAVE)

    @Slot(Path, list)
    def _pass_events(self, run: Path, events: list[Event]) -> None:
        if self._follow is not None and self._follow.run.path == run:
            self._follow.add_events(events)

    def _follower(self, run: Path) -> Follow:
        """That of a run; another run's is let go."""
        if self._follow is None or self._follow.run.path != run:
            if self._follow is not None:
                self._follow.stop()
            self._follow = follow = Follow(RunFolder(run), self)
            follow.live = False
            follow.opened.connect(self._open)
            follow.shown.connect(lambda step: self._tell_shown(run, step))
            follow.failed.connect(self._toasts.exception)
        return self._follow

    @Slot(object)
    def _open(self, model: ShapeModel) -> None:
        """A run's model comes as a new document."""
        before, away = self._current.document, self._away
        self._away = Document(model, self._window)
        self._current.show(self._away)
        if away is not None:
            away.stop()
            away.deleteLater()
        else:
            self._home = before
        if self._follow is not None:
            self._follow.set_session(self._away.session)

    def _tell_shown(self, run: Path, step: int) -> None:
        if self._panel is not None:
            self._panel.run_page.page.set_exploring(run, step, can_leave=self._home is not None)
        self.exploring.emit(f"{run.name}, step {step}")

    def _tell_panel(self, following: bool) -> None:
        if self._panel is not None:
            self._panel.run_page.page.set_following(following)

    @Slot()
    def _go_home(self) -> None:
        """Back to the model from before."""
        home = self._home
        if home is not None:
            self._current.show(home)
            self._end_run()

    @Slot()
    def _end_run(self) -> None:
        """Lets go the run's model; the window shows, or will show, another."""
        if self._away is None:
            return
        if self._follow is not None:
            self._follow.stop()
            self._follow = None
        away, self._away, self._home = self._away, None, None
        self.exploring.emit("")
        away.stop()
        away.deleteLater()
        self._tell_panel(following=False)
        if self._panel is not None:
            self._panel.run_page.page.set_exploring(None)
