"""A process that saves all the time is killed at random moments: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import saver

from trainer.checkpoints import checkpoint_store

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither fork nor SIGKILL")

MOST_SAVES = 3  # that are waited for before a child's death
LONGEST_S = 0.2  # after them until it dies; a save takes some 10 ms
PATIENCE_S = 60


class Lines:
    """What the saver prints, line by line, without waiting longer than asked."""

    def __init__(self, handle: int) -> None:
        self._handle, self._rest = handle, b""

    def next(self, until: float) -> str | None:
        while b"\n" not in self._rest:
            left = max(0.0, until - time.monotonic())
            if not select.select([self._handle], [], [], left)[0]:
                return None
            data = os.read(self._handle, 65536)
            assert data, "the saver has ended"
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def must(self) -> str:
        line = self.next(time.monotonic() + PATIENCE_S)
        assert line is not None
        return line


@pytest.fixture
def saving() -> Iterator[tuple[subprocess.Popen, Lines]]:
    with subprocess.Popen(
        [sys.executable, saver.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        yield process, Lines(process.stdout.fileno())
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def whole(checkpoint) -> int:
    """The step of a checkpoint, after a look that it is whole and of one step."""
    tensors, meta = checkpoint
    assert len(tensors) == saver.TENSORS
    for value in tensors.values():
        assert value.tolist() == [meta["step"]] * saver.WIDTH
    assert meta["note"] == meta["step"]
    assert meta["score"] == saver.score(meta["step"])
    return meta["step"]


def start(saving, folder: Path, first: int) -> tuple[int, list[int]]:
    """Starts a child; gives its number and the steps that it has saved by now."""
    process, lines = saving
    process.stdin.write(f"{folder} {first}\n".encode())
    saved = []
    while not (line := lines.must()).startswith("pid"):
        saved.append(int(line))  # the child may be quicker than its parent
    return int(line.split()[1]), saved


def acknowledged(lines: Lines, until: float) -> list[int]:
    """Steps that the child has saved by then."""
    steps = []
    while (line := lines.next(until)) is not None:
        steps.append(int(line))
    return steps


def kill_again_and_again(saving, folder: Path, kills: int, hits: int, seed: int) -> dict[str, int]:
    """Kills a saving child so often, and until so many saves were hit; looks after each kill.

    How often a kill falls into a save is up to the machine, so hits are counted, not hoped for.
    """
    rng, lines = random.Random(seed), saving[1]
    newest, best = 0, 0.0
    counts = {"kills": 0, "saves": 0, "in the middle": 0, "unacknowledged": 0}
    while counts["kills"] < kills or counts["in the middle"] < hits:
        assert counts["kills"] < 10 * kills, counts
        counts["kills"] += 1
        wanted = rng.randint(0, MOST_SAVES)
        pid, saved = start(saving, folder, newest + 1)
        while len(saved) < wanted:  # however slow the machine is
            saved.append(int(lines.must()))
        saved += acknowledged(lines, time.monotonic() + rng.uniform(0, LONGEST_S))
        os.kill(pid, signal.SIGKILL)
        while (line := lines.must()) != "dead":
            saved.append(int(line))
        counts["saves"] += len(saved)
        counts["in the middle"] += any(folder.glob(".tmp-*"))
        newest = max(saved, default=newest)
        best = max([best, *map(saver.score, saved)])
        found = checkpoint_store.read_newest(folder)
        if found is None:
            assert newest == 0
            continue
        assert whole(found) in (newest, newest + 1)
        counts["unacknowledged"] += whole(found) == newest + 1
        newest = whole(found)
        best = max(best, saver.score(newest))
        assert saver.score(whole(checkpoint_store.read_best(folder))) == best
        assert not list(folder.glob("*.corrupt*"))
    return counts


def test_thirty_kills_lose_nothing(saving, tmp_path):
    counts = kill_again_and_again(saving, tmp_path / "run", 30, hits=10, seed=0)
    assert counts["saves"] >= 30, counts


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing(saving, tmp_path):
    counts = kill_again_and_again(saving, tmp_path / "run", 200, hits=60, seed=1)
    print(counts)


def test_a_reader_beside_the_run_sees_whole_checkpoints_only(saving, tmp_path):
    folder, lines = tmp_path / "run", saving[1]
    pid, _ = start(saving, folder, 1)
    try:
        seen, until = set(), time.monotonic() + PATIENCE_S
        while len(seen) < 10:
            assert time.monotonic() < until, seen
            for read in (checkpoint_store.read_newest, checkpoint_store.read_best):
                found = read(folder)
                if found is not None:  # none yet, or all were dropped since they were listed
                    seen.add(whole(found))
    finally:
        os.kill(pid, signal.SIGKILL)
        while lines.must() != "dead":
            pass
    assert not list(folder.glob("*.corrupt*"))
