"""A dialog about one job of the trainer, whose work goes on while the dialog is closed."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QWidget

from shapelab.gui.training.jobs.job_line import JobLine


class JobDialog(QDialog):
    """Has the job's line; what asks for the job and shows its end is its heirs'.

    Args:
        parent: window that it belongs to.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.work = JobLine()

    @property
    def busy(self) -> bool:
        """Whether the job is being done."""
        return self.work.busy

    def shutdown(self) -> None:
        """Ends the trainer and waits for the thread. Call it before the window closes."""
        self.work.shutdown()
