"""An export that is killed leaves the file that was there, or the new one, and never a half."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("kills", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_kills_leave_the_old_file_or_the_new_one(kills: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, HERE / "killed_writer.py", tmp_path, str(kills), "1"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[2])},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout.splitlines()[-1])
    print(report)
    assert report["killed"] == kills
    assert report["in the middle"] > kills / 5
