"""Training runs: resume is bit-equal, stopping saves, every phase moves what it should."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from shapelab.core.errors import RunError
from shapelab.core.runs.events import (
    EventReader,
    Finished,
    Paused,
    Prepared,
    Previewed,
    Resumed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
)
from shapelab.core.runs.run_folder import RunFolder, summarise
from shapelab.core.runs.run_state import RunState
from tests.trainer.conftest import digest, make_store, stop_after
from trainer.checkpoints import checkpoint_store
from trainer.data.batches.batches import Batches
from trainer.data.store.prepared_store import open_store
from trainer.training import loop
from trainer.updates import steps
from trainer.updates.code_targets import CodeTargets
from trainer.updates.state import new_state


@pytest.mark.parametrize("cut", [3, 7, 11])  # in the warm start, the GAN phase, the image phase
def test_resume_is_bit_equal_to_never_having_stopped(config, train, tmp_path, cut):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, whole)
    assert train(config, parts, stop_after(cut))[-1] == Finished(cut, RunState.STOPPED)
    assert train(config, parts)[-1] == Finished(config.steps, RunState.COMPLETED)
    assert digest(whole) == digest(parts)


@pytest.mark.parametrize(
    "settings",
    [
        {"image_loss": "vae", "image_steps": 0, "reconstruct_every_batch": False},  # the paper
        {"vae": "released", "delta_in_encoder": False, "penalty": "column", "image_loss": "vae"},
        {"spectral_norm": True, "penalty": "none"},
        {"penalty": "r1", "critic_shift": 2},
        {"loss": "r3", "penalty": "r1r2"},
        {"precision": "bf16"},
        {"muon_learning_rate": 0.006},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_10_and_10_steps_are_20_in_every_variant(config, train, tmp_path, settings):
    base = {"steps": 20, "warm_start": 2, "validate_every": 50}
    config = config.model_copy(update=base | settings)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    events = train(config, whole)
    train(config, parts, stop_after(10))
    train(config, parts)
    assert digest(whole) == digest(parts)
    last = [e for e in events if isinstance(e, StepDone)][-1]
    assert all(value == value for value in last.metrics.values())


def test_events_are_logged_and_cover_every_term(config, train, tmp_path):
    events = train(config.model_copy(update={"preview_every": 6, "validate_every": 6}), tmp_path)
    assert EventReader(RunFolder(tmp_path).events).read() == events
    seen = {name for e in events if isinstance(e, StepDone) for name in e.metrics}
    assert seen >= {
        "critic", "wasserstein", "penalty", "gradient_norm", "kl", "reconstruction", "generator",
        "gradient_ratio", "learning_rate",
        "image_error", "image_overlap", "samples_per_second", "memory_mb",
    }  # fmt: skip
    assert events[0] == Started(0, 12, "cpu", 1)
    assert [e.step for e in events if isinstance(e, Validated)] == [6, 12]
    assert [e.step for e in events if isinstance(e, Previewed)] == [6, 12]
    assert [e.step for e in events if isinstance(e, Saved)] == [5, 6, 10, 12]
    assert {"iou", "picture_iou"} <= next(
        set(e.metrics) for e in events if isinstance(e, Validated)
    )
    summary = summarise(RunFolder(tmp_path))
    assert (summary.state, summary.step, summary.steps) == (RunState.COMPLETED, 12, 12)
    assert summary.best == max(e.metrics["iou"] for e in events if isinstance(e, Validated))


def test_each_phase_moves_what_it_should(config, store_folder, alone, tmp_path):
    state = new_state(config, alone)
    training = loop.Training(state, open_store(store_folder), RunFolder(tmp_path), loop.Control())

    def moved_at(step: int) -> set[str]:
        state.step = step
        before = {k: [p.clone() for p in n.parameters()] for k, n in state.networks.items()}
        assert list(training.step()) == []
        return {
            name
            for name, old in before.items()
            if any(
                not torch.equal(a, b)
                for a, b in zip(old, state.networks[name].parameters(), strict=True)
            )
        }

    assert moved_at(1) == {"voxel_encoder", "generator", "image_encoder"}
    assert moved_at(config.warm_start) == set(state.networks)
    assert moved_at(config.main_steps) == {"image_encoder"}


def test_without_joint_reconstruction_the_generator_learns_every_fifth_batch(
    config, store_folder, alone, tmp_path
):
    config = config.model_copy(
        update={"warm_start": 0, "generator_every": 5, "reconstruct_every_batch": False}
    )
    state = new_state(config, alone)
    training = loop.Training(state, open_store(store_folder), RunFolder(tmp_path), loop.Control())
    learnt, critic = [], []
    for step in range(10):
        before = state.generator.head.weight.clone(), state.critic.dense.weight.clone()
        assert list(training.step()) == []
        if not torch.equal(before[0], state.generator.head.weight):
            learnt.append(step)
        if not torch.equal(before[1], state.critic.dense.weight):
            critic.append(step)
    assert learnt == [0, 5]
    assert critic == list(range(10))


def test_the_image_phase_decodes_the_same_rows_however_the_batch_is_cut(
    config, store_folder, alone, monkeypatch
):
    seen = []

    def noted(logits, target):
        seen.append(target)
        return logits.sum() * 0

    monkeypatch.setattr(steps.losses, "soft_iou_loss", noted)
    store = open_store(store_folder)
    batch = Batches(store, config, alone)(config.main_steps, True)
    for parts in (1, 2):  # as two processes or short memory do
        state = new_state(config, alone)
        state.micro_batches = parts
        steps.distil_step(state, batch, CodeTargets(store))
    assert len(seen) == 3
    assert torch.equal(seen[0], torch.cat(seen[1:]))
    assert torch.equal(seen[0], batch.grids[::2])


def test_reconstruction_improves(config, train, tmp_path):
    config = config.model_copy(
        update={"steps": 100, "warm_start": 100, "image_steps": 0, "log_every": 10,
                "validate_every": 100, "save_every": 100}
    )  # fmt: skip
    events = [e for e in train(config, tmp_path) if isinstance(e, StepDone)]
    assert events[-1].metrics["reconstruction"] < 0.7 * events[0].metrics["reconstruction"]


def test_batches_depend_on_seed_step_and_attempt_only(config, store_folder, alone):
    batches = Batches(open_store(store_folder), config, alone)
    first, again, other = batches(5, True), batches(5, True), batches(6, True)
    assert torch.equal(first.grids, again.grids)
    assert torch.equal(first.pictures, again.pictures)
    assert torch.equal(first.noise, again.noise)
    assert not torch.equal(first.noise, other.noise)
    assert not torch.equal(first.noise, batches(5, True, attempt=1).noise)
    epoch = [row for step in range(batches.per_epoch) for row in batches.rows_of(step)]
    assert len(set(epoch)) == len(epoch) == batches.per_epoch * config.batch_size
    assert any(np.any(np.diff(batches.rows_of(step)) < 0) for step in range(3))  # not by class


def test_parts_of_a_batch_are_whole_pairs_and_nothing_is_lost(config, store_folder, alone):
    batch = Batches(open_store(store_folder), config, alone)(0, True)
    for count in (1, 2, 3, 4, 99):
        parts = batch.micro_batches(count)
        assert torch.equal(torch.cat([p.grids for p in parts]), batch.grids)
        assert torch.equal(torch.cat([p.pictures for p in parts]), batch.pictures)
        assert all(len(part) % 2 == 0 for part in parts)


def test_parts_take_x_from_pictures_in_the_same_rows_as_the_whole(
    config, store_folder, alone, monkeypatch
):
    config = config.model_copy(update={"batch_size": 12, "image_loss": "vae"})
    state = new_state(config, alone)
    monkeypatch.setattr(steps, "_sample", lambda _config, _heads, noise: noise)
    batch = Batches(open_store(store_folder), config, alone)(0, True)
    whole = steps._fake_latents(state, batch)
    parts = torch.cat([steps._fake_latents(state, part) for part in batch.micro_batches(2)])
    assert torch.equal(whole, parts)
    assert torch.equal(whole[3::4], batch.image_noise[3::4])


def test_pause_holds_the_run_between_two_steps_and_stop_ends_it(config, train, tmp_path):
    def steer(event, control):
        if isinstance(event, StepDone) and event.step == 3:
            control.request("pause")
        if isinstance(event, Paused):
            control.request("resume")
        if isinstance(event, Resumed):
            control.request("pause")
            control.request("stop")  # stop rules, also over a pause

    events = train(config, tmp_path, steer)
    kinds = [(type(e), e.step) for e in events[-5:]]
    assert kinds == [(StepDone, 3), (Paused, 3), (Resumed, 3), (Saved, 3), (Finished, 3)]


def test_a_paused_run_saves_and_samples_without_a_step(config, train, tmp_path):
    def steer(event, control):
        if isinstance(event, StepDone) and event.step == 2:
            control.request("pause")
        if isinstance(event, Paused):
            control.request("save")
            control.request("sample")
        if isinstance(event, Saved) and event.step == 2:
            control.request("resume")

    events = train(config, tmp_path, steer)
    begin = events.index(Paused(2))
    kinds = [(type(e), e.step) for e in events[begin : begin + 5]]
    assert kinds == [(Paused, 2), (Previewed, 2), (Saved, 2), (Resumed, 2), (StepDone, 3)]


def test_save_and_sample_are_obeyed_after_the_next_step(config, train, tmp_path):
    def steer(event, control):
        if isinstance(event, StepDone) and event.step == 2:
            control.request("save")
            control.request("sample")

    events = train(config, tmp_path, steer)
    assert [e.step for e in events if isinstance(e, Saved)] == [3, 5, 10, 12]
    assert [e.step for e in events if isinstance(e, Previewed)] == [3]


def test_time_alone_makes_a_checkpoint_due(config, train, tmp_path):
    config = config.model_copy(update={"save_every": 100, "save_minutes": 1e-9})
    assert len([e for e in train(config, tmp_path) if isinstance(e, Saved)]) == config.steps


def test_the_best_and_every_nth_checkpoint_stay(config, train, tmp_path):
    config = config.model_copy(update={"save_every": 1, "keep_every": 4, "validate_every": 1})
    events = train(config, tmp_path)
    scores = {e.step: sum(e.metrics.values()) / 2 for e in events if isinstance(e, Validated)}
    best = max(scores, key=lambda step: (scores[step], -step))
    kept = {int(p.name.removeprefix("step-")) for p in
            checkpoint_store.steps(RunFolder(tmp_path).checkpoints)}  # fmt: skip
    assert kept == {4, 8, 10, 11, 12, best}


def test_a_run_that_is_complete_stays_as_it_is(config, train, tmp_path):
    train(config, tmp_path)
    before = digest(tmp_path)
    assert train(config, tmp_path) == [Started(12, 12, "cpu", 1), Finished(12, RunState.COMPLETED)]
    assert digest(tmp_path) == before


def test_a_start_after_a_death_goes_on(config, store_folder, train, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, whole)

    def die(event, _control):
        if event.step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, parts, die)
    RunFolder(parts).create(config, store_folder)
    train(config, parts)
    assert digest(whole) == digest(parts)


def test_a_run_that_is_being_trained_is_refused_by_name(config, train, store_folder, tmp_path):
    RunFolder(tmp_path).create(config, store_folder)
    code = (
        "import sys; from pathlib import Path; from trainer.training.loop import fit\n"
        "from shapelab.core.errors import RunError\n"
        "try: next(fit(Path(sys.argv[1]), Path(sys.argv[2])))\n"
        "except RunError as error: print(error)"
    )
    with RunFolder(tmp_path).locked():
        done = subprocess.run(
            [sys.executable, "-c", code, str(store_folder), str(tmp_path)],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
    assert f"is being trained by process {os.getpid()} on" in done.stdout
    assert train(config, tmp_path)[-1] == Finished(12, RunState.COMPLETED)  # free again


def test_other_data_and_missing_pictures_are_refused(config, store_folder, tmp_path):
    bare = make_store(tmp_path / "bare", pictured=False)
    RunFolder(tmp_path / "run").create(config, bare)
    with pytest.raises(RunError, match="--views"):
        list(loop.fit(bare, tmp_path / "run"))
    other = config.model_copy(
        update={"model": config.model.model_copy(update={"classes": ("cat",)})}
    )
    RunFolder(tmp_path / "other").create(other, store_folder)
    with pytest.raises(RunError, match="other classes"):
        list(loop.fit(store_folder, tmp_path / "other"))


def test_pictures_too_small_are_refused(config, store_folder, tmp_path):
    model = config.model.model_copy(update={"image_size": 64})
    RunFolder(tmp_path).create(config.model_copy(update={"model": model}), store_folder)
    with pytest.raises(RunError, match=r"32 x 32 pixels .*model.image_size=32"):
        next(loop.fit(store_folder, tmp_path))


def test_pictures_become_what_the_model_takes(config, store_folder, alone):
    for mode, channels in (("LA", 2), ("RGB", 3)):
        model = config.model.model_copy(update={"image_mode": mode})
        batches = Batches(
            open_store(store_folder), config.model_copy(update={"model": model}), alone
        )
        pictures = batches(0, True).pictures
        assert pictures.shape == (config.batch_size, channels, 32, 32)
        assert 0 <= pictures.min() < pictures.max() <= 1


def test_a_flipped_shape_has_a_flipped_picture(config, store_folder, alone):
    store = open_store(store_folder)
    batch = Batches(store, config, alone)(0, True)
    assert 0 < batch.flipped.sum() < len(batch)
    masks = batch.pictures[:, 1].numpy() > 0.5
    for row, flipped, mask in zip(batch.rows, batch.flipped, masks, strict=True):
        both = [store.pictures(np.array([row]), np.array([v]))[0, ..., 3] > 128 for v in (0, 1)]
        assert any(np.array_equal(mask, m[:, ::-1] if flipped else m) for m in both)


def test_a_damaged_checkpoint_is_told_and_the_one_before_goes_on(config, train, tmp_path):
    train(config, tmp_path, stop_after(7))
    newest = checkpoint_store.steps(RunFolder(tmp_path).checkpoints)[-1]
    path = newest / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    events = train(config, tmp_path)
    (warning,) = [e for e in events if isinstance(e, Warned)]
    assert (warning.step, warning.code) == (5, "damaged")
    assert "step-000000007" in warning.message
    assert events[-1] == Finished(12, RunState.COMPLETED)


def test_another_store_on_the_way_is_told(config, train, store_folder, tmp_path):
    train(config, tmp_path / "run", stop_after(7))
    other = shutil.copytree(store_folder, tmp_path / "other")
    index = (other / "index.json").read_text("utf-8")
    (other / "index.json").write_text(index.replace("shapes.npz", "moved.npz"), "utf-8")
    events = train(config, tmp_path / "run", store=other)
    assert [e.code for e in events if isinstance(e, Warned)] == ["data"]
    assert events[-1] == Finished(12, RunState.COMPLETED)


def test_64_cells_a_side_train_too(config, train, tmp_path):
    store = tmp_path / "store"
    make_store(store, resolution=64)
    assert open_store(store).grids(np.arange(2)).shape == (2, 64, 64, 64)
    large = config.model.model_copy(update={"resolution": 64, "generator_width": 32})
    config = config.model_copy(update={"model": large, "steps": 6, "image_steps": 0})
    events = train(config, tmp_path / "run", store=store)
    assert events[-1] == Finished(6, RunState.COMPLETED)
    last = [e for e in events if isinstance(e, StepDone)][-1]
    assert "generator" in [e for e in events if isinstance(e, StepDone)][4].metrics
    assert all(np.isfinite(value) for value in last.metrics.values())


@pytest.mark.gl
def test_synthetic_shapes_are_made_once_and_learnt_from(config, train, store_folder, tmp_path):
    config = config.model_copy(update={"synthetic_shapes": 20})
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    events = train(config, whole)
    made = [e for e in events if isinstance(e, Prepared)]
    assert (made[-1].step, made[-1].done, made[-1].total) == (10, 20, 20)
    synthetic, real = open_store(RunFolder(whole).synthetic_shapes), open_store(store_folder)
    assert len(synthetic.indices("train")) == 20
    assert synthetic.picture_size == real.picture_size
    assert synthetic.pictures(np.arange(20), np.full(20, 2)).any(axis=(1, 2, 3)).all()

    def stop(event, control):
        if isinstance(event, Prepared):
            control.request("stop")  # obeyed while they are made, and nothing is lost

    assert train(config, parts, stop)[-1] == Finished(10, RunState.STOPPED)
    assert train(config, parts, stop_after(11))[-1] == Finished(11, RunState.STOPPED)
    train(config, parts)
    assert digest(whole) == digest(parts)
    plain = tmp_path / "without"
    train(config.model_copy(update={"synthetic_shapes": 0}), plain)
    assert digest(plain) != digest(parts)
