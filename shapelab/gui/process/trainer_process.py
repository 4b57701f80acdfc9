"""Starts the trainer as a process that outlives the app; knows no Qt."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from shapelab.core import files_of_others
from shapelab.core.errors import RunError
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.store_mix import RunData, shares_of
from shapelab.core.runs.trainer_module import trainer_module
from shapelab.gui.base import memory

NICE = 10  # the window's thread comes first: frames are then drawn as if nobody trained
LOG_BYTES, LOG_LINES = 8192, 20  # of the log's end, for whoever asks what happened


@dataclass(frozen=True)
class Job:
    """Something that the trainer does in a folder.

    Args:
        kind: "fit" trains the run in the folder; "prepare" makes the store in the folder;
            "attach" only watches the run in the folder, whoever trains it; "evaluate" writes the
            page and the figures that are called as the folder, which is none; "export" writes a
            model, and what it says lies beside a folder of this name, which is none either.
        folder: of the run or of the store.
        arguments: of the trainer.
    """

    kind: Literal["fit", "prepare", "attach", "evaluate", "export"]
    folder: Path
    arguments: tuple[str, ...] = ()

    @property
    def trains(self) -> bool:
        """Whether there is a run, with its own files, in the folder."""
        return self.kind in ("fit", "attach")

    @property
    def events(self) -> Path:
        """The JSON lines to follow; without a run they come from stdout.

        They lie beside the folder, which must be empty when a preparation begins.
        """
        if not self.trains:
            return self.folder.with_name(f"{self.folder.name}.events.jsonl")
        return RunFolder(self.folder).events

    @property
    def log(self) -> Path:
        """What the process says beside its events."""
        if not self.trains:
            return self.folder.with_name(f"{self.folder.name}.log")
        return RunFolder(self.folder).log


def fit_job(
    run: Path,
    data: RunData,
    preset: str = "small",
    settings: Sequence[str] = (),
    steps: int | None = None,
) -> Job:
    """A new run; ``settings`` are ``key=value`` texts, as for ``--set``."""
    given = [part for share in shares_of(data) for part in ("--data", str(share))]
    given += ["--run", str(run), "--preset", preset]
    given += [] if steps is None else ["--steps", str(steps)]
    return Job("fit", run, ("fit", *given, *_common(settings)))


def resume_job(run: Path, data: Path | None = None, settings: Sequence[str] = ()) -> Job:
    """Goes on with a run; ``data`` only if the store has moved."""
    given = [] if data is None else ["--data", str(data)]
    return Job("fit", run, ("resume", str(run), *given, *_common(settings)))


def prepare_job(source: Path, store: Path, options: Sequence[str] = ()) -> Job:
    """Makes a prepared store; ``options`` as on the command line (``--views``, ``8`` …)."""
    given = (str(source), "--out", str(store), *options)
    return Job("prepare", store, ("prepare", *given, "--events", "jsonl"))


def evaluate_job(subject: Path | str, place: Path, data: Sequence[str] = ()) -> Job:
    """Scores a run or a model; ``place`` as ``evaluation_file.place_of`` has it."""
    given = [part for each in data for part in ("--data", each)]
    given += ["--report", str(place.with_name(f"{place.name}.html")), "--force"]
    return Job("evaluate", place, ("evaluate", str(subject), *given, "--events", "jsonl"))


def export_job(
    run: Path, name: str, licence: str = "", note: str = "", checkpoint: str = "newest"
) -> Job:
    """Makes a model of a run, with its card, among the user's own; all as on the command line."""
    chosen = (f"--licence={licence}", f"--note={note}", f"--checkpoint={checkpoint}")
    given = ("export-model", *chosen, "--events", "jsonl", "--", str(run), name)
    return Job("export", run / "export", given)


def attach_job(run: Path) -> Job:
    """Watches and steers a run that another process trains, here or on a shared folder."""
    return Job("attach", run)


def _common(settings: Sequence[str]) -> list[str]:
    return [part for text in settings for part in ("--set", text)] + ["--events", "jsonl"]


class TrainerProcess:
    """The running process of a job. Neither a closed nor a killed app takes it along.

    Its stderr goes to the job's log, its stdout to the file of events if it writes them there. Its
    stdin carries commands; that this pipe ends one day is not a command.

    Raises:
        RunError: the folder cannot be written, or there is no trainer.
    """

    def __init__(self, job: Job) -> None:
        command = trainer_command()
        try:
            job.events.parent.mkdir(parents=True, exist_ok=True)
            with files_of_others.opened(job.log, "ab") as log, _stdout(job) as stdout:
                self._log, self._log_start = job.log, log.seek(0, os.SEEK_END)
                self._process = subprocess.Popen(
                    [*command, *job.arguments],
                    stdin=subprocess.PIPE,
                    stdout=stdout,
                    stderr=log,
                    env=memory.unlimited(os.environ) | {"PYTHONUTF8": "1"},
                    start_new_session=True,
                    creationflags=_windows_flags(),
                )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise RunError(f"The trainer cannot be started in {job.folder}: {reason}.") from None
        if sys.platform != "win32":
            # Before it has threads, which inherit this; preexec_fn is unsafe beside our own.
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.pid, NICE)
            # Linux shares the processor among sessions first, and nice counts within one only
            # (sched(7), autogroup); this is the nice of the new session itself.
            with contextlib.suppress(OSError):
                Path(f"/proc/{self.pid}/autogroup").write_text(str(NICE), "ascii")

    @property
    def pid(self) -> int:
        return self._process.pid

    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def send(self, command: str) -> None:
        """Asks for a command as ``RunFolder.send`` does; without a run it knows 'stop' only."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has just ended, which is found out anyway
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()

    def last_words(self) -> list[str]:
        """The last lines that it wrote into the log."""
        return log_end(self._log, self._log_start)

    def kill(self) -> None:
        """Ends it at once; what came after its last checkpoint is lost."""
        self._process.kill()

    def leave(self) -> None:
        """Lets go of it: it runs on, and if it has ended nothing is left of it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        _LEFT[:] = [process for process in _LEFT if process.poll() is None]
        if self._process.poll() is None:
            _LEFT.append(self._process)  # collected while it runs, Python would complain


def trainer_command() -> tuple[str, ...]:
    """What starts the trainer; its arguments follow. Raises RunError where there is none."""
    # A crash in native code leaves its trace in the log, too.
    return (sys.executable, "-X", "faulthandler", "-m", trainer_module())


_LEFT: list[subprocess.Popen[bytes]] = []


@contextlib.contextmanager
def _stdout(job: Job) -> Iterator[int | IO[bytes]]:
    if job.trains:
        yield subprocess.DEVNULL
        return
    with job.events.open("wb") as file:
        yield file


def _windows_flags() -> int:
    if sys.platform != "win32":
        return 0
    return (
        subprocess.CREATE_NEW_PROCESS_GROUP
        | subprocess.CREATE_NO_WINDOW
        | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    )


def log_end(path: Path, since: int = 0) -> list[str]:
    """The last lines of a log, of what was written from the byte ``since`` on."""
    try:
        with files_of_others.opened(path) as file:
            file.seek(max(since, file.seek(0, os.SEEK_END) - LOG_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-LOG_LINES:]
