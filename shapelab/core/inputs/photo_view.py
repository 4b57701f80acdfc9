"""A shape as the camera of a photo sees it: to be laid over the photo it was made from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs.cutout import Pixels
from shapelab.core.mesh.ray_picture import LEVEL, shaded
from shapelab.core.model.camera import Camera

_REACH = 0.87  # half the grid's diagonal: how far before and behind its middle rays are followed
_FINE = 1.6  # samples of a ray in a cell


def photo_view(
    occupancy: NDArray[np.floating], camera: Camera, side: int, colour: tuple[int, int, int]
) -> Pixels:
    """The surface of a grid in perspective, in the square of a framed picture.

    Args:
        occupancy: (R, R, R) in [0, 1]; x right, y back, z up. The surface lies at 0.5.
        camera: from where the picture was taken.
        side: pixels along each side of the picture.
        colour: of the shape, RGB.

    Returns:
        (side, side, 4) RGBA, alpha not multiplied in: how much of each pixel the shape covers.
    """
    from scipy import ndimage

    cells = len(occupancy)
    picture = np.zeros((side, side, 4), np.uint8)
    rows, columns = _window(occupancy, camera, side)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return picture
    rays = _rays(camera, side)[rows, columns]  # (h, w, 3)
    depths = np.linspace(-_REACH, _REACH, round(2 * _REACH * cells * _FINE)) + camera.distance
    towards = camera.axes()[0]
    eye = (towards * camera.distance + 0.5) * cells - 0.5
    # Millions of places: float32, made in place, takes a third of the memory.
    steps = (rays * cells).astype(np.float32)
    places = steps[:, :, None] * depths.astype(np.float32)[:, None]  # (h, w, n, 3)
    places += eye.astype(np.float32)
    met = ndimage.map_coordinates(
        np.asarray(occupancy, np.float32), np.moveaxis(places, 3, 0), order=1, mode="constant"
    )
    most = met.max(2)
    pixels_a_cell = side / (2 * camera.frame[2] * cells)
    cover = np.clip(0.5 + (most - LEVEL) * max(pixels_a_cell, 1.0), 0, 1)
    v, u = np.nonzero(cover > 0)
    if not v.size:
        return picture
    # At the edge rays pass by: there the surface counts that they come nearest to.
    level = np.minimum(LEVEL, 0.98 * most[v, u])
    k = (met[v, u] > level[:, None]).argmax(1)
    before, after = met[v, u, np.maximum(k - 1, 0)], met[v, u, k]
    share = np.clip((level - before) / np.maximum(after - before, 1e-6), 0, 1)[:, None]
    surface = places[v, u, np.maximum(k - 1, 0)] * (1 - share) + places[v, u, k] * share
    grid = np.asarray(occupancy, np.float32)
    light = shaded(grid, surface.T.astype(np.float32), cells, colour, towards)
    inside = picture[rows, columns]
    inside[v, u, :3] = np.rint(light)
    inside[v, u, 3] = np.rint(255 * cover[v, u])
    return picture


def _rays(camera: Camera, side: int) -> NDArray[np.float64]:
    """Where pixels (side, side, 3) look from the camera's eye, one side of the grid forward."""
    towards, right, up = camera.axes()
    x, y, half = camera.frame
    places = (np.arange(side) + 0.5) / side * 2 - 1
    across, above = (x + half * places) / camera.distance, (y - half * places) / camera.distance
    return across[None, :, None] * right + above[:, None, None] * up - towards


def _window(occupancy: NDArray[np.floating], camera: Camera, side: int) -> tuple[slice, slice]:
    """Rows and columns of the pixels in which the box around the solid cells is seen."""
    solid = np.argwhere(occupancy > LEVEL)
    if not len(solid):
        return slice(0, 0), slice(0, 0)
    cells = len(occupancy)
    ends = np.stack([solid.min(0) - 0.5, solid.max(0) + 1.5]) / cells - 0.5
    corners = np.stack(np.meshgrid(*ends.T), -1).reshape(-1, 3)
    towards, right, up = camera.axes()
    depth = camera.distance - corners @ towards
    if depth.min() < 1e-3:  # the camera stands in the shape
        return slice(0, side), slice(0, side)
    x, y, half = camera.frame
    u = (corners @ right * camera.distance / depth - x) / half
    v = (y - corners @ up * camera.distance / depth) / half
    low, high = (np.stack([v, u]) + 1) * side / 2 - 1, (np.stack([v, u]) + 1) * side / 2 + 1
    first = np.clip(np.floor(low.min(1)), 0, side).astype(int)
    last = np.clip(np.ceil(high.max(1)), 0, side).astype(int)
    return slice(first[0], last[0]), slice(first[1], last[1])
