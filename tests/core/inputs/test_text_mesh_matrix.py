"""OBJ, STL, PLY and OFF in every way that their writers know are read as they are."""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np
import pytest
from mesh_variants import (
    POINTS,
    PRISM_FACES,
    PRISM_POINTS,
    QUADS,
    TRIANGLES,
    is_chair,
    is_prism,
)

from shapelab.core.errors import InputError
from shapelab.core.inputs import mesh_reader
from shapelab.core.mesh.tri_mesh import TriMesh

# --- OBJ ---------------------------------------------------------------------------------------


def obj(
    face: str = "{}",
    end: str = "\n",
    indent: str = "",
    tail: str = "",
    relative: str = "",
    sep: str = " ",
) -> bytes:
    lines = [f"v{sep}" + sep.join(f"{n:g}" for n in p) for p in POINTS]
    lines += ["vt 0 0", "vn 0 0 1"]

    def corner(k: int, written: int) -> str:
        return face.format(k - written if relative else k + 1)

    if relative == "blocks":
        lines = []
        for block in range(3):
            lines += [
                f"v {' '.join(f'{n:g}' for n in p)}" for p in POINTS[8 * block : 8 * block + 8]
            ]
            for quad in QUADS[6 * block : 6 * block + 6]:
                lines.append("f " + " ".join(corner(int(k), 8 * block + 8) for k in quad))
    else:
        lines += [f"f{sep}" + sep.join(corner(int(k), 24) for k in quad) for quad in QUADS]
    return end.join([f"{indent}{line}{tail}" for line in lines] + [""]).encode()


OBJ = {
    f"{face} {name}": obj(face, **options)
    for face in ("{}", "{}/1", "{}//1", "{}/1/1")
    for name, options in {
        "plain": {},
        "CRLF": {"end": "\r\n"},
        "CR": {"end": "\r"},
        "tabs": {"sep": "\t"},
        "two blanks": {"sep": "  "},
        "indented": {"indent": "  \t"},
        "comments": {"tail": " # 5 6 7"},
        "glued comments": {"tail": "# f 1 2 3"},
        "relative": {"relative": "all"},
        "blocks": {"relative": "blocks"},
        "no last line end": {"end": "\n"},
    }.items()
    if not ("relative" in options and face != "{}")
}
OBJ |= {
    "BOM": b"\xef\xbb\xbf" + obj(),
    "UTF-16": obj().decode().encode("utf-16"),
    "blank lines": b"\n \n" * 2**17 + obj(),
    "continued": obj(tail="").replace(b"f ", b"f \\\n"),
    "colours": obj().replace(b"v 0 0 4\n", b"v 0 0 4 1 0 0\n"),
    "names": b"mtllib a b.mtl\no f 1 2 3\ng v 1 2 3\nusemtl #9\ns off\n" + obj() + b"l 1 2\np 1\n",
    "exponents": obj().replace(b"v 0 0 4\n", b"v 0e0 -0.0 +4.0E+0\n"),
    "weights": re.sub(rb"(?m)^(v .*)$", rb"\1 1.0", obj()),
    "a comment that ends like a long line": b"# from C:\\chairs\\\n" + obj(),
    "names that end like a long line": obj().replace(b"f ", b"g C:\\chairs\\\nf ", 1),
    "faces of version 2": obj().replace(b"f ", b"fo "),
    "null bytes at the end": obj() + bytes(9),
    "triangles": b"".join(b"v %g %g %g\n" % tuple(p) for p in POINTS)
    + b"".join(b"f %d %d %d\n" % tuple(t + 1) for t in TRIANGLES),
}


@pytest.mark.parametrize("name", OBJ)
def test_obj(name: str) -> None:
    is_chair(mesh_reader.read(OBJ[name], ".obj"))


@pytest.mark.parametrize("turn", range(7))
@pytest.mark.parametrize("axis", range(3))
def test_concave_polygons_in_every_plane_from_every_corner(turn: int, axis: int) -> None:
    lines = [f"v {' '.join(map(str, np.roll(p, axis)))}" for p in PRISM_POINTS]
    for face in PRISM_FACES:
        first = turn % len(face)
        lines.append("f " + " ".join(str(k + 1) for k in face[first:] + face[:first]))
    mesh = mesh_reader.read("\n".join(lines).encode(), ".obj")
    is_prism(TriMesh(np.roll(mesh.vertices, -axis, 1), mesh.faces))


