"""The table of mesh formats, and the one way to write a file: encoded, read back and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from shapelab.core.atomic import atomic_write as atomic_write
from shapelab.core.errors import ExportError
from shapelab.core.mesh.formats.glb import read_glb, write_glb
from shapelab.core.mesh.formats.plain import (
    read_obj,
    read_ply,
    read_stl,
    write_obj,
    write_ply,
    write_stl,
)
from shapelab.core.mesh.formats.threemf import read_3mf, write_3mf
from shapelab.core.mesh.print_check import PrintReport, check
from shapelab.core.mesh.tri_mesh import TriMesh

WRITERS: dict[str, Callable[[TriMesh], bytes]] = {
    ".stl": write_stl,
    ".obj": write_obj,
    ".ply": write_ply,
    ".glb": write_glb,
    ".3mf": write_3mf,
}
READERS: dict[str, Callable[[bytes], TriMesh]] = {
    ".stl": read_stl,
    ".obj": read_obj,
    ".ply": read_ply,
    ".glb": read_glb,
    ".3mf": read_3mf,
}
# Sizes may differ by float32's rounding on the way through metres.
_SIZE_TOLERANCE, _VOLUME_TOLERANCE = 1e-5, 1e-3


def encode(mesh: TriMesh, suffix: str) -> bytes:
    """The bytes of a mesh (mm, z up) in a format; the same mesh gives the same bytes.

    Raises:
        ExportError: for an unknown suffix or an empty mesh.
    """
    if mesh.is_empty:
        raise ExportError("There is no shape to write; choose another one.")
    return WRITERS[_known(suffix)](mesh)


def decode(data: bytes, suffix: str) -> TriMesh:
    """The mesh (mm, z up) in bytes that `encode` made.

    Raises:
        ExportError: for an unknown suffix or damaged bytes.
    """
    # Numbers beyond float32 become infinite, which `check` reports.
    with np.errstate(over="ignore"):
        return READERS[_known(suffix)](data)


def write(path: str | Path, mesh: TriMesh, unchecked: bool = False) -> PrintReport:
    """Writes a part after reading its bytes back and judging them as a slicer would.

    Args:
        path: The file; its suffix chooses the format.
        mesh: The part in mm, as `finish` gives it.
        unchecked: Write a part that cannot be printed as well, with "-UNCHECKED" in its name.

    Returns:
        The verdict on the bytes; its `path` is the file that was written.

    Raises:
        ExportError: if the part is not printable (unless `unchecked`) or the file not writable.
    """
    path = Path(path)
    data = encode(mesh, path.suffix)
    report = judge(data, path.suffix, mesh)
    if not report.ok:
        if not unchecked:
            raise ExportError(f"{path.name} was not written: {report.problems[0]}")
        path = path.with_name(f"{path.stem}-UNCHECKED{path.suffix}")
    atomic_write(path, data)
    return replace(report, path=path)


def judge(data: bytes, suffix: str, meant: TriMesh) -> PrintReport:
    """The verdict on a file's bytes, which must also hold the mesh that was meant."""
    report = check(decode(data, suffix))
    lost = []
    if report.triangles != len(meant.faces):
        lost.append(f"The file holds {report.triangles} triangles instead of {len(meant.faces)}.")
    if not np.allclose(report.size_mm, meant.extents, rtol=_SIZE_TOLERANCE, equal_nan=True):
        lost.append("The file holds another size than the shape has.")
    if not np.isclose(report.volume_mm3, meant.volume, rtol=_VOLUME_TOLERANCE, equal_nan=True):
        lost.append("The file holds another volume than the shape has.")
    return replace(report, problems=(*report.problems, *lost))


def _known(suffix: str) -> str:
    suffix = suffix.lower()
    if suffix not in WRITERS:
        raise ExportError(
            f"ShapeLab cannot write '{suffix or 'files without an ending'}'; "
            f"use one of {', '.join(WRITERS)}."
        )
    return suffix
