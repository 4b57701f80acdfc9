"""The benchmark of reading: how much faster a store gives than a training step takes.

Reading and training are timed in turns, in one process, so that a machine that slows down slows
both; of each the best time counts. The steps are those of preset small, at the store's resolution.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from accelerate import Accelerator

from shapelab.core.runs import overrides as configs
from shapelab.core.runs.store_mix import RunData

from ..data.batches.batches import Batches
from ..data.batches.picture_inputs import model_inputs
from ..data.store.joined_store import open_data
from ..process.distributed import Processes
from ..training.loop import check_fit
from ..updates import steps
from ..updates.code_targets import CodeTargets
from ..updates.state import new_state

PRESET = "small"


@dataclass(frozen=True)
class ReadingSpeed:
    """What a store gives of one kind, and what training takes of it."""

    name: str
    given: float  # a second
    taken: float  # a second, by the fastest step that needs it

    @property
    def ratio(self) -> float:
        """How many times faster than needed."""
        return self.given / self.taken


@dataclass(frozen=True)
class ReadingBenchReport:
    """What a run of the benchmark found."""

    shapes: int
    batch: int
    threads: int
    opening_ms: float
    speeds: tuple[ReadingSpeed, ...]

    def describe(self) -> str:
        """Aligned lines for people."""
        lines = [
            f"{self.shapes} shapes opened in {self.opening_ms:.1f} ms; batches of {self.batch}, "
            f"{self.threads} threads",
            f"{'a second':<34}{'read':>10}{'trained':>10}{'ratio':>8}",
        ]
        lines += [
            f"{r.name:<34}{r.given:>10.0f}{r.taken:>10.1f}{r.ratio:>8.1f}" for r in self.speeds
        ]
        return "\n".join(lines)

    def to_json(self) -> str:
        """The same as one JSON object."""
        fields = asdict(self) | {"speeds": [asdict(r) | {"ratio": r.ratio} for r in self.speeds]}
        return json.dumps(fields, indent=1)


def measure(
    data: RunData, threads: int = 2, rounds: int = 5, settings: Sequence[str] = ()
) -> ReadingBenchReport:
    """Times reading from a store against preset small's steps.

    Args:
        data: the store, or several with their weights.
        threads: of torch; reading takes one.
        rounds: of which the best counts, after a warm-up.
        settings: changes of the preset, as for ``fit``.

    Raises:
        DataError: the store cannot be used.
        RunError: preset small cannot train on it.
    """
    start = time.perf_counter()
    store = open_data(data)
    opening = time.perf_counter() - start
    bare = [] if store.has_pictures else ["image_steps=0"]
    config = configs.load(PRESET, store.classes, store.resolution, [*settings, *bare])
    alone = Processes(Accelerator(cpu=True))
    check_fit(config, store, alone)
    state, batches = new_state(config, alone), Batches(store, config, alone)
    state.step = config.main_steps  # where preset small learns from pictures
    targets = CodeTargets(store)
    rows, views = batches.rows_of(0), np.zeros(batches.size, np.int64)
    batch = batches(0, store.has_pictures)
    work: dict[str, Callable[[], object]] = {
        "grids": lambda: store.grids(rows),
        "encoder step": lambda: steps.encoder_step(state, batch),
        "a batch of grids": lambda: batches(0, False),
    }
    if store.has_distances:
        work["signed distances"] = lambda: store.signed_distances(rows)
    if store.has_pictures:
        targets.posterior(state, batch)  # encodes all shapes once
        rgba = store.pictures(rows, views)
        work |= {
            "pictures": lambda: store.pictures(rows, views),
            "inputs": lambda: model_inputs(rgba, config.model),
            "image step": lambda: steps.distil_step(state, batch, targets),
            "a batch of pictures": lambda: batches(0, True),
        }
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        best = _best(work, rounds)
    finally:
        torch.set_num_threads(before)
    per_second = {name: batches.size / seconds for name, seconds in best.items()}
    taken = {
        "grids": "encoder step",
        "signed distances": "encoder step",
        "a batch of grids": "encoder step",
    }
    taken |= dict.fromkeys(("pictures", "a batch of pictures"), "image step")
    if "pictures" in best:
        per_second["pictures as inputs"] = batches.size / (best["pictures"] + best["inputs"])
        taken["pictures as inputs"] = "image step"
    speeds = [
        ReadingSpeed(f"{name} / {step}", per_second[name], per_second[step])
        for name, step in taken.items()
        if name in per_second
    ]
    return ReadingBenchReport(len(store), batches.size, threads, 1000 * opening, tuple(speeds))


def _best(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Best seconds of each, taken in turns; the first round is a warm-up."""
    best = dict.fromkeys(work, float("inf"))
    for turn in range(rounds + 1):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
    return best
