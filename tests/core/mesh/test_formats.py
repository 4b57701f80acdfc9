import errno
import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from shapelab.core.errors import ExportError
from shapelab.core.mesh import formats
from shapelab.core.mesh.meshing import finish, surface
from shapelab.core.mesh.print_check import check
from shapelab.core.mesh.tri_mesh import TriMesh

SUFFIXES = list(formats.WRITERS)


@pytest.fixture(scope="module")
def part():
    """Three arms of different lengths: 20 x 40 x 60 mm, so that no axis can be mixed up."""
    field = np.zeros((32, 32, 32), np.float32)
    field[2:12, 2:6, 2:6] = field[2:6, 2:22, 2:6] = field[2:6, 2:6, 2:32] = 1
    return finish(surface(field), 60.0)


@pytest.fixture(scope="module")
def open_mesh(part):
    return TriMesh(part.vertices, part.faces[10:])


def triangles(mesh):
    return mesh.vertices[mesh.faces]


def test_every_writer_has_its_reader():
    assert SUFFIXES == [".stl", ".obj", ".ply", ".glb", ".3mf"]
    assert list(formats.READERS) == SUFFIXES


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_read_back_is_what_was_meant(suffix, part):
    back = formats.decode(formats.encode(part, suffix), suffix)
    # GLB goes through metres in float32; all others keep every bit.
    np.testing.assert_allclose(
        triangles(back), triangles(part), rtol=0, atol=1e-4 if suffix == ".glb" else 0
    )
    report = formats.judge(formats.encode(part, suffix), suffix, part)
    assert report.ok
    assert report.size_mm == pytest.approx(tuple(part.extents), rel=1e-5)
    assert report.volume_mm3 == pytest.approx(part.volume, rel=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_program_reads_the_same_solid(suffix, part):
    import trimesh

    mesh = trimesh.load(
        io.BytesIO(formats.encode(part, suffix)), file_type=suffix[1:], force="mesh"
    )
    corners = np.array(mesh.vertices)
    if suffix == ".glb":  # metres, y up
        corners = 1000 * np.stack([corners[:, 0], -corners[:, 2], corners[:, 1]], axis=1)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume * (1e9 if suffix == ".glb" else 1) == pytest.approx(part.volume, rel=1e-4)
    np.testing.assert_allclose(corners.min(axis=0), part.vertices.min(axis=0), atol=1e-3)
    np.testing.assert_allclose(corners.max(axis=0), part.vertices.max(axis=0), atol=1e-3)
    assert len(mesh.faces) == len(part.faces)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_shape_gives_the_same_bytes(suffix, part):
    again = TriMesh(part.vertices.copy(), part.faces.copy(), part.normals.copy())
    assert formats.encode(part, suffix) == formats.encode(again, suffix.upper())


def test_stl_names_its_unit_and_has_true_normals(part):
    data = formats.encode(part, ".stl")
    assert data[:80].rstrip(b"\0") == b"ShapeLab, units mm"
    assert len(data) == 84 + 50 * len(part.faces)
    facets = np.frombuffer(data[84:], [("n", "<f4", 3), ("p", "<f4", (3, 3)), ("a", "<u2")])
    a, b, c = facets["p"].astype(float).transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    np.testing.assert_allclose(
        facets["n"], across / np.linalg.norm(across, axis=1, keepdims=True), atol=1e-6
    )
    assert not facets["a"].any()


def test_glb_is_laid_out_as_its_specification_asks(part):
    import json

    data = formats.encode(part, ".glb")
    magic, version, total, size, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON")
    assert size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    position, normal, index = document["accessors"]
    assert position["min"] == pytest.approx([-part.extents[0] / 2000, 0, -part.extents[1] / 2000])
    assert position["max"][1] == pytest.approx(0.06)
    assert normal["count"] == position["count"] == len(part.vertices)
    assert index["count"] == 3 * len(part.faces)
    assert all(view["byteOffset"] % 4 == 0 for view in document["bufferViews"])
    assert document["buffers"][0]["byteLength"] == len(data) - 28 - size


def test_glb_without_normals_gets_unit_normals(part):
    bare = TriMesh(part.vertices, part.faces)
    back = formats.decode(formats.encode(bare, ".glb"), ".glb")
    np.testing.assert_allclose(np.linalg.norm(back.normals, axis=1), 1, atol=1e-5)


def test_3mf_names_millimetres_and_holds_one_object(part):
    with zipfile.ZipFile(io.BytesIO(formats.encode(part, ".3mf"))) as package:
        assert package.testzip() is None
        assert package.namelist() == ["[Content_Types].xml", "_rels/.rels", "3D/3dmodel.model"]
        model = package.read("3D/3dmodel.model").decode()
    assert '<model unit="millimeter"' in model
    assert model.count("<object ") == model.count("<item ") == 1
    assert model.count("<triangle ") == len(part.faces)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_bytes_are_refused_or_judged_never_a_crash(suffix, part):
    data = formats.encode(part, suffix)
    random = np.random.default_rng(7)
    bad = [data[: len(data) * k // 64] for k in range(64)]
    for _ in range(60):
        bytes_ = bytearray(data)
        for place in random.integers(0, len(data), 3):
            bytes_[place] ^= 1 << int(random.integers(0, 8))
        bad.append(bytes(bytes_))
    for broken in bad:
        try:
            report = formats.judge(broken, suffix, part)
        except ExportError:
            continue
        # A flip in a comment, a name or a coordinate's last bits is harmless; a cut never is.
        assert len(broken) == len(data) or not report.ok


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_format_that_loses_triangles_is_found_out(suffix, part, open_mesh):
    report = formats.judge(formats.encode(open_mesh, suffix), suffix, part)
    assert any("instead of" in problem for problem in report.problems)


def test_a_file_of_another_size_is_found_out(part):
    larger = TriMesh(part.vertices * np.float32(1.01), part.faces)
    problems = formats.judge(formats.encode(larger, ".stl"), ".stl", part).problems
    assert "The file holds another size than the shape has." in problems
    assert "The file holds another volume than the shape has." in problems


@pytest.mark.parametrize("suffix", ["", ".step", ".stlx"])
def test_an_unknown_format_is_refused_with_the_known_ones(suffix, part):
    with pytest.raises(ExportError, match=r"\.stl, \.obj, \.ply, \.glb, \.3mf"):
        formats.encode(part, suffix)
    with pytest.raises(ExportError, match="cannot write"):
        formats.decode(b"", suffix)


def test_an_empty_mesh_is_not_encoded():
    with pytest.raises(ExportError, match="no shape"):
        formats.encode(TriMesh(np.zeros((0, 3), np.float32)), ".stl")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_write_leaves_one_file_that_holds_the_part(suffix, part, tmp_path):
    path = tmp_path / f"chair one{suffix}"
    report = formats.write(str(path), part)
    assert report.ok
    assert report.path == path
    assert os.listdir(tmp_path) == [path.name]
    assert check(formats.decode(path.read_bytes(), suffix)).ok


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_cannot_be_printed_is_not_written_unless_asked(suffix, open_mesh, tmp_path):
    path = tmp_path / f"broken{suffix}"
    with pytest.raises(ExportError, match=f"broken{suffix} was not written: .* holes"):
        formats.write(path, open_mesh)
    assert not os.listdir(tmp_path)
    report = formats.write(path, open_mesh, unchecked=True)
    assert not report.ok
    assert report.path == tmp_path / f"broken-UNCHECKED{suffix}"
    assert os.listdir(tmp_path) == [report.path.name]


def test_a_good_part_written_unchecked_keeps_its_name(part, tmp_path):
    assert formats.write(tmp_path / "good.stl", part, unchecked=True).path.name == "good.stl"


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "a.bin"
    formats.atomic_write(path, b"old" * 1000)
    formats.atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failing_disk_leaves_the_old_file_and_no_draft(monkeypatch, tmp_path, step, code):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(*(os, "fsync") if step == "fsync" else (Path, "replace"), fail)
    with pytest.raises(ExportError, match=r"a\.bin could not be written"):
        formats.atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_disk_that_gives_back_other_bytes_is_found_out(monkeypatch, tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"nex")
    with pytest.raises(ExportError, match="other bytes"):
        formats.atomic_write(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_missing_folder_and_a_folder_in_the_way_are_told(tmp_path):
    with pytest.raises(ExportError, match="does not exist"):
        formats.atomic_write(tmp_path / "none" / "a.stl", b"")
    (tmp_path / "b.stl").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        formats.atomic_write(tmp_path / "b.stl", b"")
