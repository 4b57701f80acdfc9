"""The training thread: with the real trainer, and with small scripts in its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PySide6.QtCore import QThread

from shapelab.core.runs.events import (
    EventReader,
    Failed,
    Finished,
    Paused,
    Previewed,
    Saved,
    Started,
    StepDone,
    to_line,
)
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from shapelab.gui.base import workers
from shapelab.gui.process import trainer_process
from shapelab.gui.process.live_run import LiveRun
from shapelab.gui.process.trainer_process import Job, attach_job, fit_job, prepare_job, resume_job
from shapelab.gui.process.training_thread import TrainingThread
from tests.trainer.conftest import config, source, store_folder  # noqa: F401  fixtures

S = RunState
LONG = {"steps": 100_000, "warm_start": 2, "validate_every": 10**6, "save_every": 10**6}
PATIENCE_MS = 180_000  # a trainer comes last on a busy machine
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@pytest.fixture(autouse=True)
def no_thread_left(qapp):
    yield
    assert not workers.WorkerThread.live


class Watched:
    """A thread with everything that it said."""

    def __init__(self, qtbot, *jobs: Job) -> None:
        self.qtbot = qtbot
        self.thread = TrainingThread(jobs)
        self.batches: list[list] = []
        self.states: list[RunState] = []
        self.troubles: list = []
        self.outside: list[bool] = []
        self.thread.events.connect(self.batches.append)
        self.thread.state_changed.connect(self.states.append)
        self.thread.troubled.connect(self.troubles.append)
        self.thread.events.connect(
            lambda _: self.outside.append(QThread.currentThread() is self.thread)
        )
        self.thread.launch()

    @property
    def events(self) -> list:
        return [event for batch in self.batches for event in batch]

    def until(self, kind, after: int = 0):
        """The first event of a type behind the first ``after`` ones, once it is there."""

        def found():
            return [event for event in self.events[after:] if isinstance(event, kind)]

        self.qtbot.waitUntil(lambda: bool(found()), timeout=PATIENCE_MS)
        return found()[0]

    def until_state(self, state: RunState) -> None:
        self.qtbot.waitUntil(lambda: self.thread.state is state, timeout=PATIENCE_MS)

    def end(self) -> RunState:
        self.qtbot.waitUntil(self._joined, timeout=PATIENCE_MS)
        return self.thread.state

    def _joined(self) -> bool:
        return self.thread not in workers.WorkerThread.live


@pytest.fixture
def run(config, store_folder, tmp_path) -> RunFolder:  # noqa: F811
    """A run that would take very long; whatever still trains it at the end is ended."""
    folder = RunFolder(tmp_path / "run")
    folder.create(config.model_copy(update=LONG), store_folder)
    yield folder
    _end_trainer_of(folder)


def _owner(folder: RunFolder) -> int | None:
    try:
        return json.loads(folder.owner.read_text("utf-8"))["pid"]
    except OSError:
        return None


def _end_trainer_of(folder: RunFolder) -> None:
    pid = _owner(folder)
    if pid is not None and folder.is_locked():
        os.kill(pid, 9)


@POSIX
def test_a_run_is_watched_steered_stopped_resumed_and_survives_a_kill(qtbot, run):
    watched = Watched(qtbot, resume_job(run.path))
    qtbot.waitUntil(lambda: bool(watched.batches), timeout=PATIENCE_MS)
    assert watched.batches[0] == []  # no history yet
    watched.until(StepDone)
    assert watched.thread.state is S.TRAINING
    watched.thread.send("pause")
    watched.until_state(S.PAUSED)
    seen = len(watched.events)
    for command in ("save", "sample"):  # a paused run can be looked at
        watched.thread.send(command)
    saved, preview = watched.until(Saved), watched.until(Previewed)
    paused = watched.until(Paused)
    assert saved.step == preview.step == paused.step
    watched.qtbot.waitUntil(lambda: watched.thread.state is S.PAUSED, timeout=PATIENCE_MS)
    assert not [event for event in watched.events[seen:] if isinstance(event, StepDone)]
    watched.thread.send("resume")
    assert watched.until(StepDone, after=seen).step > paused.step
    watched.thread.send("stop")
    assert watched.end() is S.STOPPED
    finished = watched.until(Finished)
    assert watched.events[-1] is finished
    assert not any(watched.outside)
    assert watched.states[-2:] == [S.STOPPING, S.STOPPED]
    assert S.SAVING in watched.states
    assert not watched.troubles
    assert not run.is_locked()

    again = Watched(qtbot, resume_job(run.path))
    started = again.until(Started, after=len(watched.events))
    assert again.batches[0] == watched.events  # all of the history, at once
    assert started.step == finished.step
    again.until(StepDone, after=len(watched.events))
    os.kill(_owner(run), 9)
    assert again.end() is S.FAILED
    (trouble,) = again.troubles
    assert "SIGKILL" in trouble.sentence
    assert trouble.sentence.endswith(f"it goes on from step {finished.step}.")


APP = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from shapelab.gui.process.trainer_process import resume_job
from shapelab.gui.process.training_thread import TrainingThread

app = QCoreApplication([])
thread = TrainingThread([resume_job(Path(sys.argv[1]))])
thread.launch()
app.exec()
"""


