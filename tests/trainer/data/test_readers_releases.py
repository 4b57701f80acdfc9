"""The published releases: known by their layout, listed with classes, splits and pictures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import releases
from scipy.io import savemat

from shapelab.core.errors import DataError, InputError
from shapelab.core.inputs import untrusted_reader
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh
from trainer.data.source import Item, Shape
from trainer.data.sources.source_table import find_reader


def listed(source: Path, name: str) -> list[Item]:
    """The items of a source that must be of the kind ``name``, sorted and of different ids."""
    reader = find_reader(source)
    assert reader.name == name
    items = reader.items(source)
    ids = [item.id for item in items]
    assert ids == sorted(set(ids))
    return items


def load(source: Path, item: Item) -> Shape:
    return find_reader(source).load(item)


def is_chair(shape: Shape) -> bool:
    """Whether it stands with z up, its back at +y, as ModelNet's do."""
    if isinstance(shape, VoxelGrid):
        filled = np.argwhere(shape.values > 0.5).astype(float)
    else:
        filled = shape.vertices.astype(float)
    filled -= (filled.min(0) + filled.max(0)) / 2
    top = filled[filled[:, 2] > 0.5 * filled[:, 2].max()]
    return bool(top[:, 1].min() > 0 and abs(top[:, 0].mean()) < 0.01 * np.ptp(filled[:, 0]))


@pytest.mark.parametrize("as_zip", [False, True])
def test_modelnet_keeps_classes_and_official_splits(tmp_path: Path, as_zip: bool) -> None:
    source = releases.modelnet(tmp_path / "download")
    if as_zip:
        source = releases.zipped(source, tmp_path / "ModelNet10.zip")
    items = listed(source, "ModelNet")
    assert [(i.id, i.label, i.split) for i in items] == [
        ("chair/test/chair_0890", "chair", "test"),
        ("chair/train/chair_0002", "chair", "train"),
        ("chair/train/chair_0010", "chair", "train"),
        ("night_stand/test/n_1", "night_stand", "test"),
    ]
    for item in items:
        shape = load(source, item)
        assert isinstance(shape, TriMesh)
        assert len(shape.faces) == 24
        assert shape.extents == pytest.approx((4, 4, 5))
        assert is_chair(shape)


def test_modelnet_is_known_from_its_inner_folders_and_gives_the_same_ids(tmp_path: Path) -> None:
    root = releases.modelnet(tmp_path)
    whole = [item.id for item in listed(root, "ModelNet")]
    assert [item.id for item in listed(root / "ModelNet10", "ModelNet")] == whole
    assert [i.id for i in listed(root / "ModelNet10/chair", "ModelNet")] == whole[:3]


def test_two_releases_side_by_side_are_refused(tmp_path: Path) -> None:
    releases.modelnet(tmp_path)
    releases.put(tmp_path / "ModelNet40/chair/train/chair_0002.off", releases.off())
    with pytest.raises(DataError, match=r"two shapes 'chair/train/chair_0002'"):
        find_reader(tmp_path).items(tmp_path)


def test_of_twelve_turns_the_upright_one_becomes_the_item(tmp_path: Path) -> None:
    source = releases.volumetric(tmp_path)
    items = listed(source, "ModelNet")
    assert [(i.id, i.label, i.split) for i in items] == [
        ("chair/train/chair_000000182", "chair", "train"),
        ("sofa/test/sofa_1", "sofa", "test"),
    ]
    assert [item.path.name for item in items] == ["chair_000000182_1.mat", "sofa_1_1.mat"]
    for item in items:
        shape = load(source, item)
        assert isinstance(shape, VoxelGrid)
        assert np.array_equal(shape.values, releases.grid(30))


def test_meshes_and_grids_of_modelnet_together_are_refused(tmp_path: Path) -> None:
    releases.volumetric(releases.modelnet(tmp_path))
    with pytest.raises(DataError, match="one kind"):
        find_reader(tmp_path).items(tmp_path)


