"""Mesh files of strangers: read with caps, without following references, and validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files.gltf import read_gltf
from shapelab.core.inputs.mesh_files.obj import read_obj
from shapelab.core.inputs.mesh_files.off import read_off
from shapelab.core.inputs.mesh_files.pieces import MeshPieces
from shapelab.core.inputs.mesh_files.ply import read_ply
from shapelab.core.inputs.mesh_files.stl import read_stl
from shapelab.core.inputs.mesh_files.threemf import read_3mf
from shapelab.core.mesh.tri_mesh import TriMesh, unique_rows

_READERS = {
    ".stl": read_stl,
    ".obj": read_obj,
    ".ply": read_ply,
    ".off": read_off,
    ".3mf": read_3mf,
}
MESH_SUFFIXES = (".stl", ".obj", ".ply", ".off", ".glb", ".gltf", ".3mf")

_MIN_FACES = 4
_MAX_SIZE = 1e7  # of the object in its own unit
_MIN_SIZE = 1e-9


class OnlyPoints(InputError):
    """A file of meshes holds points without faces.

    Attributes:
        points: (n, 3) as the file has them.
        unit: of its numbers, and ``up`` its axis that is up; "" where it says nothing.
    """

    def __init__(self, sentence: str, points: NDArray[np.float64], unit: str, up: str) -> None:
        super().__init__(sentence)
        self.points, self.unit, self.up = points, unit, up


@dataclass(frozen=True)
class FoundMesh:
    """A file's mesh, and what the file says of its numbers; "" where it says nothing."""

    mesh: TriMesh
    unit: str  # such as "millimeter"
    up: str  # "y" or "z"
    recipe: str  # how ShapeLab made the shape, unread


def read(data: bytes, suffix: str, beside: Mapping[str, bytes] | None = None) -> TriMesh:
    """Reads a mesh file; the axes and the unit stay the file's, the middle moves to the origin.

    Textures and materials are never opened, and of other files only those handed over.

    Args:
        data: the file's bytes.
        suffix: one of ``MESH_SUFFIXES``.
        beside: by their names, the files in its folder that a .gltf may need.

    Raises:
        InputError: the file cannot be read or holds no usable surface.
    """
    return find(data, suffix, beside).mesh


def find(data: bytes, suffix: str, beside: Mapping[str, bytes] | None = None) -> FoundMesh:
    """Like ``read``, with the unit and the axis that is up where the file names them.

    Raises:
        InputError: as ``read``; ``OnlyPoints`` where there are points without faces.
    """
    suffix = suffix.lower()
    kind = suffix.removeprefix(".").upper()
    if not data.strip():
        raise InputError(f"The {kind} file is empty; please choose another.")
    try:
        if suffix in (".glb", ".gltf"):
            pieces = read_gltf(data, beside or {})
        else:
            pieces = _READERS[suffix](data)
        vertices, faces = _joined(pieces)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError("The mesh needs too much memory; please simplify it first.") from error
    except Exception as error:  # damaged files break assumptions in a dozen ways
        raise InputError(
            f"The {kind} file is damaged or of another kind; please export it again."
        ) from error
    return FoundMesh(_validated(vertices, faces), pieces.unit or "", pieces.up or "", pieces.recipe)


def _joined(pieces: MeshPieces) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if not pieces.faces:
        sentence = "The file holds no triangles; please choose a mesh with a surface."
        if pieces.lone is not None and len(pieces.lone):
            raise OnlyPoints(sentence, pieces.lone, pieces.unit or "", pieces.up or "")
        raise InputError(sentence)
    return np.concatenate(pieces.vertices), np.concatenate(pieces.faces)


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
