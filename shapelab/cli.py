"""The command line: shapes to files, what files are, the trainer; without one, the window."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from shapelab import __version__, shape_commands
from shapelab.complaints import complain, show_tracebacks
from shapelab.core.errors import ShapelabError
from shapelab.core.paths import find_model
from shapelab.core.runs.trainer_module import trainer_module
from shapelab.options import Force, expanded

COMMANDS = (
    *("sample", "reconstruct", "interpolate", "compare"),
    *("info", "train", "self-test", "bench"),
)
INTERRUPTED = 130  # as shells report Ctrl+C

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Debug = False,
    model_name: Annotated[
        str, typer.Option("--model", help="Name or folder of the model that the window opens.")
    ] = "",
) -> None:
    """Explore, reconstruct, morph and export 3-D shapes.

    Without a command the window opens: `shapelab`, or `shapelab FILE...` to start with pictures,
    meshes, voxel files, saved shapes, models or a project; `shapelab --model NAME` says the model.
    """
    if version:
        print(f"shapelab {__version__}")
    elif model_name and context.invoked_subcommand is not None:
        raise typer.BadParameter(f"--model goes after {context.invoked_subcommand}.")
    elif context.invoked_subcommand is None:
        raise typer.Exit(open_window([]))


app.command()(shape_commands.sample)
app.command()(shape_commands.reconstruct)
app.command()(shape_commands.interpolate)
app.command()(shape_commands.compare)


@app.command()
def info(
    name: Annotated[
        str, typer.Argument(help="Model, project, mesh, voxel file, cloud, picture or saved shape.")
    ],
) -> None:
    """Say what a file or model is."""
    from shapelab.describe import describe

    for file in expanded([name]):
        for line in describe(file):
            print(line)


class _PassedOn(TyperCommand):
    """Reads no argument itself: not even ``--help`` and ``--``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.args = args
        return args


@app.command(cls=_PassedOn)
def train(context: typer.Context) -> None:
    """Prepare data, train, look at runs, score, export: see `shapelab train --help`."""
    # In this process, so that stdin, signals and exit codes are the trainer's; by name, since the
    # app does not know the trainer and works without it.
    trainer = import_module(f"{trainer_module()}.__main__")
    trainer.app(args=context.args, prog_name="shapelab train")


@app.command("self-test")
def self_test() -> None:
    """Check this installation: window, model, mesh, export, read-back."""
    from shapelab import self_test as checks

    raise typer.Exit(checks.run())


@app.command()
def bench(
    parts: Annotated[
        list[str] | None,
        typer.Argument(help="start, slider, exploring, curves, commands. [all of them]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Save the figures as JSON.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help="Figures of an earlier run.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Measure less often.")] = False,
    force: Force = False,
) -> None:
    """Measure how fast ShapeLab is on this machine, beside plain ways; takes some minutes."""
    from shapelab.bench.run import PARTS, run

    for name in parts or []:
        if name not in PARTS:
            raise typer.BadParameter(f"'{name}' is none of {', '.join(PARTS)}.")
    for line in run(parts or [], quick, out, compare, force):
        print(line, flush=True)


def open_window(files: list[Path], model: str = "") -> int:
    """Opens the window with a model, or the usual one, and files; returns its exit code.

    Raises:
        ModelFileError: there is no such model.
    """
    from shapelab.gui.app import run

    return run(files, find_model(model)) if model else run(files)


def _named_model(arguments: list[str]) -> tuple[str, list[str]]:
    """The model that is named before all else, and the other arguments."""
    first, *others = arguments or [""]
    if first == "--model" and others:
        return others[0], others[1:]
    if first.startswith("--model="):
        return first.removeprefix("--model="), others
    return "", arguments


def _start(arguments: list[str]) -> int:
    model, others = _named_model(arguments)
    first = others[0] if others else ""
    if model and not first:
        return open_window([], model)
    if first and first not in COMMANDS and not first.startswith("-"):
        files = [Path(argument).expanduser() for argument in expanded(others)]
        for path in files:
            if not os.path.exists(path):
                known = ", ".join(COMMANDS)
                print(
                    f"shapelab: '{path}' is neither a file nor a command ({known}).",
                    file=sys.stderr,
                )
                return 2
        return open_window(files, model)
    try:
        app(args=arguments, prog_name="shapelab")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; every error is one sentence unless --debug is there."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # file names need not fit the console's encoding
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if argv is None else argv
    show_tracebacks("--debug" in given)
    try:
        return _start([argument for argument in given if argument != "--debug"])
    except ShapelabError as error:
        complain(error)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        complain(error, " (run it again with --debug to see where, and please report it).")
        return 1
