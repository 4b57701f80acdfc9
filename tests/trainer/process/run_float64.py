"""Trains in float64; under torch.distributed.run one run after the other: ``STORE (RUN LAST)...``.

In float64 the order of sums, which differs between one process and two, stays below what Adam's
division by a tiny second moment could blow up to a visible step.
"""

import sys
from pathlib import Path
from unittest import mock

import shapelab
from shapelab.core.runs.events import StepDone
from trainer.data.batches.batches import Batches
from trainer.process.control import Control
from trainer.process.distributed import Processes
from trainer.training import loop

assert shapelab.__version__
original_state, original_tensor = loop.new_state, Batches._tensor


def double_state(config, processes):
    state = original_state(config, processes)
    for module in (*state.networks.values(), *state.averages.values()):
        module.double()
    return state


def double_tensor(self, array):
    value = original_tensor(self, array)
    return value.double() if value.is_floating_point() else value


def train(store: Path, run: Path, last: int, processes: Processes) -> None:
    """Starts a run or goes on with it, and stops after a step."""
    control = Control()
    with (
        mock.patch.object(loop, "new_state", double_state),
        mock.patch.object(Batches, "_tensor", double_tensor),
    ):
        for event in loop.fit(store, run, control, processes):
            if isinstance(event, StepDone) and event.step == last:
                control.request("stop")


if __name__ == "__main__":
    together = Processes()
    for run_folder, last_step in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
        train(Path(sys.argv[1]), Path(run_folder), int(last_step), together)
    together.close()
