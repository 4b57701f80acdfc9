"""Reading labelled grids and preparing stores: what is dropped, split, rendered and resumed."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.errors import DataError
from trainer.data import arrays
from trainer.data.prepare import prepare
from trainer.data.store import choose_split, open_store


def test_empty_and_duplicate_grids_are_reported_not_kept(source):
    data = arrays.read(source)
    assert len(data.labels) == 40
    assert [reason.split(" ")[0] for _, reason in data.rejected] == ["only", "same"]
    assert data.grids.shape == (40, 32, 32, 32)
    assert not data.grids[:, 0].any()  # padded by one on each side


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        ({"voxels": np.zeros((2, 30, 30)), "labels": np.zeros(2, int)}, "belong together"),
        ({"voxels": np.ones((2, 31, 31, 31)), "labels": np.zeros(2, int)}, "cannot be padded"),
        ({"voxels": np.zeros((2, 30, 30, 30)), "labels": np.zeros(2, int)}, "no usable shape"),
        ({"labels": np.zeros(2, int)}, "cannot be read"),
    ],
)
def test_a_bad_archive_gets_one_sentence(tmp_path, broken, word):
    path = tmp_path / "bad.npz"
    np.savez(path, classes=np.array(["a"]), **broken)
    with pytest.raises(DataError, match=word):
        arrays.read(path)


def test_no_archive_at_all(tmp_path):
    with pytest.raises(DataError, match="holds no"):
        arrays.read(tmp_path)


def test_split_holds_out_a_tenth_of_each_class():
    labels = np.repeat([0, 1], [100, 50])
    split = choose_split(labels)
    assert [int(split[labels == k].sum()) for k in (0, 1)] == [10, 5]
    assert np.array_equal(split, choose_split(labels))


def test_store_gives_back_the_grids(source, store_folder):
    store = open_store(store_folder)
    data = arrays.read(source)
    assert np.array_equal(store.grids(np.arange(40)), data.grids)
    assert len(store.indices("train")) == 36
    assert set(store.indices("train")) | set(store.indices("validation")) == set(range(40))


def test_prepare_again_does_nothing_and_other_shapes_are_refused(source, store_folder, tmp_path):
    before = open_store(store_folder).fingerprint
    events = list(prepare(source, store_folder, views=0))
    assert len(events) == 1
    assert "already complete" in events[0].message
    assert open_store(store_folder).fingerprint == before
    other = tmp_path / "other.npz"
    with np.load(source) as archive:
        np.savez(
            other,
            voxels=archive["voxels"][:9],
            labels=archive["labels"][:9],
            classes=archive["classes"],
        )
    with pytest.raises(DataError, match="other shapes"):
        list(prepare(other, store_folder, views=0))


def test_unfinished_store_is_refused(tmp_path):
    with pytest.raises(DataError, match="no prepared store"):
        open_store(tmp_path)


def test_a_resolution_without_networks_is_one_sentence(source, tmp_path):
    with pytest.raises(DataError, match="use 32, 64 or 128"):
        list(prepare(source, tmp_path / "store", views=0, resolution=48))
    assert not (tmp_path / "store").exists()
