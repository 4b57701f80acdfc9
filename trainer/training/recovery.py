"""How a run helps itself when numbers are not finite, memory is short or the disk is full.

It skips such a step, then goes back, then gives up; it cuts a batch into more micro-batches; and it
keeps the lines of its log until the disk takes them. The loop waits for a disk that refuses.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from shapelab.core import files_of_others
from shapelab.core.errors import RunError
from shapelab.core.runs.events import Event, Warned, to_line

from ..updates.state import TrainState

IN_A_ROW = 3  # steps skipped before the run goes back to a checkpoint
ROLLBACKS = 3  # times that a run goes back before it gives up
RESERVE = 1 << 16  # bytes put by for the log of a full disk
MAX_WAITING = 10_000  # lines held back while the disk is full; the oldest go first

MEGA = 1024**2
#: What torch's allocators say; a plain RuntimeError on the CPU has no other mark.
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")


@dataclass
class Recovery:
    """Counts what went wrong; one per process and run."""

    skipped: int = 0

    def step_done(self) -> None:
        """A step went through."""
        self.skipped = 0

    def step_skipped(self, step: int, reason: str) -> tuple[Warned, bool]:
        """A step was skipped: the event, and whether the run must now go back."""
        self.skipped += 1
        event = Warned(step, "skipped", f"Step {step + 1} was skipped: {reason}.")
        return event, self.skipped >= IN_A_ROW

    def went_back(self, state: TrainState, since: int) -> Warned:
        """Notes that ``state`` was reloaded after step ``since``; this halves its learning rates.

        Raises:
            RunError: it has gone back too often.
        """
        self.skipped = 0
        if state.rollbacks >= ROLLBACKS:
            raise RunError(
                f"Training diverges at step {since} even after {ROLLBACKS} returns to a checkpoint "
                "with halved learning rates; start again with a lower learning_rate or "
                "critic_learning_rate."
            )
        state.rollbacks += 1
        return Warned(
            state.step,
            "rolled_back",
            f"{IN_A_ROW} steps in a row were not finite: back from step {since} to the checkpoint "
            f"of step {state.step}, learning rates times {state.learning_rate_scale:g} "
            f"({state.rollbacks} of {ROLLBACKS}).",
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on a GPU or in the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(p in str(error).lower() for p in _OUT_OF_MEMORY)


def memory_used(device: torch.device) -> dict[str, float]:
    """Memory of this process in MB, and the most that the GPU held."""
    megabytes = {"memory_mb": psutil.Process().memory_info().rss / MEGA}
    if device.type == "cuda":
        megabytes["gpu_memory_mb"] = torch.cuda.max_memory_allocated(device) / MEGA
    return megabytes


def release_memory(device: torch.device) -> None:
    """Gives cached blocks back before the next try."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def more_micro_batches(count: int, share: int) -> int:
    """Twice as many micro-batches of a share that did not fit; each has at least two rows.

    Raises:
        RunError: it is cut as small as can be already.
    """
    if count >= share // 2:
        free = psutil.virtual_memory().available / MEGA
        raise RunError(
            f"Even 2 shapes at a time do not fit into memory ({free:.0f} MB of the machine are "
            "free); close other programs or choose a smaller model, e.g. "
            "--set model.generator_width=64."
        )
    return min(2 * count, share // 2)


class EventLog:
    """The log of one process; each event is on its way to the disk when ``write`` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reserve = path.with_name(f"{path.name}.reserve")
        self._waiting: list[str] = []
        self._whole = False  # whether the file is known to end with a line's end

    def write(self, event: Event) -> None:
        """Adds an event, and those that could not be written before."""
        self._waiting = [*self._waiting, to_line(event)][-MAX_WAITING:]
        text = "".join(line + "\n" for line in self._waiting)
        try:
            self._append(text)
        except OSError:
            # What was put by for this moment lets a full disk say that it is full.
            try:
                self._reserve.unlink()
                self._append(text)
            except OSError:
                return
        else:
            self._put_by()
        self._waiting.clear()

    def _append(self, text: str) -> None:
        with files_of_others.opened(self._path, "ab") as file:
            if not self._whole and file.tell() and not self._ends_whole():
                text = "\n" + text  # a crash or a full disk left half a line
            self._whole = False
            file.write(text.encode())
        self._whole = True

    def _put_by(self) -> None:
        if not self._reserve.exists():
            try:
                self._reserve.write_bytes(bytes(RESERVE))
            except OSError:
                with suppress(OSError):
                    self._reserve.unlink()

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"
