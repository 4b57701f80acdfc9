"""Files that independent readers agree about: read as they say, or refused for what they lack."""

from __future__ import annotations

import csv
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from shapelab.core.errors import InputError
from shapelab.core.inputs import mesh_reader, untrusted_reader
from shapelab.core.inputs.mesh_reader import MESH_SUFFIXES
from shapelab.core.inputs.untrusted_reader import file_bytes, read_untrusted
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.describe import describe

FILES = Path(__file__).resolve().parents[4] / "shared" / "data" / "faithful"
pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="no ../shared/data/faithful")


def rows() -> list[tuple[str, str]]:
    if not FILES.is_dir():
        return [("no ../shared/data/faithful", "")]
    with (FILES / "expected.csv").open(encoding="utf-8", newline="") as stream:
        return [(row["file"], row["right"]) for row in csv.DictReader(stream)]


MESHES = [row for row in rows() if row[0].endswith(MESH_SUFFIXES)]
REFUSED = {
    "ply_ascii_cut.ply": r"72 .*54",
    "stl_ascii_two_cut.stl": "cut off",
    "stl_bin_countless.stl": r"36 .*72",
    "t_draco.glb": "KHR_draco_mesh_compression",
    "t_meshopt.glb": "EXT_meshopt_compression",
}


@pytest.mark.parametrize(("name", "right"), MESHES or rows())
def test_a_mesh_is_read_exactly_or_refused_by_name(name: str, right: str) -> None:
    if name in REFUSED:
        with pytest.raises(InputError, match=rf"^{re.escape(name)}: .*{REFUSED[name]}"):
            read_untrusted(FILES / name)
        return
    beside = {path.name: path.read_bytes() for path in FILES.glob("*.bin")}
    mesh = mesh_reader.read((FILES / name).read_bytes(), (FILES / name).suffix, beside)
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    figures = {
        "area": float(np.linalg.norm(across, axis=1).sum() / 2),
        "vol": mesh.volume,
        "tris": len(mesh.faces),
    }
    extent = re.search(r"extent \[([^\]]*)\]", right)
    if extent:
        wanted = [float(word) for word in extent[1].split(",")]
        np.testing.assert_allclose(mesh.extents, wanted, rtol=1e-4)
    for what, value in re.findall(r"\b(area|vol|tris) ([\d.e+-]+)", right):
        assert figures[what] == pytest.approx(float(value), rel=1e-3)
    if "positive volume" in right:
        assert mesh.volume > 0
    if name == "real_SimpleSparseAccessor.gltf":
        np.testing.assert_allclose(mesh.extents, (6, 4, 0))
    if name == "real_cornell_box.obj":
        np.testing.assert_allclose(mesh.extents[:2], (556, 548.8), rtol=1e-5)
    if name == "real_assimp_production_components.3mf":
        assert mesh.extents.max() == 25


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("unit_inch.3mf", "400.0 × 500.0 × 900.0 mm"),
        ("external.gltf", "400.0 × 900.0 × 500.0 mm"),
        ("own_export_80mm.glb", "80.0 mm"),
    ],
)
def test_info_knows_the_unit(name: str, size: str) -> None:
    lines = describe(str(FILES / name))
    assert size in lines[0]
    assert "; the file counts in " in lines[1]
    assert "unit unknown: taken as millimetres" in describe(str(FILES / "obj_indent.obj"))[1]


@pytest.mark.parametrize("name", ["bed", "chair", "table", "toilet"])
def test_own_objs_stand(name: str) -> None:
    file = read_untrusted(FILES / "own_obj" / name / "a.obj")
    assert (file.unit, file.up) == ("millimeter", "z")


def test_a_gltf_takes_from_its_folder_alone(tmp_path: Path) -> None:
    text = (FILES / "external.gltf").read_bytes()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.gltf").write_bytes(text)
    with pytest.raises(InputError, match=r"^a\.gltf: .*'chair\.bin' is not beside it"):
        read_untrusted(inside / "a.gltf")
    (tmp_path / "chair.bin").write_bytes(file_bytes(FILES / "chair.bin"))
    for uri in (b"../chair.bin", b"%2e%2e/chair.bin", str(tmp_path / "chair.bin").encode()):
        (inside / "a.gltf").write_bytes(text.replace(b"chair.bin", uri))
        with pytest.raises(InputError, match="needs other files"):
            read_untrusted(inside / "a.gltf")
    (inside / "a.gltf").write_bytes(text)
    (inside / "chair.bin").symlink_to(tmp_path / "chair.bin")
    with pytest.raises(InputError, match="needs other files"):
        read_untrusted(inside / "a.gltf")
    (inside / "chair.bin").unlink()
    (tmp_path / "chair.bin").rename(inside / "chair.bin")
    assert len(read_untrusted(inside / "a.gltf").content.faces) == 72  # type: ignore[union-attr]


