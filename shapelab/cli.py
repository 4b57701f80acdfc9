"""The command line: shapes to files, what files are, the trainer; without one, the window."""

from __future__ import annotations

import glob
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from shapelab import __version__
from shapelab.core.errors import ExportError, InputError, ShapelabError
from shapelab.core.model.latent import MAX_TRUNCATION, TRUNCATION
from shapelab.core.paths import DEFAULT_MODEL, find_model
from shapelab.core.runs.trainer_module import trainer_module
from shapelab.core.session.shape_file import (
    SHAPE_SUFFIX,
    read_shape_document,
    stamp_of,
)
from shapelab.options import (
    AllParts,
    Directions,
    Force,
    Format,
    Jobs,
    Level,
    Model,
    PathKind,
    Plate,
    Recipe,
    Resolution,
    ShapesModel,
    SizeMm,
    Smoothing,
    Via,
    coefficients_of,
    surface_options,
)
from shapelab.output import PlatePart, ShapeWriter, base_name, check_free, destinations
from shapelab.shape_jobs import said, write_all

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.session.shape_file import SavedShape

COMMANDS = ("sample", "reconstruct", "interpolate", "info", "train", "self-test", "bench")
INTERRUPTED = 130  # as shells report Ctrl+C
_debug = False  # set by main: whether errors show their traceback

T = TypeVar("T")
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


@app.command()
def sample(
    class_name: Annotated[
        str | None, typer.Option("--class", help="Class; drawn by the seed when left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first shape.")] = 0,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many: next seeds.")] = 1,
    out: Annotated[str, typer.Option("-o", "--out", help="Folder, or a file for one shape.")] = ".",
    file_format: Format = "stl",
    size_mm: SizeMm = 80.0,
    truncation: Annotated[
        float, typer.Option(min=0, max=MAX_TRUNCATION, help="0 = the mean shape, 1 = as trained.")
    ] = TRUNCATION,
    resolution: Resolution = None,
    smoothing: Smoothing = None,
    level: Level = None,
    all_parts: AllParts = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Of each few seeds the best: one in a single piece.")
    ] = False,
    directions: Directions = None,
    recipe: Recipe = None,
    plate: Plate = False,
    jobs: Jobs = 1,
    force: Force = False,
    model_name: Model = DEFAULT_MODEL,
) -> None:
    """Draw shapes from seeds and write them; seed 7 and -n 4 gives seeds 7, 8, 9 and 10.

    With --whole it is a whole one of 7 to 18, then one of 19 to 30, and so on.
    """
    from shapelab.core.model.wholeness import CANDIDATES
    from shapelab.core.session.shape_file import SavedShape
    from shapelab.core.session.shape_state import seeded_state

    surface = surface_options(resolution, smoothing, level, all_parts)
    coefficients = coefficients_of(directions or [])
    writer = ShapeWriter(size_mm, surface, force, recipe)
    if plate and jobs > 1:
        raise typer.BadParameter("A plate is one file; leave --jobs out, or --plate.")
    if whole and class_name is None:
        raise typer.BadParameter("--whole compares shapes of one class; name it with --class.")
    seeds = list(range(seed, seed + count))
    names = [f"{class_name or 'shape'}-{s}" for s in seeds]
    paths = [] if whole else _paths(out, names, file_format, force, plate=plate, recipe=recipe)
    model = _load(model_name)
    if class_name is not None:
        model.density.index(class_name)  # one error, not one for each seed
        if whole:
            firsts = range(seed, seed + count * CANDIDATES, CANDIDATES)
            seeds = [model.whole_seed(class_name, first, truncation) for first in firsts]
            names = [f"{class_name}-{s}" for s in seeds]
            paths = _paths(out, names, file_format, force, plate=plate, recipe=recipe)

    def shape(place: int) -> SavedShape:
        state = seeded_state(model, class_name, seeds[place], truncation)
        return SavedShape(replace(state, coefficients=coefficients))

    _write(writer, model, names, shape, paths, plate, jobs)


