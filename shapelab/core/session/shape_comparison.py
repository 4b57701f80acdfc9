"""Two shapes held against each other: how far their surfaces differ, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.model.latent import Array

if TYPE_CHECKING:
    from shapelab.core.mesh.signed_distance import Difference
    from shapelab.core.mesh.tri_mesh import TriMesh

#: Voxels have steps; smoothed, they differ from a surface by what differs, and not by the steps.
SOLID = SurfaceOptions(largest_part=False, level=0.5, smoothing=10)


@dataclass(frozen=True, eq=False)
class Subject:
    """What is compared.

    Attributes:
        name: for people.
        occupancy: (R, R, R).
        options: of its surface.
    """

    name: str
    occupancy: Array
    options: SurfaceOptions


@dataclass(frozen=True)
class ShapeComparison:
    """What two shapes differ by, where the first one is printed at a size.

    Attributes:
        a_from_b: distances of the first surface from the second, mm.
        b_from_a: and the other way round, mm.
        overlap: the share of the cells of either that are cells of both.
        common_mm3: the volume of those that are.
        volumes_mm3: of the first and of the second shape.
    """

    a_from_b: Difference
    b_from_a: Difference
    overlap: float
    common_mm3: float
    volumes_mm3: tuple[float, float]


def compare_shapes(a: Subject, b: Subject, size_mm: float) -> ShapeComparison:
    """Compares two shapes as they lie in their grids, which are one, however many cells they have.

    Args:
        a: the one that is measured at a size.
        b: the other one.
        size_mm: longest side of the first one.

    Raises:
        MeshError: one of them is empty.
    """
    from shapelab.core.inputs.reconstruct import iou
    from shapelab.core.mesh.meshing import shown_cells, surface
    from shapelab.core.mesh.signed_distance import Difference, difference, signed_distances

    first, second = surface(a.occupancy, a.options), surface(b.occupancy, b.options)
    mm = size_mm / float(first.extents.max())

    def apart(mesh: TriMesh, other: TriMesh) -> Difference:
        found = difference(mesh, signed_distances(mesh.vertices, other))
        return Difference(found.mean * mm, found.farthest * mm)

    cells = []
    for each in (a, b):
        body, loose = shown_cells(each.occupancy, each.options)
        cells.append(body | loose)
    finest = max(map(len, cells))  # 32, 64 or 128: each is a whole multiple of those before
    cells = [_finer(own, finest // len(own)) for own in cells]
    cell_mm3 = (mm / finest) ** 3  # the grid's side is 1
    return ShapeComparison(
        a_from_b=apart(first, second),
        b_from_a=apart(second, first),
        overlap=iou(*cells),
        common_mm3=int((cells[0] & cells[1]).sum()) * cell_mm3,
        volumes_mm3=(first.volume * mm**3, second.volume * mm**3),
    )


def _finer(cells: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Each cell as so many along each side."""
    for axis in range(3):
        cells = cells.repeat(factor, axis)
    return cells
