"""Tables of a source's models: their classes, and who made them under which licence.

A table is CSV with a head, or JSON: a list of objects, or one object by path. It has a column of
paths (``path``, ``file``, ``filename``, ``model``, ``name`` or ``id``) and one of classes
(``class``, ``category`` or ``label``). A path may lack its suffix, or be a folder with one model.
``LICENSES.csv`` has ``title``, ``author``, ``licence``, ``licence_url``, ``source``, ``changes``
and ``note`` as well; whatever else a table has is passed over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from shapelab.core import files_of_others
from shapelab.core.errors import DataError, InputError

from ..source import Attribution, Item
from . import source_files

LICENCES = "LICENSES.csv"
_PATHS = ("path", "file", "filename", "model", "name", "id")
_CLASSES = ("class", "category", "label")
_MAX_BYTES = 2**23  # of a table
_MAX_TABLES = 20  # beside the models that are looked at
_LEAST = 0.5  # of a source's models that a table must name, to be the table of them

Row = Mapping[str, str]


class Catalogue:
    """Rows by path."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Raises ValueError where there is no column of paths."""
        self._rows: dict[str, Row] = {}
        for row in rows:
            column = next((name for name in _PATHS if row.get(name)), None)
            if column is not None:
                self._rows.setdefault(_plain(row[column]), row)
        if not self._rows:
            raise ValueError("it has no column 'path' or 'file'")

    def row(self, *names: str) -> Row | None:
        """What is said of a model under one of its names, else of the innermost folder around."""
        for name in map(PurePosixPath, names):
            for path in (name, name.with_suffix(""), *name.parents):
                if (found := self._rows.get(str(path))) is not None:
                    return found
        return None

    def label(self, *names: str) -> str:
        """The class of a model; "" where none is said."""
        row = self.row(*names) or {}
        return next((row[name].strip() for name in _CLASSES if row.get(name)), "")


def _plain(path: str) -> str:
    return str(PurePosixPath(path.strip().replace("\\", "/").removeprefix("./")))


def _parsed(data: bytes, name: str) -> Catalogue:
    """A table. Raises ValueError or csv.Error where it is none."""
    text = data.decode("utf-8-sig", "replace")
    if name.lower().endswith(".csv"):
        rows = csv.DictReader(io.StringIO(text))
        return Catalogue({k.strip().lower(): v for k, v in r.items() if k and v} for r in rows)
    found = files_of_others.json_of(text)
    if isinstance(found, dict):
        found = [
            {**(v if isinstance(v, dict) else {"class": v}), "path": k} for k, v in found.items()
        ]
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError("it is no list of objects")
    return Catalogue(
        {str(k).lower(): str(v) for k, v in row.items() if isinstance(v, str | int)}
        for row in found
    )


def read(path: Path) -> Catalogue:
    """The table of classes that a person gives.

    Raises:
        DataError: it cannot be read, or lacks a column.
    """
    try:
        with source_files.opened(path) as file:
            table = _parsed(file.read(_MAX_BYTES), path.name)
    except (InputError, OSError) as error:
        raise DataError(f"{path} cannot be read; please check its name.") from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path} needs the columns path and class: {error}.") from error
    return table


def relabelled(items: Sequence[Item], table: Path) -> list[Item]:
    """The items that a table names, with the classes that it gives them.

    Raises:
        DataError: it cannot be read, or names none of them.
    """
    catalogue = read(table)
    found = [
        replace(item, label=label)
        for item in items
        if (label := catalogue.label(item.id, item.member or item.path.name))
    ]
    if not found:
        raise DataError(
            f"{table} gives none of the {len(items)} shapes a class; its paths are those below the "
            f"source, such as '{items[0].id}'."
        )
    return found


def beside(source: Path, names: Sequence[str], models: Sequence[str]) -> Catalogue | None:
    """The table that lies beside a source's models: LICENSES.csv, or the one that names most.

    Args:
        source: a folder or an archive.
        names: of all files in it.
        models: the names of those that are models.
    """
    tables = [n for n in names if n.lower().endswith((".csv", ".json")) and n.count("/") <= 1]
    tables.sort(key=lambda name: (not name.endswith(LICENCES), name.count("/"), name))
    for name in tables[:_MAX_TABLES]:
        try:
            table = _parsed(source_files.start_of(source, name, _MAX_BYTES), name)
        except (ValueError, csv.Error, InputError, OSError):
            continue  # something else
        top = name.rpartition("/")[0]
        named = sum(bool(table.row(model.removeprefix(f"{top}/"), model)) for model in models)
        if named >= _LEAST * len(models):
            return table
    return None


def attribution(row: Row | None) -> Attribution | None:
    """What a row of LICENSES.csv says of a model's maker; None where it names no licence."""
    licence = (row or {}).get("licence") or (row or {}).get("license")
    if row is None or not licence:
        return None
    given = {name: row.get(name, "").strip() for name in Attribution.__dataclass_fields__}
    return Attribution(**(given | {"licence": licence.strip()}))
