"""Checkpoints survive damage, full disks and death: what is loaded is whole, and it is the newest.

Each tensor of ``save`` holds its step, so a mix of two checkpoints would show.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import random
import shutil
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from safetensors.torch import save as library_save

from shapelab.core import atomic, files_of_others
from shapelab.core.errors import RunError
from tests.disk import Died, Disk
from trainer.checkpoints import checkpoint_store, manifest, tensorfile

FILES = ["tensors.safetensors", "meta.json", "MANIFEST.json"]


def save(folder, step, **options):
    tensors = {"w": torch.full((3,), float(step)), "n": torch.tensor([step])}
    return checkpoint_store.write(folder, step, tensors, {"note": step}, **options)[0]


def step_of(checkpoint):
    """The step of a loaded checkpoint, after a look that nothing in it is of another one."""
    tensors, meta = checkpoint
    assert tensors["w"].tolist() == [meta["step"]] * 3
    assert tensors["n"].tolist() == [meta["step"]]
    assert meta["note"] == meta["step"]
    return meta["step"]


def names(folder):
    return sorted(os.listdir(folder))


def kept(folder):
    return [step_of(checkpoint_store.read(path)) for path in checkpoint_store.steps(folder)]


def test_round_trip_keeps_every_bit_type_and_shape(tmp_path):
    generator = torch.Generator().manual_seed(0)
    tensors = {
        "weight": torch.randn(2, 3, 4, 5, 6, generator=generator),
        "moved": torch.randn(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d),
        "shared": torch.arange(12.0)[2:7],
        "half": torch.randn(5).half(),
        "brain": torch.randn(5).bfloat16(),
        "double": torch.tensor([0.1, -0.0, 5e-324], dtype=torch.float64),
        "count": torch.tensor(7),
        "rng": torch.randint(0, 256, (5056,), dtype=torch.uint8),
        "flag": torch.tensor([True, False]),
        "nothing": torch.zeros(0, 4),
        "tracked": torch.ones(2, requires_grad=True),
        "größe": torch.ones(1, dtype=torch.int32),
    }
    meta = {"data": "abc", "lists": [1, 2.5, None], "rate": 0.1 + 0.2}
    path, best = checkpoint_store.write(tmp_path, 7, tensors, meta, score=0.25)
    assert (path, best) == (tmp_path / "step-000000007", True)
    for loaded, found in (
        checkpoint_store.read_newest(tmp_path),
        checkpoint_store.read_best(tmp_path),
        checkpoint_store.read(path),
    ):
        assert loaded.keys() == tensors.keys()
        for name, value in tensors.items():
            assert loaded[name].dtype == value.dtype, name
            assert loaded[name].shape == value.shape, name
            assert torch.equal(loaded[name], value), name
        assert torch.signbit(loaded["double"][1])
        assert found == {**meta, "step": 7, "score": 0.25, "format": 2}


def test_the_tensor_file_is_what_the_library_writes():
    tensors = {
        "b": torch.randn(3, 5),
        "a": torch.tensor(1.5),
        "n": torch.arange(3),
        "h": torch.zeros(1).half(),
    }
    data = b"".join(tensorfile.parts(tensors))
    assert load(data).keys() == load(library_save(tensors)).keys()
    assert data == library_save(tensors)


def test_nothing_there_is_none(tmp_path):
    assert checkpoint_store.read_newest(tmp_path) is None
    assert checkpoint_store.read_best(tmp_path / "none") is None
    assert checkpoint_store.steps(tmp_path / "none") == []


def test_no_pickle_and_the_manifest_is_written_last_and_synced_before_the_rename(
    monkeypatch, tmp_path
):
    disk = Disk(monkeypatch)
    opened = []

    def noted(original):
        def note(path, *args, **kwargs):
            opened.append((path.name, args))
            return original(path, *args, **kwargs)

        return note

    monkeypatch.setattr(Path, "open", noted(Path.open))
    monkeypatch.setattr(files_of_others, "opened", noted(files_of_others.opened))
    path = save(tmp_path, 1)
    assert [name for name, args in opened if args == ("xb",)] == FILES
    assert names(path) == sorted(FILES)
    # Three files, their folder, the rename, the parent folder; then everything is read again.
    kinds = [call for call in disk.calls if call in ("fsync", "replace")]
    assert kinds == ["fsync"] * 4 + ["replace"] + ["fsync"]
    assert [name for name, args in opened if not args][:3] == [FILES[2], *FILES[:2]]
    for name in FILES[1:]:
        json.loads((path / name).read_bytes())
    load((path / FILES[0]).read_bytes())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_tensor_that_is_not_finite_is_refused(tmp_path, value, dtype):
    save(tmp_path, 1)
    before = names(tmp_path)
    bad = torch.zeros(4, 4, dtype=dtype)
    bad[2, 3] = value
    with pytest.raises(RunError, match=r"critic\.weight is not finite at step 2"):
        checkpoint_store.write(tmp_path, 2, {"fine": torch.ones(1), "critic.weight": bad}, {})
    assert names(tmp_path) == before


# --- damage ---


def damaged(path: Path, data: bytes) -> None:
    """The file holds other bytes now: the checkpoint is refused as damaged, in a sentence."""
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"is damaged \(.+\); choose another checkpoint\.$"):
        checkpoint_store.read(path.parent)


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_is_found(tmp_path, name):
    path = save(tmp_path, 2, score=1e-7) / name
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            damaged(path, flipped)
    path.write_bytes(whole)
    assert step_of(checkpoint_store.read(path.parent)) == 2


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_and_every_zeroed_tail_is_found(tmp_path, name):
    path = save(tmp_path, 2) / name
    whole = path.read_bytes()
    for part in range(64):
        end = len(whole) * part // 64
        damaged(path, whole[:end])
        damaged(path, whole[:end] + bytes(len(whole) - end))
    damaged(path, whole + b"\0")
    damaged(path, whole + whole)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_and_a_folder_in_its_place_are_found(tmp_path, name):
    save(tmp_path, 1)
    for step in (2, 3):
        path = save(tmp_path, step) / name
        path.unlink()
        if step == 3:
            path.mkdir()
        assert step_of(checkpoint_store.read_newest(tmp_path)) == 1
        assert (tmp_path / f"step-{step:09d}.corrupt").is_dir()


@pytest.mark.parametrize("names_", [FILES[:1], FILES[1:2], FILES[2:], FILES[:2], FILES[1:], FILES])
def test_files_swapped_between_checkpoints_are_found(tmp_path, names_):
    one, two = save(tmp_path, 1), save(tmp_path, 2)
    for name in names_:
        data = (one / name).read_bytes()
        (two / name).replace(one / name)
        (two / name).write_bytes(data)
    assert checkpoint_store.read_newest(tmp_path) is None
    assert names(tmp_path) == [f"{one.name}.corrupt", f"{two.name}.corrupt"]


def test_random_damage_falls_back_one_generation_and_keeps_the_bad_one(tmp_path):
    rng = random.Random(0)
    for number in range(30):
        folder = tmp_path / str(number)
        save(folder, 1)
        newest = save(folder, 2)
        path = newest / rng.choice(FILES)
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        assert step_of(checkpoint_store.read_newest(folder)) == 1
        assert names(folder) == ["step-000000001", "step-000000002.corrupt"]
        assert (folder / "step-000000002.corrupt" / path.name).read_bytes() == data
        # The run goes on from there; should the same step go bad again, both are kept.
        (save(folder, 2) / "meta.json").unlink()
        assert step_of(checkpoint_store.read_newest(folder)) == 1
        assert "step-000000002.corrupt-2" in names(folder)


def test_a_disk_that_can_only_be_read_still_gives_the_older_one(monkeypatch, tmp_path):
    save(tmp_path, 1)
    (save(tmp_path, 2) / "meta.json").write_bytes(b"{}")

    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "replace", refuse)
    assert step_of(checkpoint_store.read_newest(tmp_path)) == 1
    assert names(tmp_path) == ["step-000000001", "step-000000002"]
    monkeypatch.undo()
    assert save(tmp_path, 2).name == "step-000000002-2"  # the bad one is not in the way
    assert step_of(checkpoint_store.read_newest(tmp_path)) == 2


def test_a_bad_sector_is_damage(monkeypatch, tmp_path):
    save(tmp_path, 1)
    bad = save(tmp_path, 2) / "tensors.safetensors"
    original = files_of_others.opened

    def refuse(path, *args, **kwargs):
        if path == bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return original(path, *args, **kwargs)

    monkeypatch.setattr(files_of_others, "opened", refuse)
    assert step_of(checkpoint_store.read_newest(tmp_path)) == 1
    assert names(tmp_path) == ["step-000000001", "step-000000002.corrupt"]


def test_what_cannot_be_read_now_is_neither_condemned_nor_passed_over(monkeypatch, tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2, score=1.0)
    original = files_of_others.opened

    def refuse(path, *args, **kwargs):
        if path.name == "tensors.safetensors":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return original(path, *args, **kwargs)

    monkeypatch.setattr(files_of_others, "opened", refuse)
    for call in (checkpoint_store.read_newest, checkpoint_store.read_best):
        with pytest.raises(RunError, match=r"cannot be read \(Permission denied\); try again"):
            call(tmp_path)
    monkeypatch.undo()
    assert step_of(checkpoint_store.read_newest(tmp_path)) == 2


# --- formats ---


GOLDEN_TENSORS = (
    struct.pack("<Q", 64)
    + b'{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}         '
    + struct.pack("<3f", 1.5, -2.0, 0.25)
)
GOLDEN_META = b'{"format": 1, "step": 41, "config": {"preset": "paper"}, "data": "abc"}'
GOLDEN_MANIFEST = (
    b'{"files": {"tensors.safetensors": {"size": 84, "sha256": '
    b'"01b4d3d64a0b6d05f33789e0d7d1df7ecfa1866da11490cad36198962dacf4b6"}, '
    b'"meta.json": {"size": 71, "sha256": '
    b'"4268bb8a613c4354baa295cb64076b79bd7833d8fd21aea3bea0ddebd5347ae1"}}}'
)


@pytest.fixture
def golden(tmp_path):
    """A checkpoint of format 1, as ShapeLab wrote it before there were scores."""
    folder = tmp_path / "golden" / "step-000000041"
    folder.mkdir(parents=True)
    for name, data in zip(FILES, (GOLDEN_TENSORS, GOLDEN_META, GOLDEN_MANIFEST), strict=True):
        (folder / name).write_bytes(data)
    return folder


def test_format_1_is_read_for_ever(golden):
    for loaded, meta in (
        checkpoint_store.read(golden),
        checkpoint_store.read_newest(golden.parent),
        checkpoint_store.read_best(golden.parent),
    ):
        assert loaded.keys() == {"w"}
        assert loaded["w"].tolist() == [1.5, -2.0, 0.25]
        assert meta == {
            "format": 2,
            "step": 41,
            "score": None,
            "config": {"preset": "paper"},
            "data": "abc",
        }
    path, best = checkpoint_store.write(golden.parent, 42, {"w": torch.ones(1)}, {}, score=0.1)
    assert best
    assert checkpoint_store.steps(golden.parent) == [golden, path]


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_of_format_1_is_found(golden, name):
    whole = (golden / name).read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            damaged(golden / name, flipped)


def test_a_newer_format_is_refused_by_name_and_left_alone(monkeypatch, tmp_path):
    save(tmp_path, 1)
    with monkeypatch.context() as future:
        for module in (checkpoint_store, manifest):
            future.setattr(module, "FORMAT", 3)
        future.setitem(checkpoint_store._UPGRADES, 2, dict)
        newest = save(tmp_path, 2)
    for call in (checkpoint_store.read_newest, checkpoint_store.read_best):
        with pytest.raises(RunError, match=r"newer ShapeLab \(format 3; .* up to 2\); update"):
            call(tmp_path)
    with pytest.raises(RunError, match="step-000000002 was written by a newer"):
        checkpoint_store.read(newest)
    assert names(tmp_path) == ["step-000000001", "step-000000002"]


# --- retention ---


def test_only_the_newest_are_kept(tmp_path):
    for step in range(1, 6):
        save(tmp_path, step)
    assert kept(tmp_path) == [3, 4, 5]
    save(tmp_path, 6, keep_last=0)  # the one just proven is never dropped
    assert kept(tmp_path) == [6]


def test_the_best_and_multiples_stay(tmp_path):
    scores = [0.1, 0.5, 0.4, None, 0.5, 0.6, float("nan"), 0.2, 0.3, 0.1, 0.2, 0.3]
    told = []
    for step, score in enumerate(scores, 1):
        options = {"keep_last": 2, "keep_every": 4, "score": score}
        _, best = checkpoint_store.write(tmp_path, step, {"w": torch.ones(1)}, {}, **options)
        told.append(best)
        steps = [int(p.name[5:]) for p in checkpoint_store.steps(tmp_path)]
        seen = [s for s in scores[:step] if s is not None and s == s]
        top = scores.index(max(seen)) + 1  # of equals the first
        rest = [s for s in range(1, step + 1) if s > step - 2 or s % 4 == 0 or s == top]
        assert steps == rest
        assert checkpoint_store.read_best(tmp_path)[1]["step"] == top
        assert checkpoint_store.read_newest(tmp_path)[1]["step"] == step
    assert [step for step, best in enumerate(told, 1) if best] == [1, 2, 6]


def test_without_scores_the_best_is_the_newest(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2)
    assert step_of(checkpoint_store.read_best(tmp_path)) == 2


def test_a_damaged_best_does_not_count(tmp_path):
    best = save(tmp_path, 1, score=0.9)
    save(tmp_path, 2, score=0.5)
    save(tmp_path, 3, score=0.1)
    data = bytearray((best / FILES[0]).read_bytes())
    data[-1] ^= 1
    (best / FILES[0]).write_bytes(data)
    copy = shutil.copytree(tmp_path, tmp_path.with_name("copy"))
    assert step_of(checkpoint_store.read_best(copy)) == 2
    _, is_best = checkpoint_store.write(
        tmp_path, 4, {"w": torch.ones(1)}, {}, keep_last=1, score=0.4
    )
    assert not is_best  # 0.5 is whole
    assert names(tmp_path) == ["step-000000001.corrupt", "step-000000002", "step-000000004"]
    _, is_best = checkpoint_store.write(
        tmp_path, 5, {"w": torch.ones(1)}, {}, keep_last=1, score=0.6
    )
    assert is_best
    assert names(tmp_path) == ["step-000000001.corrupt", "step-000000005"]


def test_after_going_back_the_save_is_still_the_newest(tmp_path):
    for step in (1, 2, 3, 4):
        save(tmp_path, step, keep_last=9, score=1 / step)
    for step in (2, 3, 3, 4):  # back to 1, the best; stopped and started at 3
        path = save(tmp_path, step, keep_last=9)
        assert checkpoint_store.steps(tmp_path)[-1] == path
        assert step_of(checkpoint_store.read_newest(tmp_path)) == step
    assert kept(tmp_path) == [1, 2, 3, 4, 2, 3, 3, 4]
    assert names(tmp_path)[-3:] == ["step-000000003-3", "step-000000004", "step-000000004-3"]
    save(tmp_path, 5)  # the way that was left goes first
    assert [p.name for p in checkpoint_store.steps(tmp_path)] == [
        "step-000000001",
        "step-000000003-3",
        "step-000000004-3",
        "step-000000005-3",
    ]


def test_steps_of_any_length_are_in_order(tmp_path):
    for step in (999_999_999, 1_000_000_000, 10_000_000_000):
        save(tmp_path, step)
    (tmp_path / "step-000000007.corrupt").mkdir()
    (tmp_path / "step-000000008").touch()
    found = [int(p.name[5:]) for p in checkpoint_store.steps(tmp_path)]
    assert found == [999_999_999, 1_000_000_000, 10_000_000_000]


def test_an_old_one_that_is_held_open_goes_with_the_next_save(monkeypatch, tmp_path):
    save(tmp_path, 1)
    original = Path.replace

    def held(path, target):
        if path.name == "step-000000001":
            raise PermissionError(errno.EACCES, "in use")
        return original(path, target)

    with monkeypatch.context() as now:
        now.setattr(Path, "replace", held)
        save(tmp_path, 2, keep_last=1)
    assert kept(tmp_path) == [1, 2]
    save(tmp_path, 3, keep_last=1)
    assert kept(tmp_path) == [3]


# --- failing disks and death ---


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """Four saves, of which the best, 1, and the last two remain; the fifth drops 3."""
    folder = tmp_path_factory.mktemp("earlier")
    for step in (1, 2, 3, 4):
        save(folder, step, keep_last=2, score=1 / step)
    assert kept(folder) == [1, 3, 4]
    return folder


def attempt(folder, disk_error):
    """Saves step 5; gives whether the save was acknowledged."""
    try:
        save(folder, 5, keep_last=2, score=0.2)
    except (disk_error, RunError):
        return False
    return True


def number_of_calls(earlier, folder, only=None):
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch, only=only)
        assert attempt(shutil.copytree(earlier, folder), OSError)
    return disk.calls


@pytest.mark.parametrize("how", ["error", "death", "power cut"])
def test_whatever_call_fails_one_whole_checkpoint_is_the_newest(earlier, tmp_path, how):
    calls = number_of_calls(earlier, tmp_path / "count")
    assert len(calls) >= 20
    assert set(calls) == {"mkdir", "open", "write", "fsync", "replace", "rmtree"}
    # An error that says nothing about the checkpoints themselves and can come from any call.
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE)) if how == "error" else Died
    outcomes = []
    for number in range(len(calls)):
        folder = shutil.copytree(earlier, tmp_path / str(number))
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, number, error, power=how == "power cut")
            acknowledged = attempt(folder, OSError if how == "error" else Died)
        if how == "error":
            assert not list(folder.glob(".tmp-5-*")), calls[number]
        found = step_of(checkpoint_store.read_newest(folder))
        assert found == 5 if acknowledged else found in (4, 5), (number, calls[number])
        assert step_of(checkpoint_store.read_best(folder)) == 1
        assert not list(folder.glob("*.corrupt*"))
        outcomes.append(found)
        save(folder, 6, keep_last=2)
        assert kept(folder) == [1, found, 6]
        assert not list(folder.glob(".tmp-*"))
    assert set(outcomes) == {4, 5}
    gc.collect()  # a file left open would be told here


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_disk_costs_the_save_and_nothing_else(earlier, tmp_path, code):
    on_disk = {"mkdir", "write"}
    calls = number_of_calls(earlier, tmp_path / "count", on_disk)
    assert calls.count("write") >= 5
    for number in range(len(calls)):
        folder = shutil.copytree(earlier, tmp_path / str(number))
        before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, number, OSError(code, os.strerror(code)), only=on_disk)
            with pytest.raises(OSError, match=os.strerror(code)) as caught:
                save(folder, 5)
        assert caught.value.errno == code
        assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
        assert not list(folder.glob(".tmp*"))
        assert step_of(checkpoint_store.read_newest(folder)) == 4
        save(folder, 5, keep_last=2)
        assert kept(folder) == [1, 4, 5]


@pytest.mark.parametrize("name", FILES)
def test_a_disk_that_gives_back_other_bytes_fails_the_save(monkeypatch, earlier, tmp_path, name):
    folder = shutil.copytree(earlier, tmp_path / "run")
    original = Path.replace

    def rot(draft, target):
        original(draft, target)
        data = bytearray((target / name).read_bytes())
        data[len(data) // 2] ^= 4
        (target / name).write_bytes(data)

    monkeypatch.setattr(Path, "replace", rot)
    with pytest.raises(RunError, match=r"Step 5 could not be read back .*; check the disk\.$"):
        save(folder, 5, keep_last=1)
    monkeypatch.undo()
    assert kept(folder) == [1, 3, 4]
    assert names(folder) == names(earlier)


def test_a_save_that_was_cut_off_does_not_count_and_is_swept_away(tmp_path):
    save(tmp_path, 1)
    half = tmp_path / ".tmp-2-123"
    half.mkdir()
    (half / "tensors.safetensors").write_bytes(b"half")
    assert step_of(checkpoint_store.read_newest(tmp_path)) == 1
    save(tmp_path, 3)
    assert not half.exists()


@pytest.mark.parametrize(("busy", "works"), [(4, True), (5, False)])
def test_a_rename_on_windows_is_tried_five_times(monkeypatch, tmp_path, busy, works):
    original, asked, slept = Path.replace, [], []

    def held(path, target):
        asked.append(path)
        if len(asked) <= busy:
            raise PermissionError(errno.EACCES, "in use")
        return original(path, target)

    monkeypatch.setattr(atomic, "_WINDOWS", True)
    monkeypatch.setattr(atomic.time, "sleep", slept.append)
    monkeypatch.setattr(Path, "replace", held)
    if works:
        save(tmp_path, 1)
        assert kept(tmp_path) == [1]
    else:
        with pytest.raises(PermissionError):
            save(tmp_path, 1)
        assert names(tmp_path) == []
    assert len(asked) == 5
    assert slept == [0.1] * 4


def test_elsewhere_a_refused_rename_is_told_at_once(monkeypatch, tmp_path):
    asked = []

    def refuse(*args):
        asked.append(args)
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(atomic, "_WINDOWS", False)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        save(tmp_path, 1)
    assert len(asked) == 1
