"""Checkpoints survive damage: what is loaded is whole, and the one before is still there."""

from __future__ import annotations

import pytest
import torch

from trainer import checkpoints


def save(folder, step):
    return checkpoints.write(folder, step, {"w": torch.full((4,), float(step))}, {"note": "x"})


def test_round_trip_keeps_bits_and_meta(tmp_path):
    value = torch.randn(3, 5)
    checkpoints.write(tmp_path, 7, {"w": value}, {"data": "abc"})
    tensors, meta = checkpoints.read_newest(tmp_path)
    assert torch.equal(tensors["w"], value)
    assert (meta["step"], meta["data"]) == (7, "abc")


def test_only_the_newest_are_kept(tmp_path):
    for step in range(1, 6):
        save(tmp_path, step)
    assert [p.name for p in checkpoints.steps(tmp_path)] == [f"step-{s:09d}" for s in (3, 4, 5)]


@pytest.mark.parametrize("name", ["tensors.safetensors", "meta.json", "MANIFEST.json"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "zero tail", "delete"])
def test_damage_falls_back_one_generation(tmp_path, name, damage):
    save(tmp_path, 1)
    newest = save(tmp_path, 2)
    path = newest / name
    data = bytearray(path.read_bytes())
    if damage == "truncate":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "zero tail":
        path.write_bytes(data[:-16] + bytes(16))
    else:
        path.unlink()
    tensors, meta = checkpoints.read_newest(tmp_path)
    assert meta["step"] == 1
    assert tensors["w"].tolist() == [1.0] * 4
    assert (tmp_path / (newest.name + ".corrupt")).is_dir()


def test_a_save_that_was_cut_off_does_not_count(tmp_path):
    save(tmp_path, 1)
    half = tmp_path / ".tmp-2-123"
    half.mkdir()
    (half / "tensors.safetensors").write_bytes(b"half")
    _, meta = checkpoints.read_newest(tmp_path)
    assert meta["step"] == 1
    save(tmp_path, 3)
    assert not half.exists()


def test_nothing_there_is_none(tmp_path):
    assert checkpoints.read_newest(tmp_path) is None
