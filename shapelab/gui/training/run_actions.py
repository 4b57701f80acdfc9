"""What can be done with a run, apart from watching it: the verbs of the header and its menu."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QInputDialog, QMessageBox

from shapelab.core.errors import ShapelabError
from shapelab.core.runs.run_folder import RunFolder, RunSummary
from shapelab.core.runs.training_plan import TrainingPlan, command_line

if TYPE_CHECKING:
    from shapelab.gui.training.training_panel import TrainingPanel


class RunActions(QObject):
    """Does what the header asks for, with the run that is shown."""

    def __init__(self, panel: TrainingPanel) -> None:
        super().__init__(panel)
        self._panel = panel
        self._own: dict[str, Callable[[RunSummary], None]] = {
            "restart": panel.resume,
            "extend": self._extend,
            "kill": self._kill,
            "duplicate": self._duplicate,
            "copy": self._copy_command,
            "folder": self._open_folder,
            "delete": self._delete,
        }

    @Slot(str)
    def do(self, verb: str) -> None:
        """Does a verb of ``run_header``; what it does not know is for the run's process."""
        run = self._panel.run_page.shown
        if run is None:
            return
        try:
            if verb in self._own:
                self._own[verb](run)
            elif (live := self._panel.live(run.path)) is not None:
                live.send(verb)
        except (ShapelabError, OSError) as error:
            self._panel.failed.emit(error)

    def _extend(self, run: RunSummary) -> None:
        """A finished run goes on with more steps."""
        steps, good = QInputDialog.getInt(
            self._panel,
            "Train on",
            f"{run.path.name} is finished at step {run.step}. Train on up to step:",
            2 * run.steps,
            run.steps + 1,
            2**31 - 1,
            1000,
        )
        if good:
            self._panel.resume(run, (f"steps={steps}",))

    def _kill(self, run: RunSummary) -> None:
        live = self._panel.live(run.path)
        if live is None:
            return
        if not live.owned:
            owner = RunFolder(run.path).owner_text()
            raise ShapelabError(f"{run.path.name} is trained by {owner}; it can be ended there.")
        saved = "nothing is saved yet" if live.saved is None else f"it is saved at {live.saved}"
        if self._sure(
            "End the process?",
            f"What came after the last checkpoint is lost ({saved}); Stop would save first.",
            "End it",
        ):
            live.kill()

    def _duplicate(self, run: RunSummary) -> None:
        folder = RunFolder(run.path)
        self._panel.form.take(folder.read_config(), folder.store())
        self._panel.show_form()

    def _copy_command(self, run: RunSummary) -> None:
        folder = RunFolder(run.path)
        config = folder.read_config()
        lines = TrainingPlan(run.path, folder.store(), config).commands()
        if run.step:
            lines = [command_line("resume", str(run.path))]
        self._panel.copy(lines)

    def _open_folder(self, run: RunSummary) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path))):
            self._panel.noted.emit(f"The run is in {run.path}.")

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
            self._panel.forget(run.path)

    def _sure(self, title: str, text: str, verb: str) -> bool:
        box = QMessageBox(QMessageBox.Icon.Warning, "ShapeLab", title, parent=self._panel)
        box.setInformativeText(text)
        box.setWindowModality(Qt.WindowModality.WindowModal)
        yes = box.addButton(verb, QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        return box.clickedButton() is yes
