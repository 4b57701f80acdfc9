"""Small good files of every format, and damaged copies of them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

import numpy as np
import trimesh
from OpenEXR import Compression
from scipy.io import savemat

from shapelab.core.mesh.formats.threemf import write_3mf
from shapelab.core.mesh.tri_mesh import TriMesh
from tests.exr import exr

NUMBERS = (b"nan", b"inf", b"-1", b"0", b"1e308", b"4294967295", b"99999999999", b"-2147483648")
EXTREMES = (
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"\xff\xff\xff\x7f",
    b"\0\0\xc0\x7f",
    b"\0" * 4,
)
ZIPPED = (".3mf", ".npz")


def seeds(suffix: str) -> list[bytes]:
    """At least five good files of different shapes or encodings."""
    if suffix in (".npz", ".npy", ".binvox", ".mat"):
        return [_voxels(suffix, index) for index in range(6)]
    if suffix in (".xyz", ".pcd"):
        return [_cloud(suffix, index) for index in range(6)]
    if suffix == ".exr":
        return [_depth(index) for index in range(6)]
    balls = trimesh.creation.icosphere(1)
    box = trimesh.creation.box((1, 2, 3))
    pair = trimesh.Scene([box, balls])
    shapes = [
        balls,
        box,
        trimesh.creation.cylinder(1, 2, sections=8),
        trimesh.creation.annulus(1, 2, 1),
    ]
    if suffix == ".3mf":  # trimesh's writer draws new numbers each time
        meshes = [*shapes, pair.to_mesh()]
        return [write_3mf(TriMesh(np.float32(m.vertices), np.int32(m.faces))) for m in meshes]
    files = [shape.export(file_type=suffix[1:]) for shape in shapes]
    if suffix == ".stl":
        files.append(box.export(file_type="stl_ascii"))
    elif suffix == ".ply":
        files.append(box.export(file_type="ply", encoding="ascii"))
    elif suffix == ".off":
        files.append(files[1].replace("OFF\n", "OFF") if isinstance(files[1], str) else files[1])
    else:
        files.append(pair.export(file_type=suffix[1:]))
    return [file.encode() if isinstance(file, str) else file for file in files]


def _voxels(suffix: str, index: int) -> bytes:
    rng = np.random.default_rng(index)
    grid = rng.random((4 + index, 6, 5)) > 0.6
    kind = (bool, np.uint8, np.float32, np.float64, np.int16, np.uint8)[index]
    out = io.BytesIO()
    if suffix == ".npy":
        np.save(out, np.asfortranarray(grid.astype(kind)) if index == 5 else grid.astype(kind))
    elif suffix == ".npz":
        save = np.savez_compressed if index % 2 else np.savez
        save(out, **{("voxels", "grid", "arr_0")[index % 3]: grid.astype(kind)})
    elif suffix == ".mat":
        values = grid if index == 0 else grid.astype(kind)
        savemat(out, {("instance", "grid", "voxel")[index % 3]: values}, do_compression=index > 3)
    else:
        sides = " ".join(map(str, grid.shape))
        out.write(f"#binvox 1\ndim {sides}\ntranslate 0 0 0\nscale 1.5\ndata\n".encode())
        out.write(b"".join(bytes((value, 1)) for value in grid.ravel().astype(np.uint8)))
    data = out.getvalue()
    return b"MATLAB 5.0 MAT-file".ljust(116) + data[116:] if suffix == ".mat" else data  # no time


def _cloud(suffix: str, index: int) -> bytes:
    points = np.random.default_rng(index).normal(size=(60 + index, 3)).astype(np.float32)
    if suffix == ".xyz":
        between = (" ", ",", ";", "\t", "  ", " ")[index]
        head = ("", "x,y,z\n", "# made up\n", "62\n", "", "//\n")[index]
        return (head + "\n".join(between.join(map(str, p)) for p in points.tolist())).encode()
    way = ("ascii", "binary", "binary_compressed")[index % 3]
    head = f"VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH {len(points)}\n"
    head += f"HEIGHT 1\nPOINTS {len(points)}\nDATA {way}\n"
    if way == "ascii":
        body = "\n".join(" ".join(map(str, p)) for p in points.tolist()).encode()
    elif way == "binary":
        body = points.tobytes()
    else:
        flat = points.T.tobytes()  # as runs of 32 bytes and fewer that stay as they are
        packed = b"".join(
            bytes([len(flat[k : k + 32]) - 1]) + flat[k : k + 32] for k in range(0, len(flat), 32)
        )
        body = np.array([len(packed), len(flat)], "<u4").tobytes() + packed
    return head.encode() + body


def _depth(index: int) -> bytes:
    values = np.random.default_rng(index).random((20 + index, 17)).astype(np.float32) + 1
    half = values.astype(np.float16)
    layers = ({"Z": values}, {"R": half, "G": half, "B": half}, {"Cam.Depth.V": half, "R": values})
    ways = (Compression.ZIP_COMPRESSION, Compression.PIZ_COMPRESSION, Compression.NO_COMPRESSION)
    return exr(layers[index % 3], compression=ways[index // 2], tiled=index == 5)


def mutants(suffix: str, count: int, seed: int) -> Iterator[bytes]:
    """Damaged files; the same for the same seed."""
    rng = np.random.default_rng([seed, *suffix.encode()])
    good = seeds(suffix)
    for _ in range(count):
        data = good[rng.integers(len(good))]
        other = good[rng.integers(len(good))]
        if suffix in ZIPPED and rng.random() < 0.7:  # damage that the checksums do not catch
            yield _repacked(data, other, rng)
            continue
        yield _damaged(data, other, rng)


def _damaged(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    for _ in range(int(rng.integers(1, 4))):
        data = STEPS[rng.integers(len(STEPS))](data, other, rng)
    return data


def _repacked(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(io.BytesIO(other)) as second:
        members = {name: archive.read(name) for name in archive.namelist()}
        donor = second.read(second.namelist()[0])
    name = sorted(members)[rng.integers(len(members))]
    members[name] = _damaged(members[name], donor, rng)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, content in members.items():
            archive.writestr(zipfile.ZipInfo(key), content, zipfile.ZIP_DEFLATED)  # no time of day
    return out.getvalue()


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Mostly in the head, where the claims stand."""
    end = min(len(data), 200) if rng.random() < 0.5 else len(data)
    return int(rng.integers(end + 1))


def _flip(data: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    if not data:
        return data
    at = min(_place(data, rng), len(data) - 1)
    return data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :]


def _cut(data: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)]


def _delete(data: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 40)) :]


def _splice(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def _repeat(data: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return (
        data[:at] + data[at : at + int(rng.integers(1, 60))] * int(rng.integers(2, 50)) + data[at:]
    )


def _extreme(data: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + EXTREMES[rng.integers(len(EXTREMES))] + data[at + 4 :]


def _number(data: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    found = list(re.finditer(rb"-?\d[\d.e+-]*", data[:20_000]))
    if not found:
        return data
    match = found[rng.integers(min(len(found), 8) if rng.random() < 0.5 else len(found))]
    return data[: match.start()] + NUMBERS[rng.integers(len(NUMBERS))] + data[match.end() :]


def _noise(data: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.bytes(int(rng.integers(1, 30))) + data[at:]


STEPS = (_flip, _cut, _delete, _splice, _repeat, _extreme, _number, _number, _noise)
