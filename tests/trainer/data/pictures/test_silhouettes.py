"""R2N2's chairs look in their own pictures as their voxels do: the axes of our reader are right.

Seen through the cameras of ``rendering_metadata.txt``, the voxels that our reader gives must cover
what the pictures' alpha covers. A chair on its side or turned fails by far; a mirrored one would
not, as these chairs are symmetric.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from trainer.data.source import Item
from trainer.data.sources import guarded_loading
from trainer.data.sources.source_table import find_reader

# Of the Blender script that made the release: its lens, sensor, and the distance of ratio 1. The
# file's last column, 25, is half of that lens's field of view (49.1 degrees) rounded.
FOCAL = 35 / 32
DISTANCE = 1.75
FINE = 3  # points along each side of a voxel, enough to leave no gaps between pixels
VIEWS = range(0, 24, 4)


@pytest.fixture(scope="module")
def chairs(shared_data):
    source = shared_data / "shapenet_r2n2_sample"
    reader = find_reader(source)
    items = reader.items(source)
    assert len(items) == 6
    grids = [reader.load(item) for item in items]
    guarded_loading.close()
    return [(item, grid.values > 0.5, grid.pitch) for item, grid in zip(items, grids, strict=True)]


def silhouette(
    solid: np.ndarray, pitch: float, azimuth: float, elevation: float, ratio: float, side: int
) -> np.ndarray:
    """What a grid covers (side, side) of a picture; its middle is where the camera looks.

    Azimuth 0 is the front, -y, and runs clockwise seen from above, in degrees.
    """
    inside = (np.indices((FINE,) * 3).reshape(3, -1).T + 0.5) / FINE
    points = (np.argwhere(solid)[:, None] + inside).reshape(-1, 3) - np.array(solid.shape) / 2
    points = points * pitch
    a, e = np.deg2rad(270 - azimuth), np.deg2rad(elevation)
    towards = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0])
    up = np.cross(towards, right)
    depth = DISTANCE * ratio - points @ towards
    across, down = ((points @ axis) / depth * FOCAL + 0.5 for axis in (right, -up))
    seen = np.zeros((side, side), bool)
    rows, columns = np.floor(down * side).astype(int), np.floor(across * side).astype(int)
    within = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
    seen[rows[within], columns[within]] = True
    return seen


def overlap(item: Item, grid: np.ndarray, pitch: float) -> float:
    """Mean IoU of the voxels' silhouettes and the pictures' alpha."""
    cameras = np.loadtxt(item.pictures[0].parent / "rendering_metadata.txt")
    shares = []
    for view in VIEWS:
        alpha = np.asarray(Image.open(item.pictures[view]))[..., 3] > 128
        azimuth, elevation, _, ratio, _ = cameras[view]
        seen = silhouette(grid, pitch, azimuth, elevation, ratio, len(alpha))
        shares.append((alpha & seen).sum() / (alpha | seen).sum())
    return float(np.mean(shares))


def test_voxels_cover_what_the_pictures_show(chairs):
    found = {item.id: overlap(item, grid, pitch) for item, grid, pitch in chairs}
    for name, share in found.items():
        print(f"{name}: {share:.3f}")
    assert np.mean(list(found.values())) > 0.8
    assert min(found.values()) > 0.65  # a frame of thin tubes; every touched voxel is filled


@pytest.mark.parametrize(
    ("wrong", "change"),
    [
        ("turned round", lambda grid: grid[::-1, ::-1]),
        ("turned by a quarter", lambda grid: np.rot90(grid)),
        ("upside down", lambda grid: grid[:, ::-1, ::-1]),
        ("y and z exchanged", lambda grid: grid.swapaxes(1, 2)),
    ],
)
def test_no_other_axes_would_do(chairs, wrong, change):
    right = [overlap(*chair) for chair in chairs]
    other = [overlap(item, change(grid), pitch) for item, grid, pitch in chairs]
    print(wrong, np.round(other, 3))
    assert np.mean(other) < np.mean(right) - 0.15
