"""fit(): the order of updates, rates, validation and saving; yields events, asks the stop token."""

from __future__ import annotations

import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator

from shapelab.core.run import (
    Event,
    Finished,
    RunConfig,
    RunFolder,
    Saved,
    StepDone,
    Validated,
    to_line,
)
from shapelab.errors import RunError
from trainer import checkpoints, steps
from trainer.batches import Batches
from trainer.data.store import Store, open_store
from trainer.evaluate import validation_scores
from trainer.state import AVERAGED, TrainState, new_state
from trainer.teacher import Teacher

JOINT_IMAGE_EVERY = 4  # batches between image updates before its own phase: it keeps up cheaply


@dataclass
class StopToken:
    """Asked between steps; stopping saves."""

    requested: bool = False


def rate_factor(config: RunConfig, step: int) -> float:
    """Cosine from 1 to ``final_rate``, once over the main phase and once over the image phase."""
    main = config.steps - config.image_steps
    done = step / max(1, main) if step < main else (step - main) / max(1, config.image_steps)
    return config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * done))


def kl_weight(config: RunConfig, step: int) -> float:
    """Rises linearly from 0 to 1 over the first ``kl_warm_up`` share of the main phase."""
    ramp = config.kl_warm_up * (config.steps - config.image_steps)
    return min(1.0, step / ramp) if ramp else 1.0


def take_step(state: TrainState, batches: Batches, teacher: Teacher) -> steps.Metrics:
    """One batch: the schedule of the paper, after a warm start and before the image phase."""
    config, step = state.config, state.step
    factor = rate_factor(config, step)
    for name, rate in (
        ("voxel_encoder", config.learning_rate),
        ("generator", config.learning_rate),
        ("image_encoder", config.image_rate),
    ):  # the critic keeps its rate: it must follow the generator to the end
        state.optimisers[name].param_groups[0]["lr"] = rate * factor
    if step >= config.steps - config.image_steps:
        batch = batches(step, pictures=True)
        return steps.image_step(state, batch, teacher.posterior(state, batch))
    with_pictures = config.image_steps == 0 or step % JOINT_IMAGE_EVERY == 0
    batch = batches(step, pictures=with_pictures)
    metrics: steps.Metrics = {}
    if step >= config.warm_start:
        metrics |= steps.critic_step(state, batch)
    metrics |= steps.encoder_step(state, batch, kl_weight(config, step))
    if with_pictures:
        metrics |= steps.image_step(state, batch)
    if step >= config.warm_start and step % config.generator_every == 0:
        metrics |= steps.generator_step(state, batch)
    return metrics


def start(config: RunConfig, folder: RunFolder, store: Path) -> None:
    """Makes a run's folder and notes which store it learns from.

    Raises:
        RunError: there is a run in it already.
    """
    if folder.config.exists():
        raise RunError(f"{folder.path} holds a run already; resume it or name another --run.")
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.data.write_text(json.dumps({"store": str(store.resolve())}), "utf-8")
    folder.config.write_text(config.model_dump_json(indent=1), "utf-8")


def read_config(folder: RunFolder) -> RunConfig:
    """The configuration of a run's folder. Raises RunError when there is none."""
    try:
        return RunConfig.model_validate_json(folder.config.read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(f"{folder.path} holds no run that can be read: {error}.") from error


def store_of(folder: RunFolder) -> Path:
    """The store that a run was started on. Raises RunError when it is not noted."""
    try:
        return Path(json.loads(folder.data.read_text("utf-8"))["store"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(
            f"{folder.path} does not say where its data is; name it with --data."
        ) from None


def load_state(folder: RunFolder, config: RunConfig, device: torch.device) -> TrainState:
    """The newest verified state of a run, or a fresh one."""
    state = new_state(config, device)
    found = checkpoints.read_newest(folder.checkpoints)
    if found is not None:
        tensors, meta = found
        state.load(tensors, int(meta["step"]))
    return state


def fit(store_folder: Path, run: Path, stop: StopToken | None = None) -> Iterator[Event]:
    """Trains a started run from its newest checkpoint to its last step.

    Raises:
        RunError: it was started on other data, or several processes were launched.
    """
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    if accelerator.num_processes > 1:
        raise RunError("This version trains in one process; please start it without a launcher.")
    stop = StopToken() if stop is None else stop
    folder = RunFolder(run)
    config, store = read_config(folder), open_store(store_folder)
    torch.set_num_threads(config.threads or os.cpu_count() or 1)
    state = load_state(folder, config, accelerator.device)
    with folder.events.open("a", encoding="utf-8") as log:
        for event in _events(state, store, folder, accelerator.device, stop):
            log.write(to_line(event) + "\n")
            log.flush()
            yield event


def _events(
    state: TrainState, store: Store, folder: RunFolder, device: torch.device, stop: StopToken
) -> Iterator[Event]:
    config = state.config
    batches, teacher = Batches(store, config, device), Teacher(store, device)
    means: dict[str, list[torch.Tensor]] = defaultdict(list)
    clock, since = time.perf_counter(), state.step
    saved = state.step
    while state.step < config.steps and not stop.requested:
        for name, value in take_step(state, batches, teacher).items():
            means[name].append(value)
        alone = state.step >= config.steps - config.image_steps
        state.step += 1
        state.average(("image_encoder",) if alone else AVERAGED)
        if state.step % config.log_every == 0:
            metrics = {name: torch.stack(v).mean().item() for name, v in means.items()}
            bad = [name for name, value in metrics.items() if not math.isfinite(value)]
            if bad:
                raise RunError(
                    f"Training diverged at step {state.step} ({', '.join(bad)} not finite); "
                    "resume from the last checkpoint with a lower learning rate."
                )
            now = time.perf_counter()
            rate = (state.step - since) * config.batch / (now - clock)
            clock, since = now, state.step
            means.clear()
            yield StepDone(state.step, metrics | {"samples_per_second": rate})
        if state.step % config.validate_every == 0:
            yield Validated(state.step, validation_scores(state, store, device))
        if state.step % config.save_every == 0:
            yield _save(state, store, folder)
            saved = state.step
    if saved != state.step:
        yield _save(state, store, folder)
    yield Finished(state.step, "completed" if state.step >= config.steps else "stopped")


def _save(state: TrainState, store: Store, folder: RunFolder) -> Saved:
    meta = {"config": state.config.model_dump(mode="json"), "data": store.fingerprint}
    path = checkpoints.write(folder.checkpoints, state.step, state.tensors(), meta)
    return Saved(state.step, str(path))
