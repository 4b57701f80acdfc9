"""Several stores as one: rows, classes and batches by weight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapelab.core.errors import DataError, RunError
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.store_mix import StoreShare
from tests.trainer.conftest import digest, make_store, stop_after
from trainer.data.batches.batches import Batches
from trainer.data.batches.cameras import Cameras
from trainer.data.store.joined_store import JoinedStore, WeightedRows, open_data
from trainer.data.store.prepared_store import Store, open_store
from trainer.evaluation import export
from trainer.training import loop

CLASSES = ("ball", "box", "brick")


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other shapes, of one class that the first store has too and of one that it lacks."""
    return make_store(tmp_path_factory.mktemp("other"), classes=("brick", "ball"), seed=7)


@pytest.fixture
def shares(store_folder, other_folder) -> list[StoreShare]:
    return [StoreShare(store_folder, 3), StoreShare(other_folder)]


def test_rows_follow_each_other_and_classes_are_joined_by_name(shares):
    joined = open_data(shares)
    first, second = (open_store(share.store) for share in shares)
    assert isinstance(joined, JoinedStore)
    assert joined.classes == CLASSES
    assert len(joined) == len(first) + len(second)
    rows = np.array([len(first) + 5, 2, len(first), len(first) - 1])
    parts = [(second, 5), (first, 2), (second, 0), (first, len(first) - 1)]
    grids, pictures = joined.grids(rows), joined.pictures(rows, np.array([1, 0, 1, 0]))
    codes = Cameras(joined).codes(rows, np.array([1, 0, 1, 0]))
    for k, (row, (store, own)) in enumerate(zip(rows.tolist(), parts, strict=True)):
        view = np.array([1 - k % 2])
        assert joined.part_of(row)[1] == own
        assert np.array_equal(grids[k], store.grids(np.array([own]))[0])
        assert np.array_equal(pictures[k], store.pictures(np.array([own]), view)[0])
        assert np.array_equal(codes[k], Cameras(store).codes(np.array([own]), view)[0])
        assert np.array_equal(joined.cameras(row), store.cameras(own))
        assert joined.ids[row] == store.ids[own]
        assert joined.classes[joined.labels[row]] == store.classes[store.labels[own]]
    assert np.array_equal(joined.signed_distances(rows)[1], first.signed_distances(rows[1:2])[0])


def test_one_store_is_itself(store_folder):
    store = open_data([StoreShare(store_folder, 3)])
    assert type(store) is Store
    assert store.fingerprint == open_data(store_folder).fingerprint


def test_the_fingerprint_covers_stores_and_weights(shares, store_folder, other_folder):
    marks = {
        open_data(chosen).fingerprint
        for chosen in (
            shares,
            shares[::-1],
            [StoreShare(store_folder, 2), StoreShare(other_folder)],
            shares[:1],
        )
    }
    assert len(marks) == 4


def test_what_one_store_holds_out_no_other_one_teaches(tmp_path, store_folder):
    again = make_store(tmp_path / "again", classes=("box", "ball"))  # other labels, another split
    joined = open_data([StoreShare(store_folder), StoreShare(again)])
    digests = [bytes(row) for row in joined.shapes["digest"]]
    train = {digests[k] for k in joined.indices("train").tolist()}
    assert not train & {digests[k] for k in joined.indices("validation").tolist()}
    parts = [open_store(folder) for folder in (store_folder, again)]
    assert len(joined.indices("validation")) == sum(len(s.indices("validation")) for s in parts)
    lost = sum(len(s.indices("train")) for s in parts) - len(joined.indices("train"))
    assert 0 < lost <= len(joined.indices("validation"))


def test_stores_that_do_not_fit_are_refused(tmp_path, store_folder):
    fine = make_store(tmp_path / "fine", resolution=64)
    with pytest.raises(DataError, match="cannot be mixed"):
        open_data([StoreShare(store_folder), StoreShare(fine)])


@pytest.mark.parametrize("weights", [(3, 1), (1, 1), (0.5, 2), (1 / 3, 1), (7, 2.5)])
@pytest.mark.parametrize("size", [8, 5])
def test_places_are_dealt_by_weight(weights, size):
    rows = [np.arange(11), 100 + np.arange(7)]
    mixed = WeightedRows(rows, weights, 0, size)
    drawn = np.concatenate([mixed.rows_of(step) for step in range(60)])
    share = weights[0] / sum(weights)
    for end in range(size, len(drawn) + 1, size):  # at no time is a store a whole shape behind
        assert abs((drawn[:end] < 100).sum() - share * end) <= 1
    for own in rows:  # whole permutations, one after the other
        mine = drawn[np.isin(drawn, own)]
        counts = np.unique(mine, return_counts=True)[1]
        assert np.ptp(counts) <= 1
    again = WeightedRows(rows, weights, 0, size)
    assert np.array_equal(again.rows_of(41), drawn[41 * size : 42 * size])
    assert not np.array_equal(WeightedRows(rows, weights, 1, size).rows_of(41), again.rows_of(41))


def test_no_place_of_a_batch_belongs_to_one_store():
    """The places have roles: which are from pictures, which have their x^ from the prior."""
    mixed = WeightedRows([np.arange(30), 100 + np.arange(30)], (3, 1), 0, 8)
    second = np.stack([mixed.rows_of(step) >= 100 for step in range(200)])
    assert (second.mean(0) > 0.15).all()


def test_a_mixed_run_resumes_bit_equally_and_is_exported(config, train, tmp_path, shares):
    config = config.model_copy(
        update={"model": config.model.model_copy(update={"classes": CLASSES})}
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, whole, store=shares)
    assert train(config, parts, stop_after(7), store=shares)[-1].reason is RunState.STOPPED
    train(config, parts, store=RunFolder(parts).stores())
    assert digest(whole) == digest(parts)
    folder = export.export(whole, str(tmp_path / "made" / "tiny"), RunFolder(whole).stores(), "")
    card = (folder / "card.json").read_text("utf-8")
    assert '"weights": "3, 1"' in card
    assert "--data STORE1:3 --data STORE2" in card
    assert '"front": "-y"' in card


def test_batches_of_a_mix_hold_both_and_repeat(config, alone, shares):
    joined = open_data(shares)
    config = config.model_copy(
        update={"model": config.model.model_copy(update={"classes": CLASSES})}
    )
    batches = Batches(joined, config, alone)
    split = len(open_store(shares[0].store))
    for step in range(4):
        batch = batches(step, True)
        assert (batch.rows >= split).sum() == config.batch_size // 4
        assert batch.grids.equal(Batches(joined, config, alone)(step, True).grids)


def test_a_part_without_pictures_is_named(config, alone, store_folder, tmp_path):
    bare = make_store(tmp_path / "bare", pictured=False, seed=7)
    joined = open_data([StoreShare(store_folder), StoreShare(bare)])
    assert not joined.has_pictures
    with pytest.raises(RunError, match="bare has no pictures"):
        loop.check_fit(config, joined, alone)
    loop.check_fit(config.model_copy(update={"image_steps": 0}), joined, alone)
