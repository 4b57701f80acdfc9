"""What the trainer's commands share: their options, and how they end where a file is wrong."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer
import typer.core

from shapelab.core.errors import RunError, ShapelabError
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.store_mix import RunData, parse_share

Command = TypeVar("Command", bound=Callable[..., None])


@contextlib.contextmanager
def os_errors_in_words() -> Iterator[None]:
    """What the system says of a file that was named becomes a sentence."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise RunError(f"{error.filename} cannot be used: {error.strerror}.") from error


class Commands(typer.core.TyperGroup):
    """All commands, of which each may be given a name that the disk does not take."""

    def invoke(self, *given: Any, **named: Any) -> Any:
        with os_errors_in_words():
            return super().invoke(*given, **named)


def errors_as_events(command: Command) -> Command:
    """With ``--events jsonl`` a command ends by a ``Failed`` event on stderr, not by an error."""

    @functools.wraps(command)
    def telling(**given: Any) -> None:
        from shapelab.core.runs.events import Failed, to_line

        try:
            with os_errors_in_words():
                command(**given)
        except ShapelabError as error:
            if given["events"] is not Output.jsonl:
                raise
            print(to_line(Failed(0, str(error))), file=sys.stderr)
            raise typer.Exit(1) from None

    return cast("Command", telling)


def stores_of(run: Path, data: list[str] | None) -> RunData:
    """Where a run's data are. Raises RunError where there is no run."""
    RunFolder(run).read_config()
    return [parse_share(text) for text in data] if data else RunFolder(run).stores()


class Output(str, Enum):
    """How a training run reports."""

    terminal = "terminal"
    jsonl = "jsonl"


class Backend(str, Enum):
    """Where the processes of a preparation run."""

    local = "local"
    dask = "dask"
    ray = "ray"


class UpAxis(str, Enum):
    """The axis that is up in a source."""

    auto = "auto"
    y = "y"
    z = "z"


RunOption = Annotated[
    Path,
    typer.Option(
        "--run", "--dir", help="Folder of the run. Under torchrun on Python 3.11 say --dir."
    ),
]
DataOption = Annotated[
    list[str],
    typer.Option(
        "--data",
        help="A prepared store; given again, several are mixed, by weight with STORE:WEIGHT.",
    ),
]
RunArgument = Annotated[Path, typer.Argument(help="Folder of the run.")]
OtherDataOption = Annotated[
    list[str] | None,
    typer.Option("--data", help="The stores, if they are not where the run began; repeatable."),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting as key=value; repeatable.")
]
EventsOption = Annotated[
    Output,
    typer.Option(
        help="jsonl: one JSON event a line on stdout; pause, resume, sample, save and stop as "
        "lines on stdin."
    ),
]
ScoringEventsOption = Annotated[
    Output, typer.Option(help="jsonl: one JSON event a line on stdout; stop on stdin.")
]
CheckpointOption = Annotated[
    str,
    typer.Option(help="newest, best (by mean validation IoU), or the name of one of the run's."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]
TensorboardOption = Annotated[
    bool, typer.Option("--tensorboard", help="Also write TensorBoard files into the run.")
]
