"""glTF in every way that its writers know is read as it is, or refused by name."""

from __future__ import annotations

import base64
import io
import itertools
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mesh_variants import (
    POINTS,
    QUADS,
    TRIANGLES,
    TURN,
    is_chair,
    outwards,
    rotation,
)

from shapelab.core.errors import InputError
from shapelab.core.inputs import mesh_reader
from shapelab.core.inputs.mesh_files.gltf_buffers import names_beside


class Made:
    """A glTF document under construction."""

    def __init__(self) -> None:
        self.binary = b""
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [],
            "accessors": [],
            "bufferViews": [],
        }

    def view(self, data: bytes, stride: int = 0) -> int:
        self.binary += bytes(-len(self.binary) % 4)
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)}
        self.document["bufferViews"].append(view | ({"byteStride": stride} if stride else {}))
        self.binary += data
        return len(self.document["bufferViews"]) - 1

    def accessor(self, values: np.ndarray, kind: str, component: int, **more: Any) -> int:
        codes = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
        view = self.view(values.astype(codes[component]).tobytes())
        return self.add(view, len(values), kind, component, **more)

    def add(self, view: int | None, count: int, kind: str, component: int, **more: Any) -> int:
        made: dict[str, Any] = {"count": count, "type": kind, "componentType": component, **more}
        if view is not None:
            made["bufferView"] = view
        self.document["accessors"].append(made)
        return len(self.document["accessors"]) - 1

    def mesh(self, *primitives: dict[str, Any]) -> None:
        self.document["meshes"].append({"primitives": list(primitives)})

    def glb(self) -> bytes:
        self.document["buffers"] = [{"byteLength": len(self.binary)}]
        text = json.dumps(self.document).encode()
        text += b" " * (-len(text) % 4)
        binary = self.binary + bytes(-len(self.binary) % 4)
        total = 28 + len(text) + len(binary)
        return (
            struct.pack("<III", 0x46546C67, 2, total)
            + struct.pack("<II", len(text), 0x4E4F534A)
            + text
            + struct.pack("<II", len(binary), 0x004E4942)
            + binary
        )

    def gltf(self, head: str) -> bytes:
        body = base64.b64encode(self.binary).decode()
        if "%" in head:
            body = "".join(f"%{byte:02x}" for byte in self.binary)
            head = head.replace("%", "")
        self.document["buffers"] = [{"byteLength": len(self.binary), "uri": head + body}]
        return json.dumps(self.document).encode()


Y_UP = np.stack([POINTS[:, 0], POINTS[:, 2], -POINTS[:, 1]], 1)


def plain(points: np.ndarray = Y_UP, indices: int | None = 5123, mode: int | None = None) -> Made:
    made = Made()
    if indices is None:
        primitive = {
            "attributes": {
                "POSITION": made.accessor(points[TRIANGLES].reshape(-1, 3), "VEC3", 5126)
            }
        }
    else:
        position = made.accessor(points, "VEC3", 5126)
        corners = made.accessor(TRIANGLES.reshape(-1, 1), "SCALAR", indices)
        primitive = {"attributes": {"POSITION": position}, "indices": corners}
    made.mesh(primitive | ({} if mode is None else {"mode": mode}))
    return made


def cut(mode: int, indexed: bool) -> Made:
    """Each quad as a strip or a fan of its own."""
    made = Made()
    order = [0, 1, 3, 2] if mode == 5 else [0, 1, 2, 3]
    position = made.accessor(Y_UP, "VEC3", 5126) if indexed else -1
    primitives = []
    for quad in QUADS:
        corners = quad[order]
        if indexed:
            index = made.accessor(corners[:, None], "SCALAR", 5121)
            primitives.append(
                {"attributes": {"POSITION": position}, "indices": index, "mode": mode}
            )
        else:
            own = made.accessor(Y_UP[corners], "VEC3", 5126)
            primitives.append({"attributes": {"POSITION": own}, "mode": mode})
    made.mesh(*primitives)
    return made


