"""What can be done with a run, apart from watching it: the verbs of the header and its menu."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QInputDialog, QMessageBox, QWidget

from shapelab.core.errors import ShapelabError
from shapelab.core.runs.run_folder import RunFolder, RunSummary
from shapelab.core.runs.training_plan import TrainingPlan, command_line
from shapelab.gui.process.live_run import LiveRun


class RunActions(QObject):
    """Does what the header asks for.

    Args:
        window: that its dialogs belong to.

    Signals:
        resume_requested: (run, ``key=value`` texts) of a run that shall go on.
        duplicate_requested: (RunConfig, store) of a new run like another.
        copied: lines for a terminal.
        deleted: folder of a run that is gone.
        failed: exception to be told.
        noted: short news to be told.
    """

    resume_requested = Signal(object, tuple)
    duplicate_requested = Signal(object, Path)
    copied = Signal(list)
    deleted = Signal(Path)
    failed = Signal(object)
    noted = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._own: dict[str, Callable[[RunSummary], None]] = {
            "restart": lambda run: self.resume_requested.emit(run, ()),
            "extend": self._extend,
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
        if not live.owned:
            owner = RunFolder(run.path).owner_text()
            raise ShapelabError(f"{run.path.name} is trained by {owner}; it can be ended there.")
        step = live.progress.saved
        saved = "nothing is saved yet" if step is None else f"it is saved at {step}"
        if self._sure(
            "End the process?",
            f"What came after the last checkpoint is lost ({saved}); Stop would save first.",
            "End it",
        ):
            live.kill()

    def _duplicate(self, run: RunSummary) -> None:
        folder = RunFolder(run.path)
        self.duplicate_requested.emit(folder.read_config(), folder.store())

    def _copy_command(self, run: RunSummary) -> None:
        folder = RunFolder(run.path)
        config = folder.read_config()
        lines = TrainingPlan(run.path, folder.store(), config).commands()
        if run.step:
            lines = [command_line("resume", str(run.path))]
        self.copied.emit(lines)

    def _open_folder(self, run: RunSummary) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path))):
            self.noted.emit(f"The run is in {run.path}.")

    def _delete(self, run: RunSummary) -> None:
        if RunFolder(run.path).is_locked():
            raise ShapelabError(f"{run.path.name} is being trained; stop it first.")
        if self._sure(
            f"Delete {run.path.name}?",
            f"Its checkpoints, curves and previews go for good ({run.path}).",
            "Delete",
        ):
            if run.path.exists():
                shutil.rmtree(run.path)
            self.deleted.emit(run.path)

    def _sure(self, title: str, text: str, verb: str) -> bool:
        box = QMessageBox(QMessageBox.Icon.Warning, "ShapeLab", title, parent=self._window)
        box.setInformativeText(text)
        box.setWindowModality(Qt.WindowModality.WindowModal)
        yes = box.addButton(verb, QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        return box.clickedButton() is yes
