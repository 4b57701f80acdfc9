"""Fronts: told, known by a source or found by backrests, they are at -y in every store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import releases

from shapelab.core.errors import DataError
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh
from trainer.data.prepare import preparation
from trainer.data.prepare.preparation import prepare
from trainer.data.sheet.contact_sheet import gather
from trainer.data.source import Front
from trainer.data.sources import fronts
from trainer.data.sources.guarded_loading import turned
from trainer.data.sources.source_table import find_reader
from trainer.data.store.prepared_store import Store, open_store

SIDES: tuple[Front, ...] = ("-y", "+x", "+y", "-x")


def facing(front: Front, taller: int = 0) -> np.ndarray:
    """A chair whose front is at another side of its source."""
    values = np.zeros((40,) * 3, np.float32)
    values[:20, :20, :20] = releases.grid()
    values[4:12, 10:12, 12 : 12 + taller] = 1
    shape = turned(VoxelGrid(values, 1.0), -fronts.turns(front))
    assert isinstance(shape, VoxelGrid)
    return shape.values


def shelf(folder: Path, label: str, sides: list[Front], taller: int = 0) -> Path:
    """Grids of a class, all of other heights."""
    (folder / label).mkdir(parents=True, exist_ok=True)
    for k, side in enumerate(sides):
        np.save(folder / label / f"{k:02d}.npy", facing(side, taller + k).astype(np.uint8))
    return folder


def store_of(source: Path, out: Path, **options: str) -> Store:
    list(prepare(source, out, views=0, workers=1, **options))  # type: ignore[arg-type]
    return open_store(out)


def back_is_behind(store: Store, row: int = 0) -> bool:
    """Whether the upper half of a shape lies at +y alone, in the grid and by its distances."""
    grid = store.grids(np.array([row]))[0]
    middle = len(grid) // 2
    places = np.argwhere(grid)
    half = np.arange(len(grid)) > places[:, 2].mean()
    top, inside = np.argwhere(grid & half), store.signed_distances(np.array([row]))[0] < 0
    deep = np.argwhere(inside & half)
    return bool((top[:, 1] > middle).all() and (deep[:, 1] > middle).all())


@pytest.mark.parametrize("side", SIDES)
def test_a_front_is_found_by_the_backrest(side: Front) -> None:
    assert fronts.front_by_backrest(VoxelGrid(facing(side), 1.0)) == side
    turn = {"-y": "xyz", "+x": "-yxz", "+y": "-x-yz", "-x": "y-xz"}[side]
    points, faces = releases.chair(turn)
    mesh = TriMesh(points.astype(np.float32), np.array(faces, np.int32))
    assert fronts.front_by_backrest(mesh) == side


def test_a_thing_without_a_backrest_shows_no_front() -> None:
    block = np.zeros((20, 20, 20), np.float32)
    block[4:16, 6:14, 2:12] = 1
    assert fronts.front_by_backrest(VoxelGrid(block, 1.0)) is None


@pytest.mark.parametrize("side", ["+x", "+y"])
def test_backrests_that_agree_turn_a_class(tmp_path: Path, side: Front) -> None:
    source = shelf(shelf(tmp_path / "set", "office chair", [side] * 5), "lamp", [side] * 2, 5)
    store = store_of(source, tmp_path / "store")
    assert store.index["fronts"] == {"lamp": "-y", "office chair": side}
    assert store.is_canonical
    rows = np.flatnonzero(store.labels == 1)
    assert all(back_is_behind(store, row) for row in rows.tolist())
    assert not back_is_behind(store, 0)


def test_backrests_that_do_not_agree_turn_nothing(tmp_path: Path) -> None:
    source = shelf(tmp_path / "set", "chair", ["+x", "+y", "+x", "-y", "+x"])
    reader = find_reader(source)
    items, reasons = fronts.with_fronts(reader.items(source), reader)
    assert {item.front for item in items} == {"-y"}
    assert "backrests say 3 +x" in reasons["chair"]


def test_what_is_told_wins_and_is_said(tmp_path: Path) -> None:
    source = shelf(shelf(tmp_path / "set", "chair", ["+x"] * 5), "lamp", ["-x"] * 2, 5)
    said = [e.message for e in prepare(source, tmp_path / "a", views=0, workers=1, front="-y")]
    assert "front -y (as told)" in said[0]
    assert not back_is_behind(open_store(tmp_path / "a"), 0)
    told = store_of(source, tmp_path / "b", front="lamp=-x")
    assert told.index["fronts"] == {"chair": "+x", "lamp": "-x"}
    assert told.fingerprint != open_store(tmp_path / "a").fingerprint
    facts = dict(gather(told).facts)
    assert facts["Front"] == "-y; in the source +x of chair, -x of lamp"
    with pytest.raises(DataError, match="another store"):
        store_of(source, tmp_path / "b", front="-y")


@pytest.mark.parametrize(
    ("text", "words"), [("up", "names no front"), ("x=-y", "no class 'x'"), ("a=", "names no")]
)
def test_what_cannot_be_told_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        fronts.told(text, ["a", "b"])


def test_sides_are_told_for_all_or_by_class() -> None:
    assert fronts.told("+x", ["a", "b"]) == {"a": "+x", "b": "+x"}
    assert fronts.told("-x, b=+y", ["a", "b"]) == {"a": "-x", "b": "+y"}


def test_modelnet10_has_its_fronts_as_meshes_and_as_an_array(tmp_path: Path) -> None:
    for label in ("sofa", "chair"):
        releases.put(tmp_path / f"ModelNet10/{label}/train/{label}_0001.off", releases.off())
    found = find_reader(tmp_path).items(tmp_path)
    assert {item.label: item.front for item in found} == {"sofa": "-x", "chair": "-y"}
    names = sorted(fronts.MODELNET10)
    voxels = np.stack([releases.grid()] * 10)
    np.savez(tmp_path / "all.npz", voxels=voxels, labels=np.arange(10), classes=np.array(names))
    array = find_reader(tmp_path / "all.npz").items(tmp_path / "all.npz")
    assert {item.label: item.front for item in array} == fronts.MODELNET10
    names[0] = "tub"
    np.savez(tmp_path / "all.npz", voxels=voxels, labels=np.arange(10), classes=np.array(names))
    other = find_reader(tmp_path / "all.npz").items(tmp_path / "all.npz")
    assert {item.front for item in other} == {""}


def test_pictures_are_drawn_of_the_turned_shape(tmp_path: Path, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(
        preparation,
        "_pictured",
        lambda _task, _item, sampled: (seen.append(sampled.surface), (None, None))[1],
    )
    source = shelf(tmp_path / "set", "chair", ["+x"])
    reader = find_reader(source)
    items, _ = fronts.with_fronts(reader.items(source), reader, "+x")
    preparation.make(preparation.ItemTask(None, reader.load, 32, 1, 64, 0), items[0])
    (surface,) = seen
    top = surface.vertices[surface.vertices[:, 2] > surface.vertices[:, 2].max() - 0.1]
    assert (top[:, 1] > 0).all()


@pytest.mark.slow
def test_the_real_classes_of_modelnet10_face_the_way_that_was_found_by_eye(shared_data) -> None:
    data = np.load(shared_data / "modelnet10/modelnet10_train_30.npz")
    for label in ("bed", "chair", "sofa", "toilet"):
        grids = data["voxels"][data["labels"] == data["classes"].tolist().index(label)]
        found = [
            fronts.front_by_backrest(VoxelGrid(g.astype(np.float32), 1.0))
            for g in grids[::5]
            if g.any()
        ]
        shown = [front for front in found if front]
        assert shown.count(fronts.MODELNET10[label]) > 0.95 * len(shown) > 0.5 * len(found)