def sparse(base: bool) -> Made:
    made = plain()
    accessor = made.document["accessors"][0]
    moved = Y_UP.copy()
    rows = np.arange(24) if not base else np.array([3, 9, 23])
    moved[rows] += 5
    if base:
        made.binary = bytearray(made.binary)  # type: ignore[assignment]
        made.binary[: 24 * 12] = moved.astype("<f4").tobytes()  # type: ignore[index]
        made.binary = bytes(made.binary)
    else:
        del accessor["bufferView"]
    accessor["sparse"] = {
        "count": len(rows),
        "indices": {"bufferView": made.view(rows.astype("<u2").tobytes()), "componentType": 5123},
        "values": {"bufferView": made.view(Y_UP[rows].astype("<f4").tobytes())},
    }
    return made


def quantised(component: int, normalized: bool) -> Made:
    """Whole numbers in a box that the node scales back."""
    made = Made()
    top = {5120: 127, 5121: 255, 5122: 32767, 5123: 65535}[component]
    steps = np.rint((Y_UP - Y_UP.min(0)) * 14)  # whole in any kind: 126 is the largest
    scale = 1 / 14 * (top if normalized else 1)
    position = made.accessor(steps, "VEC3", component, normalized=normalized)
    corners = made.accessor(TRIANGLES.reshape(-1, 1), "SCALAR", 5121)
    made.mesh({"attributes": {"POSITION": position}, "indices": corners})
    made.document["nodes"][0]["scale"] = [scale] * 3
    made.document["extensionsRequired"] = ["KHR_mesh_quantization"]
    return made


def interleaved() -> Made:
    made = Made()
    rows = np.concatenate([Y_UP, np.zeros((24, 3))], 1).astype("<f4").tobytes()
    position = made.add(made.view(rows, 24), 24, "VEC3", 5126)
    corners = made.accessor(TRIANGLES.reshape(-1, 1), "SCALAR", 5123)
    made.mesh({"attributes": {"POSITION": position}, "indices": corners})
    return made


def placed(**node: Any) -> Made:
    """The file's points are where the node's place brings them to the chair."""
    matrix = np.eye(4)
    if "matrix" in node:
        matrix = np.array(node["matrix"], float).reshape(4, 4).T
    else:
        matrix[:3, :3] = rotation(node.get("rotation", (0, 0, 0, 1))) * node.get("scale", (1, 1, 1))
        matrix[:3, 3] = node.get("translation", (0, 0, 0))
    back = np.linalg.inv(matrix)
    made = plain(Y_UP @ back[:3, :3].T + back[:3, 3])
    if np.linalg.det(matrix) < 0:  # stored wound inwards, as the mirror turns it
        index = made.accessor(TRIANGLES[:, ::-1].reshape(-1, 1), "SCALAR", 5123)
        made.document["meshes"][0]["primitives"][0]["indices"] = index
    made.document["nodes"][0] |= node
    return made


def below(made: Made, **parent: Any) -> Made:
    made.document["nodes"].append({"children": [0], **parent})
    made.document["scenes"] = [{"nodes": [1]}]
    return made


def boxes_by_nodes(mirrored: bool) -> Made:
    """One unit cube and three nodes that make a box of it each."""
    made = Made()
    cube = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))
    quads = outwards(cube)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    position = made.accessor(cube, "VEC3", 5126)
    corners = made.accessor(faces.reshape(-1, 1), "SCALAR", 5121)
    made.mesh({"attributes": {"POSITION": position}, "indices": corners})
    nodes: list[dict[str, Any]] = []
    for block in range(3):
        own = Y_UP[8 * block : 8 * block + 8]
        sides = own.max(0) - own.min(0)
        sides[block] *= -1 if mirrored else 1
        nodes.append(
            {
                "mesh": 0,
                "translation": ((own.max(0) + own.min(0)) / 2).tolist(),
                "scale": sides.tolist(),
            }
        )
    made.document["nodes"], made.document["scenes"] = nodes, [{"nodes": [0, 1, 2]}]
    return made


