"""Strangers' files: formats, lies, bombs, limits, time and cancelling."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapelab.core.errors import Cancelled, InputError, ReaderBroke, ReaderLate
from shapelab.core.inputs import mesh_reader, untrusted_reader
from shapelab.core.inputs.images import PreparedImage
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
POINTS = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
FACES = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]


def obj(points: object = POINTS, before: str = "") -> bytes:
    lines = [f"v {x} {y} {z}" for x, y, z in points]  # type: ignore[attr-defined]
    lines += ["f " + " ".join(str(i + 1) for i in face) for face in FACES]
    return (before + "\n".join(lines) + "\n").encode()


def off(header: str = "OFF\n4 4 0\n") -> bytes:
    lines = [" ".join(map(str, p)) for p in POINTS]
    lines += ["3 " + " ".join(map(str, f)) for f in FACES]
    return (header + "\n".join(lines) + "\n").encode()


def stl(count: int = 4, keep: int | None = None) -> bytes:
    triangles = np.array(POINTS, np.float32)[np.array(FACES)]
    body = b"".join(struct.pack("<12fH", 0, 0, 0, *t.ravel(), 0) for t in triangles)
    return (bytes(80) + struct.pack("<I", count) + body)[:keep]


def threemf(model: bytes, extra: dict[str, bytes] | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("3D/3dmodel.model", model)
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return stream.getvalue()


def gltf(uri: str) -> bytes:
    view = {"buffer": 0, "byteOffset": 0, "byteLength": 48}
    accessor = {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"}
    return json.dumps(
        {
            "asset": {"version": "2.0"},
            "buffers": [{"uri": uri, "byteLength": 48}],
            "bufferViews": [view],
            "accessors": [accessor],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
            "nodes": [{"mesh": 0}],
            "scenes": [{"nodes": [0]}],
        }
    ).encode()


def one_sentence(error: InputError) -> None:
    text = str(error)
    assert text.endswith(".")
    assert text.count(". ") == 0
    assert "\n" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (obj(), ".obj"),
        (off(), ".OFF"),
        (off("OFF4 4 0\n"), ".off"),  # ModelNet's glued header
        (stl(), ".stl"),
        (stl() + b"trailing", ".stl"),
        (obj(before="mtllib ../../etc/passwd\nusemtl x\n"), ".obj"),
    ],
)
def test_meshes_are_read_merged_and_centred(data: bytes, suffix: str) -> None:
    mesh = mesh_reader.read(data, suffix)
    assert mesh.vertices.shape == (4, 3)
    assert mesh.vertices.dtype == np.float32
    assert mesh.faces.shape == (4, 3)
    assert mesh.faces.dtype == np.int32
    assert mesh.volume == pytest.approx(1 / 6)
    assert mesh.vertices.min() == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("data", "suffix", "words"),
    [
        (b"", ".obj", "empty|no triangles"),
        (b"nonsense", ".ply", "damaged"),
        (b"\x00" * 500, ".glb", "damaged"),
        (stl(2**32 - 1), ".stl", "should hold 4294967295"),
        (stl(4, 150), ".stl", "cut off"),
        (stl(4, 20), ".stl", "cut off"),
        (off("OFF\n4 999999999 0\n"), ".off", "less than it says"),
        (obj([(float("nan"), 0, 0), *POINTS[1:]]), ".obj", "not numbers"),
        (obj([(float("inf"), 0, 0), *POINTS[1:]]), ".obj", "not numbers|damaged"),
        (obj([(1e12, 0, 0), *POINTS[1:]]), ".obj", "units long"),
        (obj([(1, 1, 1)] * 4), ".obj", "units long"),
        (obj([(i, i, i) for i in range(4)]), ".obj", "too few"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", ".obj", "too few"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", ".obj", "damaged|lacks"),
        (gltf("file:///etc/passwd"), ".gltf", "needs other files: 'file:///etc/passwd'"),
        (gltf("http://127.0.0.1:9/x.bin"), ".gltf", "needs other files: 'http://127"),
        (gltf("../../x.bin"), ".gltf", "needs other files"),
        (b"PK\x03\x04", ".3mf", "damaged"),
        (threemf(b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a/>"), ".3mf", "type"),
        (threemf(b"<a/>", {f"{i}": b"" for i in range(70)}), ".3mf", "no triangles"),
        (threemf(b"<a>" + b" " * (200 * 2**20)), ".3mf", "far too much"),
    ],
)
def test_bad_meshes_give_one_sentence(data: bytes, suffix: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        mesh_reader.read(data, suffix)
    one_sentence(caught.value)


def test_each_kind_comes_back_whole_from_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        untrusted_reader, "TIMEOUT", 200.0
    )  # a busy test machine is not what is tested
    picture = np.full((60, 80, 3), 255, np.uint8)
    picture[20:40, 20:60] = (120, 60, 20)
    Image.fromarray(picture).save(tmp_path / "a.PNG")
    np.save(tmp_path / "b.npy", np.ones((4, 5, 6), bool))
    (tmp_path / "c.obj").write_bytes(obj())
    image, grid, mesh = (
        untrusted_reader.read_untrusted(tmp_path / n) for n in ("a.PNG", "b.npy", "c.obj")
    )
    assert (image.kind, image.name, image.suffix) == ("picture", "a.PNG", ".png")
    assert isinstance(image.content, PreparedImage)
    assert image.content.method == "plain background"
    assert (image.content.original[..., :3] == picture).all()
    assert grid.kind == "voxels"
    assert isinstance(grid.content, VoxelGrid)
    assert grid.content.values.shape == (4, 5, 6)
    assert mesh.kind == "mesh"
    assert isinstance(mesh.content, TriMesh)
    assert mesh.content.volume == pytest.approx(1 / 6)


def test_the_child_hands_sentences_on() -> None:
    with pytest.raises(InputError, match="HEIC") as caught:
        untrusted_reader.read_untrusted_bytes(b"\x00\x00\x00\x18ftypheic", ".png")
    one_sentence(caught.value)


def test_files_that_are_none_are_refused_without_a_child(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "a.docx").touch()
    cases = {
        "missing.png": "no file",
        "empty.png": "empty",
        "folder.png": "folder",
        "a.docx": "kind that cannot be read",
        "no_suffix": "kind that cannot be read",
    }
    for name, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            untrusted_reader.read_untrusted(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="not a plain file"):
        untrusted_reader.read_untrusted(tmp_path / "pipe.png")


def test_too_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted_reader, "MAX_BYTES", 10)
    (tmp_path / "a.png").write_bytes(bytes(11))
    with pytest.raises(InputError, match="larger than"):
        untrusted_reader.read_untrusted(tmp_path / "a.png")
    with pytest.raises(InputError, match="larger than"):
        untrusted_reader.read_untrusted_bytes(bytes(11), ".png")


def fake_child(monkeypatch: pytest.MonkeyPatch, code: str) -> list[subprocess.Popen[bytes]]:
    """Puts a child of our own in the reader's place; gives the list of those started."""
    started: list[subprocess.Popen[bytes]] = []

    def start(suffix: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        started.append(child)
        return child

    monkeypatch.setattr(untrusted_reader, "_start", start)
    return started


FOREVER = "import threading; threading.Event().wait()"


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    started = fake_child(monkeypatch, FOREVER)
    monkeypatch.setattr(untrusted_reader, "TIMEOUT", 0.2)
    with pytest.raises(ReaderLate, match="too busy"):
        untrusted_reader.read_untrusted_bytes(bytes(2**20), ".png")
    assert started[0].poll() is not None


def test_a_file_that_keeps_its_reader_working_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    started = fake_child(monkeypatch, "while True: pass")
    monkeypatch.setattr(untrusted_reader, "TIMEOUT", 0.2)
    monkeypatch.setattr(untrusted_reader, "PATIENCE", 1000)
    with pytest.raises(ReaderLate, match="took longer"):
        untrusted_reader.read_untrusted_bytes(bytes(2**20), ".png")
    assert started[0].poll() is not None


def test_a_reader_that_gets_no_turn_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps here, which looks the same from outside."""
    changed_child(monkeypatch, "import time; time.sleep(0.5)")
    monkeypatch.setattr(untrusted_reader, "TIMEOUT", 0.01)
    monkeypatch.setattr(untrusted_reader, "SHARE", 2000)
    monkeypatch.setattr(untrusted_reader, "PATIENCE", 20_000)
    assert untrusted_reader.read_untrusted_bytes(obj(), ".obj").kind == "mesh"


def test_cancelling_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    started = fake_child(monkeypatch, FOREVER)
    cancel = threading.Event()
    answers: list[BaseException] = []

    def read() -> None:
        try:
            untrusted_reader.read_untrusted_bytes(bytes(2**20), ".png", cancel)
        except Cancelled as error:
            answers.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    cancel.set()
    reader.join(20)
    assert not reader.is_alive()
    assert len(answers) == 1
    assert all(child.poll() is not None for child in started)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.abort()",
        "pass",
        "print('not an archive')",
        "import os, signal; os.kill(os.getpid(), getattr(signal, 'SIGSEGV', signal.SIGTERM))",
    ],
)
def test_a_crash_of_the_reader_is_one_sentence(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    fake_child(monkeypatch, code)
    with pytest.raises(ReaderBroke) as caught:
        untrusted_reader.read_untrusted_bytes(bytes(2**20), ".png")
    one_sentence(caught.value)


def test_odd_arrays_of_a_captured_reader_are_refused() -> None:
    picture = np.zeros((2, 2, 4), np.uint8)
    good = {"rgba": picture, "original": picture, "method": np.array("alpha")}
    for change in (
        {"rgba": picture[..., :3]},
        {"original": picture.astype(np.float64)},
        {"method": np.array("<b>")},
    ):
        with pytest.raises(ReaderBroke):
            untrusted_reader._typed("picture", {**good, **change})
    faces = np.array([[0, 1, 7]], np.int32)
    with pytest.raises(ReaderBroke):
        untrusted_reader._typed("mesh", {"vertices": np.zeros((3, 3), np.float32), "faces": faces})


def sandboxed(code: str) -> str:
    """What a snippet prints that runs with the reader's limits."""
    start = "import sys\nfrom shapelab.core.inputs import process_limits\nprocess_limits.enter()\n"
    done = subprocess.run(
        [sys.executable, "-c", start + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import subprocess; subprocess.run([sys.executable, '-V'])",
        "import os; os.system('echo done')",
        "open('written.txt', 'w')",
        "import os; os.open('written.txt', os.O_CREAT | os.O_WRONLY)",
        "import os; os.remove('written.txt')",
        "import os; os.mkdir('written')",
        "import os; os.symlink('/etc', 'written')",
        "import os; os.kill(os.getppid(), 9)",
    ],
)
def test_the_sandbox_forbids_what_reading_needs_not(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "PermissionError" in sandboxed(code)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS is Linux's")
def test_the_sandbox_caps_memory() -> None:
    assert "MemoryError" in sandboxed("bytearray(3 * 2**30)")
    assert sandboxed("print(len(bytearray(2**20)))") == "1048576\n"


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
def test_all_odd_meshes_load_or_give_one_sentence() -> None:
    files = sorted((DATA / "odd_meshes").iterdir())
    refused = []
    for path in files:
        try:
            mesh = mesh_reader.read(path.read_bytes(), path.suffix)
        except InputError as error:
            one_sentence(error)
            refused.append(path.name)
        else:
            assert len(mesh.faces) >= 4
            assert np.isfinite(mesh.vertices).all()
    assert len(files) == 44
    assert refused == [
        "empty.obj",
        "empty.ply",
        "empty.stl",
        "notenoughindices.obj",
        "points_ascii.ply",
        "points_ascii_with_lists.ply",
        "points_bin.ply",
        "points_emptyascii.ply",
    ]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[untrusted_reader.GuardedReader]:
    monkeypatch.setattr(
        untrusted_reader, "TIMEOUT", 200.0
    )  # a busy test machine is not what is tested
    with untrusted_reader.GuardedReader() as reader:
        yield reader


def process(reader: untrusted_reader.GuardedReader) -> subprocess.Popen[bytes]:
    assert reader._child is not None
    return reader._child


def test_one_child_reads_files_of_all_kinds_and_outlives_bad_ones(
    reader: untrusted_reader.GuardedReader, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", np.ones((4, 5, 6), bool))
    (tmp_path / "b.obj").write_bytes(obj())
    (tmp_path / "c.OFF").write_bytes(off())
    Image.fromarray(np.pad(np.full((4, 4), 255, np.uint8), 3)).save(tmp_path / "d.png")
    assert reader.read(tmp_path / "b.obj").kind == "mesh"
    child = process(reader)
    for data, suffix in ((b"nonsense", ".ply"), (b"\0" * 500, ".glb"), (b"x", ".3mf")):
        with pytest.raises(InputError, match="damaged") as caught:
            reader.read_bytes(data, suffix)
        one_sentence(caught.value)
    kinds = [reader.read(tmp_path / name).kind for name in ("a.npy", "c.OFF", "d.png", "b.obj")]
    assert kinds == ["voxels", "mesh", "picture", "mesh"]
    assert process(reader) is child
    reader.close()
    assert child.poll() is not None


def test_files_that_are_none_do_not_start_a_child(
    reader: untrusted_reader.GuardedReader, tmp_path: Path
) -> None:
    (tmp_path / "empty.obj").touch()
    for name, words in (("empty.obj", "empty"), ("no.obj", "no file"), ("a.docx", "kind")):
        with pytest.raises(InputError, match=words):
            reader.read(tmp_path / name)
    assert reader._child is None


WHOLE_REQUEST = "import sys; sys.stdin.buffer.read(16 + 2**20)"


def changed_child(monkeypatch: pytest.MonkeyPatch, change: str) -> list[subprocess.Popen[bytes]]:
    """Children that differ by a few lines of code; gives the list of those started."""
    started: list[subprocess.Popen[bytes]] = []
    start = f"import sys\nfrom shapelab.core.inputs import untrusted_worker\n{change}\n"

    def begin(suffix: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-c", start + "untrusted_worker.serve(sys.argv[1])", suffix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        started.append(child)
        return child

    monkeypatch.setattr(untrusted_reader, "_start", begin)
    return started


@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_SECONDS"])
def test_a_child_that_has_done_its_share_is_replaced(
    monkeypatch: pytest.MonkeyPatch, reader: untrusted_reader.GuardedReader, limit: str
) -> None:
    started = changed_child(monkeypatch, f"untrusted_worker.{limit} = 0")
    for _ in range(2):
        assert reader.read_bytes(obj(), ".obj").kind == "mesh"
    assert len(started) == 2
    assert all(child.poll() is not None for child in started)


def test_a_child_that_was_killed_between_two_files_is_replaced(
    reader: untrusted_reader.GuardedReader,
) -> None:
    reader.read_bytes(obj(), ".obj")
    first = process(reader)
    first.kill()
    first.wait()
    assert reader.read_bytes(obj(), ".obj").kind == "mesh"
    assert process(reader) is not first


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (FOREVER, ReaderLate),
        ("import os; os.abort()", ReaderBroke),
        (f"{WHOLE_REQUEST}; sys.stdout.write('x' * 10**6)", ReaderBroke),  # an absurd size
        (f"{WHOLE_REQUEST}; sys.stdout.write('1234')", ReaderBroke),
    ],
)
def test_a_file_that_ends_its_child_costs_no_other_file(
    monkeypatch: pytest.MonkeyPatch, code: str, error: type[InputError]
) -> None:
    with monkeypatch.context() as patch, untrusted_reader.GuardedReader() as reader:
        started = fake_child(patch, code)
        patch.setattr(untrusted_reader, "TIMEOUT", 0.5 if code == FOREVER else 200.0)
        with pytest.raises(error) as caught:
            reader.read_bytes(bytes(2**20), ".png")
        one_sentence(caught.value)
        assert started[0].poll() is not None
        patch.undo()
        monkeypatch.setattr(untrusted_reader, "TIMEOUT", 200.0)
        assert reader.read_bytes(obj(), ".obj").kind == "mesh"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS is Linux's")
def test_a_file_that_fills_the_memory_ends_its_child_and_no_other_file(
    monkeypatch: pytest.MonkeyPatch, reader: untrusted_reader.GuardedReader
) -> None:
    pages = "int(open('/proc/self/statm').read().split()[0]) * 4096"
    started = changed_child(
        monkeypatch, f"untrusted_worker.process_limits.MEMORY_BYTES = {pages} + 100 * 2**20"
    )
    data = io.BytesIO()
    np.save(data, np.ones((400, 400, 400), bool))  # 256 MB as float32
    with pytest.raises(InputError, match="too much memory") as caught:
        reader.read_bytes(data.getvalue(), ".npy")
    one_sentence(caught.value)
    assert reader.read_bytes(b"#binvox 1\ndim 2 2 2\ndata\n\1\x08", ".binvox").kind == "voxels"
    assert len(started) == 2
