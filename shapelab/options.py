"""The options that the commands share: how they are typed, and what they mean."""

from __future__ import annotations

import glob
import math
import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shapelab.core.errors import InputError
from shapelab.core.model.latent import DIRECTIONS
from shapelab.core.session.shape_file import AUTO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shapelab.core.inputs.picture_hints import Stroke
    from shapelab.core.inputs.scan import Stance

LOWEST_LEVEL, HIGHEST_LEVEL = 0.05, 0.95


class PathKind(str, Enum):
    """How to go from one latent to another."""

    slerp = "slerp"
    lerp = "lerp"


class CutoutKind(str, Enum):
    """What else can cut a picture out."""

    rembg = "rembg"


Model = Annotated[str, typer.Option("--model", help="Name or folder of the model.")]
ShapesModel = Annotated[
    str,
    typer.Option(
        "--model",
        help="Name or folder of the model. [that of the first saved shape, else the usual one]",
    ),
]
Format = Annotated[
    str, typer.Option("--format", help="stl, obj, ply, glb, 3mf or shape.json (in a folder).")
]
SizeMm = Annotated[
    float, typer.Option("--size-mm", min=1, max=10_000, help="Longest side in millimetres.")
]
# Where the surface's options are left out, a saved shape's own count, else the window's first ones.
Resolution = Annotated[
    int | None,
    typer.Option("--resolution", min=1, max=4, help="How many times finer than the grid. [1]"),
]
Smoothing = Annotated[
    int | None, typer.Option("--smoothing", min=0, max=50, help="Smoothing passes. [10]")
]
Level = Annotated[
    str | None,
    typer.Option(
        "--level",
        metavar="LEVEL",
        help=f"Occupancy at which the surface lies, {LOWEST_LEVEL} to {HIGHEST_LEVEL}, or auto: "
        "where the shape is one piece. [auto]",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there already.")]
Recipe = Annotated[
    bool | None,
    typer.Option(
        "--recipe/--no-recipe",
        help="Say in the file how the shape was made, so that it opens with its sliders; for STL "
        "in a file beside it. [in all formats but STL]",
    ),
]
Plate = Annotated[
    bool, typer.Option("--plate", help="All shapes beside each other in one 3MF file.")
]
Jobs = Annotated[
    int,
    typer.Option("--jobs", min=1, max=64, help="How many processes make them; each loads torch."),
]
Mask = Annotated[
    Path | None,
    typer.Option(
        "--mask", metavar="FILE", help="Of one picture: where its object is, white or opaque."
    ),
]
Box = Annotated[
    tuple[float, float, float, float] | None,
    typer.Option(
        "--box", metavar="X Y W H", help="Of one picture: where its object is, in its pixels."
    ),
]
IsObject = Annotated[
    list[str] | None,
    typer.Option(
        "--object",
        metavar="X,Y,R",
        help="Of one picture: a stroke of the object brush, in its pixels, of radius R; "
        "X,Y,X,Y,R is a line. It finds edges. May come again.",
    ),
]
IsBackground = Annotated[
    list[str] | None,
    typer.Option(
        "--background",
        metavar="X,Y,R",
        help="The same for what is no part of the object; drawn after --mask, --box and --object.",
    ),
]
Cutout = Annotated[
    CutoutKind | None,
    typer.Option(
        "--cutout",
        help="Who cuts pictures out: rembg, if it is installed and has a model. [ShapeLab itself]",
    ),
]
Up = Annotated[
    str,
    typer.Option(
        "--up",
        metavar="x|y|z",
        help="The axis of a mesh, voxel file or point cloud that points up. [guessed]",
    ),
]
SeenFrom = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--seen-from",
        metavar="AROUND UP",
        help="A scan of one side is completed: from where it was taken, in degrees around from the "
        "front and up. Guessed of a depth picture.",
    ),
]
Intrinsics = Annotated[
    tuple[float, float, float, float] | None,
    typer.Option(
        "--intrinsics",
        metavar="FX FY CX CY",
        help="Of a depth picture: its camera's focal lengths and middle, in pixels. [guessed]",
    ),
]
Turn = Annotated[
    int | None,
    typer.Option(
        "--turn",
        min=0,
        max=3,
        help="Quarter turns about it, counter-clockwise from above. [guessed]",
    ),
]
Sheet = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        metavar="FILE.html",
        help="A web page of all: pictures, cut-outs, outlines, shapes and figures.",
    ),
]
BatchJobs = Annotated[
    int | None, typer.Option("--jobs", min=1, max=64, help="How many are made at a time. [1]")
]
Watch = Annotated[
    Path | None,
    typer.Option(
        "--watch", metavar="FOLDER", help="Go on with what comes into a folder, until Ctrl+C."
    ),
]
Via = Annotated[
    list[str] | None,
    typer.Option("--via", help="A shape on the way, named as A and B are; may be repeated."),
]
AllParts = Annotated[
    bool | None,
    typer.Option("--all-parts/--largest-part", help="Keep loose parts too, or drop them. [drop]"),
]
Mend = Annotated[
    bool, typer.Option("--mend", help="Of a broken shape the whole one that is most like it.")
]
Directions = Annotated[
    list[str] | None,
    typer.Option(
        "--direction",
        metavar="NUMBER=SIGMA",
        help="Move a principal direction as its slider does, like 3=1.5; may come again.",
    ),
]


