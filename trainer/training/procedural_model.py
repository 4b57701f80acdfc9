"""Writes the model ``procedural``: ``python -m trainer.training.procedural_model FOLDER SIGHT``.

SIGHT is the folder of ``trainer.training.parameter_training``, whose encoder sees pictures. All
else is not learnt; what takes a minute is to find the parameters that change shapes most, which
become the sliders.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from shapelab import __version__
from shapelab.core.atomic import atomic_write
from shapelab.core.model import model_file
from shapelab.core.model.attributions import KEY
from shapelab.core.model.model_summary import CARD, WEIGHTS
from shapelab.core.model.procedural.procedural_generator import (
    ProceduralGenerator,
    density,
    directions,
    measured_effects,
    procedural_spec,
)

from ..updates.imagenet_weights import MADE_FROM
from .parameter_training import trained

CARD_TEXT = {
    "name": "procedural",
    "shapelab": __version__,
    "data": {
        "source": "none: furniture made from parameters by ShapeLab itself",
        "licence": "CC0 1.0: shapes may be used, changed and sold freely",
        "front": "-y",
    },
    "description": "Each number of the latent is a parameter, so shapes are whole and sharp. Only "
    "what sees pictures was trained, on renders of such furniture and of free meshes that others "
    "made; of pictures and files it makes the piece that is most like them.",
    "first_seeds": {"armchair": 4, "bed": 5, "bookshelf": 1, "desk": 2, "dresser": 3},
}


def write(folder: Path, sight: Path) -> None:
    """Writes model file and card."""
    encoder, attributions = trained(sight)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    found = directions(measured_effects())
    networks = {"generator": ProceduralGenerator(), model_file.PICTURES: encoder}
    data = model_file.encode(procedural_spec(), networks, density(), found)
    atomic_write(folder / WEIGHTS, data)
    card = json.dumps(CARD_TEXT | {KEY: [*attributions, MADE_FROM]}, indent=1) + "\n"
    atomic_write(folder / CARD, card.encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