@pytest.mark.parametrize("inside", ["", "ShapeNetVox32"])
def test_r2n2_has_the_official_split_and_its_views(tmp_path: Path, inside: str) -> None:
    source = releases.r2n2(tmp_path) / inside
    items = listed(source, "ShapeNet, 3D-R2N2's release")
    assert [item.split for item in items] == ["train"] * 8 + ["test"] * 2
    assert {item.label for item in items} == {"chair"}
    assert items[3].id == f"03001627/{3:032x}"
    assert [len(item.pictures) for item in items] == [0] + [24] * 9
    assert [p.name for p in items[1].pictures] == [f"{n:02d}.png" for n in range(24)]
    assert all(path.is_file() for path in items[1].pictures)
    shape = load(source, items[0])
    assert isinstance(shape, VoxelGrid)
    assert np.array_equal(shape.values, releases.grid(32))


def test_core_takes_meshes_first_and_turns_both_versions_alike(tmp_path: Path) -> None:
    source = releases.core(tmp_path)
    items = listed(source, "ShapeNetCore")
    assert [(i.id, i.label, i.path.name) for i in items] == [
        ("02691156/a1", "airplane", "model.obj"),
        ("03001627/b1", "chair", "model_normalized.obj"),
        ("03001627/b2", "chair", "model_normalized.solid.binvox"),
        ("99999999/c1", "99999999", "model.obj"),
    ]
    assert [is_chair(load(source, item)) for item in items] == [True] * 4
    assert [i.id for i in listed(source / "03001627", "ShapeNetCore")] == [
        "03001627/b1",
        "03001627/b2",
    ]


def test_a_mesh_too_large_to_read_gives_way_to_its_voxels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = releases.core(tmp_path)
    solid = source / "03001627/b1/models/model_normalized.solid.binvox"
    releases.binvox(solid, releases.grid())
    monkeypatch.setattr(untrusted_reader, "MAX_BYTES", 100)
    assert listed(source, "ShapeNetCore")[1].path == solid


def test_tlnet_has_one_item_a_model_with_all_its_photos(tmp_path: Path) -> None:
    source = releases.tlnet(tmp_path)
    items = listed(source, "IKEA, TL-network's release")
    assert [(i.id, i.label, i.split) for i in items] == [
        ("IKEA_bed_Y/b_obj0_object", "bed", "test"),
        ("IKEA_chair_X/c10_obj0_object", "chair", "test"),
    ]
    assert [[p.name for p in i.pictures] for i in items] == [["p2.jpg", "p3.jpg"], ["p1.jpg"]]
    for item in items:
        shape = load(source, item)
        assert isinstance(shape, VoxelGrid)
        assert np.array_equal(shape.values, releases.grid())


def test_vaegan_has_one_item_a_model_with_all_its_photos(tmp_path: Path) -> None:
    source = releases.vaegan(tmp_path)
    items = listed(source, "IKEA, 3D-VAE-GAN's release")
    assert [(i.id, i.label, i.split) for i in items] == [
        ("IKEA_chair_A", "chair", "test"),
        ("IKEA_chair_B", "chair", "test"),
        ("IKEA_sofa_C", "sofa", "test"),
    ]
    names = [[p.name for p in item.pictures] for item in items]
    assert names == [["0001.png", "0003.png"], ["0002.png"], ["0001.png"]]
    assert is_chair(load(source, items[0]))


@pytest.mark.parametrize(
    ("release", "name", "content", "words"),
    [
        ("tlnet", "Lists/ModelID.txt", b"7\n", "3 lines but ModelID.txt 1"),
        ("tlnet", "Lists/ModelID.txt", b"7\n99\n7", "model 99"),
        ("tlnet", "Lists/ModelID.txt", b"7\n../Lists/x\n7", "has no name or no voxels"),
        ("tlnet", "Lists/Images.txt", b"../../../etc/passwd\na\nb", "none of the photos"),
        ("vaegan", "list/chair.txt", b"IKEA_chair_A\n", "1 lines for 3 photos"),
        ("vaegan", "list/chair.txt", b"a\nb\nc", "names 'a'"),
        ("vaegan", "list/chair.txt", b"../../x\nb\nc", "names 'x'"),
    ],
)
def test_lists_that_lie_get_one_sentence(
    tmp_path: Path, release: str, name: str, content: bytes, words: str
) -> None:
    source = getattr(releases, release)(tmp_path)
    releases.put(source / name, content)
    with pytest.raises(DataError, match=words):
        find_reader(source).items(source)


