"""Judges whether a mesh can be printed: closed, manifold, outward, of a real size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shapelab.core import formatting
from shapelab.core.mesh.tri_mesh import TriMesh, merged, shell_volumes, unique_rows

# Slicers find no layers in anything flatter.
SMALLEST_MM = 0.1
#: What may still keep a part from being printed, to be said beside each good verdict.
NOT_CHECKED = "walls not measured"
# The height of a triangle that counts as none, as a share of the part's longest side.
_FLAT = 1e-7
# The faces of a shell that are looked at to tell whether it lies in another.
_PROBES = 8


@dataclass(frozen=True)
class PrintReport:
    """What a slicer would find in a mesh, in millimetres.

    Attributes:
        closed: No edge has a face on one side only.
        manifold: Every edge has exactly two faces and every vertex one fan of them.
        outward: All faces agree on a side, and that side is the outside.
        volume_mm3: The signed volume.
        size_mm: Width (x), depth (y) and height (z).
        parts: Separate bodies; the walls of inner voids are not counted.
        triangles: Number of triangles.
        problems: One sentence for each thing that a person should know before printing.
        path: The file that was written, if one was.
    """

    closed: bool
    manifold: bool
    outward: bool
    volume_mm3: float
    size_mm: tuple[float, float, float]
    parts: int
    triangles: int
    problems: tuple[str, ...]
    path: Path | None = None

    @property
    def ok(self) -> bool:
        """True if nothing stands against printing."""
        return not self.problems

    def summary(self) -> str:
        """Size, parts, triangles and verdict in a few words; says what was not checked."""
        size, parts = formatting.extents(self.size_mm, "mm"), formatting.counted(self.parts, "part")
        verdict = f"closed; {NOT_CHECKED}" if self.ok else "NOT printable"
        return f"{size}, {parts}, {formatting.counted(self.triangles, 'triangle')}, {verdict}"


def check(mesh: TriMesh) -> PrintReport:
    """The verdict on a mesh in millimetres; never raises for a bad mesh."""
    broken = _unreadable(mesh)
    if broken:
        return PrintReport(False, False, False, 0.0, (0.0,) * 3, 0, len(mesh.faces), (broken,))
    joined = merged(mesh)
    edges = _Edges(joined.faces)
    fans = _corner_components(joined.faces, edges)
    manifold = edges.two_sided and fans == len(joined.vertices)
    parts, outward = _shells(joined, edges) if edges.two_sided else (0, False)
    width, depth, height = (float(size) for size in joined.extents)
    volume = joined.volume
    problems = [
        *_edge_problems(edges, manifold),
        *_face_problems(joined),
        *_side_problems(edges, outward, volume),
        *_size_problems((width, depth, height)),
    ]
    return PrintReport(
        closed=edges.open == 0,
        manifold=manifold,
        outward=outward,
        volume_mm3=volume,
        size_mm=(width, depth, height),
        parts=parts,
        triangles=len(mesh.faces),
        problems=tuple(problems),
    )


def _unreadable(mesh: TriMesh) -> str:
    if mesh.is_empty:
        return "The mesh holds no triangles; choose another shape."
    if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices):
        return "Some triangles name corners that do not exist; export the shape again."
    if not np.isfinite(mesh.vertices).all():
        return "Some corners lie at no number; choose another shape or resolution."
    return ""


class _Edges:
    """The edges of a mesh: which corners meet along them, and how many are wrong.

    A corner is one of a face's three, numbered 3 * face + place; the half edge of a corner runs
    to the face's next corner.
    """

    def __init__(self, faces: NDArray[np.int32]) -> None:
        start = faces.ravel().astype(np.int64)
        end = np.roll(faces, -1, axis=1).ravel().astype(np.int64)
        key = np.minimum(start, end) * (int(faces.max()) + 1) + np.maximum(start, end)
        order = np.argsort(key, kind="stable")
        _, first, count = np.unique(key[order], return_index=True, return_counts=True)
        pairs = first[count == 2]
        self.open = int((count == 1).sum())
        self.crowded = int((count > 2).sum())
        self.two_sided = not self.open and not self.crowded
        # The two half edges of every good edge, (k, 2).
        self.pairs = np.stack([order[pairs], order[pairs + 1]], axis=1)
        self.same_way = start[self.pairs[:, 0]] == start[self.pairs[:, 1]]
        self.flipped = int(self.same_way.sum())


def _components(nodes: int, links: NDArray[np.int64]) -> tuple[int, NDArray[np.int32]]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(links), np.int8)
    graph = coo_array((ones, (links[:, 0], links[:, 1])), shape=(nodes, nodes))
    count, labels = connected_components(graph, directed=False)
    return int(count), labels


def _corner_components(faces: NDArray[np.int32], edges: _Edges) -> int:
    """How many fans of faces there are: as many as vertices where the mesh is manifold.

    Corners are linked where two faces share an edge that ends there; a linked set is a fan. A
    vertex in which two cones meet tip to tip has two fans, though each of its edges has two faces.
    """
    one, other = edges.pairs.T
    next_one, next_other = one - one % 3 + (one + 1) % 3, other - other % 3 + (other + 1) % 3
    # Along one edge the start of one half edge meets the other's end, unless both run one way.
    links = np.concatenate(
        [
            np.stack([one, np.where(edges.same_way, other, next_other)], axis=1),
            np.stack([next_one, np.where(edges.same_way, next_other, other)], axis=1),
        ]
    )
    return _components(faces.size, links)[0]


def _shells(mesh: TriMesh, edges: _Edges) -> tuple[int, bool]:
    """Number of bodies, and whether each shell faces outwards (or into a void it bounds)."""
    count, label = _components(len(mesh.faces), edges.pairs // 3)
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    volumes = shell_volumes(mesh.vertices, mesh.faces, label)
    outward = edges.flipped == 0 and bool((volumes != 0).all())
    if count == 1:
        return int(volumes[0] > 0), outward and bool(volumes[0] > 0)
    rays = _Rays(corners, label)
    by_shell = np.split(np.argsort(label, kind="stable"), np.cumsum(np.bincount(label))[:-1])
    for faces, volume in zip(by_shell, volumes, strict=True):
        # Shells may cut into one another: one is wrong only if it is wrong wherever one looks.
        probes = faces[:: -(-len(faces) // _PROBES)]
        outward = outward and any(rays.inside_another(face) == (volume < 0) for face in probes)
    return int((volumes > 0).sum()), outward


class _Rays:
    """Tells by rays along z whether a face lies inside another shell.

    A ray from a point inside a closed shell leaves it once more often than it enters it.
    """

    def __init__(self, corners: NDArray[np.float64], label: NDArray[np.int32]) -> None:
        self._corners, self._label = corners, label
        self._x0, self._y0, _ = corners.min(axis=1).T.copy()
        self._x1, self._y1, self._z1 = corners.max(axis=1).T.copy()

    def inside_another(self, face: int) -> bool:
        # A point off the grid's lines, where a ray meets neither edges nor vertices.
        x, y, z = point = np.array([0.2718, 0.3141, 0.4141]) @ self._corners[face]
        hit = (self._x0 < x) & (self._x1 > x) & (self._y0 < y) & (self._y1 > y) & (self._z1 > z)
        hit &= self._label != self._label[face]
        return _crossings(self._corners[hit], point) > 0


def _crossings(corners: NDArray[np.float64], point: NDArray[np.float64]) -> int:
    """Faces that a ray from the point straight up leaves through, less those it enters through.

    Seen from above, a triangle holds the point if its three sides turn round it the same way; the
    sign says whether the face looks up. Twice the areas of the triangles of the point and each side
    weigh the corners' heights: barycentric coordinates give where the ray meets the face.
    """
    x, y = (corners[..., :2] - point[:2]).transpose(2, 1, 0)
    sides = np.stack([x[i] * y[j] - x[j] * y[i] for i, j in ((1, 2), (2, 0), (0, 1))])
    turn = sides.sum(axis=0)
    hit = ((sides > 0).all(axis=0) | (sides < 0).all(axis=0)) & (turn != 0)
    heights = np.einsum("ij,ji->j", sides[:, hit], corners[hit][..., 2]) / turn[hit]
    return int(np.sign(turn[hit])[heights > point[2]].sum())


def _edge_problems(edges: _Edges, manifold: bool) -> list[str]:
    found = []
    if edges.open:
        found.append(f"The surface has holes: {edges.open} edges have a face on one side only.")
    if edges.crowded:
        found.append(f"{edges.crowded} edges are shared by more than two faces.")
    if edges.two_sided and not manifold:
        found.append("The surface touches itself in single points; try another smoothing.")
    return found


def _face_problems(mesh: TriMesh) -> list[str]:
    found = []
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    sides = corners[:, [1, 2, 0]] - corners
    across = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    longest = np.linalg.norm(sides, axis=2).max(axis=1)
    # Flat means: no higher over its longest side than float32 can tell.
    flat = int((across <= longest * _FLAT * mesh.extents.max()).sum())
    if flat:
        found.append(f"{flat} triangles have no area.")
    twins = len(mesh.faces) - len(unique_rows(np.sort(mesh.faces, axis=1))[0])
    if twins:
        found.append(f"{twins} triangles are there twice.")
    return found


def _side_problems(edges: _Edges, outward: bool, volume: float) -> list[str]:
    if edges.flipped:
        return [f"Neighbouring triangles disagree about the outside along {edges.flipped} edges."]
    if edges.two_sided and not outward:
        return ["Some surface is inside out: its triangles face inwards."]
    if volume <= 0:
        return ["The shape encloses no volume."]
    return []


def _size_problems(size: tuple[float, float, float]) -> list[str]:
    if min(size) >= SMALLEST_MM:
        return []
    shown = " x ".join(f"{length:.3g}" for length in size)
    return [f"The part is only {shown} mm, too thin for any printer; choose a larger size."]
