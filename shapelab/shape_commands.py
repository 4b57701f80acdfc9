"""The commands that make shapes, to write or compare: sample, reconstruct, interpolate, compare."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from shapelab.batch_command import BatchOptions, BatchRun, batch_folder
from shapelab.complaints import complain
from shapelab.core.errors import ExportError, InputError, ShapelabError, clean
from shapelab.core.model.latent import MAX_TRUNCATION, TRUNCATION
from shapelab.core.paths import DEFAULT_MODEL
from shapelab.core.session.shape_file import (
    SHAPE_SUFFIX,
    read_shape_document,
    stamp_of,
)
from shapelab.options import (
    AllParts,
    BatchJobs,
    Box,
    Cutout,
    Directions,
    Force,
    Format,
    Intrinsics,
    IsBackground,
    IsObject,
    Jobs,
    Level,
    Mask,
    Mend,
    Model,
    PathKind,
    Plate,
    Recipe,
    Resolution,
    SeenFrom,
    ShapesModel,
    Sheet,
    SizeMm,
    Smoothing,
    Turn,
    Up,
    Via,
    Watch,
    coefficients_of,
    expanded,
    stance_of,
    strokes_of,
    surface_options,
)
from shapelab.output import PlatePart, ShapeWriter, base_name, check_free, destinations
from shapelab.shape_jobs import said, write_all

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.session.shape_file import SavedShape
    from shapelab.core.session.shape_sources import SourcedShape

T = TypeVar("T")


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
    mend: Mend = False,
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
    writer = ShapeWriter(size_mm, surface, force, recipe, mend)
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


def reconstruct(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pictures, depth pictures, meshes, voxel files, point clouds, saved shapes."
        ),
    ] = None,
    out: Annotated[
        str, typer.Option("-o", "--out", help="File for one input, else a folder.")
    ] = ".",
    views: Annotated[
        bool,
        typer.Option("--views", help="The inputs are 2 to 8 pictures of one object: one shape."),
    ] = False,
    mask: Mask = None,
    box: Box = None,
    is_object: IsObject = None,
    is_background: IsBackground = None,
    cutout: Cutout = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="What the pictures show. [guessed]")
    ] = None,
    certainty: Annotated[
        bool, typer.Option("--certainty", help="Say how sure the shape of a picture is, in mm.")
    ] = False,
    up: Up = "",
    turn: Turn = None,
    seen_from: SeenFrom = None,
    intrinsics: Intrinsics = None,
    sheet: Sheet = None,
    jobs: BatchJobs = None,
    watch: Watch = None,
    file_format: Format = "stl",
    size_mm: SizeMm = 80.0,
    resolution: Resolution = None,
    smoothing: Smoothing = None,
    level: Level = None,
    all_parts: AllParts = None,
    mend: Mend = False,
    recipe: Recipe = None,
    plate: Plate = False,
    force: Force = False,
    model_name: ShapesModel = "",
) -> None:
    """Make the shape of each picture, mesh, voxel file or point cloud and write it.

    With --sheet, --jobs or --watch it is a batch: the same line goes on after a stop, and passes
    over what is made already.
    """
    from shapelab.core.inputs.depth.depth_picture import Lens
    from shapelab.core.inputs.picture_hints import PictureHints
    from shapelab.core.session.shape_sources import shape_of_file, shape_of_views

    surface = surface_options(resolution, smoothing, level, all_parts)
    writer = ShapeWriter(size_mm, surface, force, recipe, mend)
    files = expanded(inputs or [])
    if not files and watch is None:
        raise typer.BadParameter("Name pictures, meshes, voxel files or saved shapes.")
    hints = PictureHints(
        None if mask is None else mask.expanduser(),
        box,
        class_name,
        strokes_of("--object", is_object),
        strokes_of("--background", is_background),
        cutout is not None,
    )
    if mask is not None and cutout is not None:
        raise typer.BadParameter("--mask and --cutout both say what is the object; leave one out.")
    if views and hints.cuts:
        raise typer.BadParameter("--views takes pictures as they are cut out by ShapeLab.")
    if hints.places and (len(files) > 1 or watch is not None):
        raise typer.BadParameter(
            "--mask, --box, --object and --background are said of a single picture."
        )
    stance = stance_of(up, turn, views)
    said = None if hints == PictureHints() else hints
    objects = [files] if views and files else [[file] for file in files]
    taken = seen_from is not None or intrinsics is not None
    if views and taken:
        raise typer.BadParameter("--seen-from and --intrinsics are for a scan, not for pictures.")
    if sheet is not None or jobs is not None or watch is not None:
        if views and (watch is not None or len(files) == 1):
            raise typer.BadParameter("--views takes 2 to 8 pictures that are named.")
        if certainty or taken:
            raise typer.BadParameter("--certainty, --seen-from and --intrinsics are for no batch.")
        options = BatchOptions(
            batch_folder(out, plate), file_format, jobs or 1, sheet, watch, stance
        )
        run = BatchRun(options, writer, hints, complain)
        if not run.run(_load(model_name or _model_of(files)), objects, threading.Event().wait):
            raise typer.Exit(1)
        return
    names = [f"{base_name(own[0])}-shape" for own in objects]
    inputs_and_mask = [*files, *([] if mask is None else [str(mask)])]
    paths = _paths(out, names, file_format, force, inputs_and_mask, plate, recipe)
    model = _load(model_name or _model_of(files))
    if class_name is not None:
        model.density.index(class_name)  # one error, not one for each file

    def shape(place: int) -> SavedShape:
        own = [Path(file).expanduser() for file in objects[place]]
        if views:
            sourced = shape_of_views(model, own, class_name)
        else:
            lens = None if intrinsics is None else Lens(*intrinsics)
            sourced = shape_of_file(model, own[0], said, None, stance, seen_from, lens)
        if certainty:
            print(clean(f"{own[0]}: {_certainty(model, sourced, size_mm)}"))
        return sourced.saved

    _write(writer, model, names, shape, paths, plate)


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
    mend: Mend = False,
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
    writer = ShapeWriter(size_mm, surface, force, recipe, mend)
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


def compare(
    a: Annotated[str, typer.Argument(help="Seed (7, chair:7), picture, mesh, voxels or shape.")],
    b: Annotated[str, typer.Argument(help="The same, to hold against it.")],
    size_mm: Annotated[
        float, typer.Option("--size-mm", min=1, max=10_000, help="Longest side of A in mm.")
    ] = 80.0,
    resolution: Resolution = None,
    smoothing: Smoothing = None,
    level: Level = None,
    all_parts: AllParts = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
    model_name: ShapesModel = "",
) -> None:
    """Say how far the surfaces of A and B lie apart, and what the two have in common.

    A mesh, voxel file or point cloud is compared itself, in the model's grid, not as the shape
    that the model makes of it; give a saved shape for that, which brings its own model.
    """
    from shapelab.core import formatting
    from shapelab.core.session.shape_comparison import compare_shapes
    from shapelab.core.session.shape_sources import compared_shape

    surface = surface_options(resolution, smoothing, level, all_parts)
    names_of_models = [model_name or _model_of([source]) for source in (a, b)]
    models = {name: _load(name) for name in names_of_models}
    first, second = (
        compared_shape(models[name], source, surface)
        for name, source in zip(names_of_models, (a, b), strict=True)
    )
    found = compare_shapes(first, second, size_mm)
    both = ((first, found.a_from_b), (second, found.b_from_a))
    if as_json:
        document: dict[str, Any] = {
            name: {
                "name": subject.name,
                "mean_mm": apart.mean,
                "farthest_mm": apart.farthest,
                "volume_mm3": volume,
            }
            for name, (subject, apart), volume in zip("ab", both, found.volumes_mm3, strict=True)
        }
        document |= {"size_mm": size_mm, "overlap": found.overlap, "common_mm3": found.common_mm3}
        print(json.dumps(document, indent=1))
        return
    names = (f"A, {first.name}", f"B, {second.name}")
    for name, other, (_, apart) in zip(names, "BA", both, strict=True):
        apart_mm = f"{apart.mean:.2g} mm in the mean, {apart.farthest:.2g} mm at most"
        print(clean(f"{name}: from {other} {apart_mm}"))
    share = f"{found.overlap:.0%} of what either fills"
    print(f"in common: {share}, {formatting.volume(found.common_mm3)}; A is {size_mm:g} mm long")


def _certainty(model: ShapeModel, sourced: SourcedShape, size_mm: float) -> str:
    """How sure a shape of pictures is. Raises InputError for one of anything else."""
    from shapelab.core.inputs.unseen.certainty import UNKNOWN, doubt_words, surface_doubt
    from shapelab.core.mesh import meshing

    if sourced.found is None:
        raise InputError(UNKNOWN)
    mesh = meshing.surface(sourced.found.occupancy, meshing.AUTOMATIC)
    return doubt_words(surface_doubt(model, sourced.found, mesh), mesh, size_mm)


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
            complain(error)
            well = False
    return well
