"""The commands that look at runs: runs, inspect, compare, curves, note."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shapelab.core.errors import RunError
from shapelab.core.runs import run_notes
from shapelab.core.runs.run_folder import RunFolder, RunSummary, find_runs

from .options import ForceOption, RunArgument


def runs(
    folder: Annotated[Path, typer.Argument(help="Where to look, with its sub-folders.")] = Path(),
    search: Annotated[
        str,
        typer.Option(help="Words in name, preset, state, tags or note, all of them; #tag."),
    ] = "",
) -> None:
    """Lists runs: state, step, best score, size, tags."""
    from .report import console

    console.show_runs(_found(folder, search))


def inspect(run: RunArgument) -> None:
    """Shows a run: state, settings, checkpoints, newest figures, warnings."""
    from .report import inspection

    print(inspection.inspect_text(RunFolder(run)))


def compare(
    folders: Annotated[
        list[Path], typer.Argument(help="Runs, or folders that hold them, such as a sweep's.")
    ],
    search: Annotated[str, typer.Option(help="As of `runs`.")] = "",
) -> None:
    """Shows in which settings runs differ, and their scores."""
    from shapelab.core.runs.advice import comparison

    from .report import console

    found = [run for folder in folders for run in _found(folder, search)]
    console.show_comparison(comparison.compare([run.path for run in found]))


def curves(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write, .csv; else it is printed.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Writes every number of runs as CSV: run, metric, step, seconds, value."""
    from shapelab.core.atomic import atomic_write
    from shapelab.core.runs.curves import RunCurves, csv_of
    from shapelab.core.runs.events import EventReader

    read: dict[str, RunCurves] = {}
    for run in runs:
        folder = RunFolder(run)
        folder.read_config()  # raises where there is no run
        name = run.resolve().name
        made = read[name if name not in read else str(run.resolve())] = RunCurves()
        made.append(EventReader(folder.events).read())
    table = csv_of(read)
    if out is None:
        print(table.decode(), end="")
        return
    if out.suffix.lower() != ".csv":
        raise RunError(f"{out} would be a table; give it a name that ends in .csv.")
    atomic_write(out, table, new=not force)
    print(f"Wrote {out}.")


def note(
    run: RunArgument,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", help="A tag, one word; repeatable. They replace those of before."),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="The note, which replaces the one of before.")
    ] = None,
) -> None:
    """Notes tags and a text about a run, or shows them; `--tag "" --text ""` takes them away."""
    RunFolder(run).read_config()  # raises where there is no run
    notes = run_notes.read_notes(run)
    if tag is not None or text is not None:
        tags = notes.tags if tag is None else tag
        notes = run_notes.noted(tags, notes.text if text is None else text)
        run_notes.write_notes(run, notes)
    print("\n".join([" ".join(f"#{word}" for word in notes.tags) or "no tags", notes.text]).strip())


def _found(folder: Path, search: str) -> list[RunSummary]:
    """The runs below a folder that match. Raises RunError where there is none."""
    found = find_runs(folder)
    if not found:
        raise RunError(f"There is no run in {folder.resolve()}; name the folder that holds them.")
    matching = [run for run in found if run.matches(search)]
    if not matching:
        raise RunError(f"None of the {len(found)} runs in {folder.resolve()} matches '{search}'.")
    return matching