def instanced() -> Made:
    made = boxes_by_nodes(False)
    nodes = made.document["nodes"]
    moves = np.array([node["translation"] for node in nodes])
    scales = np.array([node["scale"] for node in nodes])
    scales[:, [0, 2]] = scales[:, [2, 0]]  # a quarter turn about y brings them back
    turns = np.tile([0, np.sqrt(0.5), 0, np.sqrt(0.5)], (3, 1))
    named = {
        "TRANSLATION": made.accessor(moves, "VEC3", 5126),
        "SCALE": made.accessor(scales, "VEC3", 5126),
        "ROTATION": made.accessor(np.rint(turns * 32767), "VEC4", 5122, normalized=True),
    }
    made.document["nodes"] = [
        {"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": named}}}
    ]
    made.document["scenes"] = [{"nodes": [0]}]
    made.document["extensionsRequired"] = ["EXT_mesh_gpu_instancing"]
    return made


def skinned() -> Made:
    """Points ten times too large, which the bind matrix takes back; the node is elsewhere."""
    made = plain(Y_UP * 10)
    bind = np.diag([0.1, 0.1, 0.1, 1.0])
    attributes = made.document["meshes"][0]["primitives"][0]["attributes"]
    attributes["JOINTS_0"] = made.accessor(np.zeros((24, 4)), "VEC4", 5121)
    attributes["WEIGHTS_0"] = made.accessor(np.tile([1, 0, 0, 0], (24, 1)), "VEC4", 5126)
    inverse = made.accessor(bind.T.reshape(1, 16), "MAT4", 5126)
    made.document["skins"] = [{"joints": [1], "inverseBindMatrices": inverse}]
    made.document["nodes"] = [
        {"mesh": 0, "skin": 0, "translation": [50, 0, 0], "scale": [3, 1, 1]},
        {"rotation": [0, 0, 0, 1]},
    ]
    made.document["scenes"] = [{"nodes": [0, 1]}]
    return made


def skinned_by(joint: dict[str, Any], points: np.ndarray, outside: bool = True) -> Made:
    """All points follow one joint, which may stand below a node outside the scene."""
    made = plain(points)
    attributes = made.document["meshes"][0]["primitives"][0]["attributes"]
    attributes["JOINTS_0"] = made.accessor(np.zeros((24, 4)), "VEC4", 5121)
    attributes["WEIGHTS_0"] = made.accessor(np.tile([1, 0, 0, 0], (24, 1)), "VEC4", 5126)
    made.document["skins"] = [{"joints": [2]}]
    made.document["nodes"] = [{"mesh": 0, "skin": 0}, {"scale": [2, 2, 2], "children": [2]}, joint]
    made.document["scenes"] = [{"nodes": [0] if outside else [0, 1]}]
    return made


def mirrored_joint() -> Made:
    made = skinned_by({"scale": [-1, 1, 1]}, Y_UP * (-0.5, 0.5, 0.5), outside=False)
    index = made.accessor(TRIANGLES[:, ::-1].reshape(-1, 1), "SCALAR", 5123)
    made.document["meshes"][0]["primitives"][0]["indices"] = index
    return made


def morphed() -> Made:
    made = plain(Y_UP - 1)
    target = made.accessor(np.full((24, 3), 2.0), "VEC3", 5126)
    made.document["meshes"][0]["primitives"][0]["targets"] = [{"POSITION": target}]
    made.document["meshes"][0]["weights"] = [0.5]
    return made


def changed(make: Callable[[], Made], **document: Any) -> Made:
    made = make()
    made.document |= document
    return made


def without(*keys: str) -> Made:
    made = plain()
    for key in keys:
        made.document.pop(key, None)
    return made


