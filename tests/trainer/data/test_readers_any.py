"""Anybody's meshes and voxel files: classes by folders, axes, stacks, and sources that lie."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import releases

from shapelab.core.errors import DataError, InputError
from shapelab.core.inputs import untrusted_reader
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh
from trainer.data.source import Item
from trainer.data.sources import arrays, guarded_loading, source_files
from trainer.data.sources.source_table import READERS, find_reader


def items(source: Path, name: str) -> list[Item]:
    reader = find_reader(source)
    assert reader is READERS[name]
    found = reader.items(source)
    ids = [item.id for item in found]
    assert ids == sorted(set(ids))
    return found


def height(item: Item, name: str = "meshes") -> int:
    """The axis along which the chair, 4 x 4 x 5, is longest."""
    shape = READERS[name].load(item)
    assert isinstance(shape, TriMesh)
    assert shape.volume == pytest.approx(4 * 4 * 1 + 4 * 1 * 4)  # a turn, never a reflection
    return int(shape.extents.argmax())


def test_folders_are_classes_and_a_shared_top_is_none(tmp_path: Path) -> None:
    for name in ("set/stool/a.off", "set/stool/deep/b.OFF", "set/bench/a.off"):
        releases.put(tmp_path / name, releases.off())
    releases.put(tmp_path / "readme.md", b"")
    found = items(tmp_path, "meshes")
    assert [(i.id, i.label) for i in found] == [
        ("bench/a.off", "bench"),
        ("stool/a.off", "stool"),
        ("stool/deep/b.OFF", "stool"),
    ]
    packed = items(releases.zipped(tmp_path, tmp_path.with_suffix(".zip")), "meshes")
    assert [(i.id, i.label) for i in packed] == [(i.id, i.label) for i in found]
    assert [height(item) for item in packed] == [2] * 3


def test_files_in_no_folder_are_of_the_class_that_the_source_is_named(tmp_path: Path) -> None:
    releases.put(tmp_path / "stools/a.off", releases.off())
    assert [i.label for i in items(tmp_path / "stools", "meshes")] == ["stools"]
    assert [(i.id, i.label) for i in items(tmp_path / "stools/a.off", "meshes")] == [("a.off", "a")]
    releases.put(tmp_path / "stools/b/c.off", releases.off())
    assert [i.label for i in items(tmp_path / "stools", "meshes")] == ["stools", "b"]


def test_each_format_has_its_usual_axis_up_unless_told_otherwise(tmp_path: Path) -> None:
    releases.put(tmp_path / "y.obj", releases.obj("xz-y"))
    releases.put(tmp_path / "z.off", releases.off())
    y, z = items(tmp_path, "meshes")
    assert (height(y), height(z)) == (2, 2)
    assert (height(replace(y, up="z")), height(replace(z, up="y"))) == (1, 1)
    releases.put(tmp_path / "z.off", releases.off("xz-y"))
    assert height(replace(z, up="y")) == 2


def test_turns_of_meshes_and_grids_agree() -> None:
    points = np.array([(3, 0, 0), (0, 2, 0), (0, 0, 1)], np.float32)  # three arms of an L
    mesh = TriMesh(points, np.array([(0, 1, 2)], np.int32))
    values = np.zeros((7, 7, 7), np.float32)
    for x, y, z in points.astype(int) + 3:
        values[x, y, z] = 1
    grid = VoxelGrid(values, 1.0)
    pairs = [(guarded_loading.y_up_to_z_up(mesh), guarded_loading.y_up_to_z_up(grid))]
    pairs += [
        (guarded_loading.turned(mesh, n), guarded_loading.turned(grid, n)) for n in (-1, 0, 1, 2, 3)
    ]
    for turned_mesh, turned_grid in pairs:
        assert isinstance(turned_mesh, TriMesh)
        assert isinstance(turned_grid, VoxelGrid)
        cells = {tuple(c) for c in (np.argwhere(turned_grid.values) - 3).tolist()}
        assert cells == {tuple(p) for p in turned_mesh.vertices.tolist()}
    assert pairs[0][0].vertices[1].tolist() == [0, 0, 2]  # y is up
    assert pairs[3][0].vertices[0].tolist() == [0, 3, 0]  # counter-clockwise


def test_a_stack_gives_its_grids_labels_and_names(tmp_path: Path) -> None:
    voxels = np.stack([releases.grid()] * 3)
    voxels[1, 0, 0, 0] = 1
    voxels[2] = 0
    names = np.array(["stool", "bench"])
    np.savez_compressed(
        tmp_path / "all.npz", voxels=voxels, labels=np.array([1, 0, 1]), classes=names
    )
    np.savez_compressed(tmp_path / "few.npz", voxels=voxels[:1], labels=[0], classes=names)
    found = items(tmp_path, "voxel files")
    assert [(i.id, i.label, i.member) for i in found] == [
        ("all.npz#000000", "bench", "0"),
        ("all.npz#000001", "stool", "1"),
        ("all.npz#000002", "bench", "2"),
    ]
    for item in found[:2]:
        shape = READERS["voxel files"].load(item)
        assert isinstance(shape, VoxelGrid)
        assert np.array_equal(shape.values, voxels[int(item.member)])
    with pytest.raises(InputError, match="empty"):
        READERS["voxel files"].load(found[2])


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float64])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_stack_without_labels_is_of_the_class_that_its_file_is_named(
    tmp_path: Path, kind: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "_BLOCK", 15_000)  # more than one block
    rng = np.random.default_rng(0)
    voxels = (rng.random((7, 5, 6, 7)) > 0.5).astype(kind)
    if name.endswith("y"):
        np.save(tmp_path / name, voxels)
    else:
        np.savez(tmp_path / name, voxels=voxels)
    found = items(tmp_path / name, "voxel files")
    assert [i.label for i in found] == ["a"] * 7
    shapes = [READERS["voxel files"].load(item) for item in found]
    assert np.array_equal([s.values for s in shapes], voxels)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arrays_of_file", "words"),
    [
        ({"labels": np.array([0])}, "do not belong together"),
        ({"labels": np.array([0, 5])}, "do not belong together"),
        ({"labels": np.array([-1, 0])}, "do not belong together"),
        ({"labels": np.zeros((2, 2), int)}, "cannot be read as labelled voxels"),
        ({"labels": np.array([None, 1], object)}, "cannot be read as labelled voxels"),
    ],
)
def test_labels_that_do_not_fit_get_one_sentence(
    tmp_path: Path, arrays_of_file: dict[str, np.ndarray], words: str
) -> None:
    voxels = np.stack([releases.grid()] * 2)
    np.savez(tmp_path / "a.npz", voxels=voxels, classes=np.array(["x", "y"]), **arrays_of_file)
    with pytest.raises(DataError, match=words):
        find_reader(tmp_path).items(tmp_path)


def lying_npy(shape: tuple[int, ...], body: bytes = b"") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return out.getvalue() + body


@pytest.mark.parametrize(
    ("shape", "words"),
    [((3, 20, 20, 20), "cut off"), ((2**40, 20, 20, 20), "too many cells")],
)
def test_a_stack_that_lies_about_its_size_gets_one_sentence(
    tmp_path: Path, shape: tuple[int, ...], words: str
) -> None:
    path = releases.pack(tmp_path / "a.npz", [("voxels.npy", lying_npy(shape, bytes(9000)))])
    with pytest.raises(InputError, match=words):
        READERS["voxel files"].load(Item("a", "a", path, "0"))


def test_folders_of_single_grids_have_their_folders_as_classes(tmp_path: Path) -> None:
    grid = releases.grid()
    for name in ("stool/a", "bench/b"):
        (tmp_path / name).parent.mkdir()
        np.save(tmp_path / f"{name}.npy", grid)
    releases.mat(tmp_path / "bench/c.mat", "vox", grid)
    releases.binvox(tmp_path / "stool/d.binvox", grid[:, ::-1, :])
    np.savez(tmp_path / "stool/e.npz", voxels=grid)
    found = items(tmp_path, "voxel files")
    assert [(i.id, i.label) for i in found] == [
        ("bench/b.npy", "bench"),
        ("bench/c.mat", "bench"),
        ("stool/a.npy", "stool"),
        ("stool/d.binvox", "stool"),
        ("stool/e.npz", "stool"),
    ]
    for item in found:
        shape = READERS["voxel files"].load(item)
        assert isinstance(shape, VoxelGrid)
        assert np.array_equal(shape.values, grid)
    y_up = grid[:, ::-1].swapaxes(1, 2)  # z, which was up, is y now
    np.save(tmp_path / "bench/b.npy", y_up)
    shape = READERS["voxel files"].load(replace(found[0], up="y"))
    assert isinstance(shape, VoxelGrid)
    assert np.array_equal(shape.values, grid)


def test_meshes_and_voxels_in_one_folder_are_refused(tmp_path: Path) -> None:
    releases.put(tmp_path / "a.off", releases.off())
    np.save(tmp_path / "a.npy", releases.grid())
    with pytest.raises(DataError, match="holds meshes and voxel files"):
        find_reader(tmp_path)


def test_what_holds_no_shapes_is_told_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / ".hidden.off").write_bytes(releases.off())
    (tmp_path / "photo.png").touch()
    with pytest.raises(DataError, match="neither ModelNet, ShapeNet nor IKEA"):
        find_reader(tmp_path)
    with pytest.raises(DataError, match="no folder or file"):
        find_reader(tmp_path / "missing")


def test_procedural_furniture_is_a_source_by_its_name_alone(tmp_path: Path) -> None:
    found = items(Path("procedural:9:4"), "procedural")
    assert len({item.label for item in found}) == 9
    with pytest.raises(DataError, match="no folder or file"):
        find_reader(tmp_path / "procedural")


# Sources that lie.


def test_members_that_would_leave_the_archive_are_passed_over(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("stool/link.off")
    link.external_attr = 0o120777 << 16
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        for name in (
            "../evil.off",
            "/root.off",
            "stool/../../evil.off",
            "c:/x.off",
            "stool/ok.off",
        ):
            out.writestr(name, releases.off())
        out.writestr("__MACOSX/stool/._ok.off", b"x")
        out.writestr(link, b"/etc/passwd")
    found = items(path, "meshes")
    assert [item.member for item in found] == ["stool/ok.off"]
    assert height(found[0]) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]  # nothing was unpacked


def test_a_bomb_in_an_archive_is_refused_by_what_it_unpacks_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untrusted_reader, "MAX_BYTES", 2**20)
    path = releases.pack(tmp_path / "a.zip", [("stool/bomb.off", bytes(2**24))])
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 24
    data[place : place + 4] = (100).to_bytes(4, "little")  # the directory says: 100 bytes
    lying = tmp_path / "b.zip"
    lying.write_bytes(data)
    for source in (path, lying):
        with pytest.raises(InputError, match=r"larger than|damaged"):
            READERS["meshes"].load(items(source, "meshes")[0])


@pytest.mark.parametrize("cut", [0, 10, 60, 200])
def test_a_cut_archive_gets_one_sentence(tmp_path: Path, cut: int) -> None:
    whole = releases.pack(tmp_path / "a.zip", [("stool/a.off", releases.off())]).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[:cut])
    with pytest.raises(DataError, match="damaged or no ZIP archive"):
        find_reader(tmp_path / "a.zip")


def test_a_huge_directory_of_an_archive_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_files, "_MAX_DIRECTORY", 70_000)
    members = [(f"stool/{i:0100}.off", b"") for i in range(1000)]
    path = releases.pack(tmp_path / "a.zip", members)
    with pytest.raises(DataError, match="damaged or no ZIP archive"):
        find_reader(path)


def test_a_member_with_damaged_bytes_gets_one_sentence(tmp_path: Path) -> None:
    path = releases.pack(tmp_path / "a.zip", [("stool/a.off", releases.off())])
    found = items(path, "meshes")
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError, match=r"damaged|cannot be taken out"):
        READERS["meshes"].load(found[0])


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_links_are_not_followed_neither_out_nor_in_circles(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    releases.put(outside / "secret.off", releases.off())
    source = tmp_path / "source"
    releases.put(source / "stool/a.off", releases.off())
    try:
        (source / "stool/loop").symlink_to(source)
        (source / "stool/out").symlink_to(outside)
        (source / "stool/b.off").symlink_to(outside / "secret.off")
        (tmp_path / "door").symlink_to(source)
    except OSError:
        pytest.skip("links may not be made here")
    assert [item.id for item in items(source, "meshes")] == ["stool/a.off"]
    through = items(tmp_path / "door", "meshes")  # the source itself may be a link
    assert [height(item) for item in through] == [2]


def test_depth_and_number_of_files_are_capped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.put(tmp_path.joinpath("deep", *"abcdefghijklmnopqrs") / "a.off", releases.off())
    with pytest.raises(DataError, match="too deep"):
        find_reader(tmp_path / "deep")
    for number in range(4):
        releases.put(tmp_path / f"many/{number}.off", releases.off())
    monkeypatch.setattr(source_files, "MAX_FILES", 3)
    with pytest.raises(DataError, match="more than 3 files"):
        find_reader(tmp_path / "many").items(tmp_path / "many")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.off", b"", "is empty"),
        ("a.obj", releases.off(), "no triangles|damaged"),
        ("a.stl", releases.off(), "cut off|damaged|too few"),
        ("a.glb", b"PK\x03\x04" + bytes(100), "damaged"),
        ("a.off", b"OFF\n4 999999999 0\n0 0 0\n", "less than it says"),
        ("a.binvox", b"#binvox 1\ndim 64 64 64\ndata\n\x01\xff", "lies about its size"),
        ("a.npy", lying_npy((400, 400, 400)), "cut off"),
        ("a.mat", b"MATLAB 7.3" + bytes(600), "v7"),
        ("a.npz", b"", "is empty"),
    ],
)
def test_single_files_that_lie_get_one_sentence(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(data)
    reader = find_reader(tmp_path)
    (item,) = reader.items(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        reader.load(item)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_shared_meshes_load_or_are_refused_in_one_sentence(shared_data: Path) -> None:
    furniture = items(shared_data / "furniture_meshes", "meshes")
    assert len(furniture) == 42
    assert {item.label for item in furniture} == {"bench", "chair", "desk", "misc", "table"}
    chairs = [READERS["meshes"].load(i) for i in furniture if i.label == "chair"]
    upright = [s.extents[2] >= 0.9 * s.extents.max() for s in chairs if isinstance(s, TriMesh)]
    assert len(upright) == 17
    assert sum(upright) >= 15
    odd = items(shared_data / "odd_meshes", "meshes")
    sentences = [sentence for item in odd if (sentence := refusal(item))]
    assert len(odd) == 44
    assert len(sentences) == 8
    assert all(text.endswith(".") and text.count(". ") == 0 for text in sentences)


def test_the_shared_stack_has_its_classes_and_known_defects(shared_data: Path) -> None:
    found = items(shared_data / "modelnet10", "voxel files")
    assert len(found) == 3991
    assert sum(item.label == "chair" for item in found) == 889
    empty = [int(item.member) for item in found[:100] if refusal(item)]
    assert empty == [6, 15, 21, 24, 60]


def refusal(item: Item) -> str:
    """The sentence by which an item is refused; empty if it loads."""
    reader = READERS["voxel files" if item.path.suffix == ".npz" else "meshes"]
    try:
        reader.load(item)
    except InputError as error:
        return str(error)
    return ""
