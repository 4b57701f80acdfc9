"""What the headless commands write: where each shape goes, and one line about each file."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapelab.core.errors import ExportError, InputError
from shapelab.core.mesh.meshing import AUTOMATIC
from shapelab.core.session.shape_file import SHAPE_SUFFIX, SavedShape

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.session.shape_export import ShapePart

MAX_NAME = 255  # bytes of a file's name, on all usual file systems


@dataclass(frozen=True)
class PlatePart:
    """A part that will lie on a plate."""

    name: str
    part: ShapePart
    found: str  # words for its level, and for what was dropped


@dataclass(frozen=True)
class ShapeWriter:
    """How shapes become files."""

    size_mm: float
    surface: dict[str, Any]  # of ``SurfaceOptions``, instead of a shape's own
    force: bool = False  # whether a file that is there may be replaced
    recipe: bool | None = None  # see ``shape_export.write_part``
    mend: bool = False  # whether broken shapes are mended, where a whole one is found

    def write(self, model: ShapeModel, shape: SavedShape, path: Path) -> str:
        """Writes one shape, checked, and returns one line about the file.

        Raises:
            ShapelabError: the shape is empty or not printable, or the file cannot be written.
        """
        return f"{path}: {self.written(model, shape, path)[1]}"

    def written(self, model: ShapeModel, shape: SavedShape, path: Path) -> tuple[SavedShape, str]:
        """Writes one shape as ``write`` does; it with the surface that was meant, and the words."""
        from shapelab.core.session import shape_export
        from shapelab.core.session.shape_file import write_shape

        make_folder(path.parent)
        meant, mended = self._meant(model, shape)
        if path.name.lower().endswith(SHAPE_SUFFIX):
            write_shape(path, meant.state, model, meant.surface or AUTOMATIC, self.force)
            return meant, f"saved latent of {meant.state.origin}{mended}"
        part = shape_export.shape_part(model, meant, self.size_mm)
        report = shape_export.write_part(path, part, self.force, self.recipe)
        return meant, f"{report.summary()}{mended}{_found(meant, part)}"

    def plate_part(self, model: ShapeModel, name: str, shape: SavedShape) -> PlatePart:
        """One shape for a plate.

        Raises:
            ShapelabError: it is empty or not printable.
        """
        from shapelab.core.session import shape_export

        meant, mended = self._meant(model, shape)
        part = shape_export.plate_part(model, name, meant, self.size_mm)
        return PlatePart(name, part, mended + _found(meant, part))

    def write_plate(self, parts: Sequence[PlatePart], path: Path) -> list[str]:
        """Writes parts beside each other into one 3MF, and returns a line about each.

        Raises:
            ShapelabError: the file cannot be written.
        """
        from shapelab.core.session import shape_export

        make_folder(path.parent)
        named = [(each.name, each.part.mesh) for each in parts]
        reports = shape_export.write_plate(path, named, self.force)
        return [
            f"{path}: {each.name}: {report.summary()}{each.found}"
            for each, report in zip(parts, reports, strict=True)
        ]

    def _meant(self, model: ShapeModel, shape: SavedShape) -> tuple[SavedShape, str]:
        """The shape that is written, and words on whether it was mended."""
        shape = replace(shape, surface=replace(shape.surface or AUTOMATIC, **self.surface))
        if not self.mend:
            return shape, ""
        from shapelab.core.session.mending import mended

        try:
            state = mended(model, shape.state)
        except InputError:
            return shape, "; no whole shape near it"
        if state is shape.state:
            return shape, ""
        return replace(shape, state=state), "; mended"


def _found(shape: SavedShape, part: ShapePart) -> str:
    """Words for a level that was found, and for what was dropped."""
    line = ""
    if (shape.surface or AUTOMATIC).level is None:
        line += f"; level {part.level:.2f}"
    if part.dropped.count:
        line += f"; {part.dropped.words('dropped')}"
    return line


def make_folder(folder: Path) -> None:
    """Makes a folder and its parents. Raises ExportError when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ExportError(f"{folder} is a file, not a folder; choose another one.") from None
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
    if out == "-":
        raise ExportError(
            "A shape cannot be written to '-' (standard output), since what was written is read "
            "back and checked; name a file."
        )
    target = Path(out).expanduser()
    if not (out.endswith(("/", "\\")) or os.path.isdir(target) or not target.suffix):
        known_suffix(target.name)
        if len(names) > 1:
            raise ExportError(
                f"{out} is one file, but there are {len(names)} shapes; name a folder instead."
            )
        return [target]
    place = FolderNames(target, file_format)
    return [place.path(name) for name in names]


class FolderNames:
    """The files of names in a folder, one after the other: all different, also by case."""

    def __init__(self, folder: Path, file_format: str) -> None:
        """Raises ExportError for an unknown format."""
        self._folder, self._suffix = folder, known_suffix("." + file_format.removeprefix("."))
        self._used: set[str] = set()

    def path(self, name: str) -> Path:
        """The file of the next name."""
        file, copy = _fitting(name, self._suffix), 2
        while _folded(file) in self._used:  # chair.png and Chair.jpg must not overwrite each other
            file, copy = _fitting(name, f"-{copy}{self._suffix}"), copy + 1
        self._used.add(_folded(file))
        return self._folder / file

    @property
    def count(self) -> int:
        """How many names were given."""
        return len(self._used)


def _fitting(name: str, ending: str) -> str:
    """The name with its ending, shortened to what file systems take."""
    room = MAX_NAME - len(os.fsencode(ending))
    return os.fsencode(name)[:room].decode(errors="ignore") + ending


def _folded(name: str) -> str:
    """Equal for names that are one on file systems which do not tell case or accents' forms."""
    return unicodedata.normalize("NFC", name).casefold()


def check_free(paths: Iterable[Path], inputs: Iterable[Path], force: bool) -> None:
    """Refuses, before any work, outputs that would harm what is there.

    Args:
        paths: files to be written.
        inputs: files to be read; none of them is ever written, also by another name for it.
        force: whether other files may be replaced.

    Raises:
        ExportError: naming the first file that is in the way.
    """
    sources = [path for path in inputs if os.path.exists(path)]
    for path in paths:
        if not os.path.exists(path):
            continue
        for source in sources:
            if os.path.samefile(path, source):
                raise ExportError(
                    f"{path} is one of the inputs ({source}) and is not overwritten; "
                    "choose another name."
                )
        if not force and not os.path.isdir(path):
            raise ExportError(f"{path} is there already; choose another name or say --force.")


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
