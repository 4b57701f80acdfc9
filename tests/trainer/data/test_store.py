"""The store: what goes in comes out, by row; damage and half-made stores are told in a sentence."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from shapelab.core.errors import DataError
from shapelab.core.runs.store_card import VERSION
from tests.disk import Died, Disk
from tests.trainer.conftest import make_grids
from trainer.data.source import Item
from trainer.data.store import store_writer as writers
from trainer.data.store.prepared_store import choose_split, open_store, shard_path
from trainer.data.store.shards import Journal, Rejected, encode, read_table
from trainer.data.store.store_writer import StoreRecipe, StoreWriter, digest_of

COUNT = 20


@pytest.fixture
def shapes(monkeypatch):
    """Items, and what becomes of them: 17 shapes, 2 rejected (3, 11), one duplicate (12 of 2)."""
    monkeypatch.setattr(writers, "SHARD", 8)  # three shards
    rng = np.random.default_rng(0)
    grids, labels = make_grids(COUNT)
    grids = np.pad(grids > 0, ((0, 0), (1, 1), (1, 1), (1, 1)))
    grids[12] = grids[2]
    items = [Item(f"shapes/{k:03d}", "ab"[label], Path()) for k, label in enumerate(labels)]
    distances = rng.integers(0, 256, (COUNT, 32, 32, 32), np.uint8)
    pictures = [rng.integers(0, 256, (2 + k % 2, 16, 16, 4), np.uint8) for k in range(COUNT)]
    results = [
        Rejected(f"no {k}") if k in (3, 11) else encode(*parts, cameras(k), 0.25, k, 0.5)
        for k, parts in enumerate(zip(grids, distances, pictures, strict=True))
    ]
    return items, grids, distances, pictures, results


def cameras(k):
    """Of the 2 or 3 pictures of shape k."""
    return np.arange(4 * (2 + k % 2)).reshape(-1, 4) / 7 + k


def recipe(items, /, **changes):
    return StoreRecipe(**{
        "source": "shapes", "reader": "test", "licence": "MIT", "resolution": 32, "views": 2,
        "picture_size": 16, "seed": 0, "items": digest_of(items),
    } | changes)  # fmt: skip


def write(folder, items, results, order=None):
    with StoreWriter(folder, recipe(items), items) as writer:
        for k in range(len(items)) if order is None else order:
            writer.add(k, results[k])
        return writer.finish()


def test_whatever_call_a_kill_comes_at_the_same_store_comes_out(shapes, tmp_path, monkeypatch):
    items, _, _, _, results = shapes

    def go_on(folder, fail_at=None):
        """Writes what is missing; the number of calls that reached the disk."""
        with monkeypatch.context() as patch:
            disk = Disk(patch, fail_at, Died)
            with (
                suppress(Died),
                StoreWriter(folder, recipe(items), items) as writer,
            ):
                if not writer.complete:
                    for k in writer.missing():
                        writer.add(k, results[k])
                    writer.finish()
        return len(disk.calls)

    calls = go_on(tmp_path / "whole")
    whole = content(tmp_path / "whole")
    assert calls > 30
    for number in range(calls):
        folder = tmp_path / str(number)
        go_on(folder, number)
        go_on(folder)
        assert content(folder) == whole, number


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "lock"}


def test_everything_comes_back_by_row(shapes, tmp_path):
    items, grids, distances, pictures, results = shapes
    store = write(tmp_path, items, results)
    kept = [k for k in range(COUNT) if k not in (3, 11, 12)]
    assert len(store) == len(kept) == 17
    assert store.ids == tuple(items[k].id for k in kept)
    assert store.classes == ("a", "b")
    assert store.labels.tolist() == [k % 2 for k in kept]
    assert store.view_counts.tolist() == [2 + k % 2 for k in kept]
    rows = np.random.default_rng(1).permutation(17)
    wanted = [kept[row] for row in rows]
    assert np.array_equal(store.grids(rows), grids[wanted])
    assert np.array_equal(store.quantised_distances(rows), distances[wanted])
    last = store.view_counts[rows] - 1
    given = [pictures[k][-1] for k in wanted]
    assert np.array_equal(store.pictures(rows, last), np.stack(given))
    assert all(np.array_equal(store.cameras(row), cameras(k)) for row, k in enumerate(kept))
    assert store.shapes["parts"].tolist() == kept
    assert set(store.shapes["filled"].tolist()) == {0.25}
    assert store.rejected == (
        ("shapes/003", "no 3"), ("shapes/011", "no 11"), ("shapes/012", "same shape as shapes/002")
    )  # fmt: skip
    counts = store.index["counts"]
    assert (counts["items"], counts["rejected"], counts["duplicates"]) == (20, 2, 1)
    assert counts["train"] + counts["validation"] == counts["accepted"] == 17
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "attributions.json", "ids.json", "index.json", "lock", "pieces.npy", "rejected.json",
        "shapes.npy", "shard-00000.bin", "shard-00001.bin", "shard-00002.bin",
    ]  # fmt: skip
    with pytest.raises(DataError, match="fewer pictures"):
        store.pictures(np.array([0]), np.array([2]))
    assert store.grids(np.array([], np.int64)).shape == (0, 32, 32, 32)


def test_any_order_of_work_gives_the_same_files(shapes, tmp_path):
    items, *_, results = shapes
    write(tmp_path / "a", items, results)
    order = np.random.default_rng(2).permutation(COUNT).tolist()
    first, second = order[:9], order[9:]
    with StoreWriter(tmp_path / "b", recipe(items), items) as writer:
        for k in first:
            writer.add(k, results[k])
        assert writer.rejected() == len({3, 11} & set(first))
    with pytest.raises(DataError, match="not prepared to its end"):
        open_store(tmp_path / "b")
    with StoreWriter(tmp_path / "b", recipe(items), items) as writer:
        assert writer.missing() == sorted(second)
        for k in second:
            writer.add(k, results[k])
        assert writer.missing() == []
        assert writer.rejected() == 2
        writer.finish()
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_journal_cut_anywhere_keeps_all_that_was_whole(shapes, tmp_path):
    *_, results = shapes
    path = tmp_path / "shard.journal"
    journal, ends = Journal(path), [0]
    for k in (2, 0, 3):
        journal.add(k, results[k])
        ends.append(path.stat().st_size)
    journal.close()
    whole = path.read_bytes()
    for cut in sorted({*ends, *range(0, len(whole), 997), *(e - 1 for e in ends[1:]), 5}):
        path.write_bytes(whole[:cut])
        journal = Journal(path)
        survived = sum(end <= cut for end in ends) - 1
        assert journal.positions == set((2, 0, 3)[:survived])
        assert path.stat().st_size == ends[survived]
        journal.close()
    path.write_bytes(whole[: ends[1]] + bytes(len(whole) - ends[1]))  # sizes came, bytes did not
    journal = Journal(path)
    assert journal.positions == {2}
    journal.add(1, results[1])
    journal.seal(tmp_path / "shard.bin")
    assert not path.exists()
    assert [s["position"] for s in read_table(tmp_path / "shard.bin")["shapes"]] == [1, 2]


def test_a_full_disk_is_one_sentence_and_loses_nothing(shapes, tmp_path, monkeypatch):
    items, *_, results = shapes
    with StoreWriter(tmp_path, recipe(items), items) as writer:
        writer.add(0, results[0])
        size = (tmp_path / "shard-00000.journal").stat().st_size
        room = [100]

        def write(_journal, data):
            part = bytes(data[: room[0]])
            room[0] -= len(part)
            if not part:
                raise OSError(28, "No space left on device")
            return file.write(part)

        journal = writer._journals[0]
        file = journal._file
        monkeypatch.setattr(journal, "_file", _Shim(file, write))
        with pytest.raises(DataError, match=r"No space left on device.*free some space"):
            writer.add(1, results[1])
    assert (tmp_path / "shard-00000.journal").stat().st_size == size
    with StoreWriter(tmp_path, recipe(items), items) as writer:
        assert writer.missing() == list(range(1, COUNT))


def test_only_a_full_disk_is_told_to_be_freed(shapes, tmp_path):
    items, *_ = shapes
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError, match=r"cannot be written \(.+\); check the disk and your rights"
    ):
        StoreWriter(tmp_path / "file" / "store", recipe(items), items)


class _Shim:
    """A file whose ``write`` is another."""

    def __init__(self, file, write):
        self._file, self._write = file, write

    def write(self, data):
        return self._write(self, data)

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_finished_store_is_left_alone_and_another_recipe_is_refused(shapes, tmp_path):
    items, *_, results = shapes
    before = write(tmp_path, items, results).fingerprint
    with StoreWriter(tmp_path, recipe(items), items) as writer:
        assert writer.complete
        assert open_store(tmp_path).fingerprint == before
    for changes, said in (
        ({"resolution": 64}, "resolution 32, not 64"),
        ({"items": digest_of(items[:5])}, "other shapes"),
        ({"picture_size": 32}, "picture size 16, not 32"),
    ):
        with pytest.raises(DataError, match=said):
            StoreWriter(tmp_path, recipe(items, **changes), items)
    assert open_store(tmp_path).fingerprint == before


def test_what_another_version_has_begun_needs_another_folder(shapes, tmp_path):
    items, *_, results = shapes
    with StoreWriter(tmp_path, recipe(items), items) as writer:
        writer.add(0, results[0])
    about = json.loads((tmp_path / "plan.json").read_text())
    (tmp_path / "plan.json").write_text(json.dumps(about | {"version": 2}))
    with pytest.raises(DataError, match="begun by another version of ShapeLab; name an empty"):
        StoreWriter(tmp_path, recipe(items), items)
    (tmp_path / "plan.json").write_text(json.dumps(about))
    with StoreWriter(tmp_path, recipe(items), items) as writer:
        assert writer.missing() == list(range(1, COUNT))


def test_two_processes_cannot_write_one_store(shapes, tmp_path):
    items, *_ = shapes
    with (
        StoreWriter(tmp_path, recipe(items), items),
        pytest.raises(DataError, match="by another process"),
    ):
        StoreWriter(tmp_path, recipe(items), items)
    with StoreWriter(tmp_path, recipe(items), items) as writer:  # free again
        assert len(writer.missing()) == COUNT


def test_nothing_usable_is_one_sentence(shapes, tmp_path):
    items, *_ = shapes
    with pytest.raises(DataError, match=r"no usable shape \(empty\); all of its 20"):
        write(tmp_path, items, [Rejected("empty")] * COUNT)


def spoil_blob(folder):
    path = shard_path(folder, 1)
    data = bytearray(path.read_bytes())
    data[: len(data) // 2] = bytes(len(data) // 2)
    path.write_bytes(data)


def cut_shard(folder):
    path = shard_path(folder, 2)
    path.write_bytes(path.read_bytes()[:-1])


def spoil_labels(folder):
    path = folder / "shapes.npy"
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_blob,
        cut_shard,
        spoil_labels,
        lambda folder: shard_path(folder, 0).unlink(),
        lambda folder: (folder / "pieces.npy").write_bytes(b"no array"),
        lambda folder: (folder / "shapes.npy").unlink(),
        lambda folder: (folder / "ids.json").write_text("[]"),
    ],
)
def test_a_damaged_store_is_refused(shapes, tmp_path, spoil):
    items, *_, results = shapes
    write(tmp_path, items, results)
    spoil(tmp_path)
    with pytest.raises(DataError, match="is damaged; please prepare it again"):
        read_all(tmp_path)


def read_all(folder):
    store = open_store(folder)
    rows = np.arange(len(store))
    return (
        store.ids,
        store.grids(rows),
        store.quantised_distances(rows),
        store.pictures(rows, rows * 0),
    )


def test_a_flipped_bit_is_never_read_as_data(shapes, tmp_path):
    items, *_, results = shapes
    write(tmp_path / "whole", items, results)
    whole = read_all(tmp_path / "whole")
    rng = np.random.default_rng(3)
    found = 0
    for turn in range(40):
        folder = shutil.copytree(tmp_path / "whole", tmp_path / str(turn))
        path = shard_path(folder, 0)
        data = bytearray(path.read_bytes())
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            read = read_all(folder)
        except DataError:
            found += 1
        else:  # in a third picture, the table or a bit that zlib has no use for
            assert all(np.array_equal(a, b) for a, b in zip(whole, read, strict=True))
    assert found > 20


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"format": "shapelab-store", "version": 1}, "older ShapeLab; please prepare it again"),
        ({"format": "shapelab-store", "version": VERSION + 1}, "newer ShapeLab"),
        ({"format": "something else"}, "no prepared store"),
        ([], "no prepared store"),
    ],
)
def test_other_formats_are_told_apart(tmp_path, index, said):
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=said):
        open_store(tmp_path)


def test_unfinished_store_is_refused(tmp_path):
    with pytest.raises(DataError, match="no prepared store"):
        open_store(tmp_path)


def test_split_holds_out_a_tenth_of_each_class():
    labels = np.repeat([0, 1], [100, 50])
    split = choose_split(labels)
    assert [int(split[labels == k].sum()) for k in (0, 1)] == [10, 5]
    assert np.array_equal(split, choose_split(labels))
    assert choose_split(np.array([0, 1, 1, 2])).tolist() == [0, 0, 1, 0]
    assert choose_split(np.array([0])).tolist() == [0]
    assert not choose_split(labels, share=0.0).any()


@pytest.mark.parametrize("theirs", [("test", "train"), ("test", "train", "validation")])
def test_the_makers_split_is_kept(theirs, tmp_path):
    grids, _ = make_grids(60)
    items = [
        Item(f"{k:03d}", "ab"[k % 2], Path(), split=theirs[k % len(theirs)]) for k in range(60)
    ]
    store = write(tmp_path, items, [encode(grid > 0, None, None) for grid in grids])
    official = np.array([item.split for item in items])
    assert np.array_equal(store.split == 2, official == "test")
    assert np.array_equal(store.indices("test"), np.flatnonzero(official == "test"))
    if "validation" in theirs:
        assert np.array_equal(store.split == 1, official == "validation")
    else:  # a tenth of what is not for tests
        assert len(store.indices("validation")) == 3
    with pytest.raises(DataError, match="no signed distances"):
        store.quantised_distances(np.array([0]))


def test_a_test_shape_that_the_training_set_holds_too_comes_once(tmp_path):
    grids, _ = make_grids(4)
    items = [
        Item(f"chair/{split}/{k}", "chair", Path(), split=split)
        for split in ("test", "train")
        for k in range(4)
    ]
    results = [encode(grid > 0, None, None) for grid in (*grids, *grids)]
    store = write(tmp_path, items, results)
    assert store.split.tolist() == [2, 2, 2, 2]
    assert dict(store.rejected)["chair/train/3"] == "same shape as chair/test/3"
