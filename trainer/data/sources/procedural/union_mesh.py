"""The union of solid parts: its signed distance on any lattice, and its closed surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shapelab.core.furniture.furniture import union_distances
from shapelab.core.furniture.solids import Part, turned
from shapelab.core.mesh.meshing import SurfaceOptions, surface
from shapelab.core.mesh.tri_mesh import TriMesh

from ...source import Array, Axes, ClosedForm

STEPS = 96  # samples along the longest side: two a cell of a 64^3 grid
_BAND = 2.0  # samples around a part where its distance is asked; farther away it cannot matter


@dataclass(frozen=True)
class Union(ClosedForm):
    """Parts in metres as one shape; only what lies within their boxes is seen."""

    parts: Sequence[Part]

    def mesh(self, steps: int = STEPS) -> TriMesh:
        """The outer surface in metres, closed, manifold and wound outwards; voids are filled.

        Args:
            steps: samples of the distance along the longest side; thinner parts are lost.
        """
        low = np.min([part.low for part in self.parts], axis=0)
        high = np.max([part.high for part in self.parts], axis=0)
        middle, pitch = (low + high) / 2, float((high - low).max()) / steps
        counts = np.ceil((high - low) / pitch - 1e-6).astype(int) + 5
        x, y, z = (middle[k] + (np.arange(n) - (n - 1) / 2) * pitch for k, n in enumerate(counts))
        distances = self.distances((x, y, z), _BAND * pitch)
        occupancy = np.clip(0.5 - distances / (2 * _BAND * pitch), 0.0, 1.0).astype(np.float32)
        found = surface(occupancy, SurfaceOptions(smoothing=0))
        vertices = found.vertices * np.float32(pitch * max(distances.shape)) + middle.astype(
            np.float32
        )
        return TriMesh(vertices, found.faces, found.normals)

    def turned(self, quarters: int) -> Union:
        """Turns about z, seen from above counter-clockwise, by quarters of a circle."""
        if quarters % 4 == 0:
            return self
        return Union([turned(part, 2, 90.0 * quarters) for part in self.parts])

    def distances(self, axes: Axes, reach: float) -> Array:
        """Signed distances (x, y, z) in metres; each part is asked near its own box only."""
        return union_distances(self.parts, axes, reach)
