"""What the writers write is what was meant, by judges that share no code with them."""

import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import zipfile

import numpy as np
import pytest
import trimesh

from shapelab.core.errors import ExportError, NotPrintableError
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


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_read_back_is_what_was_meant(suffix, part):
    back = formats.decode(formats.encode(part, suffix), suffix)
    # GLB goes through metres in float32; all others keep every bit.
    np.testing.assert_allclose(
        triangles(back), triangles(part), rtol=0, atol=1e-5 if suffix == ".glb" else 0
    )
    report = formats.judge(formats.encode(part, suffix), suffix, part)
    assert report.ok
    assert report.size_mm == pytest.approx(tuple(part.extents), rel=1e-5)
    assert report.volume_mm3 == pytest.approx(part.volume, rel=1e-5)


# --- faults that a writer could have; many leave a fine solid, but not the one that was meant ---

FAULTS = {
    "mirrored in x": lambda v, f: (v * (-1, 1, 1), f[:, ::-1]),
    "mirrored in y": lambda v, f: (v * (1, -1, 1), f[:, ::-1]),
    "mirrored in z": lambda v, f: (v * (1, 1, -1), f[:, ::-1]),
    "mirrored, not rewound": lambda v, f: (v * (-1, 1, 1), f),
    "x and y swapped": lambda v, f: (v[:, [1, 0, 2]], f[:, ::-1]),
    "y and z swapped": lambda v, f: (v[:, [0, 2, 1]], f[:, ::-1]),
    "axes turned": lambda v, f: (v[:, [1, 2, 0]], f),
    "lying on its back": lambda v, f: (v[:, [0, 2, 1]] * (1, -1, 1), f),
    "in metres": lambda v, f: (v / 1000, f),
    "1000 times too large": lambda v, f: (v * 1000, f),
    "in inches": lambda v, f: (v / 25.4, f),
    "moved": lambda v, f: (v + np.eye(3)[0], f),
    "faces flipped": lambda v, f: (v, f[:, ::-1]),
    "one face flipped": lambda v, f: (v, np.concatenate([f[:1, ::-1], f[1:]])),
    "a triangle lost": lambda v, f: (v, f[1:]),
    "half of the triangles lost": lambda v, f: (v, f[: len(f) // 2]),
}


def faulty(write, fault):
    def wrong(mesh):
        vertices, faces = fault(mesh.vertices.astype(np.float64), mesh.faces)
        return write(TriMesh(vertices.astype(np.float32), np.ascontiguousarray(faces)))

    return wrong


def assert_refused(path, part):
    with pytest.raises(NotPrintableError, match="was not written"):
        formats.write(path, part)
    assert not path.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_writer_is_found_out(monkeypatch, tmp_path, suffix, fault, part):
    monkeypatch.setitem(formats.WRITERS, suffix, faulty(formats.WRITERS[suffix], FAULTS[fault]))
    assert_refused(tmp_path / f"part{suffix}", part)


@pytest.mark.parametrize("fault", [f for f in FAULTS if "lost" not in f and "face" not in f])
def test_a_fault_shows_in_a_symmetric_part_too(fault, part):
    """Mirrored or turned, a cube is the same solid; only its corners tell."""
    cube = trimesh.creation.box((20, 20, 20))
    meant = TriMesh(cube.vertices.astype(np.float32), cube.faces.astype(np.int32))
    data = faulty(formats.WRITERS[".stl"], FAULTS[fault])(meant)
    assert not formats.judge(data, ".stl", meant).ok
    assert formats.judge(formats.encode(meant, ".stl"), ".stl", meant).ok


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_MM_PER_METRE", 1.0),
        ("_MM_PER_METRE", 1e6),
        ("_y_up", lambda values: values),
        ("_y_up", lambda values: values[:, [0, 2, 1]]),
        ("_y_up", lambda values: values[:, [0, 2, 1]] * (-1, 1, -1)),
        ("_y_up", lambda values: values[:, [0, 2, 1]] * (-1, 1, 1)),
    ],
)
def test_a_glb_of_another_unit_or_other_axes_is_found_out(monkeypatch, tmp_path, name, value, part):
    monkeypatch.setattr(f"shapelab.core.mesh.formats.glb.{name}", value)
    assert_refused(tmp_path / "part.glb", part)


@pytest.mark.parametrize("unit", ["micron", "centimeter", "inch", "foot", "meter", "cubit"])
def test_a_3mf_of_another_unit_is_found_out(unit, part):
    data = repacked(formats.encode(part, ".3mf"), b'unit="millimeter"', f'unit="{unit}"'.encode())
    try:
        problems = formats.judge(data, ".3mf", part).problems
    except ExportError:
        assert unit == "cubit"
    else:
        assert "The file holds another size than the shape has." in problems


def test_a_3mf_that_moves_its_part_is_found_out(part):
    turned = b'<item objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 0 0"/>'
    data = repacked(formats.encode(part, ".3mf"), b'<item objectid="1"/>', turned)
    problems = formats.judge(data, ".3mf", part).problems
    assert "The file's triangles lie or face elsewhere than the shape's." in problems


