"""How much a wrong cut-out costs, and what one correcting stroke wins back, on real renders.

    python -m tests.core.inputs.benchmark_masks ../shared/data/shapenet_r2n2_sample --views 4

Of each render the true mask is known. A blob of a tenth of its area is taken away from it at its
edge, or added there, at random; then a disc at the middle of the largest error is put right, as a
brush would. Printed is the IoU of the fitted shape with the object's voxels, in the quarter turn
that suits the shape of the true mask best. Wanted: a loss of 0.03 at most, of which a stroke wins
half back.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from shapelab.core.inputs import images
from shapelab.core.inputs.reconstruct import iou, reconstruct
from shapelab.core.model.shape_model import ShapeModel, load_model

Mask = NDArray[np.bool_]
WRONG = 0.1  # of the mask's area
GROUND = 200  # brightness about the object
REACH = 1.3  # of the stroke's disc, in radii of the error


def blob(mask: Mask, missing: bool, rng: np.random.Generator) -> Mask:
    """A tenth of the mask's area about a random place of its edge, within it or without."""
    side = mask if missing else ~mask
    edge = np.argwhere(side & ndimage.binary_dilation(~side))
    y, x = edge[rng.integers(len(edge))]
    rows, columns = np.indices(mask.shape)
    away = np.where(side, np.hypot(rows - y, columns - x), np.inf)
    nearest = np.argsort(away, axis=None)[: round(WRONG * mask.sum())]
    wrong = np.zeros(mask.size, bool)
    wrong[nearest] = True
    return wrong.reshape(mask.shape)


def stroked(mask: Mask, wrong: Mask) -> Mask:
    """The wrong mask after a disc at its worst error has been put right."""
    error = mask ^ wrong
    depth = ndimage.distance_transform_edt(error)
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    rows, columns = np.indices(mask.shape)
    disc = np.hypot(rows - y, columns - x) <= REACH * depth.max() + 1
    return np.where(disc, mask, wrong)


def shape_of(model: ShapeModel, rgb: NDArray[np.uint8], mask: Mask) -> Mask:
    """What is made of a render that is cut out so."""
    file = io.BytesIO()
    Image.fromarray(np.dstack([rgb, 255 * mask.astype(np.uint8)])).save(file, "PNG")
    picture = images.prepare(file.getvalue())
    seen = images.to_input(picture.rgba, model.spec, picture.scene)
    latent = model.fit_image(seen, picture.rgba[..., 3] / np.float32(255))
    return model.decode(latent) > 0.5


def scores(model: ShapeModel, render: Path, truth: Mask, rng: np.random.Generator) -> list[float]:
    """IoU with the true mask; missing, then stroked; too much, then stroked."""
    rgba = np.asarray(Image.open(render).convert("RGBA")).astype(np.float64)
    share = rgba[..., 3:] / 255
    rgb = np.rint(rgba[..., :3] * share + GROUND * (1 - share)).astype(np.uint8)
    mask = share[..., 0] > 0.5
    own = shape_of(model, rgb, mask)
    turns = [np.rot90(truth, k, (0, 1)) for k in range(4)]
    truth = max(turns, key=lambda turned: iou(own, turned))
    found = [iou(own, truth)]
    for missing in (True, False):
        wrong = mask ^ blob(mask, missing, rng)
        for given in (wrong, stroked(mask, wrong)):
            found.append(iou(shape_of(model, rgb, given), truth))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="renders and voxels as 3D-R2N2 has them")
    parser.add_argument("--views", type=int, default=4, help="of each object")
    parser.add_argument("--model", default="modelnet10")
    options = parser.parse_args()
    model, rng = load_model(options.model), np.random.default_rng(0)
    rows = []
    for voxels in sorted((options.data / "ShapeNetVox32").glob("*/*/model.binvox")):
        truth = reconstruct(model, voxels).voxels
        assert truth is not None
        renders = (
            options.data
            / "ShapeNetRendering"
            / voxels.parent.relative_to(options.data / "ShapeNetVox32")
        )
        for view in range(0, 24, 24 // options.views):
            rows.append(scores(model, renders / "rendering" / f"{view:02}.png", truth, rng))
            print(voxels.parent.name[:8], view, *(f"{score:.3f}" for score in rows[-1]), flush=True)
    whole, missing, missing_stroke, more, more_stroke = np.mean(rows, 0)
    print(f"{len(rows)} renders, true masks: {whole:.3f}")
    for name, wrong, stroke in (
        ("a tenth missing", missing, missing_stroke),
        ("a tenth too much", more, more_stroke),
    ):
        print(f"{name}: {wrong:.3f}, lost {whole - wrong:.3f}; after a stroke {stroke:.3f}")


if __name__ == "__main__":
    main()
