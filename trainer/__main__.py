"""The trainer's command line: prepare data, fit or resume a run, look at it, score and export."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

import shapelab
from shapelab.core.errors import RunError, ShapelabError
from shapelab.core.model.latent import MAX_TRUNCATION, TRUNCATION
from shapelab.core.runs.run_folder import RunFolder, find_runs
from shapelab.core.runs.store_mix import RunData, parse_share

from .options import (
    Backend,
    CheckpointOption,
    Commands,
    DataOption,
    EventsOption,
    ForceOption,
    OtherDataOption,
    Output,
    RunArgument,
    RunOption,
    SetOption,
    TensorboardOption,
    UpAxis,
    errors_as_events,
)

if TYPE_CHECKING:
    from .data.source import Up
    from .process.distributed import Processes
    from .report.tensorboard import TensorBoardWriter

app = typer.Typer(
    cls=Commands,
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
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
    events: Annotated[
        Output, typer.Option(help="jsonl: one JSON event a line on stdout; stop on stdin.")
    ] = Output.terminal,
) -> None:
    """Turns shapes into a prepared store: checked, split, pictured. Run again to go on."""
    from .data.prepare.preparation import prepare as run
    from .process.control import Control, stop_on_signals
    from .report import work_progress

    control = Control()
    stop_on_signals(control.request, "stopping …")
    if events is Output.jsonl:
        control.listen(sys.stdin)
    axis = cast("Up", "" if up is UpAxis.auto else up.value)
    place = "" if backend is Backend.local else backend.value
    progress = run(
        source, out, resolution, views, size, workers, place, seed, axis, front, classes,
        only_sellable,
    )  # fmt: skip
    show = work_progress.write if events is Output.jsonl else work_progress.show
    show(work_progress.until_stopped(progress, control), sys.stdout)


@app.command("look")
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


@app.command()
@errors_as_events
def fit(
    data: DataOption,
    run: RunOption,
    preset: Annotated[str, typer.Option(help="Named settings; see `presets`.")] = "small",
    settings: SetOption = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps in all; the preset's phases follow.")
    ] = None,
    events: EventsOption = Output.terminal,
    tensorboard: TensorboardOption = False,
) -> None:
    """Starts a run, or the same one again, and trains it to its end; Ctrl+C saves and stops."""
    from shapelab.core.runs import overrides

    from .data.store.joined_store import open_data
    from .process.distributed import Processes
    from .training.loop import check_fit, starting_model
    from .updates.state import settled

    shares = [parse_share(text) for text in data]
    store, processes = open_data(shares), Processes()
    board = _board(run, tensorboard, processes)
    made = overrides.load(preset, store.classes, store.resolution, settings or (), steps)
    made = settled(made, processes.device)
    check_fit(made, store, processes)  # before there is a folder that the next try would find
    if made.start_from:
        starting_model(made)
    if processes.is_main:
        RunFolder(run).create(made, shares)
    processes.barrier()
    _train(shares, run, events, board, processes)


@app.command()
@errors_as_events
def resume(
    run: RunArgument,
    data: OtherDataOption = None,
    settings: SetOption = None,
    events: EventsOption = Output.terminal,
    tensorboard: TensorboardOption = False,
) -> None:
    """Goes on with a run from its newest checkpoint, with settings changed by --set."""
    from shapelab.core.runs import overrides

    from .data.store.joined_store import open_data
    from .process.distributed import Processes
    from .training.loop import check_fit
    from .updates.state import settled

    stores, processes = _stores(run, data), Processes()
    folder = RunFolder(run)
    config = overrides.change(folder.read_config(), settings or ())
    check_fit(config, open_data(stores), processes)  # before anything is written
    board = _board(run, tensorboard, processes)
    if settings and processes.is_main:
        with folder.locked():  # not under the feet of a process that trains it
            folder.write_config(settled(config, processes.device))
    processes.barrier()
    _train(stores, run, events, board, processes)


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="Where to look, with its sub-folders.")] = Path(),
) -> None:
    """Lists runs: state, step, best score, size."""
    from .report import console

    found = find_runs(folder)
    if not found:
        raise RunError(f"There is no run in {folder.resolve()}; name the folder that holds them.")
    console.show_runs(found)


@app.command()
def inspect(run: RunArgument) -> None:
    """Shows a run: state, settings, checkpoints, newest figures, warnings."""
    from .report import inspection

    print(inspection.inspect_text(RunFolder(run)))


@app.command()
def presets() -> None:
    """Shows the presets and what each of their settings is for."""
    from .report import inspection

    print(inspection.presets_text())


@app.command()
@errors_as_events
def evaluate(
    subject: Annotated[
        str, typer.Argument(metavar="MODEL|RUN", help="A model by name or path, or a run's folder.")
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            help="A store, of which the held-out shapes are scored, or shapes as `prepare` takes "
            "them, all of which are; a run knows its own. IKEA as released may stand beside it: "
            "its photos are scored. Repeatable.",
        ),
    ] = None,
    checkpoint: CheckpointOption = "newest",
    truncation: Annotated[
        float, typer.Option(min=0.0, max=MAX_TRUNCATION, help="Of the samples; see `sample`.")
    ] = TRUNCATION,
    page: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Also write a page with pictures, .html, and its figures beside it, .json.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    sheets: Annotated[
        Path | None,
        typer.Option(
            help="Folder for sheets of samples, morphs and pictures; then nothing is scored."
        ),
    ] = None,
    force: ForceOption = False,
    events: Annotated[
        Output, typer.Option(help="jsonl: one JSON event a line on stdout; stop on stdin.")
    ] = Output.terminal,
) -> None:
    """Scores a model file or a run on shapes that its training has not seen."""
    from .evaluation import subjects
    from .evaluation.scoring import evaluate as scored
    from .report import evaluation_page, work_progress
    from .report.sheets import write

    if sheets is not None and (page is not None or as_json):
        raise RunError("--sheets draws and does not score; say --report or --json without it.")
    if page is not None:
        evaluation_page.check_free(page, force)
    machine = events is Output.jsonl
    progress = work_progress.scoring_events if machine else work_progress.scoring
    told = ""
    with progress(sys.stdout if machine else sys.stderr) as (tell, check):
        given, shares, photos = subjects.find(subject, data or (), checkpoint, tell, check)
        with subjects.held_out(shares, given.model.spec, check) as held:
            if sheets is not None:
                written = write(given, held, sheets, truncation, tell, check, force)
                told = f"Wrote {len(written)} sheets into {sheets}."
            else:
                draws = page is not None
                found = scored(given, held, truncation, photos, tell, check, draws)
                show = evaluation_page.to_json if as_json else evaluation_page.describe
                told = show(found)
        if page is not None:
            evaluation_page.write(found, page, force)
    if not machine:
        print(told)
        if page is not None:
            print(f"Wrote {page}.", file=sys.stderr)


@app.command("export-model")
def export_model(
    run: RunArgument,
    name: Annotated[str, typer.Argument(help="Name of the model, or a folder to write.")],
    data: OtherDataOption = None,
    licence: Annotated[
        str, typer.Option(help="Terms of the training data, if not those of their release.")
    ] = "",
    note: Annotated[str, typer.Option(help="Anything else that the card should say.")] = "",
    checkpoint: CheckpointOption = "newest",
    force: ForceOption = False,
) -> None:
    """Writes the model file and its card, which the app then finds by name."""
    from .evaluation.export import export
    from .report.work_progress import scoring

    with scoring(sys.stderr) as (tell, check):
        stores = _stores(run, data)
        folder = export(run, name, stores, licence, note, checkpoint, tell, force, check)
    print(f"Wrote {folder}.")


@app.command("fit-prior")
def fit_prior(
    model: Annotated[str, typer.Argument(help="A model, by name or path.")],
    name: Annotated[str, typer.Argument(help="Name of the new model, or a folder to write.")],
    data: DataOption,
    force: ForceOption = False,
) -> None:
    """Writes a model again with a prior fitted anew: what its seeds and paths run through."""
    from .evaluation.export import renew_prior
    from .report.work_progress import scoring

    with scoring(sys.stderr) as (tell, check):
        shares = [parse_share(text) for text in data]
        folder = renew_prior(model, name, shares, tell, force, check)
    print(f"Wrote {folder}.")


@app.command()
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


@app.command("bench-data")
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


def _stores(run: Path, data: list[str] | None) -> RunData:
    """Where a run's data are. Raises RunError where there is no run."""
    RunFolder(run).read_config()
    return [parse_share(text) for text in data] if data else RunFolder(run).stores()


