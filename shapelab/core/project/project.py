"""A project: the sessions of one window with their histories, pictures, and how they are seen."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from shapelab.core.errors import InputError
from shapelab.core.model.latent import DIRECTIONS
from shapelab.core.project.originals import Original, read_original
from shapelab.core.project.project_file import (
    MAX_BYTES,
    MAX_CONTENT,
    MOST_PICTURES,
    StoredProject,
    is_digest,
)
from shapelab.core.project.scans import StoredScan, read_scan
from shapelab.core.project.view_state import ViewState, view_from_plain
from shapelab.core.session.gallery import Gallery, gallery_from_plain, gallery_to_plain
from shapelab.core.session.history import History, KnownSteps
from shapelab.core.session.session import Session
from shapelab.core.session.shape_file import ModelStamp, stamp_of
from shapelab.core.session.snapshot import Snapshot, snapshot_to_plain

if TYPE_CHECKING:
    from shapelab.core.inputs.scan import Scan
    from shapelab.core.model.shape_model import ShapeModel

MOST_SESSIONS = 16  # each needs its model
MOST_ORIGINALS = 1000
NO_ROOM = "The project has no room for the scan of {}; it keeps the shape alone."
DAMAGED = "The project is damaged: {}."


@dataclass(frozen=True, eq=False)
class SessionPart:
    """A session at one moment, to be written on another thread."""

    model: ModelStamp
    locked: frozenset[int]
    history: History[Snapshot]  # a copy that nobody changes
    gallery: Gallery
    originals: tuple[Original, ...]
    left: int | None  # the step at which another model was opened, if one was

    @classmethod
    def of(
        cls, session: Session, originals: Iterable[Original] = (), left: int | None = None
    ) -> SessionPart:
        """What a session is now; takes a moment, however long its history is."""
        stamp = ModelStamp(session.model.name, session.model.digest)
        history = session.history.copy()
        return cls(stamp, session.locked, history, session.gallery, tuple(originals), left)

    def same_work(self, other: SessionPart) -> bool:
        """Whether both hold the same shapes, pictures and steps, and show the same one."""
        mine, its = (
            (each.model, each.locked, each.gallery, each.originals) for each in (self, other)
        )
        return mine == its and self.history.same_steps(other.history)


@dataclass(frozen=True, eq=False)
class Project:
    """All that a window holds at one moment; an immutable value."""

    sessions: tuple[SessionPart, ...]
    shown: int  # which of them
    view: ViewState

    def same_work(self, other: Project) -> bool:
        """Whether both hold the same shapes, pictures and steps, however they are looked at."""
        if (len(self.sessions), self.shown) != (len(other.sessions), other.shown):
            return False
        pairs = zip(self.sessions, other.sessions, strict=True)
        return all(mine.same_work(its) for mine, its in pairs)


class _Known:
    """What a session was written as the last time."""

    def __init__(self) -> None:
        self.steps: KnownSteps[Snapshot] = {}
        self.gallery = Gallery()
        self.shapes = gallery_to_plain(self.gallery)


class ProjectEncoder:
    """Makes plain data of a project; what has not changed since the last time is the same object.

    So writing one step more of ten thousand takes some milliseconds. For one thread.
    """

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self.left_out = ""  # in a sentence, what the last project lacks as it was stored

    def stored(self, project: Project) -> StoredProject:
        """The project as it goes into a file."""
        del self._known[len(project.sessions) :]
        self._known += [_Known() for _ in range(len(project.sessions) - len(self._known))]
        parts = zip(project.sessions, self._known, strict=True)
        originals = [each for part in project.sessions for each in part.originals]
        pictures = {each.digest: each.data for each in originals}
        scans, without = _scans_with_room(originals, pictures)
        self.left_out = NO_ROOM.format(", ".join(without)) if without else ""
        content = {
            "sessions": [_session_to_plain(part, known, scans) for part, known in parts],
            "shown": project.shown,
            "view": project.view.to_plain(),
        }
        return StoredProject(content, pictures | scans)


def _scans_with_room(
    originals: Sequence[Original], pictures: Mapping[str, bytes]
) -> tuple[dict[str, bytes], Iterable[str]]:
    """The scans that go into a file beside its pictures, the newest first; names of the others."""
    room = MAX_BYTES - MAX_CONTENT - sum(map(len, pictures.values()))
    scans: dict[str, bytes] = {}
    others = []
    for original in reversed(originals):
        scan = original.stored_scan
        if original.result.scan is None or (scan is not None and scan.digest in scans):
            continue
        if scan is None or len(scan.data) > room or len(pictures) + len(scans) >= MOST_PICTURES:
            others.append(original.name)
        else:
            scans[scan.digest] = scan.data
            room -= len(scan.data)
    return scans, dict.fromkeys(others)


def _session_to_plain(part: SessionPart, known: _Known, scans: Container[str]) -> dict[str, Any]:
    if part.gallery is not known.gallery:
        known.gallery, known.shapes = part.gallery, gallery_to_plain(part.gallery)
    return {
        "model": {"name": part.model.name, "digest": part.model.digest},
        "locked": sorted(part.locked),
        "gallery": known.shapes,
        "history": part.history.to_plain(snapshot_to_plain, known.steps),
        "originals": [each.digest for each in part.originals],
        "scans": {
            each.digest: each.stored_scan.digest
            for each in part.originals
            if each.stored_scan is not None and each.stored_scan.digest in scans
        },
        "left": part.left,
    }


@dataclass(frozen=True, eq=False)
class OpenedProject:
    """A project as it was read, with its models: sessions to go on with."""

    sessions: tuple[Session, ...]
    originals: tuple[tuple[Original, ...], ...]  # of each session
    left: tuple[int | None, ...]  # of each session, as in ``SessionPart``
    shown: int
    view: ViewState


def models_of(stored: StoredProject) -> tuple[ModelStamp, ...]:
    """The models that a project needs, each once, that of the shown session first.

    Raises:
        InputError: it is damaged.
    """
    parts, shown = _parts(stored)
    ordered = [parts[shown], *parts]
    return tuple(dict.fromkeys(stamp_of(part) for part in ordered))


def open_project(
    stored: StoredProject, models: Mapping[str, ShapeModel], usual: ViewState
) -> OpenedProject:
    """Makes sessions of what a file or a journal holds.

    Args:
        stored: as it was read.
        models: those of ``models_of``, by digest.
        usual: the view where the project says none.

    Raises:
        InputError: it is damaged, or a model is missing; the sentence names it.
    """
    parts, shown = _parts(stored)
    sessions, originals, left = [], [], []
    scan_of = cache(partial(_scan, stored))  # of many poses and models, and of many lies, once
    for part in parts:
        stamp = stamp_of(part)
        model = models.get(stamp.digest)
        if model is None:
            raise InputError(f"The project needs the model '{stamp.name}' ({stamp.digest[:12]}).")
        sessions.append(_session(part, model))
        originals.append(tuple(_originals(part, stored, model, scan_of)))
        left.append(_left(part, sessions[-1]) if part is not parts[-1] else None)
    view = view_from_plain(stored.content.get("view"), usual)
    return OpenedProject(tuple(sessions), tuple(originals), tuple(left), shown, view)


def _parts(stored: StoredProject) -> tuple[Sequence[dict[str, Any]], int]:
    parts, shown = stored.content.get("sessions"), stored.content.get("shown")
    if not isinstance(parts, list) or not 0 < len(parts) <= MOST_SESSIONS:
        raise InputError(DAMAGED.format("it holds no shapes"))
    if not all(isinstance(part, dict) for part in parts):
        raise InputError(DAMAGED.format("a part of it is odd"))
    if type(shown) is not int or not 0 <= shown < len(parts):
        raise InputError(DAMAGED.format("it does not say what it shows"))
    return parts, shown


def _session(part: dict[str, Any], model: ShapeModel) -> Session:
    session = Session(model)
    session.restore_history(part.get("history"), gallery_from_plain(part.get("gallery")))
    locked = part.get("locked")
    if not isinstance(locked, list) or not all(type(index) is int for index in locked):
        raise InputError(DAMAGED.format("its locks are odd"))
    if any(not 0 <= index < DIRECTIONS for index in locked):
        raise InputError(DAMAGED.format("its locks are odd"))
    for index in locked:
        session.set_locked(index, True)
    return session


def _left(part: dict[str, Any], session: Session) -> int:
    number = part.get("left")
    if type(number) is not int or number not in session.history:
        raise InputError(DAMAGED.format("its models are out of order"))
    return number


def _originals(
    part: dict[str, Any],
    stored: StoredProject,
    model: ShapeModel,
    scan_of: Callable[[str], tuple[Scan, StoredScan]],
) -> Iterable[Original]:
    digests, scans = part.get("originals"), part.get("scans", {})  # none before version 3
    if not isinstance(digests, list) or len(digests) > MOST_ORIGINALS:
        raise InputError(DAMAGED.format("its pictures are odd"))
    if not isinstance(scans, dict):
        raise InputError(DAMAGED.format("its scans are odd"))
    for digest in digests:
        if not is_digest(digest) or digest not in stored.pictures:
            raise InputError(DAMAGED.format("a picture of it is missing"))
        original = read_original(stored.pictures[digest], model.latent_size, model.spec.resolution)
        if digest in scans and original.result.voxels is not None:
            original = original.with_scan(*scan_of(str(scans[digest])))
        yield original


def _scan(stored: StoredProject, digest: str) -> tuple[Scan, StoredScan]:
    if digest not in stored.pictures:
        raise InputError(DAMAGED.format("a scan of it is missing"))
    data = stored.pictures[digest]
    return read_scan(data), StoredScan(digest, data)
