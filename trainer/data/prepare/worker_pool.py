"""Runs one function on many items in other processes, and outlives whatever they do to it.

A process that dies takes nothing with it but its own item: the pool is started anew, those that
were under way run again one by one, and the one that kills its process a second time is lost. An
item that takes too long is lost together with its process.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shapelab.core import formatting
from shapelab.core.errors import DataError

T = TypeVar("T")
R = TypeVar("R")
LIMIT_S = 300.0  # for one item; the slowest honest mesh takes a tenth of it
START_S = 30.0  # more, until the first result: processes must start and import
BEAT_S = 0.25  # how soon whoever asks for results is heard when none is ready
SHARE = 4  # items that a cluster gets for each of its workers before it is asked again
# Set to 1 in workers: there is one for each core already.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
IDLE_S = 10  # a worker without work ends by itself, should its master be gone


@dataclass(frozen=True)
class Lost:
    """What stands for the result of an item that cost its process."""

    reason: str


def run(
    task: Callable[[T], R],
    items: Sequence[tuple[int, T]],
    workers: int = 0,
    backend: str = "",
    limit_s: float = LIMIT_S,
) -> Iterator[tuple[int, R | Lost] | None]:
    """Yields (number, result) as they come, and None now and then, so that the caller may stop.

    Args:
        task: what to do with an item; it and its results must travel to other processes.
        items: with a number each.
        workers: processes; 0 for one a core. A cluster decides itself.
        backend: "" for processes of this machine; "dask" or "ray" for a cluster, which joblib
            reaches as the environment says (DASK_SCHEDULER_ADDRESS, RAY_ADDRESS).
        limit_s: seconds that one item may take on this machine.

    Raises:
        DataError: there is no such backend here, or the task raised one: it cannot go on.
    """
    if backend:
        yield from _on_cluster(task, items, backend, limit_s)
    else:
        yield from _Local(task, workers or _cores(), limit_s).results(items)


def _cores() -> int:
    """Those that this process may use, by affinity and container."""
    import loky

    return int(loky.cpu_count())


@dataclass(frozen=True)
class _Running(Generic[T]):
    """An item that a process is at work on."""

    number: int
    item: T
    start: float  # monotonic seconds
    suspect: bool  # was there when a process died, and runs alone now


class _Local(Generic[T, R]):
    """Loky's processes, each with one item at a time: so it is known who did what."""

    def __init__(self, task: Callable[[T], R], workers: int, limit_s: float) -> None:
        self._task = task
        self._workers = workers
        self._limit = limit_s
        self._executor: Any = None
        self._fresh = True  # no result came from this executor yet
        self._running: dict[Future[R], _Running[T]] = {}
        self._waiting: deque[tuple[int, T]] = deque()
        self._suspects: deque[tuple[int, T]] = deque()  # each of them runs alone

    def results(self, items: Sequence[tuple[int, T]]) -> Iterator[tuple[int, R | Lost] | None]:
        self._waiting.extend(items)
        try:
            while self._waiting or self._suspects or self._running:
                self._submit()
                done, _ = wait(self._running, timeout=BEAT_S, return_when=FIRST_COMPLETED)
                if not done:
                    yield None
                yield from self._collect(done)
                yield from self._drop_overdue()
        finally:
            self._end(kill=bool(self._running))

    def _submit(self) -> None:
        alone = bool(self._suspects)
        queue = self._suspects if alone else self._waiting
        while queue and len(self._running) < (1 if alone else self._workers):
            number, item = queue.popleft()
            try:
                with _interrupt_blocked():
                    future = self._open().submit(self._task, item)
            except BrokenExecutor:  # a process died between two items
                queue.appendleft((number, item))
                if not self._running:
                    self._end(kill=True)
                return
            self._running[future] = _Running(number, item, time.monotonic(), alone)

    def _collect(self, done: set[Future[R]]) -> Iterator[tuple[int, R | Lost]]:
        unfinished: list[_Running[T]] = []
        for future in done:
            work = self._running.pop(future)
            error = future.exception()
            self._fresh = False
            if error is None:
                yield work.number, future.result()
            elif isinstance(error, DataError):
                raise error
            elif isinstance(error, BrokenExecutor):
                unfinished.append(work)
            else:
                yield work.number, Lost(f"{type(error).__name__}: {error}")
        if not unfinished:
            return
        unfinished += self._running.values()  # no future of a broken pool will come
        self._running.clear()
        self._end(kill=True)
        for work in unfinished:
            if work.suspect:
                reason = "its process died: it is damaged or needs too much memory"
                yield work.number, Lost(reason)
            else:
                self._suspects.append((work.number, work.item))

    def _drop_overdue(self) -> Iterator[tuple[int, Lost]]:
        """Ends the processes when an item is overdue; the others begin again."""
        now = time.monotonic()
        running = list(self._running.values())
        limit = self._limit + (START_S if self._fresh else 0)
        overdue = [r for r in running if now - r.start > limit]
        if not overdue:
            return
        self._running.clear()
        self._end(kill=True)
        self._waiting.extendleft((r.number, r.item) for r in running if r not in overdue)
        for work in overdue:
            yield (
                work.number,
                Lost(f"it took longer than {formatting.duration(self._limit, rough=True)}"),
            )

    def _open(self) -> Any:
        if self._executor is None:
            from loky import ProcessPoolExecutor

            # A worker that has grown by 300 MB is replaced, which is a virtue here and no news.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
            self._executor = ProcessPoolExecutor(
                self._workers,
                timeout=IDLE_S,
                initializer=_set_up_worker,
                initargs=(os.getpid(),),
                env=dict.fromkeys(THREADS, "1"),
            )
            self._fresh = True
        return self._executor

    def _end(self, kill: bool) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=kill)
            self._executor = None


