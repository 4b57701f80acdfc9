"""Writes a run's events as TensorBoard files, for those who like to watch there (an extra)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shapelab.core.errors import RunError
from shapelab.core.runs.events import Event, Finished, Previewed, StepDone, Validated, Warned


class TensorBoardWriter:
    """Scalars, previews and warnings of one run."""

    def __init__(self, folder: Path) -> None:
        """Prepares a folder of TensorBoard files inside the run's folder; nothing is written yet.

        Raises:
            RunError: the package is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise RunError(
                "TensorBoard is not installed; "
                'run `pip install "tensorboard>=2.14"`, or leave --tensorboard out.'
            ) from None
        self._make = SummaryWriter
        self._folder = folder
        self._writer: Any = None

    def write(self, event: Event) -> None:
        """Adds what the event tells. After ``Finished`` all is on the disk."""
        if self._writer is None:
            # A resumed run does the steps after its checkpoint again: the old points are hidden.
            self._writer = self._make(str(self._folder), purge_step=event.step + 1)
        match event:
            case StepDone() | Validated():
                group = "train" if isinstance(event, StepDone) else "validation"
                for name, value in event.metrics.items():
                    self._writer.add_scalar(f"{group}/{name}", value, event.step, event.time)
            case Previewed():
                self._add_preview(event)
            case Warned():
                self._writer.add_text(event.code, event.message, event.step, event.time)
            case Finished():
                self.close()

    def close(self) -> None:
        """Writes what waits. A later event opens another file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _add_preview(self, event: Previewed) -> None:
        try:
            with Image.open(self._folder.parent / event.path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
        except OSError:  # removed meanwhile; the curves count more
            return
        self._writer.add_image("preview", pixels, event.step, event.time, dataformats="HWC")
