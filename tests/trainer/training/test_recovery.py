"""A run helps itself: it skips or goes back on NaN, halves on short memory, waits for the disk."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from shapelab.core.errors import RunError
from shapelab.core.runs.events import EventReader, Finished, Saved, StepDone, Validated, Warned
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from tests.trainer.conftest import digest, stop_after
from trainer.checkpoints import checkpoint_store
from trainer.data.batches.batches import Batches
from trainer.data.store.prepared_store import open_store
from trainer.process.distributed import Processes
from trainer.report import previews
from trainer.training import image_phase, loop, recovery
from trainer.training.recovery import EventLog
from trainer.updates import steps
from trainer.updates.optimise import NotFiniteError
from trainer.updates.state import new_state

NAN = float("nan")


def warnings_of(events, code):
    return [e for e in events if isinstance(e, Warned) and e.code == code]


def break_loss(monkeypatch, at, name="_reconstruction", times=1):
    """Makes the loss of the encoder NaN at given steps."""
    original, left = getattr(steps, name), dict.fromkeys(at, times)

    def broken(*arguments, **options):
        value = original(*arguments, **options)
        return value * NAN if broken.step in at and left[broken.step] > 0 else value

    broken.step = -1
    monkeypatch.setattr(steps, name, broken)
    encoder = steps.STEPS["encoder"]

    def watched(state, batch):
        broken.step = state.step
        try:
            return encoder(state, batch)
        finally:
            if state.step in left:
                left[state.step] -= 1
            broken.step = -1

    monkeypatch.setitem(steps.STEPS, "encoder", watched)


@pytest.mark.parametrize("where", ["loss", "weights' gradient", "data"])
def test_one_bad_step_is_skipped_and_leaves_no_trace(
    config, train, store_folder, tmp_path, monkeypatch, where
):
    if where == "loss":
        break_loss(monkeypatch, {5})
    elif where == "data":
        original = Batches.__call__

        def poisoned(self, step, *rest):
            batch = original(self, step, *rest)
            if step == 5:
                batch.grids[0, 0, 3, 3, 3] = NAN
            return batch

        monkeypatch.setattr(Batches, "__call__", poisoned)
    else:
        original_step = steps.STEPS["encoder"]

        def hooked(state, batch):
            handle = None
            if state.step == 5:
                handle = state.generator.head.weight.register_hook(lambda g: g * float("inf"))
            try:
                return original_step(state, batch)
            finally:
                if handle is not None:
                    handle.remove()

        monkeypatch.setitem(steps.STEPS, "encoder", hooked)
    events = train(config, tmp_path)
    skipped = warnings_of(events, "skipped")
    assert [e.step for e in skipped] == [5]
    assert "Step 6 was skipped: the gradient of" in skipped[0].message
    assert events[-1] == Finished(12, RunState.COMPLETED)
    tensors, _ = checkpoint_store.read_newest(RunFolder(tmp_path).checkpoints)
    assert all(bool(torch.isfinite(t).all()) for t in tensors.values())


def test_three_in_a_row_go_back_to_the_checkpoint_with_halved_rates(
    config, train, tmp_path, monkeypatch
):
    break_loss(monkeypatch, {6, 7, 8})
    events = train(config, tmp_path)
    assert [e.step for e in warnings_of(events, "skipped")] == [6, 7, 8]
    (back,) = warnings_of(events, "rolled_back")
    assert back.step == 5
    assert "rates times 0.5 (1 of 3)" in back.message
    done = [e.step for e in events if isinstance(e, StepDone)]
    assert done == [1, 2, 3, 4, 5, 6, *range(6, 13)]
    _, position = checkpoint_store.read_newest(RunFolder(tmp_path).checkpoints)
    assert (position["step"], position["rollbacks"]) == (12, 1)


def test_nothing_is_saved_between_skipped_steps_to_go_back_to(config, train, tmp_path, monkeypatch):
    break_loss(monkeypatch, {6, 7, 8})
    events = train(config.model_copy(update={"save_every": 1}), tmp_path)
    (back,) = warnings_of(events, "rolled_back")
    assert back.step == 6
    assert events[-1] == Finished(12, RunState.COMPLETED)


def test_a_run_that_diverges_for_good_ends_with_advice_and_keeps_its_checkpoint(
    config, train, tmp_path, monkeypatch
):
    break_loss(monkeypatch, {6, 7, 8}, times=99)
    with pytest.raises(RunError, match="lower learning_rate"):
        train(config, tmp_path)
    _, position = checkpoint_store.read_newest(RunFolder(tmp_path).checkpoints)
    assert position["step"] == 5


def test_a_rolled_back_run_resumes_bit_equal(config, train, tmp_path, monkeypatch):
    break_loss(monkeypatch, {6, 7, 8})
    train(config, tmp_path / "whole")
    monkeypatch.undo()
    break_loss(monkeypatch, {6, 7, 8})
    train(config, tmp_path / "parts", stop_after(9))
    train(config, tmp_path / "parts")
    assert digest(tmp_path / "whole") == digest(tmp_path / "parts")


def test_going_back_leaves_nothing_of_the_way_that_was_left(
    config, train, store_folder, tmp_path, monkeypatch
):
    # The image phase begins at step 10; steps 11 to 13 fail, and step 5 is the checkpoint.
    config = config.model_copy(update={"steps": 18, "image_steps": 8, "save_every": 5})
    original, left = image_phase.distil_step, {11, 12, 13}
    answers = []

    def failing(state, batch, targets):
        metrics = original(state, batch, targets)
        if state.step in left:
            left.remove(state.step)
            raise NotFiniteError("the gradient of image_encoder is not finite")
        answers.append((targets._known[0], targets._encode(state, open_store(store_folder), False)))
        return metrics

    write = checkpoint_store.write

    def only_step_5(folder, step, *rest, **options):
        if step == 10:
            raise RunError("Step 10 could not be read back")
        return write(folder, step, *rest, **options)

    monkeypatch.setattr(image_phase, "distil_step", failing)
    monkeypatch.setattr(loop.checkpoint_store, "write", only_step_5)
    events = train(config.model_copy(update={"log_every": 4}), tmp_path)
    (back,) = warnings_of(events, "rolled_back")
    assert back.step == 5
    done = [e for e in events if isinstance(e, StepDone)]
    assert [e.step for e in done] == [4, 8, 12, 8, 12, 16]
    assert all(e.metrics["samples_per_second"] > 0 for e in done)
    for known, now in answers:  # targets of the voxel encoder that there is
        assert torch.equal(known, now)


@pytest.mark.parametrize("update", ["critic", "encoder", "image", "generator"])
@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(),
     RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")],
    ids=["gpu", "python", "cpu"],
)  # fmt: skip
def test_memory_that_ran_out_halves_the_parts_and_repeats_only_that_update(
    config, train, tmp_path, monkeypatch, update, error
):
    original, calls = steps.STEPS[update], []

    def short(state, batch):
        if state.step == 6 and state.micro_batches == 1:
            raise error
        calls.append(state.step)
        return original(state, batch)

    monkeypatch.setitem(steps.STEPS, update, short)
    events = train(config, tmp_path)
    (warning,) = warnings_of(events, "memory")
    assert "in 2 micro-batches" in warning.message
    assert calls.count(6) == 1
    assert events[-1] == Finished(12, RunState.COMPLETED)
    _, position = checkpoint_store.read_newest(RunFolder(tmp_path).checkpoints)
    assert position["parts"] == 2


def test_other_runtime_errors_are_not_taken_for_memory(config, train, tmp_path, monkeypatch):
    def broken(_state, _batch):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setitem(steps.STEPS, "encoder", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(config, tmp_path)


def test_memory_for_not_even_two_shapes_is_one_sentence(config, train, tmp_path, monkeypatch):
    def never(_state, _batch):
        raise MemoryError

    monkeypatch.setitem(steps.STEPS, "encoder", never)
    with pytest.raises(RunError, match="Even 2 shapes at a time"):
        train(config, tmp_path)


def test_parts_are_doubled_down_to_two_rows():
    assert [recovery.more_micro_batches(parts, 12) for parts in (1, 2, 4)] == [2, 4, 6]
    with pytest.raises(RunError, match="Even 2 shapes"):
        recovery.more_micro_batches(6, 12)


def test_parts_give_the_critics_gradient_of_the_whole_batch(config, store_folder, alone):
    results = []
    for parts in (1, 2, 4):
        state = new_state(config, alone)
        state.micro_batches = parts
        state.generator.eval()  # batch statistics of generator and encoder differ between parts
        state.voxel_encoder.eval()
        batch = Batches(open_store(store_folder), config, alone)(0, False)
        metrics = steps.critic_step(state, batch)
        grads = torch.cat([p.grad.flatten() for p in state.critic.parameters()])
        results.append((metrics["critic"], grads))
    for value, grads in results[1:]:
        assert value.item() == pytest.approx(results[0][0].item(), rel=1e-5)
        assert (grads - results[0][1]).norm() <= 1e-5 * results[0][1].norm()


@pytest.mark.parametrize("at", [5, 12], ids=["in the middle", "at the end"])
def test_a_full_disk_is_waited_for_without_training_on(config, train, tmp_path, monkeypatch, at):
    original, tries = checkpoint_store.write, []

    def full(folder, step, *arguments, **options):
        if step == at:
            tries.append(1)
            if len(tries) < 4:
                raise OSError(errno.ENOSPC, "No space left on device")
        return original(folder, step, *arguments, **options)

    monkeypatch.setattr(loop.checkpoint_store, "write", full)
    monkeypatch.setattr(loop, "DISK_POLL_S", 0.01)
    events = train(config, tmp_path)
    (warning,) = warnings_of(events, "waiting")
    assert warning.step == at
    assert "No space left" in warning.message
    assert warning.waits
    after = events[events.index(warning) + 1]
    assert isinstance(after, Saved), "it went on unsaved"
    assert [e.step for e in events if isinstance(e, Saved)] == [5, 10, 12]


@pytest.mark.parametrize("at", [5, 12], ids=["in the middle", "at the end"])
def test_a_stop_ends_the_wait_and_says_what_to_do(config, train, tmp_path, monkeypatch, at):
    original = checkpoint_store.write

    def full(folder, step, *arguments, **options):
        if step >= at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(folder, step, *arguments, **options)

    def stop(event, control):
        if isinstance(event, Warned):
            control.request("stop")

    monkeypatch.setattr(loop.checkpoint_store, "write", full)
    saved = 0 if at == 5 else 10
    with pytest.raises(RunError, match=rf"free some space and resume, .* step {saved}\."):
        train(config, tmp_path, stop)


def test_what_is_no_disks_fault_is_not_waited_for(config, train, tmp_path, monkeypatch):
    original = checkpoint_store.write

    def strange(folder, step, *arguments, **options):
        if step == 5:
            raise RunError("Step 5 could not be read back")
        return original(folder, step, *arguments, **options)

    monkeypatch.setattr(loop.checkpoint_store, "write", strange)
    events = train(config, tmp_path)
    assert len(warnings_of(events, "unsaved")) == 1
    assert [e.step for e in events if isinstance(e, Saved)] == [10, 12]


def test_a_full_disk_can_still_say_that_it_is_full(tmp_path, monkeypatch):
    log = EventLog(tmp_path / "events.jsonl")
    log.write(Validated(1, {}))
    (reserve,) = tmp_path.glob("*.reserve")
    original = Path.open

    def full(self, mode="r", *arguments, **options):
        if mode != "rb" and reserve.exists():  # not a byte is left beside it
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, mode, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        log.write(Warned(2, "waiting", "full"))
    assert EventReader(log._path).read() == [Validated(1, {}), Warned(2, "waiting", "full")]
    log.write(Validated(3, {}))
    assert reserve.exists()


def test_all_processes_know_that_a_save_failed(config, store_folder, tmp_path):
    class Helper(Processes):  # whose main process met a full disk
        is_main = False

        def any(self, *flags):
            return flags

    state = new_state(config, Helper())
    training = loop.Training(state, open_store(store_folder), RunFolder(tmp_path), loop.Control())
    state.step = 5
    assert list(training._save()) == []
    assert training._saved == 0  # it comes along when the main process tries again at the end


def test_a_preview_that_cannot_be_written_is_a_warning(config, train, tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(previews, "write", full)
    events = train(config.model_copy(update={"preview_every": 6}), tmp_path)
    assert len(warnings_of(events, "disk")) == 2
    assert events[-1] == Finished(12, RunState.COMPLETED)


def test_log_lines_wait_while_the_disk_is_full(tmp_path, monkeypatch):
    log = EventLog(tmp_path / "events.jsonl")
    original = Path.open

    def full(self, *arguments, **options):
        if self.name == "events.jsonl":
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, *arguments, **options)

    first, second = Validated(1, {"iou": 0.5}), Validated(2, {"iou": 0.6})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        log.write(first)
    log.write(second)
    assert EventReader(tmp_path / "events.jsonl").read() == [first, second]


def test_half_a_log_line_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "validated", "st', "utf-8")
    EventLog(path).write(Validated(3, {}))
    assert EventReader(path).read() == [Validated(3, {})]