def test_a_file_of_two_parts_is_found_out(part):
    twice = repacked(
        formats.encode(part, ".3mf"), b'<item objectid="1"/>', b'<item objectid="1"/>' * 2
    )
    with pytest.raises(ExportError, match="holds 2 bodies"):
        formats.judge(twice, ".3mf", part)


def repacked(package, old, new):
    """The 3MF package with other words in its model."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as given, zipfile.ZipFile(buffer, "w") as made:
        for name in given.namelist():
            text = given.read(name)
            if name.endswith(".model"):
                assert text.count(old) == 1
                text = text.replace(old, new)
            made.writestr(name, text)
    return buffer.getvalue()


# --- judges of two formats' own makers, where they are installed ---


def test_lib3mf_takes_the_3mf_strictly(part):
    lib3mf = pytest.importorskip("lib3mf")
    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromBuffer(formats.encode(part, ".3mf"))
    assert reader.GetWarningCount() == 0
    assert model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    assert model.GetBuildItems().Count() == 1
    meshes = model.GetMeshObjects()
    assert meshes.MoveNext()
    mesh = meshes.GetCurrentMeshObject()
    assert not meshes.MoveNext()
    assert mesh.IsValid()
    assert mesh.IsManifoldAndOriented()
    vertices = [list(vertex.Coordinates) for vertex in mesh.GetVertices()]
    faces = [list(triangle.Indices) for triangle in mesh.GetTriangleIndices()]
    np.testing.assert_array_equal(np.array(vertices, np.float32), part.vertices)
    np.testing.assert_array_equal(faces, part.faces)


def test_gltf_validator_finds_nothing_in_the_glb(part):
    """Khronos's validator: `npm install gltf-validator`, and NODE_PATH where that puts it."""
    script = (
        "require('gltf-validator').validateBytes(new Uint8Array(require('fs').readFileSync(0)))"
        ".then(report => console.log(JSON.stringify(report)))"
    )
    node = shutil.which("node")
    if (
        node is None
        or subprocess.run(
            [node, "-e", "require.resolve('gltf-validator')"], capture_output=True, timeout=60
        ).returncode
    ):
        pytest.skip("node or its package gltf-validator is not here")
    found = subprocess.run(
        [node, "-e", script],
        input=formats.encode(part, ".glb"),
        capture_output=True,
        timeout=60,
        check=True,
    )
    report = json.loads(found.stdout)
    assert report["issues"]["messages"] == []
    assert report["info"]["totalTriangleCount"] == len(part.faces)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_shape_gives_the_same_bytes(suffix, part):
    again = TriMesh(part.vertices.copy(), part.faces.copy(), part.normals.copy())
    assert formats.encode(part, suffix) == formats.encode(again, suffix.upper())


GOLDEN = {  # SHA-256 of one tetrahedron; for 3MF of its model, as packers pack differently
    ".stl": "380d2f8f21346b095061f45a8653a5af6ab2a555aa58f6ff41ee1f841e183710",
    ".obj": "84ed28f0f643213e784347e35f120fbe7f87d2d39322ec926de3beb96142454b",
    ".ply": "1ba7e0208594a7515887b04c16702ae95a3a06b919f5e45acb837192c52629d4",
    ".glb": "7e03c0d5031974be0ccf29a0a84ab83551dd7484cd5cc55dbcd4727c1996fd66",
    ".3mf": "0425ea8f44b7860975afed6e2e17407d266e96ec55a99c5ac4e50be3bd687713",
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_bytes_of_a_shape_are_what_they_were(suffix):
    vertices = np.array([[0, 0, 0], [10, 0, 0], [0, 20, 0], [0, 0, 30.5]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32)
    normals = np.array([[0, 0, -1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    data = formats.encode(TriMesh(vertices, faces, normals), suffix)
    if suffix == ".3mf":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            data = package.read("3D/3dmodel.model")
    assert hashlib.sha256(data).hexdigest() == GOLDEN[suffix]


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


@pytest.mark.parametrize("with_normals", [True, False])
def test_a_glb_has_unit_normals_that_point_outwards(with_normals, part):
    given = part if with_normals else TriMesh(part.vertices, part.faces)
    data = io.BytesIO(formats.encode(given, ".glb"))
    mesh = trimesh.load(data, file_type="glb", force="mesh", process=False)
    normals = mesh.vertex_normals
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    across = np.cross(*np.diff(mesh.vertices[mesh.faces], axis=1).transpose(1, 0, 2))
    assert (np.einsum("ij,ikj->ik", across, normals[mesh.faces]) > 0).mean() > 0.99


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
    with pytest.raises(NotPrintableError, match=f"broken{suffix} was not written: .* holes"):
        formats.write(path, open_mesh)
    assert not os.listdir(tmp_path)
    report = formats.write(path, open_mesh, unchecked=True)
    assert not report.ok
    assert report.path == tmp_path / f"broken-UNCHECKED{suffix}"
    assert os.listdir(tmp_path) == [report.path.name]


def test_a_good_part_written_unchecked_keeps_its_name(part, tmp_path):
    assert formats.write(tmp_path / "good.stl", part, unchecked=True).path.name == "good.stl"
