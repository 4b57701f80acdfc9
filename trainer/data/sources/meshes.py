"""Anybody's meshes: a folder or ZIP of them, the folders in it are the classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from shapelab.core.inputs.mesh_reader import MESH_SUFFIXES

from ..source import Item, Reader, Shape, Up
from . import catalogue, guarded_loading, source_files

_FEW = 8  # folders; of more, some of single models may hold a second one
_PER_CLASS = 2  # shapes of a folder on average, or it is no class

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
    """Items for all files with these suffixes, with the classes of a table that lies beside them.

    Without a table it is the outermost folder that differs. A top folder that all share is no
    class; files that lie in no folder have the source's name, and so have all where folders hold
    one shape each, as most collections come.
    """
    files = source_files.files(source)
    names = [name for name in files if PurePosixPath(name).suffix.lower() in suffixes]
    parts = [tuple(name.split("/")) for name in names]
    while parts and all(len(p) > 2 and p[0] == parts[0][0] for p in parts):
        parts = [p[1:] for p in parts]
    table = catalogue.beside(source, files, names)
    whole = _label_of(source)
    one_class = _are_single([inner[0] for inner in parts if len(inner) > 1])
    items = []
    for name, inner in zip(names, parts, strict=True):
        label = whole if one_class or len(inner) == 1 else inner[0]
        path, member = source_files.place(source, name)
        item = Item("/".join(inner), label, path, member)
        if table is not None:
            row = table.row(name, item.id)
            item = replace(
                item,
                label=table.label(name, item.id) or label,
                attribution=catalogue.attribution(row),
            )
        items.append(item)
    return sorted(items, key=lambda item: item.id)


def _are_single(folders: list[str]) -> bool:
    """Whether folders, one named a shape, hold a shape each: all of a few, most of many."""
    different = len(set(folders))
    few = different <= _FEW
    return different > 1 and len(folders) < (different + 1 if few else _PER_CLASS * different)


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


MESHES = Reader("meshes", "as their makers say", _sniff, _items, load, fronts_vary=True)
