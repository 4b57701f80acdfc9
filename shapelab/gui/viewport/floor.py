"""The floor under the shape: fading grid lines and a soft shadow where it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import VTK_UNSIGNED_CHAR, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from shapelab.gui.base.theme import Colors

GRID_HALF, GRID_STEP = 24, 2  # voxels
SHADOW_HALF, SHADOW_CELLS = 20.0, 64  # half side of the square in voxels; texture size
SHADOW_HEIGHT = 3.0  # voxels: what stands this high casts a third of the shadow
SHADOW_BLUR = 1.1  # voxels
SHADOW_FULL = 1.6  # vertices in a square voxel that make the full shadow
LIFT = 0.02  # voxels between floor and shadow, against z-fighting


def rgb(color: str) -> tuple[float, float, float]:
    """#rrggbb as three numbers from 0 to 1."""
    return int(color[1:3], 16) / 255, int(color[3:5], 16) / 255, int(color[5:7], 16) / 255


def footprint(vertices: NDArray[np.float32]) -> NDArray[np.uint8]:
    """How dark the floor is under these (n, 3) vertices: (SHADOW_CELLS,) * 2, rows along y."""
    cell = 2 * SHADOW_HALF / SHADOW_CELLS
    columns = ((vertices[:, :2] + SHADOW_HALF) / cell).astype(np.int32)
    inside = np.all((columns >= 0) & (columns < SHADOW_CELLS), axis=1)
    height = vertices[inside, 2] - vertices[:, 2].min()
    counts = np.bincount(
        columns[inside, 1] * SHADOW_CELLS + columns[inside, 0],
        weights=np.exp(-height / SHADOW_HEIGHT),
        minlength=SHADOW_CELLS**2,
    ).reshape(SHADOW_CELLS, SHADOW_CELLS)
    density = _BLUR @ counts @ _BLUR.T / cell**2
    dark: NDArray[np.uint8] = (255 * (1.0 - np.exp(-density / SHADOW_FULL))).astype(np.uint8)
    return dark


def _gaussian() -> NDArray[np.float64]:
    index = np.arange(SHADOW_CELLS)
    sigma = SHADOW_BLUR * SHADOW_CELLS / (2 * SHADOW_HALF)
    weights = np.exp(-0.5 * ((index[:, None] - index[None]) / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


_BLUR = _gaussian()


class Floor:
    """Two actors that move up and down together; seen from below only the lines remain."""

    def __init__(self, renderer: Any) -> None:
        self._image = vtkImageData()
        self._image.SetDimensions(SHADOW_CELLS, SHADOW_CELLS, 1)
        self._image.AllocateScalars(VTK_UNSIGNED_CHAR, 4)
        self._texels = vtk_to_numpy(self._image.GetPointData().GetScalars())
        self._texels[:] = 0
        texture = vtkTexture()
        texture.SetInputData(self._image)
        texture.InterpolateOn()
        texture.SetColorModeToDirectScalars()
        self.lines, self.shadow = vtkActor(), vtkActor()
        for actor in (self.lines, self.shadow):
            actor.GetProperty().LightingOff()
            actor.ForceTranslucentOn()
            renderer.AddActor(actor)
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(_square())
        self.shadow.SetMapper(mapper)
        self.shadow.SetTexture(texture)
        self.shadow.GetProperty().BackfaceCullingOn()
        self.shadow.SetVisibility(False)

    def recolor(self, colors: Colors) -> None:
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(_grid(colors.grid))
        self.lines.SetMapper(mapper)
        self.shadow.GetProperty().SetOpacity(colors.shadow_opacity)

    def set_height(self, z: float) -> None:
        self.lines.SetPosition(0.0, 0.0, z)
        self.shadow.SetPosition(0.0, 0.0, z + LIFT)

    def cast(self, vertices: NDArray[np.float32] | None) -> None:
        """The shadow of these (n, 3) vertices; None takes it away."""
        self.shadow.SetVisibility(vertices is not None)
        if vertices is not None:
            self._texels[:, 3] = footprint(vertices).reshape(-1)
            self._image.GetPointData().GetScalars().Modified()
            self._image.Modified()


def _points(points: NDArray[np.float32]) -> vtkPolyData:
    data = vtkPolyData()
    vertices = vtkPoints()
    vertices.SetData(numpy_to_vtk(points, deep=True))
    data.SetPoints(vertices)
    return data


def _cells(size: int, index: NDArray[np.int32]) -> vtkCellArray:
    cells = vtkCellArray()
    cells.SetData(size, numpy_to_vtk(np.ascontiguousarray(index).reshape(-1), deep=True))
    return cells


def _square() -> vtkPolyData:
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    flat = (2 * corners - 1) * SHADOW_HALF
    data = _points(np.column_stack([flat, np.zeros(4, np.float32)]))
    data.SetPolys(_cells(4, np.arange(4, dtype=np.int32)))
    data.GetPointData().SetTCoords(numpy_to_vtk(corners, deep=True))
    return data


def _grid(color: str) -> vtkPolyData:
    """Lines that fade out with the distance from the middle."""
    ticks = np.arange(-GRID_HALF, GRID_HALF + 1, GRID_STEP, dtype=np.float32)
    a, b = (part.reshape(-1) for part in np.meshgrid(ticks, ticks, indexing="ij"))
    index = np.arange(a.size, dtype=np.int32).reshape(len(ticks), len(ticks))
    pairs = [
        np.stack([index[:-1].reshape(-1), index[1:].reshape(-1)], axis=1),
        np.stack([index[:, :-1].reshape(-1), index[:, 1:].reshape(-1)], axis=1),
    ]
    alpha = np.clip(1.15 - np.hypot(a, b) / GRID_HALF, 0.0, 1.0) ** 1.5 * 0.5
    lines = np.concatenate(pairs)
    data = _points(np.column_stack([a, b, np.zeros_like(a)]))
    data.SetLines(_cells(2, lines[alpha[lines].max(axis=1) > 0.0]))
    rgba = np.zeros((a.size, 4), np.uint8)
    rgba[:, :3] = np.round(np.array(rgb(color)) * 255)
    rgba[:, 3] = alpha * 255
    data.GetPointData().SetScalars(numpy_to_vtk(rgba, deep=True))
    return data
