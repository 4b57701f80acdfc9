"""PLY, text or binary: elements of named properties; points, polygons and strips are read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.inputs.mesh_files.pieces import (
    MeshPieces,
    numbers,
    plain_text,
    read_comments,
)
from shapelab.core.inputs.mesh_files.polygons import strip

_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_TYPES |= {"float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2"}
_TYPES |= {"uint16": "u2", "int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8"}
_TYPES |= {"int64": "i8", "uint64": "u8"}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_INDICES = ("vertex_indices", "vertex_index")


@dataclass
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str, str]] = field(default_factory=list)  # name, kind, size's kind


@dataclass
class _Lists:
    """A list property of all rows: how long each is, and the values one after the other."""

    sizes: list[int]
    values: NDArray[np.float64]


Column = NDArray[np.float64] | _Lists


def read_ply(data: bytes) -> MeshPieces:
    """Reads a PLY file. Raises InputError."""
    data = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    end = re.search(rb"[\r\n]end_header[ \t]*(\r\n|\n|\r|$)", data)
    if not data.startswith(b"ply") or end is None:
        raise InputError("The PLY file has no whole header; it is damaged or of another kind.")
    head = plain_text(data[: end.start()])
    order, elements = _header(head.decode("latin-1").split("\n"))
    pieces = MeshPieces()
    read_comments(b"\n".join(re.findall(rb"(?m)^comment[^\n]*", head)), pieces)
    # Where lines end by CR alone, a line feed after the last of them is a number's first byte.
    start = end.start(1) + 1 if re.match(rb"ply[ \t]*\r(?!\n)", data) else end.end()
    source = _Words(data[start:].split()) if order == "" else _Bytes(data[start:], order)
    found = {element.name: source.element(element) for element in elements}
    if source.more():
        said = " and ".join(f"{element.count} of '{element.name[:20]}'" for element in elements[:9])
        raise InputError(f"The PLY file holds more than it says ({said}); please export it again.")
    points = found.get("vertex", {})
    if not all(isinstance(points.get(axis), np.ndarray) for axis in "xyz"):
        raise InputError("The PLY file's points lack x, y or z; please export it again.")
    vertices = np.stack([np.asarray(points[axis], np.float64) for axis in "xyz"], 1)
    polygons, strips = _lists(found, "face"), _lists(found, "tristrips")
    if polygons is not None:
        pieces.add_polygons(vertices, polygons.sizes, polygons.values.astype(np.int64))
    if strips is not None:
        whole = strips.values.astype(np.int64)
        for run in np.split(whole, np.cumsum(strips.sizes)[:-1]):
            for part in np.split(run, np.flatnonzero(run < 0)):  # -1 begins another strip
                pieces.add(vertices, strip(part[part >= 0]))
    meant_as_mesh = any(
        element.name in ("face", "tristrips") and element.count for element in elements
    )
    if not meant_as_mesh:
        pieces.lone = vertices
    return pieces


def _lists(found: dict[str, dict[str, Column]], name: str) -> _Lists | None:
    for key in _INDICES:
        column = found.get(name, {}).get(key)
        if isinstance(column, _Lists):
            return column
    return None


def _header(lines: list[str]) -> tuple[str, list[_Element]]:
    order: str | None = None
    elements: list[_Element] = []
    for line in lines[1:]:
        match line.split():
            case ["format", kind, _] if kind in _ORDERS:
                order = _ORDERS[kind]
            case ["element", name, count] if count.isdigit() and len(count) < 12:
                elements.append(_Element(name, int(count)))
            case ["property", "list", size, kind, name] if {size, kind} <= _TYPES.keys():
                elements[-1].properties.append((name, _TYPES[kind], _TYPES[size]))
            case ["property", kind, name] if kind in _TYPES and elements:
                elements[-1].properties.append((name, _TYPES[kind], ""))
            case [] | ["comment" | "obj_info", *_]:
                continue
            case _:
                raise InputError(
                    "The PLY file's header has a line that makes no sense; it is damaged."
                )
    if order is None:
        raise InputError("The PLY file does not name its format; it is damaged.")
    return order, elements


def _cut(element: _Element, there: int) -> InputError:
    return InputError(
        f"The PLY file should hold {element.count} of '{element.name[:20]}' but is cut off after "
        f"{there}; please export it again."
    )


@dataclass
class _Words:
    """The numbers of a text file, element after element."""

    words: list[bytes]
    at: int = 0

    def element(self, element: _Element) -> dict[str, Column]:
        names = [name for name, _, _ in element.properties]
        if all(not size for _, _, size in element.properties):
            wide = len(names)
            if self.at + wide * element.count > len(self.words):
                raise _cut(element, (len(self.words) - self.at) // max(wide, 1))
            flat = self.words[self.at : self.at + wide * element.count]
            self.at += len(flat)
            table = numbers(flat, "The PLY file's number").reshape(element.count, wide)
            return dict(zip(names, table.T, strict=True))
        first_row = self._uniform(element)
        if first_row:
            wide = len(self.words[self.at : first_row[-1].stop])
            flat = self.words[self.at : self.at + wide * element.count]
            table = numbers(flat, "The PLY file's number").reshape(element.count, wide)
            columns = [slice(s.start - self.at, s.stop - self.at) for s in first_row]
            self.at += len(flat)
            rows = zip(element.properties, columns, strict=True)
            return {
                name: _Lists([s.stop - s.start] * element.count, table[:, s].ravel())
                if sized
                else table[:, s].ravel()
                for (name, _, sized), s in rows
            }
        sizes: list[list[int]] = [[] for _ in names]
        values: list[list[bytes]] = [[] for _ in names]
        for row in range(element.count):
            for k, (_, _, sized) in enumerate(element.properties):
                word = self.words[self.at] if self.at < len(self.words) else b""
                if sized and word and not (word.isdigit() and len(word) < 10):
                    raise InputError("The PLY file has a list that does not begin with its length.")
                size = int(word) if sized and word else 1
                first = self.at + bool(sized)
                self.at = first + size
                if not word or self.at > len(self.words):
                    raise _cut(element, row)
                sizes[k].append(size)
                values[k] += self.words[first : self.at]
        flats = [numbers(each, "The PLY file's number") for each in values]
        return {
            name: _Lists(sizes[k], flats[k]) if element.properties[k][2] else flats[k]
            for k, name in enumerate(names)
        }

    def more(self) -> bool:
        """Whether there are words after the last element."""
        return self.at < len(self.words) and self.words[self.at :] != [b"\x1a"]

    def _uniform(self, element: _Element) -> list[slice]:
        """Where the first row's values are, if all rows' lists are as long as its; else none."""
        found, at = [], self.at
        counters: list[int] = []
        for _, _, sized in element.properties:
            word = self.words[at] if at < len(self.words) else b""
            if sized and not (word.isdigit() and len(word) < 6):
                return []
            counters += [at] if sized else []
            first = at + bool(sized)
            at = first + (int(word) if sized else 1)
            found.append(slice(first, at))
        wide, end = at - self.at, self.at + (at - self.at) * element.count
        if not element.count or end > len(self.words):
            return []
        same = all(set(self.words[k:end:wide]) == {self.words[k]} for k in counters)
        return found if same else []


@dataclass
class _Bytes:
    """The numbers of a binary file, element after element."""

    data: bytes
    order: str
    at: int = 0

    def element(self, element: _Element) -> dict[str, Column]:
        kinds = [(np.dtype(self.order + kind), size) for _, kind, size in element.properties]
        names = [name for name, _, _ in element.properties]
        if all(not size for _, size in kinds):
            row = np.dtype([(f"{k}", kind) for k, (kind, _) in enumerate(kinds)])
            if self.at + row.itemsize * element.count > len(self.data):
                raise _cut(element, (len(self.data) - self.at) // max(row.itemsize, 1))
            if not names:
                return {}
            table = np.frombuffer(self.data, row, element.count, self.at)
            self.at += row.itemsize * element.count
            return {name: table[f"{k}"].astype(np.float64) for k, name in enumerate(names)}
        counters = [np.dtype(self.order + size) if size else None for _, size in kinds]
        uniform = self._uniform(element.count, [kind for kind, _ in kinds], counters)
        if uniform is not None:
            return dict(zip(names, uniform, strict=True))
        sizes: list[list[int]] = [[] for _ in names]
        chunks: list[list[bytes]] = [[] for _ in names]
        steps = [kind.itemsize for kind, _ in kinds]
        order: Literal["big", "little"] = "big" if self.order == ">" else "little"
        for row_number in range(element.count):
            for k, counter in enumerate(counters):
                size = 1
                if counter is not None:
                    head = self.data[self.at : self.at + counter.itemsize]
                    size = int.from_bytes(head, order) if head else -1
                    self.at += counter.itemsize
                end = self.at + size * steps[k]
                if size < 0 or end > len(self.data):
                    raise _cut(element, row_number)
                sizes[k].append(size)
                chunks[k].append(self.data[self.at : end])
                self.at = end
        flat = [
            np.frombuffer(b"".join(chunk), kind).astype(np.float64)
            for chunk, (kind, _) in zip(chunks, kinds, strict=True)
        ]
        return {
            name: flat[k] if counters[k] is None else _Lists(sizes[k], flat[k])
            for k, name in enumerate(names)
        }

    def more(self) -> bool:
        """Whether there is more than padding after the last element."""
        return bool(self.data[self.at :].strip(b"\r\n\0\x1a "))

    def _uniform(
        self, count: int, kinds: list[np.dtype[Any]], counters: list[np.dtype[Any] | None]
    ) -> list[Column] | None:
        """All rows at once, if their lists are as long as the first row's; else None."""
        fields: list[tuple[Any, ...]] = []
        at, sizes = self.at, []
        for k, (kind, counter) in enumerate(zip(kinds, counters, strict=True)):
            size = 1
            if counter is not None:
                if at + counter.itemsize > len(self.data):
                    return None
                size = int(np.frombuffer(self.data, counter, 1, at)[0])
                fields.append((f"size {k}", counter))
                at += counter.itemsize
            if not 0 <= size < 10_000:
                return None
            at += size * kind.itemsize
            fields.append((f"{k}", kind, (size,)))
            sizes.append(size)
        row = np.dtype(fields)
        if not count or self.at + row.itemsize * count > len(self.data):
            return None
        table = np.frombuffer(self.data, row, count, self.at)
        for k, size in enumerate(sizes):
            if counters[k] is not None and (table[f"size {k}"] != size).any():
                return None
        self.at += row.itemsize * count
        flat = [table[f"{k}"].ravel().astype(np.float64) for k in range(len(sizes))]
        return [
            flat[k] if counters[k] is None else _Lists([size] * count, flat[k])
            for k, size in enumerate(sizes)
        ]