@app.command()
def reconstruct(
    inputs: Annotated[
        list[str], typer.Argument(help="Pictures, meshes, voxel files or saved shapes.")
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", help="File for one input, else a folder.")
    ] = ".",
    views: Annotated[
        bool,
        typer.Option("--views", help="The inputs are 2 to 8 pictures of one object: one shape."),
    ] = False,
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask", metavar="FILE", help="Of one picture: where its object is, white or opaque."
        ),
    ] = None,
    box: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(
            "--box", metavar="X Y W H", help="Of one picture: where its object is, in its pixels."
        ),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="What the pictures show. [guessed]")
    ] = None,
    file_format: Format = "stl",
    size_mm: SizeMm = 80.0,
    resolution: Resolution = None,
    smoothing: Smoothing = None,
    level: Level = None,
    all_parts: AllParts = None,
    recipe: Recipe = None,
    plate: Plate = False,
    force: Force = False,
    model_name: ShapesModel = "",
) -> None:
    """Make the shape of each picture, mesh or voxel file and write it."""
    from shapelab.core.inputs.picture_hints import PictureHints
    from shapelab.core.session.shape_sources import shape_of_file, shape_of_views

    surface = surface_options(resolution, smoothing, level, all_parts)
    writer = ShapeWriter(size_mm, surface, force, recipe)
    files = _expanded(inputs)
    hints = PictureHints(None if mask is None else mask.expanduser(), box, class_name)
    if hints.cuts and len(files) > 1:
        raise typer.BadParameter("--mask and --box say where the object is in a single picture.")
    said = None if hints == PictureHints() else hints
    objects = [files] if views else [[file] for file in files]
    names = [f"{base_name(own[0])}-shape" for own in objects]
    inputs_and_mask = [*files, *([] if mask is None else [str(mask)])]
    paths = _paths(out, names, file_format, force, inputs_and_mask, plate, recipe)
    model = _load(model_name or _model_of(files))
    if class_name is not None:
        model.density.index(class_name)  # one error, not one for each file

    def shape(place: int) -> SavedShape:
        own = [Path(file).expanduser() for file in objects[place]]
        if views:
            return shape_of_views(model, own, class_name)
        return shape_of_file(model, own[0], said)

    _write(writer, model, names, shape, paths, plate)


@app.command()
def interpolate(
    a: Annotated[str, typer.Argument(help="Seed (7, chair:7), picture, mesh, voxels or shape.")],
    b: Annotated[str, typer.Argument(help="The same, for the end.")],
    via: Via = None,
    steps: Annotated[int, typer.Option(min=2, max=1000, help="Files, both ends included.")] = 8,
    out: Annotated[str, typer.Option("-o", "--out", help="Folder.")] = ".",
    mode: Annotated[PathKind, typer.Option(help="Kind of path.")] = PathKind.slerp,
    file_format: Format = "stl",
    size_mm: SizeMm = 80.0,
    resolution: Resolution = None,
    smoothing: Smoothing = None,
    level: Level = None,
    all_parts: AllParts = None,
    recipe: Recipe = None,
    plate: Plate = False,
    force: Force = False,
    model_name: ShapesModel = "",
) -> None:
    """Write the shapes on the way from A to B, through those of --via."""
    from shapelab.core.session.shape_file import SavedShape
    from shapelab.core.session.shape_sources import named_shape
    from shapelab.core.session.shape_state import Morph

    surface = surface_options(resolution, smoothing, level, all_parts)
    writer = ShapeWriter(size_mm, surface, force, recipe)
    width = max(2, len(str(steps)))
    names = [f"step-{i + 1:0{width}}" for i in range(steps)]
    stops = [a, *(via or []), b]
    paths = _paths(out, names, file_format, force, stops, plate, recipe)
    model = _load(model_name or _model_of(stops))
    first, *between, last = (named_shape(model, stop) for stop in stops)
    way = Morph(first, last, mode=mode.value, between=tuple(between))

    def shape(place: int) -> SavedShape:
        state = replace(way, t=place / (steps - 1)).state(model)
        assert state is not None  # both ends are given
        return SavedShape(state)

    _write(writer, model, names, shape, paths, plate)


