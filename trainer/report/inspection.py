"""What is known of runs that lie on disk, and of the presets, as text for a terminal."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from shapelab.core import formatting
from shapelab.core.errors import RunError, clean
from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs import overrides
from shapelab.core.runs.advice.comparison import Comparison
from shapelab.core.runs.curves import RunCurves
from shapelab.core.runs.events import Adjusted, Event, EventReader, Warned
from shapelab.core.runs.presets import preset_names, preset_path
from shapelab.core.runs.previews import preview_path, preview_steps
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder, RunSummary, summarise
from shapelab.core.runs.run_state import RunState

from .scalar_text import ordered, short, sparkline

WARNINGS = 5  # the last ones that are shown
_MEANINGS = {
    RunState.INTERRUPTED: "interrupted: it ended without saving and goes on from its last "
    "checkpoint",
    RunState.STOPPED: "stopped, saved",
    RunState.NEW: "not started: nothing is trained yet",
}
_STYLES = {
    RunState.TRAINING: "green",
    RunState.COMPLETED: "blue",
    RunState.INTERRUPTED: "yellow",
    RunState.NEW: "dim",
}


def table_of_runs(runs: Sequence[RunSummary]) -> Table:
    """Runs as a table, in the order given."""
    grid = Table("Run", "State", box=None, padding=(0, 2, 0, 0), header_style="bold")
    grid.columns[0].overflow = "fold"
    for name in ("Step", "Done", "Best IoU"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("Preset")
    grid.add_column("Size", justify="right", no_wrap=True)
    grid.add_column("Changed", no_wrap=True)
    tagged = any(run.notes.tags for run in runs)
    if tagged:
        grid.add_column("Tags")
    for run in runs:
        grid.add_row(
            Text(str(run.path)),
            Text(run.state.label, _STYLES.get(run.state, "")),
            f"{run.step}/{run.steps}",
            f"{run.step / run.steps:.0%}",
            "–" if run.best is None else f"{run.best:.4f}",
            Text(run.preset),
            formatting.file_size(run.size),
            formatting.timestamp(run.changed),
            *([Text(" ".join(run.notes.tags))] if tagged else []),
        )
    return grid


def table_of_comparison(comparison: Comparison) -> Table:
    """Runs with the settings in which they differ and their best scores, the best run first."""
    grid = Table("Run", box=None, padding=(0, 2, 0, 0), header_style="bold")
    grid.columns[0].overflow = "fold"
    for name in (*comparison.settings, "Step", *map(short, comparison.scores)):
        grid.add_column(name, justify="right")
    for run in sorted(comparison.runs, key=lambda run: -(run.scores[0] or 0) if run.scores else 0):
        values = (Text(json.dumps(v) if isinstance(v, bool) else str(v)) for v in run.values)
        scores = ("–" if score is None else f"{score:.4f}" for score in run.scores)
        grid.add_row(Text(run.path.name), *values, str(run.step), *scores)
    return grid


def inspect_text(folder: RunFolder) -> str:
    """Everything worth knowing of a run: state, settings, checkpoints, figures, how to go on.

    Raises:
        RunError: there is no run in the folder.
    """
    run, events = summarise(folder), EventReader(folder.events).read()
    blocks = [
        _state(folder, run),
        _settings(folder.read_config()),
        _checkpoints(folder),
        _scalars(events),
        _adjusted(events),
        _warnings(events),
        _preview(folder),
        _going_on(folder, run),
    ]
    return "\n\n".join("\n".join(map(clean, block)) for block in blocks if block)


def presets_text() -> str:
    """Each preset: its name, what it is for, and its settings with what each is for."""
    blocks = []
    for name in preset_names():
        lines = preset_path(name).read_text("utf-8").strip().splitlines()
        lead = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
        description = [f"  {line.removeprefix('#').strip()}" for line in lines[:lead]]
        settings = [f"    {_commented(line)}".rstrip() for line in lines[lead:]]
        blocks.append("\n".join([name, *description, "", *settings]))
    return "\n\n\n".join(blocks)


def _commented(line: str) -> str:
    """A line of a preset; one without a comment gets the setting's description."""
    key = line.partition(" =")[0]
    field = RunConfig.model_fields.get(key) or ModelSpec.model_fields.get(key)
    return line if field is None or "#" in line else f"{line:30s} # {field.description}"


