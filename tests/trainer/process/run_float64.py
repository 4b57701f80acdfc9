"""Trains a run in float64, alone or under torch.distributed.run: ``STORE RUN LAST_STEP``.

In float64 the order of sums, which differs between one process and two, stays below what Adam's
division by a tiny second moment could blow up to a visible step.
"""

import sys
from pathlib import Path

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


loop.new_state, Batches._tensor = double_state, double_tensor
store, run, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
control, processes = Control(), Processes()
for event in loop.fit(store, run, control, processes):
    if isinstance(event, StepDone) and event.step == last:
        control.request("stop")
processes.close()
