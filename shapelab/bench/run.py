"""The parts of the benchmark, one after the other; what was measured is kept if one fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from shapelab.bench import commands, curves, dragging, exploring, figures, starting
from shapelab.bench.figures import Figure
from shapelab.core.errors import ExportError, ShapelabError

#: Each takes how often it measures: as usual, and where it has to be quick.
PARTS: dict[str, tuple[Callable[[int], list[Figure]], int, int]] = {
    "start": (starting.measure, 5, 1),
    "slider": (dragging.measure, 200, 40),
    "exploring": (exploring.measure, 30, 3),
    "curves": (curves.measure, 40, 5),
    "commands": (commands.measure, 3, 1),
}
WITHOUT_A_SCREEN = ("commands",)


def run(
    parts: Sequence[str], quick: bool, out: Path | None, compare: Path | None, force: bool
) -> Iterator[str]:
    """Measures parts and says lines about it, last the table.

    Args:
        parts: of ``PARTS``; all of them if there are none.
        quick: measures less often.
        out: where the figures are saved.
        compare: figures of an earlier run.
        force: whether ``out`` may be replaced.

    Raises:
        ShapelabError: there is no screen, a file is in the way or none, or a part failed.
    """
    from shapelab.gui.app import screen_problem

    chosen = [name for name in PARTS if name in parts or not parts]
    earlier = None if compare is None else figures.read(compare)
    if out is not None and os.path.exists(out) and not force:
        raise ExportError(f"{out} is there already; choose another name or say --force.")
    if set(chosen) - set(WITHOUT_A_SCREEN) and (problem := screen_problem(os.environ)):
        raise ShapelabError(problem)
    found: list[Figure] = []
    for name in chosen:
        yield f"measuring: {name} …"
        measure, usual, few = PARTS[name]
        found += measure(few if quick else usual)
        if out is not None:
            figures.save(out, found, force or name != chosen[0])
    yield from figures.table(found, earlier)
    yield _load()


def _load() -> str:
    """Times count only where nobody else was at work."""
    if not hasattr(os, "getloadavg"):
        return ""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    busy = "; others were at work, so only ratios (×) count" if load > cores else ""
    return f"load of the machine over the last minute: {load:.1f} on {cores} cores{busy}"
