"""One window writes a project; a lock that was left behind by a killed process locks nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shapelab.core.paths import user_folder
from shapelab.core.project.project_lock import ProjectLock

HOLD = """
import sys, time
from pathlib import Path
from shapelab.core.project.project_lock import ProjectLock
lock = ProjectLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


def test_the_second_window_is_told_and_follows_when_the_first_has_gone(tmp_path: Path) -> None:
    project = tmp_path / "a.shapelab"
    project.write_bytes(b"")
    first, second = ProjectLock(project), ProjectLock(project)
    assert first.acquire()
    assert first.acquire(), "who has it has it"
    assert not second.acquire()
    assert second.holder() == os.getpid()
    assert ProjectLock(tmp_path / "b.shapelab").acquire(), "another project is another one"
    first.release()
    first.release()
    assert second.acquire()
    second.release()
    assert second.holder() is None
    assert list(tmp_path.iterdir()) == [project], "nothing beside the user's file"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_the_same_project(tmp_path: Path) -> None:
    project, link = tmp_path / "a.shapelab", tmp_path / "link.shapelab"
    project.write_bytes(b"")
    link.symlink_to(project)
    first = ProjectLock(project)
    assert first.acquire()
    assert not ProjectLock(link).acquire()
    first.release()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    project = tmp_path / "a.shapelab"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"True\n"
        lock = ProjectLock(project)
        assert not lock.acquire()
        assert lock.holder() == child.pid
        child.send_signal(signal.SIGKILL)
        child.wait(60)
        assert lock.acquire()
        lock.release()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes with names")
def test_where_nothing_can_be_locked_the_project_can_still_be_written(tmp_path: Path) -> None:
    lock = ProjectLock(tmp_path / "a.shapelab")
    assert lock.acquire()
    lock.release()
    (file,) = (user_folder() / "locks").glob("*.lock")
    file.unlink()
    os.mkfifo(file)
    assert lock.acquire()
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("no folder")
    assert lock.acquire()
