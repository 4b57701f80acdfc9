"""GLB (binary glTF 2.0): metres and y up, as its specification asks."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh.recipe_lines import RECIPE
from shapelab.core.mesh.tri_mesh import TriMesh, vertex_normals

_MM_PER_METRE = 1000.0
_GLTF, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_FLOAT, _UINT = 5126, 5125
_VERTEX_BUFFER, _INDEX_BUFFER = 34962, 34963


def write_glb(mesh: TriMesh, recipe: str = "") -> bytes:
    """The mesh (mm, z up) as GLB (m, y up) with normals and one grey material."""
    normals = vertex_normals(mesh) if mesh.normals is None else mesh.normals
    places = _y_up(mesh.vertices.astype(np.float64) / _MM_PER_METRE)
    chunks = [
        places.astype("<f4").tobytes(),
        _y_up(normals).astype("<f4").tobytes(),
        mesh.faces.astype("<u4").tobytes(),
    ]
    document = _document(places.astype(np.float32), len(mesh.faces), [len(c) for c in chunks])
    if recipe:
        document["asset"]["extras"] = {RECIPE: recipe}
    # Padded to four bytes: JSON by spaces; the binary chunk is a multiple of four already.
    text = json.dumps(document, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 4)
    binary = b"".join(chunks)
    total = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        [
            struct.pack("<III", _GLTF, 2, total),
            struct.pack("<II", len(text), _JSON),
            text,
            struct.pack("<II", len(binary), _BIN),
            binary,
        ]
    )


def _y_up(values: NDArray[Any]) -> NDArray[Any]:
    return np.stack([values[:, 0], values[:, 2], -values[:, 1]], axis=1)


def _document(places: NDArray[np.float32], triangles: int, sizes: list[int]) -> dict[str, Any]:
    starts = [0, sizes[0], sizes[0] + sizes[1]]
    targets = [_VERTEX_BUFFER, _VERTEX_BUFFER, _INDEX_BUFFER]
    vector = {"componentType": _FLOAT, "count": len(places), "type": "VEC3"}
    bounds = {"min": places.min(axis=0).tolist(), "max": places.max(axis=0).tolist()}
    return {
        "asset": {"version": "2.0", "generator": "ShapeLab"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "shape"}],
        "meshes": [
            {
                "primitives": [
                    {"attributes": {"POSITION": 0, "NORMAL": 1}, "indices": 2, "material": 0}
                ]
            }
        ],
        "materials": [
            {
                "pbrMetallicRoughness": {
                    "baseColorFactor": [0.8, 0.8, 0.8, 1.0],
                    "metallicFactor": 0.0,
                    "roughnessFactor": 0.7,
                }
            }
        ],
        "accessors": [
            {"bufferView": 0, **vector, **bounds},
            {"bufferView": 1, **vector},
            {
                "bufferView": 2,
                "componentType": _UINT,
                "count": 3 * triangles,
                "type": "SCALAR",
            },
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": size, "target": target}
            for start, size, target in zip(starts, sizes, targets, strict=True)
        ],
        "buffers": [{"byteLength": sum(sizes)}],
    }
