"""The benchmark: our training steps against the plain port, interleaved, in one process.

Every step of one is timed next to the same step of the other, then a large matrix product, then
the making of a batch; so a machine that slows down slows all of them. Of each the best time counts:
other work on a machine only ever adds.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.advice import estimate
from shapelab.core.runs.run_config import RunConfig

from ..data.batches.ahead import Ahead
from ..data.batches.batches import Batch, Batches
from ..data.source import Item
from ..data.store.prepared_store import Store
from ..data.store.shards import encode
from ..data.store.store_writer import StoreRecipe, StoreWriter, digest_of
from ..process.distributed import Processes
from ..updates import steps
from ..updates.state import new_state
from . import baseline

WIDTHS = {"paper": (256, 32), "small": (128, 16)}  # generator at 2^3, first layer of the others
MATMUL_SIDE = 2048
SHAPES = 256  # in the random store; views as in the presets
VIEWS, SIDE = 8, 64


@dataclass(frozen=True)
class Flops:
    """Forward FLOPs of one sample (2 x multiply-adds), and of each first layer.

    As ``estimate.Layer`` counts them: zero padding included, biases and norms left out.
    """

    generator: int
    critic: int
    encoder: int
    dense: int  # the generator's first layer
    critic_first: int
    encoder_first: int

    @property
    def critic_step(self) -> int:
        """One generator and half an encoder pass, ten critic passes less two of its first layer.

        Of the ten, three go up (real, generated, between), two come down for the scores, which
        stop above the grids, three are weight gradients, two the penalty's way down and up.
        """
        return self.generator + self.encoder // 2 + 10 * self.critic - 2 * self.critic_first

    @property
    def encoder_step(self) -> int:
        """The encoder up, down and its weights; the generator up and down, its weights fixed."""
        return 3 * self.encoder - self.encoder_first + 2 * self.generator

    @property
    def generator_step(self) -> int:
        """Generator up, down and its weights; half an encoder pass; the critic up and down."""
        return 3 * self.generator - self.dense + self.encoder // 2 + 2 * self.critic


def flops(spec: ModelSpec) -> Flops:
    """Counts the networks of a spec."""
    generator, critic = estimate.generator_layers(spec), estimate.critic_layers(spec)
    encoder = estimate.voxel_encoder_layers(spec)
    return Flops(
        generator=sum(layer.flops for layer in generator),
        critic=sum(layer.flops for layer in critic),
        encoder=sum(layer.flops for layer in encoder),
        dense=generator[0].flops,
        critic_first=critic[0].flops,
        encoder_first=encoder[0].flops,
    )


@dataclass(frozen=True)
class StepSpeed:
    """One kind of step: samples a second of the port and of ours, and its share of a matmul."""

    name: str
    baseline: float
    ours: float
    ratio: float  # ours / baseline
    gflop: float  # per sample
    matmul_share: float  # ours: gflop * samples a second / a large matmul's GFLOP/s
    baseline_matmul_share: float


@dataclass(frozen=True)
class TrainingBenchReport:
    """What a run of the benchmark found."""

    width: str
    batch: int
    threads: int
    rounds: int
    torch: str
    matmul_gflops: float
    speeds: tuple[StepSpeed, ...]
    making_share: float  # seconds of making a batch with pictures / seconds of the schedule's batch
    data_share: float  # of our schedule's time that is spent waiting for batches, made ahead
    with_data: float  # our schedule with batches made ahead, against the port's with them in turn

    def describe(self) -> str:
        """Aligned lines for people."""
        lines = [
            f"{self.width} width, batch {self.batch}, {self.threads} threads, best of "
            f"{self.rounds} interleaved rounds, torch {self.torch}",
            f"matmul {MATMUL_SIDE}^3: {self.matmul_gflops:.1f} GFLOP/s",
            "",
            f"{'samples/s':<16}{'port':>8}{'ours':>8}{'ratio':>8}"
            f"{'GFLOP':>8}{'of matmul':>11}{'(port)':>8}",
        ]
        lines += [
            f"{r.name:<16}{r.baseline:>8.1f}{r.ours:>8.1f}{r.ratio:>8.2f}"
            f"{r.gflop:>8.2f}{r.matmul_share:>11.0%}{r.baseline_matmul_share:>8.0%}"
            for r in self.speeds
        ]
        lines += [
            "",
            f"making a batch, pictures included: {self.making_share:.1%} of a step; made ahead, "
            f"{self.data_share:.1%} is spent waiting for it",
            f"the whole schedule with its batches: {self.with_data:.2f} times the port's speed",
        ]
        return "\n".join(lines)

    def to_json(self) -> str:
        """The same as one JSON object."""
        return json.dumps(asdict(self), indent=1)


def measure(
    width: str = "paper", batch: int = 32, threads: int = 2, rounds: int = 3
) -> TrainingBenchReport:
    """Times both sides of the schedule: critic and encoder at each batch, generator at every 5th.

    Args:
        width: "paper" (generator 256, critic and encoder 32) or "small" (half).
        batch: samples in a batch.
        threads: of torch, for all parts alike.
        rounds: schedules (5 batches each) timed after a warm-up.
    """
    generator_width, other_width = WIDTHS[width]
    spec = ModelSpec(
        generator_width=generator_width,
        encoder_width=other_width,
        critic_width=other_width,
        image_size=SIDE,
        image_mode="LA",
        image_convs=((8, 5, 4),),  # built with the state, but not part of this schedule
    )
    config = RunConfig(model=spec, batch_size=batch, flip=True)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        # Windows keeps memory-mapped files until the process ends.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            store = random_store(Path(folder), max(SHAPES, batch), spec.resolution)
            times = _time(config, store, rounds)
    finally:
        torch.set_num_threads(before)
    return _report(width, config, threads, rounds, times)


def _time(config: RunConfig, store: Store, rounds: int) -> dict[str, list[float]]:
    """Seconds by name of what was timed; the first round is the warm-up and is dropped."""
    alone = Processes(Accelerator(cpu=True))
    state = new_state(config, alone)
    weights = {name: network.state_dict() for name, network in state.networks.items()}
    port = baseline.new_baseline(config, weights)
    batches = Batches(store, config, alone)
    factor, out = torch.rand(MATMUL_SIDE, MATMUL_SIDE), torch.zeros(MATMUL_SIDE, MATMUL_SIDE)
    every_batch: dict[str, Callable[[Batch], object]] = {
        "port critic": lambda b: baseline.critic_step(port, b),
        "ours critic": lambda b: steps.critic_step(state, b),
        "port encoder": lambda b: baseline.encoder_step(port, b),
        "ours encoder": lambda b: steps.encoder_step(state, b),
        "matmul": lambda _: torch.mm(factor, factor, out=out),
    }
    every_fifth: dict[str, Callable[[Batch], object]] = {
        "port generator": lambda b: baseline.generator_step(port, b),
        "ours generator": lambda b: steps.generator_step(state, b),
    }
    times: dict[str, list[float]] = defaultdict(list)
    every = config.generator_every
    for turn in range(rounds + 1):
        if turn == 1:
            times.clear()
        for step in range(turn * every, (turn + 1) * every):
            start = time.perf_counter()
            batch = batches(step, True)
            times["data"].append(time.perf_counter() - start)
            for name, run in (every_batch if step % every else every_batch | every_fifth).items():
                start = time.perf_counter()
                run(_without_pictures(batch))
                times[name].append(time.perf_counter() - start)
        for side in ("port", "ours"):
            updates = [every_batch[f"{side} {name}"] for name in ("critic", "encoder")]
            last = every_fifth[f"{side} generator"]
            start = time.perf_counter()
            waited = _schedule(updates, last, batches, every, made_ahead=side == "ours")
            times[f"{side} with data"].append((time.perf_counter() - start) / every)
            times[f"{side} waiting"].append(waited / every)
    return times


def _schedule(
    updates: list[Callable[[Batch], object]],
    last: Callable[[Batch], object],
    batches: Batches,
    steps: int,
    made_ahead: bool,
) -> float:
    """One schedule from its batches on; gives the seconds that were spent waiting for them."""
    ahead, waited = Ahead(), 0.0
    for step in range(steps):
        after = (batches, (step + 1, True)) if made_ahead else None
        start = time.perf_counter()
        batch = _without_pictures(ahead.take((batches, (step, True)), after))
        if step or not made_ahead:  # a run's very first batch is ahead of nothing
            waited += time.perf_counter() - start
        for run in updates:
            run(batch)
    last(batch)
    ahead.close()
    return waited


def _without_pictures(batch: Batch) -> Batch:
    """The image encoder's update is not in the schedule."""
    return replace(batch, pictures=None)


