"""The object that stands out in a depth picture, as points of what was seen of it, stood up.

Floor and walls are cut off: planes that reach the picture's border and have nothing behind them.
Of what is left the largest thing that the border does not cut is the object, with all that stands
within its outline as seen from above: hind legs hang on nothing that the camera sees. A person can
say where to look for it, or which pixels it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs import cloud_solid
from shapelab.core.inputs.depth.depth_picture import DepthPicture, Lens, guessed_lens

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

NOTHING = "Nothing stands out in the depth picture; please choose one of a single object."
TOO_LITTLE = "The depth picture says too little of what is in the {}; please draw another."
_FEWEST = 200  # points of an object
_SOME = 6000  # points by which a plane is judged
_PLANES = 5  # of a room: floor, ceiling and three walls
_TRIES = 200  # planes that are tried for each
_LEAST_TOLERANCE, _MOST_TOLERANCE = 0.002, 0.01  # of its distance, how far a point is off a plane
_LARGE, _BEHIND, _AT_BORDER = 0.08, 0.02, 0.05  # shares of points, and of the border, of a plane
_JUMP = 0.03  # of the distance, between neighbours of two things
_UNCUT = 0.2  # of the largest thing's area, for one that the border does not cut to be taken first
_GROWN = 1.2  # the outline within which other parts count
_WITHIN = 0.8  # share of a part's points
_SPECK = 12  # pixels of a part that may be noise
_STEEPEST = 50.0  # degrees between up and the picture's upright of a camera
_DOWN = 20.0  # degrees that a camera looks down where nothing says it
_LEVEL = 0.3  # of a normal's upright share, below which its surface is upright
_UPRIGHTS = 0.15  # of the normals, which say how the object is turned; else its outline does


@dataclass(frozen=True, eq=False)
class Shot:
    """What a person says of a depth picture; what they do not say is guessed.

    Attributes:
        lens: of the camera.
        angles: where it stood as seen from the object: degrees around from its front,
            counter-clockwise from above, and up.
        within: (h, w) of the picture's pixels, where the object is among other things.
        mask: (h, w) of the picture's pixels that are the object.
    """

    lens: Lens | None = None
    angles: tuple[float, float] | None = None
    within: Mask | None = None
    mask: Mask | None = None

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return sum(each.nbytes for each in (self.within, self.mask) if each is not None)


UNSAID = Shot()


@dataclass(frozen=True, eq=False)
class DepthObject:
    """The object in a depth picture.

    Attributes:
        points: (n, 3) float32, in the picture's unit, z up, sides along x and y; the middle of
            their box is the origin.
        eye: (3,) where the camera stood, in the same.
        behind: (k, 3) float32 of what was seen beside the object: all before it is free.
        picture: in which it stands.
        lens: through which it was seen.
        mask: (h, w) of the picture's pixels that are the object.
        on_floor: whether a floor said which way is up.
        shot: what was said of the picture.
    """

    points: NDArray[np.float32]
    eye: Array
    behind: NDArray[np.float32]
    picture: DepthPicture
    lens: Lens
    mask: Mask
    on_floor: bool
    shot: Shot = UNSAID

    @property
    def words(self) -> str:
        """How it was found, in a sentence."""
        if self.shot.mask is not None:
            taken = "What was said to be the object was taken"
        elif self.shot.within is not None:
            taken = "What is no floor or wall in the box was taken"
        elif self.on_floor:
            taken = "What is no floor or wall was taken"
        else:
            return "It stands on no floor; which way is up was guessed."
        how = "the floor says which way is up" if self.on_floor else "which way is up was guessed"
        return f"{taken}; {how}."

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        parts = (self.points, self.behind, self.picture.depth, self.mask, self.shot)
        return sum(each.nbytes for each in parts)


def object_in(picture: DepthPicture, shot: Shot = UNSAID) -> DepthObject:
    """Finds the object, and how it stands.

    Args:
        picture: as the reader gives it.
        shot: what is said of it.

    Raises:
        InputError: nothing stands out where it is said to be, or the lens cannot be meant.
    """
    lens = guessed_lens(picture.size) if shot.lens is None else shot.lens
    lens.check(picture.size)
    points = points_of(picture, lens)
    normals = _normals(points)
    there = picture.depth > 0
    room, floor = _room(points, normals, there)
    if shot.mask is not None:
        seed, parts = measured(picture, shot.mask), None
    else:
        where = there if shot.within is None else there & shot.within
        left = where & ~room
        if left.sum() < _FEWEST:  # a single flat thing that fills the picture
            left, floor = where, None
        parts = _parts(picture.depth.astype(np.float64), left)
        seed = parts == _largest(picture, parts) if left.any() else left
    if seed.sum() < _FEWEST:
        raise InputError(NOTHING if shot.within is None else TOO_LITTLE.format("box"))
    up = _up(shot, floor, normals[seed])
    standing = points @ _rotation_to(up).T
    mask = seed if parts is None else seed | _standing_within(standing, parts, seed)
    ahead = normals[mask] @ _rotation_to(up).T
    if shot.angles is None:
        turn = -_turned_by(standing[mask], ahead)
    else:
        turn = math.radians(shot.angles[0])
    kept = cloud_solid.spread(_about_z(standing[mask], turn)).kept
    middle = (kept.min(0) + kept.max(0)) / 2
    beside = standing[there & ~mask]
    behind = _about_z(beside[:: max(1, len(beside) // _SOME)], turn)
    own, others = ((each - middle).astype(np.float32) for each in (kept, behind))
    return DepthObject(own, -middle, others, picture, lens, mask, floor is not None, shot)


def measured(picture: DepthPicture, mask: Mask) -> Mask:
    """What was measured of a mask (h, w). Raises InputError where that is too little."""
    seen = mask & (picture.depth > 0)
    if seen.sum() < _FEWEST:
        raise InputError(TOO_LITTLE.format("mask"))
    return seen


def points_of(picture: DepthPicture, lens: Lens) -> Array:
    """Each pixel's place (h, w, 3) before a camera at the origin: right, ahead and up."""
    rows, columns = np.indices(picture.depth.shape) * float(picture.step)
    ahead = picture.depth.astype(np.float64)
    return np.stack(
        ((columns - lens.cx) / lens.fx * ahead, ahead, (lens.cy - rows) / lens.fy * ahead), -1
    )


