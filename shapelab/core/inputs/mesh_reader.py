"""Mesh files of strangers: read with caps, without following references, and validated."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.mesh.formats.read_back import mesh_parts
from shapelab.core.mesh.tri_mesh import TriMesh, unique_rows

MESH_SUFFIXES = (".stl", ".obj", ".ply", ".off", ".glb", ".gltf", ".3mf")

_MIN_FACES, _MAX_FACES = 4, 5_000_000
_MAX_SIZE = 1e7  # of the object in its own unit
_MIN_SIZE = 1e-9
_ZIP_MEMBERS, _ZIP_BYTES, _ZIP_RATIO = 64, 512 * 2**20, 100


def read(data: bytes, suffix: str) -> TriMesh:
    """Reads a mesh file; the axes stay those of the file, the middle moves to the origin.

    Textures, materials and other files that the mesh names are never opened.

    Args:
        data: the file's bytes.
        suffix: one of ``MESH_SUFFIXES``.

    Raises:
        InputError: the file cannot be read or holds no usable surface.
    """
    suffix = suffix.lower()
    if suffix == ".3mf":
        _check_zip(data)
    if suffix == ".stl":
        data = _whole_stl(data)
    if suffix == ".off":
        _check_off(data)
    try:
        vertices, faces = _parsed(data, suffix)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError("The mesh needs too much memory; please simplify it first.") from error
    except Exception as error:  # trimesh's readers raise a dozen kinds on damaged files
        raise InputError(_unreadable(data, suffix)) from error
    return _validated(vertices, faces)


def _parsed(data: bytes, suffix: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All triangles of the file in one frame."""
    vertices: list[NDArray[np.float64]] = []
    faces: list[NDArray[np.int64]] = []
    base = total = 0
    for part in mesh_parts(data, suffix):
        total += len(part.faces)
        if total > _MAX_FACES:
            raise InputError(
                f"The mesh has more than {_MAX_FACES // 1_000_000} million triangles; "
                "please simplify it first."
            )
        if part.faces.min() < 0 or part.faces.max() >= len(part.vertices):
            raise InputError("The mesh's faces name points that it lacks; please export it again.")
        vertices.append(part.vertices)
        faces.append(part.faces + base)
        base += len(part.vertices)
    if not faces:
        raise InputError("The file holds no triangles; please choose a mesh with a surface.")
    return np.concatenate(vertices), np.concatenate(faces)


def _validated(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> TriMesh:
    """Finite, of a sane size, without degenerate faces and stray points."""
    used, faces = np.unique(faces, return_inverse=True)
    faces = faces.reshape(-1, 3)
    vertices = vertices[used]
    if not np.isfinite(vertices).all():
        raise InputError(
            "The mesh holds points that are not numbers; please repair or export it again."
        )
    low, high = vertices.min(0), vertices.max(0)
    size = float((high - low).max())
    if not _MIN_SIZE < size < _MAX_SIZE:
        raise InputError(
            f"The mesh is {size:.3g} units long, which cannot be meant; please scale it first."
        )
    placed = np.asarray(vertices - (low + high) / 2, np.float32)  # is exact near 0 only
    # Equal points become one, as STL repeats them for every triangle; -0 becomes 0.
    placed, place = unique_rows(placed + np.float32(0))
    faces = place[faces]
    a, b, c = (placed[faces[:, i]].astype(np.float64) for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    faces = faces[area > size * size * 1e-14]
    if len(faces) < _MIN_FACES:
        raise InputError(
            "The mesh has too few triangles for a shape; please choose one with a surface."
        )
    return TriMesh(placed, np.asarray(faces, np.int32))


def _check_zip(data: bytes) -> None:
    """Refuses zip bombs and document types, without believing what the directory says."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _ZIP_MEMBERS:
                raise InputError("The 3MF file holds too many parts; please export the mesh alone.")
            left = min(_ZIP_BYTES, max(len(data), 2**20) * _ZIP_RATIO)
            for member in members:
                with archive.open(member) as stream:
                    start = stream.read(65536)
                    left -= len(start)
                    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                        raise InputError(
                            "The 3MF file defines a document type, which is not allowed; "
                            "please export it again."
                        )
                    while left >= 0 and (block := stream.read(2**20)):
                        left -= len(block)
                if left < 0:
                    raise InputError(
                        "The 3MF file unpacks to far too much; it is not a usable mesh."
                    )
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, RuntimeError) as error:
        raise InputError("The 3MF file is damaged or cut off; please export it again.") from error
    except NotImplementedError as error:
        raise InputError("The 3MF file is packed in a way that cannot be read.") from error


def _whole_stl(data: bytes) -> bytes:
    """A binary STL is 84 + 50 n bytes; a count that lies would give an empty or cut mesh."""
    if data[:5].lower() == b"solid" and b"facet" in data[:4096].lower():
        return data
    if len(data) < 84:
        raise InputError("The STL file is empty or cut off; please export it again.")
    count = int.from_bytes(data[80:84], "little")
    if len(data) < 84 + 50 * count:
        raise InputError(
            f"The STL file should hold {count} triangles but is cut off; please export it again."
        )
    return data[: 84 + 50 * count]  # some programs append colours and the like


def _check_off(data: bytes) -> None:
    """Each point and each face of an OFF file has a line; a cut file would lose faces silently."""
    head = re.sub(rb"#[^\n]*", b"", data[:65536])
    counts = re.match(rb"\s*\w*OFF\s*(\d+)\s+(\d+)", head)
    if counts and data.count(b"\n") + 1 < int(counts[1]) + int(counts[2]):
        raise InputError("The OFF file holds less than it says; please export it again.")


def _unreadable(data: bytes, suffix: str) -> str:
    kind = suffix.removeprefix(".").upper()
    if not data.strip():
        return f"The {kind} file is empty; please choose another."
    if suffix == ".gltf":
        return "The glTF file is damaged or needs other files; please export it as .glb instead."
    return f"The {kind} file is damaged or of another kind; please export it again."
