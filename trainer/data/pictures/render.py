"""Pictures for the image encoder: drawn with random view, materials and light, or given."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Sequence
from dataclasses import dataclass
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
from shapelab.core.mesh.tri_mesh import TriMesh, merged
from shapelab.core.model.camera import Camera

from ..sources import guarded_loading
from .materials import Points
from .picture_cameras import Shots
from .shading import Grid, shaded

FINER = 2  # pixels drawn along each side of a stored one; scaling down smooths the edges
CREASE = 30.0  # degrees between faces; a sharper edge stays an edge under smooth shading
_MOST_SMOOTH = 30_000  # faces; finer meshes look smooth without
_NOTHING = 0xFFFFFF  # number of the background; a surface has fewer faces
_MARGIN = 1.5  # stored pixels left around the object, so that its outline is drawn whole

_one_at_a_time = threading.Lock()  # a window and its OpenGL context serve one thread at a time


def shape_mesh(grid: NDArray[np.bool_]) -> TriMesh:
    """A smoothed surface of a solid grid, all parts kept."""
    return surface(grid.astype(np.float32), SurfaceOptions(smoothing=12, largest_part=False))


def render_views(
    mesh: TriMesh, occupancy: NDArray[np.bool_], shots: Shots, size: int
) -> NDArray[np.uint8]:
    """Pictures (views, size, size, 4) RGBA of one shape, framed as dropped pictures are.

    The same arguments give the same pictures on one machine; other OpenGL drivers may take another
    triangle along an edge.

    Args:
        mesh: in sides of the grid, its middle at the origin, z up. Faces that meet at less than
            ``CREASE`` are shaded smoothly, by the mesh's own normals or, of up to 30,000 faces,
            by those that its faces give.
        occupancy: (R, R, R), the shape's cells, for its shadows on itself.
        shots: from where, and how it looks; one a picture.
        size: side of a picture, pixels.

    Raises:
        InputError: there is nothing to see of the mesh.
    """
    if mesh.is_empty:
        raise InputError("The shape has no surface to draw; please give one with triangles.")
    if not shots.shots:
        return np.zeros((0, size, size, 4), np.uint8)
    faces, grid = Faces(mesh), Grid(occupancy)
    with _one_at_a_time:
        studio = _studio()
        try:
            studio.place(mesh, size)
            seen = [studio.seen(shot.camera) for shot in shots.shots]
        finally:
            studio.leave()
    pictures = []
    for (numbers, rays), shot in zip(seen, shots.shots, strict=True):
        picture = np.zeros((*numbers.shape, 4), np.uint8)
        rows, columns = np.nonzero(numbers >= 0)
        points, normals, towards = faces.met(numbers[rows, columns], rays, rows, columns)
        picture[rows, columns, :3] = shaded(points, normals, towards, grid, shot)
        picture[rows, columns, 3] = 255
        pictures.append(frame(picture, size))
    return np.stack(pictures)


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


@dataclass(frozen=True)
class Rays:
    """The rays of a square picture's pixels: from a pinhole through a plane at distance 1."""

    eye: NDArray[np.float64]  # (3,)
    right: NDArray[np.float64]  # (3,) unit vectors
    up: NDArray[np.float64]
    towards: NDArray[np.float64]  # from the shape to the eye
    middle: NDArray[np.float64]  # (2,) of the picture in that plane, and half its side
    half: float
    side: int  # pixels

    def through(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Points:
        """Directions (n, 3) of the rays through pixels; they go 1 along the line of sight."""
        pixel = 2 * self.half / self.side
        across = self.middle[0] - self.half + (columns + 0.5) * pixel
        above = self.middle[1] + self.half - (rows + 0.5) * pixel
        rays = across[:, None] * self.right + above[:, None] * self.up - self.towards
        return rays.astype(np.float32)


class Faces:
    """A mesh's triangles, as rays meet them."""

    def __init__(self, mesh: TriMesh) -> None:
        self._corners = mesh.vertices[mesh.faces]  # (m, 3, 3)
        first, second, third = self._corners.transpose(1, 0, 2)
        across = _cross(second - first, third - first)
        self._normals = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
        self._vertices, self._own = mesh.faces, mesh.normals
        self._smooth: Points | None = None
        if mesh.normals is None and len(mesh.faces) <= _MOST_SMOOTH:
            self._smooth = crease_normals(mesh)

    def met(
        self,
        numbers: NDArray[np.int64],
        rays: Rays,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
    ) -> tuple[Points, Points, Points]:
        """Points, normals and directions to the eye (n, 3) where pixels' rays meet faces (n,)."""
        ways, eye = rays.through(rows, columns), rays.eye.astype(np.float32)
        corners, normals = self._corners[numbers], self._normals[numbers]
        slant = (ways * normals).sum(1)
        slant = np.where(np.abs(slant) < 1e-6, np.float32(1e-6), slant)
        far = ((corners[:, 0] - eye) * normals).sum(1) / slant
        depths = (corners - eye) @ -rays.towards.astype(np.float32)
        # A face that is seen edge on could be met anywhere.
        points = eye + ways * np.clip(far, depths.min(1), depths.max(1))[:, None]
        smooth = self._around(numbers)
        if smooth is not None:
            normals = _between(points, corners, normals, smooth)
        towards = -ways / np.linalg.norm(ways, axis=1, keepdims=True)
        facing = (normals * towards).sum(1, keepdims=True)
        return points, np.where(facing < 0, -normals, normals), towards

    def _around(self, numbers: NDArray[np.int64]) -> Points | None:
        """Smooth normals (n, 3, 3) at the corners of faces (n,); None where all are flat.

        Those of a mesh that has some, such as one from a field, are cut where they lean over an
        edge: there the face's own is taken, and edges stay sharp.
        """
        if self._own is None:
            return None if self._smooth is None else self._smooth[numbers]
        own, flat = self._own[self._vertices[numbers]], self._normals[numbers][:, None]
        near = (own * flat).sum(2, keepdims=True) > np.cos(np.deg2rad(CREASE))
        return np.where(near, own, flat)


def _between(points: Points, corners: Points, normals: Points, smooth: Points) -> Points:
    """Normals (n, 3) at points of triangles from those of their corners, by shares of area."""
    shares = []
    for k in range(3):
        edge = corners[:, (k + 2) % 3] - corners[:, (k + 1) % 3]
        across = _cross(edge, points - corners[:, (k + 1) % 3])
        shares.append(np.maximum((across * normals).sum(1), 0))
    mixed = sum(share[:, None] * smooth[:, k] for k, share in enumerate(shares))
    length = np.linalg.norm(mixed, axis=1, keepdims=True)
    return np.where(length > 1e-12, mixed / np.maximum(length, 1e-12), normals)


def _cross(first: Points, second: Points) -> Points:
    """The cross products of rows (n, 3), several times faster than ``np.cross``."""
    (ax, ay, az), (bx, by, bz) = first.T, second.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], 1)


