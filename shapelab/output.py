"""What the headless commands write: where each shape goes, and one line about each file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.core.errors import ExportError
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session.shape_file import SHAPE_SUFFIX

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.session.shape_state import ShapeState


@dataclass(frozen=True)
class ShapeWriter:
    """How shapes become files."""

    size_mm: float
    surface: SurfaceOptions

    def write(self, model: ShapeModel, state: ShapeState, path: Path) -> str:
        """Writes one shape, checked, and returns one line about the file.

        Raises:
            ShapelabError: the shape is empty or not printable, or the file cannot be written.
        """
        from shapelab.core.mesh import formats, meshing
        from shapelab.core.session.shape_file import write_shape

        make_folder(path.parent)
        if path.name.lower().endswith(SHAPE_SUFFIX):
            write_shape(path, state, model)
            return f"{path}: saved latent of {state.origin}"
        occupancy = model.decode(state.latent(model))
        mesh = meshing.finish(meshing.surface(occupancy, self.surface), self.size_mm)
        return f"{path}: {formats.write(path, mesh).summary()}"


def make_folder(folder: Path) -> None:
    """Makes a folder and its parents. Raises ExportError when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"The folder {folder} cannot be made: {error.strerror}.") from None


def base_name(source: str) -> str:
    """The name of a source file without its last suffix, to name what is made from it."""
    name = Path(source).name
    if name.lower().endswith(SHAPE_SUFFIX):
        return name[: -len(SHAPE_SUFFIX)] or "shape"
    return Path(name).stem or "shape"


def destinations(out: str, names: list[str], file_format: str) -> list[Path]:
    """The file of each name: ``out`` itself if it is a file, else files of the format in it.

    Raises:
        ExportError: no such format, or several shapes for one file.
    """
    target = Path(out).expanduser()
    if not (out.endswith(("/", "\\")) or target.is_dir() or not target.suffix):
        known_suffix(target.name)
        if len(names) > 1:
            raise ExportError(
                f"{out} is one file, but there are {len(names)} shapes; name a folder instead."
            )
        return [target]
    suffix = known_suffix("." + file_format.removeprefix("."))
    paths: list[Path] = []
    for name in names:
        path, copy = target / f"{name}{suffix}", 2
        while path in paths:  # chair.png and chair.jpg must not overwrite each other
            path, copy = target / f"{name}-{copy}{suffix}", copy + 1
        paths.append(path)
    return paths


def known_suffix(name: str) -> str:
    """The suffix of a file name in lower case. Raises ExportError when it cannot be written."""
    from shapelab.core.mesh.formats import WRITERS

    known = [*WRITERS, SHAPE_SUFFIX]
    for suffix in known:
        if name.lower().endswith(suffix):
            return suffix
    raise ExportError(
        f"'{Path(name).suffix or name}' files cannot be written; choose one of {', '.join(known)}."
    )
