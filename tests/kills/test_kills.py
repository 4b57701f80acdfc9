"""Whatever writes for people may be killed at any moment: the old is there, or the new, whole.

``pytest -s -m slow tests/kills`` kills each 300 times and prints how it went.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

ROOT = Path(__file__).resolve().parents[2]
WORKS = ("export", "checkpoint", "model", "prepare")
PATIENCE_S = 60
SAVES = """
import sys
from pathlib import Path
from tests.kills.works import Checkpoints
for _ in Checkpoints(Path(sys.argv[1])).go_on(0):
    pass
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def killer() -> Iterator[subprocess.Popen[str]]:
    with started("-m", "tests.kills.killer") as process:
        yield process
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("kills", [20, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("work", WORKS)
def test_kills_lose_nothing_and_leave_no_half(
    killer: subprocess.Popen[str], work: str, kills: int, tmp_path: Path
) -> None:
    assert killer.stdin
    assert killer.stdout
    killer.stdin.write(f"{work}\t{tmp_path}\t{kills}\t{kills}\n")
    killer.stdin.flush()
    told = json.loads(killer.stdout.readline())
    assert "error" not in told, told["error"]
    print(f"\n{work}: {told}")
    assert told["killed"] >= kills


def test_a_reader_beside_a_run_sees_whole_checkpoints_only(tmp_path: Path) -> None:
    from tests.kills.works import Checkpoints
    from trainer.checkpoints import checkpoint_store

    work, seen, until = Checkpoints(tmp_path), set[int](), time.monotonic() + PATIENCE_S
    with started("-c", SAVES, str(tmp_path)) as process:
        try:
            while len(seen) < 10:
                assert time.monotonic() < until, seen
                for read in (checkpoint_store.read_newest, checkpoint_store.read_best):
                    found = read(tmp_path)
                    if found is not None:  # none yet, or all were dropped since they were listed
                        seen.add(work.whole(found))
        finally:
            process.kill()
    assert not list(tmp_path.glob("*.corrupt*"))
