"""What an evaluation found, as a file: how well a model or a run does on shapes it has not seen."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapelab.core import files_of_others, formatting
from shapelab.core.errors import RunError
from shapelab.core.paths import user_folder
from shapelab.core.runs.run_folder import RunFolder

FORMAT, VERSION = "shapelab-evaluation", 1
MAX_BYTES = 2**20  # some 40 figures of some 40 classes take a tenth of it


@dataclass(frozen=True)
class Row:
    """One measure, in words."""

    label: str
    meaning: str
    mean: str
    class_mean: str
    interval: str  # "" where there are no single shapes to draw again
    worst: str  # class and value; "" where no class is worse than another
    by_class: tuple[str, ...]  # in the order of ``EvaluationFile.classes``; "–" for none


@dataclass(frozen=True)
class EvaluationFile:
    """The table of an evaluation."""

    subject: str
    told: str  # one line: of what, on what
    classes: tuple[str, ...]
    rows: tuple[Row, ...]


def place_of(run_or_model: Path) -> Path:
    """Where the app keeps the evaluation of a run or a model: a name to which .html and .json go.

    Beside a run's other files; of a model, which may lie where nothing can be written, in the
    user's own folder.
    """
    if os.path.isfile(RunFolder(run_or_model).config):
        return run_or_model / "evaluation"
    return user_folder() / "evaluations" / run_or_model.name


def read(path: Path) -> EvaluationFile:
    """The table in a JSON file. Raises RunError when there is none that can be read."""
    try:
        told: Any = files_of_others.json_of(files_of_others.read_bytes(path, MAX_BYTES))
        known, version = told["format"] == FORMAT, int(told["version"])
        figures = told["figures"].values()
        names = (name for figure in figures for name in figure["by_class"])
        classes = tuple(dict.fromkeys(map(str, names)))
        rows = tuple(_row(figure, classes) for figure in figures)
        shapes, photos = int(told["shapes"]), str(told["photos"])
        parts = [f"{formatting.count(shapes)} held-out shapes of {told['source']}"] * bool(shapes)
        parts += [f"photos of {photos}"] * bool(photos)
        line = ", ".join(parts)
        found = EvaluationFile(str(told["subject"]), line, classes, rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise RunError(f"{path} holds no evaluation that can be read; evaluate again.") from error
    if not known or version > VERSION:
        raise RunError(f"{path} was written by something else, or by a newer ShapeLab.")
    return found


def _row(figure: dict[str, Any], classes: tuple[str, ...]) -> Row:
    percent = bool(figure["percent"])
    values = figure["by_class"]
    low, high, worst = figure["low"], figure["high"], str(figure["worst"])
    between = "" if low is None else f"{said(low, percent, '')} – {said(high, percent)}"
    return Row(
        str(figure["label"]),
        str(figure["meaning"]),
        said(figure["mean"], percent),
        said(figure["class_mean"], percent),
        between,
        f"{worst} {said(values[worst], percent)}" if worst else "",
        tuple(said(values[name], percent) if name in values else "–" for name in classes),
    )


def said(value: float, percent: bool, unit: str = " %") -> str:
    """A figure as people read it, to three digits."""
    if percent:
        return f"{100 * value:.1f}{unit}"
    return f"{value:.3f}" if abs(value) >= 0.1 else f"{value:.4f}"
