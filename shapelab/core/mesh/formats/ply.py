"""Binary PLY. It names no unit and no axes; ours are millimetres, z up."""

from __future__ import annotations

import numpy as np

from shapelab.core.mesh.recipe_lines import recipe_lines
from shapelab.core.mesh.tri_mesh import TriMesh

_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write_ply(mesh: TriMesh, recipe: str = "") -> bytes:
    """The mesh as binary little-endian PLY without normals."""
    comments = "".join(f"comment {line}\n" for line in recipe_lines(recipe))
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        "comment ShapeLab, units mm\n"
        f"{comments}"
        f"element vertex {len(mesh.vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(mesh.faces)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    faces = np.zeros(len(mesh.faces), _FACE)
    faces["count"] = 3
    faces["corners"] = mesh.faces
    return header.encode("ascii") + mesh.vertices.astype("<f4").tobytes() + faces.tobytes()
