"""What a mesh, voxel file or point cloud holds, as it is, placed where its shape stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core import formatting
from shapelab.core.inputs.depth.depth_object import DepthObject
from shapelab.core.inputs.point_files import PointCloud
from shapelab.core.inputs.voxel_files import OBJECT_SHARE, VoxelGrid
from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.mesh.tri_mesh import TriMesh

MOST_CELLS = 128  # along a side of a voxel grid whose cells are shown
_LEVEL = 0.5
_UNITS = {"millimeter": "mm", "centimeter": "cm", "meter": "m", "inch": "in", "foot": "ft"}
_UNITS |= {"micron": "µm"}
UP_AXES = "xyz"  # that a person may say points up
Content = TriMesh | VoxelGrid | PointCloud


@dataclass(frozen=True)
class Stance:
    """How a person says that the object of a mesh, voxel file or point cloud stands."""

    up: str = ""  # the file's axis that points up, one of ``UP_AXES``; "" is guessed
    turns: int | None = None  # quarters about it, counter-clockwise from above; None are guessed


@dataclass(frozen=True, eq=False)
class Scan:
    """Every triangle or point of a file, in the pose in which the model was given its solid.

    Attributes:
        vertices: (n, 3) float32 in sides of the model's grid, the origin in its middle; z up.
        faces: (m, 3) int32; None of a point cloud.
        size: width, depth and height as it stands, in the file's own unit.
        unit: of the size, such as "millimeter"; "" where the file names none.
        deep: of a depth picture, the object that was found in it.
        eye: (3,) of a depth picture, where its camera stood, as the vertices are counted.
        behind: (k, 3) of a depth picture, what its camera saw beside the object.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32] | None
    size: tuple[float, float, float]
    unit: str = ""
    deep: DepthObject | None = None
    eye: NDArray[np.float64] | None = None
    behind: NDArray[np.float32] | None = None

    @property
    def words(self) -> str:
        """How much it holds, and its size: ``12 triangles, 4 × 2 × 1.5 m``."""
        if self.faces is None:
            much = formatting.counted(len(self.vertices), "point")
        else:
            much = formatting.counted(len(self.faces), "triangle")
        unit = _UNITS.get(self.unit, self.unit) or "(unit unknown)"
        return f"{much}, {' × '.join(formatting.number(side) for side in self.size)} {unit}"

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        parts = (self.vertices, self.faces, self.behind, self.deep)
        return sum(each.nbytes for each in parts if each is not None)


def scan_of(
    content: Content,
    up: str,
    quarter_turns: int,
    unit: str = "",
    deep: DepthObject | None = None,
) -> Scan | None:
    """What a file holds, stood up.

    Args:
        content: of the file.
        up: its axis that points up, "x", "y" or "z".
        quarter_turns: about that axis, counter-clockwise from above.
        unit: of the file's numbers.
        deep: of which the content are the points, where they come from a depth picture.

    Returns:
        The scan; None of a voxel grid that is too fine to show its cells, or empty.
    """
    if isinstance(content, VoxelGrid):
        cubes = _cubes(content)
        if cubes is None:
            return None
        points, faces = cubes.vertices, cubes.faces
    elif isinstance(content, TriMesh):
        points, faces = content.vertices, content.faces
    else:
        points, faces = content.points, None
    standing = turned(upright(points.astype(np.float64), up), quarter_turns)
    low, high = standing.min(0), standing.max(0)
    width, depth, height = (float(side) for side in high - low)
    middle, scale = (low + high) / 2, OBJECT_SHARE / max(width, depth, height)
    placed = ((standing - middle) * scale).astype(np.float32)
    scan = Scan(placed, faces, (width, depth, height), unit, deep)
    if deep is None:
        return scan
    rest = np.concatenate([deep.eye[None], deep.behind])
    eye, *behind = (turned(upright(rest, up), quarter_turns) - middle) * scale
    return replace(scan, eye=eye, behind=np.array(behind, np.float32).reshape(-1, 3))


def tipped(scan: Scan) -> Scan:
    """The scan tipped forward by a quarter: its back is up then."""
    width, depth, height = scan.size
    return _moved(scan, lambda points: upright(points, "y"), (width, height, depth))


def turned_by(scan: Scan, quarter_turns: int) -> Scan:
    """The scan turned about the axis that is up, counter-clockwise from above."""
    width, depth, height = scan.size
    size = (depth, width, height) if quarter_turns % 2 else scan.size
    return _moved(scan, lambda points: turned(points, quarter_turns), size)


def _moved(
    scan: Scan,
    move: Callable[[NDArray[Any]], NDArray[Any]],
    size: tuple[float, float, float],
) -> Scan:
    eye = None if scan.eye is None else move(scan.eye[None])[0]
    behind = None if scan.behind is None else move(scan.behind)
    return replace(scan, vertices=move(scan.vertices), size=size, eye=eye, behind=behind)


def upright(points: NDArray[Any], up: str) -> NDArray[Any]:
    """Points (n, 3) with their axis ``up`` along z, by a rotation (so nothing is flipped)."""
    if up == "z":
        return points
    x, y, z = points.T
    return np.stack((x, -z, y) if up == "y" else (-z, y, x), 1)


def turned(points: NDArray[Any], quarter_turns: int) -> NDArray[Any]:
    """Points (n, 3) turned about z as ``numpy.rot90`` turns cells from x towards y."""
    x, y, z = points.T
    for _ in range(quarter_turns % 4):
        x, y = -y, x
    return np.stack((x, y, z), 1)


def _cubes(grid: VoxelGrid) -> TriMesh | None:
    """The cells of a grid, in its own unit."""
    solid = np.argwhere(grid.values >= _LEVEL)
    if not len(solid) or max(grid.values.shape) > MOST_CELLS:
        return None
    low, high = solid.min(0), solid.max(0) + 1
    part = grid.values[tuple(map(slice, low, high))]
    cubes = meshing.blocks(part, SurfaceOptions(largest_part=False, level=_LEVEL))
    side = max(part.shape) * grid.pitch
    return TriMesh((cubes.vertices * side).astype(np.float32), cubes.faces)