def _report(
    width: str, config: RunConfig, threads: int, rounds: int, times: dict[str, list[float]]
) -> TrainingBenchReport:
    best = {name: min(seconds) for name, seconds in times.items()}
    every = config.generator_every
    for side in ("port", "ours"):  # of one batch of the schedule
        best[f"{side} whole schedule"] = (
            best[f"{side} critic"] + best[f"{side} encoder"] + best[f"{side} generator"] / every
        )
    count = flops(config.model)
    work = {
        "critic": count.critic_step,
        "encoder": count.encoder_step,
        "generator": count.generator_step,
    }
    work["whole schedule"] = work["critic"] + work["encoder"] + work["generator"] // every
    matmul = 2 * MATMUL_SIDE**3 / best["matmul"]
    speeds = []
    for name, flop in work.items():
        port, ours = (config.batch_size / best[f"{side} {name}"] for side in ("port", "ours"))
        speeds.append(
            StepSpeed(
                name if name == "whole schedule" else f"{name} step",
                port,
                ours,
                ours / port,
                flop / 1e9,
                flop * ours / matmul,
                flop * port / matmul,
            )
        )
    return TrainingBenchReport(
        width,
        config.batch_size,
        threads,
        rounds,
        torch.__version__,
        matmul / 1e9,
        tuple(speeds),
        best["data"] / best["ours whole schedule"],
        sum(times["ours waiting"]) / sum(times["ours with data"]),
        best["port with data"] / best["ours with data"],
    )


def random_store(folder: Path, count: int, resolution: int) -> Store:
    """A prepared store of random boxes and shaded discs: the decoding work of a real one."""
    rng = np.random.default_rng(0)
    items = [Item(f"{k:06d}", "random", folder) for k in range(count)]
    recipe = StoreRecipe("random", "", "", resolution, VIEWS, SIDE, 0, digest_of(items))
    axis = np.arange(SIDE) - SIDE / 2
    with StoreWriter(folder, recipe, items) as writer:
        for k in range(count):
            low, high = rng.integers(1, resolution // 2, 3), rng.integers(resolution // 2, 99, 3)
            grid = np.zeros((resolution,) * 3, np.bool_)
            grid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
            pictures = rng.integers(100, 140, (VIEWS, SIDE, SIDE, 4), np.uint8)
            pictures[..., 3] = 255
            pictures[:, np.hypot(axis, axis[:, None]) > rng.uniform(10, 28)] = 0
            writer.add(k, encode(grid, None, pictures))
        return writer.finish(keep_duplicates=True, hold_out=0.0)