def test_a_gltf_in_an_archive_takes_from_its_folder_there(tmp_path: Path) -> None:
    from trainer.data.source import Item
    from trainer.data.sources import guarded_loading

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("external.gltf", "chair.bin"):
            archive.write(FILES / name, f"chairs/{name}")
    item = Item("a", "chair", tmp_path / "a.zip", "chairs/external.gltf")
    assert guarded_loading.load(item).extents.max() == pytest.approx(0.9)  # type: ignore[union-attr]


def test_side_files_together_have_the_files_cap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("external.gltf", "chair.bin"):
        (tmp_path / name).write_bytes(file_bytes(FILES / name))
    monkeypatch.setattr(untrusted_reader, "MAX_BYTES", 1100)
    with pytest.raises(InputError, match="larger than"):
        read_untrusted(tmp_path / "external.gltf")


def test_an_archive_of_windows_has_its_shapes() -> None:
    from trainer.data.sources import guarded_loading
    from trainer.data.sources.meshes import MESHES as READER

    items = READER.items(FILES / "windows_backslash.zip")
    assert [item.id for item in items] == ["chair/a.off", "table/b.obj"]
    for item in items:
        np.testing.assert_allclose(guarded_loading.load(item).extents, (400, 500, 900))  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["b_crlf.binvox", "npy_ver3.npy"])
def test_voxel_files(name: str) -> None:
    file = read_untrusted(FILES / name)
    assert file.content.values.sum() == 890  # type: ignore[union-attr]


@pytest.mark.parametrize("path", sorted(FILES.glob("damaged/*")), ids=lambda path: path.name)
def test_what_is_damaged_is_told_shortly(path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_untrusted(path)
    assert len(str(caught.value)) < 200


PICTURES = ("haze.png", "speck.png", "macshot.png", "pale_seat.png", "pale_seat_q75.jpg")
PICTURES += ("save.jfif", "photo_48mp.png")


def test_pictures() -> None:
    masks = {
        name: read_untrusted(FILES / name).content.rgba[..., 3] > 127  # type: ignore[union-attr]
        for name in PICTURES
    }
    chair = masks["speck.png"]
    for name in PICTURES[:-1]:
        assert (masks[name] & chair).sum() / (masks[name] | chair).sum() > 0.9, name


def size_of(vertices: object, faces: object) -> str:
    points = np.asarray(vertices)[np.unique(np.asarray(faces))]
    sides = " × ".join(f"{side:.4g}" for side in np.ptp(points, axis=0))
    return f"{sides}, {len(np.asarray(faces))} triangles"


def by_the_library(path: Path) -> str:
    """What trimesh makes of a file: how ShapeLab read it before it had readers of its own."""
    try:
        mesh = trimesh.load(path, process=False, force="mesh")
        return size_of(mesh.vertices, mesh.faces)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what a person was told
        return f"{type(error).__name__}"


def by_shapelab(path: Path) -> str:
    try:
        mesh = read_untrusted(path).content
    except InputError as error:
        return str(error).removeprefix(f"{path.name}: ")
    assert isinstance(mesh, TriMesh)
    return size_of(mesh.vertices, mesh.faces)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_table_of_before_and_after(shared_data: Path) -> None:
    """``pytest -s -m slow tests/core/inputs/test_faithful.py -k table`` prints it."""
    changed = 0
    print("\nfile | what is right | the mesh library alone | ShapeLab")
    for name, right in MESHES:
        path = shared_data / "faithful" / name
        before, after = by_the_library(path), by_shapelab(path)
        changed += before != after
        print(f"{name} | {right.partition(' (')[0]} | {before} | {after}")
    assert changed >= 15
