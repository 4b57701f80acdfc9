"""The table of mesh formats, and the one way to write a file: encoded, read back and judged.

A file is written by a module of ours and read back by trimesh: a judge that is not its twin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError, NotPrintableError
from shapelab.core.mesh.formats.glb import write_glb
from shapelab.core.mesh.formats.obj import write_obj
from shapelab.core.mesh.formats.ply import write_ply
from shapelab.core.mesh.formats.read_back import read_back, read_back_all
from shapelab.core.mesh.formats.stl import write_stl
from shapelab.core.mesh.formats.threemf import Body as Body
from shapelab.core.mesh.formats.threemf import write_3mf
from shapelab.core.mesh.formats.threemf import write_plate as encode_plate
from shapelab.core.mesh.print_check import PrintReport, check
from shapelab.core.mesh.tri_mesh import TriMesh

#: Each takes a mesh and, but for STL, which has no room for it, a recipe.
WRITERS: dict[str, Callable[..., bytes]] = {
    ".stl": write_stl,
    ".obj": write_obj,
    ".ply": write_ply,
    ".glb": write_glb,
    ".3mf": write_3mf,
}
#: Formats that hold the recipe of a shape.
WITH_RECIPE = (".obj", ".ply", ".glb", ".3mf")
PLATE = ".3mf"  # the format of several parts in one file
# Shares of the part's longest side and of its volume: GLB goes through metres in float32.
_PLACE_TOLERANCE, _VOLUME_TOLERANCE = 1e-6, 1e-3


def encode(mesh: TriMesh, suffix: str, recipe: str = "") -> bytes:
    """The bytes of a mesh (mm, z up) in a format; the same mesh gives the same bytes.

    A recipe says how the shape was made; a format without room for it leaves it out.

    Raises:
        ExportError: for an unknown suffix or an empty mesh.
    """
    if mesh.is_empty:
        raise ExportError("There is no shape to write; choose another one.")
    known = _known(suffix)
    return WRITERS[known](mesh, recipe) if recipe and known in WITH_RECIPE else WRITERS[known](mesh)


def decode(data: bytes, suffix: str) -> TriMesh:
    """The mesh (mm, z up) in bytes that `encode` made.

    Raises:
        ExportError: for an unknown suffix or damaged bytes.
    """
    return read_back(data, _known(suffix))


def write(
    path: str | Path,
    mesh: TriMesh,
    unchecked: bool = False,
    force: bool = False,
    recipe: str = "",
) -> PrintReport:
    """Writes a part after reading its bytes back and judging them as a slicer would.

    Args:
        path: The file; its suffix chooses the format.
        mesh: The part in mm, as `finish` gives it.
        unchecked: Write a part that cannot be printed as well, with "-UNCHECKED" in its name.
        force: Replace a file that is there.
        recipe: How the shape was made, for the formats ``WITH_RECIPE``.

    Returns:
        The verdict on the bytes; its `path` is the file that was written.

    Raises:
        NotPrintableError: the bytes did not pass (unless `unchecked`).
        ExportError: the file cannot be written, or one is there already (unless `force`).
    """
    path = Path(path)
    data = encode(mesh, path.suffix, recipe)
    report = judge(data, path.suffix, mesh)
    if not report.ok:
        if not unchecked:
            raise NotPrintableError(f"{path.name} was not written: {report.problems[0]}")
        path = unchecked_name(path)
    atomic_write(path, data, new=not force)
    return replace(report, path=path)


def write_plate(path: Path, bodies: Sequence[Body], force: bool = False) -> list[PrintReport]:
    """Writes several parts into one 3MF, after judging each as it is read back.

    Args:
        path: The file; its name ends in .3mf.
        bodies: The parts in mm, and where they stand on the plate.
        force: Replace a file that is there.

    Returns:
        The verdict on each part.

    Raises:
        NotPrintableError: one of them did not pass; says which.
        ExportError: there are none, or the file cannot be written or is there already.
    """
    if not bodies or any(body.mesh.is_empty for body in bodies):
        raise ExportError("There is no shape to write; choose another one.")
    data = encode_plate(bodies)
    meant = [(body.mesh, np.array([body.x, body.y, 0.0])) for body in bodies]
    reports = []
    for body, found in zip(bodies, read_back_all(data, PLATE, meant), strict=True):
        report = check(found)
        problems = (*report.problems, *_differences(found, body.mesh))
        if problems:
            raise NotPrintableError(f"{path.name} was not written: {body.name}: {problems[0]}")
        reports.append(replace(report, path=path))
    atomic_write(path, data, new=not force)
    return reports


def unchecked_name(path: Path) -> Path:
    """Where `write` puts a part that cannot be printed."""
    return path.with_name(f"{path.stem}-UNCHECKED{path.suffix}")


def judge(data: bytes, suffix: str, meant: TriMesh) -> PrintReport:
    """The verdict on a file's bytes, which must also hold the mesh that was meant."""
    found = decode(data, suffix)
    report = check(found)
    return replace(report, problems=(*report.problems, *_differences(found, meant)))


def _differences(found: TriMesh, meant: TriMesh) -> list[str]:
    """A sentence for each thing in which a file's mesh is not the one that was meant."""
    if len(found.faces) != len(meant.faces):
        return [f"The file holds {len(found.faces)} triangles instead of {len(meant.faces)}."]
    if not np.isfinite(found.vertices).all():
        return []  # the check has said it
    said = []
    longest = float(meant.extents.max())
    if not np.allclose(found.extents, meant.extents, 0, _PLACE_TOLERANCE * longest, True):
        said.append("The file holds another size than the shape has.")
    if not np.isclose(found.volume, meant.volume, rtol=_VOLUME_TOLERANCE, equal_nan=True):
        said.append("The file holds another volume than the shape has.")
    # Corner by corner, in order: where they lie, and the way round that makes a side the outside.
    corners, wanted = (mesh.vertices[mesh.faces].astype(np.float64) for mesh in (found, meant))
    if not np.allclose(corners, wanted, 0, _PLACE_TOLERANCE * longest, True):
        said.append("The file's triangles lie or face elsewhere than the shape's.")
    return said


def _known(suffix: str) -> str:
    suffix = suffix.lower()
    if suffix not in WRITERS:
        raise ExportError(
            f"ShapeLab cannot write '{suffix or 'files without an ending'}'; "
            f"use one of {', '.join(WRITERS)}."
        )
    return suffix
