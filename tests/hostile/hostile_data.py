"""Data sources, prepared stores and shape files that somebody made to do harm."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from attacks import DEEP, DIGITS, ESCAPE, Case, fifo, later, sparse, unchanged
from hostile_runs import npy

from shapelab.core.model import model_file
from shapelab.core.runs.store_card import is_store, read_card
from shapelab.core.session import shape_file
from shapelab.core.session.shape_state import seeded_state
from shapelab.describe import describe
from tests.small_models import small_model
from trainer.data.sources.source_table import find_reader
from trainer.data.store.prepared_store import open_store

Maker = Callable[[Path], None]
OFF = b"OFF\n4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"


def file(name: str, data: bytes | Maker) -> Maker:
    def make(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data(path) if callable(data) else path.write_bytes(data)

    return make


def both(*makers: Maker) -> Maker:
    def make(folder: Path) -> None:
        for each in makers:
            each(folder)

    return make


def archive(members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as written:
        for name, data in members.items():
            written.writestr(name, data)
    return out.getvalue()


def directory(count: int, name: bytes = b"a/b.off") -> bytes:
    """An archive whose directory names a file so often, of which none is there."""
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, *(0,) * 6, 0, 9, 9, len(name), *(0,) * 6)
    whole = (entry + name) * count
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, len(whole), 4, 0)
    return b"PK\x03\x04" + whole + end


def stack(**arrays: bytes) -> Maker:
    return file("a.npz", archive({f"{name}.npy": data for name, data in arrays.items()}))


def grids(count: int = 3) -> bytes:
    return npy((count, 4, 4, 4), bytes([0, 1]) * (32 * count))


def deep_folders(folder: Path) -> None:
    file("/".join("a" * 100) + "/a.off", OFF)(folder)


def looped(folder: Path) -> None:
    file("chair/a.off", OFF)(folder)
    (folder / "chair/again").symlink_to(folder)
    (folder / "chair/b.off").symlink_to("/dev/zero")


def sources() -> Iterator[Case]:
    yield "a stack that claims 2^30 grids", file("a.npy", npy((2**30, 8, 8, 8), bytes(99)))
    yield "a stack that claims 2^62 cells", file("a.npy", npy((2**62, 8, 8, 8), bytes(99)))
    yield (
        "a million grids of a cell",
        later(lambda: file("a.npy", npy((10**6, 1, 1, 1), bytes(10**6)))),
    )
    yield "a packed stack that claims 2^30 grids", stack(voxels=npy((2**30, 8, 8, 8), bytes(99)))
    yield (
        "a packed stack that is a bomb",
        later(lambda: stack(voxels=npy((2**21, 16, 16, 16), bytes(2**28)))),
    )
    yield (
        "a stack packed oddly",
        file("a.npz", archive({"voxels.npy": npy((9, 4, 4, 4), bytes(576))}, zipfile.ZIP_BZIP2)),
    )
    sides = (10 * 2**10, 64, 64, 64)
    yield (
        "a sparse stack of 10 GB",
        file("a.npy", lambda p: sparse(p, 10 * 2**30, npy((4 * sides[0], *sides[1:])))),
    )
    yield (
        "a sparse stack of 10 GB in floats",
        file("a.npy", lambda p: sparse(p, 10 * 2**30, npy(sides, descr="<f4"))),
    )
    yield "a stack of objects", file("a.npy", npy((9, 4, 4, 4), b"\x80\x04N." * 99, "|O"))
    yield "a stack of structures", file("a.npy", b"\x93NUMPY\1\0\xff\x0f" + b"[" * 4095)
    yield "labels that lie", stack(voxels=grids(), labels=npy((3,), b"\0\1\xff"))
    yield "labels below nothing", stack(voxels=grids(), labels=npy((3,), b"\0\xff\xff", "|i1"))
    yield "labels without end", stack(voxels=grids(), labels=npy((2**40,), b"", "<i8"))
    yield (
        "labels that are a bomb",
        later(lambda: stack(voxels=grids(), labels=npy((2**28,), bytes(2**28)))),
    )
    yield (
        "labels that would be many",
        stack(voxels=grids(), labels=npy((3,), struct.pack("<3q", 0, 1, 2**62), "<i8")),
    )
    yield (
        "classes of objects",
        stack(voxels=grids(), labels=npy((3,), bytes(3)), classes=npy((1,), b"\x80\x04N.", "|O")),
    )
    yield "two stacks of one name", file("a.npz", directory(9, b"voxels.npy"))
    yield (
        "an archive of a million names",
        later(lambda: file("a.zip", lambda p: p.write_bytes(directory(10**6)))),
    )
    yield "an archive of names that are not there", file("a.zip", directory(1000))
    yield "an archive cut off", file("a.zip", archive({"a/b.off": OFF})[:-9])
    yield "an archive of nothing", file("a.zip", archive({}))
    yield (
        "an archive that leaves",
        file("a.zip", archive({"../../a/b.off": OFF, "/etc/c.off": OFF})),
    )
    yield "an archive of 10 GB", file("a.zip", lambda p: sparse(p, 10 * 2**30, b"PK\x03\x04"))
    yield (
        "a mesh that is a bomb",
        later(lambda: file("a.zip", archive({"a/b.off": b"OFF\n" + b" " * 2**28}))),
    )
    yield "archives in archives", file("a.zip", archive({"a.zip": archive({"b.off": OFF})}))
    yield "an archive as a pipe", file("a.zip", fifo)
    yield "meshes as pipes", both(file("chair/a.off", fifo), file("chair/b.obj", fifo))
    yield "meshes of 10 GB", file("chair/a.off", lambda p: sparse(p, 10 * 2**30, b"OFF\n"))
    yield "folders too deep", deep_folders
    yield "folders that go round", looped
    mesh = file("chair/a.off", OFF)
    yield "a name with an escape", file(f"{ESCAPE.replace('/', '')}/a.off", b"OFF\n")
    yield "a table as a pipe", both(mesh, file("LICENSES.csv", fifo))
    yield "a table of 10 GB", both(mesh, file("a.csv", lambda p: sparse(p, 10 * 2**30, b"path,")))
    yield "a table of one row", later(lambda: both(mesh, file("a.csv", b"path" + b"," * 10**7)))
    yield "a table too deep", both(mesh, file("a.json", DEEP.encode()))
    yield (
        "a table that expands",
        later(lambda: both(mesh, file("a.json", b"[" + b"{}," * 5_000_000 + b"{}]"))),
    )
    yield "a table of digits", both(mesh, file("a.json", b'[{"path":' + DIGITS.encode() + b"}]"))
    lists = ("Images.txt", "ModelID.txt", "all_obj_clean.txt")
    ikea = [file(f"Lists/{name}", b"1\n") for name in lists]
    yield "lists as pipes", both(*(file(f"Lists/{name}", fifo) for name in lists))
    yield (
        "a list of digits",
        both(*ikea, file("Lists/ModelID.txt", DIGITS.encode()), file("Images/1", b"")),
    )
    yield "a list of 10 GB", both(*ikea[:2], file(f"Lists/{lists[2]}", lambda p: sparse(p, 10**10)))


def use_source(folder: Path) -> Iterator[Callable[[], object]]:
    """What a preparation does: lists the shapes, then loads each."""
    inside = list(folder.iterdir())
    source = inside[0] if len(inside) == 1 and not inside[0].is_dir() else folder

    def prepare() -> None:
        reader = find_reader(source)
        for item in islice(reader.items(source), 3):
            reader.load(item)

    yield prepare


def index(**changes: Any) -> bytes:
    known = {
        "format": "shapelab-store",
        "version": 4,
        "resolution": 32,
        "classes": ["chair"],
        "counts": {"accepted": 1},
        "views": 0,
        "picture_size": 64,
        "shards": [],
        "fields": [],
        "files": {"shapes.npy": "0" * 64},
    }
    return json.dumps(known | changes).encode()


def stores() -> Iterator[Case]:
    yield "an index as a pipe", file("index.json", fifo)
    yield "an index that links to a device", file("index.json", lambda p: p.symlink_to("/dev/zero"))
    yield "an index of 10 GB", file("index.json", lambda p: sparse(p, 10 * 2**30))
    yield "an index too deep", file("index.json", DEEP.encode())
    yield (
        "an index that expands",
        later(lambda: file("index.json", b"[" + b"[]," * 5_000_000 + b"[]]")),
    )
    yield "a version of digits", file("index.json", index(version=DIGITS))
    yield "a version that is none", file("index.json", index(version=[4]))
    yield "a version of 400 digits", file("index.json", index(version=float("inf")))
    yield "no files", file("index.json", index(files=7))
    yield "rows that are missing", file("index.json", index())
    yield "rows as a pipe", both(file("index.json", index()), file("shapes.npy", fifo))
    yield (
        "rows of 10 GB",
        both(file("index.json", index()), file("shapes.npy", lambda p: sparse(p, 10 * 2**30))),
    )
    yield "a plan as a pipe", file("plan.json", fifo)


def use_store(folder: Path) -> Iterator[Callable[[], object]]:
    yield lambda: is_store(folder)
    yield lambda: unchanged(read_card(folder).describe())
    yield lambda: open_store(folder)


def shape(**changes: Any) -> Maker:
    def make(folder: Path) -> None:
        model = _model(folder)
        state = shape_file.state_to_plain(seeded_state(model, "chair", 7))
        document = {"format": "shapelab-shape", "version": 1}
        document["model"] = {"name": model.name, "digest": model.digest}
        inner = {name: value for name, value in changes.items() if name in state}
        outer = {name: value for name, value in changes.items() if name not in state}
        whole = document | {"shape": state | inner} | outer
        (folder / "a.shape.json").write_text(json.dumps(whole))

    return make


def _model(folder: Path) -> Any:
    from shapelab.core.model.shape_model import ShapeModel

    (folder / "model.safetensors").write_bytes(small_model())
    return ShapeModel("small", model_file.read(folder / "model.safetensors"))


def shapes() -> Iterator[Case]:
    name = "a.shape.json"
    yield "a shape as a pipe", file(name, fifo)
    yield "a shape that links to a device", file(name, lambda p: p.symlink_to("/dev/zero"))
    yield "a shape as a folder", file(name, Path.mkdir)
    yield "a shape of 10 GB", file(name, lambda p: sparse(p, 10 * 2**30))
    yield "a shape too deep", file(name, DEEP.encode())
    yield "a shape that expands", later(lambda: file(name, b"[" + b"[]," * 1_200_000 + b"[]]"))
    yield "a shape not text", file(name, bytes(range(256)))
    yield "a version of 80 digits", shape(version=int("9" * 80))
    yield "a version that is true", shape(version=True)
    yield "a seed of 90 digits", shape(seed=int("9" * 90))
    yield "a seed of 5,000 digits", file(name, b'{"seed":' + DIGITS.encode() + b"}")
    yield "a seed below nothing", shape(seed=-1)
    yield "numbers that are none", shape(base=[float("nan")] * 8)
    yield "numbers out of the world", shape(offsets=[1e300] * 8)
    yield "a million numbers", later(lambda: shape(base=[0] * 10**6))
    yield "numbers as lists", shape(base=[[0] * 8])
    yield "no truncation", shape(truncation=float("inf"))
    yield "an unknown class", shape(**{"class": ESCAPE})
    yield "another model", shape(model={"name": ESCAPE * 100, "digest": [DIGITS]})
    yield "an origin with an escape", shape(origin=ESCAPE * 1000, model=[])
    yield "no shape", shape(shape=[1])


def use_shape(folder: Path) -> Iterator[Callable[[], object]]:
    path = folder / "a.shape.json"
    yield lambda: [unchanged(line) for line in describe(str(path))]
    yield lambda: shape_file.read_shape(path, _model(folder))
