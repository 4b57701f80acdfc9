"""Kills children at their work: a process that is asked by lines ``WORK FOLDER KILLS SEED``.

It is started once, for torch is slow to import; the children are forked from it while it is warm.
For each line it prints one: JSON with how many were killed, how many of them in the middle of
something, and how much was done, or with an error.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from itertools import islice
from pathlib import Path

import torch

from tests.kills.works import WORKS, Work

# No thread runs here yet that a fork could cut off; Python cannot know that of native ones.
warnings.filterwarnings("ignore", category=DeprecationWarning)
MOST_STEPS = 3  # of a child before its death
HITS = 0.25  # of the kills, at least, fall into the middle of something


def kill_again_and_again(work: Work, kills: int, rng: random.Random) -> dict[str, int]:
    """Kills so many children, and more until enough were hit; looks at what lies there each time.

    How often a kill falls into a write is up to the machine, so hits are counted, not hoped for.
    """
    steps, began = work.go_on(0), time.monotonic()
    done = sum(1 for _ in islice(steps, MOST_STEPS + 2))
    step_s = (time.monotonic() - began) / done
    steps.close()  # type: ignore[attr-defined]
    killed = hits = 0
    while killed < kills or hits < HITS * kills:
        assert killed < 10 * kills, f"only {hits} of {killed} were in the middle of something"
        done += _killed_child(work, done, rng, step_s)
        killed += 1
        hits += work.half_done()
        done = work.check(done)
    assert done > kills / 2
    return {"killed": killed, "in the middle": hits, "done": done}


def _killed_child(work: Work, done: int, rng: random.Random, step_s: float) -> int:
    """How much a child that goes on after ``done`` has acknowledged when it is killed."""
    acknowledged = 0
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            for _ in work.go_on(done):
                os.write(writing, b".")
        except BaseException:  # noqa: BLE001 - its parent goes on
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        for _ in range(rng.randint(0, MOST_STEPS)):  # however slow the machine is
            acknowledged += len(pipe.read(1) or b"")
        time.sleep(rng.uniform(0, 2 * step_s))  # somewhere in a step: that is the point
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "a child ended by itself"
        while dots := pipe.read(4096):
            acknowledged += len(dots)
    return acknowledged


def main() -> None:
    torch.set_num_threads(1)
    assert threading.active_count() == 1
    for line in sys.stdin:
        name, folder, kills, seed = line.rstrip("\n").split("\t")
        try:
            work = WORKS[name](Path(folder))
            told = kill_again_and_again(work, int(kills), random.Random(int(seed)))
        except Exception:  # noqa: BLE001 - whoever asks reads it
            told = {"error": traceback.format_exc()}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
