"""Teaches pictures to the model ``procedural``: of every stored shape the parameters are known.

``python -m trainer.training.parameter_training OUT STORE [STORE ...] --steps 12000``; the stores
are prepared from ``procedural:COUNT:SEED``, with pictures. Run again, it goes on.
"""

from __future__ import annotations

import argparse
import math
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from shapelab.core.errors import DataError
from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import random_shares
from shapelab.core.model.procedural.parameter_bins import parameter_bins
from shapelab.core.model.procedural.parameter_encoder import ParameterEncoder, ParameterGuesses
from shapelab.core.model.procedural.procedural_generator import PARAMETERS, procedural_spec
from shapelab.core.runs.run_config import RunConfig

from ..checkpoints import checkpoint_store
from ..data.batches.batches import Batch, Batches
from ..data.store.joined_store import JoinedStore
from ..data.store.prepared_store import Store, open_store
from ..process.distributed import Processes
from ..updates import losses
from ..updates.imagenet_weights import begin_with_imagenet

Networks = dict[str, nn.Module]

BATCH = 32
RATE, HEADS_RATE, RISE = 4e-4, 1e-3, 300  # of Adam at its highest, and the steps until there
DECAY = 0.999  # of the averaged weights
SAVE_EVERY, TELL_EVERY = 250, 50  # steps
CHOICE_WEIGHT, CLASS_WEIGHT = 2.0, 0.5  # beside the camera's


def known_choices(store: Store) -> NDArray[np.int64]:
    """The class of all shapes of a store, and the choices of its parameters, (n, 1 + P).

    Raises:
        DataError: the store was not prepared from ``procedural:COUNT:SEED``.
    """
    source = str(store.index["source"])
    match = re.fullmatch(r"procedural(?::\d+)?(?::(\d+))?", source)
    if match is None:
        raise DataError(
            f"{store.folder} was made of {source}; name stores of procedural:COUNT:SEED, whose "
            "parameters are known."
        )
    seed, bins, labels = int(match[1] or 0), parameter_bins(), list(FAMILIES)
    found = np.zeros((len(store), 1 + PARAMETERS), np.int64)
    for row, name in enumerate(store.ids):
        label, number = name.split("/")
        kind = labels.index(label)
        shares = random_shares(FAMILIES[label], int(number), seed)
        found[row] = kind, *bins.chosen(kind, shares)
    return found


class Lesson:
    """The loss of a batch: the parameters of the true class, the camera, and the class."""

    def __init__(self, stores: list[Store]) -> None:
        bins = parameter_bins()
        self.known = torch.from_numpy(np.concatenate([known_choices(s) for s in stores]))
        self.number, self.exist = torch.from_numpy(bins.number), torch.from_numpy(bins.exist)
        self.declared = self.exist[..., 0]  # [K, P]

    def __call__(self, seen: ParameterGuesses, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        assert batch.labels is not None
        assert batch.cameras is not None
        known = self.known[batch.rows]
        rows = torch.nonzero(batch.labels < len(FAMILIES))[:, 0]
        kinds, chosen = known[rows, 0], known[rows, 1:]
        each = torch.arange(len(rows))[:, None, None]
        logits = seen.choices[rows].float()[each, self.number[kinds]]
        logits = logits.masked_fill(~self.exist[kinds], -torch.inf)
        declared = self.declared[kinds]
        choices = functional.cross_entropy(logits[declared], chosen[declared])
        camera = losses.camera(seen.camera.float(), batch.cameras)
        classes = losses.classes(seen.classes, batch.labels)
        told = {
            "choices": choices,
            "camera": camera,
            "classes": classes,
            "right": (seen.classes.argmax(1) == batch.labels).float().mean(),
        }
        return CHOICE_WEIGHT * choices + camera + CLASS_WEIGHT * classes, told


def train(folder: Path, stores: list[Path], steps: int) -> None:
    """Trains, from the last checkpoint in the folder on."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = [open_store(path) for path in stores]
    joined = JoinedStore([(store, float(len(store))) for store in opened])
    config = RunConfig(model=procedural_spec(), flip=False, steps=2, image_steps=1, seed=1)
    batches = Batches(joined, config, Processes(), BATCH)
    lesson = Lesson(opened)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder = ParameterEncoder(config.model)
    begin_with_imagenet(encoder.body)
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
            share = min(1.0, (step + 1) / RISE) * 0.5 * (1 + math.cos(math.pi * step / steps))
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
                _save(folder, step + 1, networks, adam)


def trained(folder: Path) -> ParameterEncoder:
    """The encoder whose weights are the averages of the last checkpoint.

    Raises:
        DataError: the folder has none.
    """
    found = checkpoint_store.read_newest(folder)
    if found is None:
        raise DataError(f"{folder} has no checkpoint; train first.")
    encoder = ParameterEncoder(procedural_spec())
    encoder.load_state_dict(
        {name: found[0][f"average.module.{name}"] for name in encoder.state_dict()}
    )
    return encoder.eval()


def _save(folder: Path, step: int, networks: Networks, adam: Optimizer) -> None:
    tensors = {
        f"{name}.{key}": value
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }
    for number, parameter in enumerate(_moved_by(adam)):
        tensors |= {f"adam.{number}.{key}": v for key, v in adam.state[parameter].items()}
    checkpoint_store.write(folder, step, tensors, {}, keep_last=1)


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
    asked = parser.parse_args()
    train(asked.folder, asked.stores, asked.steps)


if __name__ == "__main__":
    main()
