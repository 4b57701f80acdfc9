"""What a run had learnt at its saves: models that open like any other, in the order of time.

    timeline/step-000012000/model.safetensors      named as the checkpoint that was saved with it
    timeline/step-000009000-2/model.safetensors    newer: the run went back and took another way

A checkpoint is for resuming: large, a few of them, gone soon. Of the models more are kept, thinned
out as they grow older, so that one shape can be seen over the whole training.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shapelab.core.errors import RunError
from shapelab.core.runs.events import EventReader, Saved
from shapelab.core.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

_FOLDER = re.compile(r"step-([0-9]{9,15})(?:-([0-9]{1,9}))?")


def is_checkpoint(path: Path) -> bool:
    """Whether a folder's name is that of a checkpoint."""
    return _FOLDER.fullmatch(path.name) is not None


def order(path: Path) -> tuple[int, int]:
    """The way and the step of a checkpoint; they sort by time."""
    match = _FOLDER.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is no checkpoint's name")
    return int(match[2] or 1), int(match[1])


def steps(folder: Path) -> list[Path]:
    """Checkpoint folders, oldest first, verified or not."""
    return sorted((p for p in folder.glob("step-*") if is_checkpoint(p) and p.is_dir()), key=order)


def moments(run: RunFolder) -> list[Path]:
    """The folders of a run's models, oldest first."""
    return [path for path in steps(run.timeline) if (path / "model.safetensors").is_file()]


def moment_at(run: RunFolder, which: int | Literal["newest", "best"] = "newest") -> Path:
    """The folder of one model of a run.

    Args:
        run: the run's folder.
        which: "newest", "best" (see ``Validated.score``; the newest before the first validation),
            or a step: the last model saved up to there.

    Raises:
        RunError: there is none.
    """
    found = moments(run)
    if isinstance(which, int):
        found = [path for path in found if order(path)[1] <= which]
    if not found:
        until = f" up to step {which}" if isinstance(which, int) else ""
        raise RunError(
            f"{run.path} has saved nothing{until} that can be shown; save it while it trains, or "
            "resume it."
        )
    if which == "best":
        saved = [event for event in EventReader(run.events).read() if isinstance(event, Saved)]
        best = [Path(event.path).name for event in saved if event.best]
        found = [path for path in found if path.name in best[-1:]] or found
    return found[-1]


def open_moment(path: Path) -> ShapeModel:
    """Loads a folder of ``moments``, proven by its own digest; takes a moment, for any thread.

    Raises:
        ModelFileError: it is damaged, or has just been thinned out.
    """
    from shapelab.core.model import model_file
    from shapelab.core.model.shape_model import ShapeModel

    name = f"{path.parents[1].name}, step {order(path)[1]}"
    return ShapeModel(name, model_file.read(path / "model.safetensors"), path)
