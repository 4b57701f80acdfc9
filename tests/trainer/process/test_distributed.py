"""Two processes train as one does, and a check that would notice if they did not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import run_float64
import torch

from shapelab.core.errors import RunError
from shapelab.core.runs.run_folder import RunFolder
from trainer.checkpoints import checkpoint_store
from trainer.process.distributed import Processes, _WholeBatchNorm

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="torchrun needs libuv there")


def launch(*arguments: str | Path | int) -> str:
    """Runs Python with these arguments as two processes of torch.distributed.run; its stdout."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*torchrun, "--nproc-per-node=2", *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[2])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tensors_of(run: Path) -> dict[str, torch.Tensor]:
    tensors, position = checkpoint_store.read_newest(RunFolder(run).checkpoints)
    assert position["step"] == 12
    return tensors


def largest_difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


def test_two_processes_and_changes_on_the_way_equal_one_process(
    config, store_folder, alone, tmp_path
):
    config = config.model_copy(
        update={"image_steps": 2, "free_bits": 0.01, "critic_shift": 1, "validate_every": 100}
    )
    for name in ("one", "two", "changing"):
        RunFolder(tmp_path / name).create(config, store_folder)
    run_float64.train(store_folder, tmp_path / "one", 12, alone)
    run_float64.train(store_folder, tmp_path / "changing", 4, alone)
    launch(HERE / "run_float64.py", store_folder, tmp_path / "two", 12, tmp_path / "changing", 8)
    run_float64.train(store_folder, tmp_path / "changing", 12, alone)
    one = tensors_of(tmp_path / "one")
    assert largest_difference(one, tensors_of(tmp_path / "two")) < 1e-5
    assert largest_difference(one, tensors_of(tmp_path / "changing")) < 1e-5


def test_the_command_line_under_torchrun_writes_once_and_finishes(config, store_folder, tmp_path):
    run = tmp_path / "run"
    settings = [
        "steps=4", "batch_size=8", "warm_start=1", "image_steps=0", "threads=1",
        "model.generator_width=16", "model.encoder_width=4", "model.critic_width=4",
        "model.latent_size=8", "model.image_size=32", "model.image_convs=[[8, 5, 4]]",
    ]  # fmt: skip
    options = [part for text in settings for part in ("--set", text)]
    output = launch(
        "-m", "trainer", "fit", "--data", store_folder, "--dir", run, "--events", "jsonl",
        *options,
    )  # fmt: skip
    events = [json.loads(line) for line in output.splitlines()]
    assert events[0]["event"] == "started"
    assert events[0]["processes"] == 2
    assert (events[-1]["event"], events[-1]["step"]) == ("finished", 4)
    logged = RunFolder(run).events.read_text("utf-8").splitlines()
    assert [json.loads(line) for line in logged] == events


def test_only_the_whole_gradient_is_right_and_the_check_finds_the_wrong_patterns():
    errors = json.loads(launch(HERE / "ddp_patterns.py").splitlines()[-1])
    assert errors.pop("ours") < 1e-5
    assert errors.pop("whole_loss_in_one_wrapped_forward") < 1e-5
    assert set(errors) == {"static_graph", "three_backwards", "penalty_last_after_no_sync"}
    assert all(error > 0.05 for error in errors.values()), errors


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_statistics_of_all_processes_are_batch_norms_own(dtype, monkeypatch):
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda *_: None)
    plain = torch.nn.BatchNorm3d(3)
    shared = _WholeBatchNorm(plain, 1)
    for seed in range(2):
        x = torch.randn(4, 3, 2, 2, 2, generator=torch.Generator().manual_seed(seed)).to(dtype)
        ours, theirs = shared(x), plain(x)
        assert ours.dtype == theirs.dtype
        assert torch.allclose(ours.float(), theirs.float(), atol=1e-5 if x.itemsize == 4 else 0.02)
    assert torch.allclose(shared.running_mean, plain.running_mean, atol=1e-6)
    assert torch.allclose(shared.running_var, plain.running_var, atol=1e-5)


def test_processes_share_the_cores(alone, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert alone.cores == 8
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert alone.cores == 2


def test_a_batch_that_cannot_be_shared_is_refused(alone):
    class Three:
        num_processes, process_index, device = 3, 1, torch.device("cpu")

    three = Processes(Three())
    assert three.slice(12) == slice(4, 8)
    for size in (16, 18):  # 18 would be even shares, in which other rows come from pictures
        with pytest.raises(RunError, match="multiple of 12"):
            three.slice(size)
    assert alone.slice(7) == slice(0, 7)
