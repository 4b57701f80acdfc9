"""The numbers of a glTF file: buffers, views of them, and accessors, also sparse and normalised."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError

_KINDS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
MAX_COUNT = 16_000_000  # elements of an accessor
MAX_BESIDE = 16  # files that a .gltf may name
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".ktx2", ".dds", ".avif", ".gif", ".bmp")


def names_beside(data: bytes) -> list[str]:
    """The files in its own folder that a .gltf's text names, pictures left out; few at most.

    This looks at the text with a pattern alone, as it runs outside the child: whatever is odd
    is left to the child's reader, which finds it missing.
    """
    found = []
    for match in re.finditer(rb'"uri"\s*:\s*("(?:[^"\\]|\\.){1,1000}")', data):
        try:
            name = _beside(json.loads(match[1].decode("utf-8", "replace")))
        except ValueError:
            continue
        inside = not {"", ".", ".."} & set(name.split("/")) and not set(name) & set(":\0")
        if inside and not name.lower().endswith(_PICTURES) and name not in found:
            found.append(name)
    return found[:MAX_BESIDE]


class GltfBuffers:
    """Gives the accessors of a document as arrays."""

    def __init__(
        self, document: dict[str, Any], chunk: bytes | None, beside: Mapping[str, bytes]
    ) -> None:
        self._document, self._chunk, self._beside = document, chunk, beside
        self._buffers: dict[int, bytes] = {}
        self._read: dict[int, NDArray[np.float64]] = {}

    def accessor(self, number: int) -> NDArray[np.float64]:
        """(count, width) numbers; whole ones that are normalised come out in [-1, 1]."""
        if number not in self._read:
            self._read[number] = self._accessor(self._document["accessors"][number])
        return self._read[number]

    def _accessor(self, accessor: dict[str, Any]) -> NDArray[np.float64]:
        count, width = int(accessor["count"]), _WIDTHS[accessor["type"]]
        if not 0 <= count <= MAX_COUNT:
            raise InputError(
                f"The glTF file claims an array of {count:.3g} entries; it is damaged."
            )
        kind = np.dtype(_KINDS[accessor["componentType"]])
        if "bufferView" in accessor:
            start = accessor.get("byteOffset", 0)
            values = self._view(accessor["bufferView"], start, kind, count, width)
        else:
            values = np.zeros((count, width), kind)
        if "sparse" in accessor:
            values = self._replaced(values.copy(), accessor["sparse"])
        if accessor.get("normalized") and kind.kind in "iu":
            # Specification 3.11: both lowest numbers of a signed kind mean -1.
            return np.maximum(values.astype(np.float64) / np.iinfo(kind).max, -1.0)
        return values.astype(np.float64)

    def _replaced(self, values: NDArray[Any], sparse: dict[str, Any]) -> NDArray[Any]:
        """Values of which some are given anew."""
        count, places, given = int(sparse["count"]), sparse["indices"], sparse["values"]
        kind = np.dtype(_KINDS[places["componentType"]])
        where = self._view(places["bufferView"], places.get("byteOffset", 0), kind, count, 1)[:, 0]
        if len(where) and where.max() >= len(values):
            raise InputError("The glTF file replaces numbers that it lacks; it is damaged.")
        start = given.get("byteOffset", 0)
        width = values.shape[1]
        values[where] = self._view(given["bufferView"], start, values.dtype, count, width)
        return values

    def _view(
        self, number: int, start: int, kind: np.dtype[Any], count: int, width: int
    ) -> NDArray[Any]:
        view = self._document["bufferViews"][number]
        packed = [name for name in _MESHOPT if name in view.get("extensions", {})]
        data = self._buffer(view["buffer"], packed)
        size = kind.itemsize * width
        stride = int(view.get("byteStride") or size)
        first = int(view.get("byteOffset", 0)) + int(start)
        needed = first + (stride * (count - 1) + size if count else 0)
        end = int(view.get("byteOffset", 0)) + int(view["byteLength"])
        if min(first, stride, count) < 0 or needed > min(end, len(data)):
            raise InputError(
                "The glTF file's arrays reach beyond its data, so it is cut off or damaged; "
                "please export it again."
            )
        strides = (stride, kind.itemsize)
        return (
            np.ndarray((count, width), kind, data, first, strides)
            if count
            else np.zeros((0, width), kind)
        )

    def _buffer(self, number: int, packed: list[str]) -> bytes:
        if number not in self._buffers:
            self._buffers[number] = self._load(number, packed)
        return self._buffers[number]

    def _load(self, number: int, packed: list[str]) -> bytes:
        buffer = self._document["buffers"][number]
        uri = buffer.get("uri")
        if uri is None:
            if number == 0 and self._chunk is not None:
                return self._chunk
            if packed:  # the place of what only the compressed form holds
                raise InputError(
                    f"The glTF file needs the extension '{packed[0]}', which ShapeLab does not "
                    "read; please export it without compression."
                )
            raise InputError("The glTF file lacks its binary data; it is damaged.")
        if uri[:5].lower() == "data:":
            return _embedded(uri)
        name = _beside(uri)
        if name not in self._beside:
            shown = re.sub(r"[^ -~]", "?", name[:60])
            raise InputError(
                f"The glTF file needs other files: '{shown}' is not beside it; put it into "
                "the same folder or export as .glb instead."
            )
        return self._beside[name]


def _beside(uri: str) -> str:
    """A file's name or way from the folder of the .gltf, as it is told; Windows' ways too."""
    return unquote(uri).replace("\\", "/").removeprefix("./")


def _embedded(uri: str) -> bytes:
    """The bytes in a data URI (RFC 2397), whatever media type and parameters it names."""
    head, _, body = uri.partition(",")
    try:
        if not head.replace(" ", "").lower().endswith(";base64"):
            return unquote_to_bytes(body)
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", unquote_to_bytes(body).translate(_FROM_URL))
        return base64.b64decode(letters + b"=" * (-len(letters) % 4))
    except ValueError:
        raise InputError(
            "The glTF file's embedded data is damaged; please export it again."
        ) from None


_FROM_URL = bytes.maketrans(b"-_", b"+/")  # base64 as used in addresses
