"""A run on two nodes, each with an agent of torchrun, of which one is lost and comes back."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from shapelab.core.runs.events import EventReader, Finished, Saved, Started
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from tests.trainer.conftest import digest

HERE = Path(__file__).parent
STEPS = 120
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="torchrun needs libuv there"),
]


class Node:
    """One of two agents on this machine, each with one process of the run, as long as it lives."""

    def __init__(self, rank: int, port: int, command: list[str]) -> None:
        meeting = [
            "--nnodes=2", "--nproc-per-node=1", f"--node-rank={rank}", "--max-restarts=3",
            "--rdzv-backend=c10d", "--rdzv-id=run", f"--rdzv-endpoint=127.0.0.1:{port}",
            f"--rdzv-conf=is_host={1 - rank}",
        ]  # fmt: skip
        self.agent = subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", *meeting, *command],
            env=os.environ
            | {
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(HERE.parents[2]),
                # Else an agent that comes back asks in vain where the others meet: torch 2.13 says
                # so in the first round only.
                "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Ends the agent and all that it started, as a power cut does."""
        with suppress(psutil.NoSuchProcess):
            agent = psutil.Process(self.agent.pid)
            for process in (agent, *agent.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self.agent.wait()


def wait_for(kind: type, reader: EventReader, *nodes: Node) -> None:
    """Until the run says so, while the nodes live."""
    while not any(isinstance(event, kind) for event in reader.read()):
        for node in nodes:
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"a node ended with {node.agent.wait(0.05)}")


def test_a_node_that_is_lost_and_returns_changes_no_bit(store_folder, tmp_path):
    def command(run: Path) -> list[str]:
        settings = [
            "batch_size=8", "warm_start=4", "image_steps=0", "threads=1", "save_every=10",
            "model.generator_width=16", "model.encoder_width=4", "model.critic_width=4",
            "model.latent_size=8", "model.image_size=32", "model.image_convs=[[8, 5, 4]]",
        ]  # fmt: skip
        options = [part for text in settings for part in ("--set", text)]
        given = ["--data", str(store_folder), "--dir", str(run), "--steps", str(STEPS)]
        return ["-m", "trainer", "fit", *given, *options]

    def free_port() -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return int(free.getsockname()[1])

    whole, broken = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "broken")
    port = free_port()
    with Node(0, port, command(whole.path)) as first, Node(1, port, command(whole.path)) as second:
        assert (first.agent.wait(600), second.agent.wait(600)) == (0, 0)
    port, reader = free_port(), EventReader(broken.events)
    with ExitStack() as living:
        first, second = (
            living.enter_context(Node(rank, port, command(broken.path))) for rank in (0, 1)
        )
        wait_for(Saved, reader, first, second)
        second.kill()
        back = living.enter_context(Node(1, port, command(broken.path)))
        assert (first.agent.wait(600), back.agent.wait(600)) == (0, 0)
    starts = [e.step for e in EventReader(broken.events).read() if isinstance(e, Started)]
    assert len(starts) == 2
    assert starts[0] == 0
    assert 10 <= starts[1] < STEPS
    assert EventReader(broken.events).read()[-1] == Finished(STEPS, RunState.COMPLETED)
    assert digest(broken.path) == digest(whole.path)