def test_many_cornered_polygons_keep_their_area() -> None:
    generator = np.random.default_rng(0)
    for count in (5, 8, 30, 200):
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        radius = generator.uniform(0.3, 1.0, count)  # a star: simple, and mostly concave
        ring = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
        n = len(ring)
        lines = [f"v {px!r} {py!r} {z}" for z in (0, 1) for px, py in ring.tolist()]
        lines.append("f " + " ".join(str(k + 1) for k in reversed(range(n))))
        lines.append("f " + " ".join(str(n + k + 1) for k in range(n)))
        for k in range(n):
            a, b = k + 1, (k + 1) % n + 1
            lines.append(f"f {a} {b} {n + b} {n + a}")
        mesh = mesh_reader.read("\n".join(lines).encode(), ".obj")
        rx, ry = ring.T
        area = abs(float((rx * np.roll(ry, -1) - np.roll(rx, -1) * ry).sum())) / 2
        assert mesh.volume == pytest.approx(area, rel=1e-4)
        assert len(mesh.faces) == 2 * (n - 2) + 2 * n


# --- STL ---------------------------------------------------------------------------------------


def stl_text(
    name: str = "chair", end: str = "\n", upper: bool = False, indent: str = "  "
) -> bytes:
    lines = [f"solid {name}"]
    for a, b, c in POINTS[TRIANGLES]:
        n = np.cross(b - a, c - a)
        n = n / np.linalg.norm(n)
        lines += [f"{indent}facet normal {n[0]:g} {n[1]:g} {n[2]:g}", f"{indent}outer loop"]
        lines += [f"{indent}vertex {p[0]:e} {p[1]:e} {p[2]:e}" for p in (a, b, c)]
        lines += [f"{indent}endloop", f"{indent}endfacet"]
    text = end.join([*lines, f"endsolid {name}", ""])
    return (text.upper() if upper else text).encode()


def stl_binary(
    head: bytes = b"",
    count: int | None = None,
    tail: bytes = b"",
    normals: bool = True,
    scale: float = 1.0,
) -> bytes:
    out = head.ljust(80, b"\0") + struct.pack("<I", len(TRIANGLES) if count is None else count)
    for a, b, c in POINTS[TRIANGLES]:
        n = np.cross(b - a, c - a) if normals else np.zeros(3)
        n = n / max(np.linalg.norm(n), 1e-9)
        out += struct.pack("<12fH", *(scale * n), *a, *b, *c, 0)
    return out + tail


def stl_quads() -> bytes:
    loops = ["".join(f"vertex {x:g} {y:g} {z:g}\n" for x, y, z in q) for q in POINTS[QUADS]]
    facets = [f"facet normal 0 0 1\nouter loop\n{loop}endloop\nendfacet\n" for loop in loops]
    return f"solid quads\n{''.join(facets)}endsolid quads\n".encode()


def _halves() -> bytes:
    facets = stl_text().split(b"  facet")
    head, end = facets[0], b"endsolid\n"
    first = head + b"".join(b"  facet" + f for f in facets[1:19])
    second = b"solid two\n" + b"".join(b"  facet" + f for f in facets[19:])
    return first + end + second


STL = {
    f"{kind} {end!r}": maker(end)
    for end in ("\n", "\r\n", "\r")
    for kind, maker in {
        "plain": lambda end: stl_text(end=end),
        "upper": lambda end: stl_text(end=end, upper=True),
        "no indent": lambda end: stl_text(end=end, indent=""),
        "tabs": lambda end: stl_text(end=end, indent="\t"),
        "blank lines": lambda end: (end * 2).encode() + stl_text(end=end + end),
        "comment": lambda end: f"# a comment{end}; another{end}".encode() + stl_text(end=end),
        "vertex in the name": lambda end: stl_text("vertex 1 2 3 facet", end),
        "no name": lambda end: stl_text("", end),
        "no endsolid": lambda end: stl_text(end=end).rpartition(b"endsolid")[0],
        "BOM": lambda end: b"\xef\xbb\xbf" + stl_text(end=end),
    }.items()
}
STL |= {
    "two solids": _halves(),
    "UTF-16": stl_text().decode().encode("utf-16"),
    "one line": stl_text()
    .replace(b"solid chair\n", b"solid chair\n\n", 1)
    .replace(b"\n", b" ")
    .replace(b"solid chair  ", b"solid chair\n", 1),
    "binary": stl_binary(),
    "binary named solid": stl_binary(b"solid chair"),
    "binary named solid with facets": stl_binary(b"solid facet vertex 1 2 3"),
    "binary without normals": stl_binary(normals=False),
    "binary with a tail": stl_binary(tail=b"COLOR=1234"),
    "binary with a long tail": stl_binary(tail=bytes(range(256)) * 2),
    "binary with a line end": stl_binary(tail=b"\r\n"),
    "all in one line": stl_text().replace(b"\n", b" "),
    "all in one line, no name": stl_text("").replace(b"\n", b" "),
    "a line a facet": stl_text().replace(b"\n", b" ").replace(b"endfacet", b"endfacet\n"),
    "normals that are none": re.sub(rb"normal .*", b"normal nan nan -nan(ind)", stl_text()),
    "8-bit name": stl_text("St\u00fchl").decode().encode("latin-1"),
}


