"""What can be done with a run, apart from watching it: the verbs of the header and its menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QInputDialog, QMessageBox, QWidget

from shapelab.core.errors import ShapelabError
from shapelab.core.runs.run_folder import RunFolder, RunSummary
from shapelab.core.runs.run_models import moment_at, order
from shapelab.core.runs.training_plan import TrainingPlan, command_line
from shapelab.gui.base.workers import Task
from shapelab.gui.process.live_run import LiveRun
from shapelab.gui.training.notes_dialog import NotesDialog


class RunActions(QObject):
    """Does what the header asks for.

    Args:
        window: that its dialogs belong to.

    Signals:
        resume_requested: (run, ``key=value`` texts) of a run that shall go on.
        duplicate_requested: (RunConfig, shares of stores) of a new run like another.
        evaluation_requested: folder of a run that shall be scored.
        export_requested: folder of a run of which a model shall be made.
        explore_requested: (run, step) of a checkpoint for the viewport.
        annotated: tags or the note of a run have changed.
        copied: lines for a terminal.
        deleting: folder of a run that is being removed from now on.
        deletion_ended: folder of a run that is gone; after ``failed``, of one that is still there.
        failed: exception to be told.
        noted: short news to be told.
    """

    resume_requested = Signal(object, tuple)
    duplicate_requested = Signal(object, object)
    evaluation_requested = Signal(Path)
    export_requested = Signal(Path)
    explore_requested = Signal(Path, int)
    annotated = Signal()
    copied = Signal(list)
    deleting = Signal(Path)
    deletion_ended = Signal(Path)
    failed = Signal(object)
    noted = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._deletions: dict[Path, Task] = {}
        self._own: dict[str, Callable[[RunSummary], None]] = {
            "restart": lambda run: self.resume_requested.emit(run, ()),
            "extend": self._extend,
            "evaluate": lambda run: self.evaluation_requested.emit(run.path),
            "export": lambda run: self.export_requested.emit(run.path),
            "explore": self._explore,
            "annotate": self._annotate,
            "duplicate": self._duplicate,
            "copy": self._copy_command,
            "folder": self._open_folder,
            "delete": self._delete,
        }

    def do(self, verb: str, run: RunSummary, live: LiveRun | None) -> None:
        """Does a verb of ``run_header``; what it does not know is for the run's process.

        Args:
            verb: what was asked for.
            run: with which.
            live: its process, if somebody watches it.
        """
        try:
            if verb in self._own:
                self._own[verb](run)
            elif live is not None and verb == "kill":
                self._kill(run, live)
            elif live is not None:
                live.send(verb)
        except (ShapelabError, OSError) as error:
            self.failed.emit(error)

    def stop(self) -> None:
        """Waits until nothing is being removed any more."""
        for deletion in self._deletions.values():
            deletion.stop()
        self._deletions.clear()

    def _extend(self, run: RunSummary) -> None:
        """A finished run goes on with more steps."""
        steps, good = QInputDialog.getInt(
            self._window,
            "Train on",
            f"{run.path.name} is finished at step {run.step}. Train on up to step:",
            2 * run.steps,
            run.steps + 1,
            2**31 - 1,
            1000,
        )
        if good:
            self.resume_requested.emit(run, (f"steps={steps}",))

    def _kill(self, run: RunSummary, live: LiveRun) -> None:
        step = live.progress.saved
        saved = "nothing is saved yet" if step is None else f"it is saved at {step}"
        if self._sure(
            "End the process?",
            f"What came after the last checkpoint is lost ({saved}); Stop would save first.",
            "End it",
        ):
            live.kill()

    def _annotate(self, run: RunSummary) -> None:
        dialog = NotesDialog(run.path, self._window)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self.annotated.emit()
        dialog.deleteLater()

    def _explore(self, run: RunSummary) -> None:
        """What the run knows by now comes into the viewport."""
        self.explore_requested.emit(run.path, order(moment_at(RunFolder(run.path)))[1])

    def _duplicate(self, run: RunSummary) -> None:
        folder = RunFolder(run.path)
        self.duplicate_requested.emit(folder.read_config(), folder.stores())

    def _copy_command(self, run: RunSummary) -> None:
        folder = RunFolder(run.path)
        config = folder.read_config()
        first, *others = folder.stores()
        plan = TrainingPlan(
            run.path, first.store, config, weight=first.weight, others=tuple(others)
        )
        lines = plan.commands()
        if run.step:
            lines = [command_line("resume", str(run.path))]
        self.copied.emit(lines)

    def _open_folder(self, run: RunSummary) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path))):
            self.noted.emit(f"The run is in {run.path}.")

    def _delete(self, run: RunSummary) -> None:
        folder = RunFolder(run.path)
        if folder.is_locked():
            raise ShapelabError(f"{run.path.name} is being trained; stop it first.")
        if self._sure(
            f"Delete {run.path.name}?",
            f"Its checkpoints, curves and previews go for good ({run.path}).",
            "Delete",
        ):
            deletion = Task(lambda _task: folder.delete(), self)
            self._deletions[run.path] = deletion
            deletion.failed.connect(self.failed)
            deletion.finished.connect(lambda: self._end_deletion(run.path))
            deletion.start()
            self.deleting.emit(run.path)

    def _end_deletion(self, run: Path) -> None:
        del self._deletions[run]
        self.deletion_ended.emit(run)

    def _sure(self, title: str, text: str, verb: str) -> bool:
        box = QMessageBox(QMessageBox.Icon.Warning, "ShapeLab", title, parent=self._window)
        box.setInformativeText(text)
        box.setWindowModality(Qt.WindowModality.WindowModal)
        yes = box.addButton(verb, QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        return box.clickedButton() is yes
