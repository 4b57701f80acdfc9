"""A shape becomes a part with its recipe, and files of it: one each, or all on one build plate."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.core.errors import ExportError, NotPrintableError
from shapelab.core.mesh import formats, meshing
from shapelab.core.mesh.formats import Body
from shapelab.core.mesh.meshing import AUTOMATIC, LooseParts
from shapelab.core.mesh.print_check import PrintReport, check
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.session.recipe import recipe_text, write_sidecar
from shapelab.core.session.shape_file import SavedShape, check_fits

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

GAP_MM = 5.0  # between two parts on a plate: more than a brim needs
_WIDER = 1.3  # of a plate than the side of a square of its parts: rows are never full


@dataclass(frozen=True, eq=False)
class ShapePart:
    """A part in millimetres, and how it came about.

    Attributes:
        mesh: stands on z = 0, centred on x and y.
        level: the occupancy at which its surface lies.
        dropped: loose parts that were left out.
        recipe: for its file.
    """

    mesh: TriMesh
    level: float
    dropped: LooseParts
    recipe: str


def shape_part(model: ShapeModel, shape: SavedShape, size_mm: float) -> ShapePart:
    """The part of a shape as it is shown.

    Args:
        model: that made the shape.
        shape: with its surface, else the usual one.
        size_mm: the longest side.

    Raises:
        InputError: the shape does not fit the model.
        MeshError: it is empty, or cannot be printed at this size.
    """
    check_fits(shape.state, model)
    options = shape.surface or AUTOMATIC
    latent = shape.state.latent(model)
    distance = model.distance(latent)
    surface = meshing.parted_surface(model.decode(latent), options, distance=distance)
    mesh = meshing.finish(surface.mesh, size_mm)
    dropped = surface.loose if options.largest_part else LooseParts()
    return ShapePart(mesh, surface.level, dropped, recipe_text(shape.state, options, model, mesh))


def plate_part(model: ShapeModel, name: str, shape: SavedShape, size_mm: float) -> ShapePart:
    """``shape_part`` for a plate, judged alone, so that one that fails takes no other with it.

    Raises:
        InputError, MeshError: as there.
        NotPrintableError: a slicer would find fault with it; says which it is.
    """
    part = shape_part(model, shape, size_mm)
    if problems := check(part.mesh).problems:
        raise NotPrintableError(f"{name}: {problems[0]}")
    return part


def write_part(
    path: Path, part: ShapePart, force: bool = False, recipe: bool | None = None
) -> PrintReport:
    """Writes a part, checked, with its recipe.

    Args:
        path: the file; its suffix chooses the format.
        part: what goes into it.
        force: replace files that are there.
        recipe: True also puts it beside an STL, False leaves it out of every format; None puts
            it where the format has room for it.

    Raises:
        ExportError: see ``formats.write``.
    """
    text = "" if recipe is False else part.recipe
    report = formats.write(path, part.mesh, force=force, recipe=text)
    if recipe and path.suffix.lower() not in formats.WITH_RECIPE:
        write_sidecar(path, part.recipe, force)
    return report


def write_plate(
    path: Path, parts: Sequence[tuple[str, TriMesh]], force: bool = False
) -> list[PrintReport]:
    """Writes parts, each with its name, beside each other into one 3MF; the verdict on each.

    Raises:
        ExportError: see ``formats.write_plate``; also for another format.
    """
    if path.suffix.lower() != formats.PLATE:
        raise ExportError(f"A plate with several parts is a {formats.PLATE} file; name it so.")
    places = arranged([mesh for _, mesh in parts])
    bodies = [Body(*part, *place) for part, place in zip(parts, places, strict=True)]
    return formats.write_plate(path, bodies, force)


def arranged(meshes: Sequence[TriMesh], gap: float = GAP_MM) -> list[tuple[float, float]]:
    """Places in rows, in order, on a plate about as wide as deep, from its corner at 0, 0.

    Args:
        meshes: parts in mm.
        gap: between their bounding boxes, mm.

    Returns:
        By how much each part is moved along x and y, mm.
    """
    sizes = [mesh.extents[:2] + gap for mesh in meshes]
    area = sum(float(size.prod()) for size in sizes)
    width = max([_WIDER * math.sqrt(area), *(float(size[0]) for size in sizes)])
    places, x, y, deep = [], 0.0, 0.0, 0.0
    for mesh, size in zip(meshes, sizes, strict=True):
        if x and x + size[0] > width:
            x, y, deep = 0.0, y + deep, 0.0
        low = mesh.vertices.min(axis=0)
        # On a grid of 1/64 mm, so that the numbers in the file are exact.
        places.append((math.ceil(64 * (x - low[0])) / 64, math.ceil(64 * (y - low[1])) / 64))
        x, deep = x + float(size[0]), max(deep, float(size[1]))
    return places


def file_names(names: Sequence[str], suffix: str) -> list[str]:
    """Names for the files of shapes: in order, all different, such as every file system takes."""
    digits = len(str(len(names)))
    stems = (re.sub(r"[^\w.-]+", "-", name)[:60].strip("-.") or "shape" for name in names)
    return [f"{place:0{digits}}-{stem}{suffix}" for place, stem in enumerate(stems, 1)]
