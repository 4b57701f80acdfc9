"""Wavefront OBJ: text. It names no unit and no axes; ours say in a comment: millimetres, z up."""

from __future__ import annotations

from shapelab.core.mesh.recipe_lines import recipe_lines
from shapelab.core.mesh.tri_mesh import TriMesh


def write_obj(mesh: TriMesh, recipe: str = "") -> bytes:
    """The mesh as OBJ text without normals; nine digits keep every bit of a float32."""
    lines = ["# ShapeLab, units mm", "# z up, millimetres"]
    lines += [f"# {line}" for line in recipe_lines(recipe)]
    lines.append("o shape")
    lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in mesh.vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (mesh.faces + 1).tolist()]
    return ("\n".join(lines) + "\n").encode("ascii")
