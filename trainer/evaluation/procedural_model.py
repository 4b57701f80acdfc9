"""Writes the model ``procedural``: ``python -m trainer.evaluation.procedural_model FOLDER``.

It learns nothing; what takes a minute is to find the parameters that change shapes most, which
become the sliders.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from shapelab import __version__
from shapelab.core.atomic import atomic_write
from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.model import model_file
from shapelab.core.model.model_summary import CARD, WEIGHTS
from shapelab.core.model.procedural_generator import (
    LATENT_SIZE,
    RESOLUTION,
    ProceduralGenerator,
    density,
    directions,
    measured_effects,
)
from shapelab.core.model.spec import ModelSpec

CARD_TEXT = {
    "name": "procedural",
    "shapelab": __version__,
    "data": {
        "source": "none: furniture made from parameters by ShapeLab itself",
        "licence": "CC0 1.0: shapes may be used, changed and sold freely",
        "front": "-y",
    },
    "description": "Not trained: each number of the latent is a parameter, so shapes are whole and "
    "sharp. It takes no pictures and no files.",
    "first_seeds": {"armchair": 4, "bed": 5, "bookshelf": 1, "desk": 2, "dresser": 3},
}


def write(folder: Path) -> None:
    """Writes model file and card."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = ModelSpec(
        resolution=RESOLUTION,
        latent_size=LATENT_SIZE,
        field="signed_distance",
        classes=tuple(FAMILIES),
    )
    torch.set_num_threads(1)
    found = directions(measured_effects())
    data = model_file.encode(spec, {"generator": ProceduralGenerator()}, density(), found)
    atomic_write(folder / WEIGHTS, data)
    card = json.dumps(CARD_TEXT, indent=1) + "\n"
    atomic_write(folder / CARD, card.encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
