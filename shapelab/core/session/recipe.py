"""Recipes: what an exported mesh says of how its shape was made, so that it opens with its sliders.

A recipe is the document of a saved shape and a few figures of the mesh. A mesh that was changed
since has other figures: then it is read as any other mesh.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.core import files_of_others
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import InputError
from shapelab.core.mesh.recipe_lines import MAX_RECIPE
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.session.shape_file import (
    SHAPE_SUFFIX,
    ModelStamp,
    SavedShape,
    check_fits,
    checked_document,
    shape_document,
    shape_of_document,
    stamp_of,
)

if TYPE_CHECKING:
    from shapelab.core.inputs.untrusted_reader import ReadFile
    from shapelab.core.mesh.meshing import SurfaceOptions
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.session.shape_state import ShapeState

_SAME = 2e-3  # by which the figures of an unchanged mesh may differ, whatever its unit


@dataclass(frozen=True)
class Recipe:
    """How the shape of a mesh was made."""

    shape: SavedShape
    model: ModelStamp

    def fits(self, model: ShapeModel) -> bool:
        """Whether it is of this very model, and of its classes and size as it claims."""
        try:
            check_fits(self.shape.state, model)
        except InputError:
            return False
        return self.model.digest == model.digest


def recipe_text(
    state: ShapeState, surface: SurfaceOptions, model: ShapeModel, mesh: TriMesh
) -> str:
    """The recipe of a mesh, as files carry it: printable ASCII without spaces.

    Args:
        state: the shape.
        surface: how it became a surface.
        model: what decoded it.
        mesh: what is written.
    """
    document = shape_document(state, model, surface) | {"mesh": _figures(mesh)}
    text = json.dumps(document, separators=(",", ":"))
    return text.replace(" ", "\\u0020")  # a space can only stand in a text of JSON


def recipe_of(text: str, mesh: TriMesh) -> Recipe | None:
    """What a recipe from a file says; None if it is odd, or of another mesh than this.

    Nobody is told: the mesh itself can still be read.
    """
    try:
        document = checked_document(files_of_others.json_of(text[:MAX_RECIPE]), "the recipe")
        if not _fits(document.get("mesh"), mesh):
            return None
        return Recipe(shape_of_document(document), stamp_of(document))
    except (InputError, ValueError):
        return None


def recipe_of_file(file: ReadFile, path: Path | None = None) -> Recipe | None:
    """The recipe in a mesh file, else in the file beside it; None where there is no sound one."""
    if not isinstance(file.content, TriMesh):
        return None
    text = file.recipe
    if not text and path is not None and path.suffix.lower() == ".stl":
        try:
            text = files_of_others.read_bytes(sidecar(path), MAX_RECIPE).decode("ascii")
        except (OSError, ValueError):
            return None
    return recipe_of(text, file.content) if text else None


def sidecar(path: Path) -> Path:
    """Where the recipe of an STL file lies, which has no room for it: a saved shape beside it."""
    return path.with_name(path.name + SHAPE_SUFFIX)


def write_sidecar(path: Path, recipe: str, force: bool = False) -> None:
    """Puts a recipe beside an STL file. Raises ExportError as ``atomic_write`` does."""
    atomic_write(sidecar(path), recipe.encode("ascii"), new=not force)


def _figures(mesh: TriMesh) -> dict[str, Any]:
    """What tells a mesh from others, in whatever unit and place a program has put it."""
    sides = np.sort(mesh.extents)
    longest = float(sides[-1]) or 1.0
    return {
        "triangles": len(mesh.faces),
        "sides": [round(float(side) / longest, 5) for side in sides],
        "volume": round(abs(mesh.volume) / longest**3, 6),
    }


def _fits(said: Any, mesh: TriMesh) -> bool:
    """Whether the figures of a recipe are those of a mesh."""
    found = _figures(mesh)
    try:
        near = np.allclose(said["sides"], found["sides"], rtol=0, atol=_SAME)
        near = near and np.isclose(said["volume"], found["volume"], rtol=_SAME, atol=1e-6)
        return bool(near and said["triangles"] == found["triangles"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
