"""The options that several commands of the trainer share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


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
DataOption = Annotated[Path, typer.Option("--data", help="A prepared store.")]
RunArgument = Annotated[Path, typer.Argument(help="Folder of the run.")]
OtherDataOption = Annotated[
    Path | None, typer.Option("--data", help="The store, if it is not where the run began.")
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
CheckpointOption = Annotated[
    str,
    typer.Option(help="newest, best (by mean validation IoU), or the name of one of the run's."),
]
TensorboardOption = Annotated[
    bool, typer.Option("--tensorboard", help="Also write TensorBoard files into the run.")
]
