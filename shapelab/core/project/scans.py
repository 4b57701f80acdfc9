"""A scan by content: an .npz that is not compressed, so that a kill finds it on the disk soon."""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shapelab.core import files_of_others
from shapelab.core.errors import InputError, clean
from shapelab.core.files_of_others import sound_array
from shapelab.core.project.project_file import digest_of

if TYPE_CHECKING:  # the window is painted before it reads scans
    from shapelab.core.inputs.depth.depth_object import DepthObject
    from shapelab.core.inputs.scan import Scan

MAX_SCAN = 64 * 2**20  # bytes: 3.5 million triangles, or 5.6 million points
_DAMAGED = "A scan in the project is damaged; please open its file again."
_FARTHEST = 1e30  # sides of the grid: what is squared must be a number
_DEEP = "deep_"  # prefix of a depth picture's arrays


class StoredScan(NamedTuple):
    """A scan as it lies in a project."""

    digest: str  # of the data
    data: bytes  # of an .npz, the same for the same scan


def stored_scan(scan: Scan) -> StoredScan | None:
    """What a project keeps of a scan; None of one that is too large."""
    if scan.nbytes > MAX_SCAN:
        return None
    arrays: dict[str, Any] = {
        "vertices": np.asarray(scan.vertices, np.float32),
        "size": np.array(scan.size, np.float64),
    }
    if scan.faces is not None:
        arrays["faces"] = np.asarray(scan.faces, np.int32)
    if scan.eye is not None:
        arrays["eye"] = np.asarray(scan.eye, np.float64)
    if scan.behind is not None:
        arrays["behind"] = np.asarray(scan.behind, np.float32)
    facts: dict[str, Any] = {"unit": scan.unit}
    if scan.deep is not None:
        arrays |= _deep_arrays(scan.deep)
        facts["deep"] = _deep_facts(scan.deep)
    arrays["facts"] = np.array(json.dumps(facts))
    try:
        _read(arrays)
    except (ValueError, InputError):  # odd numbers of an odd file must not spoil the project
        return None
    out = io.BytesIO()
    np.savez(out, **arrays)
    data = out.getvalue()
    return StoredScan(digest_of(data), data) if len(data) <= MAX_SCAN else None


def _deep_arrays(deep: DepthObject) -> dict[str, Any]:
    arrays = {
        "points": np.asarray(deep.points, np.float32),
        "eye": np.asarray(deep.eye, np.float64),
        "behind": np.asarray(deep.behind, np.float32),
        "depth": np.asarray(deep.picture.depth, np.float32),
        "mask": deep.mask,
        "within": deep.shot.within,
        "told_mask": deep.shot.mask,
    }
    return {_DEEP + name: each for name, each in arrays.items() if each is not None}


def _deep_facts(deep: DepthObject) -> dict[str, Any]:
    lens, shot = deep.lens, deep.shot
    return {
        "step": deep.picture.step,
        "size": deep.picture.size,
        "lens": [lens.fx, lens.fy, lens.cx, lens.cy],
        "told_lens": shot.lens is not None,
        "angles": shot.angles,
        "on_floor": deep.on_floor,
    }


def read_scan(data: bytes) -> Scan:
    """The scan of a ``StoredScan``'s data, believing nothing; InputError where it is damaged."""
    try:
        # It is not compressed: one that unpacks to more than it takes is somebody else's.
        return _read(files_of_others.npz_arrays(data, min(len(data), MAX_SCAN)))
    except (ValueError, KeyError, TypeError, OverflowError, InputError):
        raise InputError(_DAMAGED) from None


def _read(arrays: dict[str, NDArray[Any]]) -> Scan:
    from shapelab.core.inputs.scan import Scan

    facts = files_of_others.json_of(str(sound_array(arrays, "facts", "U", ())))
    vertices = sound_array(arrays, "vertices", "f4", (None, 3))
    faces = None
    if "faces" in arrays:
        faces = sound_array(arrays, "faces", "i4", (None, 3))
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError("faces")
    width, depth, height = sound_array(arrays, "size", "f8", (3,)).tolist()
    if np.abs(vertices).max() > 1 or min(width, depth, height) < 0:
        raise ValueError("vertices")
    return Scan(
        vertices,
        faces,
        (width, depth, height),
        clean(str(facts["unit"])),
        _read_deep(arrays, facts["deep"]) if "deep" in facts else None,
        _place(arrays, "eye", "f8", (3,)) if "eye" in arrays else None,
        _place(arrays, "behind", "f4", (None, 3)) if "behind" in arrays else None,
    )


def _read_deep(arrays: dict[str, NDArray[Any]], facts: dict[str, Any]) -> DepthObject:
    from shapelab.core.inputs.depth.depth_object import DepthObject, Shot
    from shapelab.core.inputs.depth.depth_picture import WORKING_SIDE, DepthPicture, Lens

    depth = sound_array(arrays, f"{_DEEP}depth", "f4", (None, None))
    step, (width, height) = facts["step"], facts["size"]
    if type(step) is not int or step < 1 or max(depth.shape) > WORKING_SIDE:
        raise ValueError("depth")
    if depth.shape != (-(-int(height) // step), -(-int(width) // step)):
        raise ValueError("depth")
    if depth.min() < 0 or not depth.any():
        raise ValueError("depth")
    fx, fy, cx, cy = facts["lens"]
    picture, lens = DepthPicture(depth, step, (int(width), int(height))), Lens(fx, fy, cx, cy)
    lens.check(picture.size)
    masks = [
        sound_array(arrays, _DEEP + name, "?", depth.shape) if _DEEP + name in arrays else None
        for name in ("within", "told_mask")
    ]
    angles = None
    if facts["angles"] is not None:
        around, up = map(float, facts["angles"])
        if not math.isfinite(around) or not math.isfinite(up):
            raise ValueError("angles")
        angles = around, up
    return DepthObject(
        sound_array(arrays, f"{_DEEP}points", "f4", (None, 3)),
        _place(arrays, f"{_DEEP}eye", "f8", (3,)),
        _place(arrays, f"{_DEEP}behind", "f4", (None, 3)),
        picture,
        lens,
        sound_array(arrays, f"{_DEEP}mask", "?", depth.shape),
        facts["on_floor"] is True,
        Shot(lens if facts["told_lens"] is True else None, angles, *masks),
    )


def _place(
    arrays: dict[str, NDArray[Any]], key: str, kind: str, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """A place or places, maybe none, near enough to be reckoned with."""
    found = sound_array(arrays, key, kind, shape, empty=True)
    if found.size and np.abs(found).max() > _FARTHEST:
        raise ValueError(key)
    return found