def test_a_release_without_a_list_gets_one_sentence(tmp_path: Path) -> None:
    source = releases.tlnet(tmp_path)
    (source / "Lists/all_obj_clean.txt").unlink()
    with pytest.raises(DataError, match=r"lacks its list all_obj_clean\.txt"):
        find_reader(source).items(source)


@pytest.mark.parametrize("release", ["modelnet", "r2n2", "core", "tlnet", "vaegan"])
def test_a_folder_around_a_release_changes_nothing(tmp_path: Path, release: str) -> None:
    source = getattr(releases, release)(tmp_path / "download" / "release")
    inner, outer = find_reader(source), find_reader(tmp_path)
    assert inner is outer
    assert inner.items(source) == outer.items(tmp_path)


@pytest.mark.parametrize("release", ["r2n2", "core", "tlnet", "vaegan"])
def test_a_release_that_must_be_unpacked_does_not_pass_for_free_meshes(
    tmp_path: Path, release: str
) -> None:
    getattr(releases, release)(tmp_path / "release")
    archive = releases.zipped(tmp_path / "release", tmp_path / "release.zip")
    with pytest.raises(DataError, match="unpack it"):
        find_reader(archive)


def test_a_release_in_which_two_kinds_lie_is_refused(tmp_path: Path) -> None:
    releases.vaegan(releases.tlnet(tmp_path))
    with pytest.raises(DataError, match="name the folder of one of them"):
        find_reader(tmp_path)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_views_that_are_links_are_not_taken(tmp_path: Path) -> None:
    source = releases.r2n2(tmp_path, 2)
    view = source / f"ShapeNetRendering/03001627/{1:032x}/rendering/05.png"
    view.unlink()
    try:
        view.symlink_to(tmp_path / "elsewhere.png")
    except OSError:
        pytest.skip("links may not be made here")
    assert len(find_reader(source).items(source)[1].pictures) == 23


def test_shared_samples_are_known_and_load(shared_data: Path) -> None:
    kinds = {
        "modelnet_off_sample": ("ModelNet", 6, ["test", *["train"] * 5]),
        "shapenet_r2n2_sample": ("ShapeNet, 3D-R2N2's release", 6, ["test"] * 2 + ["train"] * 4),
        "ikea_tlnet_sample": ("IKEA, TL-network's release", 6, ["test"] * 6),
    }
    for folder, (name, count, splits) in kinds.items():
        source = shared_data / folder
        items = listed(source, name)
        assert len(items) == count
        assert sorted(item.split for item in items) == splits
        for item in items:
            shape = load(source, item)
            if folder == "shapenet_r2n2_sample":
                assert len(item.pictures) == 24
                assert isinstance(shape, VoxelGrid)
                assert stands(shape.values > 0.5)
    photos = sum(len(item.pictures) for item in items)
    assert photos == 34


def stands(chair: np.ndarray) -> bool:
    """A real chair: its back is at +y above the seat, and left and right are alike."""
    filled = np.argwhere(chair).astype(float)
    low, high = filled.min(0), filled.max(0)
    top = filled[filled[:, 2] > low[2] + 0.7 * (high - low)[2]]
    sideways, back, _ = top.mean(0) - (low + high) / 2
    mirrored = (chair == chair[::-1]).mean()
    return bool(back > 3 and abs(sideways) < 1 and mirrored > 0.97)


def test_ikea_models_of_the_shared_sample_stand(shared_data: Path) -> None:
    source = shared_data / "ikea_tlnet_sample"
    table = next(i for i in find_reader(source).items(source) if i.label == "table")
    shape = load(source, table)
    assert isinstance(shape, VoxelGrid)
    areas = shape.values.sum(axis=(0, 1))
    assert list(areas[:15]) == [16] * 15  # four legs
    assert list(areas[16:]) == [400] * 4  # under a top


def test_a_grid_of_another_kind_is_refused_by_the_loader(tmp_path: Path) -> None:
    path = tmp_path / "chair/30/train/chair_1_1.mat"
    path.parent.mkdir(parents=True)
    savemat(path, {"instance": np.zeros((30, 30))})
    item = listed(tmp_path, "ModelNet")[0]
    with pytest.raises(InputError, match="does not say which array"):
        load(tmp_path, item)
