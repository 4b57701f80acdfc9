"""Reads our own mesh files back with trimesh, into millimetres, z up; a judge, not a reader.

Another program's readers judge what our writers wrote, since our own (core/inputs) might share
their errors. Each format's unit and axes are said here a second time, from its specification: an
error in a writer has no twin that takes it back.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import ExportError
from shapelab.core.mesh.tri_mesh import TriMesh

Place = NDArray[np.float64]


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
    bodies = _bodies(data, suffix)
    if len(bodies) != 1:
        raise ExportError(f"The {_kind(suffix)} file holds {len(bodies)} bodies instead of one.")
    return _rounded(*bodies[0])


def read_back_all(
    data: bytes, suffix: str, meant: Sequence[tuple[TriMesh, Place]]
) -> list[TriMesh]:
    """The bodies of a file with several, each moved back from where it was put.

    Args:
        data: the file's bytes.
        suffix: its format.
        meant: what was put where: by how much (3,) each body was moved. Bodies are told apart by
            their places.

    Returns:
        The bodies in the order of those that were meant.

    Raises:
        ExportError: if the file is damaged, or holds more or fewer.
    """
    left, found = _bodies(data, suffix), []
    if len(left) != len(meant):
        raise ExportError(
            f"The {_kind(suffix)} file holds {len(left)} bodies instead of {len(meant)}."
        )
    lowest = [vertices.min(axis=0) for vertices, _ in left]
    for mesh, moved in meant:
        corner = mesh.vertices.min(axis=0) + moved
        nearest = int(np.argmin([float(np.abs(low - corner).max()) for low in lowest]))
        lowest.pop(nearest)
        vertices, faces = left.pop(nearest)
        found.append(_rounded(vertices - moved, faces))
    return found


def _kind(suffix: str) -> str:
    return suffix.removeprefix(".").upper()


def _rounded(vertices: NDArray[np.float64], faces: NDArray[np.int32]) -> TriMesh:
    # What is beyond float32 becomes infinite, which the print check reports.
    with np.errstate(over="ignore"):
        return TriMesh(vertices.astype(np.float32), faces)


def _bodies(data: bytes, suffix: str) -> list[tuple[NDArray[np.float64], NDArray[np.int32]]]:
    """Vertices in mm, z up, and faces of each body, in the order in which trimesh has them."""
    import trimesh

    frame = _FRAMES[suffix]
    try:
        parts = list(_mesh_parts(data, suffix))
        scales = [trimesh.units.unit_conversion(p.unit or frame.unit, "mm") for p in parts]
    except Exception as error:
        raise ExportError(f"The {_kind(suffix)} file is damaged.") from error
    up, back = np.array(frame.up), -np.array(frame.front)
    ours = np.stack([np.cross(back, up), back, up], axis=1)  # x, y, z
    bodies = []
    for (vertices, faces, _), scale in zip(parts, scales, strict=True):
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ExportError(
                f"The {_kind(suffix)} file's triangles name corners that do not exist."
            )
        bodies.append((scale * vertices @ ours, faces.astype(np.int32)))
    return bodies