@pytest.mark.parametrize("name", STL)
def test_stl(name: str) -> None:
    is_chair(mesh_reader.read(STL[name], ".stl"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (stl_binary(count=18), "18 triangles, but there are 36"),
        (stl_binary(count=0), "0 triangles, but there are 36"),
        (stl_binary(count=18, scale=7), "18 triangles, but there are 36"),
        (stl_binary(count=0, scale=7), "0 triangles, but there are 36"),
        (stl_quads(), "more than three corners"),
        (stl_text().replace(b".", b","), "'0,000000e[+]00' is no number"),
        (stl_binary(count=40), "should hold 40 triangles but is cut off after 36"),
        (stl_binary()[:-1], "should hold 36 triangles but is cut off after 35"),
        (stl_text()[:-400], "is cut off"),
        (_halves()[:-300], "is cut off"),
        (stl_text().replace(b"vertex 0.0", b"vertex zero", 1), "no number"),
    ],
)
def test_stl_that_lies_is_refused_with_both_numbers(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mesh_reader.read(data, ".stl")


# --- PLY ---------------------------------------------------------------------------------------

PLY_FACES: dict[str, list[list[int]]] = {
    "triangles": TRIANGLES.tolist(),
    "quads": QUADS.tolist(),
    "mixed": [
        *QUADS[:9].tolist(),
        *QUADS[9:][:, [0, 1, 2]].tolist(),
        *QUADS[9:][:, [0, 2, 3]].tolist(),
    ],
}


def ply(
    order: str,
    faces: list[list[int]],
    end: str = "\n",
    index: str = "vertex_indices",
    size: str = "uchar",
    kind: str = "int",
    extra: bool = False,
    points: np.ndarray = POINTS,
    coordinate: str = "float",
) -> bytes:
    names = {"uchar": "B", "int": "i", "uint": "I", "float": "f", "double": "d", "ushort": "H"}
    names |= {"uint8": "B", "int32": "i", "uint32": "I", "float32": "f", "float64": "d"}
    lines = ["ply", f"format {order} 1.0", "comment made here", f"element vertex {len(points)}"]
    lines += [f"property {coordinate} {axis}" for axis in "xyz"]
    lines += ["property uchar red", "element edge 1", "property int vertex1"] if extra else []
    lines += [f"element face {len(faces)}", f"property list {size} {kind} {index}"]
    lines += ["property float quality"] if extra else []
    out = end.join([*lines, "end_header", ""]).encode()
    if order == "ascii":
        rows = [" ".join(map(str, [*p, *([7] if extra else [])])) for p in points.tolist()]
        rows += ["3"] if extra else []
        rows += [" ".join(map(str, [len(f), *f, *([0.5] if extra else [])])) for f in faces]
        return out + end.join([*rows, ""]).encode()
    mark = "<" if "little" in order else ">"
    for p in points:
        out += struct.pack(mark + 3 * names[coordinate], *p) + (b"\7" if extra else b"")
    out += struct.pack(mark + "i", 3) if extra else b""
    for f in faces:
        out += struct.pack(f"{mark}{names[size]}{len(f)}{names[kind]}", len(f), *f)
        out += struct.pack(mark + "f", 0.5) if extra else b""
    return out


ORDERS = ("ascii", "binary_little_endian", "binary_big_endian")
PLY = {
    f"{order} {which} {name}": ply(order, faces, **options)
    for order in ORDERS
    for which, faces in PLY_FACES.items()
    for name, options in {
        "plain": {},
        "CRLF": {"end": "\r\n"},
        "vertex_index": {"index": "vertex_index"},
        "uint": {"size": "uint32", "kind": "uint32", "coordinate": "float64"},
        "more properties": {"extra": True},
    }.items()
}


@pytest.mark.parametrize("name", PLY)
def test_ply(name: str) -> None:
    is_chair(mesh_reader.read(PLY[name], ".ply"))


@pytest.mark.parametrize("order", ORDERS)
def test_ply_with_concave_polygons_and_strips(order: str) -> None:
    is_prism(mesh_reader.read(ply(order, PRISM_FACES, points=PRISM_POINTS), ".ply"))
    strip = [k for a, b, c, d in QUADS.tolist() for k in (a, b, d, c, -1)]
    one = ply(order, [strip], size="int").replace(b"element face 1", b"element tristrips 1")
    is_chair(mesh_reader.read(one, ".ply"))
    each = [[a, b, d, c] for a, b, c, d in QUADS.tolist()]
    many = ply(order, each).replace(b"element face 18", b"element tristrips 18")
    is_chair(mesh_reader.read(many, ".ply"))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("uneven", [False, True])
def test_ply_whose_points_have_lists_of_their_own(order: str, uneven: bool) -> None:
    near = [[7, 8][: 1 + (k % 2 if uneven else 1)] for k in range(len(POINTS))]
    is_chair(mesh_reader.read(with_lists(order, near), ".ply"))


def with_lists(order: str, near: list[list[int]]) -> bytes:
    """A PLY with a list of whole numbers behind the coordinates of each point."""
    head, faces = ply(order, TRIANGLES.tolist(), points=POINTS[:0]).split(b"end_header\n")
    head = head.replace(b"vertex 0", b"vertex %d" % len(POINTS))
    head = head.replace(b"float z\n", b"float z\nproperty list uchar short near\n")
    if order == "ascii":
        rows = [[*p, len(own), *own] for p, own in zip(POINTS.tolist(), near, strict=True)]
        points = "".join(" ".join(map(str, row)) + "\n" for row in rows).encode()
    else:
        mark = "<" if "little" in order else ">"
        points = b"".join(
            struct.pack(f"{mark}3fB{len(own)}h", *p, len(own), *own)
            for p, own in zip(POINTS, near, strict=True)
        )
    return head + b"end_header\n" + points + faces


def test_a_number_that_looks_like_a_line_end_is_one() -> None:
    points = POINTS.copy()
    points[points == 0] = np.frombuffer(b"\x0a\0\0\0", "<f4")[0]  # next to nothing
    for end in ("\r", "\n", "\r\n"):
        is_chair(mesh_reader.read(ply(ORDERS[1], QUADS.tolist(), end, points=points), ".ply"))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("which", PLY_FACES)
def test_a_ply_with_more_than_it_says_is_refused(order: str, which: str) -> None:
    data = ply(order, PLY_FACES[which])
    count = len(PLY_FACES[which])
    fewer = data.replace(b"face %d" % count, b"face %d" % (count // 2))
    with pytest.raises(InputError, match=rf"more than it says .*{count // 2} of 'face'"):
        mesh_reader.read(fewer, ".ply")
    is_chair(mesh_reader.read(data + b"\r\n", ".ply"))


@pytest.mark.parametrize("length", [b"3.0", b"-3", b"x"])
def test_a_ply_whose_lists_have_no_length_is_refused(length: bytes) -> None:
    row = b" ".join(b"%d" % corner for corner in TRIANGLES[0])
    data = ply("ascii", TRIANGLES.tolist()).replace(b"\n3 " + row, b"\n" + length + b" " + row)
    with pytest.raises(InputError, match="does not begin with its length"):
        mesh_reader.read(data, ".ply")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("which", PLY_FACES)
def test_a_cut_ply_is_refused_with_both_numbers(order: str, which: str) -> None:
    data = ply(order, PLY_FACES[which])
    count = len(PLY_FACES[which])
    cut = data.rstrip().rpartition(b"\n")[0] if order == "ascii" else data[:-4]
    with pytest.raises(InputError, match=rf"{count} of 'face' but is cut off after {count - 1}"):
        mesh_reader.read(cut, ".ply")


# --- OFF ---------------------------------------------------------------------------------------


def off(
    head: str = "OFF\n", sep: str = "\n", extra: str = "", colour: str = "", faces: Any = None
) -> bytes:
    faces = QUADS.tolist() if faces is None else faces
    rows = [f"{len(POINTS)} {len(faces)} 0"] + [
        " ".join(map(str, p)) + extra for p in POINTS.tolist()
    ]
    rows += [" ".join(map(str, [len(f), *f])) + colour for f in faces]
    return (head + sep.join([*rows, ""])).encode()


def off_binary(letters: bytes = b"", more: int = 0, end: bytes = b"\n") -> bytes:
    """With so many more numbers a point, which the letters before OFF announce."""
    out = letters + b"OFF BINARY" + end + struct.pack(">3i", len(POINTS), len(QUADS), 0)
    out += np.pad(POINTS, ((0, 0), (0, more)), constant_values=0.5).astype(">f4").tobytes()
    for k, quad in enumerate(QUADS.tolist()):
        out += struct.pack(">5i", 4, *quad) + (
            struct.pack(">i3f", 3, 0, 0, 1) if k % 2 else struct.pack(">i", 0)
        )
    return out


OFF = {
    f"{head!r} {name}": off(head, **options)
    for head in ("OFF\n", "off\n", "Off ", "OFF", "OFF\r\n", "", "# made\n\nOFF # head\n")
    for name, options in {
        "lines": {},
        "CRLF": {"sep": "\r\n"},
        "blank lines": {"sep": "\n\n"},
        "one line": {"sep": " "},
        "face colours": {"colour": "  3 255 0 0"},
        "triangles": {"faces": TRIANGLES.tolist()},
    }.items()
} | {
    "COFF": off("COFF\n", extra=" 255 0 0 255"),
    "NOFF": off("NOFF\n", extra=" 0 0 1"),
    "CNOFF": off("CNOFF\n", extra=" 0 0 1 1 0 0 1"),
    "binary": off_binary(),
    "binary CRLF": off_binary(end=b"\r\n"),
    "no edges": off().replace(b"24 18 0", b"24 18"),
    **{
        f"{letters} {name}": made
        for letters, more in {"N": 3, "C": 4, "ST": 2, "STCN": 9, "CN": 7}.items()
        for name, made in {
            "in one line": off(f"{letters}OFF ", sep=" ", extra=" 0.5" * more),
            "binary": off_binary(letters.encode(), more),
        }.items()
    },
    "three colours in one line": off("COFF ", sep=" ", extra=" 0 0 1"),
}


@pytest.mark.parametrize("name", OFF)
def test_off(name: str) -> None:
    is_chair(mesh_reader.read(OFF[name], ".off"))


@pytest.mark.parametrize("data", [off()[:-40], off(sep=" ")[:-9], off_binary()[:-30]])
def test_a_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"cut off|less than it says|fewer corners"):
        mesh_reader.read(data, ".off")


@pytest.mark.parametrize(
    "data",
    [
        off().replace(b"24 18", b"24 9"),
        off(sep=" ").replace(b"24 18", b"24 9"),
        off("NOFF ", sep=" ", extra=" 0 0 1").replace(b"24 18", b"24 9"),
        off_binary().replace(struct.pack(">3i", 24, 18, 0), struct.pack(">3i", 24, 9, 0)),
    ],
)
def test_an_off_with_more_than_it_says_is_refused_with_both_numbers(data: bytes) -> None:
    with pytest.raises(InputError, match=r"more than it says: 24 points and 9 .* 24 and 18"):
        mesh_reader.read(data, ".off")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"nOFF\n3\n" + off("").lstrip(), "other dimensions"),
        (off("4OFF\n", extra=" 1"), "other dimensions"),
        (off_binary(b"4", 1), "other dimensions"),
    ],
)
def test_an_off_of_other_dimensions_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mesh_reader.read(data, ".off")


def test_an_obj_with_curved_surfaces_is_refused() -> None:
    patch = b"cstype bezier\ndeg 1 1\nsurf 0 1 0 1 1 2 3 4\nparm u 0 1\nparm v 0 1\nend\n"
    with pytest.raises(InputError, match="curved surfaces"):
        mesh_reader.read(obj() + patch, ".obj")


def test_the_matrix_is_wide() -> None:
    for made in (OBJ, STL, PLY, OFF):
        assert len(made) >= 40
