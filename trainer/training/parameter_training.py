"""Teaches pictures to the model ``procedural``.

``python -m trainer.training.parameter_training OUT STORE [STORE ...] --steps 12000``. Of stores
that are prepared from ``procedural:COUNT:SEED``, with pictures, every parameter is known. Shapes
that others made teach their class, and the parameters of the piece most like them. With ``--start
MODEL`` it begins with what a model of this kind sees already. Run again, it goes on.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from shapelab.core.errors import DataError, ModelFileError
from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.model import model_file
from shapelab.core.model.attributions import KEY
from shapelab.core.model.model_summary import WEIGHTS
from shapelab.core.model.procedural.parameter_bins import parameter_bins
from shapelab.core.model.procedural.parameter_encoder import ParameterEncoder, ParameterGuesses
from shapelab.core.model.procedural.procedural_generator import procedural_spec
from shapelab.core.paths import find_model
from shapelab.core.runs.run_config import RunConfig

from ..checkpoints import checkpoint_store
from ..data.batches.batches import Batch, Batches
from ..data.store.joined_store import JoinedStore
from ..data.store.prepared_store import Store, open_store
from ..process.distributed import Processes
from ..updates import losses
from ..updates.imagenet_weights import begin_with_imagenet
from .known_parameters import alike_choices, is_procedural, known_choices

Networks = dict[str, nn.Module]

BATCH = 32
RATE, HEADS_RATE, RISE = 4e-4, 1e-3, 300  # of Adam at its highest, and the steps until there
AGAIN = 0.5  # of the rates, for what sees already
OTHERS = 0.2  # of the pictures show shapes that others made, where there are any
DECAY = 0.999  # of the averaged weights
SAVE_EVERY, TELL_EVERY = 250, 50  # steps
CHOICE_WEIGHT, CLASS_WEIGHT = 2.0, 0.5  # beside the camera's


class Lesson:
    """The loss of a batch: the parameters of the true class, the camera, and the class."""

    def __init__(self, known: NDArray[np.int64]) -> None:
        bins = parameter_bins()
        self.known = torch.from_numpy(known)
        self.number, self.exist = torch.from_numpy(bins.number), torch.from_numpy(bins.exist)
        self.declared = self.exist[..., 0]  # [K, P]

    def __call__(self, seen: ParameterGuesses, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        assert batch.labels is not None
        assert batch.cameras is not None
        known = self.known[batch.rows]
        told = (batch.labels < len(FAMILIES)) & (known >= 0).all(1)
        rows = torch.nonzero(told)[:, 0]
        kinds, chosen = known[rows, 0], known[rows, 1:]
        each = torch.arange(len(rows))[:, None, None]
        logits = seen.choices[rows].float()[each, self.number[kinds]]
        logits = logits.masked_fill(~self.exist[kinds], -torch.inf)
        declared = self.declared[kinds]
        missed = functional.cross_entropy(logits[declared], chosen[declared], reduction="sum")
        choices = missed / declared.sum().clamp_min(1)  # of shapes by others none may be known
        camera = losses.camera(seen.camera.float(), batch.cameras)
        classes = losses.classes(seen.classes, batch.labels)
        metrics = {
            "choices": choices,
            "camera": camera,
            "classes": classes,
            "right": (seen.classes.argmax(1) == batch.labels).float().mean(),
        }
        return CHOICE_WEIGHT * choices + camera + CLASS_WEIGHT * classes, metrics


def train(folder: Path, stores: list[Path], steps: int, start: str | None = None) -> None:
    """Trains, from the last checkpoint in the folder on.

    Args:
        folder: of the checkpoints.
        stores: see above.
        steps: in all.
        start: a model to begin with; else only the weights of ImageNet are there.

    Raises:
        DataError: nothing can be learnt from a store.
        ModelFileError: the model cannot be opened, or sees in another way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    opened = [open_store(path) for path in stores]
    known = np.concatenate(
        [known_choices(s) if is_procedural(s) else alike_choices(s, folder) for s in opened]
    )
    joined = JoinedStore(list(zip(opened, _weights(opened), strict=True)))
    config = RunConfig(model=procedural_spec(), flip=False, steps=2, image_steps=1, seed=1)
    batches = Batches(joined, config, Processes(), BATCH)
    lesson = Lesson(known)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder = ParameterEncoder(config.model)
    if start is None:
        begin_with_imagenet(encoder.body)
    else:
        encoder.load_state_dict(_seeing(start))
    highest = 1.0 if start is None else AGAIN
    average = torch.optim.swa_utils.AveragedModel(
        encoder, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(DECAY), use_buffers=True
    )
    backbone = list(encoder.body.parameters())
    heads = list(encoder.parameters())[len(backbone) :]
    adam = torch.optim.AdamW(
        [{"params": backbone, "most": RATE}, {"params": heads, "most": HEADS_RATE}],
        weight_decay=0.02,
    )
    networks: Networks = {"encoder": encoder, "average": average}
    done = _restored(folder, networks, adam)
    told: dict[str, float] = {}
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(batches, done, pictures=True)
        for step in range(done, steps):
            batch = coming.result()
            coming = ahead.submit(batches, step + 1, pictures=True)
            rise = highest * min(1.0, (step + 1) / RISE)
            share = rise * 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in adam.param_groups:
                group["lr"] = share * group["most"]
            encoder.train()
            assert batch.pictures is not None
            with torch.autocast("cpu", torch.bfloat16):
                seen = encoder(batch.pictures)
            loss, metrics = lesson(seen, batch)
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(encoder.parameters(), 5.0)
            adam.step()
            average.update_parameters(encoder)
            for name, value in metrics.items():
                told[name] = told.get(name, 0.0) + float(value.detach()) / TELL_EVERY
            if (step + 1) % TELL_EVERY == 0:
                said = ", ".join(f"{name} {value:.3f}" for name, value in told.items())
                Console().print(f"{step + 1} of {steps}: {said}")
                told = {}
            if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
                _save(folder, step + 1, networks, adam, {KEY: joined.attributions})


