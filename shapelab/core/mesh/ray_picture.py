"""A small shaded picture of an occupancy grid of any resolution: numbers alone, no screen.

It shows training's previews, the shapes of a contact sheet and the pins of a morph alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh.sharpening import Distance, slope

Grid = NDArray[np.float32]  # (R, R, R) occupancy in [0, 1]: x right, y back, z up
Points = NDArray[np.float32]  # (3, n) in cells of the cropped grid
Depths = NDArray[np.float32]  # (n,) or (h, w), in strides along rays

LEVEL = 0.5  # occupancy at which the surface lies, as in the app
CORNER = (35.0, 24.0)  # azimuth and elevation in degrees: from the front right, sees three faces

# Half of a picture's side in sides of the grid: shapes fill 24/32 of the grid and rarely more.
VIEW = 0.56
_FINER = 2  # rays along each side of a pixel; their mean smooths the silhouette
_STRIDES = (0.25, 0.5)  # cells between two samples of a ray: at most half of the thinnest part
_COARSE = 0.75  # cells between two rays up to which the rays between them need no samples
_AGREE = 2.0  # strides between what neighbouring rays meet, if it is one surface
_ALONG = np.float32(1e-6)  # cells a stride at least goes along each axis, for divisions by it
_MARGIN = 2  # empty cells around the cropped grid, so that every surface in it closes
_ROUND = 0.9  # cells; blur before normals are taken, since grids of 0 and 1 have steps
# Solid matter dims the light of what lies in its hollow: how wide and how far outside it is looked
# for, in cells of a grid whose side has 32.
_HOLLOW, _HOLLOW_AT, _HOLLOW_CELLS = 2.5, 2.0, 32

# Where the light stands as seen by the object: the top is brightest, then the front, then the side.
_LIGHT = np.array([-0.42, -0.62, 0.95])
_LIGHT /= np.linalg.norm(_LIGHT)
_SKY = 0.35  # share of the light that comes from above, from everywhere
_RIM = 0.45  # how much darker a surface is that is seen edge-on: it sets off the silhouette
# The colour at each tone, as a share of the shape's own: shadows are cool, the brightest is pale.
_TONES = np.array([0.0, 0.5, 0.8, 1.0])
_SHADES = np.array([[0.30, 0.28, 0.33], [0.74, 0.69, 0.67], [1, 1, 1], [1.09, 1.14, 1.20]])


def view_axes(azimuth: float, elevation: float) -> NDArray[np.float64]:
    """(3, 3): unit vectors to the right, up and towards a viewer who stands at these angles.

    Args:
        azimuth: degrees; 0 stands in front (-y), 90 at the right (+x).
        elevation: degrees; 90 looks down from above.
    """
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    sa, ca, se, ce = np.sin(a), np.cos(a), np.sin(e), np.cos(e)
    return np.array([[ca, sa, 0.0], [-se * sa, se * ca, ce], [ce * sa, -ce * ca, se]])


def shape_picture(
    occupancy: NDArray[np.floating],
    side: int,
    colour: tuple[int, int, int],
    view: tuple[float, float] = CORNER,
    distance: Distance | None = None,
) -> NDArray[np.uint8]:
    """The surface of a grid, seen without perspective.

    All shapes are drawn at one scale, so that they can be compared; only one that would be cut off
    is drawn smaller.

    Args:
        occupancy: (R, R, R) in [0, 1]; x right, y back, z up.
        side: pixels along each side of the picture.
        colour: of the shape, RGB.
        view: azimuth and elevation as ``view_axes`` has them.
        distance: to what the grid was sampled from, if known, in sides of the grid around its
            middle: edges are sharp then.

    Returns:
        (side, side, 4) RGBA, alpha not multiplied in: how much of each pixel the shape covers. An
        empty grid, or one without numbers, is transparent.

    Raises:
        ValueError: the grid is no cube.
    """
    if occupancy.ndim != 3 or len(set(occupancy.shape)) != 1:
        raise ValueError(f"a grid must have the shape (R, R, R), not {occupancy.shape}")
    rays = side * _FINER
    colours, hit = np.zeros((rays, rays, 3), np.float32), np.zeros((rays, rays), np.float32)
    solid = np.argwhere(occupancy > LEVEL)
    axes = view_axes(*view)
    if len(solid):
        low, high = solid.min(0), solid.max(0) + 1
        part = np.zeros(high - low + 2 * _MARGIN, np.float32)
        # One more layer than is solid: it says where between two cells the surface lies.
        near, far = np.maximum(low - 1, 0), np.minimum(high + 1, occupancy.shape)
        inside = tuple(map(slice, near - low + _MARGIN, far - low + _MARGIN))
        part[inside] = np.nan_to_num(occupancy[tuple(map(slice, near, far))], posinf=1.0)
        centre = (np.array(occupancy.shape) - 1) / 2 - low + _MARGIN
        v, u, points = _surface_points(part, centre, 2 * VIEW * len(occupancy) / rays, rays, axes)
        hit[v, u] = 1.0
        normals = None
        if distance is not None:
            cell = 1 / len(occupancy)
            places = (points.T - centre.astype(np.float32)) * np.float32(cell)
            normals = slope(places, distance, cell)[1].T
        colours[v, u] = shaded(part, points, len(occupancy), colour, axes[2], normals)
    blocks = (side, _FINER, side, _FINER)
    cover = hit.reshape(blocks).mean((1, 3))
    light = colours.reshape(*blocks, 3).mean((1, 3)) / np.maximum(cover, 1e-6)[..., None]
    return np.rint(np.dstack([light, 255 * cover])).astype(np.uint8)


def _surface_points(
    part: Grid,
    centre: NDArray[np.float64],
    scale: float,
    rays: int,
    view: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.intp], Points]:
    """Where rays meet the surface: rows and columns of the rays (n,), and the places (3, n).

    Along each ray samples follow one another, away from the viewer; the first one above the level
    and the one before it say where between them the ray enters. Where rays are close, every second
    of each row and column is followed; between those that agree lies their mean, and the others
    begin shortly before the nearest of theirs.

    Args:
        part: cropped, with an empty margin on each side.
        centre: of the whole grid, in cells of the part.
        scale: cells between two rays, if the part fits into the picture then.
        rays: along each side of the picture.
        view: (3, 3), ``view_axes``.
    """
    right, up, towards = view
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in part.shape]), -1).reshape(-1, 3) - centre
    scale = max(scale, 2 * float(np.abs(corners @ np.stack([right, up], 1)).max()) / rays)
    step = 2 if 2 * scale <= _COARSE else 1
    rows = _span(-corners @ up / scale + (rays - 1) / 2, rays, step)
    columns = _span(corners @ right / scale + (rays - 1) / 2, rays, step)
    stride = float(np.clip(2 * scale, *_STRIDES))
    # Sample (row, column, k) lies k strides behind the plane through the nearest corner.
    axes = np.stack([-up * scale, right * scale, -towards * stride], 1)
    first = np.array([rows.start - (rays - 1) / 2, columns.start - (rays - 1) / 2, 0.0])
    origin = centre + axes @ first + towards * (corners @ towards).max()
    march = _March(part, axes, origin)
    v, u = np.mgrid[: rows.stop - rows.start : step, : columns.stop - columns.start : step]
    depths = march.depths(v.ravel(), u.ravel(), np.zeros(v.size, np.int32)).reshape(v.shape)
    if step == 2:
        nearest, farthest = _doubled(depths, np.minimum), _doubled(depths, np.maximum)
        depths = _doubled(depths, lambda one, other: 0.5 * (one + other))
        seen = np.isfinite(nearest)
        agree = seen & (farthest < np.where(seen, nearest, 0) + _AGREE)
        v, u = np.nonzero(seen & ~agree)
        depths[v, u] = march.depths(v, u, (nearest[v, u] - _AGREE).astype(np.int32))
    v, u = np.nonzero(np.isfinite(depths))
    points = axes @ np.stack([v, u, depths[v, u]]) + origin[:, None]
    return v + rows.start, u + columns.start, points.astype(np.float32)


def _span(places: NDArray[np.float64], limit: int, step: int) -> slice:
    """Rays that reach all places; the first and the last one are multiples of the step."""
    first, last = int(places.min()) // step * step, int(places.max() / step + 1) * step
    return slice(max(0, first), min(limit - step, last) + 1)


def _doubled(depths: Depths, between: Callable[[Depths, Depths], Depths]) -> Depths:
    """The depths (h, w), and what lies between neighbours: (2 h - 1, 2 w - 1)."""
    for _ in range(2):  # rows, then columns
        out = np.zeros((2 * len(depths) - 1, depths.shape[1]), np.float32)
        out[::2] = depths
        out[1::2] = between(depths[1:], depths[:-1])
        depths = out.T
    return depths


class _March:
    """Follows rays through a grid, with leaps where it is empty.

    The leaps are those of a distance field (as Zuiderveld et al. 1992 accelerate rays): along an
    axis a sample above the level lies less than a cell from a solid one.
    """

    def __init__(self, part: Grid, axes: NDArray[np.float64], origin: NDArray[np.float64]) -> None:
        """Args: axes: (3, 3), cells from a ray to the one below, the one beside, and a stride."""
        from scipy import ndimage

        self._part, self._axes, self._origin = part, axes, origin
        away = ndimage.distance_transform_cdt(part <= LEVEL, "chessboard")
        # A place is up to half a cell from the middle that stands for it.
        strides = (np.arange(away.max() + 1) - 1.5) / np.abs(axes[:, 2]).max()
        leaps = np.maximum(strides, 1).astype(np.int16)
        leaps[:2] = 0  # there samples tell
        self._leaps = leaps[away].ravel()

    def depths(self, v: NDArray[np.intp], u: NDArray[np.intp], k: NDArray[np.int32]) -> Depths:
        """How many strides (n,) along the rays (v, u) the surface lies, infinite where it does not.

        Args:
            v: rows of the rays (n,).
            u: columns (n,).
            k: strides (n,) after which to begin.
        """
        feet = (self._axes[:, :2] @ np.stack([v, u]) + self._origin[:, None]).astype(np.float32)
        stride = self._axes[:, 2:].astype(np.float32)
        stride[np.abs(stride) < _ALONG] = _ALONG
        ends = np.array(self._part.shape, np.float32)[:, None] - 1
        sides = -feet / stride, (ends - feet) / stride
        k = np.maximum(k, np.ceil(np.minimum(*sides).max(0))).astype(np.int32)
        last = np.floor(np.maximum(*sides).min(0)).astype(np.int32)
        first = np.full(len(k), -1, np.int32)  # sample above the level
        going = np.flatnonzero(k <= last)
        k, last, ahead = k[going], last[going], feet[:, going]
        while len(going):
            places = ahead + stride * k
            cells = np.rint(places).astype(np.intp)
            leap = self._leaps[np.ravel_multi_index(tuple(cells), self._part.shape)]
            near = np.flatnonzero(leap == 0)
            met = near[self._at(places[:, near]) > LEVEL]
            first[going[met]] = k[met]
            k = k + np.maximum(leap, 1)
            on = k <= last
            on[met] = False
            going, k, last, ahead = going[on], k[on], last[on], ahead[:, on]
        depths = np.full(len(first), np.inf, np.float32)
        met = np.flatnonzero(first >= 0)
        found, stands = first[met], feet[:, met]
        before, after = (self._at(stands + stride * each) for each in (found - 1, found))
        depths[met] = found - (after - LEVEL) / np.maximum(after - before, 1e-6)
        return depths

    def _at(self, places: Points) -> Depths:
        from scipy import ndimage

        found: Depths = ndimage.map_coordinates(self._part, places, order=1)
        return found


def shaded(
    part: Grid,
    points: Points,
    cells: int,
    colour: tuple[int, int, int],
    towards: NDArray[np.float64],
    normals: Points | None = None,
) -> NDArray[np.float32]:
    """Colours (n, 3), 0 to 255, of points on the surface; cells are those of the whole grid.

    Normals (3, n) are those of the grid unless better ones are known.
    """
    from scipy import ndimage

    if normals is None:
        blurred = ndimage.gaussian_filter(part, _ROUND, mode="constant")
        slopes = [
            ndimage.map_coordinates(slope, points, order=1, mode="nearest")
            for slope in np.gradient(blurred)
        ]
        normals = -np.stack(slopes)
        normals /= np.maximum(np.linalg.norm(normals, axis=0), 1e-6)
    direct = np.maximum(_LIGHT @ normals, 0.0)
    sky = 0.5 + 0.5 * normals[2]
    factor = max(1, cells // _HOLLOW_CELLS)
    around = ndimage.gaussian_filter(_pooled(part, factor), _HOLLOW, mode="constant")
    beside = (points + 0.5) / factor - 0.5 + _HOLLOW_AT * normals
    matter = ndimage.map_coordinates(around, beside, order=1)
    # A flat face has about a fifth of matter around the point beside it; more is a hollow.
    open_air = 1.0 - 1.3 * np.clip(matter - 0.18, 0.0, 0.5)
    rim = 1.0 - _RIM * (1.0 - np.clip(towards @ normals, 0.0, 1.0)) ** 3
    tone = np.clip((0.12 + (1 - _SKY) * direct + _SKY * sky) * open_air * rim, 0.0, 1.0)
    shades = [np.interp(tone, _TONES, _SHADES[:, channel]) for channel in range(3)]
    return np.clip(np.stack(shades, 1) * colour, 0, 255).astype(np.float32)


def _pooled(part: Grid, factor: int) -> Grid:
    """The means of blocks of factor^3 cells; what is missing at the end counts as empty."""
    x, y, z = (-(-side // factor) for side in part.shape)
    padding = [(0, n * factor - side) for n, side in zip((x, y, z), part.shape, strict=True)]
    whole = np.pad(part, padding)
    return whole.reshape(x, factor, y, factor, z, factor).mean((1, 3, 5))