@app.command()
def info(
    name: Annotated[
        str, typer.Argument(help="Model, project, mesh, voxel file, picture or saved shape.")
    ],
) -> None:
    """Say what a file or model is."""
    from shapelab.describe import describe

    for file in _expanded([name]):
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
        typer.Argument(help="start, slider, curves, commands. [all of them]"),
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


def _paths(
    out: str,
    names: list[str],
    file_format: str,
    force: bool,
    inputs: Iterable[str] = (),
    plate: bool = False,
    recipe: bool | None = None,
) -> list[Path]:
    """Where the shapes go, or the one file of a plate; nothing in their way may be harmed."""
    from shapelab.core.session.recipe import sidecar

    if plate and recipe:
        raise typer.BadParameter("A plate holds no recipes; leave --recipe out, or --plate.")
    try:
        paths = (
            destinations(out, ["plate"], "3mf") if plate else destinations(out, names, file_format)
        )
    except ExportError as error:
        raise typer.BadParameter(str(error)) from None
    if plate and paths[0].suffix.lower() != ".3mf":
        raise typer.BadParameter("--plate writes one 3MF file; let the name after -o end in .3mf.")
    beside = [sidecar(path) for path in paths if recipe and path.suffix.lower() == ".stl"]
    check_free([*paths, *beside], [Path(name).expanduser() for name in inputs], force)
    return paths


def _write(
    writer: ShapeWriter,
    model: ShapeModel,
    names: list[str],
    shape: Callable[[int], SavedShape],
    paths: list[Path],
    plate: bool,
    jobs: int = 1,
) -> None:
    """Writes the shapes, made one by one by their places, and says a line about each.

    One that fails keeps no other from its file or the plate, but the exit code says it.
    """
    if plate:
        parts: list[PlatePart] = []

        def make(item: tuple[int, str]) -> None:
            parts.append(writer.plate_part(model, item[1], shape(item[0])))

        well = _each(enumerate(names), make)
        if parts:
            print(*writer.write_plate(parts, paths[0]), sep="\n")
    else:
        outcomes = write_all(writer, model, shape, paths, jobs)
        well = _each(outcomes, lambda outcome: print(said(outcome)))
    if not well:
        raise typer.Exit(1)


def _expanded(names: list[str]) -> list[str]:
    """The files meant by names with wildcards, which no shell on Windows expands."""
    files: list[str] = []
    for name in names:
        if name == "-":
            raise InputError(
                "Standard input ('-') cannot be read, since only a file's name says what kind it "
                "is; save it to a file first."
            )
        plain = os.path.exists(name) or not glob.has_magic(name)
        files += [name] if plain else sorted(glob.glob(name)) or [name]
    return files


def _model_of(sources: Iterable[str]) -> str:
    """The model of the first saved shape among these, where it is there; else the usual one."""
    from shapelab.core.model.model_summary import model_with

    for source in sources:
        if source.lower().endswith(SHAPE_SUFFIX):
            with suppress(InputError):  # said when it is its turn
                document = read_shape_document(Path(source).expanduser())
                found = model_with(stamp_of(document).digest)
                return DEFAULT_MODEL if found is None else str(found.folder)
    return DEFAULT_MODEL


def _load(name: str) -> ShapeModel:
    from shapelab.core.model.shape_model import load_model

    return load_model(name)


def _each(items: Iterable[T], work: Callable[[T], None]) -> bool:
    """Does all items, also after one failed, which it says; whether none did."""
    well = True
    for item in items:
        try:
            work(item)
        except ShapelabError as error:
            _complain(error)
            well = False
    return well


def _complain(error: Exception) -> None:
    sys.stdout.flush()
    print(f"shapelab: {error}", file=sys.stderr)
    if _debug:
        traceback.print_exception(error)


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
        files = [Path(argument).expanduser() for argument in _expanded(others)]
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
    global _debug
    given = sys.argv[1:] if argv is None else argv
    _debug = "--debug" in given
    try:
        return _start([argument for argument in given if argument != "--debug"])
    except ShapelabError as error:
        _complain(error)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        print(
            f"shapelab: unexpected {type(error).__name__}: {error} "
            "(run it again with --debug to see where, and please report it).",
            file=sys.stderr,
        )
        if _debug:
            traceback.print_exc()
        return 1
