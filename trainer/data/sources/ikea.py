"""The IKEA photos with models: the TL-network's release and the 3D-VAE-GAN's. For tests only.

TL-network (Girdhar 2016): ``Lists/Images.txt``, ``Lists/ModelID.txt`` whose line i is the 1-based
line of ``Lists/all_obj_clean.txt`` for photo i, ``Images/<photo>`` and ``Voxels/<line>.mat`` with
``grid`` of 20^3, axis 0 up.
3D-VAE-GAN (Wu 2016): ``<class>/<number>.png``, ``list/<class>.txt`` whose line i is the model of
the class's i-th photo, and ``model/<model>.mat`` (or ``models/``) with ``voxel`` of 20^3, axis 2
up as the authors' viewer shows it.

One item is one model with all its photos. Yaw differs from model to model, and the set exists to
be compared on: its items are of the split "test".
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from shapelab.core import files_of_others
from shapelab.core.errors import DataError
from shapelab.core.inputs.voxel_files import VoxelGrid

from ..source import Item, Reader, Shape
from . import guarded_loading, source_files

_TERMS = "IKEA (Lim, Pirsiavash, Torralba 2013): research only, for tests and never for training."
_MAX_LIST = 2**22  # bytes of a list


def _lines(path: Path) -> list[str]:
    """The lines of a list, trimmed; those at the end that are empty do not count."""
    try:
        data = files_of_others.read_bytes(path, _MAX_LIST)
    except OSError:
        raise DataError(
            f"The IKEA release lacks its list {path.name}; download it again."
        ) from None
    return data.decode("utf-8", "replace").rstrip().splitlines()


def _inside(folder: Path, name: str) -> Path | None:
    """A plain file of a folder by a name from a list, which might point anywhere."""
    plain = PurePosixPath(name.strip()).name
    return folder / plain if plain and files_of_others.is_plain(folder / plain) else None


def _tlnet_top(source: Path) -> Path | None:
    """The folder of the release, which may be the only one in the source."""
    wanted = ("Images.txt", "ModelID.txt")
    return next(
        (
            t
            for t in source_files.tops(source)
            if all(files_of_others.is_plain(t / "Lists" / n) for n in wanted)
        ),
        None,
    )


def _tlnet(source: Path) -> list[Item]:
    source = _tlnet_top(source) or source
    lists = source / "Lists"
    photos, numbers = _lines(lists / "Images.txt"), _lines(lists / "ModelID.txt")
    names = _lines(lists / "all_obj_clean.txt")
    if len(photos) != len(numbers):
        raise DataError(
            f"{source.name}: Images.txt has {len(photos)} lines but ModelID.txt {len(numbers)}; "
            "download the release again."
        )
    pictures: dict[str, list[Path]] = {}
    for photo, number in zip(photos, numbers, strict=True):
        if (path := _inside(source / "Images", photo)) is not None:
            pictures.setdefault(number.strip(), []).append(path)
    items = []
    for number, own in pictures.items():
        grid = _inside(source / "Voxels", f"{number}.mat")
        known = number.isdecimal() and len(number) < 10 and 1 <= int(number) <= len(names)
        if not known or grid is None:
            raise DataError(
                f"{source.name}: model {number} of ModelID.txt has no name or no voxels; "
                "download the release again."
            )
        # A name is IKEA_<class>_<product>/<file>.
        name = names[int(number) - 1].strip().removesuffix(".obj")
        items.append(Item(name, _class_of(name), grid, split="test", pictures=tuple(sorted(own))))
    if not items:
        raise DataError(f"{source.name}: none of the photos of Images.txt is in Images.")
    return sorted(items, key=lambda item: item.id)


def _class_of(name: str) -> str:
    words = name.split("_")
    return words[1] if len(words) > 2 and words[0] == "IKEA" else "furniture"


def _load_tlnet(item: Item) -> Shape:
    grid = guarded_loading.load(item)
    assert isinstance(grid, VoxelGrid)  # of a .mat
    # (up, a, b) to (a, b, up), a turn and no reflection.
    return replace(grid, values=np.ascontiguousarray(grid.values.transpose(1, 2, 0)))


def _grids(source: Path) -> Path | None:
    return next((f for f in source_files.folders(source) if f.name in ("model", "models")), None)


def _classes(source: Path) -> list[Path]:
    """The lists of the classes whose photos are there."""
    lists = source / "list"
    if not lists.is_dir() or lists.is_symlink():
        return []
    paths = [lists / name for name in source_files.plain(lists) if name.endswith(".txt")]
    return [path for path in paths if source / path.stem in source_files.folders(source)]


def _vaegan_top(source: Path) -> Path | None:
    """The folder of the release, which may be the only one in the source."""
    return next((t for t in source_files.tops(source) if _grids(t) and _classes(t)), None)


def _vaegan(source: Path) -> list[Item]:
    source = _vaegan_top(source) or source
    grids = _grids(source)
    if grids is None:
        raise DataError(f"{source} holds no IKEA release; its folder model is missing.")
    items: dict[str, Item] = {}
    for listed in _classes(source):
        folder = source / listed.stem
        photos = [
            folder / n
            for n in source_files.plain(folder)
            if n.lower().endswith((".png", ".jpg", ".jpeg"))
        ]
        models = _lines(listed)
        if len(photos) != len(models):
            raise DataError(
                f"{source.name}: {listed.name} has {len(models)} lines for {len(photos)} photos; "
                "download the release again."
            )
        for photo, line in zip(photos, models, strict=True):
            name = PurePosixPath(line.strip()).name.removesuffix(".mat")
            grid = _inside(grids, f"{name}.mat")
            if grid is None:
                raise DataError(
                    f"{source.name}: {listed.name} names '{name}', of which there is no .mat in "
                    f"{grids.name}; download the release again."
                )
            item = items.get(name) or Item(name, listed.stem, grid, split="test")
            items[name] = replace(item, pictures=(*item.pictures, photo))
    return [items[name] for name in sorted(items)]


def _is_tlnet(source: Path) -> bool:
    return _tlnet_top(source) is not None


def _is_vaegan(source: Path) -> bool:
    return _vaegan_top(source) is not None


TLNET = Reader("IKEA, TL-network's release", _TERMS, _is_tlnet, _tlnet, _load_tlnet, True, True)
VAEGAN = Reader(
    "IKEA, 3D-VAE-GAN's release", _TERMS, _is_vaegan, _vaegan, guarded_loading.load, True, True
)


def release_in(folder: Path) -> Reader | None:
    """What reads the release in a folder; None where it holds neither."""
    found = folder.is_dir()
    return next((reader for reader in (TLNET, VAEGAN) if found and reader.sniff(folder)), None)
