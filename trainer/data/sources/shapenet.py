"""ShapeNet: Core v1 and v2, and the release of 3D-R2N2 with its 24 views of each shape.

Core: ``<synset>/<id>/model.obj`` (v1) or ``<synset>/<id>/models/model_normalized.obj`` (v2). The
mesh is taken, as true distances and renders need its surface; the ``.solid.binvox`` beside it
stands in where the mesh is missing or too large to be read.
R2N2: ``ShapeNetVox32/<synset>/<id>/model.binvox`` and
``ShapeNetRendering/<synset>/<id>/rendering/{00..23}.png``; of each class's ids, sorted, the first
80 % are for training and the others for the test (3D-R2N2, lib/data_io.py). That is the official
split of the whole release; a part of it is split likewise.

All have y up. Fronts are turned to -y, as in ModelNet: v1 and R2N2 look along +x (found on R2N2's
chairs), v2 along -z (as ShapeNet's documents say).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from shapelab.core import files_of_others
from shapelab.core.errors import DataError
from shapelab.core.inputs import untrusted_reader

from ..source import Item, Reader, Shape
from . import guarded_loading, source_files

TRAIN_PERCENT = 80
_SYNSET = re.compile(r"\d{8}")
_VIEW = re.compile(r"\d\d\.png")
_V1, _V2 = "model.obj", "models/model_normalized.obj"
_SOLIDS = {_V1: "model.solid.binvox", _V2: "models/model_normalized.solid.binvox"}

# The 55 classes of Core and two that v1 alone has, by WordNet's synset of nouns.
CLASSES = dict(
    pair.split(" ", 1)
    for pair in """02691156 airplane
02747177 trash bin
02773838 bag
02801938 basket
02808440 bathtub
02818832 bed
02828884 bench
02834778 bicycle
02843684 birdhouse
02858304 boat
02871439 bookshelf
02876657 bottle
02880940 bowl
02924116 bus
02933112 cabinet
02942699 camera
02946921 can
02954340 cap
02958343 car
02992529 cellphone
03001627 chair
03046257 clock
03085013 keyboard
03207941 dishwasher
03211117 display
03261776 earphone
03325088 faucet
03337140 file cabinet
03467517 guitar
03513137 helmet
03593526 jar
03624134 knife
03636649 lamp
03642806 laptop
03691459 loudspeaker
03710193 mailbox
03759954 microphone
03761084 microwave
03790512 motorbike
03797390 mug
03928116 piano
03938244 pillow
03948459 pistol
03991062 pot
04004475 printer
04074963 remote control
04090263 rifle
04099429 rocket
04225987 skateboard
04256520 sofa
04330267 stove
04379243 table
04401088 telephone
04460130 tower
04468005 train
04530566 vessel
04554684 washer""".splitlines()
)
_TERMS = "ShapeNet: for non-commercial research and education; see shapenet.org/terms."


def _classes(source: Path) -> list[Path]:
    """The synsets' folders: the source itself, or those in it or in the one folder around them."""
    if not source.is_dir():
        return []
    for top in source_files.tops(source):
        if _SYNSET.fullmatch(top.resolve().name):
            return [top]
        inside = [f for f in source_files.folders(top) if _SYNSET.fullmatch(f.name)]
        if inside:
            return inside
    return []


def _label(folder: Path) -> str:
    synset = folder.resolve().name
    return CLASSES.get(synset, synset)


def _mesh(model: Path) -> Path | None:
    """The file to read of one model of Core, or None."""
    for mesh in (_V2, _V1):
        path, solid = model / mesh, model / _SOLIDS[mesh]
        if path.parent.is_symlink():
            continue
        if files_of_others.is_plain(path) and path.stat().st_size <= untrusted_reader.MAX_BYTES:
            return path
        if files_of_others.is_plain(solid):
            return solid
    return next((m for m in (model / _V2, model / _V1) if files_of_others.is_plain(m)), None)


def _sniff_core(source: Path) -> bool:
    for folder in _classes(source):
        for model in source_files.folders(folder)[:20]:  # a few may be incomplete
            if _mesh(model):
                return True
    return False


def _core(source: Path) -> list[Item]:
    return [
        Item(f"{folder.resolve().name}/{model.name}", _label(folder), path)
        for folder in _classes(source)
        for model in source_files.folders(folder)
        if (path := _mesh(model))
    ]


def _load_core(item: Item) -> Shape:
    shape = guarded_loading.load(item)
    if item.path.suffix == ".obj":  # binvox files come with z up
        shape = guarded_loading.y_up_to_z_up(shape)
    return guarded_loading.turned(shape, 2 if item.path.name.startswith("model_normalized") else -1)


def _voxels(source: Path) -> Path:
    """The folder of the voxels; the renders' lies beside it."""
    for top in source_files.tops(source):
        if top.resolve().name == "ShapeNetVox32":
            return top
        if top / "ShapeNetVox32" in source_files.folders(top):
            break
    return top / "ShapeNetVox32"


def _sniff_r2n2(source: Path) -> bool:
    return any(True for _ in _models(source))


def _models(source: Path) -> Iterator[tuple[Path, Path]]:
    for folder in _classes(_voxels(source)):
        for model in source_files.folders(folder):
            if files_of_others.is_plain(model / "model.binvox"):
                yield folder, model


def _r2n2(source: Path) -> list[Item]:
    renders = _voxels(source).parent / "ShapeNetRendering"
    by_class: dict[Path, list[Path]] = {}
    for folder, model in _models(source):
        by_class.setdefault(folder, []).append(model)
    items = []
    for folder, models in by_class.items():
        train = len(models) * TRAIN_PERCENT // 100
        for place, model in enumerate(models):
            items.append(
                Item(
                    f"{folder.name}/{model.name}",
                    _label(folder),
                    model / "model.binvox",
                    split="train" if place < train else "test",
                    pictures=_views(renders / folder.name / model.name / "rendering"),
                )
            )
    if not items:
        raise DataError(f"{source} holds no ShapeNetVox32/<synset>/<id>/model.binvox.")
    return items


def _views(folder: Path) -> tuple[Path, ...]:
    """The renders of one model where they were unpacked beside the voxels, in their order."""
    if not folder.is_dir() or folder.is_symlink():
        return ()
    return tuple(folder / name for name in source_files.plain(folder) if _VIEW.fullmatch(name))


def _load_r2n2(item: Item) -> Shape:
    return guarded_loading.turned(guarded_loading.load(item), -1)


SHAPENET = Reader("ShapeNetCore", _TERMS, _sniff_core, _core, _load_core)
R2N2 = Reader("ShapeNet, 3D-R2N2's release", _TERMS, _sniff_r2n2, _r2n2, _load_r2n2, True)