def _state(folder: RunFolder, run: RunSummary) -> list[str]:
    state = _MEANINGS.get(run.state, run.state.label)
    best = "no validation yet" if run.best is None else f"best IoU {run.best:.4f}"
    return [
        str(run.path),
        f"  {state}{f': {folder.owner_text()}' if run.state is RunState.TRAINING else ''}",
        f"  step {run.step} of {run.steps} ({run.step / run.steps:.0%}), {best}",
        f"  {formatting.file_size(run.size)}, changed {formatting.timestamp(run.changed)}",
        *([f"  {' '.join(f'#{tag}' for tag in run.notes.tags)}"] if run.notes.tags else []),
        *(f"  {line}" for line in run.notes.text.splitlines()),
    ]


def _settings(run: RunConfig) -> list[str]:
    """Settings that differ from the run's preset; all of them when there is no such preset."""
    now = _flat(run)
    try:
        plain = _flat(overrides.load(run.preset, run.model.classes, run.model.resolution))
    except RunError:
        return [f"Settings (there is no preset '{run.preset}' here)", *_columns(now.items())]
    other = [
        (name, f"{value}  (preset: {plain[name]})")
        for name, value in now.items()
        if value != plain[name]
    ]
    if not other:
        return [f"Settings: those of the preset '{run.preset}'"]
    return [f"Settings that differ from the preset '{run.preset}'", *_columns(other)]


def _flat(run: RunConfig) -> dict[str, str]:
    fields = run.model_dump(mode="json")
    model = fields.pop("model")
    fields |= {f"model.{name}": value for name, value in model.items()}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in fields.items()}


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return [f"  {'  '.join(row)}".rstrip() for row in padded]


def _checkpoints(folder: RunFolder) -> list[str]:
    rows = []
    for path in sorted(folder.checkpoints.glob("[!.]*")):
        try:
            size = sum(file.stat().st_size for file in path.iterdir())
            rows.append(
                (path.name, formatting.file_size(size), formatting.timestamp(path.stat().st_mtime))
            )
        except OSError:  # dropped by the run at this moment, or no folder
            continue
    return ["Checkpoints", *_columns(rows)] if rows else ["Checkpoints: none yet"]


def _scalars(events: list[Event]) -> list[str]:
    run = RunCurves()
    run.append(events)
    values = {name: curve.values.tolist() for name, curve in run.curves.items() if len(curve)}
    rows = [
        (short(name), formatting.number(values[name][-1]), sparkline(values[name]))
        for name in ordered(values)
    ]
    return ["Newest figures, and how they went", *_columns(rows)] if rows else []


def _adjusted(events: list[Event]) -> list[str]:
    rows = [(f"step {e.step}", e.changes) for e in events if isinstance(e, Adjusted)]
    return ["Changed under way", *_columns(rows)] if rows else []


def _warnings(events: list[Event]) -> list[str]:
    last = deque((event for event in events if isinstance(event, Warned)), WARNINGS)
    lines = [f"  step {event.step}: {' '.join(event.message.split())}" for event in last]
    return ["Last warnings", *lines] if lines else []


def _preview(folder: RunFolder) -> list[str]:
    steps = preview_steps(folder.previews)
    return [f"Latest preview: {preview_path(folder.previews, steps[-1])}"] if steps else []


def _going_on(folder: RunFolder, run: RunSummary) -> list[str]:
    place = f'"{folder.path}"' if " " in str(folder.path) else str(folder.path)
    if run.state is RunState.TRAINING:
        return []
    if run.state is RunState.COMPLETED:
        return [
            f"It is complete. To use it:    shapelab train export-model {place} NAME",
            f"To train on:                  shapelab train resume {place} "
            f"--set steps={2 * run.steps}",
        ]
    return [f"To go on: shapelab train resume {place}"]