@POSIX
def test_the_training_outlives_a_killed_app_and_the_next_app_has_all_of_it(qtbot, run):
    app = subprocess.Popen([sys.executable, "-c", APP, str(run.path)])
    try:
        reader, first = EventReader(run.events), []

        def steps() -> list[StepDone]:
            first.extend(reader.read())
            return [event for event in first if isinstance(event, StepDone)]

        qtbot.waitUntil(lambda: bool(steps()), timeout=PATIENCE_MS)
        pid = _owner(run)
        assert os.getsid(pid) == pid  # no signal to the app or its terminal reaches it
        assert os.getpriority(os.PRIO_PROCESS, pid) >= trainer_process.NICE
        session = Path(f"/proc/{pid}/autogroup")
        if session.exists():  # a Linux that shares the processor among sessions first
            assert session.read_text("ascii").split()[-1] == str(trainer_process.NICE)
    finally:
        app.kill()
        app.wait()
    watched = Watched(qtbot, attach_job(run.path))
    watched.until(StepDone, after=len(first) + 3)
    assert watched.events[: len(first)] == first
    assert _owner(run) == pid
    watched.thread.send("pause")
    watched.until_state(S.PAUSED)
    watched.thread.send("resume")
    watched.until_state(S.TRAINING)
    watched.thread.send("stop")
    assert watched.end() is S.STOPPED
    assert isinstance(watched.events[-1], Finished)
    assert not run.is_locked()


@POSIX
def test_a_run_of_a_terminal_is_steered_and_its_sudden_end_is_noticed(qtbot, run):
    (run.path / "commands.txt").write_text("stop\n")  # from before: means nothing
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer", "resume", str(run.path)],
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        qtbot.waitUntil(run.is_locked, timeout=PATIENCE_MS)
        watched = Watched(qtbot, attach_job(run.path))
        watched.until(StepDone)
        watched.thread.send("save")
        saved = watched.until(Saved)
        process.kill()
        assert watched.end() is S.INTERRUPTED
    finally:
        process.kill()
        process.wait()
    assert f"goes on from step {saved.step}" in watched.troubles[0].sentence


HOLDER = """
import sys, time
from pathlib import Path
from shapelab.core.runs.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(300)
"""


