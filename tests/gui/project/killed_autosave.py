"""Works and autosaves in children that are killed at random moments: ``KILLS SEED``.

Each child goes on with what the one before left behind, and after some of them a work begins
anew: all steps of it are compared each time. Prints as JSON how many were killed, how many steps
were made, and how many kills hit the middle of a write.
"""

import json
import os
import random
import signal
import sys
import time
import warnings

from PySide6.QtCore import QCoreApplication, QTimer

from shapelab.core.project.journal import Journal, Standing, left_behind, read_journal
from shapelab.core.project.project import Project, SessionPart, open_project
from shapelab.core.project.view_state import ViewState
from shapelab.core.session.session import Session
from shapelab.gui.project.autosave import Autosave
from tests.core.project.random_work import step
from tests.core.session.tiny_model import Model

# No thread runs here yet that a fork could cut off; Python cannot know that of native ones.
warnings.filterwarnings("ignore", category=DeprecationWarning)
kills, rng = int(sys.argv[1]), random.Random(int(sys.argv[2]))
LONGEST_S = 0.25
OF_A_WORK = 20  # children
SOON_MS = 10  # instead of the window's interval: more writes a second to be hit
model = Model()


def opened(folder):
    stored, _ = read_journal(folder)
    return open_project(stored, {model.digest: model}, ViewState()).sessions[0]


def work_on_and_on(written: int) -> None:
    """Never ends; tells how many steps are on the disk."""
    app = QCoreApplication([])
    left = left_behind()
    session = opened(left[0].folder) if left else Session(model, seed=0)

    def take():
        return Project((SessionPart.of(session),), 0, ViewState()), Standing(modified=True)

    autosave = Autosave(take, interval_ms=SOON_MS)
    if left:
        journal = Journal(left[0].folder)
        if not journal.take():
            sys.exit("the journal of the one that was killed is still locked")
        autosave.go_on_with(journal)

    def work() -> None:
        step(session, session.history.newest)
        autosave.touch()

    autosave.written.connect(
        lambda moment: os.write(written, b"%d\n" % moment[0].sessions[0].history.newest)
    )
    autosave.failed.connect(lambda error: sys.exit(str(error)))
    timer = QTimer()
    timer.timeout.connect(work)
    timer.start(3)
    app.exec()


killed = hits = steps = 0
while killed < kills:
    if killed % OF_A_WORK == 0:
        for left in left_behind():
            steps += opened(left.folder).history.newest
            Journal(left.folder).discard()
        expected = Session(model, seed=0)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            work_on_and_on(writing)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = [int(pipe.readline())]  # it has begun
        time.sleep(rng.uniform(0, LONGEST_S))
        os.kill(child, signal.SIGKILL)
        told += [int(line) for line in pipe if line.endswith("\n")]
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(f"a child ended by itself with status {status}")
    killed += 1
    (left,) = left_behind()
    hits += not (left.folder / "journal.jsonl").read_bytes().endswith(b"\n")
    hits += any(left.folder.glob(".*.tmp"))
    found = opened(left.folder)
    if found.history.newest < told[-1]:
        sys.exit(f"step {told[-1]} was written, and only {found.history.newest} are there")
    while expected.history.newest < found.history.newest:
        step(expected, expected.history.newest)
    for each in found.history:
        if each.value.state != expected.history[each.number].value.state:
            sys.exit(f"step {each.number} is another one")
    if (found.state, len(found.gallery)) != (expected.state, len(expected.gallery)):
        sys.exit("another shape is shown")
steps += expected.history.newest
print(json.dumps({"killed": killed, "steps": steps, "in the middle": hits}))
