"""Tables of files of others made to do harm: each ends soon, in little memory, in one sentence."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hostile_data
import hostile_models
import hostile_projects
import hostile_runs
import pytest
from attacks import Case, fifo, sparse, unchanged

from shapelab.core.errors import RunError, ShapelabError
from shapelab.core.runs.presets import preset_path
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder, find_runs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes with names")

LONGEST_S = 10.0
MOST_MEMORY = 2**30
Use = Callable[[Path], Iterator[Callable[[], object]]]

TABLES: dict[str, tuple[Iterator[Case], Use, bool]] = {
    "models": (hostile_models.refused(), hostile_models.use, True),
    "models with odd cards": (hostile_models.allowed(), hostile_models.use, False),
    "no runs": (hostile_runs.refused(), hostile_runs.use, True),
    "runs": (hostile_runs.allowed(), hostile_runs.use, False),
    "sources": (hostile_data.sources(), hostile_data.use_source, False),
    "stores": (hostile_data.stores(), hostile_data.use_store, False),
    "shapes": (hostile_data.shapes(), hostile_data.use_shape, False),
    "projects": (hostile_projects.projects(), hostile_projects.use_project, False),
    "journals": (hostile_projects.journals_of_others(), hostile_projects.use_journal, False),
}
CASES = {table: dict(cases) for table, (cases, _, _) in TABLES.items()}


@contextmanager
def within_limits() -> Iterator[None]:
    """Fails what takes too long, also inside one call of the system, or too much memory."""

    def late(*_: object) -> None:
        raise AssertionError("it takes too long")

    before = signal.signal(signal.SIGALRM, late)
    started, began = memory(reset=True), time.process_time()
    signal.setitimer(signal.ITIMER_REAL, 24 * LONGEST_S)  # others may use the processor too
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.process_time() - began < LONGEST_S
    assert memory() - started < MOST_MEMORY


def memory(reset: bool = False) -> int:
    """Peak of this process since the last reset, in bytes; 0 where Linux does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


def sentences(use: Use, folder: Path) -> list[str]:
    """What each way to use it says; whatever is no sentence of the project's fails."""
    said = []
    for call in use(folder):
        try:
            with within_limits():
                call()
        except ShapelabError as error:
            text = unchanged(str(error))
            assert text.endswith("."), text
            assert len(text) < 700, text
            said.append(text)
    return said


LONG = re.compile("100 MB|bomb|expands|a million")


@pytest.mark.parametrize(
    ("table", "name"),
    [
        pytest.param(table, name, marks=pytest.mark.slow if LONG.search(name) else ())
        for table, cases in CASES.items()
        for name in cases
    ],
)
def test_what_would_do_harm_ends_soon_in_one_sentence(
    table: str, name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    CASES[table][name](folder)
    _, use, must_refuse = TABLES[table]
    said = sentences(use, folder)
    shutil.rmtree(folder)  # some take room
    assert said or not must_refuse


def test_there_are_as_many_as_were_found_and_more() -> None:
    counts = {table: len(cases) for table, cases in CASES.items()}
    assert counts["models"] + counts["models with odd cards"] >= 80
    assert counts["no runs"] + counts["runs"] >= 85
    assert counts["sources"] + counts["stores"] + counts["shapes"] >= 70
    assert counts["projects"] + counts["journals"] >= 60


def test_bad_neighbours_hide_no_run(tmp_path: Path) -> None:
    for number, make in enumerate([*CASES["no runs"].values(), *CASES["runs"].values()]):
        folder = tmp_path / f"{number:03d}"
        folder.mkdir()
        if "100 MB" not in list({**CASES["no runs"], **CASES["runs"]})[number]:
            make(folder)
    good = RunFolder(tmp_path / "good")
    good.create(RunConfig(steps=7), tmp_path / "store")
    with within_limits():
        found = find_runs(tmp_path)
    assert sum(run.path == good.path for run in found) == 1
    assert len(found) == len({run.path for run in found})
    assert {run.path.name for run in found} >= {
        f"{len(CASES['no runs']) + number:03d}"
        for number, name in enumerate(CASES["runs"])
        if "100 MB" not in name
    }


def test_a_lock_that_links_somewhere_empties_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.create(RunConfig(steps=7), tmp_path / "store")
    treasure = tmp_path / "thesis"
    treasure.write_text("years of work")
    run.lock.symlink_to(treasure)
    run.commands.symlink_to(treasure)
    assert not run.is_locked()
    with pytest.raises(RunError, match="no plain file"), run.locked():
        pass
    with pytest.raises(RunError, match="link"):
        run.send("stop")
    assert treasure.read_text() == "years of work"
    run.delete()
    assert treasure.read_text() == "years of work"


@pytest.mark.parametrize("make", [fifo, Path.mkdir, lambda p: p.symlink_to("/dev/zero")])
def test_settings_that_are_no_file_are_put_aside(make: Callable[[Path], None]) -> None:
    from shapelab.core.paths import user_folder
    from shapelab.gui.base.settings import WindowSettings

    path = user_folder() / "window.ini"
    path.parent.mkdir(parents=True)
    make(path)
    with within_limits():
        settings = WindowSettings()
        settings.training_runs = (Path("a"),)
        assert WindowSettings().training_runs == (Path("a"),)
    assert os.path.lexists(path.with_suffix(".odd"))


def test_settings_of_10_gb_are_put_aside() -> None:
    from shapelab.core.paths import user_folder
    from shapelab.gui.base.settings import WindowSettings

    path = user_folder() / "window.ini"
    path.parent.mkdir(parents=True)
    sparse(path, 10 * 2**30)
    with within_limits():
        assert WindowSettings().training_runs == ()


@pytest.mark.parametrize("name", ["../../pyproject", "/etc/passwd", "a\0b", "\x1b[31m", ""])
def test_a_preset_is_one_of_those_shipped(name: str) -> None:
    with pytest.raises(RunError, match="There is no preset"):
        preset_path(name)
