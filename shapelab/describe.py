"""A few clear lines about a model, project, mesh, voxel file, picture or saved shape."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.core import formatting
from shapelab.core.errors import InputError, clean
from shapelab.core.project.project_file import is_project, read_project
from shapelab.core.session.shape_file import SHAPE_SUFFIX, read_shape_document, stamp_of

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

CARD_LINE = 120  # characters of one entry of a model card that are shown
# Units that mesh files name, in millimetres.
_MM = {
    "micron": 0.001,
    "millimeter": 1,
    "centimeter": 10,
    "inch": 25.4,
    "foot": 304.8,
    "meter": 1e3,
}
_NAMES = {"millimeter": "millimetres", "centimeter": "centimetres", "meter": "metres"}
_NAMES |= {"inch": "inches", "foot": "feet"}


def describe(name: str) -> list[str]:
    """Lines about a file, or about an installed model of that name.

    Raises:
        ShapelabError: no such file or model, or it cannot be read.
    """
    return [clean(line) for line in _lines(name)]


def _lines(name: str) -> list[str]:
    path = Path(name).expanduser()
    weights, there = path.suffix == ".safetensors", os.path.exists(path)
    if weights or os.path.isdir(path) or not (there or path.suffix):
        return _model(name)
    if not os.path.isfile(path):
        raise InputError(f"There is no file '{name}'.")
    if path.name.lower().endswith(SHAPE_SUFFIX):
        return _saved_shape(path)
    if is_project(path):
        return _project(path)
    return _shape_to_read(path)


def _model(name: str) -> list[str]:
    from shapelab.core.model.attributions import KEY, credits_of
    from shapelab.core.model.shape_model import load_model
    from shapelab.core.paths import find_model

    folder = find_model(name)
    model = load_model(folder)
    spec = model.spec
    size = formatting.file_size((folder / "model.safetensors").stat().st_size)
    lines = [
        f"ShapeLab model '{model.name}', {size}, checksum right",
        f"grid {spec.resolution}³, latent {spec.latent_size}, {_eye(model)}",
        f"classes: {', '.join(spec.classes)}",
        f"its shapes know it as {model.digest[:12]}",
    ]
    lines += [f"{key}: {_short(value)}" for key, value in model.card.items() if key != KEY]
    made_from = credits_of(model.card)
    return lines + (["made from:"] if made_from else []) + [f"- {each}" for each in made_from]


def _eye(model: ShapeModel) -> str:
    """How a model sees pictures."""
    if not model.sees_pictures:
        return "sees no pictures"
    side, spec = model.spec.image_size, model.spec
    by = ", read by EfficientNet-Lite0" if spec.has_backbone else ""
    return f"pictures {side} × {side} {spec.image_mode}{by}"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= CARD_LINE else text[: CARD_LINE - 1] + "…"


def _saved_shape(path: Path) -> list[str]:
    document = read_shape_document(path)
    shape, model = document.get("shape"), document.get("model")
    if not isinstance(shape, dict) or not isinstance(model, dict):
        raise InputError(f"{path.name} is damaged; please save it again.")
    return [
        f"saved shape: {shape.get('origin')}",
        f"class {shape.get('class')}, {_seed(shape)}, {len(shape.get('base', ()))} numbers",
        f"of the model '{model.get('name')}' ({str(model.get('digest'))[:12]})",
    ]


def _project(path: Path) -> list[str]:
    stored, _ = read_project(path)
    found = stored.content.get("sessions")
    parts = found if isinstance(found, list) else []
    scans = _scans(parts) & set(stored.pictures)
    held = formatting.counted(len(stored.pictures) - len(scans), "picture")
    if scans:
        held += f" and {formatting.counted(len(scans), 'scan')}"
    lines = [f"ShapeLab project, {held} in it"]
    for part in parts:
        history = part.get("history") if isinstance(part, dict) else None
        steps = history.get("steps") if isinstance(history, dict) else None
        if not isinstance(steps, list):
            raise InputError(f"{path.name} is damaged; please save it again.")
        stamp = stamp_of(part)
        lines.append(
            f"{formatting.counted(max(len(steps) - 1, 0), 'step')} with the model '{stamp.name}' "
            f"({stamp.digest[:12]})"
        )
    return lines


def _scans(parts: list[Any]) -> set[str]:
    """Digests of the scans that a project's sessions name."""
    named = [part.get("scans") for part in parts if isinstance(part, dict)]
    values = [value for each in named if isinstance(each, dict) for value in each.values()]
    return {value for value in values if isinstance(value, str)}


