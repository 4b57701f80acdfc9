"""The table of all kinds of sources, and how a folder's kind is found."""

from __future__ import annotations

import re
from pathlib import Path

from shapelab.core.errors import DataError

from ..source import Reader
from .arrays import ARRAYS
from .ikea import TLNET, VAEGAN
from .meshes import MESHES
from .modelnet import MODELNET
from .procedural import PROCEDURAL
from .shapenet import R2N2, SHAPENET
from .source_files import peek

# Releases whose layout is fixed come first; the two that take any folder come last.
_RELEASES = (R2N2, SHAPENET, TLNET, VAEGAN, MODELNET)
_ANY = (MESHES, ARRAYS)
# Files of releases that are read as folders only; in a ZIP they would pass for anybody's shapes.
_FOLDERS_ONLY = re.compile(
    r"(?:^|/)(?:\d{8}/[^/]+/(?:models/)?model[^/]*|Lists/ModelID\.txt|list/[^/]+\.txt)$"
)
READERS: dict[str, Reader] = {r.name: r for r in (*_RELEASES, *_ANY, PROCEDURAL)}


def find_reader(source: Path) -> Reader:
    """The reader whose kind of source this is, by the names of its files.

    Raises:
        DataError: it is of no kind or of several; says what was looked for.
    """
    if PROCEDURAL.sniff(source):  # a text, not a file
        return PROCEDURAL
    if not source.is_file() and not source.is_dir():
        raise DataError(f"There is no folder or file {source}; please check its name.")
    if source.is_file() and any(map(_FOLDERS_ONLY.search, peek(source))):
        raise DataError(f"{source} holds ShapeNet or IKEA as released; unpack it, name the folder.")
    for kind in (_RELEASES, _ANY):
        found = [reader for reader in kind if reader.sniff(source)]
        if len(found) > 1:
            names = " and ".join(reader.name for reader in found)
            raise DataError(f"{source} holds {names}; name the folder of one of them.")
        if found:
            return found[0]
    raise DataError(
        f"{source} holds no shapes: neither ModelNet, ShapeNet nor IKEA as they are released, nor "
        "meshes (OFF OBJ STL PLY GLB 3MF) or voxels (npz npy binvox mat); links are not followed."
    )
