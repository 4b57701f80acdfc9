"""What the viewport draws: a shape, a file's own content, lights, a floor; GUI thread only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkColorTransferFunction,
    vtkLight,
    vtkPolyDataMapper,
)

from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.gui.base.theme import Colors
from shapelab.gui.viewport.floor import Floor, rgb
from shapelab.gui.viewport.orbit import BLOCKS, SMOOTH, WIREFRAME, Orbit

if TYPE_CHECKING:
    from shapelab.core.inputs.scan import Scan

AMBIENT, SPECULAR, GLOSS = 0.24, 0.14, 28.0
BLOCK_EDGES = 0.35  # opacity: cubes can be counted, the shape still rules
GHOST = 0.22  # opacity of what a shape is held against
REACH = 1.5  # sides of the grid: the ball of everything drawn; sets the clipping planes
THROUGH = 0.4  # opacity of the shape while what it was made from is seen through it
DOTS = ((20_000, 4.0), (300_000, 2.5))  # up to so many points their size, px
LOW, HIGH = 0.4, 0.92  # brightness of a cloud's lowest and highest points, which have no sides
NEAR = 0.05  # the eye stays outside the grid, see `Orbit.eye_distance`


class Scene:
    """The actors of one renderer (a vtkRenderer)."""

    def __init__(self, renderer: Any, colors: Colors) -> None:
        self.renderer = renderer
        self.style = SMOOTH
        self._loose: NDArray[np.bool_] | None = None  # (cells,) of the shown mesh
        self._paint: NDArray[np.uint8] | None = None  # (points, 3) of it
        self.mapper = vtkPolyDataMapper()
        self.mapper.ScalarVisibilityOff()
        self.actor = vtkActor()
        self.actor.SetMapper(self.mapper)
        self.actor.SetVisibility(False)
        renderer.AddActor(self.actor)
        self.ghost = vtkActor()
        self.ghost.SetMapper(vtkPolyDataMapper())
        self.ghost.SetVisibility(False)
        renderer.AddActor(self.ghost)
        self._shape_there, self._shape_wanted, self._scan_wanted = False, True, False
        self.scan_mapper = vtkPolyDataMapper()
        self._heights = vtkColorTransferFunction()  # of a cloud's points: brighter farther up
        self.scan_mapper.SetLookupTable(self._heights)
        self.scan_actor = vtkActor()
        self.scan_actor.SetMapper(self.scan_mapper)
        self.scan_actor.SetVisibility(False)
        renderer.AddActor(self.scan_actor)
        self._scan: Scan | None = None
        self.floor = Floor(renderer)
        renderer.SetUseOIT(False)  # three full-screen passes that the floor does not need
        renderer.AutomaticLightCreationOff()
        for light in _lights():
            renderer.AddLight(light)
        self.recolor(colors)

    def show(self, mesh: TriMesh, paint: NDArray[np.uint8] | None = None) -> None:
        """Draw this mesh in the place of the one before; nothing else changes.

        Args:
            mesh: what to draw.
            paint: (n, 3) RGB of its vertices instead of the shape's colour.
        """
        owners = slice(None) if mesh.shading is None else mesh.shading.owners
        self._paint = None if paint is None else paint[owners]
        squares = self.style == BLOCKS and _are_squares(mesh)
        self._loose = None if mesh.loose is None else mesh.loose[:: 2 if squares else 1]
        self.mapper.SetInputDataObject(_polydata(mesh, squares))
        self.floor.carry(mesh, at_once=not self._shape_there)
        self._shape_there = True
        self._lay()
        self._shade()

    def show_ghost(self, mesh: TriMesh | None) -> None:
        """Draw a translucent mesh about the shape, or none."""
        if mesh is not None:
            mapper = self.ghost.GetMapper()
            mapper.SetInputDataObject(_polydata(mesh, squares=False))
            mapper.ScalarVisibilityOff()
        self.ghost.SetVisibility(mesh is not None)

    def clear(self) -> None:
        self.ghost.SetVisibility(False)
        self._shape_there = False
        self._lay()
        self.floor.empty()

    def show_scan(self, scan: Scan | None) -> None:
        """Draw what a file holds, or nothing of the kind."""
        self._scan = scan
        data = None if scan is None else _scan_data(scan)
        self.scan_mapper.SetInputDataObject(data)
        self.scan_mapper.SetScalarVisibility(scan is not None and scan.faces is None)
        self._color_heights()
        self._lay()
        self._shade()

    def set_layers(self, shape: bool, scan: bool) -> None:
        """Which of the two is drawn; with both the shape can be seen through."""
        self._shape_wanted, self._scan_wanted = shape, scan
        self._lay()
        self._shade()

    def _lay(self) -> None:
        self.actor.SetVisibility(self._shape_there and self._shape_wanted)
        self.scan_actor.SetVisibility(self._scan is not None and self._scan_wanted)

    def set_style(self, style: str) -> None:
        self.style = style
        self._shade()

    def set_grid(self, visible: bool) -> None:
        self.floor.lines.SetVisibility(visible)

    def aim(self, orbit: Orbit) -> None:
        """Put the camera where `orbit` says."""
        camera = self.renderer.GetActiveCamera()
        _, up, back = orbit.axes
        camera.SetPosition(*orbit.position)
        camera.SetFocalPoint(*orbit.target)
        camera.SetViewUp(*up)
        camera.SetViewAngle(orbit.view_angle)
        camera.SetParallelProjection(orbit.orthographic)
        camera.SetParallelScale(orbit.half_height)
        middle = float(orbit.position @ back)  # how deep the middle of the grid lies
        camera.SetClippingRange(max(NEAR, middle - REACH), middle + REACH)

    def recolor(self, colors: Colors) -> None:
        """Take over a colour scheme."""
        self.colors = colors
        self._paint_background()
        self.floor.recolor(colors)
        self._color_heights()
        self._shade()

    @contextmanager
    def prepared_for_picture(self, transparent: bool) -> Iterator[None]:
        """While it lasts the scene has, if transparent, neither background nor floor."""
        floor = (self.floor.lines, self.floor.shadow)
        shown = [actor.GetVisibility() for actor in floor]
        if transparent:
            for actor in floor:
                actor.SetVisibility(False)
            self.renderer.GradientBackgroundOff()
            self.renderer.SetBackground(0.0, 0.0, 0.0)
            self.renderer.SetBackgroundAlpha(0.0)
        try:
            yield
        finally:
            for actor, visible in zip(floor, shown, strict=True):
                actor.SetVisibility(visible)
            self.renderer.SetBackgroundAlpha(1.0)
            self._paint_background()

    def _paint_background(self) -> None:
        self.renderer.SetBackground(*rgb(self.colors.view_bottom))
        self.renderer.SetBackground2(*rgb(self.colors.view_top))
        self.renderer.GradientBackgroundOn()

    def _shade(self) -> None:
        paint = self.actor.GetProperty()
        lines = self.style == WIREFRAME
        data = self.mapper.GetInput()
        paint.SetLighting(not lines)
        paint.SetEdgeVisibility(self.style != SMOOTH)
        paint.SetEdgeColor(*rgb(self.colors.edge))
        paint.SetEdgeOpacity(1.0 if lines else BLOCK_EDGES)
        shape, loose = self.colors.view_middle if lines else self.colors.shape, self.colors.loose
        paint.SetColor(*rgb(shape))
        ghost = self.ghost.GetProperty()
        ghost.SetColor(*rgb(self.colors.accent))
        ghost.SetOpacity(GHOST)
        self._tint(shape, loose)
        if data is not None and data.GetPointData().GetNormals() is not None:
            paint.SetInterpolationToPhong()
        else:
            paint.SetInterpolationToFlat()
        both = bool(self.scan_actor.GetVisibility())
        seen_through = both and not lines
        paint.SetOpacity(THROUGH if seen_through else 1.0)
        # Of what is closed only the front is seen; a third of a software frame went to the back.
        paint.SetBackfaceCulling(not seen_through)
        for each in (paint, self.scan_actor.GetProperty()):
            each.SetAmbient(AMBIENT)
            each.SetDiffuse(1.0)
            each.SetSpecular(SPECULAR)
            each.SetSpecularPower(GLOSS)
        self._shade_scan(lines)

    def _shade_scan(self, lines: bool) -> None:
        scan, paint = self._scan, self.scan_actor.GetProperty()
        if scan is None:
            return
        paint.SetColor(*rgb(self.colors.scan))
        paint.SetInterpolationToFlat()
        paint.SetEdgeVisibility(lines and scan.faces is not None)
        paint.SetEdgeColor(*rgb(self.colors.edge))
        paint.SetLighting(scan.faces is not None)
        if scan.faces is None:
            size = next((size for most, size in DOTS if len(scan.vertices) <= most), 1.5)
            paint.SetPointSize(size)

    def _color_heights(self) -> None:
        """Only where they or the colours are new: each change colours all points again."""
        self._heights.RemoveAllPoints()
        if self._scan is not None and self._scan.faces is None:
            low, high = self.scan_mapper.GetInput().GetPointData().GetScalars().GetRange()
            self.scan_mapper.SetScalarRange(low, high)
            for height, brightness in ((low, LOW), (high, HIGH)):
                colour = (brightness * part for part in rgb(self.colors.scan))
                self._heights.AddRGBPoint(height, *colour)

    def _tint(self, shape: str, loose: str) -> None:
        """Colours the vertices as they are painted, or the loose parts, where some are shown."""
        data = self.mapper.GetInput()
        painted, parted = self._paint is not None, self._loose is not None
        self.mapper.SetScalarVisibility(data is not None and (painted or parted))
        if data is not None and self._paint is not None:
            self.mapper.SetScalarModeToUsePointData()
            pixels = np.ascontiguousarray(self._paint, np.uint8)
            data.GetPointData().SetScalars(numpy_to_vtk(pixels, deep=True))
        elif data is not None and self._loose is not None:
            self.mapper.SetScalarModeToUseCellData()
            two = np.array([rgb(shape), rgb(loose)])
            pixels = np.round(255 * two[self._loose.astype(np.intp)]).astype(np.uint8)
            data.GetCellData().SetScalars(numpy_to_vtk(pixels, deep=True))


def _are_squares(mesh: TriMesh) -> bool:
    """Whether each two triangles are the halves of a square, as `blocks` makes them."""
    first, second = mesh.faces[::2], mesh.faces[1::2]
    return len(first) == len(second) and bool(np.all(first[:, (0, 2)] == second[:, :2]))


def _polydata(mesh: TriMesh, squares: bool) -> vtkPolyData:
    """The arrays of the mesh, not copied; the vtk arrays keep them alive.

    Args:
        mesh: what to draw.
        squares: each two triangles are drawn as one square, so that edges show no diagonals.
    """
    shading = mesh.shading
    vertices = mesh.vertices if shading is None else mesh.vertices[shading.owners]
    drawn = mesh if shading is None else shading
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, dtype=np.float32)))
    faces = np.ascontiguousarray(drawn.faces, dtype=np.int32)
    if squares:
        faces = np.ascontiguousarray(np.column_stack([faces[::2], faces[1::2, 2]]))
    cells = vtkCellArray()
    cells.SetData(faces.shape[1], numpy_to_vtk(faces.reshape(-1)))
    data = vtkPolyData()
    data.SetPoints(points)
    data.SetPolys(cells)
    if drawn.normals is not None:
        normals = np.ascontiguousarray(drawn.normals, dtype=np.float32)
        data.GetPointData().SetNormals(numpy_to_vtk(normals))
    return data


def _scan_data(scan: Scan) -> vtkPolyData:
    """The arrays of a scan, not copied; of a cloud one cell that has all points."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(scan.vertices)))
    data = vtkPolyData()
    data.SetPoints(points)
    cells = vtkCellArray()
    if scan.faces is None:
        cells.SetData(
            len(scan.vertices), numpy_to_vtk(np.arange(len(scan.vertices), dtype=np.int32))
        )
        data.SetVerts(cells)
        data.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(scan.vertices[:, 2])))
    else:
        cells.SetData(3, numpy_to_vtk(np.ascontiguousarray(scan.faces).reshape(-1)))
        data.SetPolys(cells)
    return data


def _lights() -> list[vtkLight]:
    """Key, fill and rim light that move with the camera, so that every side reads well."""
    lights = []
    for position, intensity, color in (
        ((-0.45, 0.55, 0.70), 0.74, (1.0, 0.98, 0.95)),  # key: above left, warm
        ((0.70, -0.05, 0.70), 0.34, (0.92, 0.96, 1.0)),  # fill: right, cool
        ((0.20, 0.60, -0.75), 0.30, (1.0, 1.0, 1.0)),  # rim: behind above, sets off the silhouette
    ):
        light = vtkLight()
        light.SetLightTypeToCameraLight()
        light.SetPosition(*position)
        light.SetFocalPoint(0.0, 0.0, 0.0)
        light.SetColor(*color)
        light.SetIntensity(intensity)
        lights.append(light)
    return lights
