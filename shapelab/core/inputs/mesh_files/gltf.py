"""glTF 2.0 and GLB: scenes of nodes with meshes, instances and skins; in metres, y up.

Written from the specification (Khronos, glTF 2.0.1). Extensions that change where points lie are
read or refused by their names; materials, cameras, lights and animations are passed over.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files.gltf_buffers import GltfBuffers
from shapelab.core.inputs.mesh_files.pieces import MeshPieces
from shapelab.core.inputs.mesh_files.polygons import strip
from shapelab.core.mesh.recipe_lines import RECIPE, sound_recipe

Matrix = NDArray[np.float64]

_JSON, _BIN = 0x4E4F534A, 0x004E4942
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_INSTANCING = "EXT_mesh_gpu_instancing"
_DRACO = "KHR_draco_mesh_compression"
_READ = {"KHR_mesh_quantization", _INSTANCING, "KHR_node_visibility", "EXT_mesh_manifold"}
# These say how a surface looks or how a scene is lit, not where it is.
_LOOKS = (
    "KHR_materials_",
    "KHR_texture_",
    "KHR_techniques_webgl",
    "KHR_lights_",
    "KHR_xmp",
    "KHR_audio",
    "KHR_animation_",
    "EXT_texture_",
    "EXT_lights_",
    "MSFT_texture_",
    "MSFT_packing_",
    "ADOBE_materials_",
)
MAX_NODES = 100_000
_CIRCLE = "The glTF file's nodes run in a circle or are too many."


def read_gltf(data: bytes, beside: Mapping[str, bytes]) -> MeshPieces:
    """Reads a .glb or .gltf file; ``beside`` holds the files of its folder that it names.

    Raises:
        InputError: it cannot be read, or needs an extension or a file that is not there.
    """
    text, chunk = _chunks(data)
    try:
        document = json.loads(text.rstrip(b"\0"))  # with which some fill up the part
    except (ValueError, RecursionError):
        raise InputError("The glTF file's JSON is damaged; please export it again.") from None
    if not isinstance(document, dict) or not str(document.get("asset", {}).get("version", "")):
        raise InputError("The glTF file does not say its version; it is damaged.")
    if not str(document["asset"]["version"]).startswith("2"):
        raise InputError("The glTF file is not of version 2; please export it again.")
    for name in document.get("extensionsRequired", ()):
        if name not in _READ and not str(name).startswith(_LOOKS):
            raise _needs(str(name))
    scene = _Scene(document, GltfBuffers(document, chunk, beside))
    scene.gather()
    extras = document["asset"].get("extras")
    if isinstance(extras, dict):
        scene.pieces.recipe = sound_recipe(extras.get(RECIPE))
    return scene.pieces


def _needs(extension: str) -> InputError:
    return InputError(
        f"The glTF file needs the extension {extension[:60]!r}, which ShapeLab does not read; "
        "please export it without compression or extensions."
    )


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """The JSON text and, of a GLB, its binary chunk."""
    if data[:4] != b"glTF":
        return data.removeprefix(b"\xef\xbb\xbf"), None
    if len(data) < 20:
        raise InputError("The GLB file is cut off; please export it again.")
    _, version, total = struct.unpack_from("<III", data)
    if version != 2:
        raise InputError(f"The GLB file is of version {version}, not 2; please export it again.")
    if total > len(data):
        raise InputError(
            f"The GLB file should have {total} bytes but has {len(data)}, so it is cut off; "
            "please export it again."
        )
    at, text, chunk = 12, None, None
    while at + 8 <= total:
        size, kind = struct.unpack_from("<II", data, at)
        content = data[at + 8 : at + 8 + size]
        if kind == _JSON and text is None:
            text = content
        elif kind == _BIN and chunk is None:
            chunk = content
        at += 8 + size
    if text is None:
        raise InputError("The GLB file has no JSON part; it is damaged.")
    return text, chunk


class _Scene:
    """Gathers the triangles of a document's scene."""

    def __init__(self, document: dict[str, Any], buffers: GltfBuffers) -> None:
        self._document, self._buffers = document, buffers
        self._nodes: list[dict[str, Any]] = document.get("nodes", [])
        self._worlds: dict[int, Matrix] = {}
        # The specification says y up, which not all writers heed; our own does.
        ours = document["asset"].get("generator") == "ShapeLab"
        self.pieces = MeshPieces(unit="meter", up="y" if ours else None)

    def gather(self) -> None:
        for root in self._roots():
            self._place(root)
        hidden = self._hidden()
        for number, world in list(self._worlds.items()):
            node = self._nodes[number]
            if "mesh" in node and number not in hidden:
                self._add_mesh(node, world)

    def _roots(self) -> list[int]:
        """The default scene's nodes; without scenes the file is a library, and all count."""
        scenes = self._document.get("scenes") or []
        if scenes:
            return list(scenes[self._document.get("scene", 0)].get("nodes", []))
        children = {child for node in self._nodes for child in node.get("children", ())}
        return [number for number in range(len(self._nodes)) if number not in children]

    def _place(self, root: int) -> None:
        """Works out where a node and all below it stand."""
        waiting = [(root, np.eye(4))]
        while waiting:
            number, parent = waiting.pop()
            if number in self._worlds or len(self._worlds) > MAX_NODES:
                raise InputError(_CIRCLE)
            node = self._nodes[number]
            world = self._worlds[number] = parent @ _local(node)
            waiting += [(child, world) for child in node.get("children", ())]

    def _hidden(self) -> set[int]:
        """Nodes that KHR_node_visibility switches off, with all below them."""
        hidden = [
            number
            for number, node in enumerate(self._nodes)
            if node.get("extensions", {}).get("KHR_node_visibility", {}).get("visible", True)
            is False
        ]
        found: set[int] = set()
        while hidden:
            number = hidden.pop()
            if number not in found:
                found.add(number)
                hidden += self._nodes[number].get("children", ())
        return found

    def _add_mesh(self, node: dict[str, Any], world: Matrix) -> None:
        mesh = self._document["meshes"][node["mesh"]]
        weights = node.get("weights", mesh.get("weights", ()))
        instanced = node.get("extensions", {}).get(_INSTANCING)
        places = world[None] if instanced is None else world @ self._instances(instanced)
        for primitive in mesh["primitives"]:
            mode = primitive.get("mode", _TRIANGLES)
            if mode not in (_TRIANGLES, _STRIP, _FAN):
                continue  # points and lines have no surface
            points, faces = self._primitive(primitive, mode, weights)
            if "skin" in node:
                skinned, mirrored = self._skinned(points, primitive["attributes"], node["skin"])
                if mirrored.any():
                    turned = mirrored[faces].all(1, keepdims=True)
                    faces = np.where(turned, faces[:, ::-1], faces)
                self.pieces.add(skinned, faces)
                continue
            self.pieces.expect(len(faces) * len(places))
            for place in places:
                placed = points @ place[:3, :3].T + place[:3, 3]
                self.pieces.add(placed, faces, flipped=bool(np.linalg.det(place[:3, :3]) < 0))

    def _primitive(
        self, primitive: dict[str, Any], mode: int, weights: Any
    ) -> tuple[Matrix, NDArray[np.int64]]:
        buffers, attributes = self._buffers, primitive["attributes"]
        if _DRACO in primitive.get("extensions", {}):
            accessor = self._document["accessors"][attributes["POSITION"]]
            if "bufferView" not in accessor:
                raise _needs(_DRACO)
        points = buffers.accessor(attributes["POSITION"])
        for weight, target in zip(weights, primitive.get("targets", ()), strict=False):
            if weight and "POSITION" in target:
                points = points + weight * buffers.accessor(target["POSITION"])
        if "indices" in primitive:
            corners = buffers.accessor(primitive["indices"])[:, 0].astype(np.int64)
        else:
            corners = np.arange(len(points))
        self.pieces.expect(len(corners) // 3)
        if mode == _STRIP:
            return points, strip(corners)
        if mode == _FAN:
            first = np.full(max(len(corners) - 2, 0), corners[0] if len(corners) else 0)
            return points, np.stack([first, corners[1:-1], corners[2:]], 1)
        return points, corners[: len(corners) // 3 * 3].reshape(-1, 3)

    def _instances(self, extension: dict[str, Any]) -> Matrix:
        """(n, 4, 4), one for each instance, below the node's own place."""
        named = {
            name: self._buffers.accessor(number)
            for name, number in extension["attributes"].items()
            if name in ("TRANSLATION", "ROTATION", "SCALE")
        }
        count = max((len(values) for values in named.values()), default=1)
        still, upright, full = (np.zeros((count, 3)), np.eye(4)[[3] * count], np.ones((count, 3)))
        if count > MAX_NODES or any(len(values) != count for values in named.values()):
            raise InputError(
                "The glTF file's instances do not fit together; please export it again."
            )
        moves, turns = named.get("TRANSLATION", still), named.get("ROTATION", upright)
        rows = zip(moves, turns, named.get("SCALE", full), strict=True)
        return np.stack([_composed(move, turn, scale) for move, turn, scale in rows])

    def _world(self, number: int) -> Matrix:
        """Where a node stands, also one outside the scene."""
        way: list[int] = []
        above: int | None = number
        while above is not None and above not in self._worlds:
            way.append(above)
            above = self._parents.get(above)
            if len(way) > len(self._nodes):
                raise InputError(_CIRCLE)
        world = np.eye(4) if above is None else self._worlds[above]
        for each in reversed(way):
            world = self._worlds[each] = world @ _local(self._nodes[each])
        return world

    @cached_property
    def _parents(self) -> dict[int, int]:
        rows = enumerate(self._nodes)
        return {child: place for place, node in rows for child in node.get("children", ())}

    def _skinned(
        self, points: Matrix, attributes: dict[str, int], number: int
    ) -> tuple[Matrix, NDArray[np.bool_]]:
        """Points moved by their joints as these stand, and which the joints mirror.

        The node's own place does not count.
        """
        skin = self._document["skins"][number]
        joints = np.stack([self._world(joint) for joint in skin["joints"]])
        if "inverseBindMatrices" in skin:
            back = self._buffers.accessor(skin["inverseBindMatrices"])
            joints = joints @ back.reshape(-1, 4, 4).swapaxes(1, 2)[: len(joints)]
        sides = np.sign(np.linalg.det(joints[:, :3, :3]))
        moved, side = np.zeros_like(points), np.zeros(len(points))
        total = np.zeros((len(points), 1))
        for group in range(8):
            if f"JOINTS_{group}" not in attributes:
                break
            which = self._buffers.accessor(attributes[f"JOINTS_{group}"]).astype(np.int64)
            weights = self._buffers.accessor(attributes[f"WEIGHTS_{group}"])
            if len(which) and which.max() >= len(joints):
                raise InputError("The glTF file's skin names joints that it lacks.")
            for k in range(4):
                turned = np.einsum("nij,nj->ni", joints[which[:, k], :3, :3], points)
                moved += weights[:, k : k + 1] * (turned + joints[which[:, k], :3, 3])
                total += weights[:, k : k + 1]
                side += weights[:, k] * sides[which[:, k]]
        moved = np.where(total > 0, moved / np.where(total > 0, total, 1.0), points)
        return moved, side < 0


def _local(node: dict[str, Any]) -> Matrix:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    return _composed(
        np.array(node.get("translation", (0, 0, 0)), np.float64),
        np.array(node.get("rotation", (0, 0, 0, 1)), np.float64),
        np.array(node.get("scale", (1, 1, 1)), np.float64),
    )


def _composed(move: Matrix, turn: Matrix, scale: Matrix) -> Matrix:
    """Scaled, turned by a quaternion (x, y, z, w), moved."""
    x, y, z, w = turn / max(float(np.linalg.norm(turn)), 1e-12)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation * scale, move
    return matrix