def _seed(shape: dict[str, Any]) -> str:
    seed = shape.get("seed")
    return "no seed" if seed is None else f"seed {seed} at truncation {shape.get('truncation')}"


def _shape_to_read(path: Path) -> list[str]:
    from shapelab.core.inputs.untrusted_reader import read_untrusted

    file = read_untrusted(path)
    if file.kind == "mesh":
        return _mesh(file.content, file.unit) + _recipe(file, path)
    if file.kind == "points":
        return _points(file.content, file.unit)
    if file.kind == "depth":
        return _depth(file.content)
    return (_picture if file.kind == "picture" else _voxels)(file.content)


def _recipe(file: Any, path: Path) -> list[str]:
    """How ShapeLab made the mesh, where it did and nobody has changed it since."""
    from shapelab.core.session.recipe import recipe_of_file

    recipe = recipe_of_file(file, path)
    if recipe is None:
        return []
    origin, stamp = recipe.shape.state.origin, recipe.model
    return [f"made by ShapeLab: {origin}, of the model '{stamp.name}' ({stamp.digest[:12]})"]


def _picture(picture: Any) -> list[str]:
    height, width = picture.original.shape[:2]
    covered = float((picture.rgba[..., 3] > 127).mean())
    return [
        f"picture, shown at {width} × {height} pixels",
        f"object cut out by: {picture.method}; it fills {covered:.0%} of the framed square",
    ]


def _mesh(mesh: Any, unit: str) -> list[str]:
    """A mesh in millimetres where the file names its unit, else as slicers take it: as those."""
    from shapelab.core.mesh.print_check import check
    from shapelab.core.mesh.tri_mesh import TriMesh

    scale = _MM.get(unit)
    if scale is None:
        counted = "unit unknown: taken as millimetres"
    else:
        mesh = TriMesh((mesh.vertices.astype(np.float64) * scale).astype(np.float32), mesh.faces)
        counted = f"the file counts in {_NAMES.get(unit, unit + 's')}"
    report = check(mesh)
    words = {
        "closed": report.closed,
        "manifold": report.manifold,
        "wound outwards": report.outward,
    }
    lines = [
        f"mesh: {report.summary()}",
        f"{formatting.count(len(mesh.vertices))} vertices, "
        f"{formatting.volume(report.volume_mm3)}; {counted}",
        ", ".join(word if true else f"not {word}" for word, true in words.items()),
    ]
    return lines + [f"- {problem}" for problem in report.problems]


def _points(cloud: Any, unit: str) -> list[str]:
    """A point cloud in its own unit, which hardly any file names."""
    sides = np.ptp(cloud.points.astype(np.float64), axis=0)
    counted = f"the file counts in {_NAMES.get(unit, unit + 's')}" if unit else "unit unknown"
    return [
        f"point cloud: {formatting.counted(len(cloud.points), 'point')}",
        f"{' × '.join(formatting.number(side) for side in sides)} (x, y, z); {counted}",
    ]


def _depth(picture: Any) -> list[str]:
    from shapelab.core.inputs.depth.depth_picture import guessed_lens

    width, height = picture.size
    far = picture.depth[picture.depth > 0]
    angle = guessed_lens(picture.size).angle(width)
    return [
        f"depth picture, {width} × {height} pixels, {far.size / picture.depth.size:.0%} measured",
        f"{far.min():.4g} to {far.max():.4g} away, unit unknown; taken as {angle:.0f}° wide",
    ]


def _voxels(grid: Any) -> list[str]:
    filled = float((grid.values >= 0.5).mean())
    shape = " × ".join(str(n) for n in grid.values.shape)
    return [f"voxel grid {shape} (x, y, z), cell {grid.pitch:g}", f"{filled:.1%} of it is solid"]
