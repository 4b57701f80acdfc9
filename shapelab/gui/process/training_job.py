"""One job of a TrainingThread, from its history to its end; runs on that thread, knows no Qt."""

from __future__ import annotations

import contextlib
import queue
import signal
import time
from collections.abc import Callable

from shapelab.core.errors import RunError
from shapelab.core.runs.events import Event, EventReader, Failed, Finished, from_line
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.run_watch import RunWatch, Trouble
from shapelab.gui.process.trainer_process import Job, TrainerProcess, log_end

PERIOD_S = 0.1  # between two looks at the events: ten signals a second
LOCK_PERIOD_S = 1.0  # between two looks at whether somebody else's process still trains
DETACH, KILL = "detach", "kill"  # beside the commands to a run

Commands = queue.SimpleQueue[str]


class Detached(Exception):
    """The watcher was told to let go."""


class JobRun:
    """Starts a job's process, or finds the one that is there, and tells what becomes of it.

    Args:
        job: what to do.
        tell: called with ("events", list), ("state", RunState) and ("trouble", Trouble).
        commands: as ``RunFolder.send`` takes them, ``DETACH`` or ``KILL``, from any thread.
    """

    def __init__(self, job: Job, tell: Callable[[str, object], None], commands: Commands) -> None:
        self._job = job
        self._tell = tell
        self._commands = commands
        self._folder = RunFolder(job.folder)
        self._events = EventReader(job.events)
        self._watch = RunWatch()
        self._process: TrainerProcess | None = None
        self._last: Event | None = None
        self._told: RunState | None = None
        self._locked, self._looked = True, 0.0

    def run(self) -> RunState:
        """Follows the job to its end, which is returned but not told.

        Raises:
            Detached: it was told to; the process, if there is one, runs on.
        """
        try:
            self._begin()
        except RunError as error:
            self._tell("trouble", Trouble(str(error)))
            return RunState.FAILED
        try:
            while True:
                alive = self._alive()  # asked before reading: the last words are not missed
                self._read()
                if not alive:
                    return self._end()
                self._tell_state()
                if self._job.trains and (trouble := self._watch.check_stall()):
                    self._tell("trouble", self._with_log(trouble.sentence))
                    self._tell_state()
                self._obey()
        finally:
            if self._process is not None:
                self._process.leave()

    def _begin(self) -> None:
        if not self._job.trains:
            self._process = TrainerProcess(self._job)
            return
        self._read(always=True)
        if self._job.kind == "fit":
            self._last = None
            self._watch.begin()
            self._tell_state()
            self._process = TrainerProcess(self._job)
        elif self._alive() and isinstance(self._last, Finished):
            self._watch.begin()  # another process has begun and not said so yet

    def _alive(self) -> bool:
        if self._process is not None:
            return self._process.returncode() is None
        now = time.monotonic()
        if self._locked and now - self._looked >= LOCK_PERIOD_S:
            self._locked, self._looked = self._folder.is_locked(), now
        return self._locked

    def _read(self, always: bool = False) -> None:
        events = self._events.read()
        for event in events:
            self._watch.add(event)
            self._last = event
        if events or always:
            self._tell("events", events)

    def _tell_state(self) -> None:
        state = self._watch.state
        if not self._job.trains and state is not RunState.STOPPING:
            state = RunState.PREPARING
        if state is not self._told:
            self._told = state
            self._tell("state", state)
            if state is RunState.WAITING:
                self._tell("trouble", Trouble(self._watch.waits_for))

    def _obey(self) -> None:
        """Does what was asked for; waits a moment for it."""
        try:
            command = self._commands.get(timeout=PERIOD_S)
        except queue.Empty:
            return
        if command == DETACH:
            raise Detached
        if command == KILL:
            self._kill()
            return
        try:
            (self._folder if self._process is None else self._process).send(command)
        except RunError as error:
            self._tell("trouble", Trouble(str(error)))
        else:
            self._watch.note_command(command)

    def _kill(self) -> None:
        try:
            (self._folder.kill_owner if self._process is None else self._process.kill)()
        except RunError as error:
            self._tell("trouble", Trouble(str(error)))

    def _end(self) -> RunState:
        if isinstance(self._last, Finished):
            return self._last.reason
        if self._process is None:
            self._tell("trouble", self._with_log(self._lost()))
            return RunState.INTERRUPTED
        failure, lines = _failure(self._process.last_words())
        self._tell("trouble", Trouble(failure or self._died(), "\n".join(lines)))
        return RunState.FAILED

    def _lost(self) -> str:
        name = self._folder.path.name
        if self._last is None:
            return f"Nobody trains {name} and it has not begun; resume it to begin."
        return f"The process that trained {name} went away. {self._resume_advice()}"

    def _died(self) -> str:
        assert self._process is not None
        code = self._process.returncode() or 0
        how = _signal_text(-code) if code < 0 else f"with exit code {code}"
        if self._job.kind == "prepare":
            return f"The preparation ended {how}; prepare again, which goes on where it was."
        if self._job.kind == "evaluate":
            return f"The evaluation ended {how}; evaluate again."
        if self._job.kind == "export":
            return f"The export ended {how}; export again."
        return f"The training ended {how} at step {self._watch.step}. {self._resume_advice()}"

    def _resume_advice(self) -> str:
        if not self._watch.saved:
            return "It had not saved anything yet; resume it to begin again."
        return f"Resume it: it goes on from step {self._watch.saved}."

    def _with_log(self, sentence: str) -> Trouble:
        lines = log_end(self._job.log) if self._process is None else self._process.last_words()
        return Trouble(sentence, "\n".join(lines))


def _failure(lines: list[str]) -> tuple[str, list[str]]:
    """The sentence of the trainer's own error, if it ended by one, and its lines for people."""
    sentence, readable = "", []
    for line in lines:
        with contextlib.suppress(ValueError):
            event = from_line(line)
            if isinstance(event, Failed):
                sentence = line = event.message
        readable.append(line)
    return sentence, readable


def _signal_text(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if name == "SIGKILL":
        return "by SIGKILL (somebody ended it, or the system ran out of memory)"
    return f"by {name}"
