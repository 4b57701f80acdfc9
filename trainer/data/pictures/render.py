"""Pictures for the image encoder: drawn off screen with random view, light and colour, or given."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkLogger, vtkUnsignedCharArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.images import frame
from shapelab.core.mesh.meshing import SurfaceOptions, surface
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.camera import Camera

from ..sources import guarded_loading
from .picture_cameras import Shot, Shots

FINER = 2  # pixels drawn along each side of a stored one; scaling down smooths the edges
CREASE = 30.0  # degrees between faces; a sharper edge stays an edge under smooth shading
_MARGIN = 1.5  # stored pixels left around the object, so that its outline is drawn whole

_one_at_a_time = threading.Lock()  # a window and its OpenGL context serve one thread at a time


def shape_mesh(grid: NDArray[np.bool_]) -> TriMesh:
    """A smoothed surface of a solid grid, all parts kept."""
    return surface(grid.astype(np.float32), SurfaceOptions(smoothing=12, largest_part=False))


def render_views(mesh: TriMesh, shots: Shots, size: int) -> NDArray[np.uint8]:
    """Pictures (views, size, size, 4) RGBA of one shape, framed as dropped pictures are.

    The same arguments give the same pictures on one machine; other OpenGL drivers round otherwise.

    Args:
        mesh: in sides of the grid, its middle at the origin, z up. Its own normals are used for
            smooth shading; without them, normals are taken that keep creases.
        shots: from where, and in which light; one a picture.
        size: side of a picture, pixels.

    Raises:
        InputError: there is nothing to see of the mesh.
    """
    if mesh.is_empty:
        raise InputError("The shape has no surface to draw; please give one with triangles.")
    with _one_at_a_time:
        studio = _studio()
        try:
            studio.place(mesh, size, shots.smooth)
            pictures = [studio.picture(shot) for shot in shots.shots]
        finally:
            studio.leave()
    framed = [frame(picture, size) for picture in pictures]
    return np.stack(framed) if framed else np.zeros((0, size, size, 4), np.uint8)


def own_views(paths: Sequence[Path], size: int) -> NDArray[np.uint8]:
    """A source's own pictures (len(paths), size, size, 4) RGBA, treated as dropped ones are.

    True alpha is kept. A picture without it, such as a photo of a room, is cut out by
    ``core.inputs.images``: an opaque square would teach the encoder a silhouette that no object
    has. How well that works depends on the photo, so look at the sheet (``shapelab train look``).

    Raises:
        InputError: names the picture that cannot be read, is too large, or shows nothing.
    """
    framed = [frame(guarded_loading.picture(path), size) for path in paths]
    return np.stack(framed) if framed else np.zeros((0, size, size, 4), np.uint8)


def close() -> None:
    """Closes the process's window, if one is open; the next picture opens another."""
    with _one_at_a_time:
        if _studio.cache_info().currsize:
            _studio().close()
            _studio.cache_clear()


@lru_cache(1)
def _studio() -> _Studio:
    """The process's only window: opening one costs as much as six pictures."""
    before = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    try:  # without an X server VTK warns of it, and goes on with EGL or OSMesa
        studio = _Studio()
    finally:
        vtkLogger.SetStderrVerbosity(before)
    return studio


atexit.register(close)  # while there still is all that VTK needs for it


class _Studio:
    """One off-screen window with an actor that takes any mesh, a camera and three lights."""

    def __init__(self) -> None:
        self._plotter = pv.Plotter(off_screen=True, window_size=(64, 64), lighting="none")
        window = self._plotter.render_window
        window.SetMultiSamples(0)  # FINER smooths edges at a third of the cost
        window.AlphaBitPlanesOn()
        self._plotter.renderer.SetBackgroundAlpha(0.0)
        self._actor = self._plotter.add_mesh(pv.PolyData(np.eye(3), [3, 0, 1, 2]), render=False)
        self._lights = [pv.Light(light_type="scene light") for _ in range(3)]
        for light in self._lights:
            self._plotter.add_light(light)
        self._pixels = vtkUnsignedCharArray()
        self._points = np.zeros((0, 3), np.float32)
        self._size = 0
        window.Render()

    def close(self) -> None:
        self._plotter.close()

    def leave(self) -> None:
        """Lets go of the mesh, and of the OpenGL context, which another thread may want next."""
        self._actor.mapper.dataset = pv.PolyData()
        self._plotter.render_window.ReleaseCurrent()

    def place(self, mesh: TriMesh, size: int, smooth: bool) -> None:
        """Puts a mesh before the camera, to be drawn for pictures of a size."""
        poly = pv.PolyData.from_regular_faces(mesh.vertices, mesh.faces)
        if smooth and mesh.normals is not None:
            poly.point_data.active_normals = mesh.normals
        elif smooth:
            poly = poly.compute_normals(
                cell_normals=False, split_vertices=True, feature_angle=CREASE
            )
        self._actor.mapper.dataset = poly
        self._actor.prop.interpolation = "Phong" if smooth else "Flat"
        self._points = mesh.vertices[np.unique(mesh.faces)].astype(np.float64)
        self._size = size
        self._plotter.render_window.SetSize(FINER * size, FINER * size)

    def picture(self, shot: Shot) -> NDArray[np.uint8]:
        """One view (FINER * size, FINER * size, 4) RGBA, filled by the object."""
        self._aim(shot.camera)
        for light, (position, intensity) in zip(self._lights, shot.lights, strict=True):
            light.position, light.intensity = position, intensity
        self._actor.prop.color = shot.color
        self._actor.prop.ambient = shot.ambient
        self._actor.prop.specular = shot.specular
        return self._draw()

    def _aim(self, camera: Camera) -> None:
        """Looks at the origin, and zooms on the object: an off-centre window changes no angle.

        ``seen`` are the points' places in a plane at distance 1 from a pinhole; the picture shows
        the square around them, whose half is the tangent of half the angle of view.
        """
        towards, right, up = camera.axes()
        depths = camera.distance - self._points @ towards
        seen = self._points @ np.stack([right, up], 1) / depths[:, None]
        low, high = seen.min(0), seen.max(0)
        half = float((high - low).max()) / 2 / (1 - 2 * _MARGIN / self._size)
        eye = self._plotter.camera
        eye.focal_point = (0.0, 0.0, 0.0)
        eye.position = tuple(towards * camera.distance)
        eye.up = tuple(up)
        eye.view_angle = float(np.rad2deg(2 * np.arctan(half)))
        eye.SetWindowCenter(*((low + high) / 2 / half))
        eye.clipping_range = (0.99 * float(depths.min()), 1.01 * float(depths.max()))

    def _draw(self) -> NDArray[np.uint8]:
        window = self._plotter.render_window
        window.Render()
        side = FINER * self._size
        window.GetRGBACharPixelData(0, 0, side - 1, side - 1, 0, self._pixels)
        rows = vtk_to_numpy(self._pixels).reshape(side, side, 4)
        return np.ascontiguousarray(rows[::-1])
