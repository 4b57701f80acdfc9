"""The dialogs of a window about jobs of the trainer, one a run or model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from shapelab.gui.training.jobs.job_dialog import JobDialog

D = TypeVar("D", bound="JobDialog")


class JobDialogs(Generic[D]):
    """Dialogs of one kind, each made when it is first opened."""

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
