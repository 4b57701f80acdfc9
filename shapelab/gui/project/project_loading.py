"""Reads projects on a thread: file or journal, the models that it needs, sessions to go on with."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.core.errors import InputError, ShapelabError
from shapelab.core.model.model_summary import model_with
from shapelab.core.project.journal import (
    Journal,
    LeftBehind,
    Standing,
    left_behind,
    read_journal,
)
from shapelab.core.project.project import OpenedProject, models_of, open_project
from shapelab.core.project.project_file import StoredProject, read_project
from shapelab.core.project.view_state import ViewState
from shapelab.core.session.shape_file import ModelStamp
from shapelab.gui.base.workers import Task
from shapelab.gui.window import model_loading

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel


class MissingModel(InputError):
    """A project needs a model that ShapeLab does not know."""

    def __init__(self, name: str, stamp: ModelStamp) -> None:
        super().__init__(
            f"{name} needs the model {stamp.name or 'that it does not name'} "
            f"({stamp.digest[:12] or 'no digest'}), which is not among those that ShapeLab knows; "
            "please get its file and open the project again."
        )
        self.name, self.stamp = name, stamp


@dataclass(frozen=True, eq=False)
class Reader:
    """What reading a project needs to know of the window; taken on the GUI thread.

    Attributes:
        models: those in memory, by digest.
        folders: of models that were opened before, or have just been found.
        usual: the view of a project that says none.
        drawn: set once the viewport has drawn; loading waits for that a while.
    """

    models: Mapping[str, ShapeModel]
    folders: Iterable[Path]
    usual: ViewState
    drawn: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, eq=False)
class LoadedProject:
    """A project that can be shown."""

    opened: OpenedProject
    standing: Standing
    journal: Journal | None = None  # taken, where the project comes from one


def load_file(path: Path, reader: Reader, task: Task) -> LoadedProject:
    """The project in a file.

    Raises:
        InputError: it cannot be read.
        MissingModel: one of its models is not known.
    """
    stored, digest = read_project(path)
    opened = _open(stored, path.name, reader, task)
    return LoadedProject(opened, Standing(str(path.absolute()), digest))


def load_journal(folder: Path, reader: Reader, task: Task) -> LoadedProject:
    """The project that a window left behind when it ended, or was ended.

    Of a project without changes the file counts, for it may have been saved by others since; where
    it is damaged, what the window held is all that is left, and the file lacks it.

    Raises:
        InputError: it cannot be read, or another window has it.
        MissingModel: one of its models is not known.
    """
    journal = Journal(folder)
    if not journal.take():
        raise InputError("These changes are open in another window already.")
    try:
        stored, standing = read_journal(folder)
        name = Path(standing.path).name or "The last session"
        if standing.path and not standing.modified and os.path.isfile(standing.path):
            try:
                stored, digest = read_project(Path(standing.path))
                standing = Standing(standing.path, digest)
            except InputError:
                standing = replace(standing, modified=True)
        return LoadedProject(_open(stored, name, reader, task), standing, journal)
    except BaseException:
        journal.release()
        raise


def _open(stored: StoredProject, name: str, reader: Reader, task: Task) -> OpenedProject:
    models = dict(reader.models)
    for stamp in models_of(stored):
        if stamp.digest not in models:
            summary = model_with(stamp.digest, reader.folders)
            if summary is None:
                raise MissingModel(name, stamp)
            model = model_loading.load(summary.folder, reader.drawn, task)
            models[model.digest] = model
    return open_project(stored, models, reader.usual)


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a window begins with: a project, or a model; and what can be offered beside."""

    model: ShapeModel | None
    project: LoadedProject | None = None
    problem: Exception | None = None  # why the project that was wanted is not there
    left: tuple[LeftBehind, ...] = ()


def begin(
    model: str | Path, project: Path | None, come_back: bool, reader: Reader, task: Task
) -> Beginning:
    """Loads what a window begins with, on the task's thread.

    Args:
        model: name or path, for a window without a project.
        project: the file that was named, if one was.
        come_back: whether the last session shall be gone on with.
        reader: what the window knows.
        task: whose thread it is.

    Raises:
        ShapelabError: the model cannot be loaded.
    """
    found = left_behind()
    last = next((each for each in found if each.standing.ended), None)
    lost = [each for each in found if not each.standing.ended and each.standing.modified]
    loaded, problem = None, None
    try:
        if project is not None:
            loaded = load_file(project, reader, task)
        elif come_back and last is not None and not lost:
            loaded = load_journal(last.folder, reader, task)
            found.remove(last)
    except ShapelabError as error:
        problem = error
    if loaded is not None:
        return Beginning(None, loaded, left=tuple(found))
    return Beginning(
        model_loading.load(model, reader.drawn, task), problem=problem, left=tuple(found)
    )
