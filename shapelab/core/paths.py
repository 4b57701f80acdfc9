"""Finds the shipped resources and the user's own folders."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from shapelab.core.errors import ModelFileError

_PACKAGE = Path(__file__).resolve().parents[1]


def resources() -> Path:
    """The folder of shipped files: inside the wheel, or beside the package in a checkout."""
    for folder in (_PACKAGE / "resources", _PACKAGE.parent / "resources"):
        if folder.is_dir():
            return folder
    raise ModelFileError("ShapeLab's resources folder is missing; please install it again.")


def manual() -> Path:
    """The text of the Help page: README itself, in the wheel or in a checkout.

    Raises:
        ModelFileError: the installation lacks it.
    """
    for file in (_PACKAGE / "resources" / "README.md", _PACKAGE.parent / "README.md"):
        if file.is_file():
            return file
    raise ModelFileError("ShapeLab's README.md is missing; please install ShapeLab again.")


def user_folder() -> Path:
    """Where the user's own models, settings and sessions live."""
    return Path(platformdirs.user_data_dir("shapelab", appauthor=False))


def log_folder() -> Path:
    """Where log files go."""
    return Path(platformdirs.user_log_dir("shapelab", appauthor=False))


#: The shipped models that commands take, and that the window begins with, where none is named: one
#: that learnt as the paper says, and one whose shapes are sharp and may be sold.
DEFAULT_MODEL, START_MODEL = "modelnet10", "procedural"


def find_model(name: str | Path) -> Path:
    """The folder of a model: a path to a folder or file, a user's model, or a shipped one.

    Raises:
        ModelFileError: naming the models that are there.
    """
    direct = Path(name).expanduser()
    if direct.suffix == ".safetensors" and os.path.isfile(direct):
        return direct.parent
    if os.path.isfile(direct / "model.safetensors"):
        return direct
    places = [user_folder() / "models", resources() / "models"]
    for place in places:
        if os.path.isfile(place / str(name) / "model.safetensors"):
            return place / str(name)
    known = sorted({p.parent.name for place in places for p in place.glob("*/model.safetensors")})
    listed = ", ".join(known) or "none"
    raise ModelFileError(f"There is no model '{name}'; the ones installed are: {listed}.")
