"""A process whose peer has gone, or hangs, ends with one sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shapelab.core.runs.events import Failed, StepDone, from_line
from shapelab.core.runs.run_folder import RunFolder

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")


def start(rank: int, port: int, store: Path, run: Path) -> subprocess.Popen[str]:
    """One of two processes that train a run, with no agent that looks after them."""
    known = {
        "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2,
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        "OMP_NUM_THREADS": 1, "PYTHONPATH": HERE.parents[2],
    }  # fmt: skip
    return subprocess.Popen(
        [
            sys.executable,
            HERE / "impatient.py",
            "resume",
            run,
            "--data",
            store,
            "--events",
            "jsonl",
        ],
        env=os.environ | {name: str(value) for name, value in known.items()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("victim", "how"), [(0, "SIGKILL"), (1, "SIGKILL"), (1, "SIGSTOP")], ids=str
)
def test_who_is_left_says_so_and_ends(victim, how, config, store_folder, tmp_path):
    RunFolder(tmp_path).create(config.model_copy(update={"steps": 10**6}), store_folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [start(rank, port, store_folder, tmp_path) for rank in (0, 1)]
    left = both[1 - victim]
    try:
        assert both[0].stdout is not None
        assert any(isinstance(from_line(line), StepDone) for line in both[0].stdout)
        both[victim].send_signal(getattr(signal, how))
        _, said = left.communicate(timeout=120)
    finally:
        for process in both:
            process.kill()
            process.communicate()
    assert left.returncode == 1, said
    assert len(said.splitlines()) == 1, said
    line = said
    assert from_line(line) == Failed(
        0,
        "Another process of this run ended, or did not answer for 12 s; resume the run, "
        "which goes on from its newest checkpoint.",
    )
