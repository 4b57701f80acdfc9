"""What the tests of the pool have done in other processes; light, as each of them imports it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import time

from shapelab.core.errors import DataError


def double(item: int | str) -> int:
    """Twice a number; words are accidents."""
    if item == "segfault":
        ctypes.string_at(0)
    if item == "killed":
        os.kill(os.getpid(), 9)
    if item == "hang":
        time.sleep(1000)
    if item == "raise":
        raise ValueError("no number")
    if item == "gone":
        raise DataError("the source went away")
    if item == "unpicklable":
        return lambda: None
    if item == "deaf":
        return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return 2 * item


def on_dask(items: list[int | str]) -> list[int | str]:
    """Results, or why there is none, from a small cluster in this process."""
    from distributed import Client

    from trainer.data.prepare.worker_pool import Lost, run

    with Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None):
        pairs = run(double, list(enumerate(items)), backend="dask")
        found = dict(pair for pair in pairs if pair is not None)
    results = [found[k] for k in range(len(items))]
    return [r.reason if isinstance(r, Lost) else r for r in results]


if __name__ == "__main__":
    print(json.dumps(on_dask([*range(10), "raise", 11])))
