"""Two steps and a post: a shape of boxes, nothing about which is alike from two sides."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull

from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.camera import Camera

#: Lowest and highest corner of each box, in cells of a 64^3 grid.
STEPS = (((12, 16, 8), (52, 52, 20)), ((12, 16, 20), (28, 52, 36)), ((16, 18, 36), (24, 26, 56)))
CORNERS = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T
BOX_FACES = np.array(
    [
        *([0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]),
        *([2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]),
    ],
    np.int32,
)


def boxes() -> np.ndarray:
    """Corners (3, 8, 3) of the boxes, in sides of the grid."""
    return np.stack([low + (np.array(high) - low) * CORNERS for low, high in STEPS]) / 64 - 0.5


def grid() -> np.ndarray:
    solid = np.zeros((64, 64, 64), bool)
    for low, high in STEPS:
        solid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return solid


def mesh() -> TriMesh:
    faces = np.concatenate([BOX_FACES + 8 * k for k in range(len(STEPS))])
    return TriMesh(boxes().reshape(-1, 3).astype(np.float32), faces)


def silhouette(camera: Camera, side: int) -> np.ndarray:
    """What the boxes cover (side, side) of a camera's own frame: each its corners' convex hull."""
    towards, right, up = camera.axes()
    x, y, half = camera.frame
    picture = Image.new("L", (4 * side, 4 * side))
    for box in boxes():
        near = 1 - box @ towards / camera.distance
        seen = (box @ np.stack([right, up], 1) / near[:, None] - (x, y)) / half
        places = (seen * (1, -1) + 1) * 2 * side
        hull = places[ConvexHull(places).vertices]
        ImageDraw.Draw(picture).polygon([tuple(place) for place in hull], fill=255)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX)) > 128


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((first & second).sum() / (first | second).sum())
