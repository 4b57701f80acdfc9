"""A trainer that is killed again and again reaches the same weights as one that never was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shapelab.core.runs.events import EventReader, Finished
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from tests.trainer.conftest import digest
from trainer.checkpoints import checkpoint_store

HERE = Path(__file__).parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("kills", [30, pytest.param(200, marks=pytest.mark.slow)])
def test_kills_lose_no_checkpoint_and_change_no_bit(kills, config, train, store_folder, tmp_path):
    steps = 6 * kills  # killed_run.py gets on by five at most in the mean of its tries
    config = config.model_copy(
        update={"steps": steps, "batch_size": 4, "warm_start": 5, "image_steps": 10,
                "save_every": 1, "validate_every": 10**6, "ema": 0.9}
    )  # fmt: skip
    whole, killed = tmp_path / "whole", RunFolder(tmp_path / "killed")
    train(config.model_copy(update={"save_every": steps}), whole)
    killed.create(config, store_folder)
    done = subprocess.run(
        [sys.executable, HERE / "killed_run.py", store_folder, killed.path, str(kills), "1"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[2])},
        capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["killed"] == kills
    assert report["at"] == sorted(report["at"])  # never back behind what was there
    assert report["at"][-1] > kills / 3  # it was hit while it got somewhere
    assert digest(whole) == digest(killed.path)
    assert EventReader(killed.events).read()[-1] == Finished(steps, RunState.COMPLETED)
    assert not list(killed.checkpoints.glob("*.corrupt"))
    assert len(checkpoint_store.steps(killed.checkpoints)) == 3
