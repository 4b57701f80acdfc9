"""Many shapes become files: one by one or in several processes, in order, with a bar to watch."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.core.errors import ShapelabError
from shapelab.output import ShapeWriter

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.session.shape_file import SavedShape

#: What was written, in a line, or why it was not.
Outcome = str | ShapelabError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
AHEAD = 3  # shapes a process that are made ready before it is their turn
_model: ShapeModel | None = None  # of this process, where it is one of several


def write_all(
    writer: ShapeWriter,
    model: ShapeModel,
    shape: Callable[[int], SavedShape],
    paths: Sequence[Path],
    jobs: int = 1,
) -> Iterator[Outcome]:
    """Writes the shape of each place to its path; the files are the same with any number of jobs.

    Args:
        writer: how.
        model: that makes them; one without a folder does so in this process.
        shape: makes the shape of a place.
        paths: of the files.
        jobs: how many processes.

    Yields:
        An outcome for each path, in order; one that fails does not stop the others.

    Raises:
        ShapelabError: a process ended in the middle.
    """
    if jobs > 1 and model.folder is not None and len(paths) > 1:
        outcomes = _in_processes(writer, model.folder, shape, paths, min(jobs, len(paths)))
    else:
        outcomes = (
            _tried(partial(_made, writer, model, shape, place, path))
            for place, path in enumerate(paths)
        )
    yield from _watched(outcomes, len(paths))


def _made(
    writer: ShapeWriter,
    model: ShapeModel,
    shape: Callable[[int], SavedShape],
    place: int,
    path: Path,
) -> str:
    return writer.write(model, shape(place), path)


def said(outcome: Outcome) -> str:
    """The line. Raises the ShapelabError where it is one."""
    if isinstance(outcome, ShapelabError):
        raise outcome
    return outcome


def _tried(work: Callable[[], str]) -> Outcome:
    try:
        return work()
    except ShapelabError as error:
        return error


def _in_processes(
    writer: ShapeWriter,
    folder: Path,
    shape: Callable[[int], SavedShape],
    paths: Sequence[Path],
    jobs: int,
) -> Iterator[Outcome]:
    from loky import ProcessPoolExecutor

    one_each = dict.fromkeys(THREADS, "1")  # more threads than cores only wait for each other
    pool = ProcessPoolExecutor(jobs, initializer=_begin, initargs=(folder,), env=one_each)
    waiting: deque[Future[str] | ShapelabError] = deque()
    try:
        for place, path in enumerate(paths):
            try:
                waiting.append(pool.submit(_write, writer, shape(place), path))
            except ShapelabError as error:
                waiting.append(error)
            while len(waiting) > AHEAD * jobs:
                yield _outcome(waiting.popleft())
        while waiting:
            yield _outcome(waiting.popleft())
    except BrokenExecutor:
        raise ShapelabError(
            "A process that made shapes has ended, perhaps for lack of memory; what is not there "
            "yet can be made with fewer --jobs."
        ) from None
    finally:
        pool.shutdown(kill_workers=bool(waiting))


def _begin(folder: Path) -> None:
    global _model
    import signal

    from shapelab.core.model.shape_model import load_model

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the process that began them
    _model = load_model(folder)


def _write(writer: ShapeWriter, shape: SavedShape, path: Path) -> str:
    assert _model is not None
    return writer.write(_model, shape, path)


def _outcome(work: Future[str] | ShapelabError) -> Outcome:
    return work if isinstance(work, ShapelabError) else _tried(work.result)


def _watched(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """The same, with a bar on stderr while they come, where that is a terminal."""
    if total < 2 or not sys.stderr.isatty():
        yield from outcomes
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    terminal, both = Console(stderr=True), sys.stdout.isatty()
    with Progress(*columns, console=terminal, transient=True, redirect_stdout=both) as bar:
        yield from bar.track(outcomes, total=total)
