"""Trains a run in children that are killed at random moments: ``STORE RUN KILLS SEED``.

The children are forked from this warm process, so that a try costs no imports. Prints as JSON how
many were killed, and at which steps of the log the run stood then.
"""

import json
import math
import os
import random
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import shapelab
from shapelab.core.runs.events import EventReader, Saved, Started
from shapelab.core.runs.run_folder import RunFolder
from trainer.checkpoints import checkpoint_store
from trainer.process.distributed import Processes
from trainer.training.loop import fit

assert shapelab.__version__
MOST_STEPS = 6  # before a kill; each of them saves
# No thread runs here yet that a fork could cut off; Python cannot know that of native ones.
warnings.filterwarnings("ignore", category=DeprecationWarning)
assert threading.active_count() == 1

store, folder = Path(sys.argv[1]), RunFolder(Path(sys.argv[2]))
kills, rng = int(sys.argv[3]), random.Random(int(sys.argv[4]))
Processes()  # its imports too


def child(most: float) -> None:
    saved = 0
    for event in fit(store, folder.path):
        saved += isinstance(event, Saved)
        if saved >= most:  # who is to kill it comes late, on a busy machine
            signal.pause()


def spawn(most: float = math.inf) -> int:
    """A child that trains, and waits after so many saves; its number."""
    pid = os.fork()
    if pid == 0:
        try:
            child(most)
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    return pid


def wait_for(kind: type, count: int) -> None:
    """Until the log holds so many more events of a kind."""
    global acknowledged
    while count > 0:
        events = reader.read()
        acknowledged = max([acknowledged, *(e.step for e in events if isinstance(e, Saved))])
        count -= sum(isinstance(event, kind) for event in events)
        time.sleep(0.002)


seen, reader, acknowledged = [], EventReader(folder.events), 0
while len(seen) < kills:
    steps = rng.randint(0, MOST_STEPS)
    pid = spawn(steps + 2)
    wait_for(Started, 1)
    wait_for(Saved, steps)
    time.sleep(rng.uniform(0, 0.06))  # somewhere in a step or a save: that is the point
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(f"a child ended by itself with status {status} after {len(seen)} kills")
    saved = [e.step for e in reader.read() if isinstance(e, Saved)]
    acknowledged = max([acknowledged, *saved])
    found = checkpoint_store.read_newest(folder.checkpoints)
    loaded = 0 if found is None else int(found[1]["step"])
    if loaded < acknowledged:
        sys.exit(f"step {acknowledged} was acknowledged, but step {loaded} is what loads")
    seen.append(loaded)
os.waitpid(spawn(), 0)
print(json.dumps({"killed": len(seen), "at": seen}))
