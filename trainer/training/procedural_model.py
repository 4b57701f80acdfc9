"""Writes the model ``procedural``.

``python -m trainer.training.procedural_model FOLDER SIGHT [EVALUATION.json …]``

SIGHT is the folder of ``trainer.training.parameter_training``, whose encoder sees pictures, or a
model whose sight stays, such as ``resources/models/procedural`` when furniture or card change. All
else is not learnt. The sliders are the parameters that change shapes most; they stay those of the
model ``procedural`` that is there, so that its shapes fit the new one, unless it is of another
edition of the furniture: then they are found in a minute. What `shapelab train evaluate procedural
--data STORE --report EVALUATION.html` wrote goes into the card.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from shapelab import __version__
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ModelFileError
from shapelab.core.model import model_file
from shapelab.core.model.attributions import KEY
from shapelab.core.model.latent import PrincipalDirections
from shapelab.core.model.model_summary import CARD, WEIGHTS, is_model, read_card
from shapelab.core.model.procedural.parameter_encoder import ParameterEncoder
from shapelab.core.model.procedural.procedural_generator import (
    ProceduralGenerator,
    density,
    directions,
    measured_effects,
    procedural_spec,
)
from shapelab.core.model.shape_model import load_model

from ..updates.imagenet_weights import MADE_FROM
from .parameter_training import trained

CARD_TEXT: dict[str, Any] = {
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


def write(folder: Path, sight: Path, evaluations: Sequence[Path] = ()) -> None:
    """Writes model file and card, with the figures of the evaluations (.json)."""
    encoder, attributions = _kept(sight) if is_model(sight) else trained(sight)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    networks = {"generator": ProceduralGenerator(), model_file.PICTURES: encoder}
    data = model_file.encode(procedural_spec(), networks, density(), _sliders())
    atomic_write(folder / WEIGHTS, data)
    card = CARD_TEXT | dict(map(_figures, evaluations)) | {KEY: [*attributions, MADE_FROM]}
    atomic_write(folder / CARD, (json.dumps(card, indent=1) + "\n").encode())


def _figures(evaluation: Path) -> tuple[str, dict[str, float]]:
    """What a card says of an evaluation: the means of all figures."""
    found = json.loads(evaluation.read_text())
    means = {key: round(figure["mean"], 4) for key, figure in found["figures"].items()}
    return f"figures on {found['source']}", {"shapes": found["shapes"], **means}


def _kept(folder: Path) -> tuple[ParameterEncoder, list[dict[str, Any]]]:
    """What sees pictures in a model, whatever furniture it makes, and whom it learnt from."""
    encoder = ParameterEncoder(procedural_spec())
    tensors, part = load_file(folder / WEIGHTS), model_file.PICTURES
    encoder.load_state_dict({name: tensors[f"{part}.{name}"] for name in encoder.state_dict()})
    return encoder.eval(), [each for each in read_card(folder)[KEY] if each != MADE_FROM]


def _sliders() -> PrincipalDirections:
    try:
        return load_model(CARD_TEXT["name"]).directions
    except ModelFileError:
        return directions(measured_effects())


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
