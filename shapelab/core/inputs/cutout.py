"""Background removal without a network: alpha, plain backgrounds, and GrabCut for the rest."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
#: How an object was told from its background; by hand; or that none was found.
Method = Literal["alpha", "grabcut", "plain background", "corrected", "nothing"]

NO_OBJECT = "No object found in {}: draw a box round it."  # of a picture's name

_GRABCUT_SIDE = 224  # longest side GrabCut works on; keeps it under a second
_CLEAR_SHARE = 0.005  # of pixels must be clear before an alpha channel counts as a cut-out
_PLAIN_SHARE = 0.8  # of the border must fit the background model before it counts as plain
_NEAR = 5.0  # Lab distance from the backdrop below which a pixel is background
_CLEAN = 1.5  # the same before a backdrop without noise, where a pale object is no darker
_NOISE = 2.5  # times the distance of most of the border is that of the backdrop's noise
_RINGING = 0.25  # of an object's distance, which JPEG may leave in the backdrop beside it
_BLOCK = 15  # pixels, of which JPEG spoils those within 8 of an edge
_SHADOW, _SLOPE = 26.0, 0.8  # a soft shadow's largest darkening, and change per pixel, in Lab L
_EVEN, _SOFTNESS = 0.25, 6.0  # slope of grain, and pixels over which the edge of a shadow goes
_SEEN, _HAZE = 8, 32  # alpha (of 255) below which it is noise, and a haze where nothing is more
_SOFT = 2  # pixels that a soft edge goes on
_FADED = 0.7  # of what is no backdrop: more than a shadow is a pale object that faded away
_WINDOW_SHADOW = 0.02  # of the picture, at least, is the shadow of a window
_GAP = 5  # pixels; a shadow is wider wherever it goes on
_FAINT = 3.0  # Lab distance from the backdrop that uneven light alone reaches
_LEAST = 0.002  # of the picture, at least, does an object cover
_FRAME = 0.12  # of the shorter side, at most, is a frame wide
_LEAST_FRAMED = 0.05  # of a framed picture, at least, does its object cover
_CORNER, _LOGO = 0.2, 0.1  # share of the sides in which logos stand, and of the object's area
# A picture of nothing has no edges: shrunk to so many cells a side, its steepest place is at most
# so many times as steep as half of it, as in a gradient or in noise (at most 5), not in a photo.
_BARE_SIDES, _STEEP = (64, 16), 6.0
_DUST = 0.02  # parts smaller than this share of the largest are dropped
_CURVE = 0.5  # pixels that an outline may leave its mask


def cut_out(rgba: Pixels) -> tuple[Pixels, Method]:
    """Makes everything but the object transparent.

    Args:
        rgba: (h, w, 4) uint8, straight alpha.

    Returns:
        (h, w, 4) uint8 with the mask as alpha, and the way it was found.

    Raises:
        InputError: there is nothing but a backdrop, a gradient or noise.
    """
    if is_clear(rgba):
        return rgba, "alpha"
    rgb = on_white(rgba)
    cut = _plain_background(rgb)
    if cut is None:  # a thin line around the picture may hide its backdrop
        cut = _inside(rgb, _inset(rgb.shape[:2]))
    if cut is not None:
        return cut, "plain background"
    if _is_bare(_lab(rgb)):
        raise InputError(NO_OBJECT.format("the picture"))
    return np.dstack([rgb, _grabcut(rgb)]), "grabcut"


def is_clear(rgba: Pixels) -> bool:
    """Whether so much of a picture is transparent that this is its cut-out."""
    return float((rgba[..., 3] < 128).mean()) >= _CLEAR_SHARE


def window(rgba: Pixels) -> tuple[slice, slice] | None:
    """The opaque rectangle in a wide transparent shadow: a screenshot of a window, not a cut-out.

    Its corners may be round, which the slices leave out.
    """
    if not is_clear(rgba):
        return None
    opaque = rgba[..., 3] >= 250
    rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    if not rows.size:
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    shadow = (rgba[..., 3] >= 4) & ~opaque
    dark = rgba[shadow][:, :3]
    inset = max(2, min(opaque[box].shape) // 50)
    if (
        opaque[box].mean() < 0.98
        or shadow.mean() < _WINDOW_SHADOW
        or float(dark.mean()) > 60
        or min(opaque[box].shape) < 8 * inset
    ):
        return None
    return (
        slice(box[0].start + inset, box[0].stop - inset),
        slice(box[1].start + inset, box[1].stop - inset),
    )


def visible(alpha: Pixels) -> tuple[Mask, Mask]:
    """Where the object of a cut-out is: neither a haze over the picture nor specks beside it.

    Args:
        alpha: (h, w) uint8.

    Returns:
        What is clearly there, and that with its soft edges.
    """
    import cv2

    clear = alpha >= _HAZE
    if not clear.any():
        return alpha >= _SEEN, alpha >= _SEEN
    kept = without_dust(clear)
    around = cv2.dilate(kept.astype(np.uint8), np.ones((2 * _SOFT + 1,) * 2, np.uint8)) > 0
    return kept, around


def outlines(alpha: Pixels) -> list[NDArray[np.float32]]:
    """The closed lines around what is seen of a cut-out, holes too.

    Args:
        alpha: (h, w) uint8.

    Returns:
        Lines (n, 2) of x and y in pixels, the first one's left upper corner at 0.
    """
    import cv2

    seen = (alpha >= 128).astype(np.uint8)
    lines = cv2.findContours(seen, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]
    smooth = (cv2.approxPolyDP(line, _CURVE, closed=True)[:, 0] for line in lines)
    return [line.astype(np.float32) + 0.5 for line in smooth]


def on_white(rgba: Pixels) -> Pixels:
    """A picture (h, w, 4) as it looks on white paper, (h, w, 3)."""
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)


def _lab(rgb: Pixels) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB))


def _plain_background(rgb: Pixels, framed: bool = False) -> Pixels | None:
    """The object (RGBA) before a backdrop of one colour or a soft gradient; None if not plain.

    ``framed`` is what a frame was already taken from.
    """
    import cv2

    lab = _lab(rgb)
    border = ring(rgb.shape[:2])
    backdrop = _fit_backdrop(lab, border)
    if backdrop is None:
        return None
    distance = np.linalg.norm(lab - backdrop, axis=2).astype(np.float32)
    noise = float(np.clip(_NOISE * np.percentile(distance[border], 90), _CLEAN, _NEAR))
    smooth = np.linalg.norm(cv2.blur(lab - backdrop, (5, 5)), axis=2)  # without its grain
    faint = min(_FAINT, noise)
    if float((smooth > faint).mean()) < _LEAST or _is_bare(lab - backdrop, faint):
        raise InputError(NO_OBJECT.format("the picture"))
    near = np.clip(_RINGING * cv2.dilate(distance, np.ones((_BLOCK, _BLOCK))), noise, _NEAR)
    background = _reached_from(distance < near, border) | _holes(distance, near)
    grown = _with_shadows(background, lab - backdrop)
    if grown is not background:  # the rim between shadow and object is judged by the shadow
        distance = _from_surroundings(lab, grown, distance)
        grown = _dilated(grown) & (distance < near) | grown
    solid = _without_surroundings(without_dust(~grown))
    picture = None if framed else _framed_picture(solid)
    if picture is not None and (inner := _inside(rgb, picture)) is not None:
        return inner
    if not _LEAST < float(solid.mean()) < 0.95:
        return None
    return _matted(rgb, solid, distance)


def _inset(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """A picture without what may be a line around it."""
    width = 2 * max(2, min(shape) // 50)
    return slice(width, shape[0] - width), slice(width, shape[1] - width)


def _inside(rgb: Pixels, box: tuple[slice, slice]) -> Pixels | None:
    """The object (RGBA) in a part of the picture that has a plain backdrop; None without one."""
    if min(rgb[box].shape[:2]) < 16:
        return None
    try:
        inner = _plain_background(rgb[box], framed=True)
    except InputError:
        return None
    if inner is None or float((inner[..., 3] > 127).mean()) < _LEAST_FRAMED:
        return None
    out = np.dstack([rgb, np.zeros(rgb.shape[:2], np.uint8)])
    out[box] = inner
    return out


def _framed_picture(solid: Mask) -> tuple[slice, slice] | None:
    """The rectangle that fills a picture but for an even frame, if the solid is one."""
    # Most of a line counts: JPEG leaves specks in the frame.
    rows, columns = np.flatnonzero(solid.mean(1) > 0.5), np.flatnonzero(solid.mean(0) > 0.5)
    side = min(solid.shape)
    inset = max(2, side // 100)  # the edge is soft
    if min(rows.size, columns.size) < 4 * inset:
        return None
    margins = rows[0], columns[0], *np.subtract(solid.shape, (rows[-1] + 1, columns[-1] + 1))
    even = max(margins) - min(margins) <= max(3, 0.02 * side)
    top, left = int(rows[0]) + inset, int(columns[0]) + inset
    bottom, right = int(rows[-1]) + 1 - inset, int(columns[-1]) + 1 - inset
    box = solid[top:bottom, left:right]
    sharp = all(float(edge.mean()) > 0.97 for edge in (box[0], box[-1], box[:, 0], box[:, -1]))
    full = float(box.mean()) > 0.6 if box.size else False  # a mirror is empty
    if not (even and sharp and full and 0 < max(margins) <= _FRAME * side):
        return None
    return slice(top, bottom), slice(left, right)


def _without_surroundings(solid: Mask) -> Mask:
    """Drops a thin frame that the object stands in, and logos in the corners."""
    import cv2

    labels, stats, centres = cv2.connectedComponentsWithStats(
        solid.astype(np.uint8), connectivity=8
    )[1:]
    areas, size = stats[:, cv2.CC_STAT_AREA].copy(), np.array(solid.shape[::-1])  # of x and y
    areas[0] = 0
    lows = stats[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    highs = lows + stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    (left, top), (right, bottom) = (size * _FRAME).astype(int), size - (size * _FRAME).astype(int)
    within = np.bincount(labels[top:bottom, left:right].ravel(), minlength=len(stats))
    frames = ((highs - lows) >= size * (1 - 2 * _FRAME)).all(1) & (within == 0)
    things = np.where(frames, 0, areas)
    if things.max() < _LEAST * solid.size:  # then what looks like a frame is the object
        return solid
    main = int(things.argmax())
    corner = (np.abs(centres / size - 0.5) > 0.5 - _CORNER).all(1)
    apart = ((lows > highs[main]) | (highs < lows[main])).any(1)
    logos = corner & apart & (areas < _LOGO * areas[main])
    dropped = frames | logos
    dropped[0] = False
    return solid & ~dropped[labels]


def _with_shadows(background: Mask, difference: NDArray[np.float32]) -> Mask:
    """Adds soft shadows: grey, darker than the backdrop, joined to it, and without an edge."""
    import cv2

    darker = -cv2.GaussianBlur(difference[..., 0], (5, 5), 0)
    chroma = np.hypot(difference[..., 1], difference[..., 2])
    slope = np.hypot(
        cv2.Sobel(darker, -1, 1, 0, scale=0.125), cv2.Sobel(darker, -1, 0, 1, scale=0.125)
    )
    depth = cv2.dilate(np.abs(darker), np.ones((_GAP, _GAP)))
    soft = slope < np.clip(depth / _SOFTNESS, _EVEN, _SLOPE)
    shade = (chroma < 4.0) & (darker > -_NEAR) & (darker < _SHADOW) & soft
    # A narrow gap is where JPEG smoothed the rim of a pale object, not the way of a shadow.
    allowed = shade | background
    wide = cv2.erode(allowed.astype(np.uint8), np.ones((_GAP, _GAP), np.uint8)) > 0
    reached = _reached_from(wide | background, background)
    grown, cross = reached, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for _ in range(_GAP // 2):  # step by step, else it jumps over the thin edge of a pale object
        grown = (cv2.dilate(grown.astype(np.uint8), cross) > 0) & allowed
    grown |= background
    lost = float((grown & ~background).sum()) / max(1, int((~background).sum()))
    return grown if lost < _FADED else background


def _dilated(mask: Mask) -> Mask:
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0


def _from_surroundings(
    lab: NDArray[np.float32], background: Mask, distance: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Distance from the mean background within five pixels, where there is any."""
    import cv2

    weight = cv2.blur(background.astype(np.float32), (11, 11))
    mean = cv2.blur(lab * background[..., None].astype(np.float32), (11, 11))
    local = np.linalg.norm(lab - mean / np.maximum(weight, 1e-6)[..., None], axis=2)
    return np.where(weight > 0.02, np.minimum(local, distance), distance).astype(np.float32)


