"""What becomes of a training when the window closes, and how the next window finds it again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.process.trainer_process import attach_job
from shapelab.gui.process.training_thread import TrainingThread

GOES_ON = "It can go on without the window; ShapeLab finds it again at the next start."
PREPARES = (
    "Its data are still being prepared. That goes on without the window, but the training itself "
    "begins in an open one only."
)


class ClosingChoice(str, Enum):
    """A person's answer when a window is closed while it trains. There is none that loses steps."""

    KEEP = "keep"  # train on without a window; the default
    STOP = "stop"  # stop, save, and close then
    CANCEL = "cancel"


def may_close(
    thread: TrainingThread | None,
    ask: Callable[[], ClosingChoice],
    close_again: Callable[[], object],
) -> bool:
    """Whether a window may close now; its ``closeEvent`` calls this before anything else.

    Args:
        thread: the window's training, if there is one.
        ask: asks what to do; called only if something goes on.
        close_again: closes the window; called when a stop that was chosen has been obeyed.
    """
    if thread is None or not thread.busy:
        return True
    match ask():
        case ClosingChoice.KEEP:
            thread.detach()
            return True
        case ClosingChoice.STOP:
            thread.finished.connect(close_again, Qt.ConnectionType.SingleShotConnection)
            thread.send("stop")
    return False


def ask_on_closing(parent: QWidget, threads: Sequence[TrainingThread]) -> ClosingChoice:
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
        return ClosingChoice.STOP
    return ClosingChoice.KEEP if clicked is keep else ClosingChoice.CANCEL


def remember(thread: TrainingThread, settings: WindowSettings) -> None:
    """Notes the thread's run from now on until its end; so it is also found after a crash."""
    run = thread.job.folder.resolve()

    def note(state: RunState) -> None:
        others = [other for other in settings.training_runs if other != run]
        settings.training_runs = others if state.ended else [*others, run]

    thread.state_changed.connect(note)


def remembered(settings: WindowSettings) -> list[TrainingThread]:
    """The trainings that the last window left behind, to be connected and launched.

    They may have ended since; their threads then tell how, and end too.
    """
    # Others were removed since, or never came to a run.
    settings.training_runs = [
        run for run in settings.training_runs if os.path.exists(RunFolder(run).config)
    ]
    return [TrainingThread([attach_job(run)]) for run in settings.training_runs]
