"""Two processes train as one does, and a check that would notice if they did not."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import run_float64
import torch

from shapelab.core.errors import RunError
from shapelab.core.runs import overrides
from shapelab.core.runs.events import EventReader, Validated
from shapelab.core.runs.run_folder import RunFolder
from trainer.checkpoints import checkpoint_store
from trainer.process.distributed import Processes, _WholeBatchNorm
from trainer.training.loop import Training, fit

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="torchrun needs libuv there")


def launch(*arguments: str | Path | int, processes: int = 2) -> str:
    """Runs Python with these arguments as processes of torch.distributed.run; its stdout."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*torchrun, f"--nproc-per-node={processes}", *map(str, arguments)],
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


def validations(run: Path) -> dict[int, dict[str, float]]:
    events = EventReader(RunFolder(run).events).read()
    return {event.step: event.metrics for event in events if isinstance(event, Validated)}


def largest_difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


@pytest.mark.parametrize("processes", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_processes_and_changes_on_the_way_equal_one_process(
    processes, config, store_folder, alone, tmp_path
):
    config = config.model_copy(
        update={"image_steps": 2, "free_bits": 0.01, "critic_shift": 1, "validate_every": 3,
                "batch_size": 4 * processes, "image_batch": 4 * processes}
    )  # fmt: skip
    for name in ("one", "several", "changing"):
        RunFolder(tmp_path / name).create(config, store_folder)
    run_float64.train(store_folder, tmp_path / "one", 12, alone)
    run_float64.train(store_folder, tmp_path / "changing", 4, alone)
    launch(
        HERE / "run_float64.py", store_folder, tmp_path / "several", 12, tmp_path / "changing", 8,
        processes=processes,
    )  # fmt: skip
    run_float64.train(store_folder, tmp_path / "changing", 12, alone)
    one = tensors_of(tmp_path / "one")
    assert largest_difference(one, tensors_of(tmp_path / "several")) < 1e-5
    assert largest_difference(one, tensors_of(tmp_path / "changing")) < 1e-5
    scores, shared = (validations(tmp_path / name) for name in ("one", "several"))
    assert list(scores) == list(shared) == [3, 6, 9]  # at 12 it was asked to stop
    assert all(shared[step] == pytest.approx(scores[step], abs=1e-6) for step in scores)


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
def test_statistics_of_all_processes_are_batch_norms_own(dtype, alone, monkeypatch):
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda *_: None)
    monkeypatch.setattr(torch.distributed, "all_gather", lambda every, value: every[0].copy_(value))
    plain = torch.nn.BatchNorm3d(3)
    shared = _WholeBatchNorm(copy.deepcopy(plain), alone)
    for seed in range(2):
        rng = torch.Generator().manual_seed(seed)
        x, pull = (torch.randn(4, 3, 2, 2, 2, generator=rng).to(dtype) for _ in range(2))
        results = []
        for layer in (plain, shared):
            given = (100 + x).requires_grad_(True)  # far from 0, where squares would lose digits
            layer.zero_grad()
            made = layer(given)
            assert made.dtype == dtype
            made.backward(pull)
            results.append((made, given.grad, layer.weight.grad, layer.bias.grad))
        for ours, theirs in zip(results[1], results[0], strict=True):
            near = 1e-4 if x.itemsize == 4 else 0.02
            assert torch.allclose(ours.float(), theirs.float(), atol=near, rtol=near)
    assert torch.allclose(shared.running_mean, plain.running_mean, atol=1e-6)
    assert torch.allclose(shared.running_var, plain.running_var, atol=1e-5)


class Two:
    """As Accelerate tells the first of two processes."""

    num_processes, process_index, device = 2, 0, torch.device("cpu")


def test_a_step_of_the_paper_sends_one_message_a_norm_and_direction(
    config, store_folder, tmp_path, monkeypatch
):
    """As if the other process held the same rows."""
    sent: Counter[str] = Counter()

    def all_reduce(value, operation=torch.distributed.ReduceOp.SUM):
        sent["sums" if operation == torch.distributed.ReduceOp.SUM else "flags"] += 1
        value.mul_(2 if operation == torch.distributed.ReduceOp.SUM else 1)

    def gather(every, value):
        sent["gathered"] += 1
        for place in every:
            place.copy_(value)

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    monkeypatch.setattr(torch.distributed, "all_gather", gather)
    monkeypatch.setattr(torch.distributed, "broadcast_object_list", lambda *_, **__: None)
    settings = [
        "generator_width=16", "encoder_width=4", "critic_width=4", "latent_size=8", "image_size=32",
        "image_convs=[[8,5,2],[8,5,2],[8,5,2],[8,3,2],[8,2,1]]",
    ]  # fmt: skip
    given = ["batch_size=16", "log_every=1000", *(f"model.{text}" for text in settings)]
    paper = overrides.load("paper", config.model.classes, 32, given, 11)
    RunFolder(tmp_path).create(paper, store_folder)
    take, steps = Training.step, []

    def counted(self):
        steps.append(dict(sent))
        sent.clear()
        yield from take(self)

    monkeypatch.setattr(Training, "step", counted)
    for _ in fit(store_folder, tmp_path, processes=Processes(Two())):
        pass
    # The critic's fakes pass through 11 norms. There and back the encoder's update has 7 and the
    # image encoder's 8, each of the three with one message of gradients; the generator's has 7
    # there and, of its own, 4 back.
    plain = {"gathered": 11 + 7 + 8, "sums": 7 + 8 + 3, "flags": 1}
    fifth = {"gathered": 37, "sums": 23, "flags": 1}
    assert steps == [{"flags": 1}, fifth, *[plain] * 4, fifth, *[plain] * 4]


def test_processes_share_the_cores(alone, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert alone.cores == 8
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert alone.cores == 2


def test_a_batch_that_cannot_be_shared_is_refused(alone):
    class Three(Two):
        num_processes, process_index = 3, 1

    three = Processes(Three())
    assert three.slice(12) == slice(4, 8)
    for size in (16, 18):  # 18 would be even shares, in which other rows come from pictures
        with pytest.raises(RunError, match="multiple of 12"):
            three.slice(size)
    assert alone.slice(7) == slice(0, 7)
