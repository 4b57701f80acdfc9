"""What the export dialog computes off the GUI thread: the finished part and the verdict on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from shapelab.core import formatting
from shapelab.core.errors import MeshError
from shapelab.core.mesh.finishing import finish
from shapelab.core.mesh.meshing import LooseParts, PartedSurface, SurfaceOptions
from shapelab.core.mesh.print_check import NOT_CHECKED, PrintReport, check
from shapelab.core.mesh.tri_mesh import TriMesh

#: Gives the surface of the shown shape; called on a worker thread.
MeshProvider = Callable[[SurfaceOptions], PartedSurface]


@dataclass(frozen=True, eq=False)
class PartRequest:
    """One setting of the dialog; compared by identity, so that only the newest counts."""

    options: SurfaceOptions
    size_mm: float
    keep: float  # share of the triangles, (0, 1]


@dataclass(frozen=True, eq=False)
class PreparedPart:
    """A part in millimetres, ready to be written.

    Attributes:
        mesh: the part; printable if ``report.ok``.
        report: the verdict on it.
        shown_triangles: of the surface before simplification.
        level: the occupancy at which its surface lies.
        dropped: the loose parts left out by "largest part only".
    """

    mesh: TriMesh
    report: PrintReport
    shown_triangles: int
    level: float
    dropped: LooseParts


def prepare(provider: MeshProvider, request: PartRequest) -> PreparedPart:
    """Makes the part that a request asks for.

    Raises:
        MeshError: there is no surface at all; else problems are told by the report.
    """
    surface = provider(request.options)
    shown = surface.mesh
    dropped = surface.loose if request.options.largest_part else LooseParts()
    try:
        part = finish(shown, request.size_mm, request.keep)
        report = check(part)
    except MeshError as error:
        part = _at_size(shown, request.size_mm)
        report = check(part)
        if report.ok:
            report = replace(report, problems=(str(error),))
    return PreparedPart(part, report, len(shown.faces), surface.level, dropped)


def verdict(report: PrintReport, dropped: LooseParts) -> str:
    """What was checked and what not, or the problems in sentences.

    'Closed, one part, 44.0 × 58.0 × 80.0 mm, 12.3 cm³; walls not measured.'
    """
    if not report.ok:
        return "Not printable yet. " + " ".join(report.problems)
    parts = "one part" if report.parts == 1 else formatting.counted(report.parts, "part")
    size = formatting.extents(report.size_mm, "mm")
    volume = formatting.volume(report.volume_mm3)
    said = f"Closed, {parts}, {size}, {volume}; {NOT_CHECKED}."
    return f"{said} {dropped.words('left out')}." if dropped.count else said


def _at_size(mesh: TriMesh, size_mm: float) -> TriMesh:
    """The mesh in mm, standing on z = 0, though it cannot be printed."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    scale = size_mm / max(float((high - low).max()), 1e-9)
    anchor = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return TriMesh(((mesh.vertices - anchor) * scale).astype(np.float32), mesh.faces)
