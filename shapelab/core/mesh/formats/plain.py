"""STL, OBJ and PLY: the three mesh formats without a container, all in millimetres, z up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import ExportError
from shapelab.core.mesh.tri_mesh import TriMesh, merged

_NOTE = "ShapeLab, units mm"
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
_PLY_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write_stl(mesh: TriMesh) -> bytes:
    """The mesh as binary STL."""
    corners = mesh.vertices[mesh.faces]
    a, b, c = corners.astype(np.float64).transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    length = np.linalg.norm(across, axis=1, keepdims=True)
    facets = np.zeros(len(mesh.faces), _FACET)
    facets["normal"] = across / np.where(length > 0, length, 1.0)
    facets["corners"] = corners
    return _NOTE.encode().ljust(80, b"\0") + np.uint32(len(facets)).tobytes() + facets.tobytes()


def read_stl(data: bytes) -> TriMesh:
    """The mesh of a binary STL, corners at one place merged.

    Raises:
        ExportError: if the count does not fit the bytes.
    """
    count = int.from_bytes(data[80:84], "little")
    if len(data) < 84 or len(data) != 84 + count * _FACET.itemsize:
        raise ExportError("The STL file is cut short or counts its triangles wrongly.")
    corners = np.frombuffer(data, _FACET, offset=84)["corners"]
    faces = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    return merged(TriMesh(np.array(corners, np.float32).reshape(-1, 3), faces))


def write_obj(mesh: TriMesh) -> bytes:
    """The mesh as Wavefront OBJ text."""
    lines = [f"# {_NOTE}", "o shape"]
    lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in mesh.vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (mesh.faces + 1).tolist()]
    return ("\n".join(lines) + "\n").encode("ascii")


def read_obj(data: bytes) -> TriMesh:
    """The mesh of an OBJ with triangles and no textures.

    Raises:
        ExportError: if a line cannot be read.
    """
    words = [line.split() for line in data.decode("ascii", "replace").splitlines()]
    try:
        vertices = np.array([w[1:4] for w in words if w[:1] == ["v"]], np.float64)
        faces = np.array([w[1:4] for w in words if w[:1] == ["f"]], np.int64) - 1
    except ValueError as error:
        raise ExportError("The OBJ file holds a line that is no vertex or triangle.") from error
    return _shaped(vertices.astype(np.float32), faces.astype(np.int32))


def write_ply(mesh: TriMesh) -> bytes:
    """The mesh as binary little-endian PLY."""
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"comment {_NOTE}\n"
        f"element vertex {len(mesh.vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(mesh.faces)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    faces = np.zeros(len(mesh.faces), _PLY_FACE)
    faces["count"] = 3
    faces["corners"] = mesh.faces
    return header.encode("ascii") + mesh.vertices.astype("<f4").tobytes() + faces.tobytes()


def read_ply(data: bytes) -> TriMesh:
    """The mesh of a PLY that `write_ply` wrote.

    Raises:
        ExportError: if header and bytes do not fit together.
    """
    head, found, body = data.partition(b"end_header\n")
    counts = [
        int(line.split()[2])
        for line in head.decode("ascii", "replace").splitlines()
        if line.startswith("element ") and line.split()[2].isdigit()
    ]
    if not found or len(counts) != 2 or len(body) != 12 * counts[0] + 13 * counts[1]:
        raise ExportError("The PLY file is cut short or counts its elements wrongly.")
    vertices = np.frombuffer(body, "<f4", 3 * counts[0]).reshape(-1, 3)
    faces = np.frombuffer(body, _PLY_FACE, offset=12 * counts[0])
    if (faces["count"] != 3).any():
        raise ExportError("The PLY file holds faces that are no triangles.")
    return _shaped(vertices.astype(np.float32), faces["corners"].astype(np.int32))


def _shaped(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> TriMesh:
    return TriMesh(vertices.reshape(-1, 3), faces.reshape(-1, 3))