GLTF: dict[str, Made] = {
    **{f"indices {code}": plain(indices=code) for code in (5121, 5123, 5125)},
    "no indices": plain(indices=None),
    "mode said": plain(mode=4),
    **{
        f"mode {mode} {indexed}": cut(mode, indexed) for mode in (5, 6) for indexed in (True, False)
    },
    "sparse over zeros": sparse(False),
    "sparse over numbers": sparse(True),
    **{
        f"quantised {code} {n}": quantised(code, n)
        for code in (5120, 5121, 5122, 5123)
        for n in (True, False)
    },
    "interleaved": interleaved(),
    "moved": placed(translation=[7, 8, 9]),
    "turned": placed(rotation=TURN),
    "scaled": placed(scale=[2, 3, 4]),
    "mirrored": placed(scale=[-1, 1, 1]),
    "mirrored twice": placed(scale=[-1, -2, 1]),
    "all at once": placed(translation=[1, 2, 3], rotation=TURN, scale=[2, -2, 2]),
    "matrix": placed(matrix=[0, 2, 0, 0, -2, 0, 0, 0, 0, 0, 2, 0, 5, 6, 7, 1]),
    "mirror matrix": placed(matrix=[-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
    "below a parent": below(placed(translation=[1, 2, 3]), translation=[4, 5, 6]),
    "below a camera": below(plain(), camera=0),
    "mesh and camera": changed(
        plain, nodes=[{"mesh": 0, "camera": 0}], cameras=[{"type": "perspective"}]
    ),
    "boxes": boxes_by_nodes(False),
    "mirrored boxes": boxes_by_nodes(True),
    "instances": instanced(),
    "skin": skinned(),
    "morph": morphed(),
    "no scene chosen": without("scene"),
    "no scenes": without("scene", "scenes"),
    "another scene": changed(
        plain, nodes=[{"mesh": 0}, {}], scenes=[{"nodes": [1]}, {"nodes": [0]}], scene=1
    ),
    "unused node": changed(plain, nodes=[{"mesh": 0}, {"mesh": 0, "scale": [9, 9, 9]}]),
    "hidden node": changed(
        plain,
        nodes=[
            {"mesh": 0},
            {
                "mesh": 0,
                "scale": [9, 9, 9],
                "extensions": {"KHR_node_visibility": {"visible": False}},
            },
        ],
        scenes=[{"nodes": [0, 1]}],
    ),
    "joint outside the scene": skinned_by({"translation": [5, 0, 0]}, Y_UP / 2),
    "joint in the scene": skinned_by({}, Y_UP / 2, outside=False),
    "mirrored joint": mirrored_joint(),
    "manifold required": changed(plain, extensionsRequired=["EXT_mesh_manifold"]),
    "looks required": changed(
        plain, extensionsRequired=["KHR_materials_unlit", "KHR_texture_transform"]
    ),
    "unknown extension used": changed(plain, extensionsUsed=["ACME_thing"]),
    "minor version": changed(plain, asset={"version": "2.1", "minVersion": "2.0"}),
}
HEADS = (
    "data:application/octet-stream;base64,",
    "data:application/gltf-buffer;base64,",
    "data:;base64,",
    "data:base64;base64,",
    "data:application/octet-stream;charset=utf-8;BASE64,",
    "DATA:application/octet-stream; base64,",
    "data:application/octet-stream,%",
)


@pytest.mark.parametrize("name", GLTF)
def test_glb(name: str) -> None:
    is_chair(mesh_reader.read(GLTF[name].glb(), ".glb"), y_up=True)


@pytest.mark.parametrize("head", HEADS)
def test_gltf_with_data_of_any_head(head: str) -> None:
    is_chair(mesh_reader.read(plain().gltf(head), ".gltf"), y_up=True)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ('"chair.bin"', "chair.bin"),
        ('"./chair.bin"', "chair.bin"),
        (r'"parts\/chair.bin"', "parts/chair.bin"),
        (r'"parts\\chair.bin"', "parts/chair.bin"),
        ('"parts/chair.bin"', "parts/chair.bin"),
        ('"st\u00fchl.bin"', "st\u00fchl.bin"),
        (r'"st\u00fchl.bin"', "st\u00fchl.bin"),
        ('"st%C3%BChl%20a.bin"', "st\u00fchl a.bin"),
        ('"my chair.bin"', "my chair.bin"),
    ],
)
def test_a_file_beside_is_found_however_it_is_written(uri: str, name: str) -> None:
    made = plain()
    made.document["buffers"] = [{"byteLength": len(made.binary), "uri": "@"}]
    text = json.dumps(made.document).replace('"@"', uri).encode()
    assert names_beside(text) == [name]
    is_chair(mesh_reader.read(text, ".gltf", {name: made.binary}), y_up=True)


