"""A process to be killed: forks a child that saves on and on, and names each step it has saved.

Started once (torch is slow to import); each line on its input, "folder first_step", makes a child.
It prints "pid N", the saved steps one a line, and "dead" when the child is.
"""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path

import torch

from trainer.checkpoints import checkpoint_store

TENSORS, WIDTH = 6, 2000


def score(step: int) -> float:
    """Goes up and down, so that the best is often an old one."""
    return step * 7919 % 997 / 997


def save_on_and_on(folder: Path, first: int) -> None:
    for step in count(first):
        tensors = {str(i): torch.full((WIDTH,), float(step)) for i in range(TENSORS)}
        checkpoint_store.write(folder, step, tensors, {"note": step}, score=score(step))
        os.write(1, b"%d\n" % step)


def main() -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        folder, first = line.rsplit(" ", 1)
        child = os.fork()
        if not child:
            save_on_and_on(Path(folder), int(first))
        os.write(1, b"pid %d\n" % child)
        os.waitpid(child, 0)
        os.write(1, b"dead\n")


if __name__ == "__main__":
    main()
