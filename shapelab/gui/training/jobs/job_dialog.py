"""Dialogs about jobs of the trainer, whose work goes on while they are closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtWidgets import QDialog, QWidget

if TYPE_CHECKING:
    from shapelab.gui.training.jobs.job_line import JobLine


class JobDialog(QDialog):
    """Has one job's line; what asks for the job and shows its end is its heirs'.

    Args:
        parent: window that it belongs to.
    """

    work: JobLine

    def __init__(self, parent: QWidget) -> None:
        # Not at the window's start, when there is no dialog yet.
        from shapelab.gui.training.jobs.job_line import JobLine

        super().__init__(parent)
        self.work = JobLine()

    @property
    def busy(self) -> bool:
        """Whether the job is being done."""
        return self.work.busy

    def shutdown(self) -> None:
        """Ends the trainer and waits for the thread. Call it before the window closes."""
        self.work.shutdown()


D = TypeVar("D", bound=JobDialog)


class JobDialogs(Generic[D]):
    """The dialogs of one kind in a window, one a run or model, each made when first opened."""

    def __init__(self) -> None:
        self._dialogs: dict[Path, D] = {}

    def open(self, subject: Path, make: Callable[[], D]) -> D:
        """Shows the dialog of a run or model, the one from before where there is one."""
        if subject not in self._dialogs:
            self._dialogs[subject] = make()
        dialog = self._dialogs[subject]
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog

    def shutdown(self) -> None:
        """Ends what is being done; an open dialog would keep the application alive."""
        for dialog in self._dialogs.values():
            dialog.close()
            dialog.shutdown()
