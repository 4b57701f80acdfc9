"""ModelNet10 and ModelNet40: Princeton's OFF meshes and the volumetric grids of 3DShapeNets.

Meshes: ``<class>/{train,test}/<name>.off``. Grids: ``<class>/<size>/{train,test}/<name>_<k>.mat``,
where k = 1 to 12 are turns of one shape about z by 30 degrees: the smallest k, the upright pose of
the mesh, becomes the item, as turned copies of a shape are the same shape for the split. Either
may be a folder or the ZIP as it was downloaded, with or without a top folder.
Source of the layouts: https://modelnet.cs.princeton.edu and its 3DShapeNets code.
"""

from __future__ import annotations

import re
from pathlib import Path

from shapelab.core.errors import DataError

from ..source import Item, Reader, Split
from . import guarded_loading, source_files
from .fronts import MODELNET10

_MESH = re.compile(r"(?:^|/)(?P<label>[^/]+)/(?P<split>train|test)/(?P<name>[^/]+)\.off$")
_GRID = re.compile(
    r"(?:^|/)(?P<label>[^/]+)/\d+/(?P<split>train|test)/(?P<name>[^/]+)_(?P<pose>\d+)\.mat$"
)


def _matches(source: Path, names: list[str]) -> list[tuple[str, re.Match[str]]]:
    """Names with what they say; the source's own name stands before, as it may be the class."""
    outer = source_files.outer(source)
    found = ((n, _MESH.search(f"{outer}/{n}") or _GRID.search(f"{outer}/{n}")) for n in names)
    return [(name, match) for name, match in found if match]


def _sniff(source: Path) -> bool:
    return bool(_matches(source, source_files.peek(source)))


def _items(source: Path) -> list[Item]:
    found = _matches(source, source_files.files(source))
    if len({match.re for _, match in found}) > 1:
        raise DataError(
            f"{source} holds both OFF meshes and .mat grids of shapes; name the folder of one kind."
        )
    shapes: dict[str, tuple[int, Item]] = {}
    for name, match in found:
        pose = int(match["pose"]) if match.re is _GRID else 0
        shape = match["name"]
        split: Split = "train" if match["split"] == "train" else "test"
        label = match["label"]
        place = source_files.place(source, name)
        front = MODELNET10.get(label, "-y")
        item = Item(f"{label}/{split}/{shape}", label, *place, split, front=front)
        kept = shapes.get(item.id)
        if kept and kept[0] == pose:
            raise DataError(
                f"{source} holds two shapes '{item.id}'; name the folder of one release alone."
            )
        if not kept or pose < kept[0]:
            shapes[item.id] = pose, item
    return [shapes[key][1] for key in sorted(shapes)]


MODELNET = Reader(
    "ModelNet",
    "ModelNet (Princeton): for academic use; the models belong to their makers.",
    _sniff,
    _items,
    guarded_loading.load,  # meshes and grids have z up and the same fronts
)
