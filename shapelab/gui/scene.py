"""What the viewport draws: one shape, three lights, a floor; plain VTK objects, GUI thread only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkLight, vtkPolyDataMapper

from shapelab.core.mesh import TriMesh
from shapelab.gui.orbit import VIEW_ANGLE, Orbit
from shapelab.gui.theme import Colors

FLOOR = -12.0  # z of the floor under a shape of full height
GRID_HALF, GRID_STEP = 24, 2  # voxels
REACH = 48.0  # radius of everything drawn; sets the clipping planes


def rgb(color: str) -> tuple[float, float, float]:
    """#rrggbb as three numbers from 0 to 1."""
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


class Scene:
    """The actors of one renderer (a vtkRenderer)."""

    def __init__(self, renderer: Any, colors: Colors) -> None:
        self.renderer = renderer
        self.style = "smooth"
        self.mapper = vtkPolyDataMapper()
        self.mapper.ScalarVisibilityOff()
        self.actor = vtkActor()
        self.actor.SetMapper(self.mapper)
        self.actor.SetVisibility(False)
        self.floor = vtkActor()
        self.floor.SetPosition(0.0, 0.0, FLOOR)
        self.floor.PickableOff()
        renderer.AddActor(self.actor)
        renderer.AddActor(self.floor)
        renderer.AutomaticLightCreationOff()
        for light in _lights():
            renderer.AddLight(light)
        self.recolor(colors)

    def show(self, mesh: TriMesh) -> None:
        """Draw this mesh in the place of the one before; nothing else changes."""
        self.mapper.SetInputDataObject(_polydata(mesh))
        self.actor.SetVisibility(True)
        self._shade()

    def clear(self) -> None:
        self.actor.SetVisibility(False)

    def set_style(self, style: str) -> None:
        self.style = style
        self._shade()

    def set_floor(self, z: float) -> None:
        self.floor.SetPosition(0.0, 0.0, z)

    def look(self, orbit: Orbit) -> None:
        """Put the camera where `orbit` says."""
        camera = self.renderer.GetActiveCamera()
        right_up_back = orbit.axes
        position = orbit.position
        camera.SetPosition(*position)
        camera.SetFocalPoint(*orbit.target)
        camera.SetViewUp(*right_up_back[1])
        camera.SetViewAngle(VIEW_ANGLE)
        camera.SetParallelProjection(orbit.orthographic)
        camera.SetParallelScale(orbit.half_height)
        away = float(np.linalg.norm(position))
        camera.SetClippingRange(max(0.5, away - REACH), away + REACH)

    def recolor(self, colors: Colors) -> None:
        """Take over a colour scheme."""
        self.colors = colors
        self._paint_background()
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(_grid(colors.grid))
        mapper.SetScalarModeToUsePointData()
        self.floor.SetMapper(mapper)
        self.floor.GetProperty().LightingOff()
        self._shade()

    @contextmanager
    def prepared_for_picture(self, transparent: bool) -> Iterator[None]:
        """While it lasts the scene has, if transparent, neither background nor floor."""
        floor = self.floor.GetVisibility()
        if transparent:
            self.floor.SetVisibility(False)
            self.renderer.GradientBackgroundOff()
            self.renderer.SetBackground(0.0, 0.0, 0.0)
            self.renderer.SetBackgroundAlpha(0.0)
        try:
            yield
        finally:
            self.floor.SetVisibility(floor)
            self.renderer.SetBackgroundAlpha(1.0)
            self._paint_background()

    def _paint_background(self) -> None:
        self.renderer.SetBackground(*rgb(self.colors.view_bottom))
        self.renderer.SetBackground2(*rgb(self.colors.view_top))
        self.renderer.GradientBackgroundOn()

    def _shade(self) -> None:
        look = self.actor.GetProperty()
        lines = self.style == "wireframe"
        look.SetEdgeVisibility(lines)
        look.SetEdgeColor(*rgb(self.colors.edge))
        look.SetColor(*rgb(self.colors.view_bottom if lines else self.colors.shape))
        data = self.mapper.GetInput()
        smooth = data is not None and data.GetPointData().GetNormals() is not None
        if smooth:
            look.SetInterpolationToPhong()
        else:
            look.SetInterpolationToFlat()
        look.SetAmbient(0.16)
        look.SetDiffuse(0.84)
        look.SetSpecular(0.0 if lines else 0.12)
        look.SetSpecularPower(24.0)


def _polydata(mesh: TriMesh) -> vtkPolyData:
    """The arrays of the mesh, not copied; the vtk arrays keep them alive."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(mesh.vertices, dtype=np.float32)))
    cells = vtkCellArray()
    faces = np.ascontiguousarray(mesh.faces, dtype=np.int32).reshape(-1)
    cells.SetData(3, numpy_to_vtk(faces))
    data = vtkPolyData()
    data.SetPoints(points)
    data.SetPolys(cells)
    if mesh.normals is not None:
        normals = np.ascontiguousarray(mesh.normals, dtype=np.float32)
        data.GetPointData().SetNormals(numpy_to_vtk(normals))
    return data


def _grid(color: str) -> vtkPolyData:
    """Floor lines that fade out with the distance from the middle."""
    ticks = np.arange(-GRID_HALF, GRID_HALF + 1, GRID_STEP, dtype=np.float32)
    a, b = (part.reshape(-1) for part in np.meshgrid(ticks, ticks, indexing="ij"))
    points = np.stack([a, b, np.zeros_like(a)], axis=1)
    index = np.arange(len(points)).reshape(len(ticks), len(ticks))
    lines: NDArray[np.int32] = np.concatenate(
        [
            np.stack([index[:-1].reshape(-1), index[1:].reshape(-1)], axis=1),
            np.stack([index[:, :-1].reshape(-1), index[:, 1:].reshape(-1)], axis=1),
        ]
    ).astype(np.int32)
    alpha = np.clip(1.15 - np.hypot(a, b) / GRID_HALF, 0.0, 1.0) ** 1.5 * 0.55
    lines = lines[alpha[lines].max(axis=1) > 0.0]
    rgba = np.tile(np.array([*rgb(color), 0.0]) * 255, (len(points), 1)).astype(np.uint8)
    rgba[:, 3] = alpha * 255
    data = vtkPolyData()
    vertices = vtkPoints()
    vertices.SetData(numpy_to_vtk(points, deep=True))
    data.SetPoints(vertices)
    cells = vtkCellArray()
    cells.SetData(2, numpy_to_vtk(lines.reshape(-1), deep=True))
    data.SetLines(cells)
    data.GetPointData().SetScalars(numpy_to_vtk(rgba, deep=True))
    return data


def _lights() -> list[vtkLight]:
    """Key, fill and rim light that move with the camera, so that every side reads well."""
    lights = []
    for position, intensity, color in (
        ((-0.55, 0.75, 0.75), 0.78, (1.0, 0.98, 0.95)),  # key: above left, warm
        ((0.9, 0.1, 0.6), 0.30, (0.90, 0.95, 1.0)),  # fill: right, cool
        ((0.25, 0.55, -0.85), 0.35, (1.0, 1.0, 1.0)),  # rim: behind above, lifts the outline
    ):
        light = vtkLight()
        light.SetLightTypeToCameraLight()
        light.SetPosition(*position)
        light.SetFocalPoint(0.0, 0.0, 0.0)
        light.SetColor(*color)
        light.SetIntensity(intensity)
        lights.append(light)
    return lights
