"""Makes the shown surface a printable part: millimetres, standing, simplified, gated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shapelab.core.errors import MeshError
from shapelab.core.mesh.print_check import check
from shapelab.core.mesh.tri_mesh import TriMesh, merged, vertex_normals

# Each step keeps this much of the triangles more when a simplified mesh is not printable.
_MILDER = 1.25
# Mending may move the surface by this share of the part's size: far less than a nozzle.
_MEND = 1e-4
# The longest side that a mesh is simplified at: the library's limits of error are absolute.
_SIMPLIFIED_AT = 24.0


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
        part = _printable(_simplified(mesh, keep), size_mm)
        if part is not None:
            return part
        keep *= _MILDER
    part = _printable(mesh, size_mm)
    if part is not None:
        return part
    problems = check(_placed(mesh, size_mm)).problems or ("It is no closed solid.",)
    raise MeshError(f"Try another size, resolution or smoothing, for as it is: {problems[0]}")


def _printable(mesh: TriMesh, size_mm: float) -> TriMesh | None:
    """The mesh at its size with normals, mended where that is enough; None if it is not."""
    if mesh.is_empty:
        return None
    part = _placed(mesh, size_mm)
    if not check(part).ok:
        part = _placed(_mended(part, size_mm), size_mm)
        if not check(part).ok:
            return None
    if not _is_solid(part):
        return None
    return TriMesh(part.vertices, part.faces, vertex_normals(part))


def _simplified(mesh: TriMesh, keep: float) -> TriMesh:
    import fast_simplification

    whole = merged(mesh)
    scale = np.float32(_SIMPLIFIED_AT / max(float(whole.extents.max()), 1e-12))
    vertices, faces = fast_simplification.simplify(
        whole.vertices * scale, whole.faces, target_reduction=1.0 - keep
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


def _mended(mesh: TriMesh, size_mm: float) -> TriMesh:
    """The mesh without its needles and folds, as manifold3d cleans it; unchanged if it cannot."""
    solid = _solid(mesh).simplify(_MEND * size_mm)
    if solid.is_empty():
        return mesh
    clean = solid.to_mesh()
    return TriMesh(
        np.array(clean.vert_properties[:, :3], np.float32), np.array(clean.tri_verts, np.int32)
    )


def _is_solid(mesh: TriMesh) -> bool:
    """The gate: True if manifold3d, whose solids are manifold by design, takes the mesh as one."""
    import manifold3d

    solid = _solid(mesh)
    return bool(solid.status() == manifold3d.Error.NoError and solid.volume() > 0)


def _solid(mesh: TriMesh) -> Any:
    import manifold3d

    return manifold3d.Manifold(manifold3d.Mesh(mesh.vertices, mesh.faces.astype(np.uint32)))
