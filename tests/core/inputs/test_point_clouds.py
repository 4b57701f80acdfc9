"""Point clouds: each way in which files hold them, and the solid that they become."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.inputs import cloud_solid, mesh_reader, point_files, untrusted_reader
from shapelab.core.inputs.point_files import PointCloud
from shapelab.core.inputs.reconstruct import iou
from shapelab.core.inputs.voxelise import solid
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.describe import describe
from tests.shapes import cloud_of

POINTS = np.random.default_rng(3).normal(size=(60, 3)).astype(np.float32)
CENTRED = POINTS - (POINTS.min(0) + POINTS.max(0)) / 2

Box = tuple[tuple[float, float, float], tuple[float, float, float]]


def _text(before: str = "", between: str = " ", after: str = "") -> bytes:
    lines = (between.join(f"{value:.9g}" for value in row) + after for row in POINTS)
    return (before + "\n".join(lines)).encode()


def _pcd(way: str, body: bytes, fields: str = "x y z", size: str = "4 4 4") -> bytes:
    kinds = " ".join("F" for _ in fields.split())
    return (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS {fields}\nSIZE {size}\nTYPE {kinds}\n"
        f"WIDTH 60\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 60\nDATA {way}\n"
    ).encode() + body


def _literal(data: bytes) -> bytes:
    """LZF of bytes that stay as they are."""
    runs = [data[k : k + 32] for k in range(0, len(data), 32)]
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def _packed(packed: bytes, size: int) -> bytes:
    return np.array([len(packed), size], "<u4").tobytes() + packed


ROWS = np.concatenate([np.ones((60, 1), np.float32), POINTS[:, ::-1]], 1)  # _ z y x


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (_text(), ".xyz"),
        (_text(between=","), ".xyz"),
        (_text(between="; ", after=";255;0;0"), ".xyz"),
        (_text("X, Y, Z\n", "\t"), ".xyz"),
        (_text("# of a scanner\n\n//X Y Z\n", after=" 0.5 # good"), ".xyz"),
        (_text("60\n", after=" -1203 255 0 0"), ".pts"),
        (b"\xef\xbb\xbf" + _text().replace(b"\n", b"\r\n"), ".XYZ"),
        (_text() + b"\nnan nan nan\n", ".xyz"),
        (_pcd("ascii", _text()), ".pcd"),
        (_pcd("binary", POINTS.tobytes()), ".pcd"),
        (_pcd("binary", POINTS.astype("<f8").tobytes(), size="8 8 8"), ".pcd"),
        (_pcd("binary", ROWS.tobytes(), "_ z y x", "4 4 4 4"), ".pcd"),
        (_pcd("binary_compressed", _packed(_literal(POINTS.T.tobytes()), 720)), ".pcd"),
    ],
)
def test_points_are_read_as_they_are_written(data: bytes, suffix: str) -> None:
    np.testing.assert_allclose(point_files.read(data, suffix).points, CENTRED, atol=1e-6)


def test_packed_runs_that_repeat_are_unpacked() -> None:
    # "ab", then twelve bytes from two bytes before on: a run that goes on into itself.
    assert point_files._lzf(b"\x01ab" + bytes([7 << 5, 3, 1]), 14) == b"ab" * 7
    assert point_files._lzf(b"\x02abc" + bytes([1 << 5, 2]), 6) == b"abcabc"
    for damaged in (b"\x01ab" + bytes([1 << 5, 2]), b"\x01ab" + bytes([7 << 5, 200, 1])):
        with pytest.raises(InputError, match="damaged"):
            point_files._lzf(damaged, 14)


@pytest.mark.parametrize(
    ("data", "suffix", "words"),
    [
        (b" \n", ".xyz", "is empty"),
        (b"1 2 3\n4 5\n", ".xyz", "without three numbers"),
        (b"1 2 3\n4 five 6\n", ".xyz", "without three numbers"),
        (b"1 2 3\n" * 40, ".xyz", "40 points, too few"),
        (b"1 2 3\n" * 60, ".xyz", "0 units long"),
        (_text().replace(b"\n", b"e30\n", 1), ".xyz", "units long, which cannot be meant"),
        (b"x y z", ".pcd", "no whole header"),
        (_pcd("binary", POINTS.tobytes()[:-1]), ".pcd", "60 points but is cut off after 59"),
        (_pcd("ascii", _text()[:200]), ".pcd", "cut off|without three numbers"),
        (_pcd("morse", b""), ".pcd", "a way that is not known"),
        (_pcd("binary", POINTS.tobytes(), "x y w"), ".pcd", "lack x, y or z"),
        (_pcd("binary_compressed", _packed(b"", 720)), ".pcd", "are damaged"),
        (_pcd("binary_compressed", _packed(b"", 7 * 2**28)), ".pcd", "makes no sense"),
        (_pcd("binary", b"").replace(b"POINTS 60", b"POINTS 99999999999"), ".pcd", "20 million"),
    ],
)
def test_what_is_wrong_is_one_sentence(data: bytes, suffix: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        point_files.read(data, suffix)
    assert str(caught.value).count(". ") == 0


def _ply(faces: str) -> bytes:
    head = "ply\nformat ascii 1.0\ncomment units: cm, y up\nelement vertex 60\n"
    head += "".join(f"property float {axis}\n" for axis in "xyz")
    return f"{head}{faces}end_header\n".encode() + _text()


def test_a_ply_without_faces_is_a_cloud_and_one_whose_faces_are_lost_is_none() -> None:
    file = untrusted_reader.read_untrusted_bytes(_ply(""), ".ply", name="scan.ply")
    assert isinstance(file.content, PointCloud)
    np.testing.assert_allclose(file.content.points, CENTRED, atol=1e-6)
    assert (file.kind, file.unit, file.up) == ("points", "centimeter", "y")
    odd = "element face 1\nproperty list uchar int unknown\n"
    with pytest.raises(InputError, match="no triangles"):
        mesh_reader.read(_ply(odd) + b"\n3 0 1 2\n", ".ply")


def test_info_says_what_a_cloud_is(tmp_path: Path) -> None:
    path = tmp_path / "scan.xyz"
    path.write_bytes(b"".join(b"%d %d %d\n" % (k, k % 7, k % 3) for k in range(101)))
    assert describe(str(path)) == [
        "point cloud: 101 points",
        "100 × 6 × 2 (x, y, z); unit unknown",
    ]


# --- solid ---------------------------------------------------------------------------------------


def _boxes(boxes: list[Box], floor: bool = True) -> TriMesh:
    """Boxes as one mesh; without a floor they are open below."""
    vertices, faces = [], []
    squares = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    for low, high in boxes:
        base = len(vertices)
        vertices += [[(low, high)[i >> a & 1][a] for a in range(3)] for i in range(8)]
        for a, b, c, d in squares if floor else squares[1:]:
            faces += [[base + a, base + b, base + c], [base + a, base + c, base + d]]
    return TriMesh(np.array(vertices, np.float32), np.array(faces, np.int32))


TABLE: list[Box] = [
    ((0, 0, 10), (16, 10, 11.5)),
    *(((x, y, 0), (x + 1.5, y + 1.5, 10)) for x in (0, 14.5) for y in (0, 8.5)),
]
SOFA: list[Box] = [((0, 0, 0), (16, 7, 4)), ((0, 5, 4), (16, 7, 9))]


def _solid(points: np.ndarray) -> np.ndarray:
    return cloud_solid.solid(cloud_solid.spread(points), 32)


@pytest.mark.parametrize("count", [4_000, 60_000])
@pytest.mark.parametrize("boxes", [TABLE, SOFA])
def test_a_cloud_fills_what_its_mesh_does(boxes: list[Box], count: int) -> None:
    mesh = _boxes(boxes)
    assert iou(_solid(cloud_of(mesh, count)), solid(mesh)) > 0.85


def test_what_nobody_scans_from_below_is_filled_all_the_same() -> None:
    mesh = _boxes(SOFA, floor=False)
    assert iou(_solid(cloud_of(mesh, 20_000)), solid(_boxes(SOFA))) > 0.85


def test_strays_do_not_shrink_the_object() -> None:
    points = cloud_of(_boxes(TABLE), 20_000)
    strays = np.random.default_rng(1).uniform(-60, 60, (40, 3))
    assert iou(_solid(np.concatenate([points, strays])), _solid(points)) > 0.95
