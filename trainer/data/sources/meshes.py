"""Anybody's meshes: a folder or ZIP of them, the folders in it are the classes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from shapelab.core.inputs.mesh_reader import MESH_SUFFIXES

from ..source import Item, Reader, Shape, Up
from . import guarded_loading, source_files

# glTF prescribes y; OBJ, STL, PLY, OFF and 3MF leave it open or say z: this is what most programs
# write. A source that differs is prepared with --up, which sets Item.up.
UP: dict[str, Up] = {
    ".obj": "y",
    ".glb": "y",
    ".gltf": "y",
    ".stl": "z",
    ".ply": "z",
    ".off": "z",
    ".3mf": "z",
}


def classified(source: Path, suffixes: tuple[str, ...]) -> list[Item]:
    """Items for all files with these suffixes, labelled by the outermost folder that differs.

    A top folder that all share is no class; files that lie in no folder have the source's name.
    """
    names = [n for n in source_files.files(source) if PurePosixPath(n).suffix.lower() in suffixes]
    parts = [tuple(name.split("/")) for name in names]
    while parts and all(len(p) > 2 and p[0] == parts[0][0] for p in parts):
        parts = [p[1:] for p in parts]
    items = []
    for name, inner in zip(names, parts, strict=True):
        label = inner[0] if len(inner) > 1 else _label_of(source)
        path, member = source_files.place(source, name)
        items.append(Item("/".join(inner), label, path, member))
    return sorted(items, key=lambda item: item.id)


def _label_of(source: Path) -> str:
    return source.stem if source.suffix.lower() in MESH_SUFFIXES else source_files.outer(source)


def load(item: Item) -> Shape:
    """Reads a mesh and turns it to z up, by ``Item.up``, else as the file says or its suffix."""
    shape, said = guarded_loading.load_with_up(item)
    suffix = PurePosixPath(item.member or item.path.name).suffix.lower()
    up = item.up or said or UP[suffix]
    return guarded_loading.y_up_to_z_up(shape) if up == "y" else shape


def _sniff(source: Path) -> bool:
    return any(PurePosixPath(n).suffix.lower() in MESH_SUFFIXES for n in source_files.peek(source))


def _items(source: Path) -> list[Item]:
    return classified(source, MESH_SUFFIXES)


MESHES = Reader("meshes", "as their makers say", _sniff, _items, load)