def _matted(rgb: Pixels, solid: Mask, distance: NDArray[np.float32]) -> Pixels:
    """RGBA with soft edges freed of the backdrop's colour.

    A pixel at the edge mixes backdrop and object; the purest object colour within two pixels is
    the one farthest from the backdrop, and the ratio of the distances is the object's share.
    """
    import cv2

    around = np.ones((5, 5), np.uint8)
    edge = solid & (cv2.erode(solid.astype(np.uint8), around) == 0)
    rows, columns = np.nonzero(edge)
    far = np.pad(np.where(solid, distance, 0.0), 2, mode="edge")
    steps = np.stack(np.meshgrid(np.arange(5), np.arange(5), indexing="ij")).reshape(2, -1)
    near = far[rows[:, None] + steps[0], columns[:, None] + steps[1]]
    best = near.argmax(1)
    height, width = solid.shape
    source_rows = np.clip(rows + steps[0][best] - 2, 0, height - 1)
    source_columns = np.clip(columns + steps[1][best] - 2, 0, width - 1)
    out = np.dstack([rgb, np.where(solid, 255, 0).astype(np.uint8)])
    out[rows, columns, :3] = rgb[source_rows, source_columns]
    share = distance[rows, columns] / np.maximum(near.max(1), 1e-6)
    out[rows, columns, 3] = np.rint(255 * np.clip(share, 0.0, 1.0)).astype(np.uint8)
    return out


