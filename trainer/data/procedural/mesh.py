"""From solid parts to the closed surface of their union."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shapelab.core.mesh import TriMesh
from shapelab.core.meshing import SurfaceOptions, surface
from trainer.data.procedural.solids import Part

STEPS = 96  # samples along the longest side: finer than any grid the models are trained on
_BAND = 2.0  # samples around a part where its distance is asked; farther away it cannot matter


def mesh(parts: Sequence[Part], steps: int = STEPS) -> TriMesh:
    """The union's surface in metres: closed, manifold and wound outwards.

    Args:
        parts: solids; only what lies within their boxes is seen.
        steps: samples of the distance along the longest side; thinner parts are lost.
    """
    low = np.min([part.low for part in parts], axis=0)
    high = np.max([part.high for part in parts], axis=0)
    pitch = float((high - low).max()) / steps
    # A grid whose planes lie half a step beside the faces of the box around the shape.
    shape = np.ceil((high - low) / pitch).astype(int) + 5
    middle = (low + high) / 2
    axes = [
        (middle[k] + (np.arange(n) - (n - 1) / 2) * pitch).astype(np.float32)
        for k, n in enumerate(shape)
    ]
    field = np.full(shape, _BAND * pitch, np.float32)
    for part in parts:
        near = tuple(
            slice(
                *np.searchsorted(axis, (part.low[k] - _BAND * pitch, part.high[k] + _BAND * pitch))
            )
            for k, axis in enumerate(axes)
        )
        x, y, z = np.ix_(*(axis[cut] for axis, cut in zip(axes, near, strict=True)))
        np.minimum(field[near], part.distance(x, y, z), out=field[near])
    occupancy = np.clip(0.5 - field / (2 * _BAND * pitch), 0.0, 1.0)
    found = surface(occupancy, SurfaceOptions(smoothing=0, largest_part=False))
    vertices = found.vertices * np.float32(pitch) + middle.astype(np.float32)
    return TriMesh(vertices, found.faces, found.normals)
