"""The folder of a training run: its layout, who trains it now, and what it has reached."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from shapelab.core import files_of_others, formatting
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError, RunError
from shapelab.core.runs.events import EventReader, Finished
from shapelab.core.runs.live_settings import settings_of
from shapelab.core.runs.run_notes import RunNotes, read_notes
from shapelab.core.runs.run_progress import RunProgress
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.store_mix import RunData, StoreShare, shares_of

if TYPE_CHECKING:  # pydantic takes a tenth of a second, and the window is painted without it
    from shapelab.core.runs.run_config import RunConfig

LOCK_PATIENCE_S = 1.0  # somebody who lists runs holds a lock for an instant
COMMANDS = ("pause", "resume", "sample", "save", "stop")  # what a process that trains obeys, and
#: beside them those of ``live_settings``.
SEARCH_DEPTH = 3  # folders below the one that is listed
_MOST_FOLDERS = 20_000  # that are looked into for runs
_MOST_FILES = 100_000  # whose sizes are added
_MAX_CONFIG = 64 * 2**10  # bytes; ours have 3 kB
_MAX_NOTE = 256 * 2**10  # bytes of what notes a run's stores, or who trains it


def check_command(command: str) -> None:
    """Raises ValueError for what no process that trains would understand."""
    if command not in COMMANDS and settings_of(command) is None:
        raise ValueError(f"'{command}' is none of: {', '.join(COMMANDS)}, set key=value")


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run's folder."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def data(self) -> Path:
        """Where the run's prepared stores are, as JSON: what a resume needs to find them."""
        return self.path / "data.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def commands(self) -> Path:
        """Commands to the process that trains the run, one a line; see ``send``."""
        return self.path / "commands.txt"

    @property
    def log(self) -> Path:
        """What a process that the app started said beside its events: errors, tracebacks."""
        return self.path / "trainer.log"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def timeline(self) -> Path:
        """What was learnt at some of the saves, as models that the app can open."""
        return self.path / "timeline"

    @property
    def previews(self) -> Path:
        return self.path / "previews"

    @property
    def synthetic_shapes(self) -> Path:
        """The store of shapes that the run made for its image encoder; ``imagined`` in old runs."""
        old = self.path / "imagined"
        return old if old.exists() else self.path / "synthetic"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def owner(self) -> Path:
        """Who holds the lock, as JSON; a file of its own, as Windows forbids reading a lock."""
        return self.path / "owner.json"

    @property
    def aside(self) -> Path:
        """What the folder is called for an instant while its deletion is tried."""
        return self.path.with_name(f"{self.path.name}.deleting")

    def create(self, config: RunConfig, data: RunData) -> None:
        """Makes the folder of a new run; one that was made like this already stays as it is.

        So a start can be repeated: ``torchrun --max-restarts`` does, after a worker's death.

        Args:
            config: the run's settings.
            data: the prepared store that it learns from, or several with their weights.

        Raises:
            RunError: there is another run in it already, or it cannot be written.
        """
        if os.path.exists(self.config):
            given = tuple(StoreShare(s.store.resolve(), s.weight) for s in shares_of(data))
            if self.read_config() == config and self.stores() == given:
                return
            raise RunError(
                f"{self.path} holds a run already, with other settings or data; resume it or name "
                "another --run."
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.path} cannot be made: {error.strerror}.") from None
        places = [
            {"store": str(share.store.resolve()), "weight": share.weight}
            for share in shares_of(data)
        ]
        noted = {"store": places[0]["store"]} if len(places) == 1 else {"stores": places}
        atomic_write(self.data, json.dumps(noted).encode())
        self.write_config(config)

    def write_config(self, config: RunConfig) -> None:
        """Writes the run's settings. Raises ExportError when the disk refuses."""
        from shapelab.core.runs.run_config import to_toml

        atomic_write(self.config, to_toml(config).encode())

    def read_config(self) -> RunConfig:
        """The run's settings. Raises RunError when there is no run or they cannot be read."""
        from shapelab.core.runs.run_config import from_toml

        try:
            text = files_of_others.read_bytes(self.config, _MAX_CONFIG).decode()
        except FileNotFoundError:
            raise RunError(
                f"{self.path} holds no run; start one with `shapelab train fit`."
            ) from None
        except OSError as error:
            raise RunError(f"{self.config} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise RunError(f"{self.config} holds no settings of a run.") from None
        return from_toml(text)

    def stores(self) -> tuple[StoreShare, ...]:
        """What the run was started on. Raises RunError when it is not noted."""
        try:
            noted = self._note(self.data)
            places = noted.get("stores", [noted])
            return tuple(
                StoreShare(Path(each["store"]), float(each.get("weight", 1))) for each in places
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise RunError(
                f"{self.path} does not say where its data is; name it with --data."
            ) from None

    @staticmethod
    def _note(path: Path) -> Any:
        """What a small JSON file says. Raises OSError or ValueError."""
        return files_of_others.json_of(files_of_others.read_bytes(path, _MAX_NOTE))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the run for this process. The system frees the lock even when it is killed.

        Raises:
            RunError: naming the process that trains the run now, or that the folder is read-only.
        """
        lock = FileLock(self.lock)
        if os.path.lexists(self.lock) and not files_of_others.is_plain(self.lock):
            raise RunError(f"{self.lock} is no plain file; take it away to train the run.")
        try:
            lock.acquire(timeout=LOCK_PATIENCE_S)
        except Timeout:
            raise RunError(
                f"{self.path} is being trained by {self.owner_text()}; "
                "stop that one first, or watch it with `shapelab train inspect`."
            ) from None
        except OSError as error:
            raise RunError(f"{self.path} cannot be locked: {error.strerror}.") from None
        try:
            owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
            with suppress(ExportError):  # a note for others; a full disk is told where it matters
                atomic_write(self.owner, json.dumps(owner).encode())
            yield
        finally:
            self.owner.unlink(missing_ok=True)
            lock.release()

    def send(self, command: str) -> None:
        """Asks the process that trains the run, wherever it runs, for a command.

        Anybody who may write into the folder may ask (``echo stop >> commands.txt`` does the same).
        The process looks a few times a second and obeys what came after its own start.

        Raises:
            RunError: the folder cannot be written.
        """
        check_command(command)
        try:
            with files_of_others.opened(self.commands, "ab") as file:
                file.write(f"{command}\n".encode())
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be written ({error.strerror}), so the run cannot be steered "
                "from here."
            ) from None

    def delete(self) -> None:
        """Removes the run for good; may take long. One without a folder is no error.

        What is refused is refused before anything is lost, as far as the system tells; and the
        settings go last, so that what is left over is still a run that can be deleted.

        Raises:
            RunError: it is being trained, or something in it cannot be removed.
        """
        if not self.path.exists():
            return
        if self.is_locked():
            raise RunError(f"{self.path.name} is being trained; stop it first.")
        try:
            for folder, _, _ in os.walk(self.path):
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
            os.rename(self.path, self.aside)  # Windows refuses while a file in it is open
            os.rename(self.aside, self.path)
            for entry in list(self.path.iterdir()):
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry != self.config:
                    entry.unlink()
            shutil.rmtree(self.path)
        except OSError as error:
            raise RunError(
                f"{self.path.name} cannot be deleted ({error.strerror}: {error.filename}); close "
                "what uses its files, or delete the folder by hand."
            ) from error

    def owner_text(self) -> str:
        """Who trains the run, for a sentence."""
        try:
            owner = self._note(self.owner)
            since = formatting.timestamp(owner["since"])
            return f"process {int(owner['pid'])} on {str(owner['host'])[:80]} (since {since})"
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return "another process"

    def kill_owner(self) -> None:
        """Ends the process that trains the run, at once; what it had not saved is lost.

        Raises:
            RunError: it runs on another machine, cannot be told for sure, or is not ours to end.
        """
        import psutil

        try:
            owner = self._note(self.owner)
            process = psutil.Process(int(owner["pid"]))
            here = owner["host"] == socket.gethostname() and self.is_locked()
            # A number says little: only the trainer holds the lock's file open.
            held = {os.path.realpath(file.path) for file in process.open_files()} if here else ()
            if os.path.realpath(self.lock) in held:
                process.kill()
                return
        except (OSError, ValueError, KeyError, TypeError, OverflowError, psutil.Error):
            pass
        raise RunError(
            f"{self.path.name} is trained by {self.owner_text()}; it can only be ended there."
        )

    def is_locked(self) -> bool:
        """Whether a process trains the run at this moment."""
        if not files_of_others.is_plain(self.lock):
            return False
        lock = FileLock(self.lock)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            return True
        lock.release()
        return False


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs shows."""

    path: Path
    state: RunState  # of a run that is trained now: TRAINING, whatever it does at the moment
    step: int
    steps: int
    preset: str
    best: float | None  # IoU of the best validation
    size: int  # bytes on disk
    changed: float  # seconds since 1970
    notes: RunNotes = field(default_factory=RunNotes)

    def matches(self, search: str) -> bool:
        """Whether each word of a search is in the run's name, preset, state, tags or note.

        A word after ``#`` is a tag, whole. Case does not count.
        """
        tags = [tag.casefold() for tag in self.notes.tags]
        texts = (self.path.name, self.preset, self.state.label, *tags, self.notes.text)
        told = " ".join(texts).casefold()
        words = search.casefold().split()
        return all(word[1:] in tags if word[0] == "#" else word in told for word in words)


def summarise(folder: RunFolder) -> RunSummary:
    """Reads a run's settings, history and size, and asks its lock whether somebody trains it.

    Raises:
        RunError: there is no run.
    """
    config = folder.read_config()
    progress, ended = RunProgress(config.steps), None
    for event in EventReader(folder.events).read():
        progress.add(event)
        ended = event.reason if isinstance(event, Finished) else None
    step, best = progress.step, progress.best
    if folder.is_locked():
        state = RunState.TRAINING
    elif ended is not None:
        state = ended
    else:
        state = RunState.INTERRUPTED if step else RunState.NEW
        step = progress.saved or 0  # what was not saved is lost
    size, changed = _size_and_time(folder.path)
    notes = read_notes(folder.path)
    return RunSummary(
        folder.path, state, step, config.steps, config.preset, best, size, changed, notes
    )


def _size_and_time(path: Path) -> tuple[int, float]:
    """Bytes in a folder, and when a file in it was changed last."""
    size, changed = 0, 0.0
    files = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    for file in islice(files, _MOST_FILES):
        with suppress(OSError):  # a run that trains drops files while they are counted
            found = os.lstat(file)
            size, changed = size + found.st_size, max(changed, found.st_mtime)
    return size, min(changed, time.time())


def find_runs(root: Path) -> list[RunSummary]:
    """All readable runs at or below a folder, the one changed last first.

    Folders may come and go meanwhile: runs are started and deleted while others look.
    """
    found = []
    for folder in islice(_folders(root), _MOST_FOLDERS):
        if os.path.lexists(folder / "config.toml"):
            with suppress(RunError, OSError):  # somebody else's config.toml
                found.append(summarise(RunFolder(folder)))
    return sorted(found, key=lambda run: -run.changed)


def _folders(root: Path) -> Iterator[Path]:
    """A folder and those below it, the higher ones first; of those that links lead to each once."""
    level, seen = [root], set()
    for _ in range(SEARCH_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            with suppress(OSError):  # it has gone
                found = os.stat(folder)
                if (place := (found.st_dev, found.st_ino)) in seen:
                    continue
                seen.add(place)
                yield folder
                with os.scandir(folder) as entries:
                    below += sorted(folder / e.name for e in entries if e.is_dir())
        level = below
