"""Training runs: resume is bit-equal, stopping saves, every phase moves what it should."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from shapelab.core.run import Finished, RunConfig, RunFolder, Saved, StepDone, Validated, from_line
from shapelab.errors import RunError
from trainer import checkpoints, loop
from trainer.data.store import open_store


def train(config: RunConfig, store: Path, run: Path, stop_after: int | None = None):
    if not RunFolder(run).config.exists():
        loop.start(config, RunFolder(run), store)
    token, events = loop.StopToken(), []
    for event in loop.fit(store, run, token):
        events.append(event)
        if isinstance(event, StepDone) and event.step == stop_after:
            token.requested = True
    return events


def digest(run: Path) -> str:
    tensors, _ = checkpoints.read_newest(RunFolder(run).checkpoints)
    sha = hashlib.sha256()
    for name in sorted(tensors):
        sha.update(name.encode() + tensors[name].numpy().tobytes())
    return sha.hexdigest()


@pytest.mark.parametrize("cut", [3, 7, 11])  # in the warm start, the GAN phase, the image phase
def test_resume_is_bit_equal_to_never_having_stopped(config, store_folder, tmp_path, cut):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, store_folder, whole)
    stopped = train(config, store_folder, parts, stop_after=cut)
    assert stopped[-1] == Finished(cut, "stopped")
    resumed = train(config, store_folder, parts)
    assert resumed[-1] == Finished(config.steps, "completed")
    assert digest(whole) == digest(parts)


def test_events_are_logged_and_cover_every_term(config, store_folder, tmp_path):
    events = train(config, store_folder, tmp_path / "run")
    lines = RunFolder(tmp_path / "run").events.read_text("utf-8").splitlines()
    assert [from_line(line) for line in lines] == events
    seen = {name for e in events if isinstance(e, StepDone) for name in e.metrics}
    assert {"critic", "wasserstein", "gradient_norm", "kl", "reconstruction", "generator"} <= seen
    assert [e.step for e in events if isinstance(e, Validated)] == [6, 12]
    assert [e.step for e in events if isinstance(e, Saved)] == [5, 10, 12]


def test_the_warm_start_leaves_the_critic_alone(config, store_folder, tmp_path):
    state = loop.new_state(config, torch.device("cpu"))
    before = [p.clone() for p in state.critic.parameters()]
    store, device = open_store(store_folder), torch.device("cpu")
    batches, teacher = loop.Batches(store, config, device), loop.Teacher(store, device)
    loop.take_step(state, batches, teacher)
    assert all(torch.equal(a, b) for a, b in zip(before, state.critic.parameters(), strict=True))
    state.step = config.warm_start
    loop.take_step(state, batches, teacher)
    assert not torch.equal(before[0], next(iter(state.critic.parameters())))


def test_reconstruction_improves(config, store_folder, tmp_path):
    config = config.model_copy(
        update={"steps": 100, "warm_start": 100, "image_steps": 0, "log_every": 10}
    )
    events = [e for e in train(config, store_folder, tmp_path / "run") if isinstance(e, StepDone)]
    assert events[-1].metrics["reconstruction"] < 0.7 * events[0].metrics["reconstruction"]


def test_batches_depend_on_seed_and_step_only(config, store_folder):
    store = open_store(store_folder)
    batches = loop.Batches(store, config, torch.device("cpu"))
    first, again, other = batches(5, False), batches(5, False), batches(6, False)
    assert torch.equal(first.grids, again.grids)
    assert torch.equal(first.noise, again.noise)
    assert not torch.equal(first.noise, other.noise)
    epoch = [row for step in range(batches.per_epoch) for row in batches.rows_of(step)]
    assert len(set(epoch)) == len(epoch) == batches.per_epoch * config.batch


def test_a_second_start_in_the_same_folder_is_refused(config, store_folder, tmp_path):
    loop.start(config, RunFolder(tmp_path), store_folder)
    with pytest.raises(RunError, match="holds a run already"):
        loop.start(config, RunFolder(tmp_path), store_folder)


def test_numbers_that_are_not_finite_stop_the_run_with_a_sentence(
    config, store_folder, tmp_path, monkeypatch
):
    broken = {"kl": torch.tensor(float("nan"))}
    monkeypatch.setattr(loop.steps, "encoder_step", lambda *_: broken)
    with pytest.raises(RunError, match="diverged at step"):
        train(config, store_folder, tmp_path / "run")
