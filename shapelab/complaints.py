"""What a person is told in the terminal when something fails: one sentence, or all with --debug."""

from __future__ import annotations

import sys
import traceback

from shapelab.core.errors import ShapelabError

_debug = False


def show_tracebacks(wanted: bool) -> None:
    """Whether errors show where they come from."""
    global _debug
    _debug = wanted


def complain(error: BaseException, advice: str = "") -> None:
    """Says an error on standard error; after an unexpected one, what can be done about it."""
    sys.stdout.flush()
    known = isinstance(error, ShapelabError)
    said = error if known else f"unexpected {type(error).__name__}: {error}{advice}"
    print(f"shapelab: {said}", file=sys.stderr)
    if _debug:
        traceback.print_exception(error)