@POSIX
def test_a_hung_trainer_of_a_terminal_can_be_ended_from_here(qtbot, run):
    command = [sys.executable, "-c", HOLDER, str(run.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"held\n"
            watched = Watched(qtbot, attach_job(run.path))
            watched.thread.kill()
            assert watched.end() is S.INTERRUPTED
            assert process.wait(20) == -9
        finally:
            process.kill()


def test_a_run_that_nobody_trains_shows_its_history_and_end(qtbot, run):
    lines = [Started(0, 9, "cpu", 1), StepDone(3, {"loss": 1.0}), Finished(3, RunState.STOPPED)]
    run.events.write_text("".join(to_line(event) + "\n" for event in lines))
    watched = Watched(qtbot, attach_job(run.path))
    assert watched.end() is S.STOPPED
    assert watched.batches == [lines]
    assert not watched.troubles


def test_what_the_trainer_says_about_a_bad_start_is_the_sentence(qtbot, tmp_path):
    watched = Watched(qtbot, fit_job(tmp_path / "new", tmp_path / "nothing"))
    assert watched.end() is S.FAILED
    (trouble,) = watched.troubles
    assert str(tmp_path / "nothing") in trouble.sentence
    assert trouble.sentence.endswith(".")
    assert trouble.details.splitlines()[-1] == trouble.sentence


# --- with scripts in the trainer's place ---


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Puts a script in the trainer's place; it finds the job's arguments in sys.argv."""

    def put(text: str) -> None:
        path = tmp_path / "script.py"
        path.write_text("import os, signal, sys, time\n" + textwrap.dedent(text))
        monkeypatch.setattr(
            trainer_process, "trainer_command", lambda: (sys.executable, "-I", "-S", str(path))
        )

    return put


@POSIX
@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "by SIGSEGV"),
        ("os.abort()", "by SIGABRT"),
        ("os._exit(3)", "with exit code 3"),
        ("sys.exit(0)", "with exit code 0"),  # without having finished
    ],
)
def test_a_death_is_told_with_its_last_words(qtbot, tmp_path, script, end, how):
    (tmp_path / "trainer.log").write_text(to_line(Failed(0, "Last week.")) + "\n")
    script(f"print('about to go', file=sys.stderr, flush=True)\n{end}")
    watched = Watched(qtbot, Job("fit", tmp_path, ("fit",)))
    assert watched.end() is S.FAILED
    (trouble,) = watched.troubles
    assert f"ended {how} at step 0" in trouble.sentence
    assert "not saved anything yet" in trouble.sentence
    assert trouble.details == "about to go"


@POSIX
def test_a_full_disk_is_a_trouble_while_it_lasts(qtbot, tmp_path, script):
    script(
        """
        with open(sys.argv[1], "a") as file:
            say = lambda line: (file.write(line + chr(10)), file.flush())
            say('{"event": "started", "step": 0, "steps": 9, "device": "cpu", "processes": 1}')
            say('{"event": "warned", "step": 5, "code": "waiting", "message": "No space left."}')
            sys.stdin.readline()
            say('{"event": "saved", "step": 5, "path": "x"}')
            say('{"event": "step", "step": 6, "metrics": {}}')
            sys.stdin.readline()
            say('{"event": "finished", "step": 6, "reason": "stopped"}')
        """
    )
    live = LiveRun(TrainingThread([Job("fit", tmp_path, (str(tmp_path / "events.jsonl"),))]))
    live.start()
    qtbot.waitUntil(lambda: live.state is S.WAITING and live.trouble is not None)
    assert live.trouble.sentence == "No space left."
    live.send("sample")  # the disk has room again
    qtbot.waitUntil(lambda: live.state is S.TRAINING)
    assert live.trouble is None
    with qtbot.waitSignal(live.ended):
        live.send("stop")
    qtbot.waitUntil(lambda: not workers.WorkerThread.live)


PREPARE_AND_FIT = """
if sys.argv[1] == "prepare":
    for done in (1, 2):
        print('{"event": "prepared", "step": 0, "done": %d, "total": 2}' % done, flush=True)
    print('{"event": "finished", "step": 0, "reason": "completed"}')
else:
    with open(sys.argv[1], "a") as file:
        file.write('{"event": "paused", "step": 0}\\n')
        file.write('{"event": "finished", "step": 1, "reason": "completed"}\\n')
"""


def test_a_preparation_leads_to_the_training(qtbot, tmp_path, script):
    script(PREPARE_AND_FIT)
    run = tmp_path / "run"
    watched = Watched(
        qtbot,
        prepare_job(tmp_path / "meshes", tmp_path / "store"),
        Job("fit", run, (str(run / "events.jsonl"),)),
    )
    assert watched.end() is S.COMPLETED
    assert watched.states[0] is S.PREPARING
    assert watched.states.count(S.COMPLETED) == 1
    assert [type(event).__name__ for event in watched.events] == [
        *["Prepared", "Prepared", "Finished"],
        *["Paused", "Finished"],
    ]


def test_nothing_is_trained_on_data_that_could_not_be_prepared(qtbot, tmp_path, script):
    script("""sys.exit('{"event": "failed", "step": 0, "message": "Nothing solid in them."}')""")
    run = tmp_path / "run"
    watched = Watched(
        qtbot,
        prepare_job(tmp_path / "meshes", tmp_path / "store"),
        Job("fit", run, (str(run / "events.jsonl"),)),
    )
    assert watched.end() is S.FAILED
    assert watched.troubles[0].sentence == "Nothing solid in them."
    assert not run.exists()


def test_a_preparation_can_be_stopped_and_nothing_is_trained_then(qtbot, tmp_path, script):
    script(
        """
        print('{"event": "prepared", "step": 0, "done": 1, "total": 2}', flush=True)
        if sys.stdin.readline() == "stop\\n":
            print('{"event": "finished", "step": 0, "reason": "stopped"}')
        """
    )
    preparation = prepare_job(tmp_path / "meshes", tmp_path / "store")
    watched = Watched(qtbot, preparation, Job("fit", tmp_path / "run", ("fit",)))
    qtbot.waitUntil(lambda: bool(watched.events), timeout=PATIENCE_MS)
    watched.thread.send("stop")
    assert watched.end() is S.STOPPED
    assert watched.thread.current is preparation
    assert not watched.troubles
    assert not (tmp_path / "store").exists()  # it must be empty when the preparation begins
    assert not (tmp_path / "run").exists()


@POSIX
def test_one_that_does_not_answer_can_be_ended(qtbot, tmp_path, script):
    script("signal.pause()")
    watched = Watched(qtbot, Job("fit", tmp_path, ("fit",)))
    watched.thread.send("stop")
    watched.until_state(S.STOPPING)
    watched.thread.kill()
    assert watched.end() is S.FAILED
    assert "SIGKILL" in watched.troubles[0].sentence


def test_an_unknown_command_is_the_callers_mistake(tmp_path):
    with pytest.raises(ValueError, match="none of: pause"):
        TrainingThread([attach_job(tmp_path)]).send("explode")


def test_a_folder_that_cannot_be_made_is_a_sentence(qtbot, tmp_path):
    (tmp_path / "file").write_text("in the way")
    watched = Watched(qtbot, fit_job(tmp_path / "file" / "run", tmp_path))
    assert watched.end() is S.FAILED
    assert "cannot be started" in watched.troubles[0].sentence
