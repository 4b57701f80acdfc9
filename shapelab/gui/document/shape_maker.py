"""From a request to the surface that answers it: decoded, meshed and counted; knows no Qt."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh.meshing import PartedSurface, SurfaceOptions
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.latent import Array

if TYPE_CHECKING:
    from shapelab.core.inputs.reconstruct import Grid
    from shapelab.core.mesh.sharpening import Distance
    from shapelab.core.model.shape_model import ShapeModel

Counts = NDArray[np.intp]
BINS = 25  # of the histogram of a field
AT_ONCE = 2**15  # cells that are counted: what is made of more leaves the processor's cache


@dataclass(frozen=True, eq=False)
class Guest:
    """A shape that comes from outside the model, to be looked at and exported as it is."""

    occupancy: Array  # (R, R, R) float32
    origin: str


@dataclass(frozen=True, eq=False)
class ShapeRequest:
    """One shape that the viewport should show; carried back by its result."""

    number: int
    model: ShapeModel
    latent: Array  # (latent,) float32
    options: SurfaceOptions
    blocks: bool  # cubes are wanted too
    guest: Guest | None = None  # shown instead of the latent's shape
    target: Grid | None = None  # (R, R, R) what the shape is meant to be, if that is known
    draft: bool = False  # of a drag: see `ShapeModel.draft` and `meshing.parted_surface`

    def distance(self) -> Distance | None:
        """To the true surface of the shape, where that is known; a draft goes without."""
        known = self.guest is None and not self.draft
        return self.model.distance(self.latent) if known else None

    def is_of_shape(self, other: ShapeRequest) -> bool:
        """Whether both are decoded from one latent."""
        return (
            self.guest is other.guest is None
            and self.model is other.model
            and np.array_equal(self.latent, other.latent)
        )


@dataclass(frozen=True, eq=False)
class ShownShape:
    """The surface of a request, as the viewport shows it and, but for drafts, a file gets it."""

    request: ShapeRequest
    surface: PartedSurface
    blocks: TriMesh | None
    histogram: Counts  # (BINS,) cells of the grid by occupancy, from 0 to 1
    cells: int  # along a side of the grid that it was made from
    agreement: float | None  # IoU of its cells with those of the target
    decode_ms: float
    surface_ms: float

    @property
    def mesh(self) -> TriMesh:
        return self.surface.mesh


class ShapeMaker:
    """Answers requests, one after the other; keeps the newest occupancy."""

    def __init__(self) -> None:
        self._decoded: tuple[ShapeRequest, Array] | None = None

    def occupancy(self, request: ShapeRequest) -> Array:
        """Occupancy (R, R, R) of what a request asks for, as exact as it asks; for any thread.

        The last one is kept: while the surface's sliders move, the shape stays.
        """
        if request.guest is not None:
            return request.guest.occupancy
        kept = self._decoded
        known = kept is not None and kept[0].is_of_shape(request)
        if kept is None or not known or kept[0].draft > request.draft:
            decode = request.model.draft if request.draft else request.model.decode
            kept = request, decode(request.latent)
            self._decoded = kept
        return kept[1]

    def make(self, request: ShapeRequest) -> ShownShape:
        """The answer; on a worker's thread. Raises MeshError where nothing is solid."""
        from shapelab.core.mesh import meshing

        start = time.perf_counter()
        occupancy = self.occupancy(request)
        decoded = time.perf_counter()
        surface = meshing.parted_surface(
            occupancy, request.options, request.draft, request.distance()
        )
        end = time.perf_counter()
        blocks = meshing.blocks(occupancy, request.options) if request.blocks else None
        times = 1e3 * (decoded - start), 1e3 * (end - decoded)
        agreement = None
        # A draft may be coarser than what it is meant to be; the shape at rest tells.
        if request.target is not None and occupancy.shape == request.target.shape:
            from shapelab.core.inputs.reconstruct import iou  # and the readers of all files

            agreement = iou(meshing.shown_cells(occupancy, request.options)[0], request.target)
        counts = _histogram(occupancy)
        return ShownShape(request, surface, blocks, counts, len(occupancy), agreement, *times)


def _histogram(occupancy: Array) -> Counts:
    """Cells (BINS,) of a grid by their occupancy."""
    counts, cells = np.zeros(BINS, np.intp), occupancy.ravel()
    for begin in range(0, cells.size, AT_ONCE):
        bins = np.minimum(cells[begin : begin + AT_ONCE] * BINS, BINS - 1).astype(np.uint8)
        counts += np.bincount(bins, minlength=BINS)
    return counts