def _weights(stores: list[Store]) -> list[float]:
    """How much of the pictures each store gives: procedural ones, and others, by their shapes."""
    own = sum(len(store) for store in stores if is_procedural(store))
    others = sum(len(store) for store in stores) - own
    if not own or not others:
        return [float(len(store)) for store in stores]
    return [
        (1 - OTHERS) * len(store) / own if is_procedural(store) else OTHERS * len(store) / others
        for store in stores
    ]


def _seeing(name: str) -> dict[str, Tensor]:
    """The weights of what sees pictures in a model."""
    networks = model_file.read(find_model(name) / WEIGHTS).networks
    encoder = networks.get(model_file.PICTURES)
    if not isinstance(encoder, ParameterEncoder):
        raise ModelFileError(f"{name} sees pictures in another way; name one such as procedural.")
    return {key: value.float() for key, value in encoder.state_dict().items()}


def trained(folder: Path) -> tuple[ParameterEncoder, list[dict[str, Any]]]:
    """The encoder whose weights are the averages of the last checkpoint, and whom it learnt from.

    The latter as a card names them, see ``core.model.attributions``.

    Raises:
        DataError: the folder has none.
    """
    found = checkpoint_store.read_newest(folder)
    if found is None:
        raise DataError(f"{folder} has no checkpoint; train first.")
    encoder = ParameterEncoder(procedural_spec())
    tensors, meta = found
    encoder.load_state_dict(
        {name: tensors[f"average.module.{name}"] for name in encoder.state_dict()}
    )
    return encoder.eval(), meta[KEY]


def _save(
    folder: Path, step: int, networks: Networks, adam: Optimizer, meta: dict[str, Any]
) -> None:
    tensors = {
        f"{name}.{key}": value
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }
    for number, parameter in enumerate(_moved_by(adam)):
        tensors |= {f"adam.{number}.{key}": v for key, v in adam.state[parameter].items()}
    checkpoint_store.write(folder, step, tensors, meta, keep_last=1)


def _restored(folder: Path, networks: Networks, adam: Optimizer) -> int:
    """Steps that the last checkpoint has, from which everything goes on; 0 without one."""
    found = checkpoint_store.read_newest(folder)
    if found is None:
        return 0
    tensors, meta = found
    for name, network in networks.items():
        network.load_state_dict({key: tensors[f"{name}.{key}"] for key in network.state_dict()})
    for number, parameter in enumerate(_moved_by(adam)):
        adam.state[parameter] = {
            key: tensors[f"adam.{number}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")
        }
    return int(meta["step"])


def _moved_by(adam: Optimizer) -> list[Tensor]:
    return [parameter for group in adam.param_groups for parameter in group["params"]]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--start", metavar="MODEL")
    asked = parser.parse_args()
    train(asked.folder, asked.stores, asked.steps, asked.start)


if __name__ == "__main__":
    main()