@contextmanager
def _interrupt_blocked() -> Iterator[None]:
    """Processes started in here never hear Ctrl+C, not even while they import; this one does."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _set_up_worker(master: int) -> None:
    """In a worker: Ctrl+C is for the master to answer, and without a master there is no work.

    A group of its own keeps Ctrl+C from the processes that read files for it, too: a reader that
    dies would count against its file.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    if hasattr(os, "getppid"):
        threading.Thread(target=_end_without_master, args=(master,), daemon=True).start()


def _end_without_master(master: int) -> None:
    while os.getppid() == master:
        time.sleep(1)
    os._exit(1)


def _on_cluster(
    task: Callable[[T], R], items: Sequence[tuple[int, T]], backend: str, limit_s: float
) -> Iterator[tuple[int, R | Lost] | None]:
    """Joblib's own backends, some items a worker at a time; what a cluster fails at runs here."""
    with _connected(backend) as joblib:
        size = SHARE * joblib.effective_n_jobs(-1)
        for chunk in (items[k : k + size] for k in range(0, len(items), size)):
            try:
                results = joblib.Parallel(batch_size=1, timeout=limit_s)(
                    joblib.delayed(task)(item) for _, item in chunk
                )
            except DataError:
                raise
            except Exception:  # noqa: BLE001 - every backend has its own for a worker that died
                yield from _Local(task, 1, limit_s).results(chunk)
            else:
                yield from zip((number for number, _ in chunk), results, strict=True)


def _new_client(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except OSError as error:
        place = os.environ.get("DASK_SCHEDULER_ADDRESS", "of this machine")
        raise DataError(
            f"The dask scheduler {place} cannot be reached; start it, or leave --backend out."
        ) from error


@contextmanager
def _connected(backend: str) -> Iterator[Any]:
    """Joblib, with the cluster that the environment names, or a small one on this machine."""
    if backend not in ("dask", "ray"):
        raise DataError(f"There is no backend '{backend}'; use dask or ray.")
    try:
        import joblib

        if backend == "dask":
            from distributed import Client

            try:
                Client.current()  # whoever calls has one
                client: Any = nullcontext()
            except ValueError:
                client = _new_client(Client)
            with client, joblib.parallel_config(backend=backend, n_jobs=-1):
                yield joblib
        else:
            import ray
            from ray.util.joblib import register_ray

            register_ray()
            ray.init(ignore_reinit_error=True)
            try:
                with joblib.parallel_config(backend=backend, n_jobs=-1):
                    yield joblib
            finally:
                ray.shutdown()
    except ImportError as error:
        raise DataError(
            f"The backend {backend} is not installed; `pip install 'shapelab[{backend}]'` does it."
        ) from error