def ring(shape: tuple[int, ...]) -> Mask:
    """A ring of about 2 % of the picture's shorter side."""
    rim = np.ones(shape, bool)
    width = max(2, min(shape) // 50)
    rim[width:-width, width:-width] = False
    return rim


def _fit_backdrop(lab: NDArray[np.float32], border: Mask) -> NDArray[np.float32] | None:
    """Lab colour (h, w, 3) of the backdrop, a plane over the picture; None if it is not one."""
    height, width = border.shape
    rows, columns = np.nonzero(border)
    place = np.stack([np.ones(rows.size), rows / height - 0.5, columns / width - 0.5], 1)
    colours = lab[border].astype(np.float64)
    fits = np.linalg.norm(colours - np.median(colours, 0), axis=1) < 28.0
    for _ in range(3):
        if fits.mean() < _PLAIN_SHARE:
            return None
        plane = np.linalg.lstsq(place[fits], colours[fits], rcond=None)[0]
        fits = np.linalg.norm(colours - place @ plane, axis=1) < _NEAR
    if fits.mean() < _PLAIN_SHARE:
        return None
    y, x = np.mgrid[0:height, 0:width]
    everywhere = np.stack([np.ones(y.shape), y / height - 0.5, x / width - 0.5], 2)
    return np.asarray(everywhere @ plane, np.float32)


def _reached_from(allowed: Mask, seeds: Mask) -> Mask:
    """The connected parts of ``allowed`` that hold a seed."""
    import cv2

    labels = cv2.connectedComponents(allowed.astype(np.uint8), connectivity=4)[1]
    kept = np.unique(labels[seeds & allowed])
    return np.isin(labels, kept[kept > 0])


def _holes(distance: NDArray[np.float32], near: NDArray[np.float32]) -> Mask:
    """Enclosed patches that show the very backdrop, as between the slats of a chair."""
    import cv2

    tight = (distance < near).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(tight, connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= max(12, distance.size // 5000)
    sums = np.bincount(labels.ravel(), weights=distance.ravel(), minlength=count)
    same = sums / np.maximum(stats[:, cv2.CC_STAT_AREA], 1) < _NEAR / 2
    keep = large & same
    keep[0] = False
    return keep[labels]


def without_dust(mask: Mask) -> Mask:
    """Drops parts that are tiny beside the largest."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    if count < 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas >= max(1.0, _DUST * areas.max())
    keep[0] = False
    return keep[labels]


def grabcut(rgb: Pixels, marks: Pixels, rounds: int) -> Mask:
    """What the object covers, by GrabCut (Rother et al. 2004); the same picture gives the same.

    Args:
        rgb: (h, w, 3); its time grows with the pixels.
        marks: (h, w) cv2.GC_BGD, GC_FGD, GC_PR_BGD or GC_PR_FGD; both sides must have some.
        rounds: how often colours are learnt and cut again.
    """
    import cv2

    marks, models = marks.copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.setRNGSeed(0)  # the mixture's k-means is random
    pixels = np.ascontiguousarray(rgb[..., ::-1])
    cv2.grabCut(pixels, marks, None, *models, rounds, cv2.GC_INIT_WITH_MASK)
    return (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)


def _is_bare(lab: NDArray[np.float32], faint: float = _FAINT) -> bool:
    """Whether a picture (h, w, 3) in Lab, or what a backdrop leaves of it, has no edge anywhere.

    Grain is as steep everywhere in cells of any size; a gradient is so in small ones.
    """
    import cv2

    for side in _BARE_SIDES:
        scale = min(1.0, side / max(lab.shape[:2]))
        height, width = (max(3, round(length * scale)) for length in lab.shape[:2])
        cells = cv2.resize(lab, (width, height), interpolation=cv2.INTER_AREA)
        down, right = cells[2:, 1:-1] - cells[:-2, 1:-1], cells[1:-1, 2:] - cells[1:-1, :-2]
        slope = np.sqrt((np.square(down) + np.square(right)).sum(2))
        if float(slope.max()) > faint + _STEEP * float(np.median(slope)):
            return False
    return True


def _grabcut(rgb: Pixels) -> Pixels:
    """Alpha (h, w) by GrabCut from the guess that the object is in the middle.

    Whatever GrabCut calls empty or everything is not an answer; then the middle ellipse is kept,
    so that a picture always gives something to look at and to correct.
    """
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, _GRABCUT_SIDE / max(height, width))
    small = cv2.resize(
        rgb,
        (max(8, round(width * scale)), max(8, round(height * scale))),
        interpolation=cv2.INTER_AREA,
    )
    solid = np.zeros(small.shape[:2], bool)
    for whole in (False, True):
        solid = without_dust(grabcut(small, _first_guess(small.shape[:2], whole), 3))
        if 0.05 < float(solid.mean()) < 0.95:
            break
    else:
        solid = _first_guess(small.shape[:2], whole=False) == cv2.GC_PR_FGD
    soft = cv2.resize(
        solid.astype(np.float32) * 255, (width, height), interpolation=cv2.INTER_LINEAR
    )
    return np.rint(cv2.GaussianBlur(soft, (3, 3), 0)).astype(np.uint8)


def _first_guess(shape: tuple[int, ...], whole: bool) -> Pixels:
    """GrabCut marks: the border surely background, an ellipse or all the rest probably object."""
    import cv2

    height, width = shape
    marks = np.full(shape, cv2.GC_PR_FGD if whole else cv2.GC_PR_BGD, np.uint8)
    axes = (int(width * 0.46), int(height * 0.46))
    cv2.ellipse(marks, (width // 2, height // 2), axes, 0, 0, 360, cv2.GC_PR_FGD, -1)
    marks[ring(shape)] = cv2.GC_BGD
    return marks
