"""From solid parts to the closed surface of their union."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh.meshing import SurfaceOptions, surface
from shapelab.core.mesh.tri_mesh import TriMesh

from .solids import Part

STEPS = 96  # samples along the longest side: as many as cells of the finest grid, 128^3
_BAND = 2.0  # samples around a part where its distance is asked; farther away it cannot matter


def mesh(parts: Sequence[Part], steps: int = STEPS) -> TriMesh:
    """The union's outer surface in metres, closed, manifold and wound outwards; voids are filled.

    Args:
        parts: solids; only what lies within their boxes is seen.
        steps: samples of the distance along the longest side; thinner parts are lost.
    """
    distances, middle, pitch = sampled(parts, steps)
    occupancy = np.clip(0.5 - distances / (2 * _BAND * pitch), 0.0, 1.0)
    found = surface(occupancy, SurfaceOptions(smoothing=0))
    vertices = found.vertices * np.float32(pitch * max(distances.shape)) + middle.astype(np.float32)
    return TriMesh(vertices, found.faces, found.normals)


def sampled(
    parts: Sequence[Part], steps: int
) -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
    """The union's signed distances on a grid that is just larger than the parts.

    Args:
        parts: solids.
        steps: samples along the longest side of the box around them.

    Returns:
        Distances (x, y, z) in metres, cut off at a few samples outside; the place of the grid's
        middle (3,); and the distance between two samples.
    """
    low = np.min([part.low for part in parts], axis=0)
    high = np.max([part.high for part in parts], axis=0)
    middle, pitch = (low + high) / 2, float((high - low).max()) / steps
    shape = np.ceil((high - low) / pitch - 1e-6).astype(int) + 5
    axes = [
        (middle[k] + (np.arange(n) - (n - 1) / 2) * pitch).astype(np.float32)
        for k, n in enumerate(shape)
    ]
    reach = _BAND * pitch
    distances = np.full(shape, reach, np.float32)
    for part in parts:
        near = tuple(
            slice(*np.searchsorted(axis, (a - reach, b + reach)))
            for axis, a, b in zip(axes, part.low, part.high, strict=True)
        )
        x, y, z = np.ix_(*(axis[cut] for axis, cut in zip(axes, near, strict=True)))
        np.minimum(distances[near], part.distance(x, y, z), out=distances[near])
    return distances, middle, pitch
