"""The floor under the shape: fading grid lines and a soft shadow where it stands.

Lengths are in sides of the shape's grid, so that shapes of any resolution stand alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import VTK_UNSIGNED_CHAR, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.gui.base.theme import Colors

GRID_HALF, GRID_CELLS = 0.75, 24  # half side of the lines' square, and cells along each side
SHADOW_HALF, SHADOW_CELLS = 0.625, 64  # half side of the square; texture size
SHADOW_HEIGHT = 0.094  # what stands this high casts a third of the shadow
SHADOW_BLUR = 0.034
SHADOW_FULL = 1.1  # area of surface over the same area of floor that makes two thirds of it
LIFT = 0.0006  # between floor and shadow, against z-fighting
STEP_MS, EASE, CLOSE = 16, 0.25, 0.0006  # of the floor's rise: share of the way a step, and its end


def rgb(color: str) -> tuple[float, float, float]:
    """#rrggbb as three numbers from 0 to 1."""
    return int(color[1:3], 16) / 255, int(color[3:5], 16) / 255, int(color[5:7], 16) / 255


def footprint(mesh: TriMesh) -> NDArray[np.uint8]:
    """How dark the floor is under a mesh: (SHADOW_CELLS,) * 2, rows along y.

    Each triangle counts by its area, less the higher it lies, so that the same shape casts the same
    shadow whatever the number of its triangles. What covers a cell darkens it as fog does: two
    thirds at `SHADOW_FULL`, never wholly.
    """
    a, b, c = (mesh.vertices[corner].T for corner in mesh.faces.T)
    (x1, y1, z1), (x2, y2, z2) = b - a, c - a
    area = (
        np.sqrt((y1 * z2 - z1 * y2) ** 2 + (z1 * x2 - x1 * z2) ** 2 + (x1 * y2 - y1 * x2) ** 2) / 2
    )
    x, y, z = (a + b + c) / 3
    cell = 2 * SHADOW_HALF / SHADOW_CELLS
    columns, rows = (
        np.clip((v + SHADOW_HALF) / cell, 0, SHADOW_CELLS - 1).astype(int) for v in (x, y)
    )
    covered = np.bincount(
        rows * SHADOW_CELLS + columns,
        weights=area * np.exp((mesh.vertices[:, 2].min() - z) / SHADOW_HEIGHT),
        minlength=SHADOW_CELLS**2,
    ).reshape(SHADOW_CELLS, SHADOW_CELLS)
    density = _BLUR @ covered @ _BLUR.T / cell**2
    dark: NDArray[np.uint8] = (255 * (1.0 - np.exp(-density / SHADOW_FULL))).astype(np.uint8)
    return dark


def _gaussian() -> NDArray[np.float64]:
    index = np.arange(SHADOW_CELLS)
    sigma = SHADOW_BLUR * SHADOW_CELLS / (2 * SHADOW_HALF)
    weights = np.exp(-0.5 * ((index[:, None] - index[None]) / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


_BLUR = _gaussian()


class Floor(QObject):
    """Two actors that move up and down together; seen from below only the lines remain.

    It sinks with a shape at once, so that it never cuts it, and rises softly: a step with each new
    shape, the rest of the way after `settle()`, so that a slider's frames stay cheap.
    """

    moved = Signal()

    def __init__(self, renderer: Any) -> None:
        super().__init__()
        self._height = self._goal = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._rise)
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

    def carry(self, mesh: TriMesh, at_once: bool) -> None:
        """Lie under a mesh, in its shadow; without easing if it is the first one."""
        self._texels[:, 3] = footprint(mesh).reshape(-1)
        self._image.GetPointData().GetScalars().Modified()
        self._image.Modified()
        self.shadow.SetVisibility(True)
        self._goal = goal = float(mesh.vertices[:, 2].min())
        rise = 1.0 if at_once or goal < self._height else EASE
        self._move(self._height + (goal - self._height) * rise)

    def empty(self) -> None:
        """Carry nothing."""
        self.shadow.SetVisibility(False)

    def settle(self) -> bool:
        """Rise all the way by a timer; False if it is there already."""
        if self._height != self._goal and not self._timer.isActive():
            self._timer.start()  # not again while it runs: that would put its next tick off
        return self._timer.isActive()

    def stop(self) -> None:
        """Stay where it is."""
        self._timer.stop()

    def _rise(self) -> None:
        left = self._goal - self._height
        self._move(self._goal if left < CLOSE else self._height + left * EASE)
        self.moved.emit()

    def _move(self, height: float) -> None:
        self._height = height
        if height == self._goal:
            self._timer.stop()
        self.lines.SetPosition(0.0, 0.0, height)
        self.shadow.SetPosition(0.0, 0.0, height + LIFT)


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
    ticks = np.linspace(-GRID_HALF, GRID_HALF, GRID_CELLS + 1, dtype=np.float32)
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
