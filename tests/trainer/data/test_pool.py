"""The pool gives a result for every item, whatever the others do to their processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from shapelab.core.errors import DataError
from tests.trainer.data.tasks import double
from trainer.data.prepare.worker_pool import Lost, run


@pytest.fixture(autouse=True)
def no_process_left():
    before = set(psutil.Process().children(recursive=True))
    yield
    left = {p for p in psutil.Process().children(recursive=True) if "loky" in " ".join(p.cmdline())}
    assert not {p for p in left - before if "resource_tracker" not in " ".join(p.cmdline())}


def results(items, **options):
    found = [pair for pair in run(double, list(enumerate(items)), **options) if pair is not None]
    assert len(found) == len(items)
    return dict(found)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_item_has_its_result(workers):
    assert results(range(20), workers=workers) == {k: 2 * k for k in range(20)}


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal masks")
def test_ctrl_c_is_for_the_master_alone():
    assert results(["deaf"], workers=1) == {0: True}  # masked already while it was starting
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_nothing_to_do_starts_nothing():
    assert results([]) == {}


def test_accidents_cost_their_own_item_only():
    items = [0, "segfault", 2, 3, "killed", "raise", 6, 7]
    found = results(items, workers=3)
    assert {k: r for k, r in found.items() if not isinstance(r, Lost)} == {
        k: 2 * k for k in (0, 2, 3, 6, 7)
    }
    for k in (1, 4):
        assert "its process died" in found[k].reason
    assert found[5].reason == "ValueError: no number"


def test_an_item_that_hangs_is_given_up_and_the_others_go_on():
    found = results([0, "hang", 2, 3], workers=2, limit_s=3)
    assert found.pop(1) == Lost("it took longer than 3 s")
    assert found == {k: 2 * k for k in (0, 2, 3)}


def test_a_worker_that_dies_idle_costs_no_item():
    work = run(double, list(enumerate(range(5))), workers=1)
    first = next(pair for pair in work if pair is not None)
    for child in psutil.Process().children():
        if "LokyProcess" in " ".join(child.cmdline()):
            child.kill()
            child.wait()
    assert {first, *(pair for pair in work if pair)} == {(k, 2 * k) for k in range(5)}


def test_what_concerns_all_items_stops_them():
    with pytest.raises(DataError, match="went away"):
        results([0, "gone", 2], workers=1)


def test_who_stops_pulling_ends_the_processes():
    work = run(double, [(0, 0), (1, "hang"), (2, "hang")], workers=2)
    first = next(pair for pair in work if pair is not None)
    assert first == (0, 0)
    assert next(work) is None  # heard while nothing is ready
    work.close()


def test_an_unknown_or_missing_backend_is_one_sentence(monkeypatch):
    with pytest.raises(DataError, match="no backend 'slurm'"):
        results([1], backend="slurm")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DataError, match=r"pip install 'shapelab\[ray\]'"):
        results([1], backend="ray")
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(DataError, match=r"pip install 'shapelab\[dask\]'"):
        results([1], backend="dask")


def test_a_dask_scheduler_that_is_not_there_is_one_sentence(tmp_path):
    pytest.importorskip("distributed", reason="dask is not installed")
    done = subprocess.run(  # a process of its own, since Dask leaves threads behind
        [sys.executable, "-m", "trainer", "prepare", "procedural:1", "--out", str(tmp_path / "s"),
         "--views", "0", "--backend", "dask"],
        env=os.environ | {
            "DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:1",
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s",
        },
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "trainer: The dask scheduler tcp://127.0.0.1:1 cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_dask_does_the_same():
    pytest.importorskip("distributed", reason="dask is not installed")
    done = subprocess.run(  # a process of its own, since Dask leaves threads behind
        [sys.executable, "-m", "tests.trainer.data.tasks"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [*(2 * k for k in range(10)), "ValueError: no number", 22]
