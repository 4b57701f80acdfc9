"""One comparison: the surfaces of a few subjects and their distances, made on a worker's thread."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import Cancelled, ShapelabError
from shapelab.core.mesh.signed_distance import Difference, difference, signed_distances
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.gui.compare.subjects import Subject

MOST_SURFACES, MOST_DISTANCES = 8, 12  # that are remembered
Distances = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Request:
    """What shall be shown, the first pane first; it is given up once ``over`` is set."""

    subjects: tuple[Subject, ...]
    distances: bool
    over: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, eq=False)
class Shown:
    """What one pane shows.

    Attributes:
        mesh: the surface; None where there is none.
        against: which other pane it is measured from; None where it is not.
        distances: (n,) of its vertices, in sides of the grid; above 0 outside of the other.
        figures: the same in two numbers.
        problem: why there is no surface.
    """

    mesh: TriMesh | None
    against: int | None = None
    distances: Distances | None = None
    figures: Difference | None = None
    problem: str = ""


class Comparer:
    """Makes comparisons one after the other; what stays the same is not made again."""

    def __init__(self) -> None:
        self._surfaces: OrderedDict[bytes, TriMesh] = OrderedDict()
        self._distances: OrderedDict[tuple[bytes, bytes], Distances] = OrderedDict()

    def compare(self, request: Request) -> list[Shown]:
        """The panes of a request, fewer where it was given up; on a worker's thread."""
        surfaces: list[tuple[TriMesh | None, str]] = []
        for subject in request.subjects:
            if request.over.is_set():
                return []
            try:
                surfaces.append((self._surface(subject), ""))
            except ShapelabError as error:
                surfaces.append((None, str(error)))
        try:
            return [self._shown(request, surfaces, pane) for pane in range(len(surfaces))]
        except Cancelled:
            return []

    def _shown(
        self, request: Request, surfaces: list[tuple[TriMesh | None, str]], pane: int
    ) -> Shown:
        """The first pane is measured from the second one, all others from the first."""
        mesh, problem = surfaces[pane]
        against = 0 if pane else 1
        other = surfaces[against][0] if against < len(surfaces) else None
        if mesh is None or other is None or not request.distances:
            return Shown(mesh, problem=problem)
        pair = request.subjects[pane].content, request.subjects[against].content
        distances = self._measured(mesh, other, pair, request.over)
        return Shown(mesh, against, distances, difference(mesh, distances))

    def _surface(self, subject: Subject) -> TriMesh | None:
        key = subject.content
        mesh = None if key is None else self._surfaces.get(key)
        if mesh is None:
            mesh = subject.surface()
            if mesh is not None and key is not None:
                self._surfaces[key] = mesh
                while len(self._surfaces) > MOST_SURFACES:
                    self._surfaces.popitem(last=False)
        return mesh

    def _measured(
        self,
        mesh: TriMesh,
        other: TriMesh,
        pair: tuple[bytes | None, bytes | None],
        over: threading.Event,
    ) -> Distances:
        first, second = pair
        key = None if first is None or second is None else (first, second)
        distances = None if key is None else self._distances.get(key)
        if distances is None:
            distances = signed_distances(mesh.vertices, other, over.is_set)
            if key is not None:
                self._distances[key] = distances
                while len(self._distances) > MOST_DISTANCES:
                    self._distances.popitem(last=False)
        return distances