def _board(run: Path, wanted: bool, processes: Processes) -> TensorBoardWriter | None:
    """The run's TensorBoard files, nothing written yet. Raises RunError without the package."""
    if not wanted or not processes.is_main:
        return None
    from .report.tensorboard import TensorBoardWriter

    return TensorBoardWriter(run / "tensorboard")


def _train(
    data: RunData, run: Path, output: Output, board: TensorBoardWriter | None, processes: Processes
) -> None:
    from shapelab.core.runs.events import Event, Started, to_line

    from .process.control import Control, stop_on_signals
    from .report import console
    from .training.loop import fit as events_of

    control = Control()
    stop_on_signals(control.request)
    if output is Output.jsonl and processes.is_main:
        control.listen(sys.stdin)

    tells = processes.is_main and output is Output.terminal

    def watched() -> Iterator[Event]:
        for event in events_of(data, run, control, processes):
            if board is not None:
                board.write(event)
            if isinstance(event, Started) and event.step >= event.steps and tells:
                print(
                    f"{run} is complete at {event.step}/{event.steps}; to train on, "
                    f"`shapelab train resume {run} --set steps={2 * event.steps}`."
                )
            yield event

    try:
        if not processes.is_main:
            for _ in watched():
                pass
        else:
            with control.following(RunFolder(run).commands):
                if output is Output.jsonl:
                    for event in watched():
                        console.write_line(sys.stdout, to_line(event))
                else:
                    console.show(watched())
    finally:
        if board is not None:
            board.close()
    processes.close()


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
