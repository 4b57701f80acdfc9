"""The commands that train: fit, resume, sweep."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapelab.core.errors import RunError
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.store_mix import RunData, parse_share
from shapelab.core.runs.training_plan import command_line

from .options import (
    DataOption,
    EventsOption,
    OtherDataOption,
    Output,
    RunArgument,
    RunOption,
    SetOption,
    TensorboardOption,
    errors_as_events,
    stores_of,
)

if TYPE_CHECKING:
    from shapelab.core.runs.run_config import RunConfig

    from .process.control import Control
    from .process.distributed import Processes
    from .report.tensorboard import TensorBoardWriter


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
    processes.close()


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

    stores, processes = stores_of(run, data), Processes()
    folder = RunFolder(run)
    config = overrides.change(folder.read_config(), settings or ())
    check_fit(config, open_data(stores), processes)  # before anything is written
    board = _board(run, tensorboard, processes)
    if settings and processes.is_main:
        with folder.locked():  # not under the feet of a process that trains it
            folder.write_config(settled(config, processes.device))
    processes.barrier()
    _train(stores, run, events, board, processes)
    processes.close()


def sweep(
    data: DataOption,
    folder: Annotated[
        Path, typer.Option("--dir", help="Folder of the sweep; each run gets one in it.")
    ],
    settings: Annotated[
        list[str],
        typer.Option("--set", help="A setting as key=value or key=value,value,…; repeatable."),
    ],
    preset: Annotated[str, typer.Option(help="Named settings; see `presets`.")] = "small",
    steps: Annotated[int | None, typer.Option(help="Steps of each run.")] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Train nothing; print a line for each run left to do.")
    ] = False,
    tensorboard: TensorboardOption = False,
) -> None:
    """Trains a run for each combination of values; the same line goes on, and shares them out.

    Runs that are complete are passed over, and so are those that another process trains: the same
    line on several machines does a sweep together.
    """
    from shapelab.core.runs import overrides
    from shapelab.core.runs.advice import comparison
    from shapelab.core.runs.run_folder import summarise
    from shapelab.core.runs.run_state import RunState

    from .data.store.joined_store import open_data
    from .process.control import Control
    from .process.distributed import Processes
    from .report import console
    from .training.loop import check_fit
    from .training.sweep import runs_of
    from .updates.state import settled

    shares = [parse_share(text) for text in data]
    store, processes, control = open_data(shares), Processes(), Control()
    made: dict[Path, tuple[RunConfig, tuple[str, ...]]] = {}
    for each in runs_of(settings):
        config = overrides.load(preset, store.classes, store.resolution, each.settings, steps)
        made[folder / each.name] = settled(config, processes.device), each.settings
        check_fit(made[folder / each.name][0], store, processes)  # all, before any begins

    def left(run: Path) -> bool:
        known = RunFolder(run).config.is_file() and summarise(RunFolder(run)).state
        return known not in (RunState.COMPLETED, RunState.TRAINING)

    failed: list[str] = []
    for place, (run, (config, own)) in enumerate(made.items()):
        if control.stop or not processes.from_main(left(run)):
            continue
        if lines:
            given = [part for share in data for part in ("--data", share)]
            given += ["--dir", str(run), "--preset", preset]
            given += [] if steps is None else ["--steps", str(steps)]
            given += [part for text in own for part in ("--set", text)]
            print(command_line("fit", *given))
            continue
        board = _board(run, tensorboard, processes)
        try:
            if processes.is_main:
                print(f"Run {place + 1} of {len(made)}: {run.name}", flush=True)
                RunFolder(run).create(config, shares)
            processes.barrier()
            _train(shares, run, Output.terminal, board, processes, control)
        except RunError as error:
            if processes.count > 1:  # the others may wait for this one
                raise
            if not left(run):  # another one was quicker
                continue
            failed.append(run.name)
            print(f"{run.name}: {error}", file=sys.stderr)
    if processes.is_main and not lines:
        console.show_comparison(comparison.compare(list(made)))
    processes.close()
    if failed:
        raise RunError(f"{len(failed)} of {len(made)} runs ended early: {', '.join(failed)}.")


def _board(run: Path, wanted: bool, processes: Processes) -> TensorBoardWriter | None:
    """The run's TensorBoard files, nothing written yet. Raises RunError without the package."""
    if not wanted or not processes.is_main:
        return None
    from .report.tensorboard import TensorBoardWriter

    return TensorBoardWriter(run / "tensorboard")


def _train(
    data: RunData,
    run: Path,
    output: Output,
    board: TensorBoardWriter | None,
    processes: Processes,
    control: Control | None = None,
) -> None:
    from shapelab.core.runs.events import Event, Started, to_line

    from .process.control import Control, stop_on_signals
    from .report import console
    from .training.loop import fit as events_of

    control = Control() if control is None else control
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
