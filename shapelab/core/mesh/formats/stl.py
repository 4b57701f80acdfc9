"""Binary STL: triangles alone. It names no unit and no axes; ours are millimetres, z up."""

from __future__ import annotations

import numpy as np

from shapelab.core.mesh.tri_mesh import TriMesh

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])


def write_stl(mesh: TriMesh) -> bytes:
    """The mesh as binary STL: a head of 80 bytes, a count, and 50 bytes for each triangle."""
    corners = mesh.vertices[mesh.faces]
    a, b, c = corners.astype(np.float64).transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    length = np.linalg.norm(across, axis=1, keepdims=True)
    facets = np.zeros(len(mesh.faces), _FACET)
    facets["normal"] = across / np.where(length > 0, length, 1.0)
    facets["corners"] = corners
    head = b"ShapeLab, units mm".ljust(80, b"\0")
    return head + np.uint32(len(facets)).tobytes() + facets.tobytes()