@pytest.mark.parametrize(
    "uri", ["../a.bin", "..\\\\a.bin", "/a.bin", "C:\\\\a.bin", "a//b", "http://a/b"]
)
def test_no_file_elsewhere_is_asked_for(uri: str) -> None:
    assert names_beside(f'{{"uri": "{uri}"}}'.encode()) == []


def test_a_glb_filled_up_with_nulls_is_read() -> None:
    data = plain().glb()
    size = int.from_bytes(data[12:16], "little")
    text = data[20 : 20 + size] + bytes(8)
    head = struct.pack("<IIIII", 0x46546C67, 2, len(data) + 8, size + 8, 0x4E4F534A)
    is_chair(mesh_reader.read(head + text + data[20 + size :], ".glb"), y_up=True)


@pytest.mark.parametrize("name", ["EXT_meshopt_compression", "KHR_meshopt_compression"])
def test_what_is_only_there_compressed_is_refused_by_name(name: str) -> None:
    made = plain()
    for view in made.document["bufferViews"]:
        view |= {"buffer": 1, "extensions": {name: {"buffer": 0}}}
    data = made.glb()  # whose first buffer is the compressed one
    fallback = {"byteLength": len(made.binary), "extensions": {name: {"fallback": True}}}
    made.document["buffers"] += [fallback]
    text = json.dumps(made.document).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<III", 0x46546C67, 2, 20 + len(text)) + struct.pack(
        "<II", len(text), 0x4E4F534A
    )
    assert len(data) > len(text)
    with pytest.raises(InputError, match=name):
        mesh_reader.read(head + text, ".glb")


@pytest.mark.parametrize(
    "name",
    [
        "indices 5123",
        "no indices",
        "moved",
        "turned",
        "scaled",
        "matrix",
        "below a parent",
        "boxes",
    ],
)
def test_trimesh_says_the_same_of_plain_glbs(name: str) -> None:
    import trimesh

    data = GLTF[name].glb()
    theirs = trimesh.load(io.BytesIO(data), file_type="glb", process=False).to_geometry()
    mine = mesh_reader.read(data, ".glb")
    np.testing.assert_allclose(theirs.extents, mine.extents, rtol=1e-5)
    assert theirs.volume == pytest.approx(mine.volume, rel=1e-5)


@pytest.mark.parametrize(
    "extension", ["KHR_draco_mesh_compression", "EXT_meshopt_compression", "ACME_curved_space"]
)
def test_an_extension_that_moves_points_is_refused_by_name(extension: str) -> None:
    with pytest.raises(InputError, match=f"needs the extension '{extension}'"):
        mesh_reader.read(changed(plain, extensionsRequired=[extension]).glb(), ".glb")


def test_circles_and_cut_offs_are_refused() -> None:
    for data, words in (
        (changed(plain, nodes=[{"mesh": 0, "children": [0]}]).glb(), "circle"),
        (plain().glb()[:-40], "cut off"),
        (changed(plain, asset={"version": "1.0"}).glb(), "version 2"),
        (
            changed(
                plain, accessors=[{"count": 10**15, "type": "VEC3", "componentType": 5126}] * 2
            ).glb(),
            "claims",
        ),
    ):
        with pytest.raises(InputError, match=words):
            mesh_reader.read(data, ".glb")


def test_the_matrix_is_wide() -> None:
    assert len(GLTF) + len(HEADS) >= 40
