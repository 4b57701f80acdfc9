"""Cells that join the parts of a shape which its grid parts, or lets touch along an edge only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Distances = NDArray[np.float64]
Grid = NDArray[np.bool_]


def crossings(distance: Distances, solid: Grid) -> Grid:
    """A cell of each square of 2 x 2 of which just two cells, on a diagonal, lie inside.

    It is the one of the other two that lies nearer to the surface, if it is solid.

    Args:
        distance: (R, R, R), negative inside.
        solid: (R, R, R), what the shape at least touches.
    """
    found = np.zeros(solid.shape, bool)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        near = np.moveaxis(distance, (first, second), (0, 1))
        touched = np.moveaxis(solid, (first, second), (0, 1))
        bridges = np.moveaxis(found, (first, second), (0, 1))  # a view
        inside = near < 0
        a, b, c, d = inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]
        i, j, k = np.nonzero((a == d) & (b == c) & (a != b))
        slant = inside[i, j, k].astype(np.intp)  # where the first of the other two lies
        one, other = (i, j + slant, k), (i + 1, j + 1 - slant, k)
        place = tuple(
            np.where(near[one] <= near[other], p, q) for p, q in zip(one, other, strict=True)
        )
        bridges[place] |= touched[place]
    return found


def joining_cells(inside: Grid, distance: Distances, allowed: Grid) -> Grid:
    """Cells through which parts of the inside are joined by faces, those near the surface.

    From each part, shortest paths lead to all allowed cells, and where those of two parts meet they
    are a way from one to the other; the shortest of these ways that join all are kept (a Steiner
    tree after Mehlhorn 1988). A step is as long as its cell lies deep outside, and a half. Parts
    that no allowed cells join stay apart.

    Args:
        inside: (R, R, R).
        distance: (R, R, R), of the cells' middles, in cells.
        allowed: (R, R, R), where a bridge may be.
    """
    from scipy import ndimage
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

    found = np.zeros(inside.shape, bool)
    parts, count = ndimage.label(inside)
    if count < 2:
        return found
    # Nodes of the graph: the parts, then the cells beside them that are allowed.
    nodes = parts.astype(np.intp) - 1
    others = np.flatnonzero(allowed & ~inside)
    nodes.ravel()[others] = count + np.arange(len(others))
    steps = np.zeros(count + len(others))
    steps[count:] = 0.5 + np.maximum(distance.ravel()[others], 0)
    pairs = []
    for axis in range(3):
        line = np.moveaxis(nodes, axis, 0)
        pairs.append(np.stack([line[:-1].ravel(), line[1:].ravel()]))
    a, b = np.concatenate(pairs, 1)
    between = (a >= 0) & (b >= 0) & (a != b)
    a, b = np.unique(np.sort(np.stack([a[between], b[between]]), 0), axis=1)
    lengths = (steps[a] + steps[b]) / 2
    size = (len(steps),) * 2
    graph = coo_matrix((lengths, (a, b)), size).tocsr()
    far, before, sources = dijkstra(
        graph, directed=False, indices=np.arange(count), min_only=True, return_predecessors=True
    )
    meets = np.isfinite(far[a]) & np.isfinite(far[b])
    meets &= sources[a] != sources[b]
    a, b, ways = a[meets], b[meets], (far[a] + lengths + far[b])[meets]
    one, other = np.sort(np.stack([sources[a], sources[b]]), 0)
    order = np.lexsort((ways, other, one))
    first = order[np.unique(np.stack([one, other])[:, order], axis=1, return_index=True)[1]]
    tree = minimum_spanning_tree(
        coo_matrix((ways[first], (one[first], other[first])), (count, count)).tocsr()
    ).tocoo()
    kept = set(zip(tree.row.tolist(), tree.col.tolist(), strict=True))
    for k in first.tolist():
        if (one[k], other[k]) not in kept:
            continue
        for node in (a[k], b[k]):
            while node >= count:
                found.ravel()[others[node - count]] = True
                node = before[node]
    return found