def crease_normals(mesh: TriMesh) -> Points:
    """Normals (m, 3, 3) of the faces' corners: the mean of the faces around, but over no crease.

    Vertices may be repeated; those at one place count as one.
    """
    whole = merged(TriMesh(mesh.vertices, mesh.faces))
    poly = pv.PolyData.from_regular_faces(whole.vertices, whole.faces)
    found = poly.compute_normals(
        cell_normals=False, split_vertices=True, feature_angle=CREASE, consistent_normals=False
    )
    return found.point_data["Normals"][found.regular_faces]


class _Studio:
    """One off-screen window that shows which face of a mesh each pixel sees."""

    def __init__(self) -> None:
        self._plotter = pv.Plotter(off_screen=True, window_size=(64, 64), lighting="none")
        window = self._plotter.render_window
        window.SetMultiSamples(0)  # or colours, which are numbers, would be mixed
        self._plotter.set_background("white")  # the last number, which no face has
        self._actor = self._plotter.add_mesh(
            pv.PolyData(np.eye(3), [3, 0, 1, 2]), render=False, lighting=False
        )
        self._empty = pv.PolyData()
        # VTK lets go of a mesh while it draws the next one. One whose Python side is gone by then
        # asks for Python's lock there, and waits for ever where another thread waits for VTK.
        self._held: tuple[pv.PolyData, ...] = ()
        self._pixels = vtkUnsignedCharArray()
        self._points = np.zeros((0, 3), np.float32)
        self._size = 0
        window.Render()

    def close(self) -> None:
        self._plotter.close()

    def leave(self) -> None:
        """Lets go of the mesh, and of the OpenGL context, which another thread may want next."""
        self._actor.mapper.dataset = self._empty
        self._plotter.render_window.ReleaseCurrent()

    def place(self, mesh: TriMesh, size: int) -> None:
        """Puts a mesh before the camera, to be drawn for pictures of a size."""
        poly = pv.PolyData.from_regular_faces(mesh.vertices, mesh.faces)
        numbers = np.arange(len(mesh.faces), dtype="<u4")
        poly.cell_data["number"] = numbers.view(np.uint8).reshape(-1, 4)[:, :3].copy()
        self._held = (*self._held[-1:], poly)
        mapper = self._actor.mapper
        mapper.dataset = poly
        mapper.SetScalarModeToUseCellFieldData()
        mapper.SelectColorArray("number")
        mapper.SetColorModeToDirectScalars()
        mapper.ScalarVisibilityOn()
        self._points = mesh.vertices[np.unique(mesh.faces)].astype(np.float64)
        self._size = size
        self._plotter.render_window.SetSize(FINER * size, FINER * size)

    def seen(self, camera: Camera) -> tuple[NDArray[np.int64], Rays]:
        """The numbers of the faces that pixels see, -1 for none, and the pixels' rays.

        (FINER * size, FINER * size), filled by the object. The camera looks at the origin, and
        zooms on the object: an off-centre window changes no angle. ``seen`` are the points' places
        in a plane at distance 1 from a pinhole; the picture shows the square around them, whose
        half is the tangent of half the angle of view.
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
        side = FINER * self._size
        rays = Rays(towards * camera.distance, right, up, towards, (low + high) / 2, half, side)
        return self._numbers(), rays

    def _numbers(self) -> NDArray[np.int64]:
        window = self._plotter.render_window
        window.Render()
        side = FINER * self._size
        window.GetPixelData(0, 0, side - 1, side - 1, 0, self._pixels, 0)
        parts = vtk_to_numpy(self._pixels).reshape(side, side, 3)[::-1].astype(np.int64)
        numbers = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
        return np.where(numbers == _NOTHING, -1, numbers)