def _normals(points: Array) -> Array:
    """Unit normals (h, w, 3) towards the camera; 0 at edges and where nothing was measured."""
    reach = max(1, max(points.shape[:2]) // 150)
    ahead = points[..., 1]
    normals = np.zeros_like(points)
    middle = (slice(reach, -reach),) * 2
    left, right = points[middle[0], : -2 * reach], points[middle[0], 2 * reach :]
    above, below = points[: -2 * reach, middle[1]], points[2 * reach :, middle[1]]
    if not left.size or not above.size:
        return normals
    across = np.cross(right - left, below - above)
    length = np.linalg.norm(across, axis=-1)
    around = np.stack([each[..., 1] for each in (left, right, above, below)])
    own = ahead[middle]
    smooth = (around > 0).all(0) & (np.abs(around - own).max(0) < reach * _JUMP * own)
    sound = smooth & (own > 0) & (length > 0)
    unit = across / np.maximum(length, 1e-12)[..., None]
    unit *= -np.sign((unit * points[middle]).sum(-1))[..., None]
    normals[middle] = np.where(sound[..., None], unit, 0)
    return normals


@dataclass(frozen=True, eq=False)
class _Plane:
    normal: Array  # (3,) away from the camera
    distance: float
    tolerance: float  # of a point's distance

    def beside(self, points: Array) -> Array:
        """How far points (..., 3) lie behind it, in tolerances."""
        off = points @ self.normal - self.distance
        return off / np.maximum(self.tolerance * points[..., 1], 1e-12)


def _room(points: Array, normals: Array, there: Mask) -> tuple[Mask, _Plane | None]:
    """What belongs to planes of the room or lies behind one, and the floor if there is one."""
    rng = np.random.default_rng(0)
    every = np.argwhere(there)
    room, floor = np.zeros_like(there), None
    border = np.zeros_like(there)
    edge = max(1, max(there.shape) // 100)
    border[:edge], border[-edge:], border[:, :edge], border[:, -edge:] = (True,) * 4
    for _ in range(_PLANES):
        left = every[~room[tuple(every.T)]]
        flat = left[np.abs(normals[tuple(left.T)]).max(-1) > 0]
        if len(left) < _FEWEST or not len(flat):
            break
        some = points[tuple(left[:: max(1, len(left) // _SOME)].T)]
        rim = points[there & ~room & border]
        best, most = None, _LARGE * len(every) / len(left)
        for row, column in rng.permutation(flat)[:_TRIES]:
            plane = _Plane(
                -normals[row, column],
                float(-normals[row, column] @ points[row, column]),
                _MOST_TOLERANCE,
            )
            beside = plane.beside(some)
            share = float((np.abs(beside) < 1).mean())
            if share > most and (beside > 2).mean() < _BEHIND:
                reaching = (np.abs(plane.beside(rim)) < 1).sum()
                if reaching >= _AT_BORDER * border.sum():
                    best, most = plane, share
        if best is None:
            break
        best = _refined(best, some)
        room |= there & (best.beside(points) > -1)
        if floor is None and math.degrees(math.acos(min(1, max(-1, -best.normal[2])))) < _STEEPEST:
            floor = best
    return room, floor


def _refined(plane: _Plane, points: Array) -> _Plane:
    """The plane through its own points, and how exactly they lie on it."""
    for _ in range(3):
        own = points[np.abs(plane.beside(points)) < 1]
        middle = own.mean(0)
        normal = np.linalg.svd(own - middle, full_matrices=False)[2][-1]
        normal = normal * np.sign(normal @ middle or 1.0)
        plane = _Plane(normal, float(normal @ middle), plane.tolerance)
    off = float(np.median(np.abs(own @ plane.normal - plane.distance) / own[:, 1]))
    exact = min(_MOST_TOLERANCE, max(_LEAST_TOLERANCE, 5 * off))
    return _Plane(plane.normal, plane.distance, exact)


def _parts(depth: Array, left: Mask) -> NDArray[np.intp]:
    """The number of the part that each pixel belongs to, from 0; -1 where there is none."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    numbers = np.full(depth.shape, -1, np.intp)
    numbers[left] = np.arange(left.sum())
    starts, ends = [], []
    for axis in (0, 1):
        one, other = (np.moveaxis(numbers, axis, 0)[part] for part in (slice(-1), slice(1, None)))
        near, far = (np.moveaxis(depth, axis, 0)[part] for part in (slice(-1), slice(1, None)))
        joined = (one >= 0) & (other >= 0) & (np.abs(near - far) < _JUMP * np.minimum(near, far))
        starts.append(one[joined])
        ends.append(other[joined])
    row, column = np.concatenate(starts), np.concatenate(ends)
    count = int(left.sum())
    links = sparse.coo_matrix((np.ones(len(row), bool), (row, column)), (count, count))
    parts = np.full(depth.shape, -1, np.intp)
    parts[left] = connected_components(links, directed=False)[1]
    return parts


def _largest(picture: DepthPicture, parts: NDArray[np.intp]) -> int:
    """The part with the largest area, of those that the border does not cut if one is large."""
    own = parts[parts >= 0]
    areas = np.bincount(own, picture.depth[parts >= 0].astype(np.float64) ** 2)
    cut = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    uncut = areas.copy()
    uncut[cut[cut >= 0]] = 0
    return int((uncut if uncut.max() >= _UNCUT * areas.max() else areas).argmax())


def _up(shot: Shot, floor: _Plane | None, normals: Array) -> Array:
    """Which way is up before the camera, (3,): as is said, as the floor has it, or as planes do."""
    if shot.angles is not None:
        return _up_of(shot.angles[1])
    if floor is not None:
        return -floor.normal
    sound = normals[np.abs(normals).max(1) > 0]
    if len(sound) < _FEWEST:
        return _up_of(_DOWN)
    some = sound[:: max(1, len(sound) // _SOME)]
    found, best = _DOWN, -1.0
    for down in np.arange(-14.0, 75.0):
        upright = np.abs(some @ _up_of(down))
        away = np.degrees(np.arccos(np.clip(upright, 0, 1)))
        score = float(np.clip(1 - np.minimum(away, 90 - away) / 8, 0, 1).mean())
        score -= 0.0005 * abs(down - _DOWN)  # of what fits alike, the usual
        if score > best:
            found, best = float(down), score
    return _up_of(found)


def _up_of(down: float) -> Array:
    """Up before a camera that is level but looks down by so many degrees."""
    angle = math.radians(down)
    return np.array([0.0, -math.sin(angle), math.cos(angle)])


def _rotation_to(up: Array) -> Array:
    """(3, 3): turns the camera's axes so that ``up`` is z, and looks along y as before."""
    ahead = np.array([0.0, 1.0, 0.0]) - up[1] * up
    ahead /= np.linalg.norm(ahead)
    return np.stack([np.cross(ahead, up), ahead, up])


def _about_z(points: Array, angle: float) -> Array:
    """Points (n, 3) turned counter-clockwise from above, by radians."""
    cos, sin = math.cos(angle), math.sin(angle)
    x, y, z = points.T
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], 1)


def _standing_within(standing: Array, parts: NDArray[np.intp], largest: Mask) -> Mask:
    """Parts that stand within the largest one's outline from above, no higher than it reaches."""
    from scipy.spatial import Delaunay, QhullError

    seed = standing[largest]
    within = np.zeros(parts.shape, bool)
    middle = seed[:, :2].mean(0)
    try:
        outline = Delaunay(middle + _GROWN * (seed[:: max(1, len(seed) // _SOME), :2] - middle))
    except QhullError:  # seen as a line from above
        return within
    there = parts >= 0
    places = standing[there]
    top = seed[:, 2].max() + (_GROWN - 1) * np.ptp(seed[:, 2])
    inside = (outline.find_simplex(places[:, :2]) >= 0) & (places[:, 2] <= top)
    numbers = parts[there]
    sizes = np.bincount(numbers)
    shares = np.bincount(numbers, inside) / np.maximum(sizes, 1)
    taken = (shares >= _WITHIN) & (sizes >= _SPECK)
    within[there] = taken[numbers]
    return within


def _turned_by(points: Array, normals: Array) -> float:
    """How far, in radians from -pi/4 to pi/4, the object's sides are turned from x and y."""
    upright = normals[(np.abs(normals[:, 2]) < _LEVEL) & (np.abs(normals).max(1) > 0)]
    flat = (np.abs(normals).max(1) > 0).sum()
    if len(upright) > _UPRIGHTS * flat:
        # Sides at right angles to each other turn alike once their angles are taken four times.
        four = np.exp(4j * np.arctan2(upright[:, 1], upright[:, 0])).sum()
        return float(np.angle(four)) / 4
    some = points[:: max(1, len(points) // _SOME)]
    angles = np.radians(np.arange(-45.0, 45.0))
    boxes = [np.ptp(_about_z(some, -angle)[:, :2], axis=0).prod() for angle in angles]
    return float(angles[int(np.argmin(boxes))])
