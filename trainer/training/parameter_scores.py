"""How well the model ``procedural`` finds furniture again in pictures that it never saw.

``python -m trainer.training.parameter_scores MODEL STORE [--shapes 90]`` prints, of held-out shapes
of a store with pictures, how often the class is right, and the IoU in the store's cells of what the
encoder says and of what the search makes of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from shapelab.core.inputs.reconstruct import iou
from shapelab.core.model.procedural.procedural_generator import ProceduralGenerator
from shapelab.core.model.shape_model import ShapeModel, load_model

from ..data.store.prepared_store import Store, open_store
from ..updates.encoding import evenly, held_out_inputs


def scores(model: ShapeModel, store: Store, count: int) -> dict[str, float]:
    """Means over ``count`` held-out shapes, a picture each, by what they say."""
    rows = evenly(store.indices("validation"), count)
    rgba = store.pictures(rows, np.zeros_like(rows))
    pictures = held_out_inputs(rgba, model.spec)
    masks = rgba[..., 3].astype(np.float32) / 255
    told: dict[str, list[float]] = {}
    for k, (row, wanted) in enumerate(zip(rows.tolist(), store.grids(rows), strict=True)):
        label, side = store.classes[store.labels[row]], len(wanted)
        encoded = model.encode_image(pictures[k])
        fit = model.fit_silhouettes(pictures[k : k + 1], masks[k : k + 1])[0]
        for name, value in (
            ("class, encoder", model.density.nearest_class(encoded) == label),
            ("class, found", model.density.nearest_class(fit.best.latent) == label),
            ("IoU, encoder", iou(_solid(encoded, side), wanted)),
            ("IoU, found", iou(_solid(fit.best.latent, side), wanted)),
            ("outline, encoder", fit.before),
            ("outline, found", fit.best.overlap),
        ):
            told.setdefault(name, []).append(float(value))
    return {name: float(np.mean(values)) for name, values in told.items()}


def _solid(latent: NDArray[np.float32], side: int) -> NDArray[np.bool_]:
    grid = ProceduralGenerator(side)(torch.from_numpy(latent)[None])[0, 0]
    return (grid > 0).numpy()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("store", type=Path)
    parser.add_argument("--shapes", type=int, default=90)
    asked = parser.parse_args()
    found = scores(load_model(asked.model), open_store(asked.store), asked.shapes)
    for name, value in found.items():
        Console().print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