def surface_options(
    resolution: int | None, smoothing: int | None, level: str | None, all_parts: bool | None
) -> dict[str, Any]:
    """The options of the surface that were given, by their names in ``SurfaceOptions``."""
    given: dict[str, Any] = {"resolution": resolution, "smoothing": smoothing}
    given["largest_part"] = None if all_parts is None else not all_parts
    chosen = {name: value for name, value in given.items() if value is not None}
    return chosen if level is None else chosen | {"level": _level(level)}


def coefficients_of(directions: list[str]) -> NDArray[np.float32]:
    """Where the sliders of the principal directions stand; 0 for those that are not named."""
    import numpy as np

    coefficients = np.zeros(DIRECTIONS, np.float32)
    for text in directions:
        number, _, sigma = text.partition("=")
        try:
            place, value = int(number) - 1, float(sigma)
        except ValueError:
            place, value = -1, math.nan
        if not 0 <= place < DIRECTIONS or not abs(value) <= float(np.finfo(np.float32).max):
            raise typer.BadParameter(
                f"--direction is a number from 1 to {DIRECTIONS}, = and a finite number, like "
                f"3=1.5; not {text}."
            )
        coefficients[place] = value
    return coefficients


def strokes_of(name: str, texts: list[str] | None) -> tuple[Stroke, ...]:
    """The strokes that the option of a name was given."""
    from shapelab.core.inputs.picture_hints import Stroke

    strokes = []
    for text in texts or ():
        try:
            *places, radius = map(float, text.split(","))
        except ValueError:
            places = []
        if len(places) < 2 or len(places) % 2 or not all(map(math.isfinite, (*places, radius))):
            raise typer.BadParameter(
                f"{name} is a place and a radius in pixels, like 300,420,8; not {text}."
            )
        strokes.append(Stroke(tuple(zip(places[::2], places[1::2], strict=True)), radius))
    return tuple(strokes)


def expanded(names: list[str]) -> list[str]:
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


def stance_of(up: str, turn: int | None, views: bool) -> Stance | None:
    """How the object of a file stands, where that is said; not of pictures."""
    from shapelab.core.inputs.scan import UP_AXES, Stance

    if len(up) > 1 or up not in UP_AXES:
        raise typer.BadParameter(f"--up is x, y or z; not {up}.")
    stance = Stance(up, turn)
    if stance == Stance():
        return None
    if views:
        raise typer.BadParameter("--up and --turn are said of other files than pictures.")
    return stance


def _level(text: str) -> float | None:
    """A level as it is typed; None for one that is found."""
    if text.lower() == AUTO:
        return None
    try:
        level = float(text)
    except ValueError:
        level = math.nan
    if not LOWEST_LEVEL <= level <= HIGHEST_LEVEL:
        raise typer.BadParameter(
            f"--level is {AUTO}, or a number from {LOWEST_LEVEL} to {HIGHEST_LEVEL}; not {text}."
        )
    return level
