"""The question that a window asks when it is closed while it trains."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QMessageBox, QWidget

from shapelab.gui.process.closing import Parting
from shapelab.gui.process.training_thread import TrainingThread

GOES_ON = "It can go on without the window; ShapeLab finds it again at the next start."
PREPARES = (
    "Its data are still being prepared. That goes on without the window, but the training itself "
    "begins in an open one only."
)


def ask_parting(parent: QWidget, threads: Sequence[TrainingThread]) -> Parting:
    """Asks what becomes of the trainings that go on."""
    names = " and ".join(thread.job.folder.name for thread in threads)
    preparing = any(thread.current.kind == "prepare" for thread in threads)
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Close ShapeLab")
    box.setText(f"{names} {'is' if len(threads) == 1 else 'are'} still training.")
    box.setInformativeText(PREPARES if preparing else GOES_ON)
    roles = QMessageBox.ButtonRole
    keep = box.addButton("Keep training", roles.AcceptRole)
    stop = box.addButton("Stop and save", roles.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(keep)
    box.exec()
    clicked = box.clickedButton()
    if clicked is stop:
        return Parting.STOP
    return Parting.KEEP if clicked is keep else Parting.CANCEL
