"""Reads our own mesh files back with trimesh, into millimetres, z up; a judge, not a reader.

Another program's readers judge what our writers wrote, since our own (core/inputs) might share
their errors. Each format's unit and axes are said here a second time, from its specification: an
error in a writer has no twin that takes it back.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import ExportError
from shapelab.core.mesh.tri_mesh import TriMesh


class _Frame(NamedTuple):
    """What the numbers of a format mean, where the file does not say it itself."""

    unit: str
    up: tuple[int, int, int]
    front: tuple[int, int, int]


# STL, OBJ and PLY say nothing of either; slicers and we take them so. 3MF (core specification,
# "Coordinate Space"): x to the right of the printer's bed, y to its back, z up; a unit of its own.
# glTF 2.0 (specification, 3.4): metres, +Y up, the front of an asset faces +Z.
_Z_UP = _Frame("millimeter", up=(0, 0, 1), front=(0, -1, 0))
_FRAMES = {
    ".stl": _Z_UP,
    ".obj": _Z_UP,
    ".ply": _Z_UP,
    ".3mf": _Z_UP,
    ".glb": _Frame("meter", up=(0, 1, 0), front=(0, 0, 1)),
}


class _MeshPart(NamedTuple):
    """One body of a mesh file, where the file's scene puts it."""

    vertices: NDArray[np.float64]  # (n, 3) in the file's own unit and axes
    faces: NDArray[np.int64]  # (m, 3), m > 0; the indices are not checked
    unit: str | None  # its name, where the file has one


def _mesh_parts(data: bytes, suffix: str) -> Iterator[_MeshPart]:
    """The bodies with triangles of a mesh file; nothing that it refers to is opened.

    Args:
        data: the file's bytes.
        suffix: a mesh format's, such as ".stl".

    Raises:
        Exception: of any kind, as trimesh's readers do on damaged bytes.
    """
    import trimesh

    scene = trimesh.load_scene(
        io.BytesIO(data),
        file_type=suffix.removeprefix("."),
        resolver=None,
        allow_remote=False,
        process=False,
        skip_materials=True,
    )
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        part: Any = scene.geometry[name]
        faces = np.asarray(getattr(part, "faces", np.zeros((0, 3))), np.int64)
        if faces.ndim == 2 and len(faces):  # points and lines have no surface
            vertices = np.asarray(part.vertices, np.float64)
            yield _MeshPart(vertices @ matrix[:3, :3].T + matrix[:3, 3], faces, part.units)


def read_back(data: bytes, suffix: str) -> TriMesh:
    """The mesh in mm, z up, of a file that a writer of ours made; its triangles keep their order.

    Raises:
        ExportError: if the file is damaged, or holds something else than one body.
    """
    import trimesh

    kind = suffix.removeprefix(".").upper()
    frame = _FRAMES[suffix]
    try:
        parts = list(_mesh_parts(data, suffix))
        scales = [trimesh.units.unit_conversion(p.unit or frame.unit, "mm") for p in parts]
    except Exception as error:
        raise ExportError(f"The {kind} file is damaged.") from error
    if len(parts) != 1:
        raise ExportError(f"The {kind} file holds {len(parts)} bodies instead of one.")
    vertices, faces, _ = parts[0]
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ExportError(f"The {kind} file's triangles name corners that do not exist.")
    up, back = np.array(frame.up), -np.array(frame.front)
    ours = scales[0] * vertices @ np.stack([np.cross(back, up), back, up], axis=1)  # x, y, z
    # What is beyond float32 becomes infinite, which the print check reports.
    with np.errstate(over="ignore"):
        return TriMesh(ours.astype(np.float32), faces.astype(np.int32))
