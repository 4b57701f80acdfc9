"""Makes the shown surface a printable part: millimetres, standing, simplified, gated."""

from __future__ import annotations

import math

import numpy as np

from shapelab.core.mesh import TriMesh, merged, vertex_normals
from shapelab.core.printing import PrintReport, check
from shapelab.errors import MeshError

# Each step keeps this much of the triangles more when a simplified mesh is not printable.
_MILDER = 1.25


def finish(mesh: TriMesh, size_mm: float, keep_triangles: float = 1.0) -> TriMesh:
    """The part that is written to a file, made from the mesh that is shown.

    Args:
        mesh: A closed surface in any unit, as `surface` gives it.
        size_mm: The longest side of the part in millimetres.
        keep_triangles: The share of triangles to keep, above 0 and at most 1. More are kept where
            fewer would not be printable.

    Returns:
        The part in mm, standing on z = 0 and centred on x and y, with normals.

    Raises:
        MeshError: if the mesh cannot be printed at this size; says why.
    """
    if not (math.isfinite(size_mm) and size_mm > 0):
        raise MeshError(f"The size must be more than 0 mm, not {size_mm:g}.")
    if not 0 < keep_triangles <= 1:
        raise MeshError(f"The share of triangles must lie between 0 and 1, not {keep_triangles:g}.")
    if mesh.is_empty or not np.isfinite(mesh.vertices).all():
        raise MeshError("There is no shape to export; choose another one.")
    keep = keep_triangles
    while keep < 1.0:
        part = _placed(_simplified(mesh, keep), size_mm)
        if not part.is_empty and check(part).ok and _gate(part):
            return _shaded(part)
        keep *= _MILDER
    part = _placed(mesh, size_mm)
    report = check(part)
    if not report.ok:
        raise MeshError(_reason(report))
    if not _gate(part):
        raise MeshError("The shape is not a closed solid; try another resolution or smoothing.")
    return _shaded(part)


def _reason(report: PrintReport) -> str:
    return f"The shape cannot be printed as it is: {' '.join(report.problems)}"


def _simplified(mesh: TriMesh, keep: float) -> TriMesh:
    import fast_simplification

    whole = merged(mesh)
    vertices, faces = fast_simplification.simplify(
        whole.vertices, whole.faces, target_reduction=1.0 - keep
    )
    return TriMesh(vertices.astype(np.float32), faces.astype(np.int32))


def _placed(mesh: TriMesh, size_mm: float) -> TriMesh:
    """The mesh at its size and place, merged after rounding as any reader will see it."""
    vertices = mesh.vertices.astype(np.float64)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    longest = float((high - low).max())
    if longest <= 0:
        raise MeshError("The shape has no size; choose another one.")
    anchor = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    placed = ((vertices - anchor) * (size_mm / longest)).astype(np.float32)
    return merged(TriMesh(placed, mesh.faces))


def _gate(mesh: TriMesh) -> bool:
    """True if manifold3d, whose solids are manifold by design, takes the mesh as one."""
    import manifold3d

    raw = manifold3d.Mesh(mesh.vertices, mesh.faces.astype(np.uint32))
    solid = manifold3d.Manifold(raw)
    return bool(solid.status() == manifold3d.Error.NoError and solid.volume() > 0)


def _shaded(mesh: TriMesh) -> TriMesh:
    return TriMesh(mesh.vertices, mesh.faces, vertex_normals(mesh))
