"""The trainer's command line: prepare data, train runs, look at them, score and export models."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

import shapelab
from shapelab.core.errors import ShapelabError
from shapelab.core.runs.store_mix import parse_share

from . import model_commands, run_commands, training_commands
from .options import (
    Backend,
    Commands,
    ForceOption,
    Output,
    ScoringEventsOption,
    SetOption,
    UpAxis,
    errors_as_events,
)

if TYPE_CHECKING:
    from .data.source import Up

app = typer.Typer(
    cls=Commands,
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


#: The groups of the one help, in the order of a project.
DATA, TRAINING, RUNS, MODELS, SPEED = "Data", "Training", "Runs", "Models", "Speed"


@app.command(rich_help_panel=DATA)
@errors_as_events
def prepare(
    source: Annotated[
        Path,
        typer.Argument(
            help="ModelNet, ShapeNet or IKEA as released, a folder or ZIP of meshes, voxel files, "
            "or procedural:COUNT."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the store to make.")],
    resolution: Annotated[int, typer.Option(help="Cells along a side: 32, 64 or 128.")] = 32,
    views: Annotated[
        int, typer.Option(help="Pictures drawn of each shape; 0 for none.", min=0, max=256)
    ] = 12,
    size: Annotated[
        int, typer.Option(help="Side of a stored picture, pixels.", min=32, max=512)
    ] = 64,
    workers: Annotated[int, typer.Option(help="Processes; 0 = one a core.", min=0)] = 0,
    backend: Annotated[
        Backend, typer.Option(help="Where they run; a cluster needs shapelab[dask] or [ray].")
    ] = Backend.local,
    seed: Annotated[int, typer.Option(help="Of the split and of the pictures.", min=0)] = 0,
    up: Annotated[
        UpAxis, typer.Option(help="Axis that is up in free meshes; auto = as their format says.")
    ] = UpAxis.auto,
    front: Annotated[
        str,
        typer.Option(
            help="Side that is the front where not as the source has it: -y, +y, +x or -x (z is "
            "up), or chair=+x,sofa=-y."
        ),
    ] = "",
    classes: Annotated[
        Path | None,
        typer.Option(help="CSV of path and class; shapes that it does not name are left out."),
    ] = None,
    only_sellable: Annotated[
        bool,
        typer.Option(
            "--only-sellable",
            help="Leave out what the source's LICENSES.csv notes something against, or does not "
            "name.",
        ),
    ] = False,
    events: ScoringEventsOption = Output.terminal,
) -> None:
    """Turns shapes into a prepared store: checked, split, pictured. Run again to go on."""
    from .data.prepare.preparation import prepare as run
    from .process.control import Control, stop_on_signals
    from .report import work_progress
    from .report.preparation_sheet import PreparationSheet

    control = Control()
    stop_on_signals(control.request, "stopping …")
    if events is Output.jsonl:
        control.listen(sys.stdin)
    axis = cast("Up", "" if up is UpAxis.auto else up.value)
    place = "" if backend is Backend.local else backend.value
    sheet = PreparationSheet(out, resolution)
    progress = run(
        source, out, resolution, views, size, workers, place, seed, axis, front, classes,
        only_sellable, sheet.add,
    )  # fmt: skip
    told = work_progress.until_stopped(progress, control)
    if events is Output.jsonl:
        work_progress.write(sheet.beside(told), sys.stdout)
    else:
        work_progress.show(told, sys.stdout)


@app.command("look", rich_help_panel=DATA)
def show_store(
    store: Annotated[Path, typer.Argument(help="A prepared store.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for sheet.html and sheet.png, or a name that ends in .html."
        ),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Shows what a store holds: samples, counts and what was left out, as a page and a picture."""
    from .data.sheet.contact_sheet import write

    page, picture = write(store, out, force)
    print(f"Wrote {page} and {picture}.")


app.command(rich_help_panel=TRAINING)(training_commands.fit)
app.command(rich_help_panel=TRAINING)(training_commands.resume)
app.command(rich_help_panel=TRAINING)(training_commands.sweep)
app.command(rich_help_panel=RUNS)(run_commands.runs)
app.command(rich_help_panel=RUNS)(run_commands.inspect)
app.command(rich_help_panel=RUNS)(run_commands.compare)
app.command(rich_help_panel=RUNS)(run_commands.curves)
app.command(rich_help_panel=RUNS)(run_commands.note)


@app.command(rich_help_panel=TRAINING)
def presets() -> None:
    """Shows the presets and what each of their settings is for."""
    from .report import inspection

    print(inspection.presets_text())


app.command(rich_help_panel=MODELS)(model_commands.evaluate)
app.command("export-model", rich_help_panel=MODELS)(model_commands.export_model)
app.command("fit-prior", rich_help_panel=MODELS)(model_commands.fit_prior)


@app.command(rich_help_panel=SPEED)
def bench(
    width: Annotated[
        Literal["paper", "small"], typer.Option(help="Widths as released, or half of them.")
    ] = "paper",
    batch: Annotated[int, typer.Option(min=2, help="Samples in a batch.")] = 32,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="Schedules of 5 batches to time.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Times our training steps beside a plain port of the released code."""
    from .bench.training_bench import measure

    report = measure(width, batch, threads, rounds)
    print(report.to_json() if as_json else report.describe())


@app.command("bench-data", rich_help_panel=SPEED)
def bench_data(
    data: Annotated[
        list[str], typer.Argument(help="A prepared store, or several as STORE:WEIGHT.")
    ],
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="Of which the best counts.")] = 5,
    settings: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Times reading a store beside the training steps that it feeds."""
    from .bench.data_bench import measure

    report = measure([parse_share(text) for text in data], threads, rounds, settings or ())
    print(report.to_json() if as_json else report.describe())


def main(run: Callable[[], None] = app) -> None:
    """Runs the command; a ShapelabError becomes one sentence and exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe on Windows may know no sparklines
    try:
        run()
    except ShapelabError as error:
        print(f"trainer: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    assert shapelab.__version__  # importing it sets the OpenMP policy before torch is loaded
    main()
