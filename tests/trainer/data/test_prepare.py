"""Preparation: killed, resumed, in parallel, it makes the same store; bad files stop nothing."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from shapelab.core.errors import DataError, InputError
from shapelab.core.runs.events import Finished, Prepared, from_line
from shapelab.core.runs.run_state import RunState
from tests.trainer.conftest import make_grids
from trainer.data.pictures.picture_cameras import draw_shots, picture_seed
from trainer.data.prepare import preparation as preparation
from trainer.data.prepare.preparation import ItemTask, make, prepare
from trainer.data.sources import fronts
from trainer.data.sources.arrays import ARRAYS
from trainer.data.sources.shapenet import R2N2
from trainer.data.store.prepared_store import open_store
from trainer.data.store.shards import Encoded, Rejected
from trainer.data.store.store_writer import StoreWriter

MODELNET10_DEFECTS = (6, 15, 21, 22, 24, 26, 36, 44, 60, 69, 74, 101, 794, 1332, 3392, 3857)


@pytest.fixture(scope="module")
def grids(tmp_path_factory) -> Path:
    """A folder of 22 single grids in two classes: one empty, one damaged, one twice."""
    folder = tmp_path_factory.mktemp("grids")
    shapes, labels = make_grids(20)
    for name in ("ball", "box"):
        (folder / name).mkdir()
    for k, (grid, label) in enumerate(zip(shapes, labels, strict=True)):
        np.save(folder / ("ball", "box")[label] / f"{k:02d}.npy", grid)
    np.save(folder / "ball" / "empty.npy", np.zeros((30, 30, 30), np.uint8))
    (folder / "box" / "damaged.npy").write_bytes(b"\x93NUMPY\x01\x00")
    np.save(folder / "box" / "twice.npy", shapes[0])
    return folder


@pytest.fixture(scope="module")
def whole(grids, tmp_path_factory) -> Path:
    """The store of ``grids``, made in one go by one process."""
    folder = tmp_path_factory.mktemp("whole")
    events = list(prepare(grids, folder, views=0, workers=1))
    assert (events[-1].done, events[-1].total, events[-1].rejected) == (23, 23, 3)
    return folder


def content(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_what_is_kept_and_what_is_said(whole):
    store = open_store(whole)
    assert store.classes == ("ball", "box")
    assert len(store) == 20
    assert store.index["counts"] == {
        "items": 23, "accepted": 20, "rejected": 2, "duplicates": 1,
        "train": 18, "validation": 2, "test": 0,
    }  # fmt: skip
    reasons = dict(store.rejected)
    assert reasons["box/twice.npy"] == "same shape as ball/00.npy"
    assert "empty" in reasons["ball/empty.npy"]
    assert "damaged" in reasons["box/damaged.npy"]
    grids, labels = make_grids(20)
    for row, name in enumerate(store.ids):
        k = int(Path(name).stem)
        assert store.labels[row] == labels[k]
        assert np.array_equal(store.grids(np.array([row]))[0, 1:31, 1:31, 1:31], grids[k] > 0)
    distances = store.signed_distances(np.arange(20))
    assert distances.dtype == np.float32
    inside = store.grids(np.arange(20))
    assert distances[inside].mean() < -0.5  # voxels, negative inside
    assert distances[~inside].mean() > 0.5
    text = preparation.summary(store)
    assert "20 shapes of 2 classes" in text
    assert "18 to train, 2 to validate" in text
    assert "2 rejected, 1 duplicates" in text
    assert "1 × The voxel grid is empty; please choose one that holds a shape." in text


def test_three_workers_make_the_same_store(grids, whole, tmp_path):
    list(prepare(grids, tmp_path, views=0, workers=3))
    assert content(tmp_path) == content(whole)


def test_again_does_nothing(grids, whole, monkeypatch):
    before = content(whole)
    monkeypatch.setattr(preparation, "run", None)  # nobody may work
    (event,) = prepare(grids, whole, views=0)
    assert (event.done, event.total, event.rejected) == (23, 23, 3)
    assert "already complete" in event.message
    assert content(whole) == before


def test_stopped_and_resumed_nothing_is_done_twice(grids, whole, tmp_path, monkeypatch):
    done = []
    add = StoreWriter.add

    def noted(writer, position, result):
        done.append(position)
        add(writer, position, result)

    monkeypatch.setattr(StoreWriter, "add", noted)
    for stop in (5, 13):
        for event in prepare(grids, tmp_path, views=0, workers=1):
            if event.done >= stop:
                break
    assert len(done) == 13
    list(prepare(grids, tmp_path, views=0, workers=2))
    assert sorted(done) == list(range(23))
    assert content(tmp_path) == content(whole)


def test_killed_at_any_moment_the_same_store_comes_out(grids, whole, tmp_path):
    """SIGKILL at five marks of progress, Ctrl+C at one; workers do not outlive their master."""
    command = [
        sys.executable, "-m", "trainer", "prepare", str(grids), "--out", str(tmp_path),
        "--views", "0", "--workers", "2", "--events", "jsonl",
    ]  # fmt: skip
    orphans: list[psutil.Process] = []
    reached = 0
    for mark, number in ((0, 9), (4, 9), (9, 9), (12, signal.SIGINT), (15, 9), (21, 9)):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as child:
            for line in child.stdout:
                event = from_line(line)
                if isinstance(event, Prepared) and event.done >= mark:  # pictures come between
                    break
            assert event.done >= reached  # nothing was lost
            reached = event.done
            orphans += psutil.Process(child.pid).children(recursive=True)
            os.killpg(child.pid, number)  # as a terminal does
            rest = child.stdout.read()
        if number == signal.SIGINT:
            assert from_line(rest.splitlines()[-1]) == Finished(0, RunState.STOPPED)
            assert child.returncode == 0
        with pytest.raises(DataError):
            open_store(tmp_path)
    _, alive = psutil.wait_procs(orphans, timeout=60)
    assert not alive
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    events = [from_line(line) for line in done.stdout.splitlines()]
    assert isinstance(events[0], Prepared)
    assert events[0].done >= reached
    assert events[-1] == Finished(0, RunState.COMPLETED)
    assert content(tmp_path) == content(whole)


def test_other_settings_and_other_shapes_need_another_folder(grids, whole, tmp_path):
    with pytest.raises(DataError, match="resolution 32, not 64"):
        next(prepare(grids, whole, resolution=64, views=0))
    some = shutil.copytree(grids / "box", tmp_path / grids.name)
    with pytest.raises(DataError, match="other shapes"):
        next(prepare(some, whole, views=0))
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("dear")
    with pytest.raises(DataError, match="is not empty"):
        next(prepare(grids, tmp_path / "letters", views=0))
    assert (tmp_path / "letters" / "love.txt").exists()


def test_a_file_that_has_changed_is_noticed_and_a_copy_of_the_source_is_not(grids, whole, tmp_path):
    copied = shutil.copytree(grids, tmp_path / grids.name, copy_function=shutil.copyfile)
    assert "already complete" in next(prepare(copied, whole, views=0)).message
    np.save(copied / "box" / "01.npy", np.ones((9, 9, 9), np.uint8))
    with pytest.raises(DataError, match="their files have changed"):
        next(prepare(copied, whole, views=0))


def test_a_store_in_its_own_source_is_none_of_its_shapes(grids, whole, tmp_path):
    source = shutil.copytree(grids, tmp_path / grids.name)
    shutil.copytree(whole, source / "store")
    assert "already complete" in next(prepare(source, source / "store", views=0)).message
    with pytest.raises(DataError, match="holds no shapes"):
        next(prepare(source / "store", tmp_path / "another", views=0))


def test_a_resolution_without_networks_is_one_sentence(grids, tmp_path):
    with pytest.raises(DataError, match="use 32, 64 or 128"):
        next(prepare(grids, tmp_path / "store", resolution=48))
    assert not (tmp_path / "store").exists()


def test_a_source_of_nothing_usable_is_one_sentence(tmp_path):
    source = tmp_path / "empty"
    source.mkdir()
    np.save(source / "a.npy", np.zeros((8, 8, 8)))
    with pytest.raises(DataError, match=r"no usable shape .*all of its 1 were rejected"):
        list(prepare(source, tmp_path / "store", views=0, workers=1))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("The mesh is damaged."), "The mesh is damaged."),
        (MemoryError(), "too much memory"),
        (IndexError("7"), r"it broke its reader \(IndexError: 7\)"),
    ],
)
def test_whatever_a_reader_raises_is_a_rejection(tmp_path, error, said):
    def load(_item):
        raise error

    result = make(ItemTask(tmp_path, load, 32, 0, 64, 0), None)
    assert isinstance(result, Rejected)
    assert re.search(said, result.reason)


def test_a_source_that_goes_away_rejects_nothing(tmp_path):
    def load(_item):
        raise InputError("There is no such file.")

    with pytest.raises(DataError, match="went away; run the same command again"):
        make(ItemTask(tmp_path / "gone", load, 32, 0, 64, 0), None)


@pytest.mark.gl
def test_pictures_are_drawn_or_the_sources_own(grids, tmp_path):
    store = tmp_path / "store"
    few = tmp_path / "few"
    few.mkdir()
    for k in (0, 2):
        shutil.copy(grids / "ball" / f"{k:02d}.npy", few)
    list(prepare(few, store, views=3, size=32, workers=1))
    opened = open_store(store)
    assert opened.view_counts.tolist() == [3, 3]
    rows = np.array([0, 0, 1])
    pictures = opened.pictures(rows, np.array([0, 1, 0]))
    assert pictures.shape == (3, 32, 32, 4)
    assert (pictures[..., 3] > 128).any(axis=(1, 2)).all()
    assert len({picture.tobytes() for picture in pictures}) == 3
    alone = make(ItemTask(None, ARRAYS.load, 32, 3, 32, 0), ARRAYS.items(few)[1])
    assert isinstance(alone, Encoded)
    drawn = np.frombuffer(zlib.decompress(alone.pieces[2]), np.uint8)
    assert np.array_equal(drawn, pictures[2].ravel())  # whoever draws it, and when
    for row, name in enumerate(opened.ids):
        shots = draw_shots(picture_seed(0, name), 3)
        assert np.array_equal(opened.cameras(row), shots.cameras())


@pytest.mark.gl
def test_only_drawn_pictures_have_known_cameras(shared_data, tmp_path):
    """A source's own view has none; where it is damaged, views are drawn, and theirs are kept."""
    item = R2N2.items(shared_data / "shapenet_r2n2_sample")[0]
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    task = ItemTask(None, R2N2.load, 32, 3, 32, 0)
    shots = draw_shots(picture_seed(0, item.id), 3)
    for pictures, cameras in (
        (item.pictures[:2], np.full((2, 4), np.nan)),
        ((tmp_path / "damaged.png",), shots.cameras()),
    ):
        result = make(task, replace(item, pictures=pictures))
        assert isinstance(result, Encoded)
        stored = np.frombuffer(zlib.decompress(result.pieces[-1]), "<f8").reshape(-1, 4)
        assert np.array_equal(stored, cameras, equal_nan=True)


