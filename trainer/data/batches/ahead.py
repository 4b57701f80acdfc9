"""Makes the next batch in a thread while the one before is learnt from."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from .batches import Batch

#: What makes a batch, and of what: a pure function, so that it does not matter who calls it, when.
Request = tuple[Callable[..., Batch], tuple[Hashable, ...]]


class Ahead:
    """One batch ahead; numpy and zlib let go of Python's lock for most of the making."""

    def __init__(self) -> None:
        self._helper: ThreadPoolExecutor | None = None
        self._next: tuple[Request, Future[Batch]] | None = None

    def take(self, wanted: Request, after: Request | None) -> Batch:
        """A batch, made before if it was asked for as ``after`` of the last one.

        What its making raises is raised here.

        Args:
            wanted: the batch.
            after: what is probably wanted next, begun at once; None where nobody knows.
        """
        batch = self._made(wanted)
        if after is not None:
            self._helper = self._helper or ThreadPoolExecutor(1, "batches")
            make, of = after
            self._next = after, self._helper.submit(make, *of)
        return batch

    def _made(self, wanted: Request) -> Batch:
        known, self._next = self._next, None
        if known is not None and known[0] == wanted:
            return known[1].result()
        if known is not None and not known[1].cancel():
            wait([known[1]])  # one at a time: it would only slow the other
        make, of = wanted
        return make(*of)

    def close(self) -> None:
        """Ends the thread, with the batch that it is at."""
        self._next = None
        if self._helper is not None:
            self._helper.shutdown(cancel_futures=True)
            self._helper = None
