"""Writes a model's card and weights together or not at all: a whole new folder takes the place."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from shapelab.core.atomic import replace, sync_folder, write_through
from shapelab.core.errors import ExportError
from shapelab.core.model import model_file
from shapelab.core.model.model_summary import CARD, WEIGHTS
from shapelab.core.paths import user_folder

NEW, OLD, GONE = "new", "old", "gone"  # inside the hidden folder, where nobody looks for models


def free_folder(name: str, force: bool) -> Path:
    """Where a model goes, which what a killed export left there does not stand in the way of.

    Args:
        name: a plain name goes to the user's models; a path with a separator is used as it is.
        force: whether a model that is there may be replaced.

    Raises:
        ExportError: there is a model already, or the name cannot be one.
    """
    plain = os.sep not in name and "/" not in name
    folder = (user_folder() / "models" / name if plain else Path(name)).resolve()
    if not folder.name or name in ("", ".", ".."):
        raise ExportError(f"'{name}' is no name of a model; give it one, or a folder to write.")
    _tidy(folder)
    if os.path.lexists(folder) and not folder.is_dir():
        raise ExportError(f"{folder} is a file; choose another name.")
    if not force and _holds_model(folder):
        raise _taken(folder)
    return folder


def write(folder: Path, card: dict[str, Any], weights: bytes, force: bool) -> None:
    """Writes both files of a model; at every instant there is the old model, the new one, or none.

    They are written beside the place, in a hidden folder, and read back. What else the folder held
    stays in it. Should the process be killed between the two renames of a replacement, the next
    export of this name brings the old model back.

    Args:
        folder: as ``free_folder`` gave it.
        card: of ``card.json``.
        weights: of ``model.safetensors``.
        force: as for ``free_folder``; asked again, for somebody may have been quicker.

    Raises:
        ExportError: it cannot be written, or there is another model by now; that one is whole.
        ModelFileError: the disk gave back other bytes.
    """
    hidden = folder.with_name(f"{_prefix(folder)}{secrets.token_hex(4)}.tmp")
    new = hidden / NEW
    try:
        try:
            new.mkdir(parents=True)
            write_through(new / CARD, [json.dumps(card, indent=1).encode()])
            write_through(new / WEIGHTS, [weights])
            sync_folder(new)
            model_file.read(new / WEIGHTS)  # raises unless it reads back as written
            _swap(folder, hidden, force)
        finally:
            _clear(folder, hidden)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ExportError(
            f"{folder} could not be written ({reason}); choose another place or free some space."
        ) from error


def _prefix(folder: Path) -> str:
    """How the hidden folders of a place begin: short, as the name may fill what a disk allows."""
    return f".{hashlib.sha256(os.fsencode(folder.name)).hexdigest()[:12]}-"


def _holds_model(folder: Path) -> bool:
    return any(os.path.lexists(folder / file) for file in (CARD, WEIGHTS))


def _taken(folder: Path) -> ExportError:
    return ExportError(f"{folder} holds a model already; choose another name or say --force.")


def _swap(folder: Path, hidden: Path, force: bool) -> None:
    """Puts the new folder into its place; of several writers one gets it."""
    old = hidden / OLD
    if folder.is_dir():
        replace(folder, old)
        if not force and _holds_model(old):  # asked where nobody can be quicker any more
            raise _taken(folder)
    replace(hidden / NEW, folder)  # refused where somebody has put something there meanwhile
    sync_folder(folder.parent)


def _clear(folder: Path, hidden: Path) -> None:
    """Takes a hidden folder away; a place that it left empty gets back what it had."""
    old = hidden / OLD
    if old.is_dir() and not os.path.lexists(folder):
        replace(old, folder)
    elif old.is_dir():
        for entry in list(old.iterdir()):
            if entry.name not in (CARD, WEIGHTS) and not os.path.lexists(folder / entry.name):
                replace(entry, folder / entry.name)
        replace(old, hidden / GONE)  # what is half removed is never brought back
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(hidden)


def _tidy(folder: Path) -> None:
    """Ends what exports into this place, killed in the middle, have left. Raises ExportError."""
    try:
        for hidden in sorted(folder.parent.glob(f"{_prefix(folder)}*.tmp")):
            _clear(folder, hidden)
    except OSError as error:
        raise ExportError(f"{error.filename} stands in the way ({error.strerror}).") from error