def test_where_nothing_can_be_drawn_it_is_said_before_all_is_rejected(grids, tmp_path, monkeypatch):
    def no_screen(*_):
        raise RuntimeError("no OpenGL")

    monkeypatch.setattr(preparation, "make", no_screen)
    monkeypatch.setattr(preparation, "_drawn", no_screen)
    with pytest.raises(DataError, match=r"no OpenGL.*--views 0"):
        list(prepare(grids, tmp_path, views=2, workers=1))
    monkeypatch.undo()
    assert next(prepare(grids, tmp_path, views=2, workers=1)).done == 0


def test_modelnet10_rejects_what_it_did(shared_data):
    """Its known defects, and some sound shapes."""
    source = shared_data / "modelnet10" / "modelnet10_train_30.npz"
    items = ARRAYS.items(source)
    task = ItemTask(source, ARRAYS.load, 32, 0, 64, 0)
    for k in MODELNET10_DEFECTS:
        assert isinstance(make(task, items[k]), Rejected)
    with np.load(source) as archive:
        voxels = archive["voxels"]
    for k in (0, 500, 2000, 3990):
        shape = make(task, items[k])
        quarters = fronts.turns(fronts.MODELNET10[items[k].label])
        bits = np.packbits(np.rot90(np.pad(voxels[k] > 0, 1), quarters))
        assert shape.digest == hashlib.sha256(bits.tobytes()).hexdigest()


@pytest.mark.slow
def test_modelnet10_keeps_the_shapes_and_the_split_of_the_shipped_model(shared_data, tmp_path):
    """Its figures rest on them; the digests are those of the first version of the store."""
    source = shared_data / "modelnet10" / "modelnet10_train_30.npz"
    list(prepare(source, tmp_path, views=0, front="-y"))  # it learnt them as they lay
    store = open_store(tmp_path)
    numbers = np.array([int(name.split("#")[1]) for name in store.ids], np.int32)
    split = hashlib.sha256(numbers.tobytes() + store.split.tobytes()).hexdigest()
    assert split == "b9940d614a0e368a76b2b32521de6040544b04bd362575f085ac68f87d4f3321"
    grids = "".join(bytes(digest).hex() for digest in store.shapes["digest"])
    assert (
        hashlib.sha256(grids.encode()).hexdigest()
        == "20ffc8f96c993a067e852b1bf1ee9a01964dfdd239e37d5a68c786e40787e389"
    )
