"""Threads: the newest request wins, failures arrive as signals, nothing is left running."""

import gc
import threading
import weakref

import pytest
from PySide6.QtCore import QObject, QThread

from shapelab.core.errors import InputError
from shapelab.gui.base import workers
from shapelab.gui.base.workers import LatestOnly, Task


@pytest.fixture(autouse=True)
def no_thread_left(qapp):
    yield
    assert not workers.WorkerThread.live


@pytest.fixture
def latest_only():
    """Makes workers, and stops them whatever becomes of the test."""
    made = []

    def make(function):
        made.append(LatestOnly(function))
        return made[-1]

    yield make
    for worker in made:
        worker.stop()


def test_first_and_last_of_many_submits_are_computed(qtbot, latest_only):
    started, go = threading.Event(), threading.Event()
    computed = []

    def square(number):
        computed.append(number)
        started.set()
        assert go.wait(20)
        return number * number

    worker = latest_only(square)
    results = []
    worker.done.connect(lambda request, result: results.append((request, result)))
    worker.submit(0)
    assert started.wait(20)
    for number in range(1, 100):
        worker.submit(number)
    assert worker.busy
    go.set()
    qtbot.waitUntil(lambda: len(results) == 2)
    assert computed == [0, 99]
    assert results == [(0, 0), (99, 9801)]
    assert not worker.busy


def test_signals_arrive_in_the_gui_thread_and_work_does_not(qtbot, qapp, latest_only):
    worker = latest_only(lambda _: QThread.currentThread() is qapp.thread())
    seen = []
    worker.done.connect(
        lambda _, in_gui: seen.append((in_gui, QThread.currentThread() is qapp.thread()))
    )
    worker.submit(None)
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [(False, True)]


def test_next_request_waits_until_the_result_was_taken(qtbot, latest_only):
    """Results must not pile up while the GUI thread paints."""
    computed, begun = [], {name: threading.Event() for name in "abc"}

    def compute(name):
        computed.append(name)
        begun[name].set()

    worker = latest_only(compute)
    taken = []
    worker.done.connect(lambda name, _: taken.append(name))
    worker.submit("a")
    assert begun["a"].wait(20)
    worker.submit("b")
    assert not begun["b"].wait(0.1)  # this thread takes nothing as long as it waits here
    worker.submit("c")
    qtbot.waitUntil(lambda: taken == ["a", "c"])
    assert computed == ["a", "c"]


def test_the_next_request_is_computed_while_the_result_before_it_is_shown(qtbot, latest_only):
    begun = {number: threading.Event() for number in (1, 2)}
    go = threading.Event()

    def compute(number):
        begun[number].set()
        assert number == 1 or go.wait(20)
        return number

    worker = latest_only(compute)
    shown = []

    def show(number, _result):
        if number == 1:
            worker.submit(2)
            assert begun[2].wait(20)  # nobody has to return from here first
            assert worker.busy
            go.set()
        shown.append(number)

    worker.done.connect(show)
    worker.submit(1)
    qtbot.waitUntil(lambda: shown == [1, 2])
    assert not worker.busy


def test_failure_arrives_as_a_signal_and_the_worker_lives_on(qtbot, latest_only):
    def picky(number):
        if number == 1:
            raise InputError("One is too few; please give two.")
        return number

    worker = latest_only(picky)
    failures, results = [], []
    worker.failed.connect(lambda request, error: failures.append((request, error)))
    worker.done.connect(lambda _, result: results.append(result))
    worker.submit(1)
    qtbot.waitUntil(lambda: bool(failures))
    request, error = failures[0]
    assert request == 1
    assert isinstance(error, InputError)
    assert error.__traceback__ is not None
    worker.submit(2)
    qtbot.waitUntil(lambda: results == [2])


def test_stop_ends_the_thread_and_silences_it(qtbot):
    entered, go = threading.Event(), threading.Event()

    def slow(_):
        entered.set()
        go.wait(20)

    worker = LatestOnly(slow)
    heard = []
    worker.done.connect(lambda *_: heard.append(1))
    worker.submit(1)
    assert entered.wait(20)
    go.set()
    worker.stop()
    worker.submit(2)
    qtbot.wait(1)
    assert heard == []
    assert not worker.busy
    worker.stop()  # a second stop is harmless


def test_stop_before_any_submit():
    LatestOnly(abs).stop()


def test_deleting_the_worker_ends_its_thread(qtbot):
    worker = LatestOnly(abs)
    worker.submit(-1)
    thread = worker._thread
    worker.deleteLater()
    qtbot.waitUntil(lambda: thread not in workers.WorkerThread.live)
    assert thread.isFinished()


def test_task_done_progress_finished(qtbot):
    def work(task):
        task.report(0.5)
        return "result"

    order = []
    task = Task(work)
    task.progress.connect(lambda value: order.append(("progress", value)))
    task.done.connect(lambda value: order.append(("done", value)))
    task.finished.connect(lambda: order.append("finished"))
    assert task.start() is task
    with pytest.raises(RuntimeError):
        task.start()
    qtbot.waitUntil(lambda: "finished" in order)
    assert order == [("progress", 0.5), ("done", "result"), "finished"]
    qtbot.waitUntil(lambda: not workers.WorkerThread.live)


def test_task_failure(qtbot):
    errors = []
    task = Task(lambda _: 1 // 0)
    task.failed.connect(errors.append)
    with qtbot.waitSignal(task.finished):
        task.start()
    assert [type(error) for error in errors] == [ZeroDivisionError]
    qtbot.waitUntil(lambda: not workers.WorkerThread.live)


def test_cancelled_task_only_says_finished(qtbot):
    heard = []
    task = Task(lambda task: task.cancel_event.wait(20))
    task.done.connect(heard.append)
    task.failed.connect(heard.append)
    with qtbot.waitSignal(task.finished):
        task.start()
        task.cancel()
    assert heard == []
    qtbot.waitUntil(lambda: not workers.WorkerThread.live)


@pytest.mark.parametrize("how", ["ended", "failed", "cancelled", "stopped"])
def test_a_task_leaves_its_parent_with_what_its_function_holds(qtbot, how):
    parent, held = QObject(), threading.Event()
    kept = weakref.ref(held)

    def work(task, held=held):
        held.set()
        if how in ("cancelled", "stopped"):
            task.cancel_event.wait(20)
        return 1 // (how != "failed")

    task = Task(work, parent)
    task.done.connect(lambda _result: None)
    task.start()
    assert held.wait(20)
    if how == "stopped":
        task.stop()
    elif how == "cancelled":
        task.cancel()
    del task, work, held
    qtbot.waitUntil(lambda: not parent.children())
    qtbot.waitUntil(lambda: not workers.WorkerThread.live)
    gc.collect()
    assert kept() is None
