"""Completes a scan of one side: fitted to what was seen and to what must be free before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs.reconstruct import Reconstruction
from shapelab.core.inputs.scan import Scan, turned_by
from shapelab.core.mesh.ray_picture import view_axes
from shapelab.core.model.fits.sight import Sight

if TYPE_CHECKING:
    from shapelab.core.inputs.untrusted_reader import CancelFlag
    from shapelab.core.model.shape_model import ShapeModel

RAYS = 6000  # points whose line of sight is followed
DEEP = 1.5  # cells before a point, which its rounding may fill
REACH = 0.9  # from the middle of the grid to its corners
AWAY = 2.5  # sides of the grid from its middle to an eye of which the direction alone is known
NOTE = "Completed: fitted only to what was seen from one side, and to what must be free before it."
NO_SCAN = "Only a point cloud or mesh can be completed: of other files everything is known."


def sight_of(
    points: NDArray[np.floating],
    eye: NDArray[np.floating],
    side: int,
    behind: NDArray[np.floating] | None = None,
) -> Sight:
    """The cells that were seen from a place, and those that must be free.

    Args:
        points: (n, 3) of surfaces, in sides of the grid, the origin in its middle.
        eye: (3,) from where they were seen, in the same.
        side: cells along a side.
        behind: (k, 3) of other surfaces that were seen from there, in the grid or beyond it.
    """
    seen = np.zeros((side,) * 3, bool)
    seen[tuple(_cells(points, side).T)] = True
    ends = [each[:: max(1, len(each) // RAYS)] for each in (points, behind) if each is not None]
    some = np.concatenate(ends).astype(np.float64)
    ways = some - eye
    far = np.linalg.norm(ways, axis=1)
    ways /= np.maximum(far, 1e-9)[:, None]
    nearest = -ways @ eye  # along each line of sight, to where it comes nearest to the middle
    free = np.zeros_like(seen)
    for beyond in np.arange(-REACH, REACH, 0.5 / side):
        along = nearest + beyond
        open_ = (along > 0) & (along < far - DEEP / side)
        places = eye + ways[open_] * along[open_, None]
        within = (np.abs(places) < 0.5).all(1)
        free[tuple(_cells(places[within], side).T)] = True
    return Sight(seen, free & ~seen)


def _cells(places: NDArray[np.floating], side: int) -> NDArray[np.intp]:
    return np.clip(np.floor((places + 0.5) * side), 0, side - 1).astype(np.intp)


def eye_at(azimuth: float, elevation: float) -> tuple[float, float, float]:
    """A place far off: degrees around, counter-clockwise from the front (-y), and up."""
    x, y, z = (AWAY * view_axes(azimuth, elevation)[2]).tolist()
    return x, y, z


def completed(
    model: ShapeModel,
    result: Reconstruction,
    eye: tuple[float, float, float],
    cancel: CancelFlag | None = None,
) -> Reconstruction:
    """The shape of a scan that was taken from one side, fitted to that side alone.

    Args:
        model: that made the shape.
        result: what it made of the scan as if it were whole.
        eye: from where it was taken, in sides of the grid, in the pose of ``result.scan``.
        cancel: such as a ``threading.Event``; looked at between the steps of the fit.

    Raises:
        InputError: it is no scan.
        Cancelled: ``cancel`` was set.
    """
    if result.scan is None or result.voxels is None:
        raise InputError(NO_SCAN)
    scan = replace(result.scan, eye=np.asarray(eye, np.float64), behind=None)
    return _fitted(model, result, [scan], cancel, NOTE)


def as_taken(
    model: ShapeModel,
    result: Reconstruction,
    cancel: CancelFlag | None = None,
    turns: int | None = None,
) -> Reconstruction:
    """``completed`` from where the camera of a depth picture stood; anything else as it is.

    Args:
        model: as for ``completed``.
        result: of a file.
        cancel: as for ``completed``.
        turns: quarters by which the object is still to be turned, counter-clockwise from above;
            None tries all four, and the likeliest shape says it.

    Raises:
        Cancelled: ``cancel`` was set.
    """
    scan = result.scan
    if scan is None or scan.eye is None:
        return result
    scans = [turned_by(scan, k) for k in (range(4) if turns is None else (turns,))]
    return _fitted(model, result, scans, cancel, f"{scan.deep.words} {NOTE}" if scan.deep else NOTE)


def _fitted(
    model: ShapeModel,
    result: Reconstruction,
    scans: list[Scan],
    cancel: CancelFlag | None,
    note: str,
) -> Reconstruction:
    """The likeliest shape of a scan in several poses, each with its eye."""

    def check(_latents: object) -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled("The completion was cancelled.")

    sights = []
    for scan in scans:
        assert scan.eye is not None
        sights.append(sight_of(scan.vertices, scan.eye, model.spec.resolution, scan.behind))
    latent, pose = model.complete(sights, check)
    voxels = result.voxels if len(scans) == 1 else sights[pose].seen
    return replace(
        result,
        latent=latent,
        occupancy=model.decode(latent),
        class_name=model.density.nearest_class(latent),
        note=note,
        scan=scans[pose],
        voxels=voxels,
        unknown=~sights[pose].known,
    )
