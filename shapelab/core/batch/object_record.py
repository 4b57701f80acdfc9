"""What is remembered of an object of a batch: enough to pass over it next time, and to show it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapelab.core import files_of_others
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError

#: The folder of the records, beside the files that were made.
RECORDS = ".shapelab-batch"
_FORMAT, _VERSION = "shapelab-batch-object", 1
_MAX_BYTES = 4 * 2**20  # of a record; that of eight pictures takes half a megabyte
_MAX_FILE = 2**30  # bytes of a made file whose digest is looked at


@dataclass(frozen=True)
class Tile:
    """A picture of an object on the sheet."""

    caption: str
    webp: bytes


@dataclass(frozen=True)
class ObjectRecord:
    """What was made of an object.

    Attributes:
        name: of its files, for people.
        key: of all that it was made from: files, options, model, version of the program.
        made: the name of the file in the batch's folder.
        digest: SHA-256 of that file, hexadecimal.
        line: what is said of the file: size, parts, triangles, verdict.
        agreement: IoU of silhouettes or of cells, 0 to 1; None where nothing was compared.
        facts: further ones, each with its label.
        tiles: pictures of it.
        shape: the text of its ``.shape.json`` file.
        seconds: how long it took.
    """

    name: str
    key: str
    made: str
    digest: str
    line: str
    agreement: float | None
    facts: tuple[tuple[str, str], ...]
    tiles: tuple[Tile, ...]
    shape: str
    seconds: float

    def stands(self, folder: Path) -> bool:
        """Whether its file is still there as it was made."""
        return digest_of(folder / self.made) == self.digest


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file, hexadecimal; None where there is none that can be read."""
    try:
        data = files_of_others.read_bytes(path, _MAX_FILE, links=True)
    except OSError:
        return None
    return hashlib.sha256(data).hexdigest()


def key_of(files: Sequence[Path], said: Sequence[object]) -> str | None:
    """The key of what is made from files, with what else counts; None where one is unreadable."""
    found = hashlib.sha256()
    for path in files:
        digest = digest_of(path)
        if digest is None:
            return None
        found.update(repr((path.name, digest)).encode("utf-8", "surrogatepass"))
    found.update(repr(tuple(said)).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def records_of(folder: Path) -> Path:
    """The folder of a batch's records. Raises ExportError where it cannot be made."""
    records = folder / RECORDS
    try:
        records.mkdir(exist_ok=True)
    except OSError as error:
        raise ExportError(f"The folder {records} cannot be made: {error.strerror}.") from None
    return records


def write_record(folder: Path, record: ObjectRecord) -> None:
    """Keeps a record in a batch's folder. Raises ExportError where it cannot be written."""
    records_of(folder)
    atomic_write(_place(folder, record.made), json.dumps(_plain(record)).encode("ascii"))


def read_record(folder: Path, made: str) -> ObjectRecord | None:
    """The record of a made file; None where there is no sound one."""
    try:
        data = files_of_others.read_bytes(_place(folder, made), _MAX_BYTES)
        record = _of_plain(files_of_others.json_of(data))
    except (OSError, ValueError, KeyError, TypeError, binascii.Error):
        return None
    return record if record.made == made else None


def _place(folder: Path, made: str) -> Path:
    # By a digest: the name of the file itself may be as long as a name can be.
    name = hashlib.sha256(made.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return folder / RECORDS / f"{name}.json"


def _plain(record: ObjectRecord) -> dict[str, Any]:
    tiles = [[tile.caption, base64.b64encode(tile.webp).decode("ascii")] for tile in record.tiles]
    return {"format": _FORMAT, "version": _VERSION} | vars(record) | {"tiles": tiles}


def _of_plain(data: Any) -> ObjectRecord:
    """The inverse of ``_plain``. Raises one of four errors for anything odd."""
    if (data["format"], data["version"]) != (_FORMAT, _VERSION):
        raise ValueError("it is of another version")
    agreement = data["agreement"]
    texts = {name: _text(data[name]) for name in ("name", "key", "made", "digest", "line", "shape")}
    return ObjectRecord(
        **texts,
        agreement=None if agreement is None else float(agreement),
        facts=tuple((_text(label), _text(value)) for label, value in data["facts"]),
        tiles=tuple(
            Tile(_text(caption), base64.b64decode(encoded, validate=True))
            for caption, encoded in data["tiles"]
        ),
        seconds=float(data["seconds"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it is no text")
    return value
