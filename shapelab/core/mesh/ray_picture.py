"""A small shaded picture of an occupancy grid of any resolution: numbers alone, no screen.

It shows training's previews, the shapes of a contact sheet and the pins of a morph alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]  # (R, R, R) occupancy in [0, 1]: x right, y back, z up
Points = NDArray[np.float32]  # (3, n) in cells of the cropped grid

LEVEL = 0.5  # occupancy at which the surface lies, as in the app
CORNER = (35.0, 24.0)  # azimuth and elevation in degrees: from the front right, sees three faces

# Half of a picture's side in sides of the grid: shapes fill 24/32 of the grid and rarely more.
VIEW = 0.56
_FINER = 2  # rays along each side of a pixel; their mean smooths the silhouette
_STRIDES = (0.25, 0.5)  # cells between two samples of a ray: at most half of the thinnest part
_COARSE = 0.75  # cells between two rays up to which the rays between them need no samples
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
) -> NDArray[np.uint8]:
    """The surface of a grid, seen without perspective.

    All shapes are drawn at one scale, so that they can be compared; only one that would be cut off
    is drawn smaller.

    Args:
        occupancy: (R, R, R) in [0, 1]; x right, y back, z up.
        side: pixels along each side of the picture.
        colour: of the shape, RGB.
        view: azimuth and elevation as ``view_axes`` has them.

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
        colours[v, u] = shaded(part, points, len(occupancy), colour, axes[2])
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

    The grid is resampled into a box whose third axis runs along the rays, away from the viewer; the
    first sample of a ray above the level and the one before it say where between them it enters.

    Args:
        part: cropped, with an empty margin on each side.
        centre: of the whole grid, in cells of the part.
        scale: cells between two rays, if the part fits into the picture then.
        rays: along each side of the picture.
        view: (3, 3), ``view_axes``.
    """
    from scipy import ndimage

    right, up, towards = view
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in part.shape]), -1).reshape(-1, 3) - centre
    scale = max(scale, 2 * float(np.abs(corners @ np.stack([right, up], 1)).max()) / rays)
    step = 2 if 2 * scale <= _COARSE else 1
    rows = _span(-corners @ up / scale + (rays - 1) / 2, rays, step)
    columns = _span(corners @ right / scale + (rays - 1) / 2, rays, step)
    depths = -corners @ towards
    stride = float(np.clip(2 * scale, *_STRIDES))
    # Sample (row, column, k) lies k strides behind the plane through the nearest corner.
    axes = np.stack([-up * scale, right * scale, -towards * stride], 1)
    first = np.array([rows.start - (rays - 1) / 2, columns.start - (rays - 1) / 2, 0.0])
    origin = centre + axes @ first - towards * depths.min()
    shape = (
        len(range(rays)[rows][::step]),
        len(range(rays)[columns][::step]),
        int(np.ceil(np.ptp(depths) / stride)) + 1,
    )
    samples = ndimage.affine_transform(
        part, axes * (step, step, 1), origin, shape, np.float32, order=1
    )
    if step == 2:
        samples = _doubled(_doubled(samples, 0), 1)
    solid = samples > LEVEL
    v, u = np.nonzero(solid.any(2))
    k = solid.argmax(2)[v, u]
    before, after = samples[v, u, np.maximum(k - 1, 0)], samples[v, u, k]
    depth = k - (after - LEVEL) / np.maximum(after - before, 1e-6)
    points = axes @ np.stack([v, u, depth]) + origin[:, None]
    return v + rows.start, u + columns.start, points.astype(np.float32)


def _span(places: NDArray[np.float64], limit: int, step: int) -> slice:
    """Rays that reach all places; the first and the last one are multiples of the step."""
    first, last = int(places.min()) // step * step, int(places.max() / step + 1) * step
    return slice(max(0, first), min(limit - step, last) + 1)


def _doubled(samples: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """The n slices along an axis and the n - 1 means between neighbours."""
    ahead = np.moveaxis(samples, axis, 0)
    out = np.zeros((2 * len(ahead) - 1, *ahead.shape[1:]), np.float32)
    out[::2] = ahead
    out[1::2] = 0.5 * (ahead[1:] + ahead[:-1])
    return np.moveaxis(out, 0, axis)


def shaded(
    part: Grid,
    points: Points,
    cells: int,
    colour: tuple[int, int, int],
    towards: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Colours (n, 3), 0 to 255, of points on the surface; cells are those of the whole grid."""
    from scipy import ndimage

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
