"""Threads for the window: newest-request-wins computing and single long tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

STACK_BYTES = 16 * 1024 * 1024  # macOS gives a QThread 512 KB, too little for BLAS
_NOTHING: Any = object()


class WorkerThread(QThread):
    """Runs one Python function; stays alive until it has ended, whatever becomes of its owner."""

    outcome = Signal(object)
    live: set[WorkerThread] = set()  # noqa: RUF012  a QThread collected while it runs aborts the process

    def __init__(self, body: Callable[[WorkerThread], None]) -> None:
        super().__init__()
        self._body: Callable[[WorkerThread], None] | None = body
        self.setStackSize(STACK_BYTES)
        self.finished.connect(self.join, Qt.ConnectionType.QueuedConnection)

    def launch(self) -> None:
        WorkerThread.live.add(self)
        self.start()

    def run(self) -> None:
        if self._body is not None:
            self._body(self)

    @Slot()
    def join(self) -> None:
        """Wait for the end (`finished` is emitted a moment before it) and forget the thread.

        It lets go of what its function holds, for whoever still holds the thread.
        """
        self.wait()
        self._body = None
        WorkerThread.live.discard(self)


class _Mailbox:
    """One pending request, overwritten by newer ones, and how far the last result has come."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._pending = _NOTHING
        self._taken = self._done = True
        self._closed = False

    def put(self, request: Any) -> None:
        with self._wake:
            self._pending = request
            self._wake.notify()

    def result_taken(self) -> None:
        """The next request may start."""
        with self._wake:
            self._taken = True
            self._wake.notify()

    def result_done(self) -> None:
        """Everybody has heard of the result."""
        with self._wake:
            self._done = self._taken

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()

    def next(self) -> Any:
        """The newest request, once the result before it has been taken; `_NOTHING` at the end."""
        with self._wake:
            self._wake.wait_for(
                lambda: self._closed or (self._taken and self._pending is not _NOTHING)
            )
            if self._closed:
                return _NOTHING
            request, self._pending = self._pending, _NOTHING
            self._taken = self._done = False
            return request

    @property
    def busy(self) -> bool:
        with self._wake:
            return not self._done or self._pending is not _NOTHING


class LatestOnly(QObject):
    """Computes the newest request on its own thread; older pending ones are dropped.

    The next request starts when the GUI thread takes the last result, so that results never pile up
    behind a slow paint, every computation starts from the newest slider position, and what is
    computed next runs beside the drawing of what came before.

    Args:
        function: called on the worker thread with one request; returns its result.
        parent: the Qt parent.
    """

    done = Signal(object, object)  # request, result
    failed = Signal(object, object)  # request, exception

    def __init__(self, function: Callable[[Any], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        mailbox = _Mailbox()

        def body(thread: WorkerThread) -> None:
            while (request := mailbox.next()) is not _NOTHING:
                try:
                    thread.outcome.emit((request, function(request), None))
                except Exception as error:
                    thread.outcome.emit((request, None, error))
                request = None  # while the next one is awaited: it may hold a model that was left

        self._mailbox = mailbox
        self._thread: WorkerThread | None = None
        self._body = body
        self._stopped = False
        self.destroyed.connect(mailbox.close)

    @property
    def busy(self) -> bool:
        """Whether a request waits, is being computed, or its result was not delivered yet."""
        return not self._stopped and self._mailbox.busy

    def submit(self, request: Any) -> None:
        """Ask for `request`; it replaces one that has not started. Ignored after `stop()`."""
        if self._stopped:
            return
        self._mailbox.put(request)
        if self._thread is None:
            self._thread = WorkerThread(self._body)
            self._thread.outcome.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
            self._thread.launch()

    def stop(self) -> None:
        """Drop what is pending, wait for the running computation and end the thread."""
        self._stopped = True
        self._mailbox.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @Slot(object)
    def _deliver(self, outcome: tuple[Any, Any, Exception | None]) -> None:
        if self._stopped:
            return
        request, result, error = outcome
        self._mailbox.result_taken()
        try:
            if error is None:
                self.done.emit(request, result)
            else:
                self.failed.emit(request, error)
        finally:
            self._mailbox.result_done()


class Task(QObject):
    """Runs `function(task)` once on a thread of its own.

    The function may look at `task.cancel_event` and call `task.report(value)`. All signals arrive
    in the GUI thread; `finished` always comes last, also after `cancel()`, which silences the
    others. It deletes itself then, with what its function holds: its parent lives longer.
    """

    done = Signal(object)  # result
    failed = Signal(object)  # exception
    progress = Signal(object)  # what the function reported
    finished = Signal()

    def __init__(self, function: Callable[[Task], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cancel_event = threading.Event()
        self._function = function
        self._thread: WorkerThread | None = None
        self.destroyed.connect(self.cancel_event.set)

    def start(self) -> Task:
        """Start; returns itself, so `self._task = Task(work).start()` reads well."""
        if self._thread is not None:
            raise RuntimeError("This task runs already.")

        def body(thread: WorkerThread) -> None:
            try:
                thread.outcome.emit(("done", self._function(self)))
            except Exception as error:
                thread.outcome.emit(("failed", error))

        self._thread = WorkerThread(body)
        self._thread.outcome.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._thread.launch()
        return self

    def report(self, value: Any) -> None:
        """Send `value` to `progress`; called by the function, on its thread."""
        if self._thread is not None:
            self._thread.outcome.emit(("progress", value))

    def cancel(self) -> None:
        """Ask the function to end; whatever it returns or raises is ignored."""
        self.cancel_event.set()

    def stop(self) -> None:
        """Cancel and wait for the thread; no signal comes afterwards."""
        self.cancel()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.outcome.disconnect(self._deliver)
            thread.join()
            self.deleteLater()

    @Slot(object)
    def _deliver(self, outcome: tuple[str, Any]) -> None:
        kind, value = outcome
        cancelled = self.cancel_event.is_set()
        if kind == "progress":
            if not cancelled:
                self.progress.emit(value)
            return
        self._thread = None
        if not cancelled:
            (self.done if kind == "done" else self.failed).emit(value)
        self.finished.emit()
        self.deleteLater()
