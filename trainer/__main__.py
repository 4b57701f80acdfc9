"""The trainer's command line: prepare, fit, resume, evaluate, export-model."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

import shapelab
from shapelab.core.run import Event, Finished, RunFolder, Saved, StepDone, Validated
from shapelab.errors import ShapelabError

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)

RunOption = Annotated[Path, typer.Option("--run", help="Folder of the run.")]
DataOption = Annotated[Path, typer.Option("--data", help="A prepared store.")]
RunArgument = Annotated[Path, typer.Argument(help="Folder of the run.")]
OtherDataOption = Annotated[
    Path | None, typer.Option("--data", help="The store, if it is not where the run began.")
]


@app.command()
def prepare(
    source: Annotated[Path, typer.Argument(help="Labelled voxels (.npz), or a folder with them.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the store to make.")],
    views: Annotated[int, typer.Option(help="Pictures rendered of each shape; 0 for none.")] = 8,
    size: Annotated[int, typer.Option(help="Side of a stored picture, pixels.")] = 64,
    workers: Annotated[int, typer.Option(help="Processes; 0 = one a core.")] = 0,
) -> None:
    """Turns shapes into a prepared store: checked, split, rendered. Run again to go on."""
    from trainer.data.prepare import prepare as run

    for event in run(source, out, views, size, workers=workers):
        if event.message == "rendering":
            print(f"\rrendered {event.done} of {event.total}", end="", flush=True)
        else:
            print(f"\r{event.message}")


@app.command()
def fit(
    data: DataOption,
    run: RunOption,
    preset: Annotated[str, typer.Option(help="Named settings; see resources/presets.")] = "paper",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting as key=value; repeatable.")
    ] = None,
) -> None:
    """Starts a run and trains it to its end; Ctrl+C saves and stops."""
    from trainer import config, loop
    from trainer.data.store import open_store

    store = open_store(data)
    loop.start(
        config.load(preset, store.classes, store.resolution, settings or ()), RunFolder(run), data
    )
    _train(data, run)


@app.command()
def resume(run: RunArgument, data: OtherDataOption = None) -> None:
    """Goes on with a run from its newest checkpoint."""
    _train(_store(run, data), run)


@app.command()
def evaluate(run: RunArgument, data: OtherDataOption = None) -> None:
    """Scores a run's averaged networks on the held-out shapes."""
    from trainer.evaluate import describe
    from trainer.export import evaluate_run

    print(describe(evaluate_run(run, _store(run, data))))


@app.command("export-model")
def export_model(
    run: RunArgument,
    name: Annotated[str, typer.Argument(help="Name of the model, or a folder to write.")],
    data: OtherDataOption = None,
    licence: Annotated[
        str, typer.Option(help="Terms of the training data, for the card.")
    ] = "not stated",
    note: Annotated[str, typer.Option(help="Anything else that the card should say.")] = "",
) -> None:
    """Writes the model file and its card, which the app then finds by name."""
    from trainer.export import export

    print(f"Wrote {export(run, name, _store(run, data), licence, note)}.")


def _store(run: Path, data: Path | None) -> Path:
    from trainer import loop

    return loop.store_of(RunFolder(run)) if data is None else data


def _train(data: Path, run: Path) -> None:
    from trainer import loop

    stop = loop.StopToken()

    def request_stop(_signal: int, _frame: Any) -> None:
        print("\nstopping after this step; saving …", flush=True)
        stop.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl+C ends at once

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), request_stop)
    for event in loop.fit(data, run, stop):
        print(_line(event), flush=True)


def _line(event: Event) -> str:
    if isinstance(event, StepDone | Validated):
        figures = "  ".join(f"{k} {v:.4g}" for k, v in event.metrics.items())
        return f"{'step' if isinstance(event, StepDone) else 'VALIDATION'} {event.step}  {figures}"
    if isinstance(event, Saved):
        return f"saved {event.path}"
    assert isinstance(event, Finished)
    return f"{event.reason} at step {event.step}"


def main(run: Callable[[], None] = app) -> None:
    """Runs the command; a ShapelabError becomes one sentence and exit code 1."""
    try:
        run()
    except ShapelabError as error:
        print(f"trainer: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    assert shapelab.__version__  # importing it sets the OpenMP policy before torch is loaded
    main()
