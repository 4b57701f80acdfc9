"""What a model is without its weights: header and card of its file; and which models are there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shapelab.core import files_of_others
from shapelab.core.errors import ModelFileError
from shapelab.core.paths import DEFAULT_MODEL, resources, user_folder

if TYPE_CHECKING:  # pydantic takes a tenth of a second, and the window is painted without it
    from shapelab.core.model.spec import ModelSpec

FORMAT = "shapelab-model"
#: 1: the digest left the spec out; 2: no signed distances, sub-cells; 3: no backbones; 4: no flow;
#: 5: always an image encoder; 6: always networks; 7: shapes named it by the digest of its file.
VERSION = 8
BLIND = "blind"  # in the metadata of a file without an image encoder
GENERATOR, PROCEDURAL = "generator", "procedural"  # in that of one without networks
SHAPES = "shapes"  # in the metadata: the digest of what says which shape a latent is
EARLIER = "earlier_digests"  # in a card: those of files that made the very same shapes
WEIGHTS, CARD = "model.safetensors", "card.json"
MAX_HEADER = 1024**2  # bytes; a longer JSON header is a known way to stall a reader
MAX_CARD = 4 * 1024**2  # bytes; one that thanks the makers of 50,000 shapes has 2 MB

#: Where a model is kept: with the program, in the user's folder, or anywhere else.
Origin = Literal["shipped", "yours", "opened before"]


@dataclass(frozen=True)
class ModelSummary:
    """A model that can be opened; its digests are what the file claims, until it is loaded.

    Attributes:
        digest: of what makes its shapes, by which they name their model.
        checksum: of the whole file.
    """

    folder: Path
    origin: Origin
    spec: ModelSpec
    digest: str
    checksum: str
    card: dict[str, Any]
    sees_pictures: bool = True

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def classes(self) -> tuple[str, ...]:
        return self.spec.classes


def is_model(path: Path) -> bool:
    """Whether a path names a model: its folder, or the file with its weights."""
    return path.suffix == Path(WEIGHTS).suffix or os.path.isfile(path / WEIGHTS)


def metadata_of(data: bytes, path: Path) -> dict[str, str]:
    """The metadata at the start of a file, read with bounds before safetensors sees it.

    Raises:
        ModelFileError: it is damaged, no model, or too new.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or not 2 <= length <= min(MAX_HEADER, len(data) - 8):
        raise ModelFileError(f"{path.name} is damaged or not a model file; please get it again.")
    try:
        metadata = files_of_others.json_of(data[8 : 8 + length]).get("__metadata__", {})
    except (ValueError, AttributeError):
        raise ModelFileError(
            f"{path.name} is damaged or not a model file; please get it again."
        ) from None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ModelFileError(f"{path.name} is no ShapeLab model; make one with `export-model`.")
    version = str(metadata.get("version", ""))
    if not (version.isascii() and version.isdecimal() and len(version) < 7):
        raise ModelFileError(f"{path.name} is damaged: it has no version; please get it again.")
    if int(version) > VERSION:
        raise ModelFileError(
            f"{path.name} was written by a newer ShapeLab (format {version}; this one reads up to "
            f"{VERSION}); please update ShapeLab."
        )
    return metadata


def read_card(folder: Path) -> dict[str, Any]:
    """What a person should know of a model; nothing where that cannot be read."""
    try:
        card = files_of_others.json_of(files_of_others.read_bytes(folder / CARD, MAX_CARD))
    except (OSError, ValueError):
        return {}  # a card informs; a model without one still works
    return card if isinstance(card, dict) else {}


def summarise(folder: Path, origin: Origin) -> ModelSummary:
    """A model's summary, in milliseconds. Raises ModelFileError as opening it would."""
    from pydantic import ValidationError

    from shapelab.core.model.spec import ModelSpec

    path = folder / WEIGHTS
    try:
        with files_of_others.opened(path, links=True) as file:
            data = file.read(8)
            data += file.read(min(int.from_bytes(data, "little"), MAX_HEADER))
    except OSError as error:
        raise ModelFileError(f"{path.name} cannot be read: {error.strerror}.") from None
    metadata = metadata_of(data, path)
    try:
        spec = ModelSpec.model_validate_json(metadata["spec"])
    except (ValidationError, KeyError, ValueError, TypeError):
        raise ModelFileError(f"{path.name} is damaged; please get it again.") from None
    checksum, sees = str(metadata.get("digest")), BLIND not in metadata
    digest = metadata.get(SHAPES, checksum)
    return ModelSummary(folder, origin, spec, digest, checksum, read_card(folder), sees)


def find_models(opened_before: Iterable[Path] = ()) -> list[ModelSummary]:
    """The models that can be opened: shipped, the user's own, and others by their folders."""
    found: dict[Path, ModelSummary] = {}
    for folder, origin in _places(opened_before):
        if folder.resolve() not in found and os.path.isfile(folder / WEIGHTS):
            try:
                found[folder.resolve()] = summarise(folder, origin)
            except ModelFileError:
                continue  # opening it by name says why
    return sorted(found.values(), key=lambda model: model.name != DEFAULT_MODEL)


def model_with(digest: str, opened_before: Iterable[Path] = ()) -> ModelSummary | None:
    """The model of a digest, wherever it lies; None if it is not among those that are known."""
    found = (model for model in find_models(opened_before) if model.digest == digest)
    return next(found, None)


def digest_today(digest: str) -> str:
    """What a shipped model is called now that shapes know by an earlier digest; else the same."""
    return _renamed().get(digest, digest)


@cache
def _renamed() -> dict[str, str]:
    shipped = [summarise(folder, origin) for folder, origin in _places(()) if origin == "shipped"]
    return {old: model.digest for model in shipped for old in model.card.get(EARLIER, ())}


def seeing_model(opened_before: Iterable[Path] = ()) -> ModelSummary | None:
    """The first of the known models that sees pictures, if there is one."""
    return next((m for m in find_models(opened_before) if m.sees_pictures), None)


def _places(opened_before: Iterable[Path]) -> Iterator[tuple[Path, Origin]]:
    for path in sorted((resources() / "models").glob(f"*/{WEIGHTS}")):
        yield path.parent, "shipped"
    for path in sorted((user_folder() / "models").glob(f"*/{WEIGHTS}")):
        yield path.parent, "yours"
    for folder in opened_before:
        yield folder, "opened before"
